/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/utf8.h"

#define RECORD_VERSION 1

static void json_decref_p(json_t **json)
{
	json_decref(*json);
}

/* An object being filled. The first member that cannot be added is remembered, so that the caller asks once.
 */
struct object {
	json_t *json;
	int error;
};

static void put(struct object *o, const char *key, json_t *value)
{
	if (json_object_set_new(o->json, key, value) < 0)
		o->error = -ENOMEM;
}

/* JSON integers end at 2^63-1, here as in SQLite; what is above is written as a string of digits. */
static json_t *json_u64(uint64_t value)
{
	char digits[21];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	return json_string(digits);
}

static void put_u64(struct object *o, const char *key, uint64_t value)
{
	put(o, key, json_u64(value));
}

static void put_u64_if(struct object *o, const char *key, uint64_t value)
{
	if (value)
		put_u64(o, key, value);
}

/* A JSON string of bytes in no certain encoding: what is not UTF-8 becomes U+FFFD, byte by byte. */
static json_t *json_text(const char *text)
{
	size_t size = strlen(text), n = 0;
	_cleanup_free_ char *clean = NULL;

	if (utf8_valid(text, size))
		return json_string(text);
	clean = malloc(3 * size + 1);
	if (!clean)
		return NULL;
	for (size_t i = 0; i < size;) {
		size_t length = utf8_sequence((const unsigned char *)text + i, size - i);

		memcpy(clean + n, length ? text + i : "\xef\xbf\xbd", length ? length : 3);
		n += length ? length : 3;
		i += length ? length : 1;
	}
	return json_stringn(clean, n);
}

static void put_text(struct object *o, const char *key, const char *text)
{
	if (text)
		put(o, key, json_text(text));
}

static void put_digest(struct object *o, const char *key, const uint8_t *digest)
{
	char hex[DIGEST_HEX_MAX];

	if (!digest)
		return;
	put(o, key, json_string(digest_to_hex(digest, hex)));
}

