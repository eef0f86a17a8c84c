/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OpenSSL 3.2 and later: OSSL_STORE and the provider "pkcs11" (Debian: pkcs11-provider), which is loaded by
 * name and not through libcrypto's configuration file. */
#include "signing/key-pkcs11.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#include "common/cleanup.h"

static void method_p(UI_METHOD **method)
{
	UI_destroy_method(*method);
}

static void store_p(OSSL_STORE_CTX **store)
{
	OSSL_STORE_close(*store);
}

/* Providers stay: the key is in one. As soon as one is loaded by hand, libcrypto loads no other by itself. */
static bool open_provider(const struct pkcs11_uri *uri)
{
	/* The provider's only way to be told so without a configuration file. */
	if (uri->module && setenv("PKCS11_PROVIDER_MODULE", uri->module, 1) < 0)
		return false;
	return OSSL_PROVIDER_load(NULL, "default") && OSSL_PROVIDER_load(NULL, "pkcs11");
}

static EVP_PKEY *read_key(const struct pkcs11_uri *uri, const UI_METHOD *method, struct pkcs11_pin *pin)
{
	_cleanup_(store_p) OSSL_STORE_CTX *store = NULL;
	EVP_PKEY *key = NULL;

	store = OSSL_STORE_open_ex(uri->path, NULL, "provider=pkcs11", method, pin, NULL, NULL, NULL);
	if (!store || !OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY))
		return NULL;
	while (!key && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
		if (!info)
			break;
	}
	return key;
}

int pkcs11_load_key(const struct pkcs11_uri *uri, EVP_PKEY **ret, struct refusal *refusal)
{
	_cleanup_(method_p) UI_METHOD *method = pkcs11_pin_method();
	struct pkcs11_pin pin = { .value = uri->pin };
	EVP_PKEY *key;
	int r;

	if (!method)
		return -ENOMEM;
	r = pkcs11_check_module(uri, refusal);
	if (r)
		return r;
	if (!open_provider(uri)) {
		ERR_clear_error();
		return refusal_set(refusal, REFUSAL_UNAVAILABLE, "pkcs11",
				   "libcrypto has no provider \"pkcs11\": install pkcs11-provider");
	}
	key = read_key(uri, method, &pin);
	if (!key)
		return pkcs11_refuse(uri, &pin,
				     "it does not hold this private key or the PIN is wrong, and "
				     "pkcs11-provider does not tell which",
				     refusal);
	*ret = key;
	return 0;
}
