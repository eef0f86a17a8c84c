/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <sqlite3.h>

#include "audit/audit.h"

/* audit_query() and audit_get_policy() on one connection: see audit.h. */
int store_query_on(sqlite3 *db, const struct audit_filter *filter, audit_row_fn fn, void *userdata,
		   struct refusal *refusal);
int store_get_policy_on(sqlite3 *db, const uint8_t digest[DIGEST_SIZE], char **ret_text, size_t *ret_size,
			struct refusal *refusal);
