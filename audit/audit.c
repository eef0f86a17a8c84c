/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/audit.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "audit/denials.h"
#include "audit/encode.h"
#include "audit/journal.h"
#include "audit/leaf.h"
#include "audit/store.h"

#define USEC(ms) ((ms)*1000ULL)

/*
 * Records wait in memory, already in their final bytes, and reach SQLite in one transaction at commit: so
 * what a failing disk leaves is always all or nothing, and no lock is held between calls.
 */
struct audit {
	struct store *store;
	struct journal *journal;
	char boot[SD_ID128_STRING_MAX];

	struct store_record staged[AUDIT_STAGED_MAX];
	size_t n_staged, staged_size;
	struct store_policy *policies;
	size_t n_policies;
	uint64_t staged_at; /* µs: when the first of them came */

	struct denials denials;
	uint64_t commit_retry; /* µs: no tick commits before, after one has failed */

	bool copies;           /* the journal is wanted */
	uint64_t journal_seq;  /* the last record that the journal took */
	uint64_t journal_next; /* µs: when to try again what it did not take */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t now_usec(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000;
}

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
		audit->staged_at = now_usec();
	audit->staged_size += size;
}

static int check_room(const struct audit *audit, size_t size, struct refusal *refusal)
{
	if (audit->n_staged < AUDIT_STAGED_MAX && audit->staged_size + size <= AUDIT_STAGED_SIZE_MAX)
		return 0;
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "stage",
			   "%zu audit records wait to be written; try again", audit->n_staged);
}

static int stage(struct audit *audit, const struct audit_record *record, struct audit_stamp *stamp,
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
	stamp->time = clock_ns(CLOCK_REALTIME);
	stamp->monotonic = clock_ns(CLOCK_MONOTONIC);
	r = audit_encode(record, stamp, &staged.json, &bytes, &staged.size, refusal);
	if (r)
		return r;
	staged.seq = stamp->seq;
	staged.bytes = bytes;
	r = check_room(audit, staged.size, refusal);
	if (!r)
		r = audit_leaf(bytes, staged.size, staged.leaf);
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
	int r = stage(audit, record, &stamp, refusal);

	if (!r && ret_seq)
		*ret_seq = stamp.seq;
	return r;
}

/* The count of one entry as a record; an entry that counted nothing just ends. */
static int stage_denial(struct audit *audit, struct denial *denial, struct refusal *refusal)
{
	struct audit_requester requester = AUDIT_REQUESTER_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DENIALS);
	struct audit_stamp stamp = { .count = denial->count, .since = denial->since, .until = denial->until };
	int r;

	if (!denial->count) {
		/* An entry whose first record still waits must live on: if the commit fails, that one counts.
		 */
		if (denial->first_staged)
			denial->state = DENIAL_STAGED;
		else
			*denial = (struct denial){ 0 };
		return 0;
	}
	requester.uid = denial->uid;
	requester.user = *denial->user ? denial->user : NULL;
	record.verdict = AUDIT_DENY;
	record.decision = denial->first_seq;
	record.requester = &requester;
	record.rule = denial->rule;
	r = stage(audit, &record, &stamp, refusal);
	if (!r)
		denial->state = DENIAL_STAGED;
	return r;
}

/* An entry for a new pair; NULL if each one still waits for a commit: then there is nothing to count with,
 * and the denial is an ordinary record, of which a commit holds AUDIT_STAGED_MAX. */
static int make_entry(struct audit *audit, struct denial **ret, struct refusal *refusal)
{
	struct denial *oldest;
	int r;

	*ret = denials_free_entry(&audit->denials);
	if (*ret)
		return 0;
	oldest = denials_oldest(&audit->denials);
	if (!oldest)
		return 0;
	r = stage_denial(audit, oldest, refusal);
	if (!r && oldest->state == DENIAL_FREE)
		*ret = oldest;
	return r;
}

int audit_append_denial(struct audit *audit, const struct audit_record *record, uint64_t *ret_seq,
			struct refusal *refusal)
{
	const struct audit_requester *requester = record->requester;
	struct denial *denial;
	uint64_t seq;
	int r;

