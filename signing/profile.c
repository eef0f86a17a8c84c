/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/profile.h"

#include <string.h>

#include "common/limits.h"

/* The bodies of the OBJECT IDENTIFIERs that the profile knows. */
#define OID(...)                                                                           \
	{                                                                                  \
		(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) \
	}
#define PKCS1(n)  OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, n)
#define PKCS7(n)  OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, n)
#define PKCS9(n)  OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, n)
#define HASH(n)   OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n)
#define ECDSA2(n) OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, n)

static const struct der oid_data = PKCS7(0x01);           /* RFC 5652 4 */
static const struct der oid_signed_data = PKCS7(0x02);    /* RFC 5652 5.1 */
static const struct der oid_content_type = PKCS9(0x03);   /* RFC 5652 11.1 */
static const struct der oid_message_digest = PKCS9(0x04); /* RFC 5652 11.2 */
static const struct der oid_mgf1 = PKCS1(0x08);           /* RFC 4055 2.2 */

static const struct {
	struct der oid;
	size_t size;
} digests[] = {
	[PROFILE_SHA256] = { HASH(0x01), 32 }, /* RFC 5754 2 */
	[PROFILE_SHA384] = { HASH(0x02), 48 },
};

enum { ANY_DIGEST = -2 };

static const struct {
	struct der oid;
	enum profile_scheme scheme;
	int digest; /* enum profile_digest; ANY_DIGEST: the SignerInfo's */
} schemes[] = {
	{ ECDSA2(0x02), PROFILE_ECDSA, PROFILE_SHA256 }, /* RFC 5754 3.3 */
	{ ECDSA2(0x03), PROFILE_ECDSA, PROFILE_SHA384 },
	{ PKCS1(0x01), PROFILE_RSA_PKCS1, ANY_DIGEST },     /* rsaEncryption, RFC 3370 3.2 */
	{ PKCS1(0x0b), PROFILE_RSA_PKCS1, PROFILE_SHA256 }, /* RFC 5754 3.2 */
	{ PKCS1(0x0c), PROFILE_RSA_PKCS1, PROFILE_SHA384 },
	{ PKCS1(0x0a), PROFILE_RSA_PSS, ANY_DIGEST }, /* RFC 4056; the parameters name the digest */
};

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* AlgorithmIdentifier ::= SEQUENCE { algorithm, parameters OPTIONAL }, with parameters as a whole item, size
 * 0 if absent. */
static bool take_algorithm(struct der *in, struct der *ret_oid, struct der *ret_parameters)
{
	struct der_item sequence, oid, parameters = {};

	if (!der_take(in, DER_SEQUENCE, &sequence) || !der_take(&sequence.body, DER_OID, &oid))
		return false;
	if (sequence.body.size && (!der_next(&sequence.body, &parameters) || sequence.body.size))
		return false;
	*ret_oid = oid.body;
	*ret_parameters = parameters.whole;
	return true;
}

static bool is_absent_or_null(struct der parameters)
{
	return parameters.size == 0 || parameters.bytes[0] == DER_NULL;
}

/* Takes an AlgorithmIdentifier; PROFILE_NO_DIGEST if it is not one of a digest that the profile knows. */
static int take_digest(struct der *in)
{
	struct der oid, parameters;

	if (!take_algorithm(in, &oid, &parameters) || !is_absent_or_null(parameters))
		return PROFILE_NO_DIGEST;
	for (size_t i = 0; i < N_ELEMENTS(digests); i++)
		if (der_equal(oid, digests[i].oid))
			return (int)i;
	return PROFILE_NO_DIGEST;
}

/* RSASSA-PSS-params, RFC 4055 3.1: the hash and that of MGF1 are the signature's digest, the salt is at least
 * as long as it (openssl(1) takes all the room that the key leaves), the trailer is the default one. */
