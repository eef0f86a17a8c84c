/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/varlink.h"

#include <errno.h>
#include <string.h>

#include "common/limits.h"
#include "common/utf8.h"

/* jansson's own parser is recursive up to 2048 levels: hostile nesting is found without parsing. */
static bool depth_ok(const char *bytes, size_t size)
{
	unsigned int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < size; i++) {
		char c = bytes[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > VARLINK_DEPTH_MAX)
				return false;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return true;
}

int varlink_json_parse(const char *bytes, size_t size, size_t max, json_t **ret)
{
	json_error_t error;
	json_t *root;

	/* jansson passes over a NUL that follows a number. */
	if (!size || size > max || memchr(bytes, '\0', size) || !utf8_valid(bytes, size) ||
	    !depth_ok(bytes, size))
		return -EBADMSG;
	/* Without JSON_ALLOW_NUL jansson refuses \u0000; numbers outside int64 or double it refuses always.
	 */
	root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
	if (!json_is_object(root)) {
		json_decref(root);
		return -EBADMSG;
	}
	*ret = root;
	return 0;
}

static bool take_flag(const json_t *value, bool *ret)
{
	if (!json_is_boolean(value))
		return false;
	*ret = json_is_true(value);
	return true;
}

/* One member of a call; false: the call is malformed. */
static bool call_member(struct varlink_call *call, const char *key, json_t *value)
{
	if (!strcmp(key, "method")) {
		call->method = json_string_value(value);
		return call->method && json_string_length(value) < VARLINK_METHOD_NAME_MAX;
	}
	if (!strcmp(key, "parameters")) {
		call->parameters = json_is_null(value) ? NULL : value;
		return json_is_null(value) || json_is_object(value);
	}
	if (!strcmp(key, "more"))
		return take_flag(value, &call->more);
	if (!strcmp(key, "oneway"))
		return take_flag(value, &call->oneway);
	return !strcmp(key, "upgrade") && take_flag(value, &call->upgrade);
}

/* Gives an object without "parameters" an empty one, so that nobody has to ask. */
static int default_parameters(json_t *root, json_t **parameters)
{
	if (*parameters)
		return 0;
	if (json_object_set_new(root, "parameters", json_object()) < 0)
		return -ENOMEM;
	*parameters = json_object_get(root, "parameters");
	return 0;
}

int varlink_call_parse(const char *frame, size_t size, struct varlink_call *ret)
{
	struct varlink_call call = { 0 };
	bool good = true;
	const char *key;
	json_t *value;
	int r;

	r = varlink_json_parse(frame, size, VARLINK_FRAME_MAX, &call.root);
	if (r < 0)
		return r;
	json_object_foreach (call.root, key, value)
		good = good && call_member(&call, key, value);
	r = good && call.method ? default_parameters(call.root, &call.parameters) : -EBADMSG;
	if (r < 0) {
		varlink_call_clear(&call);
		return r;
	}
	*ret = call;
	return 0;
}

void varlink_call_clear(struct varlink_call *call)
{
	json_decref(call->root);
	*call = (struct varlink_call){ 0 };
}

static bool store(const struct varlink_field *field, json_t *value, void *into)
{
	void *at = (char *)into + field->offset;

	switch (field->type) {
	case VARLINK_STRING:
		*(const char **)at = json_string_value(value);
		return json_is_string(value);
	case VARLINK_INT:
		*(struct varlink_int *)at = (struct varlink_int){ true, json_integer_value(value) };
		return json_is_integer(value);
	case VARLINK_BOOL:
		*(bool *)at = json_is_true(value);
		return json_is_boolean(value);
	case VARLINK_OBJECT:
		*(json_t **)at = value;
		return json_is_object(value);
	case VARLINK_ARRAY:
		*(json_t **)at = value;
		return json_is_array(value);
	}
	return false;
}

static bool name_bad(const char *name, char *bad, size_t bad_size)
{
	size_t n = strnlen(name, bad_size - 1);

	memcpy(bad, name, n);
	bad[n] = '\0';
	utf8_make_printable(bad, n + 1);
	return false;
}

static const struct varlink_field *find(const struct varlink_field *fields, size_t n_fields, const char *name)
{
	for (size_t i = 0; i < n_fields; i++)
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	return NULL;
}

bool varlink_parameters(const json_t *parameters, const struct varlink_field *fields, size_t n_fields,
			void *into, char *bad, size_t bad_size)
{
	json_t *object = (json_t *)(uintptr_t)parameters, *value;
	const char *key;

	json_object_foreach (object, key, value) {
		const struct varlink_field *field = find(fields, n_fields, key);

		if (!field || (!json_is_null(value) && !store(field, value, into)))
			return name_bad(key, bad, bad_size);
	}
	for (size_t i = 0; i < n_fields; i++) {
		value = json_object_get(object, fields[i].name);
		if (fields[i].required && (!value || json_is_null(value)))
			return name_bad(fields[i].name, bad, bad_size);
	}
	return true;
}

