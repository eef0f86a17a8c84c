/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/columns.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A part of the bytes; at NULL: there is none. */
struct part {
	const char *at, *end;
};

/* To behind the next quotation mark that no backslash stands before. */
static bool skip_string(struct part *rest)
{
	const char *begin = rest->at + 1;

	for (const char *at = begin; (at = memchr(at, '"', (size_t)(rest->end - at))); at++) {
		size_t slashes = 0;

		while (at - slashes > begin && at[-1 - (ptrdiff_t)slashes] == '\\')
			slashes++;
		if (slashes % 2 == 0) {
			rest->at = at + 1;
			return true;
		}
	}
	return false;
}

/* Strings and brackets are all that matters of what is in a value. */
static bool skip_value(struct part *rest)
{
	unsigned depth = 0;

	while (rest->at < rest->end) {
		char c = *rest->at;

		if (!depth && (c == ',' || c == '}'))
			return true;
		if (c == '"') {
			if (!skip_string(rest))
				return false;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		if (c == '}' || c == ']')
			depth--;
		rest->at++;
	}
	return false;
}

/* Takes "key":value and what follows it, in an object whose bracket is behind us. */
static bool take_member(struct part *rest, struct part *key, struct part *value)
{
	if (rest->at >= rest->end || *rest->at != '"')
		return false;
	key->at = rest->at + 1;
	if (!skip_string(rest) || rest->at >= rest->end || *rest->at != ':')
		return false;
	key->end = rest->at - 1;
	value->at = ++rest->at;
	if (!skip_value(rest))
		return false;
	value->end = rest->at++;
	return true;
}

#define NAME(n)                  \
	{                        \
		n, sizeof(n) - 1 \
	}
#define UID    3
#define ACTION 5 /* of the names only probe may follow it, at once, and the last one */
static const struct name {
	const char *text;
	size_t size;
} names[] = { NAME("time_ns"), NAME("kind"),   NAME("verdict"),   NAME("uid"),
	      NAME("probe"),   NAME("action"), NAME("attachment") },
  requester = NAME("requester");
#define NAMES_N (sizeof(names) / sizeof(names[0]))

static bool is(const struct part *key, const struct name *name)
{
	return (size_t)(key->end - key->at) == name->size && !memcmp(key->at, name->text, name->size);
}

static void find_uid(struct part object, struct part *ret)
{
	struct part key, value;

	if (object.at == object.end || *object.at != '{')
		return;
	for (object.at++; take_member(&object, &key, &value);)
		if (is(&key, &names[UID])) {
			*ret = value;
			return;
		}
}

/* Behind action and probe, a quick look tells of most records that the rest of them has no such name. */
static bool has_no_more(const struct part *rest)
{
	const struct name *last = &names[NAMES_N - 1];

	return !memmem(rest->at, (size_t)(rest->end - rest->at), last->text, last->size);
}

static void find_all(const char *bytes, size_t size, struct part ret[NAMES_N])
{
	struct part rest = { bytes + 1, bytes + size }, key, value;
	bool looked = false;

	if (!size || *bytes != '{')
		return;
	while (take_member(&rest, &key, &value)) {
		bool action = is(&key, &names[ACTION]);

		if (is(&key, &requester))
			find_uid(value, &ret[UID]);
		for (size_t i = 0; i < NAMES_N; i++)
			if (i != UID && is(&key, &names[i]))
				ret[i] = value;
		if (ret[ACTION].at && !action && !looked) {
			looked = true;
			if (has_no_more(&rest))
				return;
		}
	}
}

static bool same_text(const struct part *value, const char *text, size_t size)
{
	json_t *decoded;
	bool same;

	if (value->end - value->at < 2 || *value->at != '"')
		return false;
	if (!memchr(value->at, '\\', (size_t)(value->end - value->at)))
		return (size_t)(value->end - value->at) == size + 2 && !memcmp(value->at + 1, text, size);
	decoded = json_loadb(value->at, (size_t)(value->end - value->at), JSON_DECODE_ANY, NULL);
	same = json_is_string(decoded) && json_string_length(decoded) == size &&
	       !memcmp(json_string_value(decoded), text, size);
	json_decref(decoded);
	return same;
}

static bool same_number(const struct part *value, sqlite3_int64 number)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)number);

	return value->end - value->at == n && !memcmp(value->at, text, (size_t)n);
}

static bool same(sqlite3_stmt *stmt, int column, const struct part *value)
{
	const char *text;

	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		return !value->at;
	case SQLITE_INTEGER:
		return value->at && same_number(value, sqlite3_column_int64(stmt, column));
	case SQLITE_TEXT:
		text = (const char *)sqlite3_column_text(stmt, column);
		return value->at && text &&
		       same_text(value, text, (size_t)sqlite3_column_bytes(stmt, column));
	default:
		return false;
	}
}

const char *columns_differ(sqlite3_stmt *stmt, int first, const char *bytes, size_t size)
{
	struct part values[NAMES_N] = { 0 };

	find_all(bytes, size, values);
	for (size_t i = 0; i < NAMES_N; i++)
		if (!same(stmt, first + (int)i, &values[i]))
			return names[i].text;
	return NULL;
}
