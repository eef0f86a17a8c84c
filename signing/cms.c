/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/cms.h"

#include <errno.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "signing/anchors.h"
#include "signing/certificate.h"
#include "signing/checks.h"
#include "signing/verification.h"

#define REFUSE(...) refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, rule, __VA_ARGS__)

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

/* --- the form: rules S1 to S8 -------------------------------------------------------------------------- */

#define FORM_ROW(name, problem_of)                                              \
	CHECK_ROW(name)                                                         \
	{                                                                       \
		const char *problem = problem_of(&subject->signature->profile); \
                                                                                \
		return problem ? REFUSE("%s", problem) : 0;                     \
	}
FORM_ROW(check_detached, profile_detached_problem)
FORM_ROW(check_type, profile_type_problem)
FORM_ROW(check_signer, profile_signer_problem)
FORM_ROW(check_attributes, profile_attributes_problem)
FORM_ROW(check_algorithm, profile_algorithm_problem)
FORM_ROW(check_embedded, profile_embedded_problem)

CHECK_ROW(check_form)
{
	const struct profile *p = &subject->signature->profile;

	if (p->encoding)
		return REFUSE("this is not DER: %s", p->encoding);
	return p->problem ? REFUSE("%s", p->problem) : 0;
}

/* A CMS without signed attributes over the DER form of some other CMS's attributes is valid by RFC 5652 5.4:
 * this profile excludes both halves of that trick, here the content that is such a SET. */
CHECK_ROW(check_content)
{
	const struct verification *v = subject->signature;

	if (v->content_size == 0 || v->content_size > MANIFEST_SIZE_MAX ||
	    *(const uint8_t *)v->content == DER_SET)
		return REFUSE("the content is empty, too large or begins as signed attributes do");
	return 0;
}

/* --- who signed ---------------------------------------------------------------------------------------- */

static CMS_SignerInfo *signer_info(const struct verification *v)
{
	return sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(v->cms), 0);
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

/* The leaf is the embedded certificate or the pinned one that the signer names. */
static void find_leaf(struct verification *v)
{
	const struct certificates *pinned = &v->trust->pinned;
	struct der embedded = v->profile.certificates;
	struct der_item item;

	while (!v->leaf && der_take(&embedded, DER_SEQUENCE, &item)) {
		v->leaf = certificate_from_der(item.whole.bytes, item.whole.size);
		if (v->leaf && !is_signer(v, v->leaf)) {
			X509_free(v->leaf);
			v->leaf = NULL;
		}
	}
	for (size_t i = 0; !v->leaf && !v->profile.certificates.size && i < pinned->n; i++)
		if (is_signer(v, pinned->x509[i]) && X509_up_ref(pinned->x509[i]))
			v->leaf = pinned->x509[i];
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

/* A CA may have several certificates of one name, when it or its key is being replaced: the one whose key
 * verifies the leaf, of those one that is valid, and of those one that may sign CRLs. */
static X509 *find_issuer(const struct verification *v)
{
	const struct certificates *issuers = &v->trust->issuers;
	X509 *best = NULL;
	int best_score = -1;

	for (size_t i = 0; i < issuers->n; i++) {
		X509 *x509 = issuers->x509[i];
		int score;

		if (X509_check_issued(x509, v->leaf) != X509_V_OK)
			continue;
		score = 4 * (X509_verify(v->leaf, X509_get0_pubkey(x509)) == 1) +
			2 * !certificate_time_problem(x509, v->now, v->known) +
			((X509_get_key_usage(x509) & KU_CRL_SIGN) != 0);
		if (score <= best_score)
			continue;
		best_score = score;
		best = x509;
	}
	return best;
}

/* Of the algorithms that the leaf's key can make, the one that made this signature; 0: it cannot have. */
static uint32_t used_algorithm(const struct verification *v, uint32_t algorithms)
{
	switch (profile_scheme(&v->profile)) {
	case PROFILE_ECDSA:
		return algorithms & (CMS_ECDSA_P256 | CMS_ECDSA_P384);
	case PROFILE_RSA_PKCS1:
		return algorithms & CMS_RSA_PKCS1;
	case PROFILE_RSA_PSS:
		return algorithms & CMS_RSA_PSS;
	case PROFILE_NO_SCHEME:
		break;
	}
	return 0;
}

static int find_signer(struct verification *v, struct refusal *refusal)
{
	const uint8_t *p = v->profile.first.bytes;
	uint32_t algorithms = 0;
	int r;

	v->cms = d2i_CMS_ContentInfo(NULL, &p, (long)v->profile.first.size);
	if (!v->cms || sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(v->cms)) < 1)
		return refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, "S1", "the CMS cannot be read");
	find_leaf(v);
	if (!v->leaf)
		return 0;
	r = certificate_describe(v->leaf, &v->signer);
	if (r < 0)
		return r;
	v->key_problem = certificate_key_problem(v->leaf, &algorithms);
	v->signer.algorithm = used_algorithm(v, algorithms);
	v->pinned = is_pinned(v);
	if (!v->pinned)
		v->issuer = find_issuer(v);
	return 0;
}

