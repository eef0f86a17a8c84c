/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * The first bytes of a message, by a strict grammar: a method of RFC 9110 or 5789 and a space; or a status
 * line's version and status. What is not certain is nothing. What branches is global: see deliver.h.
 */
#include "bpfwarden/kernel.h"

#define HTTP_START 16 /* bytes that tell: no message and no TLS record of a handshake is shorter */

struct http_start {
	char bytes[HTTP_START];
};

enum http_kind {
	HTTP_NOTHING,
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_CONNECT,
	HTTP_OPTIONS,
	HTTP_TRACE,
	HTTP_PATCH,
	HTTP_UNKNOWN, /* of an answer whose request was not seen */
	HTTP_H2,
	HTTP_TLS,
	HTTP_ANSWER, /* kinds from here on: HTTP_ANSWER + status */
};

static __always_inline bool http_is_request(__u32 kind)
{
	return kind >= HTTP_GET && kind <= HTTP_PATCH;
}

static __always_inline bool http_starts(const struct http_start *s, const char *text, __u32 length)
{
	__u32 differs = 0;

#pragma unroll
	for (__u32 i = 0; i < length; i++)
		differs |= s->bytes[i] ^ text[i];
	return !differs;
}
#define HTTP_STARTS(s, text) http_starts(s, text, sizeof(text) - 1)

/* The kind of a request by its method, which starts what a request may ask for: a path, a URI, "*" or, for
 * CONNECT alone, a host. */
__attribute__((noinline)) __u32 http_request(const struct http_start *s)
{
	if (!s)
		return HTTP_NOTHING;
	if (HTTP_STARTS(s, "GET /") || HTTP_STARTS(s, "GET http"))
		return HTTP_GET;
	if (HTTP_STARTS(s, "HEAD /") || HTTP_STARTS(s, "HEAD http"))
		return HTTP_HEAD;
	if (HTTP_STARTS(s, "POST /") || HTTP_STARTS(s, "POST http"))
		return HTTP_POST;
	if (HTTP_STARTS(s, "PUT /") || HTTP_STARTS(s, "PUT http"))
		return HTTP_PUT;
	if (HTTP_STARTS(s, "DELETE /") || HTTP_STARTS(s, "DELETE http"))
		return HTTP_DELETE;
	if (HTTP_STARTS(s, "PATCH /") || HTTP_STARTS(s, "PATCH http"))
		return HTTP_PATCH;
	if (HTTP_STARTS(s, "TRACE /") || HTTP_STARTS(s, "TRACE http"))
		return HTTP_TRACE;
	if (HTTP_STARTS(s, "OPTIONS /") || HTTP_STARTS(s, "OPTIONS *") || HTTP_STARTS(s, "OPTIONS http"))
		return HTTP_OPTIONS;
	if (HTTP_STARTS(s, "CONNECT ") && s->bytes[8] > ' ')
		return HTTP_CONNECT;
	return HTTP_NOTHING;
}

/* The status of an answer, 100 to 599, or 0. */
__attribute__((noinline)) __u32 http_status(const struct http_start *s)
{
	__u32 hundreds, tens, ones;

	if (!s || !HTTP_STARTS(s, "HTTP/1.") || (s->bytes[7] != '0' && s->bytes[7] != '1') ||
	    s->bytes[8] != ' ')
		return 0;
	hundreds = (__u8)s->bytes[9] - '0';
	tens = (__u8)s->bytes[10] - '0';
	ones = (__u8)s->bytes[11] - '0';
	if (hundreds < 1 || hundreds > 5 || tens > 9 || ones > 9)
		return 0;
	if (s->bytes[12] != ' ' && s->bytes[12] != '\r')
		return 0;
	return hundreds * 100 + tens * 10 + ones;
}

/* The record of a TLS handshake with which a client begins: its hello. */
static __always_inline bool http_is_tls(const struct http_start *s)
{
	return s->bytes[0] == 0x16 && s->bytes[1] == 0x03 && (__u8)s->bytes[2] <= 4 && s->bytes[5] == 1;
}

__attribute__((noinline)) __u32 http_kind(const struct http_start *s)
{
	__u32 status;

	if (!s)
		return HTTP_NOTHING;
	status = http_status(s);
	if (status)
		return HTTP_ANSWER + status;
	if (http_is_tls(s))
		return HTTP_TLS;
	if (HTTP_STARTS(s, "PRI * HTTP/2.0\r\n"))
		return HTTP_H2;
	return http_request(s);
}

__attribute__((noinline)) __u32 http_method_length(__u32 kind)
{
	switch (kind) {
	case HTTP_GET:
	case HTTP_PUT:
		return 3;
	case HTTP_HEAD:
	case HTTP_POST:
		return 4;
	case HTTP_TRACE:
	case HTTP_PATCH:
		return 5;
	case HTTP_DELETE:
		return 6;
	default:
		return 7;
	}
}

struct http_method {
	char text[8];
};

/* One branch with one constant each: a table would be a map. */
__attribute__((noinline)) int http_method_name(struct http_method *m, __u32 kind)
{
	if (!m)
		return 0;
	if (kind == HTTP_GET)
		__builtin_memcpy(m->text, "GET\0\0\0\0", 8);
	else if (kind == HTTP_HEAD)
		__builtin_memcpy(m->text, "HEAD\0\0\0", 8);
	else if (kind == HTTP_POST)
		__builtin_memcpy(m->text, "POST\0\0\0", 8);
	else if (kind == HTTP_PUT)
		__builtin_memcpy(m->text, "PUT\0\0\0\0", 8);
	else if (kind == HTTP_DELETE)
		__builtin_memcpy(m->text, "DELETE\0", 8);
	else if (kind == HTTP_CONNECT)
		__builtin_memcpy(m->text, "CONNECT", 8);
	else if (kind == HTTP_OPTIONS)
		__builtin_memcpy(m->text, "OPTIONS", 8);
	else if (kind == HTTP_TRACE)
		__builtin_memcpy(m->text, "TRACE\0\0", 8);
	else if (kind == HTTP_PATCH)
		__builtin_memcpy(m->text, "PATCH\0\0", 8);
	else if (kind == HTTP_H2)
		__builtin_memcpy(m->text, "h2\0\0\0\0\0", 8);
	else if (kind == HTTP_TLS)
		__builtin_memcpy(m->text, "tls\0\0\0\0", 8);
	else
		__builtin_memcpy(m->text, "unknown", 8);
	return 0;
}

struct http_target {
	char text[64];
};

/* What a request asks for becomes a path: without query, nothing at all unless it starts with a slash (a
 * whole URI may hold a password), at most 63 bytes. Without branches inside: Linux 6.1 takes no loop that is
 * entered again but by a jump. */
__attribute__((noinline)) int http_cut_target(struct http_target *target)
{
	__u32 over;

	if (!target)
		return 0;
	target->text[sizeof(target->text) - 1] = 0;
	over = target->text[0] != '/';
	for (__u32 i = 0; i < sizeof(target->text); i++) {
		__u32 c = (__u8)target->text[i];

		over |= (c - '!' > '~' - '!') | (c == '?') | (c == '#');
		target->text[i] = c & (over - 1);
	}
	return 0;
}