static json_t *json_u32_array(const uint32_t *values, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < n; i++)
		if (json_array_append_new(array, json_integer(values[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *json_text_array(const char *const *texts, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < n; i++)
		if (json_array_append_new(array, json_text(texts[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static const char *tristate_name(enum audit_tristate value)
{
	return value == AUDIT_YES ? "yes" : value == AUDIT_NO ? "no" : "unknown";
}

static void put_requester(struct object *parent, const struct audit_requester *requester,
			  const struct audit_stamp *stamp)
{
	struct object o = { .json = json_object() };
	char digits[11];

	if (!o.json) {
		parent->error = -ENOMEM;
		return;
	}
	snprintf(digits, sizeof(digits), "%" PRIu32, (uint32_t)requester->uid);
	put_u64(&o, "uid", requester->uid);
	put_text(&o, "user", requester->user ? requester->user : digits);
	if (requester->gids) {
		put_u64(&o, "n_gids", requester->n_gids);
		if (stamp->has_gids_digest)
			put_digest(&o, "gids_digest", stamp->gids_digest);
		else
			put(&o, "gids", json_u32_array(requester->gids, requester->n_gids));
	}
	if (requester->loginuid != AUDIT_LOGINUID_UNSET)
		put_u64(&o, "loginuid", requester->loginuid);
	if (requester->pid > 0)
		put_u64(&o, "pid", (uint64_t)requester->pid);
	put_u64_if(&o, "pidfd_inode", requester->pidfd_inode);
	put_text(&o, "comm", requester->comm);
	put_text(&o, "cgroup", requester->cgroup);
	put_text(&o, "container", tristate_name(requester->container));
	if (o.error)
		parent->error = o.error;
	put(parent, "requester", o.json);
}

static void put_target(struct object *parent, const struct audit_record *record)
{
	struct object o = { .json = json_object() };

	put_text(&o, "kind", record->target_kind);
	put_text(&o, "name", record->target);
	if (o.error)
		parent->error = o.error;
	put(parent, "target", o.json);
}

static void put_params(struct object *parent, const struct audit_record *record)
{
	struct object o = { .json = json_object() };

	for (size_t i = 0; i < record->n_params; i++)
		put_u64(&o, record->params[i].name, record->params[i].value);
	if (o.error)
		parent->error = o.error;
	put(parent, "params", o.json);
}

static void put_refusal(struct object *parent, const struct audit_record *record)
{
	struct object o = { .json = json_object() };

	put_text(&o, "name", refusal_name(record->refusal_code));
	put_text(&o, "reason", record->refusal_reason);
	if (o.error)
		parent->error = o.error;
	put(parent, "refusal", o.json);
}

static void put_stamp(struct object *o, const struct audit_record *record, const struct audit_stamp *stamp)
{
	put_u64(o, "v", RECORD_VERSION);
	put_u64(o, "seq", stamp->seq);
	put_text(o, "kind", audit_kind_name(record->kind));
	put_u64(o, "time_ns", stamp->time);
	put_u64(o, "monotonic_ns", stamp->monotonic);
	put_text(o, "boot", stamp->boot);
	put_text(o, "verdict", audit_verdict_name(record->verdict));
	put_u64_if(o, "decision", record->decision);
	put_u64_if(o, "cause", record->cause);
	if (stamp->count) {
		put_u64(o, "count", stamp->count);
		put_u64(o, "since_ns", stamp->since);
		put_u64(o, "until_ns", stamp->until);
	}
}

static void put_request(struct object *o, const struct audit_record *record, const struct audit_stamp *stamp)
{
	if (record->requester)
		put_requester(o, record->requester, stamp);
	put_text(o, "action", record->action);
	put_text(o, "probe", record->probe);
	put_u64_if(o, "serial", record->serial);
	put_digest(o, "digest", record->digest);
	if (record->n_signers)
		put(o, "signers", json_text_array(record->signers, record->n_signers));
	if (record->target_kind || record->target)
		put_target(o, record);
	if (record->n_params)
		put_params(o, record);
	if (record->n_forced)
		put(o, "forced", json_text_array(record->forced, record->n_forced));
	if (record->n_data)
		put(o, "data", json_text_array(record->data, record->n_data));
	put_text(o, "privacy", record->privacy);
	put_text(o, "demand", record->demand);
}

static void put_result(struct object *o, const struct audit_record *record)
{
	static const char *const kernel_verified[_AUDIT_KERNEL_VERIFIED_MAX] = {
		[AUDIT_KERNEL_VERIFIED_YES] = "yes",
		[AUDIT_KERNEL_VERIFIED_NO] = "no",
		[AUDIT_KERNEL_VERIFIED_UNSUPPORTED] = "unsupported",
	};

	put_text(o, "rule", record->rule);
	put_digest(o, "policy", record->policy_digest);
	if (record->refusal_code)
		put_refusal(o, record);
	if (record->error)
		put(o, "errno", json_integer(record->error));
	if (record->n_program_ids)
		put(o, "program_ids", json_u32_array(record->program_ids, record->n_program_ids));
	put_text(o, "kernel_verified", kernel_verified[record->kernel_verified]);
	put_text(o, "keyring", record->keyring);
	put_text(o, "attachment", record->attachment);
	if (record->ended)
		put_u64(o, "ended", *record->ended);
	put_u64_if(o, "known_ns", record->known);
	put_text(o, "detail", record->detail);
}

static int check_groups(const struct audit_requester *requester, struct refusal *refusal)
{
	if (requester->n_gids <= AUDIT_GIDS_MAX)
		return 0;
	return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "gids",
			   "the requester is in %zu groups; a record holds all of at most %d",
			   requester->n_gids, AUDIT_GIDS_MAX);
}

int audit_encode_groups(const struct audit_requester *requester, char **ret, struct refusal *refusal)
{
	_cleanup_(json_decref_p) json_t *array = NULL;
	int r = check_groups(requester, refusal);

	if (r)
		return r;
	array = json_u32_array(requester->gids, requester->n_gids);
	*ret = array ? json_dumps(array, JSON_COMPACT) : NULL;
	return *ret ? 0 : -ENOMEM;
}

static int check(const struct audit_record *record, struct refusal *refusal)
{
	if (!audit_kind_name(record->kind) || (unsigned)record->verdict >= _AUDIT_VERDICT_MAX ||
	    (unsigned)record->kernel_verified >= _AUDIT_KERNEL_VERIFIED_MAX)
		return -EINVAL;
	for (size_t i = 0; i < record->n_params; i++)
		if (!utf8_valid(record->params[i].name, strlen(record->params[i].name)))
			return -EINVAL;
	return record->requester ? check_groups(record->requester, refusal) : 0;
}

/* jansson escapes everything below space and, when asked, everything above DEL, but not DEL itself. */
static char *escape_del(char *text)
{
	size_t size = strlen(text), n = 0, at = 0;
	char *escaped;

	for (size_t i = 0; i < size; i++)
		n += text[i] == '\x7f';
	if (n == 0)
		return text;
	escaped = malloc(size + 5 * n + 1);
	for (size_t i = 0; escaped && i <= size; i++)
		if (text[i] == '\x7f')
			at += (size_t)sprintf(escaped + at, "\\u007F");
		else
			escaped[at++] = text[i];
	free(text);
	return escaped;
}

int audit_encode_json(json_t *json, char **ret_bytes, size_t *ret_size)
{
	char *bytes = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (bytes)
		bytes = escape_del(bytes);
	if (!bytes)
		return -ENOMEM;
	*ret_size = strlen(bytes);
	*ret_bytes = bytes;
	return 0;
}

int audit_encode(const struct audit_record *record, const struct audit_stamp *stamp, json_t **ret_json,
		 char **ret_bytes, size_t *ret_size, struct refusal *refusal)
{
	_cleanup_(json_decref_p) json_t *json = json_object();
	_cleanup_free_ char *bytes = NULL;
	struct object o = { .json = json };
	size_t size;
	int r;

	r = check(record, refusal);
	if (r)
		return r;
	put_stamp(&o, record, stamp);
	put_request(&o, record, stamp);
	put_result(&o, record);
	if (o.error)
		return o.error;
	r = audit_encode_json(json, &bytes, &size);
	if (r)
		return r;
	if (size > AUDIT_RECORD_MAX)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "record",
				   "the audit record has %zu bytes; at most %u are written", size,
				   AUDIT_RECORD_MAX);
	*ret_json = take_ptr(json);
	*ret_bytes = take_ptr(bytes);
	*ret_size = size;
	return 0;
}
