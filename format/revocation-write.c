/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* revocations.json as it is signed: an entry a line, so that people can read what they put their names to. */
#include "format/revocation.h"

#include <errno.h>
#include <string.h>

#include "format/json.h"

static void append_entry(struct json_text *t, const struct revocation *r)
{
	JSON_APPEND_LITERAL(t, "{");
	switch ((enum revocation_kind)r->kind) {
	case REVOKED_BUNDLE:
	case REVOKED_BELOW:
		json_member_string(t, "bundle", r->name, sizeof(r->name));
		json_member_u64(t, r->kind == REVOKED_BELOW ? "below" : "serial", r->serial);
		break;
	case REVOKED_FILE:
		json_member_hex(t, "file", r->digest, sizeof(r->digest));
		break;
	case REVOKED_KEY:
		json_member_hex(t, "key", r->digest, sizeof(r->digest));
		break;
	case REVOKED_CERTIFICATE:
		json_member_hex(t, "certificate", r->digest, sizeof(r->digest));
		break;
	case _REVOCATION_KIND_MAX:
		break;
	}
	json_member_string(t, "reason", r->reason, sizeof(r->reason));
	JSON_APPEND_LITERAL(t, "}");
}

int revocations_write(uint64_t issued, const struct revocation *revoked, size_t n, char **ret,
		      size_t *ret_size, struct refusal *refusal)
{
	struct json_text t = {};

	JSON_APPEND_LITERAL(&t, REVOCATIONS_PREFIX "\"issued\":");
	json_append_u64(&t, issued);
	JSON_APPEND_LITERAL(&t, ",\"revoked\":[");
	for (size_t i = 0; i < n; i++) {
		json_append(&t, i ? ",\n" : "\n", i ? 2 : 1);
		append_entry(&t, &revoked[i]);
	}
	JSON_APPEND_LITERAL(&t, "\n]}\n");
	if (t.error) {
		json_text_clear(&t);
		return -ENOMEM;
	}
	if (n > REVOCATIONS_MAX || t.size > MANIFEST_SIZE_MAX) {
		json_text_clear(&t);
		return refusal_set(
			refusal, REFUSAL_TRUST_INVALID, REVOCATIONS_NAME,
			"a list has at most %d entries and %u bytes: say NAME --below N once for many "
			"serials",
			REVOCATIONS_MAX, MANIFEST_SIZE_MAX);
	}
	*ret = t.bytes;
	*ret_size = t.size;
	return 0;
}
