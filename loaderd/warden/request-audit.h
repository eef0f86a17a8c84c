/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the files share that answer io.bpfwarden.Audit. */
#include "loaderd/warden/warden.h"

/* One call of a reader: a copy of the gate's record. */
union audit_call {
	struct message m;
	struct message_audit_query query;
	struct message_audit_checkpoints checkpoints;
	struct message_audit_prove prove;
	struct message_audit_text text;
};

/* audit-head.c. Head is answered once all that was recorded before it is in a signed checkpoint. -errno:
 * nothing was begun. */
int head_begin(struct warden *w, const struct message *m);
void checkpoints_send(struct warden *w, const struct message_audit_checkpoints *m);
void proof_send(struct warden *w, const struct message_audit_prove *m);

/* audit-listing.c. Answers Query in steps, whenever the loop has nothing more urgent. -errno: nothing was
 * begun. */
int listing_begin(struct warden *w, const struct message_audit_query *query);
