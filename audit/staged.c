/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records and texts that wait for the next commit. If that fails, what was only meant to happen (a decision,
 * a reading) is gone, and whoever waits for it is refused. What has happened is kept, with the number that it
 * gets then, for the commit after that: an end is an end, whether or not the disk took it.
 */
#include "audit/audit-private.h"

#include <errno.h>
#include <string.h>

#include "common/digest.h"

void staged_drop(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_staged; i++) {
		json_decref(audit->staged[i].json);
		free((char *)audit->staged[i].bytes);
	}
	for (size_t i = 0; i < audit->n_texts; i++)
		free(audit->texts[i].text);
	free(audit->texts);
	audit->texts = NULL;
	audit->n_staged = audit->staged_size = audit->n_texts = 0;
}

static void mark_staged(struct audit *audit, size_t size)
{
	if (!audit_pending(audit))
		audit->staged_at = audit_now();
	audit->staged_size += size;
}

static int check_room(const struct audit *audit, size_t size, struct refusal *refusal)
{
	if (audit->n_staged < AUDIT_STAGED_MAX && audit->staged_size + size <= AUDIT_STAGED_SIZE_MAX)
		return 0;
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "stage",
			   "%zu audit records wait to be written; try again", audit->n_staged);
}

/* Long lists of groups are the same again and again, and would not fit into a record. */
static int stage_groups(struct audit *audit, const struct audit_record *record, struct audit_stamp *stamp,
			struct refusal *refusal)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (!record->requester || record->requester->n_gids <= AUDIT_GIDS_INLINE_MAX)
		return 0;
	r = audit_encode_groups(record->requester, &text, refusal);
	if (r)
		return r;
	r = audit_put_text(audit, text, strlen(text), stamp->gids_digest, refusal);
	stamp->has_gids_digest = r == 0;
	return r;
}

/* Takes json and bytes over, also if there is no room for them. */
static int take_in(struct audit *audit, struct store_record *staged, struct refusal *refusal)
{
	int r = check_room(audit, staged->size, refusal);

	if (!r)
		r = tree_hash_leaf(staged->bytes, staged->size, staged->leaf);
	if (r) {
		json_decref(staged->json);
		free((char *)staged->bytes);
		return r;
	}
	mark_staged(audit, staged->size);
	audit->staged[audit->n_staged++] = *staged;
	return 0;
}

int audit_stage(struct audit *audit, const struct audit_record *record, struct audit_stamp *stamp,
		struct refusal *refusal)
{
	struct store_record staged = { 0 };
	char *bytes = NULL;
	int r;

	r = check_room(audit, 0, refusal);
	if (r)
		return r;
	stamp->seq = store_head(audit->store) + audit->n_staged + 1;
	stamp->boot = audit->boot;
	stamp->time = audit_clock(CLOCK_REALTIME);
	stamp->monotonic = audit_clock(CLOCK_MONOTONIC);
	r = stage_groups(audit, record, stamp, refusal);
	if (!r)
		r = audit_encode(record, stamp, &staged.json, &bytes, &staged.size, refusal);
	if (r)
		return r;
	staged.seq = stamp->seq;
	staged.bytes = bytes;
	return take_in(audit, &staged, refusal);
}

static bool has_happened(enum audit_kind kind)
{
	return kind != AUDIT_DECISION && kind != AUDIT_READ && kind != AUDIT_DENIALS;
}

int audit_append(struct audit *audit, const struct audit_record *record, uint64_t *ret_seq,
		 struct refusal *refusal)
{
	struct audit_stamp stamp = { 0 };
	int r = audit_stage(audit, record, &stamp, refusal);

	if (r)
		return r;
	audit->staged[audit->n_staged - 1].happened = has_happened(record->kind);
	if (ret_seq)
		*ret_seq = stamp.seq;
	return 0;
}

static bool is_staged_text(const struct audit *audit, const uint8_t digest[DIGEST_SIZE])
{
	for (size_t i = 0; i < audit->n_texts; i++)
		if (!memcmp(audit->texts[i].digest, digest, DIGEST_SIZE))
			return true;
	return false;
}

