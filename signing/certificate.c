/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/certificate.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "signing/der.h"

#define RSA_BITS_MIN 3072
#define RSA_BITS_MAX 16384 /* OpenSSL verifies no larger ones; a huge modulus would only cost time */

static void bn_free_p(BIGNUM **bn)
{
	BN_free(*bn);
}

X509 *certificate_from_der(const uint8_t *der, size_t size)
{
	const uint8_t *p = der;
	X509 *x509 = d2i_X509(NULL, &p, (long)size);

	if (x509 && p == der + size)
		return x509;
	X509_free(x509);
	return NULL;
}

/* A key has one identity only if it has one SubjectPublicKeyInfo: the parameters are the ones of RFC 8017 A.1
 * (NULL), and a modulus does not come with different exponents. */
static const char *rsa_problem(X509 *x509, EVP_PKEY *key, uint32_t *ret_algorithms)
{
	__attribute__((cleanup(bn_free_p))) BIGNUM *e = NULL;
	X509_ALGOR *algorithm = NULL;
	int type = V_ASN1_UNDEF;

	if (EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		return "has an RSA key of less than 3072 bits";
	if (EVP_PKEY_get_bits(key) > RSA_BITS_MAX)
		return "has an RSA key of more than 16384 bits";
	if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) || !BN_is_word(e, 65537))
		return "has an RSA key whose exponent is not 65537";
	X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(x509));
	X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	if (type != V_ASN1_NULL)
		return "has an RSA key with parameters";
	*ret_algorithms = CMS_RSA_PKCS1 | CMS_RSA_PSS;
	return NULL;
}

static const char *ec_problem(X509 *x509, EVP_PKEY *key, uint32_t *ret_algorithms)
{
	const uint8_t *point = NULL;
	X509_ALGOR *algorithm = NULL;
	char group[32] = "";
	int size = 0, type = V_ASN1_UNDEF;

	X509_PUBKEY_get0_param(NULL, &point, &size, &algorithm, X509_get_X509_PUBKEY(x509));
	X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	if (type != V_ASN1_OBJECT || size < 1 || point[0] != POINT_CONVERSION_UNCOMPRESSED)
		return "has an EC key that is not an uncompressed point on a named curve";
	if (!EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
		return "has an EC key on an unknown curve";
	switch (OBJ_sn2nid(group)) {
	case NID_X9_62_prime256v1:
		*ret_algorithms = CMS_ECDSA_P256;
		return NULL;
	case NID_secp384r1:
		*ret_algorithms = CMS_ECDSA_P384;
		return NULL;
	default:
		return "has an EC key that is not on P-256 or P-384";
	}
}

const char *certificate_key_problem(X509 *x509, uint32_t *ret_algorithms)
{
	EVP_PKEY *key = X509_get0_pubkey(x509);
	uint32_t algorithms = 0;
	const char *problem;

	if (!key)
		return "has a key that cannot be read";
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		problem = rsa_problem(x509, key, &algorithms);
		break;
	case EVP_PKEY_EC:
		problem = ec_problem(x509, key, &algorithms);
		break;
	default:
		return "has a key that is neither RSA nor ECDSA";
	}
	if (!problem && ret_algorithms)
		*ret_algorithms = algorithms;
	return problem;
}

static const char *signature_problem(int digest)
{
	switch (digest) {
	case NID_sha256:
	case NID_sha384:
	case NID_sha512:
		return NULL;
	default:
		return "was signed with a digest other than SHA-256, SHA-384 and SHA-512";
	}
}

const char *certificate_signature_problem(X509 *x509)
{
	int digest = NID_undef;

	if (!X509_get_signature_info(x509, &digest, NULL, NULL, NULL))
		return "was signed with an unknown algorithm";
	return signature_problem(digest);
}

/* Filling in the cached extensions is what X509_get_extension_flags() does first. */
static const char *common_problem(X509 *x509)
{
	uint32_t flags = X509_get_extension_flags(x509);

	if (flags & EXFLAG_INVALID)
		return "has extensions that cannot be read";
	if (flags & EXFLAG_CRITICAL)
		return "has a critical extension that is unknown here";
	if (X509_get_version(x509) != X509_VERSION_3)
		return "is not of X.509 version 3";
	return NULL;
}

const char *certificate_leaf_problem(X509 *x509)
{
	const char *problem = common_problem(x509);
	uint32_t flags = X509_get_extension_flags(x509);

	if (problem)
		return problem;
	if (flags & EXFLAG_CA)
		return "is that of a CA";
	if (!(flags & EXFLAG_KUSAGE) || !(X509_get_key_usage(x509) & KU_DIGITAL_SIGNATURE))
		return "lacks the key usage digitalSignature";
	if (!(flags & EXFLAG_XKUSAGE) || !(X509_get_extended_key_usage(x509) & XKU_CODE_SIGN))
		return "lacks the extended key usage codeSigning";
	return NULL;
}

const char *certificate_pinned_problem(X509 *x509)
{
	const char *problem = certificate_leaf_problem(x509);

	if (!problem)
		problem = certificate_key_problem(x509, NULL);
	if (!problem)
		problem = certificate_signature_problem(x509);
	return problem;
}

const char *certificate_issuer_problem(X509 *x509)
{
	const char *problem = common_problem(x509);

	if (problem)
		return problem;
	if (X509_check_ca(x509) != 1)
		return "is not that of a CA (basicConstraints)";
	if (!(X509_get_extension_flags(x509) & EXFLAG_KUSAGE) ||
	    !(X509_get_key_usage(x509) & KU_KEY_CERT_SIGN))
		return "lacks the key usage keyCertSign";
	if ((X509_get_extension_flags(x509) & EXFLAG_XKUSAGE) &&
	    !(X509_get_extended_key_usage(x509) & (XKU_CODE_SIGN | XKU_ANYEKU)))
		return "is that of a CA for other purposes than codeSigning";
	problem = certificate_key_problem(x509, NULL);
	if (!problem)
		problem = certificate_signature_problem(x509);
	return problem;
}