/* --- rules S9 to S14 ------------------------------------------------------------------------------------ */

/* A CA that replaced its key has a namesake, and of the lists of one name OpenSSL would take the newest,
 * whoever signed it. */
static bool is_of_issuer(const struct verification *v, X509_CRL *crl)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(v->issuer)) == 0 &&
	       X509_CRL_verify(crl, X509_get0_pubkey(v->issuer)) == 1;
}

/* Path validation, RFC 5280 6, in a store that holds the one issuer only, and its CRLs. accept: which errors
 * to pass over, as X509_STORE_CTX_set_verify_cb(3). Returns 0, -ENOMEM, or an X509_V_ERR_… */
static int validate(const struct verification *v, unsigned long flags, int64_t at,
		    int (*accept)(int, X509_STORE_CTX *))
{
	__attribute__((cleanup(store_free_p))) X509_STORE *store = X509_STORE_new();
	__attribute__((cleanup(store_ctx_free_p))) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int error;

	if (!store || !ctx || !X509_STORE_add_cert(store, v->issuer))
		return -ENOMEM;
	for (size_t i = 0; i < v->trust->crls.n; i++)
		if (is_of_issuer(v, v->trust->crls.crl[i]) &&
		    !X509_STORE_add_crl(store, v->trust->crls.crl[i]))
			return -ENOMEM;
	if (!X509_STORE_CTX_init(ctx, store, v->leaf, NULL))
		return -ENOMEM;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | flags);
	if (!(flags & X509_V_FLAG_NO_CHECK_TIME))
		X509_VERIFY_PARAM_set_time(param, (time_t)at);
	if (accept)
		X509_STORE_CTX_set_verify_cb(ctx, accept);
	if (X509_verify_cert(ctx) == 1)
		/* The chain is the leaf and its issuer, whatever else the store's certificate might lead to.
		 */
		return sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) == 2 ? 0 : X509_V_ERR_CERT_CHAIN_TOO_LONG;
	error = X509_STORE_CTX_get_error(ctx);
	return error == X509_V_ERR_OUT_OF_MEM ? -ENOMEM : error != X509_V_OK ? error : X509_V_ERR_UNSPECIFIED;
}

CHECK_ROW(check_anchored)
{
	const struct verification *v = subject->signature;
	int error;

	if (!v->leaf)
		return REFUSE("%s",
			      v->profile.certificates.size
				      ? "the embedded certificate is not the one that the signer names"
				      : "no certificate is embedded and none that is pinned is the signer's");
	if (v->pinned)
		return 0;
	if (!v->issuer)
		return REFUSE("the certificate of %s was not issued by a CA of the role, nor is it pinned",
			      v->signer.subject);
	error = validate(v, X509_V_FLAG_NO_CHECK_TIME, v->now, NULL);
	if (error <= 0)
		return error;
	return REFUSE("the certificate of %s: %s", v->signer.subject, X509_verify_cert_error_string(error));
}

CHECK_ROW(check_leaf)
{
	const struct verification *v = subject->signature;
	const char *problem = v->leaf ? certificate_leaf_problem(v->leaf) : NULL;

	return problem ? REFUSE("the certificate of %s %s", v->signer.subject, problem) : 0;
}

CHECK_ROW(check_key)
{
	const struct verification *v = subject->signature;
	const char *problem = v->key_problem;

	if (!v->leaf)
		return 0;
	if (!problem)
		problem = certificate_signature_problem(v->leaf);
	if (problem)
		return REFUSE("the certificate of %s %s", v->signer.subject, problem);
	if (!v->signer.algorithm)
		return REFUSE("the signature algorithm does not fit the key of %s", v->signer.subject);
	if (!(v->signer.algorithm & v->trust->algorithms))
		return REFUSE("signatures by %s are not accepted here; the role lists other algorithms",
			      cms_algorithm_name(v->signer.algorithm));
	return 0;
}

CHECK_ROW(check_time)
{
	const struct verification *v = subject->signature;
	const char *problem;

	if (!v->leaf || v->now == CMS_AT_NO_TIME)
		return 0;
	problem = certificate_time_problem(v->leaf, v->now, v->known);
	if (problem)
		return REFUSE("the certificate of %s %s%s", v->signer.subject, problem,
			      certificate_time_problem(v->leaf, v->now, v->now) ? "" : CMS_BEHIND);
	problem = v->issuer ? certificate_time_problem(v->issuer, v->now, v->known) : NULL;
	if (problem)
		return REFUSE("the certificate of the CA that issued %s %s%s", v->signer.subject, problem,
			      certificate_time_problem(v->issuer, v->now, v->now) ? "" : CMS_BEHIND);
	return 0;
}

