/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/audit-private.h"

#include <errno.h>

/* A full queue empties soon; a journal that is not there may never come. */
static uint64_t journal_pause(int r)
{
	return r == 0 || r == -EAGAIN ? USEC(AUDIT_JOURNAL_PAUSE) : USEC(AUDIT_JOURNAL_RETRY);
}

void copies_send_staged(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_staged; i++) {
		const struct store_record *record = &audit->staged[i];
		int r;

		if (record->seq != audit->journal_seq + 1)
			return;
		r = journal_send(audit->journal, record->json, record->bytes, record->size);
		if (r < 0) {
			audit->journal_next = audit_now() + journal_pause(r);
			return;
		}
		audit->journal_seq = record->seq;
	}
}

bool copies_overdue(const struct audit *audit)
{
	return audit->copies && audit->journal_seq < store_head(audit->store);
}

static int resend_row(const struct audit_row *row, void *userdata)
{
	struct audit *audit = userdata;
	json_t *json = json_loadb(row->bytes, row->size, 0, NULL);
	int r = 0;

	/* A row that is not ours must not hold up the rest; finding it is what verification is for. */
	if (json)
		r = journal_send(audit->journal, json, row->bytes, row->size);
	json_decref(json);
	if (r >= 0)
		audit->journal_seq = row->seq;
	return r;
}

void copies_send_older(struct audit *audit, uint64_t now)
{
	struct audit_filter filter = { .from_seq = audit->journal_seq + 1, .limit = AUDIT_JOURNAL_BATCH };
	int r;

	if (!copies_overdue(audit) || now < audit->journal_next)
		return;
	r = store_query(audit->store, &filter, resend_row, audit, NULL);
	audit->journal_next = now + journal_pause(r);
}
