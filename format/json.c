/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

void json_text_clear(struct json_text *t)
{
	free(t->bytes);
	*t = (struct json_text){ 0 };
}

static bool grow(struct json_text *t, size_t n)
{
	size_t capacity = t->capacity ? t->capacity : 256;
	char *bytes;

	while (capacity - t->size < n) {
		if (capacity > SIZE_MAX / 4) {
			t->error = -ENOMEM;
			return false;
		}
		capacity *= 2;
	}
	bytes = realloc(t->bytes, capacity);
	if (!bytes) {
		t->error = -ENOMEM;
		return false;
	}
	t->bytes = bytes;
	t->capacity = capacity;
	return true;
}

char *json_text_room(struct json_text *t, size_t n)
{
	if (t->error)
		return NULL;
	if (t->capacity - t->size < n && !grow(t, n))
		return NULL;
	return t->bytes + t->size;
}

void json_append(struct json_text *t, const void *bytes, size_t size)
{
	char *p = json_text_room(t, size);

	if (!p)
		return;
	if (size)
		memcpy(p, bytes, size);
	t->size += size;
}

/* One character below 0x20, or a quote or a backslash, as its escape of two or six bytes (RFC 8259, 7). */
static char *escape(char *p, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\";

	*p++ = '\\';
	for (size_t i = 0; i < sizeof(shorts) - 1; i += 2)
		if ((unsigned char)shorts[i] == c) {
			*p++ = shorts[i + 1];
			return p;
		}
	memcpy(p, "u00", 3);
	p[3] = hex[c >> 4];
	p[4] = hex[c & 15];
	return p + 5;
}

static void append_text(struct json_text *t, const char *text, size_t max, bool printable)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t left = strnlen(text, max), n;
	char *p = json_text_room(t, left * 6 + 2), *start = p;

	if (!p)
		return;
	*p++ = '"';
	for (; left; from += n, left -= n) {
		n = utf8_sequence(from, left);
		if (!n) {
			n = 1;
			*p++ = '?';
		} else if (n > 1) {
			memcpy(p, from, n);
			p += n;
		} else if (printable && (*from < 0x20 || *from == 0x7f)) {
			*p++ = '?';
		} else if (*from < 0x20 || *from == '"' || *from == '\\') {
			p = escape(p, *from);
		} else {
			*p++ = (char)*from;
		}
	}
	*p++ = '"';
	t->size += (size_t)(p - start);
}

void json_append_string(struct json_text *t, const char *text, size_t max)
{
	append_text(t, text, max, false);
}

void json_append_printable(struct json_text *t, const char *text, size_t max)
{
	append_text(t, text, max, true);
}

void json_append_u64(struct json_text *t, uint64_t value)
{
	char digits[22], *p = digits + sizeof(digits);
	bool quoted = value > INT64_MAX;

	if (quoted)
		*--p = '"';
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	if (quoted)
		*--p = '"';
	json_append(t, p, (size_t)(digits + sizeof(digits) - p));
}

void json_append_s64(struct json_text *t, int64_t value)
{
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;

	if (value == INT64_MIN) {
		JSON_APPEND_LITERAL(t, "-9223372036854775808");
		return;
	}
	if (value < 0)
		JSON_APPEND_LITERAL(t, "-");
	json_append_u64(t, magnitude);
}

void json_append_bool(struct json_text *t, bool value)
{
	if (value)
		JSON_APPEND_LITERAL(t, "true");
	else
		JSON_APPEND_LITERAL(t, "false");
}

void json_append_hex(struct json_text *t, const void *bytes, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *from = bytes;
	char *p = json_text_room(t, 2 * size + 2);

	if (!p)
		return;
	*p++ = '"';
	for (size_t i = 0; i < size; i++) {
		*p++ = hex[from[i] >> 4];
		*p++ = hex[from[i] & 15];
	}
	*p = '"';
	t->size += 2 * size + 2;
}

void json_append_key(struct json_text *t, const char *key)
{
	if (t->size && t->bytes[t->size - 1] != '{')
		JSON_APPEND_LITERAL(t, ",");
	JSON_APPEND_LITERAL(t, "\"");
	json_append(t, key, strlen(key));
	JSON_APPEND_LITERAL(t, "\":");
}

void json_member_string(struct json_text *t, const char *key, const char *text, size_t max)
{
	if (!max || !*text)
		return;
	json_append_key(t, key);
	json_append_string(t, text, max);
}

void json_member_u64(struct json_text *t, const char *key, uint64_t value)
{
	json_append_key(t, key);
	json_append_u64(t, value > INT64_MAX ? INT64_MAX : value);
}

void json_member_s64(struct json_text *t, const char *key, int64_t value)
{
	json_append_key(t, key);
	json_append_s64(t, value);
}

void json_member_bool(struct json_text *t, const char *key, bool value)
{
	json_append_key(t, key);
	json_append_bool(t, value);
}

void json_member_hex(struct json_text *t, const char *key, const void *bytes, size_t size)
{
	json_append_key(t, key);
	json_append_hex(t, bytes, size);
}
