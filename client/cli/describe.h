/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <jansson.h>
#include <stdint.h>

struct cli;

/* All that Describe says of a bundle, with printable strings; the caller releases it. NULL if the daemon does
 * not tell. serial 0: the newest. */
json_t *describe_probe(const char *probe, uint64_t serial);

/* Its parameters alone, an array of type Parameter: NULL, then the names of values are not known. */
json_t *describe_values(const char *probe, uint64_t serial);

/* The parameters of a probe, an array of type Parameter, printable; the caller releases it. CLI_CONTINUE or
 * an exit code, told. serial 0: the newest. */
int describe_parameters(const struct cli *cli, const char *probe, uint64_t serial, json_t **ret);
