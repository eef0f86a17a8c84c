/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/lib/internal.h"
#include "common/refusal.h"
#include "common/utf8.h"

#define ERROR_PREFIX "io.bpfwarden."

/* The public enumeration is the daemon's own under another name. */
_Static_assert((int)BPFWARDEN_ERROR_POLICY_DENIED == (int)REFUSAL_POLICY_DENIED, "");
_Static_assert((int)BPFWARDEN_ERROR_NO_SUCH_PROBE == (int)REFUSAL_NO_SUCH_PROBE, "");
_Static_assert((int)BPFWARDEN_ERROR_UNAVAILABLE == (int)REFUSAL_UNAVAILABLE, "");
_Static_assert((int)BPFWARDEN_ERROR_UNAVAILABLE + 1 == (int)_REFUSAL_MAX, "");

/* The scanners below walk over text that jansson has accepted, so they need not check it again. */
static const char *string_end(const char *text)
{
	for (text++; *text != '"'; text++)
		if (*text == '\\')
			text++;
	return text + 1;
}

static const char *value_end(const char *text)
{
	unsigned int depth = 0;

	for (;;) {
		if (*text == '"') {
			text = string_end(text);
			continue;
		}
		if (*text == '{' || *text == '[') {
			depth++;
		} else if (*text == '}' || *text == ']') {
			if (depth == 0)
				return text;
			if (--depth == 0)
				return text + 1;
		} else if (*text == ',' && depth == 0) {
			return text;
		}
		text++;
	}
}

/* The value of member key in the text of an object, as it was written; false: not there, or its key was
 * written with escapes. */
static bool member_find(const char *text, const char *key, const char **ret, size_t *ret_size)
{
	size_t size = strlen(key);

	text += strcspn(text, "\"}");
	while (*text == '"') {
		const char *name = text + 1, *value;

		text = string_end(text);
		value = text + strspn(text, " \t\r\n");
		value++; /* the colon */
		value += strspn(value, " \t\r\n");
		text = value_end(value);
		if (!strncmp(name, key, size) && name[size] == '"') {
			*ret = value;
			*ret_size = (size_t)(text - value);
			return true;
		}
		text += strcspn(text, "\"}");
	}
	return false;
}

/* Strings hold no raw line breaks in valid JSON, so these are white space between tokens. */
static void make_one_line(char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

static char *parameters_text(const char *text, json_t *members)
{
	const char *value;
	char *copy;
	size_t size;

	if (!members)
		return strdup("{}");
	copy = member_find(text, "parameters", &value, &size) ? strndup(value, size)
							      : json_dumps(members, JSON_COMPACT);
	if (copy)
		make_one_line(copy);
	return copy;
}

static void reply_describe_error(struct bpfwarden_reply *reply)
{
	const char *name = reply->error, *reason, *subject;

	reply->code = BPFWARDEN_ERROR_OTHER;
	if (!strncmp(name, ERROR_PREFIX, strlen(ERROR_PREFIX))) {
		enum refusal_code code = refusal_from_name(name + strlen(ERROR_PREFIX));

		if (code != REFUSAL_NONE)
			reply->code = (enum bpfwarden_error)code;
	}
	reason = json_string_value(json_object_get(reply->members, "reason"));
	subject = json_string_value(json_object_get(reply->members, refusal_subject_key(reply->code)));
	snprintf(reply->reason, sizeof(reply->reason), "%s", reason ? reason : "");
	snprintf(reply->subject, sizeof(reply->subject), "%s", subject ? subject : "");
	utf8_make_printable(reply->reason, sizeof(reply->reason));
	utf8_make_printable(reply->subject, sizeof(reply->subject));
}

int reply_parse(const char *text, size_t size, struct bpfwarden_reply **ret)
{
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	json_t *error, *continues;

	reply = calloc(1, sizeof(*reply));
	if (!reply)
		return -ENOMEM;
	reply->root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(reply->root))
		return -EBADMSG;
	reply->members = json_object_get(reply->root, "parameters");
	error = json_object_get(reply->root, "error");
	continues = json_object_get(reply->root, "continues");
	if ((reply->members && !json_is_object(reply->members)) || (error && !json_is_string(error)) ||
	    (continues && !json_is_boolean(continues)))
		return -EBADMSG;
	reply->continues = json_is_true(continues);
	reply->error = json_string_value(error);
	if (reply->error)
		reply_describe_error(reply);
	reply->parameters = parameters_text(text, reply->members);
	if (!reply->parameters)
		return -ENOMEM;
	*ret = take_ptr(reply);
	return 0;
}

char *reply_member_text(struct bpfwarden_reply *reply, const char *key)
{
	const char *value;
	size_t size;

	if (!json_is_object(json_object_get(reply->members, key)) ||
	    !member_find(reply->parameters, key, &value, &size))
		return NULL;
	reply->parameters[value - reply->parameters + (ptrdiff_t)size] = 0;
	return reply->parameters + (value - reply->parameters);
}

struct bpfwarden_reply *bpfwarden_reply_free(struct bpfwarden_reply *reply)
{
	if (reply) {
		json_decref(reply->root);
		free(reply->parameters);
		free(reply);
	}
	return NULL;
}

const char *bpfwarden_reply_parameters(const struct bpfwarden_reply *reply)
{
	return reply->parameters;
}

bool bpfwarden_reply_continues(const struct bpfwarden_reply *reply)
{
	return reply->continues;
}

enum bpfwarden_error bpfwarden_reply_error(const struct bpfwarden_reply *reply)
{
	return reply->code;
}

const char *bpfwarden_reply_error_name(const struct bpfwarden_reply *reply)
{
	return reply->error;
}

const char *bpfwarden_reply_reason(const struct bpfwarden_reply *reply)
{
	return reply->reason;
}

const char *bpfwarden_reply_subject(const struct bpfwarden_reply *reply)
{
	return reply->subject;
}
