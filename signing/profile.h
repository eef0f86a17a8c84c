/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The shape of an acceptable signature: rules S1 to S6 of docs/FORMAT-bundle.md, checked on the bytes before
 * OpenSSL sees them. What passes has no part that the signature, or its certificate's own, does not cover,
 * except what is fixed here to one value.
 */
#include <stddef.h>
#include <stdint.h>

#include "common/refusal.h"
#include "signing/der.h"

enum profile_digest {
	PROFILE_SHA256,
	PROFILE_SHA384,
};

enum profile_scheme {
	PROFILE_ECDSA,
	PROFILE_RSA_PKCS1,
	PROFILE_RSA_PSS,
};

struct profile {
	enum profile_digest digest;
	enum profile_scheme scheme;
	struct der certificate; /* size 0: none is embedded */
	struct der_item
		signer; /* SignerIdentifier: SEQUENCE of issuer and serial number, or [0] key identifier */
	struct der message_digest; /* the value of the signed attribute */
};

/* ret points into sig. Returns 0 or REFUSAL_SIGNATURE_INVALID. */
int profile_check(const void *sig, size_t size, struct profile *ret, struct refusal *refusal);
