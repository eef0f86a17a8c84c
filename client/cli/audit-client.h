/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Reading the log over the socket: what the verbs of audit share. Functions return CLI_CONTINUE or an exit
 * code, and have then told why.
 */
#include "audit/tree/note.h"
#include "client/cli/cli.h"

/* One call of io.bpfwarden.Audit with one reply. Parameters are taken and may be NULL; *ret, exactly as it
 * came, is the caller's. */
int audit_ask(struct bpfwarden *connection, const char *method, json_t *parameters, json_t **ret);

/* One call of Query. */
struct audit_page {
	struct bpfwarden *connection;
	json_t *parameters; /* taken */
	bool follow;        /* waits for ever */
	int (*row)(void *data, const struct bpfwarden_reply *reply);
	void *data;
	uint64_t next; /* where another call goes on; 0: this was all */
	int lost;      /* with CLI_FAILED: the -errno of a connection that broke, untold */
};
int audit_page_read(struct audit_page *page);

/* What Head says, and whether that holds together. */
struct audit_head {
	json_t *reply; /* the strings borrow from it */
	const char *vkey, *note;
	uint64_t base, first, last;
	struct note_key key;
	struct checkpoint checkpoint;
	const char *problem; /* NULL: the key has signed the checkpoint, and both are of this log */
};
int audit_head_read(struct bpfwarden *connection, struct audit_head *ret);
/* Frees what it holds, not itself. */
void audit_head_clear(struct audit_head *head);
