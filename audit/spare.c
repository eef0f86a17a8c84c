/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the rest of the daemon, and the log itself, are told about the reserve of disk space. */
#include "audit/audit-private.h"

#include <stdio.h>
#include <string.h>

#include "audit/store/reserve.h"

bool audit_spare(const struct audit *audit)
{
	return store_spare(audit->store) != 0;
}

int audit_admit(const struct audit *audit, struct refusal *refusal)
{
	int error = store_spare(audit->store);

	if (!error)
		return 0;
	if (reserve_is_want(error))
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "reserve",
				   "the disk is full (%s): nothing new is attached, enrolled or promoted "
				   "until %u MiB are free in %s",
				   strerror(error), 2 * AUDIT_RESERVE_SIZE >> 20,
				   store_directory(audit->store));
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "reserve",
			   "no disk space can be set aside for the audit log (%s): nothing new is attached, "
			   "enrolled or promoted until it can in %s",
			   strerror(error), store_directory(audit->store));
}

void spare_note(struct audit *audit)
{
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_CHANGE);
	int error = store_spare(audit->store);
	char detail[256];

	if ((error != 0) == audit->spare_staged)
		return;
	record.action = "audit-reserve";
	record.verdict = error ? AUDIT_FAILED : AUDIT_OK;
	if (error)
		snprintf(detail, sizeof(detail),
			 "the reserve of disk space is gone, nothing new is allowed: %s", strerror(error));
	else
		snprintf(detail, sizeof(detail), "the reserve of disk space is there again");
	record.detail = detail;
	/* If it cannot be staged now, the next commit tries again. */
	if (staged_add(audit, &record, NULL) == 0)
		audit->spare_staged = error != 0;
}

void spare_committed(struct audit *audit, bool durable)
{
	if (durable)
		audit->spare_noted = audit->spare_staged;
	else
		audit->spare_staged = audit->spare_noted;
	spare_note(audit);
}
