/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of struct signing_key. */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "signing/sign.h"

struct signing_key {
	EVP_PKEY *key;
	X509 *certificate;
};

/* The first certificate of a PEM text, which the caller frees; NULL: there is none. */
X509 *certificate_from_pem(const char *pem, size_t size);
