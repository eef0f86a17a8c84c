/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Head, and what is proved against it. Each Head wants a checkpoint over what was recorded before it, its own
 * reading included, and a checkpoint is a write and a signature: so there is at most one a second for all
 * who ask, who wait for it together.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "loaderd/warden/request-audit.h"
#include "loaderd/warden/request-policy.h"

#define HEAD_PAUSE 1000000 /* µs */

struct heading {
	struct heading *next;
	uint64_t connection, call;
};

static void refuse(const struct rows *to, const struct refusal *refusal)
{
	reply_refusal(to->w, to->connection, to->call, refusal);
}

/* --- head --------------------------------------------------------------------------------------------- */

static void send_head(const struct rows *to, const struct refusal *failed)
{
	const char *note = audit_last_checkpoint(to->w->audit);
	struct audit_state state;
	json_t *row;

	/* An older one is better than none: verification then names the records that it does not cover. */
	if (!*note) {
		refuse(to, failed);
		return;
	}
	audit_describe(to->w->audit, &state);
	row = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "origin", state.origin, "key", state.key,
			"checkpoint", note, "base", (json_int_t)state.base, "first", (json_int_t)state.first,
			"last", (json_int_t)state.last);
	if (row && state.removed[0])
		json_object_set_new(row, "removed", json_string(state.removed));
	rows_send(to, row);
	reply_end(to->w, to->connection, to->call);
}

static int on_header(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct warden *w = userdata;
	struct heading *list = w->headings;
	struct refusal refusal = { 0 };
	int r;

	(void)source;
	w->headings = NULL;
	/* First what requests wait for: the checkpoint's commit must not decide about them. */
	record_commit(w);
	r = audit_checkpoint(w->audit, &refusal);
	if (r < 0)
		r = refusal_set(&refusal, REFUSAL_AUDIT_UNAVAILABLE, "checkpoint", "%s", strerror(-r));
	if (r)
		process_log(4, "no checkpoint of the audit log could be made: %s", refusal.reason);
	w->headed = audit_head(w->audit);
	w->headed_at = usec;
	while (list) {
		struct heading *h = list;

		list = h->next;
		send_head(&(struct rows){ .w = w, .connection = h->connection, .call = h->call }, &refusal);
		free(h);
	}
	return 0;
}

static int arm(struct warden *w)
{
	uint64_t now = 0, at = w->headed_at ? w->headed_at + HEAD_PAUSE : 0;
	int r = 0;

	/* Nothing was recorded since: there is nothing to write either. */
	if (audit_head(w->audit) == w->headed)
		at = 0;
	(void)sd_event_now(w->event, CLOCK_MONOTONIC, &now);
	if (at < now)
		at = now;
	if (!w->header)
		r = sd_event_add_time(w->event, &w->header, CLOCK_MONOTONIC, at, 1000, on_header, w);
	if (r >= 0)
		r = sd_event_source_set_time(w->header, at);
	return r < 0 ? r : sd_event_source_set_enabled(w->header, SD_EVENT_ONESHOT);
}

int head_begin(struct warden *w, const struct message *m)
{
	struct heading *h;
	int r = w->headings ? 0 : arm(w);

	if (r < 0)
		return r;
	h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct heading){ .next = w->headings, .connection = m->connection, .call = m->call };
	w->headings = h;
	return 0;
}

void headings_forget(struct warden *w, uint64_t connection)
{
	struct heading **p = &w->headings;

	while (*p) {
		struct heading *h = *p;

		if (h->connection == connection) {
			*p = h->next;
			free(h);
		} else {
			p = &h->next;
		}
	}
}

void headings_free_all(struct warden *w)
{
	while (w->headings)
		headings_forget(w, w->headings->connection);
	w->header = sd_event_source_disable_unref(w->header);
}

/* --- checkpoints and proofs --------------------------------------------------------------------------- */

static int on_checkpoint(const char *note, size_t size, void *userdata)
{
	rows_send(userdata, json_pack("{s:o}", "checkpoint", json_stringn(note, size)));
	return 0;
}

void checkpoints_send(struct warden *w, const struct message_audit_checkpoints *m)
{
	struct rows to = { .w = w, .connection = m->m.connection, .call = m->m.call };
	uint32_t limit = m->limit > AUDIT_QUERY_MAX ? AUDIT_QUERY_MAX : (uint32_t)m->limit;
	struct refusal refusal = { 0 };
	int r = audit_checkpoints(w->audit, m->above, limit, on_checkpoint, &to, &refusal);

	if (r < 0)
		r = refusal_set(&refusal, REFUSAL_AUDIT_UNAVAILABLE, "checkpoints", "%s", strerror(-r));
	if (r)
		refuse(&to, &refusal);
	else
		reply_end(w, to.connection, to.call);
}

static int prove(struct warden *w, const struct message_audit_prove *m, struct tree_proof *ret,
		 struct refusal *refusal)
{
	const char *subject = m->seq ? "seq" : "from";
	int r = m->seq ? audit_prove_inclusion(w->audit, m->seq, m->size, ret, refusal)
		       : audit_prove_consistency(w->audit, m->from, m->size, ret, refusal);

	if (r == -ENOENT)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, subject,
				   "the records that would prove it were removed by retention");
	if (r < 0)
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "prove", "%s", strerror(-r));
	return r;
}

void proof_send(struct warden *w, const struct message_audit_prove *m)
{
	const struct rows to = { .w = w, .connection = m->m.connection, .call = m->m.call };
	struct refusal refusal = { 0 };
	struct tree_proof proof;
	char hex[DIGEST_HEX_MAX];
	json_t *hashes;

	if (prove(w, m, &proof, &refusal)) {
		refuse(&to, &refusal);
		return;
	}
	hashes = json_array();
	for (size_t i = 0; i < proof.n; i++)
		json_array_append_new(hashes, json_string(digest_to_hex(proof.hash[i], hex)));
	rows_send(&to, json_pack("{s:o}", "hashes", hashes));
	reply_end(w, to.connection, to.call);
}
