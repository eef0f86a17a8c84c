/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The daemon's policy as text.
 */
#include "client/cli/cli.h"
#include "format/config.h"

struct policy_text {
	char *text; /* as the daemon sent it: not for the terminal */
	size_t size;
};

/* That in force when audit record `at` was written (0: now), or with on_disk that which the last dry run of a
 * reload read. The caller frees ret->text. With may_deny, PolicyDenied is CLI_DENIED without a word.
 * Otherwise CLI_CONTINUE or an exit code, told. */
int policy_text_get(const struct cli *cli, uint64_t at, bool on_disk, bool may_deny, struct policy_text *ret);

/* The sections of the policy in force, or with on_disk those of the dry run; the caller frees. CLI_CONTINUE
 * or an exit code, told. */
int policy_text_sections(const struct cli *cli, bool on_disk, struct config **ret);

/* Prints it, line by line without what a terminal would obey. */
void policy_text_print(const struct policy_text *text);