static int stage_text(struct audit *audit, struct store_text *text, const void *bytes)
{
	struct store_text *grown = reallocarray(audit->texts, audit->n_texts + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	audit->texts = grown;
	text->text = malloc(text->size + 1);
	if (!text->text)
		return -ENOMEM;
	if (text->size)
		memcpy(text->text, bytes, text->size);
	mark_staged(audit, text->size);
	audit->texts[audit->n_texts++] = *text;
	return 0;
}

int audit_put_text(struct audit *audit, const void *text, size_t size, uint8_t ret_digest[DIGEST_SIZE],
		   struct refusal *refusal)
{
	struct store_text staged = { .size = size };
	int r;

	if (size > AUDIT_TEXT_MAX)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "text",
				   "the text has %zu bytes; at most %u are kept", size, AUDIT_TEXT_MAX);
	r = tree_hash_text(text, size, staged.digest);
	if (!r && !is_staged_text(audit, staged.digest)) {
		r = check_room(audit, size, refusal);
		if (!r)
			r = stage_text(audit, &staged, text);
	}
	if (!r)
		memcpy(ret_digest, staged.digest, DIGEST_SIZE);
	return r;
}

bool audit_pending(const struct audit *audit)
{
	return audit->n_staged || audit->n_texts;
}

int staged_add(struct audit *audit, const struct audit_record *record, struct refusal *refusal)
{
	struct audit_stamp stamp = { 0 };

	return audit_stage(audit, record, &stamp, refusal);
}

/* --- after a commit that failed ------------------------------------------------------------------------ */

static bool refers(json_t *record, const struct store_text *text)
{
	static const char *const by[] = { "policy", "gids_digest" };
	json_t *requester = json_object_get(record, "requester");
	char hex[DIGEST_HEX_MAX];

	digest_to_hex(text->digest, hex);
	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		const char *a = json_string_value(json_object_get(record, by[i]));
		const char *b = json_string_value(json_object_get(requester, by[i]));

		if ((a && !strcmp(a, hex)) || (b && !strcmp(b, hex)))
			return true;
	}
	return false;
}

/* Texts stay as long as a record does that refers to them. */
static void keep_texts(struct audit *audit, struct kept *ret)
{
	ret->texts = calloc(audit->n_texts, sizeof(*ret->texts));
	for (size_t i = 0; ret->texts && i < audit->n_texts; i++) {
		bool wanted = false;

		for (size_t k = 0; k < ret->n && !wanted; k++)
			wanted = refers(ret->records[k].json, &audit->texts[i]);
		if (wanted) {
			ret->texts[ret->n_texts++] = audit->texts[i];
			audit->texts[i].text = NULL;
		}
	}
}

void staged_keep(struct audit *audit, struct kept *ret)
{
	ret->first = audit->n_staged ? audit->staged[0].seq : 0;
	ret->records = calloc(audit->n_staged ? audit->n_staged : 1, sizeof(*ret->records));
	for (size_t i = 0; ret->records && i < audit->n_staged; i++)
		if (audit->staged[i].happened)
			ret->records[ret->n++] = (struct kept_record){ json_incref(audit->staged[i].json),
								       audit->staged[i].seq };
	if (ret->n && audit->n_texts)
		keep_texts(audit, ret);
	staged_drop(audit);
}

/* A reference to another kept record follows it to its new number; one to a record that is gone is left out.
 */
static void move_reference(json_t *record, const char *key, const struct kept *kept)
{
	uint64_t seq = (uint64_t)json_integer_value(json_object_get(record, key)), moved = 0;

	if (!seq || seq < kept->first)
		return;
	for (size_t i = 0; i < kept->n && !moved; i++)
		if (kept->records[i].seq == seq)
			moved = kept->records[i].moved;
	if (moved)
		json_object_set_new(record, key, json_integer((json_int_t)moved));
	else
		json_object_del(record, key);
}

static int stage_again(struct audit *audit, const struct kept *kept, struct kept_record *record)
{
	struct store_record staged = { .happened = true };
	char *bytes = NULL;
	int r;

	staged.seq = record->moved = store_head(audit->store) + audit->n_staged + 1;
	json_object_set_new(record->json, "seq", json_integer((json_int_t)staged.seq));
	move_reference(record->json, "decision", kept);
	move_reference(record->json, "cause", kept);
	r = audit_encode_json(record->json, &bytes, &staged.size);
	if (r)
		return r;
	staged.bytes = bytes;
	staged.json = json_incref(record->json);
	return take_in(audit, &staged, NULL);
}

void staged_restore(struct audit *audit, struct kept *kept)
{
	for (size_t i = 0; i < kept->n_texts; i++) {
		uint8_t digest[DIGEST_SIZE];

		(void)audit_put_text(audit, kept->texts[i].text, kept->texts[i].size, digest, NULL);
		free(kept->texts[i].text);
	}
	/* Without memory for one of them the others are kept all the same. */
	for (size_t i = 0; i < kept->n; i++)
		(void)stage_again(audit, kept, &kept->records[i]);
	for (size_t i = 0; i < kept->n; i++)
		json_decref(kept->records[i].json);
	free(kept->texts);
	free(kept->records);
	*kept = (struct kept){ 0 };
}