static bool pss_fits(struct der parameters, int digest)
{
	struct der_item sequence, hash, mgf, salt, mgf_sequence, oid, length;

	if (!der_take(&parameters, DER_SEQUENCE, &sequence) ||
	    !der_take(&sequence.body, DER_CONTEXT(0), &hash) ||
	    !der_take(&sequence.body, DER_CONTEXT(1), &mgf) ||
	    !der_take(&sequence.body, DER_CONTEXT(2), &salt) || sequence.body.size)
		return false;
	if (take_digest(&hash.body) != digest || hash.body.size)
		return false;
	if (!der_take(&mgf.body, DER_SEQUENCE, &mgf_sequence) || mgf.body.size ||
	    !der_take(&mgf_sequence.body, DER_OID, &oid) || !der_equal(oid.body, oid_mgf1) ||
	    take_digest(&mgf_sequence.body) != digest || mgf_sequence.body.size)
		return false;
	if (!der_take(&salt.body, DER_INTEGER, &length) || salt.body.size || length.body.size > 2)
		return false;
	return length.body.size == 2
		       ? length.body.bytes[0] < 0x80
		       : length.body.bytes[0] < 0x80 && length.body.bytes[0] >= digests[digest].size;
}

/* --- reading ------------------------------------------------------------------------------------------ */

/* Attribute ::= SEQUENCE { attrType, attrValues SET }; what is not of that form ends the reading. */
static bool read_attributes(struct der attributes, struct profile *p)
{
	struct der_item attribute, oid, values, value;

	while (attributes.size) {
		bool type, hash;

		if (!der_take(&attributes, DER_SEQUENCE, &attribute) ||
		    !der_take(&attribute.body, DER_OID, &oid) ||
		    !der_take(&attribute.body, DER_SET, &values) || attribute.body.size)
			return false;
		type = der_equal(oid.body, oid_content_type);
		hash = der_equal(oid.body, oid_message_digest);
		p->n_type += type;
		p->n_hash += hash;
		if (!type && !hash)
			continue;
		if (!der_take(&values.body, type ? DER_OID : DER_OCTET_STRING, &value) || values.body.size)
			return false;
		*(type ? &p->type : &p->hash) = value.body;
	}
	return true;
}

/* SignerInfo of RFC 5652 5.3 */
static const char *read_signer(struct der signer, struct profile *p)
{
	struct der_item number, attributes, signature;

	if (!der_take(&signer, DER_INTEGER, &number) || !der_next(&signer, &p->signer))
		return "the SignerInfo cannot be read";
	p->version[1] = number.body.size == 1 ? number.body.bytes[0] : 0;
	p->signer_digest = take_digest(&signer);
	p->attributes = der_take(&signer, DER_CONTEXT(0), &attributes);
	if (p->attributes && !read_attributes(attributes.body, p))
		return "a signed attribute cannot be read, or has not one value";
	if (!take_algorithm(&signer, &p->algorithm, &p->parameters))
		return "the signature algorithm cannot be read";
	if (!der_take(&signer, DER_OCTET_STRING, &signature))
		return "the SignerInfo has no signature";
	p->unsigned_attributes = signer.size != 0;
	return NULL;
}

/* encapContentInfo of RFC 5652 5.2 */
static bool read_content_info(struct der content, struct profile *p)
{
	struct der_item oid;

	if (!der_take(&content, DER_OID, &oid))
		return false;
	p->content_type = oid.body;
	p->attached = content.size != 0;
	return true;
}

/* SignedData of RFC 5652 5.1 */
static const char *read_signed_data(struct der data, struct profile *p)
{
	struct der_item version, set, content, certificates, signers, signer, other;
	const char *problem = NULL;

	if (!der_take(&data, DER_INTEGER, &version) || !der_take(&data, DER_SET, &set) ||
	    !der_take(&data, DER_SEQUENCE, &content) || !read_content_info(content.body, p))
		return "the SignedData cannot be read";
	p->version[0] = version.body.size == 1 ? version.body.bytes[0] : 0;
	p->digest = take_digest(&set.body);
	p->more_digests = set.body.size != 0;
	if (der_take(&data, DER_CONTEXT(0), &certificates))
		p->certificates = certificates.body;
	while (data.size && data.bytes[0] != DER_SET && der_next(&data, &other))
		p->crls = true;
	if (!der_take(&data, DER_SET, &signers) || data.size)
		return "the SignedData cannot be read";
	for (; signers.body.size; p->n_signers++) {
		if (!der_take(&signers.body, DER_SEQUENCE, &signer))
			return "the SignedData cannot be read";
		if (p->n_signers == 0)
			problem = read_signer(signer.body, p);
	}
	return problem;
}

