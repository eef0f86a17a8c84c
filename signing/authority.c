/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and certificates: a small PKI for those who have none, and the key that signs the standard set once.
 */
#include <errno.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "signing/certificate.h"
#include "signing/key.h"

#define THROWAWAY_DAYS (20 * 365)
#define SERIAL_BITS    127
#define KERNEL_BITS    3072

struct extension {
	int nid;
	const char *value; /* x509v3_config(5) */
};

static const struct extension ca_extensions[] = {
	{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
	{ NID_key_usage, "critical,keyCertSign,cRLSign" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_undef, NULL },
};

/* As the kernel's own module-signing key (Documentation/admin-guide/module-signing.rst). */
static const struct extension kernel_extensions[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid" },
	{ NID_undef, NULL },
};

static const struct extension leaf_extensions[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" }, { NID_key_usage, "critical,digitalSignature" },
	{ NID_ext_key_usage, "critical,codeSigning" },  { NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid" },      { NID_undef, NULL },
};

static bool add_extensions(X509 *x509, X509 *issuer, const struct extension *e)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	for (; e->value; e++) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, e->nid, e->value);
		bool added = extension && X509_add_ext(x509, extension, -1);

		X509_EXTENSION_free(extension);
		if (!added)
			return false;
	}
	return true;
}

static bool set_random_serial(X509 *x509)
{
	BIGNUM *serial = BN_new();
	bool done = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
		    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509));

	BN_free(serial);
	return done;
}

static bool set_name(X509_NAME *name, const char *common_name, const char *suffix)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
					  -1, 0) &&
	       X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_ASC, (const unsigned char *)suffix, -1, -1, 0);
}

struct kind {
	const char *unit; /* OU, so that people can tell them apart */
	const struct extension *extensions;
};
static const struct kind authority_kind = { "CA", ca_extensions };
static const struct kind signer_kind = { "signer", leaf_extensions };
static const struct kind kernel_kind = { "kernel", kernel_extensions };

/* A certificate for key, signed by the issuer; NULL: by itself. */
static X509 *make_certificate(const struct kind *kind, const char *name, int64_t now, unsigned days,
			      EVP_PKEY *key, const struct signing_key *issuer)
{
	__attribute__((cleanup(x509_free_p))) X509 *x509 = X509_new();
	time_t t = (time_t)now;

	if (!x509 || !X509_set_version(x509, X509_VERSION_3) || !set_random_serial(x509) ||
	    !set_name(X509_get_subject_name(x509), name, kind->unit))
		return NULL;
	if (!X509_set_issuer_name(x509, X509_get_subject_name(issuer ? issuer->certificate : x509)) ||
	    !X509_set_pubkey(x509, key))
		return NULL;
	/* A day of slack: the clock of the host that verifies may be behind. */
	if (!X509_time_adj_ex(X509_getm_notBefore(x509), -1, 0, &t) ||
	    !X509_time_adj_ex(X509_getm_notAfter(x509), (int)days, 0, &t))
		return NULL;
	if (!add_extensions(x509, issuer ? issuer->certificate : x509, kind->extensions) ||
	    !X509_sign(x509, issuer ? issuer->key : key, EVP_sha256()))
		return NULL;
	return take_ptr(x509);
}

/* There is nothing in the arguments that could be refused but a name that X.509 has no room for, so what
 * fails is memory or the random generator. Takes over key, which is NULL if it could not be made. */
static int make(const struct kind *kind, EVP_PKEY *key, const struct signing_key *issuer, const char *name,
		int64_t now, unsigned days, struct signing_key **ret)
{
	_cleanup_(signing_key_free_p) struct signing_key *made = calloc(1, sizeof(*made));
	_cleanup_openssl_errors_;

	if (!made) {
		EVP_PKEY_free(key);
		return -ENOMEM;
	}
	made->key = key;
	if (!*name || strlen(name) > ub_common_name)
		return -EINVAL;
	if (key)
		made->certificate = make_certificate(kind, name, now, days, key, issuer);
	if (!made->certificate)
		return -EIO;
	*ret = take_ptr(made);
	return 0;
}

int signing_make_authority(const char *name, int64_t now, unsigned days, struct signing_key **ret)
{
	return make(&authority_kind, EVP_EC_gen("P-256"), NULL, name, now, days, ret);
}

int signing_make_signer(const struct signing_key *authority, const char *name, int64_t now, unsigned days,
			struct signing_key **ret)
{
	return make(&signer_kind, EVP_EC_gen("P-256"), authority, name, now, days, ret);
}

int signing_make_throwaway(const char *name, int64_t now, struct signing_key **ret_key, char **ret_leaf_pem,
			   char **ret_ca_pem)
{
	_cleanup_(signing_key_free_p) struct signing_key *authority = NULL, *key = NULL;
	_cleanup_free_ char *leaf_pem = NULL, *ca_pem = NULL;
	int r;

	r = signing_make_authority(name, now, THROWAWAY_DAYS, &authority);
	if (!r)
		r = signing_make_signer(authority, name, now, THROWAWAY_DAYS, &key);
	if (!r)
		r = signing_key_to_pem(key, NULL, &leaf_pem);
	if (!r)
		r = signing_key_to_pem(authority, NULL, &ca_pem);
	if (r)
		return r;
	*ret_key = take_ptr(key);
	*ret_leaf_pem = take_ptr(leaf_pem);
	*ret_ca_pem = take_ptr(ca_pem);
	return 0;
}

int signing_make_kernel_throwaway(const char *name, int64_t now, struct signing_key **ret_key)
{
	return make(&kernel_kind, EVP_RSA_gen(KERNEL_BITS), NULL, name, now, THROWAWAY_DAYS, ret_key);
}

bool signing_key_same(const struct signing_key *a, const struct signing_key *b)
{
	_cleanup_openssl_errors_;

	return EVP_PKEY_eq(a->key, b->key) == 1;
}

int signing_key_certificate(const struct signing_key *key, uint8_t **ret_der, size_t *ret_size)
{
	_cleanup_openssl_errors_;
	unsigned char *der = NULL;
	int n = i2d_X509(key->certificate, &der);

	if (n <= 0)
		return -ENOMEM;
	*ret_der = malloc((size_t)n);
	if (*ret_der) {
		memcpy(*ret_der, der, (size_t)n);
		*ret_size = (size_t)n;
	}
	OPENSSL_free(der);
	return *ret_der ? 0 : -ENOMEM;
}
