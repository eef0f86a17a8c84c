/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/audit-private.h"

#include <errno.h>

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
	record.action = denial->action;
	r = audit_stage(audit, &record, &stamp, refusal);
	if (!r)
		denial->state = DENIAL_STAGED;
	return r;
}

/* An entry for what is denied first; NULL if each one still waits for a commit: then there is nothing to
 * count with, and the denial is an ordinary record, of which a commit holds AUDIT_STAGED_MAX. */
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

	if (!requester || !record->rule || !record->action || record->kind != AUDIT_DECISION ||
	    record->verdict != AUDIT_DENY)
		return -EINVAL;
	if (!denials_fit(record->rule, record->action))
		return audit_append(audit, record, ret_seq, refusal);
	denial = denials_find(&audit->denials, requester->uid, record->rule, record->action);
	if (denial && denial->opened + USEC(AUDIT_DENIALS_WINDOW) > audit_now()) {
		denials_count(denial, audit_clock(CLOCK_REALTIME));
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
		denials_open(denial, requester->uid, requester->user, record->rule, record->action, seq,
			     audit_now(), audit_clock(CLOCK_REALTIME));
	if (ret_seq)
		*ret_seq = seq;
	return 0;
}

int counting_stage(struct audit *audit, uint64_t now, struct refusal *refusal)
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