/* ContentInfo of RFC 5652 3 */
static const char *read_content(struct der in, struct profile *p)
{
	struct der_item info, oid, content, data;

	if (!der_take(&in, DER_SEQUENCE, &info))
		return "this is not DER (a PEM file, or no signature at all)";
	p->first = info.whole;
	if (!der_take(&info.body, DER_OID, &oid) || !der_equal(oid.body, oid_signed_data))
		return "this is not a CMS of type signedData";
	if (!der_take(&info.body, DER_CONTEXT(0), &content) || info.body.size ||
	    !der_take(&content.body, DER_SEQUENCE, &data) || content.body.size)
		return "the CMS does not hold exactly one SignedData";
	return read_signed_data(data.body, p);
}

void profile_read(const void *sig, size_t size, struct profile *ret)
{
	struct profile p = { .digest = PROFILE_NO_DIGEST, .signer_digest = PROFILE_NO_DIGEST };
	struct der in = { sig, size };

	if (size == 0 || size > SIGNATURE_SIZE_MAX) {
		p.problem = "a signature has between 1 and 65536 bytes";
	} else {
		p.problem = read_content(in, &p);
		/* What is wrong with the encoding says more than what could not be read because of it. */
		if (in.bytes[0] == DER_SEQUENCE)
			(void)der_check(sig, size, &p.encoding);
	}
	*ret = p;
}

/* --- judging ------------------------------------------------------------------------------------------ */

const char *profile_detached_problem(const struct profile *p)
{
	return p->attached ? "the content is attached; the signature must be detached" : NULL;
}

const char *profile_type_problem(const struct profile *p)
{
	return der_equal(p->content_type, oid_data) ? NULL : "the signed content's type is not id-data";
}

/* The version says how the signer is named: 1 by issuer and serial number, 3 by key identifier; SignedData
 * bears the same number here. */
const char *profile_signer_problem(const struct profile *p)
{
	uint8_t version = p->signer.tag == DER_SEQUENCE               ? 1
			  : p->signer.tag == DER_CONTEXT_PRIMITIVE(0) ? 3
								      : 0;

	if (p->n_signers != 1)
		return "there is not exactly one SignerInfo; each signer has a file of its own";
	if (!version || p->version[0] != version || p->version[1] != version)
		return "the version numbers do not fit the way in which the signer is named";
	return NULL;
}

/* The two that RFC 5652 5.3 makes mandatory must be there once with one value. Others, such as the signing
 * time, are signed but not believed. */
const char *profile_attributes_problem(const struct profile *p)
{
	if (!p->attributes)
		return "there are no signed attributes";
	if (p->n_type != 1 || p->n_hash != 1)
		return "signed attributes contentType and messageDigest must be there exactly once each, "
		       "with one "
		       "value";
	if (!der_equal(p->type, p->content_type))
		return "signed attribute contentType is not the content's type";
	return NULL;
}

enum profile_scheme profile_scheme(const struct profile *p)
{
	for (size_t i = 0; i < N_ELEMENTS(schemes); i++)
		if (der_equal(p->algorithm, schemes[i].oid) &&
		    (schemes[i].digest == ANY_DIGEST || schemes[i].digest == p->signer_digest))
			return schemes[i].scheme;
	return PROFILE_NO_SCHEME;
}

const char *profile_algorithm_problem(const struct profile *p)
{
	enum profile_scheme scheme = profile_scheme(p);
	int digest = p->digest;

	if (digest < 0 || p->more_digests || p->signer_digest != digest)
		return "the digest is not SHA-256 or SHA-384, and the same throughout";
	if (scheme == PROFILE_NO_SCHEME)
		return "the signature algorithm is none of ECDSA, RSA PKCS#1 v1.5 and RSA-PSS with the "
		       "signer's "
		       "digest";
	if (scheme == PROFILE_RSA_PSS ? !pss_fits(p->parameters, digest) : !is_absent_or_null(p->parameters))
		return "the signature algorithm has other parameters than this digest, with RSA-PSS also for "
		       "MGF1 "
		       "and with a salt of at least its size";
	return NULL;
}

const char *profile_embedded_problem(const struct profile *p)
{
	struct der certificates = p->certificates;
	struct der_item certificate;

	if (certificates.bytes && !der_take(&certificates, DER_SEQUENCE, &certificate))
		return "what is embedded is not an X.509 certificate";
	if (certificates.size)
		return "more than the signer's certificate is embedded; CAs belong into trust.conf only";
	if (p->crls)
		return "revocation lists or other parts are embedded";
	if (p->unsigned_attributes)
		return "unsigned attributes follow the signature";
	return NULL;
}
