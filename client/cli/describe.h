/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <jansson.h>
#include <stdint.h>

struct cli;

/* The fields of a probe's events, an array of type Field with printable strings; the caller releases it. NULL
 * if the daemon does not tell: then numbers are shown without units. */
json_t *describe_event(const char *probe, uint64_t serial);

/* The same for its parameters, of type Parameter: NULL, then the names of values are not known. */
json_t *describe_values(const char *probe, uint64_t serial);

/* The parameters of a probe, an array of type Parameter, printable; the caller releases it. CLI_CONTINUE or
 * an exit code, told. serial 0: the newest. */
int describe_parameters(const struct cli *cli, const char *probe, uint64_t serial, json_t **ret);
