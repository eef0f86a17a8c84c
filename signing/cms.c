/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/cms.h"

#include <errno.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>

#include "signing/anchors.h"
#include "signing/certificate.h"
#include "signing/profile.h"

#define REFUSE(refusal, rule, ...) refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, rule, __VA_ARGS__)

/* RFC 5280 strength in bits of security: 3 is 128 bits, see SSL_CTX_set_security_level(3). Rule S11 says the
 * same in full; this is OpenSSL's own second look at the chain. */
#define AUTH_LEVEL 3

/* One verification under way. */
struct verification {
	const struct cms_trust *trust;
	int64_t now;
	struct profile profile;
	CMS_ContentInfo *cms;
	X509 *leaf;
	struct cms_signer signer;
};

static void verification_clear(struct verification *v)
{
	CMS_ContentInfo_free(v->cms);
	X509_free(v->leaf);
	ERR_clear_error();
}

static void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}

static void store_free_p(X509_STORE **store)
{
	X509_STORE_free(*store);
}

static void store_ctx_free_p(X509_STORE_CTX **ctx)
{
	X509_STORE_CTX_free(*ctx);
}

static void x509_stack_free_p(STACK_OF(X509) * *stack)
{
	sk_X509_free(*stack);
}

static const struct {
	const char *name;
	uint32_t algorithm;
} algorithm_names[] = {
	{ "ecdsa-p256", CMS_ECDSA_P256 },
	{ "ecdsa-p384", CMS_ECDSA_P384 },
	{ "rsa-pkcs1", CMS_RSA_PKCS1 },
	{ "rsa-pss", CMS_RSA_PSS },
};

#define N_ALGORITHMS (sizeof(algorithm_names) / sizeof(algorithm_names[0]))

const char *cms_algorithm_name(uint32_t algorithm)
{
	for (size_t i = 0; i < N_ALGORITHMS; i++)
		if (algorithm_names[i].algorithm == algorithm)
			return algorithm_names[i].name;
	return NULL;
}

bool cms_algorithm_from_name(const char *name, uint32_t *ret)
{
	for (size_t i = 0; i < N_ALGORITHMS; i++) {
		if (strcmp(algorithm_names[i].name, name) != 0)
			continue;
		*ret = algorithm_names[i].algorithm;
		return true;
	}
	return false;
}

int cms_initialize(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_DIGESTS |
					   OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
				   NULL)
		       ? 0
		       : -EIO;
}

/* Rule S8, before any certificate is looked at: most often the file is simply another one. */
static int check_digest(const struct verification *v, const void *content, size_t size,
			struct refusal *refusal)
{
	const EVP_MD *md = v->profile.digest == PROFILE_SHA256 ? EVP_sha256() : EVP_sha384();
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!EVP_Digest(content, size, digest, &n, md, NULL))
		return -ENOMEM;
	if (!der_equal(v->profile.message_digest, (struct der){ digest, n }))
		return REFUSE(refusal, "S8", "the content is not the one that was signed");
	return 0;
}

static CMS_SignerInfo *signer_info(const struct verification *v)
{
	return sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(v->cms), 0);
}

static int parse(struct verification *v, const uint8_t *sig, size_t size, struct refusal *refusal)
{
	const uint8_t *p = sig;

	v->cms = d2i_CMS_ContentInfo(NULL, &p, (long)size);
	if (!v->cms || p != sig + size || sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(v->cms)) != 1)
		return REFUSE(refusal, "S4", "the CMS cannot be read");
	return 0;
}

/* OpenSSL compares names without regard to case and blanks (X509_NAME_cmp(3)); two spellings of one signature
 * would have two digests, so the issuer must be there byte for byte. */
static bool is_signer(const struct verification *v, X509 *x509)
{
	struct der sid = v->profile.signer.body;
	struct der_item issuer;
	struct der name = {};

	if (CMS_SignerInfo_cert_cmp(signer_info(v), x509) != 0)
		return false;
	if (v->profile.signer.tag != DER_SEQUENCE)
		return true;
	return der_next(&sid, &issuer) &&
	       X509_NAME_get0_der(X509_get_issuer_name(x509), &name.bytes, &name.size) &&
	       der_equal(issuer.whole, name);
}

