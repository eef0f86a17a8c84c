/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The form of a signature, read off its bytes before OpenSSL sees them: what rules S1 to S8 of
 * docs/FORMAT-bundle.md are about. What passes them has no part that the signature, or its certificate's own,
 * does not cover, except what is fixed there to one meaning. It is not fixed to one spelling: parameters of
 * algorithms are absent or NULL, PKCS #1 has two names, a pinned certificate is embedded or not, and an ECDSA
 * signature has two values. So the digest of a signature says nothing about who signed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/refusal.h"
#include "signing/der.h"

enum profile_digest { /* index into a table; what is none of these is no digest of ours */
		      PROFILE_SHA256,
		      PROFILE_SHA384,
		      PROFILE_NO_DIGEST = -1,
};

enum profile_scheme {
	PROFILE_NO_SCHEME,
	PROFILE_ECDSA,
	PROFILE_RSA_PKCS1,
	PROFILE_RSA_PSS,
};

/* Everything is taken as it is found; nothing here is a judgement. All pointers lead into the signature. */
struct profile {
	const char *encoding;             /* why it is not one DER element; NULL: it is */
	const char *problem;              /* why it holds no SignedData; NULL: it does */
	struct der first;                 /* its first element, which is what OpenSSL gets */
	struct der content_type;          /* eContentType */
	bool attached;                    /* there is an eContent */
	struct der certificates;          /* one after the other; bytes NULL: there is no such part */
	bool crls;                        /* there are revocation lists or other parts beside them */
	unsigned int n_signers;           /* the rest is about the first of them */
	uint8_t version[2];               /* of SignedData and SignerInfo; 0: it is not one byte */
	struct der_item signer;           /* SEQUENCE of issuer and serial number, or [0] key identifier */
	int digest, signer_digest;        /* enum profile_digest, of SignedData and SignerInfo */
	bool more_digests;                /* SignedData names another one, too */
	bool attributes;                  /* signed ones */
	unsigned int n_type, n_hash;      /* of contentType and messageDigest among them */
	struct der type, hash;            /* the last of each */
	struct der algorithm, parameters; /* of the signature; parameters: a whole item, size 0 if absent */
	bool unsigned_attributes;
};

void profile_read(const void *sig, size_t size, struct profile *ret);

/* Of the signature's algorithm; PROFILE_NO_SCHEME if it is none of ours, or one for another digest. */
enum profile_scheme profile_scheme(const struct profile *profile);

/* Rules S2 to S8 but S7, each about the profile alone. NULL: it holds; otherwise what is wrong. */
const char *profile_detached_problem(const struct profile *profile);   /* S2 */
const char *profile_type_problem(const struct profile *profile);       /* S3 */
const char *profile_signer_problem(const struct profile *profile);     /* S4 */
const char *profile_attributes_problem(const struct profile *profile); /* S5 */
const char *profile_algorithm_problem(const struct profile *profile);  /* S6 */
const char *profile_embedded_problem(const struct profile *profile);   /* S8 */
