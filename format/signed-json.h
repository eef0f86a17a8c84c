/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * JSON that somebody signs, a manifest or a list of revocations: one meaning for everybody who reads it, and
 * first bytes that name what it is for, so that no signature over one kind counts for another. The first six
 * rules of each kind in docs/FORMAT-bundle.md, M1 to M6 and L1 to L6.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/refusal.h"

struct signed_json {
	const char *what;   /* "the manifest" */
	const char *prefix; /* the first bytes */
	char rules;         /* 'M' */
	enum refusal_code code;
};

#define SIGNED_JSON_DEPTH_MAX 32

/* Reads all of the bytes, at most MANIFEST_SIZE_MAX, into an object that the caller releases. Returns 0,
 * -ENOMEM or form->code with the rule as its subject. */
int signed_json_load(const struct signed_json *form, const char *bytes, size_t size, json_t **ret,
		     struct refusal *refusal);

/* An integer from 0 to max; false: it is none. */
bool signed_json_integer(const json_t *value, uint64_t max, uint64_t *ret);

/* 64 lower-case hexadecimal digits; false: it is something else. */
bool signed_json_digest(const json_t *value, uint8_t ret[DIGEST_SIZE]);
