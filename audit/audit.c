/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/audit-private.h"

#include <errno.h>
#include <string.h>

#include "audit/tree/tree.h"

int audit_open(const char *directory, struct audit **ret, struct refusal *refusal)
{
	return audit_open_at(directory, JOURNAL_SOCKET, ret, refusal);
}

int audit_open_at(const char *directory, const char *journal_socket, struct audit **ret,
		  struct refusal *refusal)
{
	_cleanup_(audit_close_p) struct audit *audit = calloc(1, sizeof(*audit));
	sd_id128_t boot;
	int r;

	if (!audit)
		return -ENOMEM;
	r = sd_id128_get_boot(&boot);
	if (r < 0)
		return r;
	sd_id128_to_string(boot, audit->boot);
	r = journal_new(journal_socket, &audit->journal);
	if (r < 0)
		return r;
	audit->copies = journal_socket != NULL;
	r = store_open(directory, &audit->store, refusal);
	if (r)
		return r;
	audit->journal_seq = store_journal_seq(audit->store);
	*ret = take_ptr(audit);
	return 0;
}

static void drop_staged(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_staged; i++) {
		json_decref(audit->staged[i].json);
		free((char *)audit->staged[i].bytes);
	}
	for (size_t i = 0; i < audit->n_policies; i++)
		free(audit->policies[i].text);
	free(audit->policies);
	audit->policies = NULL;
	audit->n_staged = audit->staged_size = audit->n_policies = 0;
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
	r = audit_encode(record, stamp, &staged.json, &bytes, &staged.size, refusal);
	if (r)
		return r;
	staged.seq = stamp->seq;
	staged.bytes = bytes;
	r = check_room(audit, staged.size, refusal);
	if (!r)
		r = tree_hash_leaf(bytes, staged.size, staged.leaf);
	if (r) {
		json_decref(staged.json);
		free(bytes);
		return r;
	}
	mark_staged(audit, staged.size);
	audit->staged[audit->n_staged++] = staged;
	return 0;
}

int audit_append(struct audit *audit, const struct audit_record *record, uint64_t *ret_seq,
		 struct refusal *refusal)
{
	struct audit_stamp stamp = { 0 };
	int r = audit_stage(audit, record, &stamp, refusal);

	if (!r && ret_seq)
		*ret_seq = stamp.seq;
	return r;
}

int audit_put_policy(struct audit *audit, const void *text, size_t size, uint8_t ret_digest[DIGEST_SIZE],
		     struct refusal *refusal)
{
	struct store_policy policy = { .size = size }, *grown;
	int r;

	if (size > AUDIT_POLICY_MAX)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "policy",
				   "the policy has %zu bytes; at most %u are kept", size, AUDIT_POLICY_MAX);
	r = check_room(audit, size, refusal);
	if (!r)
		r = tree_hash_text(text, size, policy.digest);
	if (r)
		return r;
	grown = reallocarray(audit->policies, audit->n_policies + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	audit->policies = grown;
	policy.text = malloc(size + 1);
	if (!policy.text)
		return -ENOMEM;
	if (size)
		memcpy(policy.text, text, size);
	mark_staged(audit, size);
	audit->policies[audit->n_policies++] = policy;
	memcpy(ret_digest, policy.digest, DIGEST_SIZE);
	return 0;
}

bool audit_pending(const struct audit *audit)
{
	return audit->n_staged || audit->n_policies;
}

int audit_commit(struct audit *audit, struct refusal *refusal)
{
	struct store_batch batch = {
		.records = audit->staged,
		.n_records = audit->n_staged,
		.policies = audit->policies,
		.n_policies = audit->n_policies,
		.journal_seq = audit->journal_seq,
	};
	int r;

	if (!audit_pending(audit))
		return 0;
	r = store_write(audit->store, &batch, refusal);
	if (r) {
		denials_rolled_back(&audit->denials);
	} else {
		denials_committed(&audit->denials);
		copies_send_staged(audit);
	}
	drop_staged(audit);
	return r;
}

int audit_tick(struct audit *audit, uint64_t now, struct refusal *refusal)
{
	int r = 0;

	if (now >= audit->commit_retry) {
		/* No room is not an end: the commit makes some. */
		r = counting_stage(audit, now, NULL);
		if (r >= 0)
			r = audit_commit(audit, refusal);
		audit->commit_retry = r ? now + USEC(AUDIT_COMMIT_RETRY) : 0;
	}
	copies_send_older(audit, now);
	return r;
}

uint64_t audit_next_tick(const struct audit *audit)
{
	uint64_t next = denials_next(&audit->denials);

	if (audit_pending(audit) && audit->staged_at + USEC(AUDIT_COMMIT_DELAY) < next)
		next = audit->staged_at + USEC(AUDIT_COMMIT_DELAY);
	if (next < audit->commit_retry)
		next = audit->commit_retry;
	if (copies_overdue(audit) && audit->journal_next < next)
		next = audit->journal_next;
	return next;
}

uint64_t audit_head(const struct audit *audit)
{
	return store_head(audit->store);
}

uint64_t audit_journal_head(const struct audit *audit)
{
	return audit->journal_seq;
}

int audit_query(struct audit *audit, const struct audit_filter *filter, audit_row_fn fn, void *userdata,
		struct refusal *refusal)
{
	return store_query(audit->store, filter, fn, userdata, refusal);
}

struct found {
	audit_row_fn fn;
	void *userdata;
	uint64_t seq;
	bool found;
};

static int found_row(const struct audit_row *row, void *userdata)
{
	struct found *found = userdata;

	if (row->seq != found->seq)
		return 1;
	found->found = true;
	return found->fn(row, found->userdata);
}

int audit_get(struct audit *audit, uint64_t seq, audit_row_fn fn, void *userdata, struct refusal *refusal)
{
	struct audit_filter filter = { .from_seq = seq, .limit = 1 };
	struct found found = { .fn = fn, .userdata = userdata, .seq = seq };
	int r = store_query(audit->store, &filter, found_row, &found, refusal);

	return r || found.found ? r : -ENOENT;
}

int audit_get_policy(struct audit *audit, const uint8_t digest[DIGEST_SIZE], char **ret_text,
		     size_t *ret_size, struct refusal *refusal)
{
	return store_get_policy(audit->store, digest, ret_text, ret_size, refusal);
}

/* The journal's progress goes along with what is still counted or staged, or alone: the last write there is.
 */
struct audit *audit_close(struct audit *audit)
{
	if (!audit)
		return NULL;
	if (audit->store) {
		audit_commit(audit, NULL);
		counting_stage(audit, UINT64_MAX, NULL);
		if (audit_commit(audit, NULL) == 0 && audit->journal_seq != store_journal_seq(audit->store))
			store_write(audit->store, &(struct store_batch){ .journal_seq = audit->journal_seq },
				    NULL);
	}
	drop_staged(audit);
	store_close(audit->store);
	journal_free(audit->journal);
	free(audit);
	return NULL;
}
