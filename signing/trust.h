/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Roles: who may sign which bundles, and how many must. Loaded from trust.conf in the layered trust
 * directories; rules T1… of docs/FORMAT-bundle.md. Verification has two steps because nothing of a manifest
 * may be parsed before its bytes were found to be signed: signatures first, then, with the parsed name, the
 * questions whether those who signed may sign that name and whether anybody took it back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "common/refusal.h"
#include "format/revocation.h"
#include "format/spec.h"
#include "signing/cms.h"

enum trust_may {
	TRUST_MAY_ENROLL_PRODUCTION = 1U << 0,
	TRUST_MAY_ENROLL_EXPERIMENTAL = 1U << 1,
	TRUST_MAY_REVOKE = 1U << 2,
};

/* The three layers as installed, most specific first, NULL at the end. */
extern const char *const trust_directories[];

struct trust;

/* Loads every *.conf of the directories (a name in an earlier directory masks the same name in later ones; an
 * empty file or a link to /dev/null masks too) with the certificates and CRLs named in it, which are looked
 * up beside it. Files must belong to root or owner and be writable by nobody else. Missing directories are
 * empty. Returns 0, -errno or REFUSAL_TRUST_INVALID with file:line:column. */
int trust_load(const char *const *directories, uid_t owner, struct trust **ret, struct refusal *refusal);
struct trust *trust_free(struct trust *trust);
DEFINE_CLEANUP(struct trust *, trust_free)

struct trust_signature {
	const void *bytes;
	size_t size;
};

/* Which roles accept the signatures. Fixed-size, pointer-free. */
struct trust_result {
	uint32_t met; /* bit n: the threshold of roles[n] is met */
	uint32_t n_roles;
	struct trust_result_role {
		char name[OBJECT_NAME_MAX];
		uint32_t may;       /* enum trust_may */
		uint32_t threshold; /* distinct keys needed */
		uint32_t signers;   /* bit n: signers[n] counts for this role */
	} roles[TRUST_ROLES_MAX];
	uint32_t n_signers; /* distinct certificates */
	uint32_t reserved;
	struct cms_signer signers[SIGNATURES_MAX];
};

/* How many distinct keys these signers, as bits, have: two certificates of one key, or two files by one
 * signer, are one. */
unsigned int trust_result_keys(const struct trust_result *result, uint32_t signers);

/* Everything about one bundle's manifest: signatures, then its bytes are parsed, then what roles, times and
 * revocations say about what was found. */
struct trust_input {
	const void *manifest;
	size_t manifest_size;
	const struct trust_signature *signatures;
	size_t n_signatures;
	int64_t now;                      /* seconds since the epoch */
	int64_t known;                    /* what was over by then stays over, whatever now is; 0: nothing */
	const struct revocation *revoked; /* beyond those of the trust directories; may be NULL */
	size_t n_revoked;
};

struct trust_verdict {
	uint8_t digest[DIGEST_SIZE]; /* SHA-256 of the manifest */
	uint32_t may;                /* enum trust_may of the roles that count, together */
	int64_t valid_until;         /* seconds since the epoch: until then, what is said here cannot change
					by the passing of time; INT64_MAX: never */
	struct spec spec;
};

/* Returns 0, -errno, REFUSAL_SIGNATURE_INVALID, REFUSAL_BUNDLE_INVALID (the manifest) or REFUSAL_REVOKED.
 * *ret (may be NULL) is written on success only; *ret_result (may be NULL) also when it was refused, as far
 * as it got: it says "1 of 2". */
int trust_verify(const struct trust *trust, const struct trust_input *input, struct trust_verdict *ret,
		 struct trust_result *ret_result, struct refusal *refusal);

/* Enrolment and promotion of a bundle that was found good. */
struct trust_enrolment {
	const char *bundle;  /* "tcp.state-3", the refusal's subject */
	const char *signers; /* role names, for the refusal */
	uint32_t may;        /* of the verdict */
	bool production;     /* the channel that it shall be in */
	uint64_t serial;
	uint64_t highest; /* serial that this name ever had in the channel; 0: none */
};
/* 0, REFUSAL_SIGNATURE_INVALID or REFUSAL_SERIAL_ROLLBACK. */
int trust_check_enrolment(const struct trust_enrolment *enrolment, struct refusal *refusal);

/* For `bpfwarden trust show`: role n, or false beyond the last. */
struct trust_role_info {
	const char *name, *file; /* owned by trust */
	uint32_t line, threshold, may, algorithms;
	const char *const *names; /* globs, NULL at the end */
	bool crl;                 /* leaves that a CA issued need a current CRL */
	size_t n_certificates, n_crls;
};
bool trust_role(const struct trust *trust, size_t n, struct trust_role_info *ret);

struct trust_certificate_info {
	struct cms_signer identity; /* algorithm 0; subject, digests, not_after */
	int64_t not_before;
	bool pinned; /* a leaf; otherwise an issuing CA */
};
/* Certificate i of role n: first the issuing CAs, then the leaves. False beyond the last. */
bool trust_certificate(const struct trust *trust, size_t n, size_t i, struct trust_certificate_info *ret);

struct trust_crl_info {
	char issuer[128];
	int64_t next_update;
	size_t n_revoked;
};
bool trust_crl(const struct trust *trust, size_t n, size_t i, struct trust_crl_info *ret);

/* The entries of the trust directories' revocations.json, all files together; owned by trust. */
const struct revocation *trust_revocations(const struct trust *trust, size_t *ret_n);

/* That among them by which a signer does not count for bundles of this name; NULL: there is none. */
const struct revocation *trust_revoked_signer(const struct trust *trust, const struct spec *spec,
					      const struct cms_signer *signer);
