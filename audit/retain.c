/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "audit/audit-private.h"

#define NS       1000000000ULL
#define DAY_USEC USEC(24ULL * 3600 * 1000)

/* The record is durable before the first file goes. */
static int finish(struct audit *audit, struct refusal *refusal)
{
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_CHANGE);
	uint64_t last = store_removable(audit->store);
	char detail[128];
	int r;

	if (!last)
		return 0;
	snprintf(detail, sizeof(detail),
		 "records up to %" PRIu64 " are removed, as they are older than is to be kept", last);
	record.verdict = AUDIT_OK;
	record.action = "audit-retention";
	record.detail = detail;
	r = staged_add(audit, &record, refusal);
	if (!r)
		r = audit_commit(audit, refusal);
	return r ? r : store_remove(audit->store, refusal);
}

void retain_set_keep(struct audit *audit, uint64_t seconds)
{
	audit->keep = seconds > UINT64_MAX / NS ? UINT64_MAX : seconds * NS;
}

void retain_put_off(struct audit *audit, uint64_t now)
{
	audit->retain_next = now + DAY_USEC;
}

int audit_retain(struct audit *audit, uint64_t before, struct refusal *refusal)
{
	int r = store_plan_removal(audit->store, before, refusal);

	return r ? r : finish(audit, refusal);
}

void retain_finish(struct audit *audit)
{
	(void)finish(audit, NULL);
}

void retain_due(struct audit *audit, uint64_t now)
{
	uint64_t time = audit_clock(CLOCK_REALTIME);

	if (!audit->keep || now < audit->retain_next)
		return;
	retain_put_off(audit, now);
	if (time > audit->keep)
		(void)audit_retain(audit, time - audit->keep, NULL);
}

uint64_t retain_next(const struct audit *audit)
{
	return audit->keep ? audit->retain_next : UINT64_MAX;
}
