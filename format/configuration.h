/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * bpfwarden.conf: what the daemon itself goes by, see bpfwarden.conf(5). Unlike policy it has defaults, and
 * they are the ones that lose nothing: no record is removed.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/limits.h"
#include "common/refusal.h"
#include "format/config.h"

struct configuration {
	uint64_t audit_keep;         /* s; 0: for ever */
	uint64_t audit_segment_size; /* bytes */
	const char *path;            /* one of those that were asked for; NULL: there is no file */
};
#define CONFIGURATION_INIT                                \
	{                                                 \
		.audit_segment_size = AUDIT_SEGMENT_SIZE, \
	}

/* Reads the first of n files that exists, whole, each opened as by config_add_file(). No file, or an empty
 * one, leaves the defaults. On a refusal (REFUSAL_INVALID_ARGUMENT, subject file:line:column) or an error
 * *ret stays as it was. */
int configuration_load(const char *const *paths, size_t n, uid_t owner, struct configuration *ret,
		       struct refusal *refusal);

/* The same, of what is in a config that allows sections without a name. */
int configuration_parse(const struct config *config, struct configuration *ret, struct refusal *refusal);

/* "keep = 400d, segment-size = 64M, of /etc/bpfwarden/bpfwarden.conf". */
#define CONFIGURATION_TEXT_MAX 512
void configuration_describe(const struct configuration *c, char ret[CONFIGURATION_TEXT_MAX]);