/* The leaf is the embedded certificate or, without one, the pinned certificate that the signer names. */
static int find_leaf(struct verification *v, struct refusal *refusal)
{
	const struct certificates *pinned = &v->trust->pinned;

	if (v->profile.certificate.size) {
		v->leaf = certificate_from_der(v->profile.certificate.bytes, v->profile.certificate.size);
		if (!v->leaf)
			return REFUSE(refusal, "S9", "the embedded certificate cannot be read");
		if (!is_signer(v, v->leaf))
			return REFUSE(refusal, "S9",
				      "the embedded certificate is not the one that the signer names");
		return 0;
	}
	for (size_t i = 0; i < pinned->n; i++) {
		if (!is_signer(v, pinned->x509[i]))
			continue;
		X509_up_ref(pinned->x509[i]);
		v->leaf = pinned->x509[i];
		return 0;
	}
	return REFUSE(refusal, "S9", "no certificate is embedded and none that is pinned is the signer's");
}

/* Rules S10 and S11. */
static int check_leaf(struct verification *v, struct refusal *refusal)
{
	uint32_t algorithms = 0, algorithm;
	const char *problem = certificate_leaf_problem(v->leaf);

	if (problem)
		return REFUSE(refusal, "S10", "the certificate of %s %s", v->signer.subject, problem);
	problem = certificate_key_problem(v->leaf, &algorithms);
	if (!problem)
		problem = certificate_signature_problem(v->leaf);
	if (problem)
		return REFUSE(refusal, "S11", "the certificate of %s %s", v->signer.subject, problem);
	algorithm = algorithms & (v->profile.scheme == PROFILE_ECDSA       ? CMS_ECDSA_P256 | CMS_ECDSA_P384
				  : v->profile.scheme == PROFILE_RSA_PKCS1 ? CMS_RSA_PKCS1
									   : CMS_RSA_PSS);
	if (!algorithm)
		return REFUSE(refusal, "S11", "the signature algorithm does not fit the key of %s",
			      v->signer.subject);
	if (!(algorithm & v->trust->algorithms))
		return REFUSE(refusal, "S11",
			      "signatures by %s are not accepted here; the role lists other algorithms",
			      cms_algorithm_name(algorithm));
	v->signer.algorithm = algorithm;
	return 0;
}

static int refuse_chain(const struct verification *v, int error, X509 *at, struct refusal *refusal)
{
	const char *text = X509_verify_cert_error_string(error);
	const char *rule = "S9";

	switch (error) {
	case X509_V_ERR_OUT_OF_MEM:
		return -ENOMEM;
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
	case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
		rule = "S12";
		break;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_CERT_REVOKED:
		rule = "S13";
		break;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		rule = "S11";
		break;
	default:
		break;
	}
	return REFUSE(refusal, rule, "%s %s: %s", at == v->leaf ? "the certificate of" : "the issuing CA of",
		      v->signer.subject, text);
}

/* Path validation, RFC 5280 6, in a store that holds this issuer only: the chain has two certificates. */
static int check_issued(const struct verification *v, X509 *issuer, struct refusal *refusal)
{
	__attribute__((cleanup(store_free_p))) X509_STORE *store = X509_STORE_new();
	__attribute__((cleanup(store_ctx_free_p))) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;

	if (!store || !ctx || !X509_STORE_add_cert(store, issuer))
		return -ENOMEM;
	for (size_t i = 0; i < v->trust->crls.n; i++)
		if (!X509_STORE_add_crl(store, v->trust->crls.crl[i]))
			return -ENOMEM;
	if (!X509_STORE_CTX_init(ctx, store, v->leaf, NULL))
		return -ENOMEM;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)v->now);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN |
						   (v->trust->require_crl ? X509_V_FLAG_CRL_CHECK : 0));
	if (X509_verify_cert(ctx) != 1)
		return refuse_chain(v, X509_STORE_CTX_get_error(ctx), X509_STORE_CTX_get_current_cert(ctx),
				    refusal);
	if (sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) != 2)
		return REFUSE(refusal, "S9",
			      "the certificate of %s was not issued directly by a CA of the role",
			      v->signer.subject);
	return 0;
}

