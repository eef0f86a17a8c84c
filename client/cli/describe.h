/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <jansson.h>
#include <stdint.h>

/* The fields of a probe's events, an array of type Field with printable strings; the caller releases it. NULL
 * if the daemon does not tell: then numbers are shown without units. */
json_t *describe_event(const char *probe, uint64_t serial);
