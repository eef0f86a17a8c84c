/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Verification of one detached CMS signature (RFC 5652) under the profile of docs/FORMAT-bundle.md, rules S1
 * to S14. Every refusal is REFUSAL_SIGNATURE_INVALID with the broken rule as its subject, or, where anchors
 * are loaded, REFUSAL_TRUST_INVALID with the file.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "common/refusal.h"

/* Bits of the algorithms that anchors may restrict signatures to. The digest is SHA-256 or SHA-384. */
enum cms_algorithm {
	CMS_ECDSA_P256 = 1U << 0,
	CMS_ECDSA_P384 = 1U << 1,
	CMS_RSA_PKCS1 = 1U << 2,
	CMS_RSA_PSS = 1U << 3,
	CMS_ALGORITHMS_ALL = (1U << 4) - 1,
};
const char *cms_algorithm_name(uint32_t algorithm); /* "ecdsa-p256"; NULL unless exactly one bit is set */
bool cms_algorithm_from_name(const char *name, uint32_t *ret); /* false: unknown */

/* Who signed. Fixed-size and pointer-free: it crosses process boundaries. */
struct cms_signer {
	uint8_t key[DIGEST_SIZE];         /* SHA-256 of the SubjectPublicKeyInfo: the key's identity */
	uint8_t certificate[DIGEST_SIZE]; /* SHA-256 of the certificate's DER form */
	uint8_t twin[DIGEST_SIZE];        /* what certificate could be as well: see certificate_twin() */
	int64_t not_after;                /* of the certificate, seconds since the epoch */
	int64_t valid_until;              /* of it, its issuer's and their CRLs, whichever ends first */
	uint32_t algorithm;               /* enum cms_algorithm */
	uint32_t reserved;
	char subject[128]; /* RFC 2253 text in ASCII, cut if it is longer */
};

/* Initialises libcrypto without its configuration file: what is accepted must not depend on openssl.cnf or
 * the environment. To be called once, before anything else of libcrypto, by processes that verify. 0 or -EIO.
 */
int cms_initialize(void);

/* What signatures are held against: issuing CAs, pinned leaves, CRLs, algorithms. */
struct cms_trust;

/* An empty one accepts nothing. NULL: out of memory. */
struct cms_trust *cms_trust_new(void);
struct cms_trust *cms_trust_free(struct cms_trust *trust);
DEFINE_CLEANUP(struct cms_trust *, cms_trust_free)

/* Add the PEM blocks of one file (at least one, nothing but the expected type). `file` is the refusal's
 * subject. Returns 0, -ENOMEM or REFUSAL_TRUST_INVALID; then nothing was added. */
int cms_trust_add_issuers(struct cms_trust *trust, const char *file, const char *pem, size_t size,
			  struct refusal *refusal);
int cms_trust_add_pinned(struct cms_trust *trust, const char *file, const char *pem, size_t size,
			 struct refusal *refusal);
int cms_trust_add_crls(struct cms_trust *trust, const char *file, const char *pem, size_t size,
		       struct refusal *refusal);

/* From now on a leaf that was issued by a CA is accepted only with a current CRL of that CA. */
void cms_trust_require_crl(struct cms_trust *trust);
void cms_trust_set_algorithms(struct cms_trust *trust, uint32_t algorithms);

/* Instead of a time: rules S12 and S13 do not apply. For lists of revocations, which must not lapse with the
 * certificate of who signed them. */
#define CMS_AT_NO_TIME INT64_MIN

/* Verifies the DER bytes sig as a detached signature over content. now: seconds since the epoch; the time
 * that the signer claims is not believed. ret_signer may be NULL. Returns 0, -ENOMEM or
 * REFUSAL_SIGNATURE_INVALID. */
int cms_verify(const void *sig, size_t sig_size, const void *content, size_t content_size,
	       const struct cms_trust *trust, int64_t now, struct cms_signer *ret_signer,
	       struct refusal *refusal);

/* The same for who knows that it was later once than the clock says now: what was over by then stays over,
 * and what begins after now has not begun. A known time before now adds nothing. */
struct cms_time {
	int64_t now, known;
};
#define CMS_BEHIND " (by the latest time that is known; the clock is behind it)" /* in refusals for that */
int cms_verify_at(const void *sig, size_t sig_size, const void *content, size_t content_size,
		  const struct cms_trust *trust, struct cms_time time, struct cms_signer *ret_signer,
		  struct refusal *refusal);