void varlink_reply_begin(struct json_text *t)
{
	JSON_APPEND_LITERAL(t, "{\"parameters\":{");
}

void varlink_reply_end(struct json_text *t, bool continues)
{
	if (continues)
		JSON_APPEND_LITERAL(t, "},\"continues\":true}\0");
	else
		JSON_APPEND_LITERAL(t, "}}\0");
}

void varlink_write_error(struct json_text *t, const char *error, const char *key, const char *value)
{
	JSON_APPEND_LITERAL(t, "{\"error\":");
	json_append_string(t, error, strlen(error));
	JSON_APPEND_LITERAL(t, ",\"parameters\":{");
	if (key) {
		json_append_key(t, key);
		json_append_string(t, value, strlen(value));
	}
	varlink_reply_end(t, false);
}

#define ERROR_PREFIX "io.bpfwarden."

void varlink_write_refusal(struct json_text *t, const struct refusal *refusal)
{
	struct refusal r = *refusal;
	const char *name;

	refusal_sanitize(&r);
	name = refusal_name(r.code);
	JSON_APPEND_LITERAL(t, "{\"error\":\"" ERROR_PREFIX);
	json_append(t, name, strlen(name));
	JSON_APPEND_LITERAL(t, "\",\"parameters\":{");
	json_append_key(t, refusal_subject_key(r.code));
	json_append_string(t, r.subject, sizeof(r.subject));
	json_append_key(t, "reason");
	json_append_string(t, r.reason, sizeof(r.reason));
	if (r.code == REFUSAL_LIMIT_EXCEEDED) {
		json_member_u64(t, "used", r.used);
		json_member_u64(t, "max", r.max);
	}
	varlink_reply_end(t, false);
}

int varlink_write_call(struct json_text *t, const char *method, const json_t *parameters, unsigned int flags)
{
	char *text = NULL;

	if (parameters) {
		text = json_dumps(parameters, JSON_COMPACT);
		if (!text)
			return -ENOMEM;
	}
	JSON_APPEND_LITERAL(t, "{\"method\":");
	json_append_string(t, method, strlen(method));
	if (text) {
		json_append_key(t, "parameters");
		json_append(t, text, strlen(text));
		free(text);
	}
	if (flags & VARLINK_CALL_MORE)
		json_member_bool(t, "more", true);
	if (flags & VARLINK_CALL_ONEWAY)
		json_member_bool(t, "oneway", true);
	JSON_APPEND_LITERAL(t, "}\0");
	return t->error;
}

int varlink_reply_parse(const char *frame, size_t size, size_t max, struct varlink_reply *ret)
{
	struct varlink_reply reply = { 0 };
	json_t *error, *continues;
	int r;

	r = varlink_json_parse(frame, size, max, &reply.root);
	if (r < 0)
		return r;
	error = json_object_get(reply.root, "error");
	continues = json_object_get(reply.root, "continues");
	reply.parameters = json_object_get(reply.root, "parameters");
	reply.error = json_string_value(error);
	if (json_is_null(reply.parameters))
		reply.parameters = NULL;
	if ((error && !reply.error) || (continues && !take_flag(continues, &reply.continues)) ||
	    (reply.parameters && !json_is_object(reply.parameters)))
		r = -EBADMSG;
	else
		r = default_parameters(reply.root, &reply.parameters);
	if (r < 0) {
		varlink_reply_clear(&reply);
		return r;
	}
	*ret = reply;
	return 0;
}

void varlink_reply_clear(struct varlink_reply *reply)
{
	json_decref(reply->root);
	*reply = (struct varlink_reply){ 0 };
}

bool varlink_reply_refusal(const struct varlink_reply *reply, struct refusal *ret)
{
	enum refusal_code code;
	const char *subject, *reason;

	if (!reply->error || strncmp(reply->error, ERROR_PREFIX, sizeof(ERROR_PREFIX) - 1) != 0)
		return false;
	code = refusal_from_name(reply->error + sizeof(ERROR_PREFIX) - 1);
	if (code == REFUSAL_NONE)
		return false;
	subject = json_string_value(json_object_get(reply->parameters, refusal_subject_key(code)));
	reason = json_string_value(json_object_get(reply->parameters, "reason"));
	refusal_set(ret, code, subject ? subject : "", "%s", reason ? reason : "");
	ret->used = (uint64_t)json_integer_value(json_object_get(reply->parameters, "used"));
	ret->max = (uint64_t)json_integer_value(json_object_get(reply->parameters, "max"));
	return true;
}
