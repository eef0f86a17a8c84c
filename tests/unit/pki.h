/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Files of the test PKI that tests/pki/make made, for the tests of signing/. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signing/cms.h"

/* The directory, from the environment variable BPFWARDEN_TEST_PKI; fails the test if it is not set. */
const char *pki_directory(void);

/* The bytes of a file in it, which the caller frees. */
char *pki_read(const char *name, size_t *ret_size);

void pki_write(const char *name, const void *bytes, size_t size);

struct pki_anchors {
	const char *issuers, *pinned, *crl; /* file names */
	bool require_crl;
	uint32_t algorithms; /* 0: all */
};
extern const struct pki_anchors pki_by_ca;

struct cms_trust *pki_trust(const struct pki_anchors *anchors);

/* cms_verify() of two files; OpenSSL's queue of errors must be empty afterwards. */
int pki_verify(const char *signature, const char *content, const struct pki_anchors *anchors, int64_t at,
	       struct cms_signer *ret_signer, struct refusal *refusal);

/* The command that docs/FORMAT-bundle.md gives to those who do not want to believe our code. */
bool pki_openssl_accepts(const char *signature, const char *content, const char *cafile);
void pki_assert_openssl_agrees(const char *signature, const char *content, const char *cafile);
