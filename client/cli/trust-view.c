/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/trust-view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/bundle/verbs.h"
#include "client/cli/cli.h"
#include "common/digest.h"

int trust_open(const char *directory, struct trust **ret)
{
	int r = cms_initialize() < 0 ? cli_broken(-EIO) : load_trust(directory, ret);

	return r == EXIT_OK ? CLI_CONTINUE : r;
}

static const struct {
	uint32_t may;
	const char *name;
} mays[] = {
	{ TRUST_MAY_ENROLL_PRODUCTION, "enroll-production" },
	{ TRUST_MAY_ENROLL_EXPERIMENTAL, "enroll-experimental" },
	{ TRUST_MAY_REVOKE, "revoke" },
};

const char *trust_may_text(uint32_t may, char buffer[TRUST_MAY_TEXT_MAX])
{
	size_t n = 0;

	snprintf(buffer, TRUST_MAY_TEXT_MAX, "nothing");
	for (size_t i = 0; i < sizeof(mays) / sizeof(mays[0]); i++)
		if (may & mays[i].may)
			n += (size_t)snprintf(buffer + n, TRUST_MAY_TEXT_MAX - n, "%s%s", n ? " " : "",
					      mays[i].name);
	return buffer;
}

json_t *trust_may_json(uint32_t may)
{
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(mays) / sizeof(mays[0]); i++)
		if (may & mays[i].may)
			json_array_append_new(array, json_string(mays[i].name));
	return array;
}

const char *revocation_text(const struct revocation *r, char buffer[REVOCATION_TEXT_MAX])
{
	char hex[DIGEST_HEX_MAX];

	if (r->kind == REVOKED_BUNDLE)
		snprintf(buffer, REVOCATION_TEXT_MAX, "%s-%" PRIu64, r->name, r->serial);
	else if (r->kind == REVOKED_BELOW)
		snprintf(buffer, REVOCATION_TEXT_MAX, "%s below %" PRIu64, r->name, r->serial);
	else
		snprintf(buffer, REVOCATION_TEXT_MAX, "%s %s", revocation_kind_name(r->kind),
			 digest_to_hex(r->digest, hex));
	return buffer;
}

json_t *revocation_json(const struct revocation *r)
{
	json_t *object = json_object();
	char hex[DIGEST_HEX_MAX];

	if (r->kind == REVOKED_BUNDLE || r->kind == REVOKED_BELOW) {
		json_object_set_new(object, "bundle", json_string(r->name));
		json_object_set_new(object, r->kind == REVOKED_BELOW ? "below" : "serial",
				    json_integer((json_int_t)r->serial));
	} else {
		json_object_set_new(object, revocation_kind_name(r->kind),
				    json_string(digest_to_hex(r->digest, hex)));
	}
	if (*r->reason)
		json_object_set_new(object, "reason", json_string(r->reason));
	return object;
}

/* Row i of the table says for each j whether the first i and the first j characters can match one name. */
bool globs_overlap(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	bool row[PROBE_NAME_MAX + 1] = {}, next[PROBE_NAME_MAX + 1] = {};

	if (n > PROBE_NAME_MAX || m > PROBE_NAME_MAX)
		return true;
	row[0] = true;
	for (size_t j = 1; j <= m; j++)
		row[j] = row[j - 1] && b[j - 1] == '*';
	for (size_t i = 1; i <= n; i++) {
		next[0] = row[0] && a[i - 1] == '*';
		for (size_t j = 1; j <= m; j++) {
			bool any = a[i - 1] == '*' || b[j - 1] == '*';

			next[j] = any ? row[j] || next[j - 1]
				      : row[j - 1] && (a[i - 1] == b[j - 1] || a[i - 1] == '?' ||
						       b[j - 1] == '?');
		}
		memcpy(row, next, sizeof(row));
	}
	return row[m];
}
