/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/signed-json.h"

#include <errno.h>
#include <string.h>

#include "common/digest.h"
#include "common/utf8.h"

static int refuse(const struct signed_json *form, int number, struct refusal *refusal, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));
static int refuse(const struct signed_json *form, int number, struct refusal *refusal, const char *format,
		  ...)
{
	char rule[4] = { form->rules, (char)('0' + number) }, reason[REFUSAL_REASON_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(reason, sizeof(reason), format, ap);
	va_end(ap);
	return refusal_set(refusal, form->code, rule, "%s", reason);
}

/* Counted before the JSON reader recurses. Within a string a backslash takes the next byte with it. */
static bool is_too_deep(const char *bytes, size_t size)
{
	size_t depth = 0;
	bool string = false;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '"')
			string = !string;
		else if (string && bytes[i] == '\\')
			i++;
		else if (!string && (bytes[i] == '{' || bytes[i] == '[') && ++depth > SIGNED_JSON_DEPTH_MAX)
			return true;
		else if (!string && (bytes[i] == '}' || bytes[i] == ']') && depth)
			depth--;
	}
	return false;
}

static int check_bytes(const struct signed_json *form, const char *bytes, size_t size,
		       struct refusal *refusal)
{
	size_t n = strlen(form->prefix);

	if (!size || size > MANIFEST_SIZE_MAX)
		return refuse(form, 1, refusal, "%s has %zu bytes, not 1 to %u", form->what, size,
			      MANIFEST_SIZE_MAX);
	if (size < n || memcmp(bytes, form->prefix, n))
		return refuse(form, 2, refusal, "%s does not begin with %s", form->what, form->prefix);
	if (memchr(bytes, 0, size) || !utf8_valid(bytes, size))
		return refuse(form, 3, refusal, "%s is not UTF-8 text, or holds a NUL", form->what);
	if (is_too_deep(bytes, size))
		return refuse(form, 4, refusal, "%s is nested deeper than %d levels", form->what,
			      SIGNED_JSON_DEPTH_MAX);
	return 0;
}

static int refuse_json(const struct signed_json *form, const json_error_t *error, struct refusal *refusal)
{
	int number;

	switch (json_error_code(error)) {
	case json_error_out_of_memory:
		return -ENOMEM;
	case json_error_invalid_utf8:
	case json_error_null_character:
	case json_error_null_byte_in_key:
		number = 3;
		break;
	case json_error_numeric_overflow:
		number = 6;
		break;
	default: /* duplicate keys among them */
		number = 5;
	}
	return refuse(form, number, refusal, "line %d, column %d: %s", error->line, error->column,
		      error->text);
}

int signed_json_load(const struct signed_json *form, const char *bytes, size_t size, json_t **ret,
		     struct refusal *refusal)
{
	json_error_t error;
	json_t *root;
	int r;

	r = check_bytes(form, bytes, size, refusal);
	if (r)
		return r;
	root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return refuse_json(form, &error, refusal);
	*ret = root;
	return 0;
}

bool signed_json_integer(const json_t *value, uint64_t max, uint64_t *ret)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > max)
		return false;
	*ret = (uint64_t)json_integer_value(value);
	return true;
}

bool signed_json_digest(const json_t *value, uint8_t ret[DIGEST_SIZE])
{
	const char *text = json_string_value(value);

	return text && !text[strspn(text, "0123456789abcdef")] && digest_from_hex(text, ret);
}
