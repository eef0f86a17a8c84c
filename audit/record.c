/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/record.h"

#include <string.h>

static const char *const kinds[_AUDIT_KIND_MAX] = {
	[AUDIT_DECISION] = "decision", [AUDIT_OUTCOME] = "outcome", [AUDIT_END] = "end",
	[AUDIT_CHANGE] = "change",     [AUDIT_START] = "start",     [AUDIT_STOP] = "stop",
	[AUDIT_CRASH] = "crash",       [AUDIT_READ] = "read",       [AUDIT_DENIALS] = "denials",
};

static const char *const verdicts[_AUDIT_VERDICT_MAX] = {
	[AUDIT_ALLOW] = "allow",
	[AUDIT_DENY] = "deny",
	[AUDIT_OK] = "ok",
	[AUDIT_FAILED] = "failed",
};

const char *audit_kind_name(enum audit_kind kind)
{
	return (unsigned)kind < _AUDIT_KIND_MAX ? kinds[kind] : NULL;
}

const char *audit_verdict_name(enum audit_verdict verdict)
{
	return (unsigned)verdict < _AUDIT_VERDICT_MAX ? verdicts[verdict] : NULL;
}

bool audit_kind_from_name(const char *name, enum audit_kind *ret)
{
	for (unsigned i = 0; i < _AUDIT_KIND_MAX; i++)
		if (!strcmp(kinds[i], name)) {
			*ret = (enum audit_kind)i;
			return true;
		}
	return false;
}

bool audit_verdict_from_name(const char *name, enum audit_verdict *ret)
{
	for (unsigned i = 0; i < _AUDIT_VERDICT_MAX; i++)
		if (verdicts[i] && !strcmp(verdicts[i], name)) {
			*ret = (enum audit_verdict)i;
			return true;
		}
	return false;
}
