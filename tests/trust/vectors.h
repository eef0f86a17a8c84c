/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Bundles with everything that decides about them, and what the verdict must be. Those that are refused break
 * exactly one rule of docs/FORMAT-bundle.md, or name another one that has a part in it. The files
 * are those of tests/pki/make.
 */
#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"

enum openssl_says {
	OPENSSL_NOT_ASKED = 0, /* the rule is not about a single signature */
	OPENSSL_REFUSES,
	OPENSSL_ACCEPTS, /* too: where the vector is refused, we are stricter */
};

struct vector {
	const char *name;
	const char *rule, *reason; /* NULL: accepted; a part of the refusal's text */
	const char *signatures[SIGNATURES_MAX + 1];
	const char *trust;       /* trust.conf; NULL: trust_of_ca */
	const char *manifest;    /* NULL: content.json */
	const char *revocations; /* "key" for revoked-key.json; NULL: none */
	const char *own;         /* the same entries as if `registry revoke` had made them */
	bool experimental;       /* to be enrolled in that channel */
	uint64_t highest;        /* serial that it ever saw */
	int64_t later;           /* seconds from now */
	int64_t known;           /* seconds from now: a time that was there already; 0: none */
	enum openssl_says openssl;
	const char *cafile;     /* for openssl; NULL: cafile.pem */
	const char *other_rule; /* which has a part in it as well */
};

extern const struct vector vectors[]; /* NULL-named at the end */

extern const char trust_of_ca[];
