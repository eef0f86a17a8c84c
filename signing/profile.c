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
	enum profile_digest digest;
	size_t size;
} digests[] = {
	{ HASH(0x01), PROFILE_SHA256, 32 }, /* RFC 5754 2 */
	{ HASH(0x02), PROFILE_SHA384, 48 },
};

enum { ANY_DIGEST = -1 };

static const struct {
	struct der oid;
	enum profile_scheme scheme;
	int digest;
} schemes[] = {
	{ ECDSA2(0x02), PROFILE_ECDSA, PROFILE_SHA256 }, /* RFC 5754 3.3 */
	{ ECDSA2(0x03), PROFILE_ECDSA, PROFILE_SHA384 },
	{ PKCS1(0x01), PROFILE_RSA_PKCS1, ANY_DIGEST },     /* rsaEncryption, RFC 3370 3.2 */
	{ PKCS1(0x0b), PROFILE_RSA_PKCS1, PROFILE_SHA256 }, /* RFC 5754 3.2 */
	{ PKCS1(0x0c), PROFILE_RSA_PKCS1, PROFILE_SHA384 },
	{ PKCS1(0x0a), PROFILE_RSA_PSS, ANY_DIGEST }, /* RFC 4056; the parameters name the digest */
};

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

#define REFUSE(refusal, rule, ...) refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, rule, __VA_ARGS__)

static bool is_integer(struct der_item item, uint8_t value)
{
	return item.body.size == 1 && item.body.bytes[0] == value;
}

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

