/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading of revocations.json: rules L1 to L6 by signed_json_load(), L7 to L10 here. */
#include "format/revocation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "format/message.h"
#include "format/signed-json.h"
#include "format/spec-internal.h"

#define REFUSE(rule, ...) return refusal_set(refusal, REFUSAL_TRUST_INVALID, rule, __VA_ARGS__)

static const char *const kind_names[_REVOCATION_KIND_MAX] = { "bundle", "below", "file", "key",
							      "certificate" };

const char *revocation_kind_name(uint32_t kind)
{
	return kind < _REVOCATION_KIND_MAX ? kind_names[kind] : NULL;
}

void revocation_describe(const struct revocation *revocation, char *buffer, size_t size)
{
	char digest[DIGEST_HEX_MAX];

	if (revocation->kind <= REVOKED_BELOW)
		snprintf(buffer, size, "%s-%" PRIu64, revocation->name, revocation->serial);
	else
		snprintf(buffer, size, "%s %s", revocation_kind_name(revocation->kind),
			 digest_to_hex(revocation->digest, digest));
}

static void json_decref_p(json_t **json)
{
	json_decref(*json);
}

/* The members of one entry; a missing one is NULL. */
struct entry {
	json_t *bundle, *serial, *below, *digest[_REVOCATION_KIND_MAX], *reason;
};

static int read_member(const char *key, json_t *value, struct entry *e, size_t i, struct refusal *refusal)
{
	if (!strcmp(key, "bundle"))
		e->bundle = value;
	else if (!strcmp(key, "serial"))
		e->serial = value;
	else if (!strcmp(key, "below"))
		e->below = value;
	else if (!strcmp(key, "reason"))
		e->reason = value;
	else {
		uint32_t kind = REVOKED_FILE;

		while (kind < _REVOCATION_KIND_MAX && strcmp(key, kind_names[kind]) != 0)
			kind++;
		if (kind == _REVOCATION_KIND_MAX)
			REFUSE("L7", "revoked[%zu]: \"%.40s\" is not a member of a revocation", i, key);
		e->digest[kind] = value;
	}
	return 0;
}

static int read_bundle(const struct entry *e, struct revocation *to, size_t i, struct refusal *refusal)
{
	const char *name = json_string_value(e->bundle);

	if (!name || strlen(name) >= PROBE_NAME_MAX || !spec_probe_name_valid(name))
		REFUSE("L9", "revoked[%zu].bundle is not the name of a bundle", i);
	if (!e->serial == !e->below)
		REFUSE("L8", "revoked[%zu] has neither serial nor below, or both", i);
	to->kind = e->serial ? REVOKED_BUNDLE : REVOKED_BELOW;
	if (!signed_json_integer(e->serial ? e->serial : e->below, INTEGER_MAX, &to->serial) || !to->serial)
		REFUSE("L6", "revoked[%zu]: a serial is an integer from 1 to 2^63 - 1", i);
	snprintf(to->name, sizeof(to->name), "%s", name);
	return 0;
}

static int read_digest(const struct entry *e, struct revocation *to, size_t i, struct refusal *refusal)
{
	if (e->serial || e->below)
		REFUSE("L8", "revoked[%zu] has a serial without a bundle", i);
	for (uint32_t kind = REVOKED_FILE; kind < _REVOCATION_KIND_MAX; kind++) {
		if (!e->digest[kind])
			continue;
		if (!signed_json_digest(e->digest[kind], to->digest))
			REFUSE("L9", "revoked[%zu].%s is not %d lower-case hexadecimal digits", i,
			       kind_names[kind], 2 * DIGEST_SIZE);
		to->kind = kind;
	}
	return 0;
}

static int read_reason(const json_t *reason, struct revocation *to, size_t i, struct refusal *refusal)
{
	if (!json_is_string(reason))
		REFUSE("L8", "revoked[%zu].reason is not a string", i);
	if (json_string_length(reason) >= sizeof(to->reason))
		REFUSE("L9", "revoked[%zu].reason is longer than %zu bytes", i, sizeof(to->reason) - 1);
	memcpy(to->reason, json_string_value(reason), json_string_length(reason) + 1);
	return 0;
}

static int read_entry(json_t *object, size_t i, struct revocation *to, struct refusal *refusal)
{
	struct entry e = {};
	unsigned int n = 0;
	const char *key;
	json_t *value;
	int r = 0;

	if (!json_is_object(object))
		REFUSE("L8", "revoked[%zu] is not an object", i);
	json_object_foreach (object, key, value) {
		r = read_member(key, value, &e, i, refusal);
		if (r)
			return r;
	}
	for (uint32_t kind = REVOKED_FILE; kind < _REVOCATION_KIND_MAX; kind++)
		n += e.digest[kind] != NULL;
	if (n + (e.bundle != NULL) != 1)
		REFUSE("L8", "revoked[%zu] names not exactly one of bundle, file, key and certificate", i);
	r = e.bundle ? read_bundle(&e, to, i, refusal) : read_digest(&e, to, i, refusal);
	if (!r && e.reason)
		r = read_reason(e.reason, to, i, refusal);
	if (!r && !revocation_check(to))
		REFUSE("L9", "revoked[%zu].reason is not printable", i);
	return r;
}

/* "type" was seen before; "issued" is for people. */
static int check_members(json_t *root, struct refusal *refusal)
{
	json_t *value;
	const char *key;
	uint64_t issued;

	json_object_foreach (root, key, value)
		if (strcmp(key, "type") != 0 && strcmp(key, "issued") != 0 && strcmp(key, "revoked") != 0)
			REFUSE("L7", "\"%.60s\" is not a member of a list of revocations", key);
	value = json_object_get(root, "issued");
	if (!json_is_number(value))
		REFUSE("L8", "issued is not there, or not the time in seconds since 1970");
	if (!signed_json_integer(value, INTEGER_MAX, &issued))
		REFUSE("L6", "issued is not an integer from 0 to 2^63 - 1");
	if (!json_is_array(json_object_get(root, "revoked")))
		REFUSE("L8", "revoked is not there, or not an array");
	return 0;
}

int revocations_parse(const char *bytes, size_t size, struct revocation **ret, size_t *ret_n,
		      struct refusal *refusal)
{
	static const struct signed_json form = { "the list of revocations", REVOCATIONS_PREFIX, 'L',
						 REFUSAL_TRUST_INVALID };
	_cleanup_(json_decref_p) json_t *root = NULL;
	_cleanup_free_ struct revocation *list = NULL;
	const json_t *revoked;
	size_t n;
	int r;

	r = signed_json_load(&form, bytes, size, &root, refusal);
	if (!r)
		r = check_members(root, refusal);
	if (r)
		return r;
	revoked = json_object_get(root, "revoked");
	n = json_array_size(revoked);
	if (n > REVOCATIONS_MAX)
		REFUSE("L10", "there are %zu revocations, and at most %d are possible", n, REVOCATIONS_MAX);
	list = calloc(n ? n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; !r && i < n; i++)
		r = read_entry(json_array_get(revoked, i), i, &list[i], refusal);
	if (r)
		return r;
	*ret = take_ptr(list);
	*ret_n = n;
	return 0;
}

bool revocation_check(const struct revocation *revocation)
{
	bool named = revocation->kind == REVOKED_BUNDLE || revocation->kind == REVOKED_BELOW;

	if (revocation->kind >= _REVOCATION_KIND_MAX || !MESSAGE_TEXT_OK(revocation->reason))
		return false;
	if (!named)
		return true;
	return MESSAGE_TEXT_OK(revocation->name) && spec_probe_name_valid(revocation->name) &&
	       revocation->serial;
}
