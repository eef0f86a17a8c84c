/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Making signatures: the CMS of docs/FORMAT-bundle.md over a manifest and the PKCS#7 that the kernel checks
 * over a light skeleton; and keys and certificates for those who have none. Only the command line and the
 * build sign; this is a library of its own that no process of the daemon links.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/refusal.h"
#include "signing/cms.h"

/* A private key with its certificate. */
struct signing_key;

/* Reads both from PEM; the key must be unencrypted. REFUSAL_INVALID_ARGUMENT ("key" or "certificate") if one
 * cannot be read or they do not belong together. */
int signing_key_from_pem(const char *key_pem, size_t key_size, const char *cert_pem, size_t cert_size,
			 struct signing_key **ret, struct refusal *refusal);

/* The same for a key that a pkcs11: URI names (RFC 7512); asks the terminal for the PIN if the URI has none.
 * Refusals as in signing/key-pkcs11.h, or "certificate". No PIN is ever in one. */
bool signing_key_is_uri(const char *text);
int signing_key_from_uri(const char *uri, const char *cert_pem, size_t cert_size, struct signing_key **ret,
			 struct refusal *refusal);

/* Both as PEM texts that the caller frees. ret_key_pem may be NULL. 0 or -ENOMEM. */
int signing_key_to_pem(const struct signing_key *key, char **ret_key_pem, char **ret_cert_pem);

struct signing_key *signing_key_free(struct signing_key *key);
DEFINE_CLEANUP(struct signing_key *, signing_key_free)

/* Signs content: detached, signed attributes, leaf embedded, SHA-384 for P-384 keys and SHA-256 otherwise.
 * The result was verified under the profile as of now (seconds since the epoch), so a key or certificate that
 * every verifier would refuse is refused here with the same REFUSAL_SIGNATURE_INVALID. The caller frees *ret.
 */
int cms_sign(const struct signing_key *key, const void *content, size_t content_size, int64_t now,
	     uint8_t **ret_der, size_t *ret_size, struct refusal *refusal);

/* Holds a signature that was made elsewhere against the profile as of now, as cms_sign() does its own: whose
 * CA counts is for trust.conf to say. cert_pem: the signer's certificate, NULL if it is the embedded one.
 * Returns 0, -ENOMEM, REFUSAL_SIGNATURE_INVALID, or REFUSAL_INVALID_ARGUMENT ("certificate": it cannot be
 * read, or there is none). */
int cms_check(const void *sig, size_t sig_size, const void *content, size_t content_size,
	      const char *cert_pem, size_t cert_size, int64_t now, struct cms_signer *ret_signer,
	      struct refusal *refusal);

/* Whose certificate it is: everything but the algorithm. 0, -ENOMEM or REFUSAL_INVALID_ARGUMENT. */
int cms_signer_from_pem(const char *cert_pem, size_t cert_size, struct cms_signer *ret,
			struct refusal *refusal);

/* PKCS#7 over insns followed by data for the kernel's BPF_PROG_LOAD signature (linux/bpf.h), the same as
 * `openssl cms -sign -binary -noattr -nocerts -keyid -md sha256 -outform DER`. The caller frees *ret. */
int ksig_sign(const struct signing_key *key, const void *insns, size_t insns_size, const void *data,
	      size_t data_size, uint8_t **ret_der, size_t *ret_size, struct refusal *refusal);

/* True if the kernel's signature names the key of a certificate that is embedded in a manifest's: a signature
 * without attributes over bytes of somebody's choice must not come from a key whose signatures have them (RFC
 * 5652 5.4), however unlikely such bytes are in a skeleton. */
bool ksig_is_by_signer(const void *ksig, size_t ksig_size, const void *sig, size_t sig_size);

/* ---- authority.c: EC P-256 throughout; times are seconds since the epoch. 0, -ENOMEM, -EIO, or -EINVAL if a
 * name, which becomes the common name, is empty or has over 64 bytes. ---- */

/* A new issuing CA, self-signed; the result signs certificates, not bundles. */
int signing_make_authority(const char *name, int64_t now, unsigned days, struct signing_key **ret);

/* A new key with a code-signing certificate of the CA. */
int signing_make_signer(const struct signing_key *authority, const char *name, int64_t now, unsigned days,
			struct signing_key **ret);

/* Makes a CA, whose key is thrown away at once, and a signer under it that is valid for twenty years. The
 * leaf's private key exists in *ret_key only. The caller frees the PEM texts. */
int signing_make_throwaway(const char *name, int64_t now, struct signing_key **ret_key, char **ret_leaf_pem,
			   char **ret_ca_pem);

/* Makes an RSA 3072 key with a certificate of its own for ksig_sign(): RSA because such a signature is the
 * same each time, and every kernel that can verify at all knows it. Otherwise as above. */
int signing_make_kernel_throwaway(const char *name, int64_t now, struct signing_key **ret_key);

/* True if both are the same key, whatever their certificates. */
bool signing_key_same(const struct signing_key *a, const struct signing_key *b);

/* The certificate in DER, as the kernel's keyrings take it. The caller frees *ret_der. */
int signing_key_certificate(const struct signing_key *key, uint8_t **ret_der, size_t *ret_size);
