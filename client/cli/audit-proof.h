/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * That a record is in the signed tree, and that this is the one which the auditor knows: checked here and not
 * believed. RFC 6962, section 2.1.
 */
#include "audit/tree/tree.h"
#include "client/cli/audit-client.h"

struct audit_inclusion {
	struct audit_head head;
	uint64_t index; /* of the leaf */
	uint8_t leaf[DIGEST_SIZE];
	struct tree_proof proof;
	char remembered[CLI_TEXT_MAX]; /* how key and tree go with what audit verify remembers, in words */
	uint64_t remembered_size; /* the tree of so many leaves was proved to be its beginning; 0: none */
	const char *problem;      /* NULL: it is proved; borrows from remembered */
};

/* Asks for the newest checkpoint and the proof that the record with these bytes is in its tree.
 * audit_inclusion_clear() in any case but an exit code. */
int audit_inclusion_read(struct bpfwarden *connection, uint64_t seq, const char *line, size_t size,
			 struct audit_inclusion *ret);
void audit_inclusion_clear(struct audit_inclusion *inclusion);
