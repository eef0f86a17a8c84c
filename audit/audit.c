/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/audit-private.h"

#include <errno.h>
#include <string.h>

/* A copy that the journal does not take is not sent again: the next one says more. */
static void signed_checkpoint(struct audit *audit)
{
	struct audit_state state;

	store_describe(audit->store, &state);
	(void)journal_send_checkpoint(audit->journal, store_checkpoint(audit->store), state.last - state.base,
				      state.last);
}

static int write_staged(struct audit *audit, bool checkpoint, struct refusal *refusal)
{
	struct store_batch batch = {
		.records = audit->staged,
		.n_records = audit->n_staged,
		.texts = audit->texts,
		.n_texts = audit->n_texts,
		.journal_seq = audit->journal_seq,
		.checkpoint = checkpoint,
	};
	uint64_t before = store_unsigned(audit->store);
	int r;

	r = store_write(audit->store, &batch, refusal);
	if (r) {
		denials_rolled_back(&audit->denials);
	} else {
		denials_committed(&audit->denials);
		copies_send_staged(audit);
		staged_drop(audit);
		store_rotate_if_due(audit->store);
		if (before == 0)
			audit->unsigned_since = audit_now();
		if (store_unsigned(audit->store) == 0 && before + batch.n_records > 0)
			signed_checkpoint(audit);
	}
	return r;
}

/* The first record of a log that was begun anew says so, and what is known of the one before. */
static void write_why(struct audit *audit)
{
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_CHANGE);

	audit->journal_seq = store_journal_seq(audit->store);
	record.verdict = AUDIT_FAILED;
	record.action = "audit";
	record.detail = store_unrecorded(audit->store);
	if (staged_add(audit, &record, NULL) == 0 && write_staged(audit, false, NULL) == 0)
		store_recorded(audit->store);
	staged_drop(audit);
}

static int commit(struct audit *audit, bool checkpoint, struct refusal *refusal)
{
	struct kept kept = { 0 };
	int r;

	if (!audit_pending(audit) && !(checkpoint && store_unsigned(audit->store)))
		return 0;
	r = write_staged(audit, checkpoint, refusal);
	if (r)
		staged_keep(audit, &kept);
	if (store_unrecorded(audit->store))
		write_why(audit);
	spare_committed(audit, r == 0);
	staged_restore(audit, &kept);
	return r;
}

int audit_open(const struct audit_options *options, struct audit **ret, struct refusal *refusal)
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
	r = journal_new(options->journal_socket, &audit->journal);
	if (r < 0)
		return r;
	audit->copies = options->journal_socket != NULL;
	r = store_open(options, &audit->store, refusal);
	if (r)
		return r;
	audit->journal_seq = store_journal_seq(audit->store);
	audit->unsigned_since = audit_now();
	retain_begin(audit);
	retain_set_keep(audit, options->keep);
	if (store_unrecorded(audit->store))
		write_why(audit);
	retain_finish(audit);
	retain_due(audit, audit_now());
	*ret = take_ptr(audit);
	return 0;
}

void audit_configure(struct audit *audit, uint64_t segment_size, uint64_t keep)
{
	uint64_t before = audit->keep;

	store_set_segment_size(audit->store, segment_size);
	retain_set_keep(audit, keep);
	if (audit->keep != before)
		retain_put_off(audit, audit_now());
}

int audit_commit(struct audit *audit, struct refusal *refusal)
{
	return commit(audit, false, refusal);
}

int audit_checkpoint(struct audit *audit, struct refusal *refusal)
{
	return commit(audit, true, refusal);
}

int audit_rotate(struct audit *audit, struct refusal *refusal)
{
	int r = audit_checkpoint(audit, refusal);

	return r ? r : store_rotate(audit->store, refusal);
}

static uint64_t checkpoint_due(const struct audit *audit)
{
	return store_unsigned(audit->store) ? audit->unsigned_since + USEC(AUDIT_CHECKPOINT_INTERVAL)
					    : UINT64_MAX;
}

int audit_tick(struct audit *audit, uint64_t now, struct refusal *refusal)
{
	int r = 0;

	store_look(audit->store, now);
	spare_note(audit);
	if (now >= audit->commit_retry) {
		/* No room is not an end: the commit makes some. */
		r = counting_stage(audit, now, NULL);
		if (r >= 0)
			r = commit(audit, now >= checkpoint_due(audit), refusal);
		audit->commit_retry = r ? now + USEC(AUDIT_COMMIT_RETRY) : 0;
	}
	retain_due(audit, now);
	copies_send_older(audit, now);
	return r;
}

uint64_t audit_next_tick(const struct audit *audit)
{
	uint64_t next = denials_next(&audit->denials);

	if (audit_pending(audit) && audit->staged_at + USEC(AUDIT_COMMIT_DELAY) < next)
		next = audit->staged_at + USEC(AUDIT_COMMIT_DELAY);
	if (checkpoint_due(audit) < next)
		next = checkpoint_due(audit);
	if (retain_next(audit) < next)
		next = retain_next(audit);
	if (next < audit->commit_retry)
		next = audit->commit_retry;
	if (store_next_look(audit->store) < next)
		next = store_next_look(audit->store);
	if (copies_overdue(audit) && audit->journal_next < next)
		next = audit->journal_next;
	return next;
}

const char *audit_begun_anew(const struct audit *audit)
{
	return store_begun_anew(audit->store);
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

int audit_get_text(struct audit *audit, const uint8_t digest[DIGEST_SIZE], char **ret_text, size_t *ret_size,
		   struct refusal *refusal)
{
	return store_get_text(audit->store, digest, ret_text, ret_size, refusal);
}

void audit_describe(const struct audit *audit, struct audit_state *ret)
{
	store_describe(audit->store, ret);
}

const char *audit_last_checkpoint(const struct audit *audit)
{
	return store_checkpoint(audit->store);
}

int audit_checkpoints(struct audit *audit, uint64_t above, uint32_t limit, audit_note_fn fn, void *userdata,
		      struct refusal *refusal)
{
	return store_checkpoints(audit->store, above, limit, fn, userdata, refusal);
}

int audit_prove_inclusion(struct audit *audit, uint64_t seq, uint64_t size, struct tree_proof *ret,
			  struct refusal *refusal)
{
	return store_prove_inclusion(audit->store, seq, size, ret, refusal);
}

int audit_prove_consistency(struct audit *audit, uint64_t from, uint64_t size, struct tree_proof *ret,
			    struct refusal *refusal)
{
	return store_prove_consistency(audit->store, from, size, ret, refusal);
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
		if (audit_checkpoint(audit, NULL) == 0 &&
		    audit->journal_seq != store_journal_seq(audit->store))
			store_write(audit->store, &(struct store_batch){ .journal_seq = audit->journal_seq },
				    NULL);
	}
	staged_drop(audit);
	store_close(audit->store);
	journal_free(audit->journal);
	free(audit);
	return NULL;
}
