/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Making signatures: the CMS of docs/FORMAT-bundle.md over a manifest and the PKCS#7 that the kernel checks
 * over a light skeleton. Only the command line and the build sign; no process of the daemon does.
 */
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/refusal.h"

/* A private key with its certificate. */
struct signing_key;

/* Reads both from PEM; the key must be unencrypted. REFUSAL_INVALID_ARGUMENT ("key" or "certificate") if one
 * cannot be read or they do not belong together. */
int signing_key_from_pem(const char *key_pem, size_t key_size, const char *cert_pem, size_t cert_size,
			 struct signing_key **ret, struct refusal *refusal);
struct signing_key *signing_key_free(struct signing_key *key);
DEFINE_CLEANUP(struct signing_key *, signing_key_free)

/* Signs content: detached, signed attributes, leaf embedded, SHA-384 for P-384 keys and SHA-256 otherwise.
 * The result was verified under the profile as of now (seconds since the epoch), so a key or certificate that
 * every verifier would refuse is refused here with the same REFUSAL_SIGNATURE_INVALID. The caller frees *ret.
 */
int cms_sign(const struct signing_key *key, const void *content, size_t content_size, int64_t now,
	     uint8_t **ret_der, size_t *ret_size, struct refusal *refusal);

/* PKCS#7 over insns followed by data for the kernel's BPF_PROG_LOAD signature (linux/bpf.h), the same as
 * `openssl cms -sign -binary -noattr -nocerts -keyid -md sha256 -outform DER`. The caller frees *ret. */
int ksig_sign(const struct signing_key *key, const void *insns, size_t insns_size, const void *data,
	      size_t data_size, uint8_t **ret_der, size_t *ret_size, struct refusal *refusal);

/* Makes an EC P-256 CA, whose key is thrown away at once, and a code-signing leaf under it that is valid from
 * now (seconds since the epoch) for twenty years. The leaf's private key exists in *ret_key only. The caller
 * frees the PEM texts. name becomes the common name. 0, -ENOMEM, -EIO, or -EINVAL if it has over 64 bytes. */
int signing_make_throwaway(const char *name, int64_t now, struct signing_key **ret_key, char **ret_leaf_pem,
			   char **ret_ca_pem);
