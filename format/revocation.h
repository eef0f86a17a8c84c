/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What is not to be used any more, and the file that says so: revocations.json, rules L1… of
 * docs/FORMAT-bundle.md. Like a manifest it is strict JSON whose first bytes name its purpose, and it is read
 * only once some role's signatures over it were found good.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "common/refusal.h"

enum revocation_kind {
	REVOKED_BUNDLE = 0,  /* name and serial */
	REVOKED_BELOW,       /* name: every serial below this one */
	REVOKED_FILE,        /* digest: bundles that hold a file of this SHA-256 */
	REVOKED_KEY,         /* digest: signatures by a key, SHA-256 of its SubjectPublicKeyInfo */
	REVOKED_CERTIFICATE, /* digest: signatures by a certificate, SHA-256 of its DER form */
	_REVOCATION_KIND_MAX,
};
const char *revocation_kind_name(uint32_t kind); /* "bundle"; NULL outside the enumeration */

/* Fixed-size and pointer-free: it crosses process boundaries. */
struct revocation {
	uint32_t kind; /* enum revocation_kind */
	uint32_t reserved;
	uint64_t serial;
	char name[PROBE_NAME_MAX];
	uint8_t digest[DIGEST_SIZE];
	char reason[REVOCATION_REASON_MAX]; /* for those whose attachments end; may be empty */
};

/* "tcp.state-3", "key 0123…": what it is about, for people and the log. */
#define REVOCATION_WHAT_MAX (PROBE_NAME_MAX + 2 * DIGEST_SIZE + 32)
void revocation_describe(const struct revocation *revocation, char *buffer, size_t size);

#define REVOCATIONS_NAME   "revocations.json"
#define REVOCATIONS_PREFIX "{\"type\":\"bpfwarden-revocations/v1\","

/* Parses the exact bytes of the file into a new array that the caller frees. Returns 0, -ENOMEM or
 * REFUSAL_TRUST_INVALID with the broken rule as its subject. */
int revocations_parse(const char *bytes, size_t size, struct revocation **ret, size_t *ret_n,
		      struct refusal *refusal);

/* True if the struct keeps the promises of its comment: for one that came from another process. */
bool revocation_check(const struct revocation *revocation);

/* The bytes of such a file, not NUL-terminated, which the caller frees. issued: seconds since the epoch.
 * Returns 0, -ENOMEM or REFUSAL_TRUST_INVALID: they are too many. */
int revocations_write(uint64_t issued, const struct revocation *revoked, size_t n, char **ret,
		      size_t *ret_size, struct refusal *refusal);