/* A CA may have several certificates of one name, when its key is being replaced. */
static int check_issuers(const struct verification *v, struct refusal *refusal)
{
	const struct certificates *issuers = &v->trust->issuers;
	int r = 0;

	for (size_t i = 0; i < issuers->n; i++) {
		if (X509_check_issued(issuers->x509[i], v->leaf) != X509_V_OK)
			continue;
		r = check_issued(v, issuers->x509[i], refusal);
		if (r <= 0)
			return r;
	}
	if (r)
		return r;
	return REFUSE(refusal, "S9",
		      "the certificate of %s was not issued by a CA of the role, nor is it pinned",
		      v->signer.subject);
}

static bool is_pinned(const struct verification *v)
{
	for (size_t i = 0; i < v->trust->pinned.n; i++) {
		struct cms_signer pinned;

		if (!certificate_describe(v->trust->pinned.x509[i], &pinned) &&
		    !CRYPTO_memcmp(pinned.certificate, v->signer.certificate, DIGEST_SIZE))
			return true;
	}
	return false;
}

/* Rules S9, S12 and S13. */
static int check_anchored(const struct verification *v, struct refusal *refusal)
{
	const char *problem;

	if (!is_pinned(v))
		return check_issuers(v, refusal);
	problem = certificate_time_problem(v->leaf, v->now);
	if (problem)
		return REFUSE(refusal, "S12", "the certificate of %s %s", v->signer.subject, problem);
	return 0;
}

/* Rule S14: RFC 5652 5.6 by OpenSSL, with the leaf that was checked and no other. */
static int check_signature(const struct verification *v, const void *content, size_t size,
			   struct refusal *refusal)
{
	__attribute__((cleanup(bio_free_p))) BIO *bio = BIO_new_mem_buf(content, (int)size);
	__attribute__((cleanup(x509_stack_free_p))) STACK_OF(X509) *signers = sk_X509_new_null();

	if (!bio || !signers || !sk_X509_push(signers, v->leaf))
		return -ENOMEM;
	if (CMS_verify(v->cms, signers, NULL, bio, NULL,
		       CMS_BINARY | CMS_DETACHED | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		return REFUSE(refusal, "S14", "the signature of %s is wrong", v->signer.subject);
	return 0;
}

int cms_verify(const void *sig, size_t sig_size, const void *content, size_t content_size,
	       const struct cms_trust *trust, int64_t now, struct cms_signer *ret_signer,
	       struct refusal *refusal)
{
	__attribute__((cleanup(verification_clear))) struct verification v = { .trust = trust, .now = now };
	int r;

	r = profile_check(sig, sig_size, &v.profile, refusal);
	if (r)
		return r;
	/* A CMS without signed attributes over the DER form of some other CMS's attributes is valid by RFC
	 * 5652 5.4: this profile excludes both halves of that trick, here the content that is such a SET. */
	if (content_size == 0 || content_size > MANIFEST_SIZE_MAX || *(const uint8_t *)content == DER_SET)
		return REFUSE(refusal, "S7",
			      "the content is empty, too large or begins as signed attributes do");
	r = check_digest(&v, content, content_size, refusal);
	if (!r)
		r = parse(&v, sig, sig_size, refusal);
	if (!r)
		r = find_leaf(&v, refusal);
	if (!r)
		r = certificate_describe(v.leaf, &v.signer);
	if (!r)
		r = check_anchored(&v, refusal);
	if (!r)
		r = check_leaf(&v, refusal);
	if (!r)
		r = check_signature(&v, content, content_size, refusal);
	if (!r && ret_signer)
		*ret_signer = v.signer;
	return r;
}
