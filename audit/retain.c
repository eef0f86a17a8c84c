/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <jansson.h>
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

static int on_last(const struct audit_row *row, void *userdata)
{
	json_t *json = json_loadb(row->bytes, row->size, 0, NULL);
	json_int_t time = json_integer_value(json_object_get(json, "time_ns"));

	if (time > 0)
		*(uint64_t *)userdata = (uint64_t)time;
	json_decref(json);
	return 1;
}

/*
 * A clock that is years ahead by mistake must not remove evidence. It is believed as far as it agrees with
 * the last record of the run before, and with the time that has passed since this one began; a machine that
 * was off for longer removes what is old one start later.
 */
void retain_begin(struct audit *audit)
{
	const struct audit_filter filter = { .reverse = true, .limit = 1 };

	audit->retain_since = audit_now();
	audit->retain_time = audit_clock(CLOCK_REALTIME);
	(void)store_query(audit->store, &filter, on_last, &audit->retain_time, NULL);
}

static bool is_plausible(const struct audit *audit, uint64_t now, uint64_t time)
{
	uint64_t passed = now > audit->retain_since ? (now - audit->retain_since) * 1000 : 0;

	return time <= audit->retain_time + passed + AUDIT_RETAIN_AHEAD * NS;
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
	if (time > audit->keep && is_plausible(audit, now, time))
		(void)audit_retain(audit, time - audit->keep, NULL);
}

uint64_t retain_next(const struct audit *audit)
{
	return audit->keep ? audit->retain_next : UINT64_MAX;
}
