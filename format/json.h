/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Writing JSON by appending, for what is written often or to clients: replies, rows and events. A writer
 * never fails in the middle: after -ENOMEM it ignores what follows, and its error is looked at once, at the
 * end. What is appended as text comes out as well-formed UTF-8 whatever went in (RFC 8259). Reading is
 * jansson's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_text {
	char *bytes; /* not NUL-terminated */
	size_t size, capacity;
	int error; /* 0, or -ENOMEM */
};

/* Frees the bytes; the struct may be used again. */
void json_text_clear(struct json_text *t);

/* Room for n more bytes at t->bytes + t->size, or NULL with t->error set. The caller adds to t->size. */
char *json_text_room(struct json_text *t, size_t n);

/* Bytes that are JSON already. */
void json_append(struct json_text *t, const void *bytes, size_t size);
#define JSON_APPEND_LITERAL(t, literal) json_append((t), "" literal, sizeof(literal) - 1)

/* A quoted string of at most max bytes of text, which ends before at a NUL. json_append_string() keeps
 * control characters as escapes; json_append_printable() is for text out of the kernel and replaces them by
 * '?'. Malformed UTF-8 becomes '?' in both. */
void json_append_string(struct json_text *t, const char *text, size_t max);
void json_append_printable(struct json_text *t, const char *text, size_t max);

/* A value above INT64_MAX, which neither Varlink's int nor most readers hold, is written as a quoted decimal.
 */
void json_append_u64(struct json_text *t, uint64_t value);
void json_append_s64(struct json_text *t, int64_t value);
void json_append_bool(struct json_text *t, bool value);
void json_append_hex(struct json_text *t, const void *bytes, size_t size); /* quoted, lower case */

/* Members of an object: `"key":` with a comma before it unless the last byte is '{'. The _string form writes
 * the whole member, and nothing at all if text is empty; _u64 stops at INT64_MAX, because such members are
 * declared as int. key is a C literal without anything to escape. */
void json_append_key(struct json_text *t, const char *key);
void json_member_string(struct json_text *t, const char *key, const char *text, size_t max);
void json_member_u64(struct json_text *t, const char *key, uint64_t value);
void json_member_s64(struct json_text *t, const char *key, int64_t value);
void json_member_bool(struct json_text *t, const char *key, bool value);
void json_member_hex(struct json_text *t, const char *key, const void *bytes, size_t size);
