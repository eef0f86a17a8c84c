/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/sign.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/evp.h>

#include "signing/anchors.h"
#include "signing/key.h"
#include "signing/profile.h"

static void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}

static void cms_free_p(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
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
static int check_made(X509 *leaf, const void *der, size_t size, const void *content, size_t content_size,
		      int64_t now, struct cms_signer *ret_signer, struct refusal *refusal)
{
	struct cms_trust trust = {
		.pinned = { &leaf, 1 },
		.algorithms = CMS_ALGORITHMS_ALL,
	};

	return cms_verify(der, size, content, content_size, &trust, now, ret_signer, refusal);
}

int cms_check(const void *sig, size_t sig_size, const void *content, size_t content_size,
	      const char *cert_pem, size_t cert_size, int64_t now, struct cms_signer *ret_signer,
	      struct refusal *refusal)
{
	__attribute__((cleanup(x509_free_p))) X509 *leaf = NULL;
	struct refusal problem = {};
	struct cms_trust nobody = { .algorithms = CMS_ALGORITHMS_ALL };
	struct profile profile;
	struct der_item first;
	_cleanup_openssl_errors_;
	int r;

	if (cert_pem) {
		leaf = certificate_from_pem(cert_pem, cert_size);
		if (!leaf)
			return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "certificate",
					   "this is not a certificate in PEM form");
		return check_made(leaf, sig, sig_size, content, content_size, now, ret_signer, refusal);
	}
	profile_read(sig, sig_size, &profile);
	if (der_next(&profile.certificates, &first))
		leaf = certificate_from_der(first.whole.bytes, first.whole.size);
	if (leaf)
		return check_made(leaf, sig, sig_size, content, content_size, now, ret_signer, refusal);
	/* What is wrong with its form comes first. */
	r = cms_verify(sig, sig_size, content, content_size, &nobody, now, NULL, &problem);
	if (r > 0 && !strcmp(problem.subject, "S9"))
		return refusal_set(
			refusal, REFUSAL_INVALID_ARGUMENT, "certificate",
			"the signature holds no certificate, so the signer's must be given as well");
	if (r > 0 && refusal)
		*refusal = problem;
	return r;
}

int cms_signer_from_pem(const char *cert_pem, size_t cert_size, struct cms_signer *ret,
			struct refusal *refusal)
{
	__attribute__((cleanup(x509_free_p))) X509 *x509 = certificate_from_pem(cert_pem, cert_size);
	_cleanup_openssl_errors_;

	if (!x509)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "certificate",
				   "this is not a certificate in PEM form");
	return certificate_describe(x509, ret);
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
		r = check_made(key->certificate, der, size, content, content_size, now, NULL, refusal);
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

static CMS_ContentInfo *read_cms(const void *der, size_t size)
{
	const uint8_t *p = der;

	return size <= SIGNATURE_SIZE_MAX ? d2i_CMS_ContentInfo(NULL, &p, (long)size) : NULL;
}

bool ksig_is_by_signer(const void *ksig, size_t ksig_size, const void *sig, size_t sig_size)
{
	__attribute__((cleanup(cms_free_p))) CMS_ContentInfo *kernel = read_cms(ksig, ksig_size);
	__attribute__((cleanup(cms_free_p))) CMS_ContentInfo *manifest = read_cms(sig, sig_size);
	_cleanup_openssl_errors_;
	STACK_OF(CMS_SignerInfo) *infos = kernel ? CMS_get0_SignerInfos(kernel) : NULL;
	STACK_OF(X509) *certificates = manifest ? CMS_get1_certs(manifest) : NULL;
	bool same = false;

	for (int i = 0; i < sk_X509_num(certificates); i++)
		for (int j = 0; j < sk_CMS_SignerInfo_num(infos); j++)
			same = same || !CMS_SignerInfo_cert_cmp(sk_CMS_SignerInfo_value(infos, j),
								sk_X509_value(certificates, i));
	sk_X509_pop_free(certificates, X509_free);
	return same;
}
