/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading certificates and CRLs from PEM (RFC 7468), all or nothing. */
#include <errno.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "signing/certificate.h"

struct block {
	char *name, *header;
	unsigned char *bytes;
	long size;
};

static void block_clear(struct block *b)
{
	OPENSSL_free(b->name);
	OPENSSL_free(b->header);
	OPENSSL_free(b->bytes);
	*b = (struct block){};
}

static void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}

void certificates_clear(struct certificates *certificates)
{
	for (size_t i = 0; i < certificates->n; i++)
		X509_free(certificates->x509[i]);
	free(certificates->x509);
	*certificates = (struct certificates){};
}

void crls_clear(struct crls *crls)
{
	for (size_t i = 0; i < crls->n; i++)
		X509_CRL_free(crls->crl[i]);
	free(crls->crl);
	*crls = (struct crls){};
}

/* Hands each block of a PEM text to take(). Text between blocks is a comment (RFC 7468 2), but a BEGIN line
 * that leads to no block is a damaged file. */
static int for_each_block(const char *file, const char *pem, size_t size, const char *type,
			  int (*take)(void *context, const struct block *block, const char *file,
				      struct refusal *refusal),
			  void *context, struct refusal *refusal)
{
	__attribute__((cleanup(bio_free_p))) BIO *bio = BIO_new_mem_buf(pem, (int)size);
	size_t n = 0;

	if (!bio)
		return -ENOMEM;
	for (;; n++) {
		__attribute__((cleanup(block_clear))) struct block block = {};
		int r;

		if (!PEM_read_bio(bio, &block.name, &block.header, &block.bytes, &block.size)) {
			if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && n > 0)
				return 0;
			return refusal_set(refusal, REFUSAL_TRUST_INVALID, file,
					   "this is not PEM text with a %s", type);
		}
		if (strcmp(block.name, type) != 0)
			return refusal_set(refusal, REFUSAL_TRUST_INVALID, file,
					   "there is a block %.40s in it, where only %s may be", block.name,
					   type);
		if (n == CERTIFICATES_MAX)
			return refusal_set(refusal, REFUSAL_TRUST_INVALID, file,
					   "there are more than %d blocks in it", CERTIFICATES_MAX);
		r = take(context, &block, file, refusal);
		if (r)
			return r;
	}
}

struct add_certificates {
	struct certificates *to;
	const char *(*check)(X509 *x509);
};

static int take_certificate(void *context, const struct block *block, const char *file,
			    struct refusal *refusal)
{
	__attribute__((cleanup(x509_free_p))) X509 *x509 = NULL;
	struct add_certificates *add = context;
	const char *problem;
	X509 **grown;

	x509 = certificate_from_der(block->bytes, (size_t)block->size);
	if (!x509)
		return refusal_set(refusal, REFUSAL_TRUST_INVALID, file,
				   "a certificate in it cannot be read");
	problem = add->check(x509);
	if (problem)
		return refusal_set(refusal, REFUSAL_TRUST_INVALID, file, "the certificate %s", problem);
	if (add->to->n == CERTIFICATES_MAX)
		return refusal_set(refusal, REFUSAL_TRUST_INVALID, file,
				   "these are more than %d certificates", CERTIFICATES_MAX);
	grown = reallocarray(add->to->x509, add->to->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	add->to->x509 = grown;
	grown[add->to->n++] = take_ptr(x509);
	return 0;
}

int certificates_add_pem(struct certificates *certificates, const char *file, const char *pem, size_t size,
			 const char *(*check)(X509 *x509), struct refusal *refusal)
{
	_cleanup_openssl_errors_;
	struct add_certificates add = { certificates, check };
	size_t before = certificates->n;
	int r;

	r = for_each_block(file, pem, size, PEM_STRING_X509, take_certificate, &add, refusal);
	while (r && certificates->n > before)
		X509_free(certificates->x509[--certificates->n]);
	return r;
}

static void pss_params_free_p(RSA_PSS_PARAMS **params)
{
	RSA_PSS_PARAMS_free(*params);
}

/* The digest of a list's signature; for certificates OpenSSL has X509_get_signature_info(). */
static int crl_digest(const X509_CRL *crl)
{
	__attribute__((cleanup(pss_params_free_p))) RSA_PSS_PARAMS *pss = NULL;
	const X509_ALGOR *algorithm = NULL;
	int digest = NID_undef;

	X509_CRL_get0_signature(crl, NULL, &algorithm);
	if (OBJ_obj2nid(algorithm->algorithm) != NID_rsassaPss)
		return OBJ_find_sigid_algs(OBJ_obj2nid(algorithm->algorithm), &digest, NULL) ? digest
											     : NID_undef;
	pss = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter);
	return pss && pss->hashAlgorithm ? OBJ_obj2nid(pss->hashAlgorithm->algorithm) : NID_undef;
}

static const char *crl_problem(const X509_CRL *crl)
{
	int digest = crl_digest(crl);

	if (digest != NID_sha256 && digest != NID_sha384 && digest != NID_sha512)
		return "was signed with a digest other than SHA-256, SHA-384 and SHA-512";
	if (!X509_CRL_get0_nextUpdate(crl))
		return "has no nextUpdate, so it would never be out of date";
	return NULL;
}

static int take_crl(void *context, const struct block *block, const char *file, struct refusal *refusal)
{
	const unsigned char *p = block->bytes;
	struct crls *to = context;
	const char *problem;
	X509_CRL **grown, *crl;

	crl = d2i_X509_CRL(NULL, &p, block->size);
	problem = crl && p == block->bytes + block->size ? crl_problem(crl) : "cannot be read";
	if (problem || to->n == CERTIFICATES_MAX) {
		X509_CRL_free(crl);
		return refusal_set(refusal, REFUSAL_TRUST_INVALID, file, "the revocation list %s",
				   problem ? problem : "is one too many");
	}
	grown = reallocarray(to->crl, to->n + 1, sizeof(*grown));
	if (!grown) {
		X509_CRL_free(crl);
		return -ENOMEM;
	}
	to->crl = grown;
	grown[to->n++] = crl;
	return 0;
}

int crls_add_pem(struct crls *crls, const char *file, const char *pem, size_t size, struct refusal *refusal)
{
	_cleanup_openssl_errors_;
	size_t before = crls->n;
	int r;

	r = for_each_block(file, pem, size, PEM_STRING_X509_CRL, take_crl, crls, refusal);
	while (r && crls->n > before)
		X509_CRL_free(crls->crl[--crls->n]);
	return r;
}
