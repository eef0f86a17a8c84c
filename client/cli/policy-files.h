/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Policies from files that the caller may read, without the daemon: what `policy check` and `policy test`
 * share.
 */
#include <stdbool.h>
#include <stddef.h>

#include "client/cli/cli.h"
#include "format/config.h"
#include "policy/policy.h"

/* Names of this host, and with `assume` a number of its own for each user and group that it does not know:
 * from ASSUMED_ID_FIRST on, so that a range of uids for people does not contain it. */
#define ASSUMED_ID_FIRST 4000000000U

struct host_names {
	bool assume;
	char **assumed; /* "group shop-dev" has the number ASSUMED_ID_FIRST plus its index */
	size_t n_assumed;
	struct policy_resolver resolver; /* by host_names_init() */
};

void host_names_init(struct host_names *names, bool assume);
void host_names_done(struct host_names *names);

/* Reads directories in order of precedence, and single files, as the daemon would layer them; no path: its
 * own. Named ones may belong to anybody and links are followed, since nothing is granted by looking.
 * CLI_CONTINUE with the policy and its number of sections, or an exit code after telling what is wrong; in
 * JSON, a refusal is told on standard output. */
int policy_files_open(const struct cli *cli, char *const *paths, size_t n, const struct host_names *names,
		      struct policy **ret_policy, size_t *ret_n_sections);

/* Adds a text file of any owner. 0, a refusal or -errno. */
int policy_files_add(struct config *config, const char *path, struct refusal *refusal);

/* Tells a refusal or error: "FILE:LINE:COLUMN: reason", as compilers do, or one object. Returns CLI_FAILED.
 */
int policy_files_tell(const struct cli *cli, const char *path, int r, const struct refusal *refusal);
