/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "audit/export/source-export.h"
#include "audit/verify/source-database.h"

/* Each says -ENODATA of a directory that is none of its kind. */
static int (*const kinds[])(const char *directory, struct audit_source **ret, struct refusal *refusal) = {
	source_database_open,
	source_export_open,
};

int audit_source_open(const char *directory, struct audit_source **ret, struct refusal *refusal)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int r = kinds[i](directory, ret, refusal);

		if (r != -ENODATA)
			return r;
	}
	return refusal_set(
		refusal, REFUSAL_AUDIT_UNAVAILABLE, directory,
		"there is no log in it: neither a copy of the daemon's directory (log-*.sqlite) nor "
		"one that bpfwarden audit export wrote");
}
