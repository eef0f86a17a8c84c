/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The copies of records that the journal has, for comparison.
 */
#include "audit/verify/verify.h"
#include "client/cli/cli.h"

#define AUDIT_COPIES_MAX (64U << 20)

struct audit_copies {
	struct verify_copy *items; /* by ascending sequence */
	size_t n;
};

/* From this host's journal: what a process of the warden's user has sent, and nobody else. file: from lines
 * of "journalctl -o json" in it instead, "-" for standard input. CLI_CONTINUE or an exit code, already told.
 */
int audit_copies_read(const char *file, struct audit_copies *ret);
void audit_copies_clear(struct audit_copies *copies);
