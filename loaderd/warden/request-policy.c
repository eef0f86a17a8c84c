/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy itself: loaded again, its sections that concern the caller, its text. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "loaderd/warden/request-policy.h"

#define TEXT_PIECE 12288 /* bytes of a row, which escapes make six times as long at most */

void rows_send(const struct rows *to, json_t *row)
{
	char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;

	if (text)
		reply_text(to->w, to->connection, to->call, text, strlen(text));
	free(text);
	json_decref(row);
}

/* At a line's end if there is one: no character is cut in two. */
static size_t piece_of(const char *text, size_t size)
{
	const char *end;

	if (size <= TEXT_PIECE)
		return size;
	end = memrchr(text, '\n', TEXT_PIECE);
	return end ? (size_t)(end - text) + 1 : TEXT_PIECE;
}

void rows_send_text(const struct rows *to, const char *key, const char *digest, const char *text, size_t size)
{
	size_t at = 0, n;

	do {
		json_t *row;

		n = piece_of(text + at, size - at);
		row = json_pack("{s:o}", key, json_stringn(text + at, n));
		if (row && digest && at == 0)
			json_object_set_new(row, "digest", json_string(digest));
		rows_send(to, row);
		at += n;
	} while (at < size);
	reply_end(to->w, to->connection, to->call);
}

bool may_look(struct warden *w, const struct connection *c, struct policy_decision *ret)
{
	return may(w, c, POLICY_POLICY_RELOAD, NULL, ret) || may(w, c, POLICY_AUDIT_READ, NULL, ret);
}

int request_refuse(struct warden *w, const struct connection *c, uint64_t call, const struct refusal *refusal)
{
	reply_refusal(w, c->number, call, refusal);
	return 0;
}

const struct policy *policy_meant(const struct warden *w, uint32_t flags, struct refusal *refusal)
{
	if (!(flags & MESSAGE_FLAG_ON_DISK))
		return w->policy;
	if (!w->candidate)
		refusal_set(
			refusal, REFUSAL_INVALID_ARGUMENT, "on_disk",
			"nothing was read from disk: run bpfwarden policy diff, or call Reload with dry_run");
	return w->candidate;
}

/* --- reload ------------------------------------------------------------------------------------------- */

int request_policy_reload(struct warden *w, struct connection *c, const struct message_flags *m)
{
	struct policy_change change;
	struct policy_decision decision;
	struct refusal refusal = { 0 };

	if (!may(w, c, POLICY_POLICY_RELOAD, NULL, &decision))
		return request_forbid(w, c, m->m.call, "policy-reload", "reload the policy", &decision);
	if (!(m->flags & MESSAGE_FLAG_DRY_RUN))
		configuration_reload(w, c);
	if (policy_reload(w, c, m->flags & MESSAGE_FLAG_DRY_RUN, &refusal, &change))
		return request_refuse(w, c, m->m.call, &refusal);
	if (m->flags & MESSAGE_FLAG_DRY_RUN)
		change.n_waiting = 0;
	policy_reply(w, c->number, m->m.call, &change);
	return 0;
}

/* --- mine --------------------------------------------------------------------------------------------- */

static int on_mine(void *userdata, const struct policy_explanation *e)
{
	if (e->concerns)
		rows_send(userdata, json_pack("{s:s, s:s, s:s, s:i}", "kind", e->kind, "name", e->name,
					      "file", e->file, "line", (int)e->line));
	return 0;
}

int request_policy_mine(struct warden *w, struct connection *c, const struct message *m)
{
	struct rows to = { .w = w, .connection = c->number, .call = m->call };
	struct policy_request request;

	/* Whether a section concerns the caller is told by its conditions about who asks alone. */
	question_by(c, POLICY_ATTACH, &request);
	snprintf(request.probe, sizeof(request.probe), "any");
	request.data = POLICY_DATA_AGGREGATES;
	(void)policy_explain(w->policy, &request, on_mine, &to);
	reply_end(w, c->number, m->call);
	return 0;
}

/* --- text --------------------------------------------------------------------------------------------- */

static int send_text(const struct rows *to, const char *text, size_t size)
{
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_MAX];

	if (!EVP_Digest(text, size, digest, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	rows_send_text(to, "text", digest_to_hex(digest, hex), text, size);
	return 0;
}

struct finding {
	bool found;
	uint8_t digest[DIGEST_SIZE];
};

static int on_record(const struct audit_row *row, void *userdata)
{
	struct finding *f = userdata;
	json_t *record = json_loadb(row->bytes, row->size, JSON_REJECT_DUPLICATES, NULL);
	const char *hex = json_string_value(json_object_get(record, "policy"));

	f->found = hex && digest_from_hex(hex, f->digest);
	json_decref(record);
	return f->found;
}

/* The policy that a record names, or else the one that the last reload before it brought into force. */
static int find_policy_at(struct warden *w, uint64_t seq, struct finding *f, struct refusal *refusal)
{
	struct audit_filter filter = { .action = "policy-reload", .from_seq = seq, .reverse = true };
	char text[24];
	int r;

	snprintf(text, sizeof(text), "%" PRIu64, seq);
	r = audit_get(w->audit, seq, on_record, f, refusal);
	if (r == -ENOENT)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "at", "there is no record %s", text);
	if (!r && !f->found)
		r = audit_query(w->audit, &filter, on_record, f, refusal);
	if (!r && !f->found)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "at",
				   "no policy was in force at record %s, as far as the log tells", text);
	return r;
}

static int send_text_at(const struct rows *to, uint64_t seq, struct refusal *refusal)
{
	_cleanup_free_ char *text = NULL;
	struct finding f = { 0 };
	size_t size = 0;
	int r = find_policy_at(to->w, seq, &f, refusal);

	if (!r)
		r = audit_get_text(to->w->audit, f.digest, &text, &size, refusal);
	if (r < 0)
		r = refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "query", "%s", strerror(-r));
	return r ? r : send_text(to, text, size);
}

int request_policy_text(struct warden *w, struct connection *c, const struct message_policy_text *m)
{
	const struct rows to = { .w = w, .connection = c->number, .call = m->m.call };
	struct policy_decision decision;
	struct refusal refusal = { 0 };
	const struct policy *policy;
	/* The commit lets others go on, and who asks may be gone then. */
	_cleanup_(connection_unref_p) struct connection *held = connection_ref(c);
	char at[64];
	const char *text;
	size_t size;
	int r;

	if (!may_look(w, c, &decision))
		return request_forbid(w, c, m->m.call, "policy-text", "read the policy", &decision);
	if (m->seq)
		snprintf(at, sizeof(at), "Text, at record %" PRIu64, m->seq);
	reading_record(w, c, "policy-text", decision.rule,
		       m->seq                            ? at
		       : m->flags & MESSAGE_FLAG_ON_DISK ? "Text, on disk"
							 : "Text");
	if (m->seq) {
		r = send_text_at(&to, m->seq, &refusal);
		return r > 0 ? request_refuse(w, c, m->m.call, &refusal) : r;
	}
	policy = policy_meant(w, m->flags, &refusal);
	if (!policy)
		return request_refuse(w, c, m->m.call, &refusal);
	text = policy_text(policy, &size);
	return send_text(&to, text, size);
}