const char *certificate_time_problem(X509 *x509, int64_t now, int64_t known)
{
	time_t begins = (time_t)now, ends = (time_t)known;
	int before = X509_cmp_time(X509_get0_notBefore(x509), &begins);
	int after = X509_cmp_time(X509_get0_notAfter(x509), &ends);

	if (before == 0 || after == 0)
		return "has a validity that cannot be read";
	if (before > 0)
		return "is not yet valid";
	if (after < 0)
		return "has expired";
	return NULL;
}

static int digest_der(uint8_t *der, int size, uint8_t ret[DIGEST_SIZE])
{
	int r;

	if (size < 0)
		return -ENOMEM;
	r = EVP_Digest(der, (size_t)size, ret, NULL, EVP_sha256(), NULL) ? 0 : -ENOMEM;
	OPENSSL_free(der);
	return r;
}

static int64_t seconds(const ASN1_TIME *time)
{
	struct tm tm = {};

	return time && ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) : INT64_MAX;
}

int64_t certificate_not_before(X509 *x509)
{
	return seconds(X509_get0_notBefore(x509));
}

int64_t certificate_not_after(X509 *x509)
{
	return seconds(X509_get0_notAfter(x509));
}

int64_t crl_this_update(X509_CRL *crl)
{
	return seconds(X509_CRL_get0_lastUpdate(crl));
}

int64_t crl_next_update(X509_CRL *crl)
{
	return seconds(X509_CRL_get0_nextUpdate(crl));
}

void certificate_name(const X509_NAME *name, char *buffer, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	/* The flags escape everything outside printable ASCII. */
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, buffer, (int)size - 1);
	buffer[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

int certificate_describe(X509 *x509, struct cms_signer *ret)
{
	struct cms_signer s = { .not_after = certificate_not_after(x509) };
	uint8_t *der = NULL;
	int r, size;

	size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
	r = digest_der(der, size, s.key);
	if (r < 0)
		return r;
	der = NULL;
	size = i2d_X509(x509, &der);
	r = digest_der(der, size, s.certificate);
	if (r < 0)
		return r;
	memcpy(s.twin, s.certificate, DIGEST_SIZE);
	certificate_name(X509_get_subject_name(x509), s.subject, sizeof(s.subject));
	*ret = s;
	return 0;
}

static void ecdsa_sig_free_p(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}

static void openssl_free_p(uint8_t **bytes)
{
	OPENSSL_free(*bytes);
}

/* The DER form of (r, n - s). Its size, or -1. */
static int other_signature(X509 *x509, const BIGNUM *order, uint8_t **ret)
{
	__attribute__((cleanup(ecdsa_sig_free_p))) ECDSA_SIG *sig = NULL;
	__attribute__((cleanup(bn_free_p))) BIGNUM *r = NULL, *s = BN_new();
	const ASN1_BIT_STRING *bits = NULL;
	const uint8_t *p;

	X509_get0_signature(&bits, NULL, x509);
	p = ASN1_STRING_get0_data(bits);
	sig = d2i_ECDSA_SIG(NULL, &p, ASN1_STRING_length(bits));
	r = sig ? BN_dup(ECDSA_SIG_get0_r(sig)) : NULL;
	if (!r || !s || !BN_sub(s, order, ECDSA_SIG_get0_s(sig)) || !ECDSA_SIG_set0(sig, r, s))
		return -1;
	r = s = NULL;
	return i2d_ECDSA_SIG(sig, ret);
}

int certificate_twin(X509 *x509, EVP_PKEY *ca, uint8_t ret[DIGEST_SIZE])
{
	__attribute__((cleanup(openssl_free_p))) uint8_t *der = NULL, *sig = NULL, *twin = NULL;
	__attribute__((cleanup(bn_free_p))) BIGNUM *order = NULL;
	struct der_item certificate, tbs, algorithm;
	int size, sig_size, body;
	struct der in;
	uint8_t *p;

	if (EVP_PKEY_get_base_id(ca) != EVP_PKEY_EC)
		return 0;
	size = i2d_X509(x509, &der);
	if (size < 0 || !EVP_PKEY_get_bn_param(ca, OSSL_PKEY_PARAM_EC_ORDER, &order))
		return -ENOMEM;
	in = (struct der){ der, (size_t)size };
	sig_size = other_signature(x509, order, &sig);
	if (sig_size < 0 || !der_take(&in, DER_SEQUENCE, &certificate) ||
	    !der_next(&certificate.body, &tbs) || !der_next(&certificate.body, &algorithm))
		return -ENOMEM;
	body = (int)(tbs.whole.size + algorithm.whole.size) +
	       ASN1_object_size(0, sig_size + 1, V_ASN1_BIT_STRING);
	size = ASN1_object_size(1, body, V_ASN1_SEQUENCE);
	p = twin = OPENSSL_malloc((size_t)size);
	if (!twin)
		return -ENOMEM;
	ASN1_put_object(&p, 1, body, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	p = mempcpy(p, tbs.whole.bytes, tbs.whole.size);
	p = mempcpy(p, algorithm.whole.bytes, algorithm.whole.size);
	ASN1_put_object(&p, 0, sig_size + 1, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL);
	*p++ = 0; /* unused bits */
	memcpy(p, sig, (size_t)sig_size);
	return EVP_Digest(twin, (size_t)size, ret, NULL, EVP_sha256(), NULL) ? 0 : -ENOMEM;
}
