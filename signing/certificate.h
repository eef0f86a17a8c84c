/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What is asked of every X.509 certificate and CRL (RFC 5280) that takes part in a verification, and reading
 * them from PEM. A "problem" is a static text that completes "the certificate …"; NULL: there is none.
 */
#include <stddef.h>
#include <stdint.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "common/cleanup.h"
#include "common/refusal.h"
#include "signing/cms.h"

struct certificates { /* a growing array, each with a reference of its own */
	X509 **x509;
	size_t n;
};

struct crls {
	X509_CRL **crl;
	size_t n;
};

#define CERTIFICATES_MAX 64 /* of one role; as many CRLs */

void certificates_clear(struct certificates *certificates);
void crls_clear(struct crls *crls);

/* Append what a PEM text holds. `check` gives the problem of one certificate or NULL. Returns 0, -ENOMEM or
 * REFUSAL_TRUST_INVALID with file as the subject; then nothing was added. */
int certificates_add_pem(struct certificates *certificates, const char *file, const char *pem, size_t size,
			 const char *(*check)(X509 *x509), struct refusal *refusal);
int crls_add_pem(struct crls *crls, const char *file, const char *pem, size_t size, struct refusal *refusal);

/* One certificate from its DER form, without a byte left over. NULL: it is malformed or memory is short. */
X509 *certificate_from_der(const uint8_t *der, size_t size);

/* Rule S11: the key. ret_algorithms (may be NULL): bit set of the enum cms_algorithm it can make. */
const char *certificate_key_problem(X509 *x509, uint32_t *ret_algorithms);

/* Rule S11: how the certificate itself was signed. */
const char *certificate_signature_problem(X509 *x509);

/* Rule S10: a leaf that may sign code. */
const char *certificate_leaf_problem(X509 *x509);

/* All of the above for a pinned leaf, and the rules of an issuing CA. */
const char *certificate_pinned_problem(X509 *x509);
const char *certificate_issuer_problem(X509 *x509);

/* Rule S12: begun by now, not over by known. */
const char *certificate_time_problem(X509 *x509, int64_t now, int64_t known);

static inline int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Seconds since the epoch; INT64_MAX if there is none, or none that can be read. */
int64_t certificate_not_before(X509 *x509);
int64_t certificate_not_after(X509 *x509);
int64_t crl_this_update(X509_CRL *crl);
int64_t crl_next_update(X509_CRL *crl);

/* An RFC 2253 name in printable ASCII, cut if it is longer. */
void certificate_name(const X509_NAME *name, char *buffer, size_t size);

/* Fills everything but the algorithm and valid_until; twin is certificate. 0 or -ENOMEM. */
int certificate_describe(X509 *x509, struct cms_signer *ret);

/* An ECDSA signature (r, s) has a second value, (r, n - s), that anybody can make of the first (SEC 1 4.1).
 * So a certificate has a second DER form, on which its CA's signature verifies as well. Its SHA-256;
 * untouched if the CA's key is not EC. x509 is signed by ca. 0 or -ENOMEM. */
int certificate_twin(X509 *x509, EVP_PKEY *ca, uint8_t ret[DIGEST_SIZE]);

static inline void x509_free_p(X509 **x509)
{
	X509_free(*x509);
}

/* OpenSSL's queue of errors is a thread's; a verdict must leave nothing in it. */
static inline void openssl_clear_errors(void *unused)
{
	(void)unused;
	ERR_clear_error();
}
#define _cleanup_openssl_errors_ \
	__attribute__((cleanup(openssl_clear_errors), unused)) char openssl_errors_ = 0
