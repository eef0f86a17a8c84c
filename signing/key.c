/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private keys with their certificates: from PEM or from a token. */
#include "signing/key.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/pem.h>

#include "signing/certificate.h"
#include "signing/key-pkcs11.h"

static void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}

struct signing_key *signing_key_free(struct signing_key *key)
{
	if (!key)
		return NULL;
	EVP_PKEY_free(key->key);
	X509_free(key->certificate);
	free(key);
	return NULL;
}

/* Answers every question for a password with "none", so that OpenSSL does not ask the terminal. */
static int no_password(char *buffer, int size, int rwflag, void *unused)
{
	(void)buffer;
	(void)size;
	(void)rwflag;
	(void)unused;
	return -1;
}

static EVP_PKEY *read_key(const char *pem, size_t size)
{
	__attribute__((cleanup(bio_free_p))) BIO *bio =
		size <= INT_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;

	return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
}

X509 *certificate_from_pem(const char *pem, size_t size)
{
	__attribute__((cleanup(bio_free_p))) BIO *bio =
		size <= INT_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;

	return bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
}

/* Completes key with its certificate. */
static int add_certificate(struct signing_key *key, const char *pem, size_t size, struct refusal *refusal)
{
	key->certificate = certificate_from_pem(pem, size);
	if (!key->certificate)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "certificate",
				   "this is not a certificate in PEM form");
	if (!X509_check_private_key(key->certificate, key->key))
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "certificate",
				   "the certificate is that of another key");
	return 0;
}

int signing_key_from_pem(const char *key_pem, size_t key_size, const char *cert_pem, size_t cert_size,
			 struct signing_key **ret, struct refusal *refusal)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = calloc(1, sizeof(*key));
	_cleanup_openssl_errors_;
	int r;

	if (!key)
		return -ENOMEM;
	key->key = read_key(key_pem, key_size);
	if (!key->key)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "key",
				   "this is not an unencrypted private key in PEM form");
	r = add_certificate(key, cert_pem, cert_size, refusal);
	if (!r)
		*ret = take_ptr(key);
	return r;
}

bool signing_key_is_uri(const char *text)
{
	return !strncmp(text, PKCS11_SCHEME, strlen(PKCS11_SCHEME));
}

int signing_key_from_uri(const char *text, const char *cert_pem, size_t cert_size, struct signing_key **ret,
			 struct refusal *refusal)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = calloc(1, sizeof(*key));
	_cleanup_(pkcs11_uri_done) struct pkcs11_uri uri = {};
	_cleanup_openssl_errors_;
	int r;

	if (!key)
		return -ENOMEM;
	r = pkcs11_uri_parse(text, &uri, refusal);
	if (!r)
		r = pkcs11_load_key(&uri, &key->key, refusal);
	if (!r)
		r = add_certificate(key, cert_pem, cert_size, refusal);
	if (!r)
		*ret = take_ptr(key);
	return r;
}

/* What was written to bio, as text that the caller frees. */
static char *bio_text(BIO *bio)
{
	char *bytes = NULL;
	long n = BIO_get_mem_data(bio, &bytes);

	return strndup(bytes, (size_t)n);
}

int signing_key_to_pem(const struct signing_key *key, char **ret_key_pem, char **ret_cert_pem)
{
	__attribute__((cleanup(bio_free_p))) BIO *cert = BIO_new(BIO_s_mem()), *private = NULL;
	_cleanup_free_ char *cert_pem = NULL;
	_cleanup_openssl_errors_;

	private = BIO_new(BIO_s_secmem());
	if (!cert || !private || !PEM_write_bio_X509(cert, key->certificate))
		return -ENOMEM;
	if (ret_key_pem && !PEM_write_bio_PrivateKey(private, key->key, NULL, NULL, 0, NULL, NULL))
		return -ENOMEM;
	cert_pem = bio_text(cert);
	if (!cert_pem)
		return -ENOMEM;
	if (ret_key_pem) {
		*ret_key_pem = bio_text(private);
		if (!*ret_key_pem)
			return -ENOMEM;
	}
	*ret_cert_pem = take_ptr(cert_pem);
	return 0;
}
