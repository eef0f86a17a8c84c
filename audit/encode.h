/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <jansson.h>

#include "audit/record.h"
#include "common/refusal.h"

/* What the log itself adds to a record. */
struct audit_stamp {
	uint64_t seq;
	uint64_t time, monotonic; /* ns */
	const char *boot;         /* 32 hexadecimal digits */
	uint64_t count;           /* of denials, with AUDIT_DENIALS; 0: leave all three out */
	uint64_t since, until;    /* real time of the first and last of them, ns */
	bool has_gids_digest;     /* the requester's groups are a text of their own */
	uint8_t gids_digest[DIGEST_SIZE];
};

/* The record as a JSON object and as its final bytes: one line of printable ASCII, members in the fixed order
 * of docs/AUDIT.md, without newline; size excludes the terminating NUL. The caller frees both. -EINVAL: a
 * kind, verdict or parameter name that cannot be; REFUSAL_INVALID_ARGUMENT: too many groups or bytes. */
int audit_encode(const struct audit_record *record, const struct audit_stamp *stamp, json_t **ret_json,
		 char **ret_bytes, size_t *ret_size, struct refusal *refusal);

/* The bytes of such an object, in a new buffer. -ENOMEM. */
int audit_encode_json(json_t *json, char **ret_bytes, size_t *ret_size);

/* All groups of a requester as such a text, "[1,2,3]", in a new buffer. REFUSAL_INVALID_ARGUMENT: too many.
 */
int audit_encode_groups(const struct audit_requester *requester, char **ret, struct refusal *refusal);
