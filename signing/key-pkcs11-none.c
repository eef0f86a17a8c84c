/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds that reach no token. */
#include "signing/key-pkcs11.h"

int pkcs11_load_key(const struct pkcs11_uri *uri, EVP_PKEY **ret, struct refusal *refusal)
{
	(void)ret;
	return refusal_set(
		refusal, REFUSAL_UNAVAILABLE, "pkcs11",
		"%s: this build reaches no PKCS#11 token (meson -Dpkcs11=none); sign outside, with "
		"bundle sign --prepare and --attach",
		uri->path);
}
