/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Private keys that never leave a token: PKCS #11 (OASIS), named by a URI of RFC 7512. How libcrypto reaches
 * the token is for the build to choose: of key-pkcs11-engine.c, key-pkcs11-provider.c and key-pkcs11-none.c
 * one is linked. All of this runs in the command line only.
 *
 * Refusals are REFUSAL_INVALID_ARGUMENT or, where something is not there, REFUSAL_UNAVAILABLE; the subject is
 * one of "pkcs11", "pkcs11-uri", "pkcs11-module", "pkcs11-token", "pkcs11-key" and "pkcs11-pin". No PIN is in
 * any of them.
 */
#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/ui.h>

#include "common/refusal.h"

#define PKCS11_SCHEME  "pkcs11:"
#define PKCS11_PIN_MAX 256 /* with NUL */

struct pkcs11_uri {
	char *path;   /* the URI without its query: has no PIN, so it may be shown */
	char *module; /* of the query's module-path or PKCS11_MODULE_PATH; NULL: the default, p11-kit's */
	char *pin;    /* of pin-value or pin-source; NULL: to be asked for */
};

/* Reads a URI, and its PIN if that is in a file. To be freed with pkcs11_uri_done() in any case. Returns 0,
 * -ENOMEM or a refusal ("pkcs11-uri", "pkcs11-pin"). */
int pkcs11_uri_parse(const char *text, struct pkcs11_uri *ret, struct refusal *refusal);
void pkcs11_uri_done(struct pkcs11_uri *uri);

/* How libcrypto asks for a PIN: given, or asked for on the terminal without echo. */
struct pkcs11_pin {
	const char *value; /* NULL: ask */
	bool wanted;       /* a token was there and wanted one */
};
/* The method whose callback data is a struct pkcs11_pin; the caller frees it with UI_destroy_method(). NULL:
 * out of memory. */
UI_METHOD *pkcs11_pin_method(void);

/* Loads the module, if one is named, so that there is a reason if it cannot be. It stays loaded. 0 or a
 * refusal. */
int pkcs11_check_module(const struct pkcs11_uri *uri, struct refusal *refusal);

/* The key, which the caller frees; it works as long as the process lives. Returns 0, -errno or a refusal. */
int pkcs11_load_key(const struct pkcs11_uri *uri, EVP_PKEY **ret, struct refusal *refusal);

/* Turns what libcrypto's queue of errors says into a refusal; it is empty afterwards. otherwise: what to say
 * of a token that is there but gave no key, for no reason in the queue. */
int pkcs11_refuse(const struct pkcs11_uri *uri, const struct pkcs11_pin *pin, const char *otherwise,
		  struct refusal *refusal);
