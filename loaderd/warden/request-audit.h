/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What request-audit.c and audit-listing.c share. */
#include "loaderd/warden/warden.h"

/* One call of a reader: a copy of the gate's record. */
union audit_call {
	struct message m;
	struct message_audit_query query;
	struct message_audit_checkpoints checkpoints;
	struct message_audit_prove prove;
	struct message_audit_text text;
};

/* Answers Query in steps, whenever the loop has nothing more urgent. -errno: nothing was begun. */
int listing_begin(struct warden *w, const struct message_audit_query *query);
