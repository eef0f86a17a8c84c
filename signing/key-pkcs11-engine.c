/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OpenSSL 3.0: the engine "pkcs11" of libp11 (Debian: libengine-pkcs11-openssl), which is loaded by name from
 * libcrypto's own directory and not through its configuration file. */
#include "signing/key-pkcs11.h"

#include <errno.h>

#include <openssl/engine.h>
#include <openssl/err.h>

#include "common/cleanup.h"

static void method_p(UI_METHOD **method)
{
	UI_destroy_method(*method);
}

/* The engine is never finished: the key's methods are in it, and the tokens' sessions end with the process.
 */
static ENGINE *open_engine(const struct pkcs11_uri *uri)
{
	ENGINE *engine = ENGINE_by_id("pkcs11");

	if (!engine)
		return NULL;
	/* What it would print on its own holds the whole URI. */
	if ((uri->module && !ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", uri->module, 0)) ||
	    !ENGINE_ctrl_cmd_string(engine, "QUIET", NULL, 1) || !ENGINE_init(engine)) {
		ENGINE_free(engine);
		return NULL;
	}
	return engine;
}

int pkcs11_load_key(const struct pkcs11_uri *uri, EVP_PKEY **ret, struct refusal *refusal)
{
	_cleanup_(method_p) UI_METHOD *method = pkcs11_pin_method();
	struct pkcs11_pin pin = { .value = uri->pin };
	ENGINE *engine;
	EVP_PKEY *key;
	int r;

	if (!method)
		return -ENOMEM;
	r = pkcs11_check_module(uri, refusal);
	if (r)
		return r;
	engine = open_engine(uri);
	if (!engine) {
		ERR_clear_error();
		return refusal_set(refusal, REFUSAL_UNAVAILABLE, "pkcs11",
				   "libcrypto has no engine \"pkcs11\": install libengine-pkcs11-openssl");
	}
	key = ENGINE_load_private_key(engine, uri->path, method, &pin);
	if (!key)
		return pkcs11_refuse(uri, &pin, "not this private key", refusal);
	*ret = key;
	return 0;
}