	if (!requester || !record->rule || record->kind != AUDIT_DECISION || record->verdict != AUDIT_DENY)
		return -EINVAL;
	if (!denials_fit(record->rule))
		return audit_append(audit, record, ret_seq, refusal);
	denial = denials_find(&audit->denials, requester->uid, record->rule);
	if (denial && denial->opened + USEC(AUDIT_DENIALS_WINDOW) > now_usec()) {
		denials_count(denial, clock_ns(CLOCK_REALTIME));
		if (ret_seq)
			*ret_seq = 0;
		return 0;
	}
	if (denial) {
		r = stage_denial(audit, denial, refusal);
		if (r)
			return r;
	}
	r = make_entry(audit, &denial, refusal);
	if (r)
		return r;
	r = audit_append(audit, record, &seq, refusal);
	if (r)
		return r;
	if (denial)
		denials_open(denial, requester->uid, requester->user, record->rule, seq, now_usec(),
			     clock_ns(CLOCK_REALTIME));
	if (ret_seq)
		*ret_seq = seq;
	return 0;
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
		r = audit_digest(text, size, policy.digest);
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

/* A full queue empties soon; a journal that is not there may never come. */
static uint64_t journal_pause(int r)
{
	return r == 0 || r == -EAGAIN ? USEC(AUDIT_JOURNAL_PAUSE) : USEC(AUDIT_JOURNAL_RETRY);
}

/* Copies of what was just committed, unless older ones wait: the journal gets them in order. */
static void send_staged(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_staged; i++) {
		const struct store_record *record = &audit->staged[i];
		int r;

		if (record->seq != audit->journal_seq + 1)
			return;
		r = journal_send(audit->journal, record->json, record->bytes, record->size);
		if (r < 0) {
			audit->journal_next = now_usec() + journal_pause(r);
			return;
		}
		audit->journal_seq = record->seq;
	}
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
		send_staged(audit);
	}
	drop_staged(audit);
	return r;
}

static bool journal_overdue(const struct audit *audit)
{
	return audit->copies && audit->journal_seq < store_head(audit->store);
}

static int resend_row(const struct audit_row *row, void *userdata)
{
	struct audit *audit = userdata;
	json_t *json = json_loadb(row->bytes, row->size, 0, NULL);
	int r;

	if (!json)
		return -EBADMSG;
	r = journal_send(audit->journal, json, row->bytes, row->size);
	json_decref(json);
	if (r >= 0)
		audit->journal_seq = row->seq;
	return r;
}

/* The journal is a copy: whatever goes wrong here is tried again later and concerns nobody else. */
static void resend(struct audit *audit, uint64_t now)
{
	struct audit_filter filter = { .from_seq = audit->journal_seq + 1, .limit = AUDIT_JOURNAL_BATCH };
	int r;

	if (!journal_overdue(audit) || now < audit->journal_next)
		return;
	r = store_query(audit->store, &filter, resend_row, audit, NULL);
	audit->journal_next = now + journal_pause(r);
}

/* Counts whose minute ended at `now` or before; a refusal leaves the rest to the next tick. */
static int stage_denials(struct audit *audit, uint64_t now, struct refusal *refusal)
{
	for (;;) {
		struct denial *denial = denials_oldest(&audit->denials);
		int r;

		if (!denial || denial->opened + USEC(AUDIT_DENIALS_WINDOW) > now)
			return 0;
		r = stage_denial(audit, denial, refusal);
		if (r)
			return r;
	}
}

int audit_tick(struct audit *audit, uint64_t now, struct refusal *refusal)
{
	int r = 0;

	if (now >= audit->commit_retry) {
		/* No room is not an end: the commit makes some. */
		r = stage_denials(audit, now, NULL);
		if (r >= 0)
			r = audit_commit(audit, refusal);
		audit->commit_retry = r ? now + USEC(AUDIT_COMMIT_RETRY) : 0;
	}
	resend(audit, now);
	return r;
}

uint64_t audit_next_tick(const struct audit *audit)
{
	uint64_t next = denials_next(&audit->denials);

	if (audit_pending(audit) && audit->staged_at + USEC(AUDIT_COMMIT_DELAY) < next)
		next = audit->staged_at + USEC(AUDIT_COMMIT_DELAY);
	if (next < audit->commit_retry)
		next = audit->commit_retry;
	if (journal_overdue(audit) && audit->journal_next < next)
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
		stage_denials(audit, UINT64_MAX, NULL);
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
