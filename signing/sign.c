/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/sign.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "signing/anchors.h"
#include "signing/key.h"

static void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}

static void cms_free_p(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
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

static X509 *read_certificate(const char *pem, size_t size)
{
	__attribute__((cleanup(bio_free_p))) BIO *bio =
		size <= INT_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;

	return bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
}

int signing_key_from_pem(const char *key_pem, size_t key_size, const char *cert_pem, size_t cert_size,
			 struct signing_key **ret, struct refusal *refusal)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = calloc(1, sizeof(*key));
	_cleanup_openssl_errors_;

	if (!key)
		return -ENOMEM;
	key->key = read_key(key_pem, key_size);
	if (!key->key)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "key",
				   "this is not an unencrypted private key in PEM form");
	key->certificate = read_certificate(cert_pem, cert_size);
	if (!key->certificate)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "certificate",
				   "this is not a certificate in PEM form");
	if (!X509_check_private_key(key->certificate, key->key))
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "certificate",
				   "the certificate is that of another key");
	*ret = take_ptr(key);
	return 0;
}

static int export_der(CMS_ContentInfo *cms, uint8_t **ret_der, size_t *ret_size)
{
	_cleanup_free_ uint8_t *der = NULL;
	uint8_t *p;
	int n = i2d_CMS_ContentInfo(cms, NULL);

	if (n <= 0)
		return -ENOMEM;
	p = der = malloc((size_t)n);
	if (!der)
		return -ENOMEM;
	i2d_CMS_ContentInfo(cms, &p);
	*ret_der = take_ptr(der);
	*ret_size = (size_t)n;
	return 0;
}

/* One SignerInfo over content, finished; NULL if OpenSSL cannot. */
static CMS_ContentInfo *make_cms(const struct signing_key *key, const EVP_MD *md, BIO *content,
				 unsigned flags)
{
	__attribute__((cleanup(cms_free_p))) CMS_ContentInfo *cms = NULL;

	flags |= CMS_BINARY | CMS_DETACHED;
	cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL);
	if (!cms || !CMS_add1_signer(cms, key->certificate, key->key, md, flags) ||
	    !CMS_final(cms, content, NULL, flags))
		return NULL;
	return take_ptr(cms);
}

/* Only the leaf is held against the profile: whose CA counts is for trust.conf to say. */
static int check_made(const struct signing_key *key, const uint8_t *der, size_t size, const void *content,
		      size_t content_size, int64_t now, struct refusal *refusal)
{
	X509 *pinned[] = { key->certificate };
	struct cms_trust trust = {
		.pinned = { pinned, 1 },
		.algorithms = CMS_ALGORITHMS_ALL,
	};

	return cms_verify(der, size, content, content_size, &trust, now, NULL, refusal);
}

int cms_sign(const struct signing_key *key, const void *content, size_t content_size, int64_t now,
	     uint8_t **ret_der, size_t *ret_size, struct refusal *refusal)
{
	__attribute__((cleanup(bio_free_p))) BIO *bio = NULL;
	__attribute__((cleanup(cms_free_p))) CMS_ContentInfo *cms = NULL;
	_cleanup_free_ uint8_t *der = NULL;
	_cleanup_openssl_errors_;
	bool strong = EVP_PKEY_get_base_id(key->key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key->key) >= 384;
	size_t size = 0;
	int r;

	if (content_size > MANIFEST_SIZE_MAX)
		return refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, "S7",
				   "the content is larger than %u bytes", MANIFEST_SIZE_MAX);
	bio = BIO_new_mem_buf(content, (int)content_size);
	if (!bio)
		return -ENOMEM;
	cms = make_cms(key, strong ? EVP_sha384() : EVP_sha256(), bio, CMS_NOSMIMECAP);
	if (!cms)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "key",
				   "this kind of key cannot sign a CMS");
	r = export_der(cms, &der, &size);
	if (!r)
		r = check_made(key, der, size, content, content_size, now, refusal);
	if (r)
		return r;
	*ret_der = take_ptr(der);
	*ret_size = size;
	return 0;
}

/* The kernel's parser (crypto/asymmetric_keys/pkcs7_verify.c) takes the bytes that it is handed as the
 * content; without signed attributes the signature is over them directly. */
int ksig_sign(const struct signing_key *key, const void *insns, size_t insns_size, const void *data,
	      size_t data_size, uint8_t **ret_der, size_t *ret_size, struct refusal *refusal)
{
	__attribute__((cleanup(bio_free_p))) BIO *bio = NULL;
	__attribute__((cleanup(cms_free_p))) CMS_ContentInfo *cms = NULL;
	_cleanup_openssl_errors_;

	if (insns_size > BUNDLE_FILE_SIZE_MAX || data_size > BUNDLE_FILE_SIZE_MAX)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "skeleton",
				   "a file of a bundle has at most %u bytes", BUNDLE_FILE_SIZE_MAX);
	bio = BIO_new(BIO_s_mem());
	if (!bio || BIO_write(bio, insns, (int)insns_size) != (int)insns_size ||
	    BIO_write(bio, data, (int)data_size) != (int)data_size)
		return -ENOMEM;
	cms = make_cms(key, EVP_sha256(), bio, CMS_NOATTR | CMS_NOCERTS | CMS_USE_KEYID);
	if (!cms)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "key",
				   "this key cannot sign, or its certificate has no subject key identifier");
	return export_der(cms, ret_der, ret_size);
}