/* The validity of certificates is the business of S12, which has judged it. */
static int accept_time(int ok, X509_STORE_CTX *ctx)
{
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return 1;
	default:
		return ok;
	}
}

CHECK_ROW(check_crl)
{
	const struct verification *v = subject->signature;
	bool behind = false;
	int error;

	if (!v->issuer || !v->trust->require_crl || v->now == CMS_AT_NO_TIME)
		return 0;
	error = validate(v, X509_V_FLAG_CRL_CHECK, v->now, accept_time);
	/* A list that was over by then is over, and what one that was there by then says counts. */
	if (!error && v->known > v->now) {
		error = validate(v, X509_V_FLAG_CRL_CHECK, v->known, accept_time);
		behind = error == X509_V_ERR_CRL_HAS_EXPIRED;
	}
	if (error <= 0)
		return error;
	return REFUSE("the certificate of %s: %s%s", v->signer.subject, X509_verify_cert_error_string(error),
		      behind ? CMS_BEHIND : "");
}

/* True if the signed attributes are those of another content: most often the file is simply another one. */
static bool is_of_another(const struct verification *v)
{
	const EVP_MD *md = v->profile.signer_digest == PROFILE_SHA256   ? EVP_sha256()
			   : v->profile.signer_digest == PROFILE_SHA384 ? EVP_sha384()
									: NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	return md && EVP_Digest(v->content, v->content_size, digest, &n, md, NULL) &&
	       !der_equal(v->profile.hash, (struct der){ digest, n });
}

/* RFC 5652 5.4 and 5.6 by OpenSSL, with the leaf that was looked at and no other. */
CHECK_ROW(check_signature)
{
	const struct verification *v = subject->signature;
	__attribute__((cleanup(bio_free_p))) BIO *bio = BIO_new_mem_buf(v->content, (int)v->content_size);
	__attribute__((cleanup(x509_stack_free_p))) STACK_OF(X509) *signers = sk_X509_new_null();

	if (!bio || !signers || (v->leaf && !sk_X509_push(signers, v->leaf)))
		return -ENOMEM;
	if (CMS_verify(v->cms, signers, NULL, bio, NULL,
		       CMS_BINARY | CMS_DETACHED | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) == 1)
		return 0;
	if (is_of_another(v))
		return REFUSE("the content is not the one that was signed");
	return REFUSE("the signature of %s is wrong", v->signer.subject);
}

/* Until when the answer cannot change by the passing of time. */
static int64_t valid_until(const struct verification *v)
{
	int64_t until = v->signer.not_after;

	if (!v->issuer)
		return until;
	until = earlier(until, certificate_not_after(v->issuer));
	for (size_t i = 0; v->trust->require_crl && i < v->trust->crls.n; i++) {
		X509_CRL *crl = v->trust->crls.crl[i];

		if (!is_of_issuer(v, crl))
			continue;
		/* One that is over already changes nothing any more; one that is not there yet will. */
		if (crl_this_update(crl) > v->known)
			until = earlier(until, crl_this_update(crl));
		if (crl_next_update(crl) > v->known)
			until = earlier(until, crl_next_update(crl));
	}
	return until;
}

int cms_verify(const void *sig, size_t sig_size, const void *content, size_t content_size,
	       const struct cms_trust *trust, int64_t now, struct cms_signer *ret_signer,
	       struct refusal *refusal)
{
	return cms_verify_at(sig, sig_size, content, content_size, trust, (struct cms_time){ now, now },
			     ret_signer, refusal);
}

int cms_verify_at(const void *sig, size_t sig_size, const void *content, size_t content_size,
		  const struct cms_trust *trust, struct cms_time time, struct cms_signer *ret_signer,
		  struct refusal *refusal)
{
	__attribute__((cleanup(verification_clear))) struct verification v = { .trust = trust,
									       .content = content,
									       .content_size = content_size,
									       .now = time.now,
									       .known = time.known > time.now
												? time.known
												: time.now };
	const struct check_subject subject = { .signature = &v };
	int r;

	profile_read(sig, sig_size, &v.profile);
	r = checks_run(CHECK_FORM, &subject, refusal);
	if (!r)
		r = find_signer(&v, refusal);
	if (!r)
		r = checks_run(CHECK_SIGNATURE, &subject, refusal);
	if (!r && v.issuer)
		r = certificate_twin(v.leaf, X509_get0_pubkey(v.issuer), v.signer.twin);
	if (r || !ret_signer)
		return r;
	v.signer.valid_until = valid_until(&v);
	*ret_signer = v.signer;
	return 0;
}
