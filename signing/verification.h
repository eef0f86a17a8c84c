/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One signature that is being held against the anchors of one role: what its rules look at. */
#include <openssl/cms.h>
#include <openssl/x509.h>

#include "signing/cms.h"
#include "signing/profile.h"

struct verification {
	const struct cms_trust *trust;
	const void *content;
	size_t content_size;
	int64_t now, known; /* known is not before now */
	struct profile profile;

	/* Once the form is right: */
	CMS_ContentInfo *cms;
	X509 *leaf;   /* the signer's certificate, embedded or pinned; NULL: there is none */
	X509 *issuer; /* the CA of the role that issued it; borrowed; NULL: none did, or it is pinned */
	bool pinned;
	const char *key_problem;  /* of the leaf's key; NULL: none */
	struct cms_signer signer; /* of the leaf; algorithm 0: its key cannot have made this signature */
};