/* Returns the index into digests[], or -1. */
static int take_digest(struct der *in)
{
	struct der oid, parameters;

	if (!take_algorithm(in, &oid, &parameters) || !is_absent_or_null(parameters))
		return -1;
	for (size_t i = 0; i < N_ELEMENTS(digests); i++)
		if (der_equal(oid, digests[i].oid))
			return (int)i;
	return -1;
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

static int check_scheme(struct der *in, int digest, struct profile *p, struct refusal *refusal)
{
	struct der oid, parameters;

	if (!take_algorithm(in, &oid, &parameters))
		return REFUSE(refusal, "S6", "the signature algorithm cannot be read");
	for (size_t i = 0; i < N_ELEMENTS(schemes); i++) {
		if (!der_equal(oid, schemes[i].oid))
			continue;
		if (schemes[i].digest != ANY_DIGEST && schemes[i].digest != (int)digests[digest].digest)
			return REFUSE(refusal, "S6",
				      "the signature algorithm names another digest than the signer");
		p->scheme = schemes[i].scheme;
		if (p->scheme == PROFILE_RSA_PSS ? !pss_fits(parameters, digest)
						 : !is_absent_or_null(parameters))
			return REFUSE(refusal, "S6",
				      "the signature algorithm has other parameters than this digest, "
				      "with RSA-PSS also for MGF1 and with a salt of at least its size");
		return 0;
	}
	return REFUSE(refusal, "S6",
		      "the signature algorithm is none of ECDSA, RSA PKCS#1 v1.5 and RSA-PSS with SHA-256 or "
		      "SHA-384");
}

/* Attribute ::= SEQUENCE { attrType, attrValues SET }; the two that RFC 5652 5.3 makes mandatory must be
 * there once with one value. Others, such as the signing time, are signed but not believed. */
static int check_attributes(struct der attributes, int digest, struct profile *p, struct refusal *refusal)
{
	unsigned n_type = 0, n_digest = 0;

	while (attributes.size) {
		struct der_item attribute, oid, values, value;
		bool is_type, is_digest;

		if (!der_take(&attributes, DER_SEQUENCE, &attribute) ||
		    !der_take(&attribute.body, DER_OID, &oid) ||
		    !der_take(&attribute.body, DER_SET, &values) || attribute.body.size)
			return REFUSE(refusal, "S5", "a signed attribute cannot be read");
		is_type = der_equal(oid.body, oid_content_type);
		is_digest = der_equal(oid.body, oid_message_digest);
		if (!is_type && !is_digest)
			continue;
		if (!der_take(&values.body, is_type ? DER_OID : DER_OCTET_STRING, &value) || values.body.size)
			return REFUSE(refusal, "S5", "signed attribute %s must have exactly one value",
				      is_type ? "contentType" : "messageDigest");
		n_type += is_type;
		n_digest += is_digest;
		if (is_type && !der_equal(value.body, oid_data))
			return REFUSE(refusal, "S5", "signed attribute contentType is not id-data");
		if (is_digest && value.body.size != digests[digest].size)
			return REFUSE(refusal, "S5", "signed attribute messageDigest has the wrong size");
		if (is_digest)
			p->message_digest = value.body;
	}
	if (n_type != 1 || n_digest != 1)
		return REFUSE(
			refusal, "S5",
			"signed attributes contentType and messageDigest must be there exactly once each");
	return 0;
}

/* SignerInfo of RFC 5652 5.3. The version says how the signer is named: 1 by issuer and serial number, 3 by
 * key identifier; SignedData (5.1) bears the same number here. */
static int check_signer(struct der signer, uint8_t version, int digest, struct profile *p,
			struct refusal *refusal)
{
	struct der_item number, sid, attributes, signature;
	int r;

	if (!der_take(&signer, DER_INTEGER, &number) || !der_next(&signer, &sid) ||
	    (sid.tag != DER_SEQUENCE && sid.tag != DER_CONTEXT_PRIMITIVE(0)))
		return REFUSE(refusal, "S4", "the SignerInfo cannot be read");
	if (version != (sid.tag == DER_SEQUENCE ? 1 : 3) || !is_integer(number, version))
		return REFUSE(refusal, "S4",
			      "the version numbers do not fit the way in which the signer is named");
	p->signer = sid;
	if (digest < 0 || take_digest(&signer) != digest)
		return REFUSE(refusal, "S6", "the digest is not SHA-256 or SHA-384, and the same throughout");
	if (!der_take(&signer, DER_CONTEXT(0), &attributes))
		return REFUSE(refusal, "S5", "there are no signed attributes");
	r = check_attributes(attributes.body, digest, p, refusal);
	if (r)
		return r;
	r = check_scheme(&signer, digest, p, refusal);
	if (r)
		return r;
	if (!der_take(&signer, DER_OCTET_STRING, &signature))
		return REFUSE(refusal, "S4", "the SignerInfo has no signature");
	if (signer.size)
		return REFUSE(refusal, "S4", "unsigned attributes follow the signature");
	return 0;
}

/* encapContentInfo of RFC 5652 5.2 */
static int check_content_info(struct der content, struct refusal *refusal)
{
	struct der_item oid;

	if (!der_take(&content, DER_OID, &oid) || !der_equal(oid.body, oid_data))
		return REFUSE(refusal, "S3", "the signed content's type is not id-data");
	if (content.size)
		return REFUSE(refusal, "S3", "the content is attached; the signature must be detached");
	return 0;
}

/* CertificateSet of RFC 5652 10.2.3 */
static int check_certificates(struct der certificates, struct profile *p, struct refusal *refusal)
{
	struct der_item certificate;

	if (!der_take(&certificates, DER_SEQUENCE, &certificate))
		return REFUSE(refusal, "S4", "what is embedded is not an X.509 certificate");
	if (certificates.size)
		return REFUSE(
			refusal, "S4",
			"more than the signer's certificate is embedded; CAs belong into trust.conf only");
	p->certificate = certificate.whole;
	return 0;
}

/* SignedData of RFC 5652 5.1 */
static int check_signed_data(struct der data, struct profile *p, struct refusal *refusal)
{
	struct der_item version, set, content, certificates, signers, signer;
	int digest, r;

	if (!der_take(&data, DER_INTEGER, &version) || version.body.size != 1 ||
	    !der_take(&data, DER_SET, &set) || !der_take(&data, DER_SEQUENCE, &content))
		return REFUSE(refusal, "S4", "the SignedData cannot be read");
	r = check_content_info(content.body, refusal);
	if (r)
		return r;
	if (der_take(&data, DER_CONTEXT(0), &certificates)) {
		r = check_certificates(certificates.body, p, refusal);
		if (r)
			return r;
	}
	if (!der_take(&data, DER_SET, &signers) || data.size)
		return REFUSE(refusal, "S4", "revocation lists or other parts are embedded");
	if (!der_take(&signers.body, DER_SEQUENCE, &signer) || signers.body.size)
		return REFUSE(refusal, "S4",
			      "there is not exactly one SignerInfo; each signer has a file of its own");
	digest = take_digest(&set.body);
	if (digest < 0 || set.body.size)
		return REFUSE(refusal, "S6", "the digest is not SHA-256 or SHA-384");
	p->digest = digests[digest].digest;
	return check_signer(signer.body, version.body.bytes[0], digest, p, refusal);
}

int profile_check(const void *sig, size_t size, struct profile *ret, struct refusal *refusal)
{
	struct der in = { sig, size };
	struct der_item info, oid, content, data;
	struct profile p = {};
	const char *problem;
	int r;

	if (size == 0 || size > SIGNATURE_SIZE_MAX)
		return REFUSE(refusal, "S1", "a signature has between 1 and %u bytes, this one %zu",
			      SIGNATURE_SIZE_MAX, size);
	if (in.bytes[0] != DER_SEQUENCE)
		return REFUSE(refusal, "S1", "this is not DER (a PEM file, or no signature at all)");
	if (!der_check(sig, size, &problem))
		return REFUSE(refusal, "S1", "this is not DER: %s", problem);
	if (!der_take(&in, DER_SEQUENCE, &info) || !der_take(&info.body, DER_OID, &oid) ||
	    !der_equal(oid.body, oid_signed_data))
		return REFUSE(refusal, "S2", "this is not a CMS of type signedData");
	if (!der_take(&info.body, DER_CONTEXT(0), &content) || info.body.size ||
	    !der_take(&content.body, DER_SEQUENCE, &data) || content.body.size)
		return REFUSE(refusal, "S2", "the CMS does not hold exactly one SignedData");
	r = check_signed_data(data.body, &p, refusal);
	if (r)
		return r;
	*ret = p;
	return 0;
}
