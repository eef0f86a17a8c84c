/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signature profile, rule by rule, on vectors that openssl(1) made (tests/pki/make). What we accept,
 * openssl must accept as well; what we refuse must be refused by the rule that it breaks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "signing/cms.h"
#include "signing/der.h"
#include "signing/sign.h"
#include "tests/unit/pki.h"

#define YEAR (365 * 86400LL)

static int64_t now;

struct anchors {
	const char *issuers, *pinned, *crl; /* file names */
	bool require_crl;
	uint32_t algorithms; /* 0: all */
};

static const struct anchors by_ca = { .issuers = "ca.pem" };
static const struct anchors by_pin = { .pinned = "pinned.pem" };
static const struct anchors by_root = { .issuers = "root.pem" };

static struct cms_trust *make_trust(const struct anchors *anchors)
{
	struct cms_trust *trust = cms_trust_new();
	const char *const files[] = { anchors->issuers, anchors->pinned, anchors->crl };
	int (*const add[])(struct cms_trust *, const char *, const char *, size_t,
			   struct refusal *) = { cms_trust_add_issuers, cms_trust_add_pinned,
						 cms_trust_add_crls };

	assert_non_null(trust);
	for (size_t i = 0; i < 3; i++) {
		_cleanup_free_ char *pem = NULL;
		size_t size = 0;

		if (!files[i])
			continue;
		pem = pki_read(files[i], &size);
		assert_int_equal(add[i](trust, files[i], pem, size, NULL), 0);
	}
	if (anchors->require_crl)
		cms_trust_require_crl(trust);
	if (anchors->algorithms)
		cms_trust_set_algorithms(trust, anchors->algorithms);
	return trust;
}

static int verify_file(const char *signature, const char *content, const struct anchors *anchors, int64_t at,
		       struct cms_signer *ret_signer, struct refusal *refusal)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = make_trust(anchors);
	_cleanup_free_ char *sig = NULL, *bytes = NULL;
	size_t sig_size, size;
	int r;

	sig = pki_read(signature, &sig_size);
	bytes = pki_read(content, &size);
	r = cms_verify(sig, sig_size, bytes, size, trust, at, ret_signer, refusal);
	assert_int_equal(ERR_peek_error(), 0);
	return r;
}

/* The command that docs/FORMAT-bundle.md gives to those who do not want to believe our code. */
static void assert_openssl_agrees(const char *signature, const char *content, const char *cafile)
{
	char command[8192];

	snprintf(command, sizeof(command),
		 "cd '%s' && openssl cms -verify -binary -inform DER -in '%s' -content '%s' -CAfile '%s' "
		 "-purpose any %s -out /dev/null 2>&1",
		 pki_directory(), signature, content, cafile,
		 strcmp(signature, "nocerts.p7s") ? "" : "-certfile pinned.pem");
	if (system(command) != 0)
		fail_msg("openssl does not accept %s", signature);
}

static void test_accepted(void **state)
{
	static const struct {
		const char *file;
		const struct anchors *anchors;
		uint32_t algorithm;
	} cases[] = {
		{ "p256.p7s", &by_ca, CMS_ECDSA_P256 },      { "p256sha384.p7s", &by_ca, CMS_ECDSA_P256 },
		{ "p384.p7s", &by_ca, CMS_ECDSA_P384 },      { "rsa3072.p7s", &by_ca, CMS_RSA_PKCS1 },
		{ "rsa4096.p7s", &by_ca, CMS_RSA_PKCS1 },    { "pss.p7s", &by_ca, CMS_RSA_PSS },
		{ "pss384.p7s", &by_ca, CMS_RSA_PSS },       { "keyid.p7s", &by_ca, CMS_ECDSA_P256 },
		{ "p256again.p7s", &by_ca, CMS_ECDSA_P256 }, { "pinned.p7s", &by_pin, CMS_ECDSA_P256 },
		{ "nocerts.p7s", &by_pin, CMS_ECDSA_P256 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cms_signer signer = {};
		struct refusal refusal = {};

		if (verify_file(cases[i].file, "content.json", cases[i].anchors, now, &signer, &refusal) != 0)
			fail_msg("%s: %s: %s", cases[i].file, refusal.subject, refusal.reason);
		assert_int_equal(signer.algorithm, cases[i].algorithm);
		assert_true(signer.not_after > now + YEAR);
		assert_memory_equal(signer.subject, "CN=", 3);
		assert_openssl_agrees(cases[i].file, "content.json",
				      cases[i].anchors == &by_ca ? "cafile.pem" : "pinned.pem");
	}
}

static void test_refused(void **state)
{
	static const struct anchors old_crl = { .issuers = "ca.pem", .crl = "old.crl" },
				    other_crl = { .issuers = "ca.pem", .crl = "sibling.crl" },
				    forged_crl = { .issuers = "ca.pem", .crl = "impostor.crl" },
				    no_crl = { .issuers = "ca.pem", .require_crl = true },
				    good_crl = { .issuers = "ca.pem", .crl = "ca.crl" },
				    only_rsa = { .issuers = "ca.pem",
						 .algorithms = CMS_RSA_PKCS1 | CMS_RSA_PSS },
				    only_p384 = { .issuers = "ca.pem", .algorithms = CMS_ECDSA_P384 },
				    nothing = {};
	static const struct {
		const char *file, *rule, *reason; /* a part of it */
		const struct anchors *anchors;    /* NULL: by_ca */
	} cases[] = {
		{ "pem.p7s", "S1", "PEM file" },
		{ "data.p7s", "S2", "not a CMS of type signedData" },
		{ "type.p7s", "S3", "not id-data" },
		{ "attached.p7s", "S3", "attached" },
		{ "siblingin.p7s", "S4", "more than the signer's certificate" },
		{ "bysiblingin.p7s", "S4", "more than the signer's certificate", &by_root },
		{ "two.p7s", "S4", "more than the signer's certificate" },
		{ "twobare.p7s", "S4", "exactly one SignerInfo" },
		{ "noattr.p7s", "S5", "no signed attributes" },
		{ "sha1.p7s", "S6", "SHA-256 or SHA-384" },
		{ "sha512.p7s", "S6", "SHA-256 or SHA-384" },
		{ "pssmgf.p7s", "S6", "MGF1" },
		{ "psssalt.p7s", "S6", "salt" },
		{ "set.p7s", "S8", "not the one that was signed" },
		{ "bysibling.p7s", "S9", "not issued by a CA of the role" },
		{ "bysibling.p7s", "S9", "not issued by a CA of the role", &by_root },
		{ "p256.p7s", "S9", "not issued by a CA of the role", &by_root },
		{ "p256.p7s", "S9", "not issued by a CA of the role", &by_pin },
		{ "p256.p7s", "S9", "not issued by a CA of the role", &nothing },
		{ "pinned.p7s", "S9", "not issued by a CA of the role" },
		{ "byimpostor.p7s", "S9", "" },
		{ "byleaf.p7s", "S9", "not issued by a CA of the role" },
		{ "nocertsca.p7s", "S9", "no certificate is embedded" },
		{ "nocertsca.p7s", "S9", "no certificate is embedded", &by_pin },
		{ "tls.p7s", "S10", "codeSigning" },
		{ "nousage.p7s", "S10", "digitalSignature" },
		{ "noextensions.p7s", "S10", "digitalSignature" },
		{ "leafca.p7s", "S10", "that of a CA" },
		{ "rsa2048.p7s", "S11", "key too weak" },
		{ "p521.p7s", "S11", "not on P-256 or P-384" },
		{ "exponent.p7s", "S11", "exponent" },
		{ "sha1leaf.p7s", "S11", "" },
		{ "p256.p7s", "S11", "ecdsa-p256 are not accepted", &only_rsa },
		{ "p256.p7s", "S11", "ecdsa-p256 are not accepted", &only_p384 },
		{ "rsa3072.p7s", "S11", "rsa-pkcs1 are not accepted", &only_p384 },
		{ "expired.p7s", "S12", "expired" },
		{ "future.p7s", "S12", "not yet valid" },
		{ "p256.p7s", "S13", "unable to get certificate CRL", &no_crl },
		{ "p256.p7s", "S13", "CRL has expired", &old_crl },
		{ "p256.p7s", "S13", "unable to get certificate CRL", &other_crl },
		{ "p256.p7s", "S13", "", &forged_crl },
		{ "revoked.p7s", "S13", "revoked", &good_crl },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cms_signer signer = { .not_after = 77 };
		struct refusal refusal = {};
		int r = verify_file(cases[i].file, "content.json", cases[i].anchors ?: &by_ca, now, &signer,
				    &refusal);

		if (r != REFUSAL_SIGNATURE_INVALID || strcmp(refusal.subject, cases[i].rule) != 0 ||
		    !strstr(refusal.reason, cases[i].reason))
			fail_msg("case %zu, %s: %d, %s: %s", i, cases[i].file, r, refusal.subject,
				 refusal.reason);
		assert_int_equal(refusal.code, REFUSAL_SIGNATURE_INVALID);
		assert_int_equal(signer.not_after, 77);
	}
}

static void test_time_is_the_callers(void **state)
{
	static const struct {
		const char *file;
		const struct anchors *anchors;
		int64_t offset;
		const char *rule;
	} cases[] = {
		{ "p256.p7s", &by_ca, 9 * YEAR, NULL },      { "p256.p7s", &by_ca, 11 * YEAR, "S12" },
		{ "p256.p7s", &by_ca, -1 * YEAR, "S12" },    { "pinned.p7s", &by_pin, 21 * YEAR, "S12" },
		{ "pinned.p7s", &by_pin, -1 * YEAR, "S12" }, { "pinned.p7s", &by_pin, 19 * YEAR, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct refusal refusal = {};
		int r = verify_file(cases[i].file, "content.json", cases[i].anchors, now + cases[i].offset,
				    NULL, &refusal);

		assert_int_equal(r, cases[i].rule ? REFUSAL_SIGNATURE_INVALID : 0);
		assert_string_equal(refusal.subject, cases[i].rule ?: "");
	}
}

static void test_current_crl_is_accepted(void **state)
{
	static const struct anchors crl = { .issuers = "ca.pem", .crl = "ca.crl" };
	struct refusal refusal = {};

	(void)state;
	assert_int_equal(verify_file("p256.p7s", "content.json", &crl, now, NULL, &refusal), 0);
	assert_int_equal(verify_file("p256.p7s", "content.json", &crl, now + YEAR, NULL, &refusal),
			 REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "S13");
}

static void test_key_is_the_identity(void **state)
{
	struct cms_signer a = {}, b = {}, c = {};

	(void)state;
	assert_int_equal(verify_file("p256.p7s", "content.json", &by_ca, now, &a, NULL), 0);
	assert_int_equal(verify_file("p256again.p7s", "content.json", &by_ca, now, &b, NULL), 0);
	assert_int_equal(verify_file("p384.p7s", "content.json", &by_ca, now, &c, NULL), 0);
	assert_memory_equal(a.key, b.key, DIGEST_SIZE);
	assert_memory_not_equal(a.certificate, b.certificate, DIGEST_SIZE);
	assert_memory_not_equal(a.key, c.key, DIGEST_SIZE);
}

/* Verifies bytes made from p256.p7s under ca. */
static void assert_bytes_refused(const void *sig, size_t size, const char *rule, const char *reason)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = make_trust(&by_ca);
	_cleanup_free_ char *content = NULL;
	struct refusal refusal = {};
	size_t content_size;
	int r;

	content = pki_read("content.json", &content_size);
	r = cms_verify(sig, size, content, content_size, trust, now, NULL, &refusal);
	if (r != REFUSAL_SIGNATURE_INVALID || strcmp(refusal.subject, rule) != 0 ||
	    !strstr(refusal.reason, reason))
		fail_msg("%d, %s: %s instead of %s: %s", r, refusal.subject, refusal.reason, rule, reason);
}

static void test_encoding(void **state)
{
	_cleanup_free_ char *good = NULL;
	_cleanup_free_ unsigned char *bad = NULL;
	size_t n;

	(void)state;
	good = pki_read("p256.p7s", &n);
	bad = calloc(1, SIGNATURE_SIZE_MAX + 1);
	assert_non_null(bad);
	assert_int_equal((unsigned char)good[1], 0x82);

	memcpy(bad, good, n);
	assert_bytes_refused(bad, n + 1, "S1", "bytes follow");
	assert_bytes_refused(bad, n - 1, "S1", "longer than");
	assert_bytes_refused(bad, 0, "S1", "between 1 and");
	assert_bytes_refused(bad, SIGNATURE_SIZE_MAX + 1, "S1", "between 1 and");
	for (size_t i = 1; i < n; i += 7)
		assert_bytes_refused(bad, i, "S1", "this is not DER");

	/* The same with an indefinite length: valid BER. */
	bad[1] = 0x80;
	memcpy(bad + 2, good + 4, n - 4);
	memset(bad + n - 2, 0, 2);
	assert_bytes_refused(bad, n, "S1", "indefinite");

	/* And with a length of three octets where two are enough. */
	memcpy(bad, "\x30\x83\x00", 3);
	memcpy(bad + 3, good + 2, n - 2);
	assert_bytes_refused(bad, n + 1, "S1", "shortest");

	/* Deeper than anybody needs. */
	memset(bad, 0, 4096);
	for (size_t i = 4; i < 400; i += 4)
		memcpy(bad + i - 4, (unsigned char[]){ 0x30, 0x82, (4096 - i) >> 8, (4096 - i) & 0xff }, 4);
	assert_bytes_refused(bad, 4096, "S1", "nested too deep");
}

static void test_every_flipped_bit_of_the_signature(void **state)
{
	static const char *const files[] = { "p256.p7s", "keyid.p7s" };
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = make_trust(&by_ca);
	_cleanup_free_ char *content = NULL;
	size_t content_size;

	(void)state;
	content = pki_read("content.json", &content_size);
	for (size_t f = 0; f < 2; f++) {
		_cleanup_free_ char *sig = NULL;
		size_t n;

		sig = pki_read(files[f], &n);
		for (size_t bit = 0; bit < n * 8; bit++) {
			struct refusal refusal = {};
			int r;

			sig[bit / 8] ^= (char)(1 << bit % 8);
			r = cms_verify(sig, n, content, content_size, trust, now, NULL, &refusal);
			if (r != REFUSAL_SIGNATURE_INVALID || refusal.subject[0] != 'S')
				fail_msg("%s with bit %zu of byte %zu flipped: %d", files[f], bit % 8,
					 bit / 8, r);
			sig[bit / 8] ^= (char)(1 << bit % 8);
		}
		assert_int_equal(cms_verify(sig, n, content, content_size, trust, now, NULL, NULL), 0);
	}
}

static void test_flipped_bits_of_an_rsa_pss_signature(void **state)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = make_trust(&by_ca);
	_cleanup_free_ char *content = NULL, *sig = NULL;
	size_t content_size, n;

	(void)state;
	content = pki_read("content.json", &content_size);
	sig = pki_read("pss.p7s", &n);
	for (size_t bit = 0; bit < n * 8; bit += 5) {
		sig[bit / 8] ^= (char)(1 << bit % 8);
		if (cms_verify(sig, n, content, content_size, trust, now, NULL, NULL) !=
		    REFUSAL_SIGNATURE_INVALID)
			fail_msg("bit %zu of byte %zu flipped", bit % 8, bit / 8);
		sig[bit / 8] ^= (char)(1 << bit % 8);
	}
}

static void test_every_flipped_bit_of_the_content(void **state)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = make_trust(&by_ca);
	_cleanup_free_ char *content = NULL, *sig = NULL;
	size_t content_size, n;

	(void)state;
	content = pki_read("content.json", &content_size);
	sig = pki_read("p256.p7s", &n);
	for (size_t bit = 0; bit < content_size * 8; bit++) {
		struct refusal refusal = {};

		content[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(cms_verify(sig, n, content, content_size, trust, now, NULL, &refusal),
				 REFUSAL_SIGNATURE_INVALID);
		assert_string_equal(refusal.subject, "S8");
		content[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(cms_verify(sig, n, content, content_size - 1, trust, now, NULL, NULL),
			 REFUSAL_SIGNATURE_INVALID);
}

static void put(struct der *out, uint8_t *space, uint8_t tag, struct der body)
{
	uint8_t header[4] = { tag, 0x82, (uint8_t)(body.size >> 8), (uint8_t)body.size };
	size_t n = body.size < 0x80 ? 2 : body.size < 0x100 ? 3 : 4;

	if (n < 4)
		header[n - 1] = (uint8_t)body.size;
	if (n == 3)
		header[1] = 0x81;
	memcpy(space + out->size, header, n);
	memcpy(space + out->size + n, body.bytes, body.size);
	out->bytes = space;
	out->size += n + body.size;
}

/* Writes the elements of in again, but not the one that begins at skip; the lengths above it follow. */
static struct der without(struct der in, const uint8_t *skip, uint8_t *space)
{
	struct der out = { space, 0 };
	struct der_item item;

	while (der_next(&in, &item)) {
		uint8_t inner[4096];
		bool around = item.whole.bytes < skip && skip < item.whole.bytes + item.whole.size;

		if (item.whole.bytes != skip)
			put(&out, space, item.tag, around ? without(item.body, skip, inner) : item.body);
	}
	return out;
}

/* The signed attributes in a CMS that has them. */
static struct der_item find_attributes(struct der in)
{
	static const uint8_t first[] = { DER_SEQUENCE, DER_OID, DER_CONTEXT(0), DER_SEQUENCE };
	struct der_item item = {}, signer;

	for (size_t i = 0; i < sizeof(first); i++) {
		assert_true(der_take(&in, first[i], &item));
		if (first[i] != DER_OID)
			in = item.body;
	}
	while (in.size) /* the last part of SignedData: the SET of SignerInfo */
		assert_true(der_next(&in, &item));
	assert_true(der_take(&item.body, DER_SEQUENCE, &signer));
	for (size_t i = 0; i < 4; i++)
		assert_true(der_next(&signer.body, &item));
	assert_int_equal(item.tag, DER_CONTEXT(0));
	return item;
}

static void pki_write(const char *name, const void *bytes, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", pki_directory(), name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

/* RFC 5652 5.4: a signature over signed attributes is one over their DER form as a SET. Whoever has it can
 * make a valid CMS without signed attributes whose content is that SET. openssl(1) is taken in; we are not,
 * twice. */
static void test_signed_attributes_as_content(void **state)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = make_trust(&by_ca);
	_cleanup_free_ char *good = NULL;
	struct refusal refusal = {};
	struct der_item attributes;
	uint8_t sig[4096], set[4096];
	size_t n, set_size;

	(void)state;
	good = pki_read("p256.p7s", &n);
	attributes = find_attributes((struct der){ (const uint8_t *)good, n });
	set_size = attributes.whole.size;
	memcpy(set, attributes.whole.bytes, set_size);
	set[0] = DER_SET;
	n = without((struct der){ (const uint8_t *)good, n }, attributes.whole.bytes, sig).size;
	pki_write("rewritten.set", set, set_size);
	pki_write("rewritten.p7s", sig, n);
	assert_openssl_agrees("rewritten.p7s", "rewritten.set", "cafile.pem");
	assert_int_equal(cms_verify(sig, n, set, set_size, trust, now, NULL, &refusal),
			 REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "S5");

	/* The other half: attributes are there, but the content is such a SET. */
	assert_int_equal(verify_file("set.p7s", "set.der", &by_ca, now, NULL, &refusal),
			 REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "S7");
}

static void test_unsigned_attributes(void **state)
{
	_cleanup_free_ char *sig = NULL;
	const unsigned char *p;
	unsigned char *der = NULL;
	CMS_ContentInfo *cms;
	size_t n;
	int size;

	(void)state;
	sig = pki_read("p256.p7s", &n);
	p = (const unsigned char *)sig;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)n);
	assert_non_null(cms);
	assert_true(CMS_unsigned_add1_attr_by_NID(sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0),
						  NID_pkcs9_unstructuredName, V_ASN1_UTF8STRING, "note", 4));
	size = i2d_CMS_ContentInfo(cms, &der);
	assert_true(size > 0);
	assert_bytes_refused(der, (size_t)size, "S4", "unsigned attributes");
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
}

static void test_embedded_crl(void **state)
{
	_cleanup_free_ char *sig = NULL, *pem = NULL;
	const unsigned char *p;
	unsigned char *der = NULL;
	CMS_ContentInfo *cms;
	X509_CRL *crl;
	size_t n, pem_size;
	BIO *bio;
	int size;

	(void)state;
	sig = pki_read("p256.p7s", &n);
	pem = pki_read("ca.crl", &pem_size);
	p = (const unsigned char *)sig;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)n);
	bio = BIO_new_mem_buf(pem, (int)pem_size);
	crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	assert_true(cms && crl && CMS_add1_crl(cms, crl));
	size = i2d_CMS_ContentInfo(cms, &der);
	assert_true(size > 0);
	assert_bytes_refused(der, (size_t)size, "S4", "revocation lists");
	OPENSSL_free(der);
	X509_CRL_free(crl);
	BIO_free(bio);
	CMS_ContentInfo_free(cms);
}

static void test_content_bounds(void **state)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = make_trust(&by_ca);
	_cleanup_free_ char *sig = NULL, *big = calloc(1, MANIFEST_SIZE_MAX + 1);
	struct refusal refusal = {};
	size_t n;

	(void)state;
	sig = pki_read("p256.p7s", &n);
	assert_int_equal(cms_verify(sig, n, big, MANIFEST_SIZE_MAX + 1, trust, now, NULL, &refusal),
			 REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "S7");
	assert_int_equal(cms_verify(sig, n, big, 0, trust, now, NULL, &refusal), REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "S7");
}

static void test_anchor_files(void **state)
{
	static const struct {
		int (*add)(struct cms_trust *, const char *, const char *, size_t, struct refusal *);
		const char *file, *reason; /* NULL: accepted */
	} cases[] = {
		{ cms_trust_add_issuers, "ca.pem", NULL },
		{ cms_trust_add_issuers, "cafile.pem", NULL },
		{ cms_trust_add_issuers, "p256.pem", "basicConstraints" },
		{ cms_trust_add_issuers, "tinyca.pem", "basicConstraints" },
		{ cms_trust_add_issuers, "leafca.pem", NULL },
		{ cms_trust_add_issuers, "p256.key", "PRIVATE KEY" },
		{ cms_trust_add_issuers, "ca.crl", "X509 CRL" },
		{ cms_trust_add_issuers, "content.json", "not PEM" },
		{ cms_trust_add_pinned, "pinned.pem", NULL },
		{ cms_trust_add_pinned, "ca.pem", "that of a CA" },
		{ cms_trust_add_pinned, "tls.pem", "codeSigning" },
		{ cms_trust_add_pinned, "rsa2048.pem", "less than 3072" },
		{ cms_trust_add_pinned, "p521.pem", "P-256 or P-384" },
		{ cms_trust_add_pinned, "ed25519.pem", "neither RSA nor ECDSA" },
		{ cms_trust_add_pinned, "sha1leaf.pem", "digest other than" },
		{ cms_trust_add_crls, "ca.crl", NULL },
		{ cms_trust_add_crls, "ca.pem", "CERTIFICATE" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(cms_trust_free_p) struct cms_trust *trust = cms_trust_new();
		_cleanup_free_ char *pem = NULL;
		struct refusal refusal = {};
		size_t size;
		int r;

		pem = pki_read(cases[i].file, &size);
		r = cases[i].add(trust, cases[i].file, pem, size, &refusal);
		if (r != (cases[i].reason ? REFUSAL_TRUST_INVALID : 0) ||
		    (r && !strstr(refusal.reason, cases[i].reason)))
			fail_msg("%s: %d, %s", cases[i].file, r, refusal.reason);
		assert_string_equal(refusal.subject, r ? cases[i].file : "");
		assert_int_equal(ERR_peek_error(), 0);
		if (r)
			continue;
		/* A file that was cut is refused, not read up to there. */
		assert_int_equal(cases[i].add(trust, cases[i].file, pem, size - 20, &refusal),
				 REFUSAL_TRUST_INVALID);
	}
}

static struct signing_key *read_signer(const char *name)
{
	_cleanup_free_ char *key = NULL, *certificate = NULL;
	size_t key_size, certificate_size;
	struct signing_key *signer = NULL;
	char file[64];

	snprintf(file, sizeof(file), "%s.key", name);
	key = pki_read(file, &key_size);
	snprintf(file, sizeof(file), "%s.pem", name);
	certificate = pki_read(file, &certificate_size);
	assert_int_equal(signing_key_from_pem(key, key_size, certificate, certificate_size, &signer, NULL),
			 0);
	return signer;
}

static void test_sign(void **state)
{
	static const struct {
		const char *signer, *rule; /* NULL: accepted */
	} cases[] = {
		{ "p256" }, { "p384" }, { "rsa3072" }, { "rsa2048", "S11" }, { "p521", "S11" },
	};
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = make_trust(&by_ca);
	_cleanup_free_ char *content = NULL;
	size_t content_size;

	(void)state;
	content = pki_read("content.json", &content_size);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(signing_key_free_p) struct signing_key *key = read_signer(cases[i].signer);
		_cleanup_free_ uint8_t *der = NULL;
		struct refusal refusal = {};
		size_t n = 0;
		int r = cms_sign(key, content, content_size, now, &der, &n, &refusal);

		assert_int_equal(ERR_peek_error(), 0);
		if (r != (cases[i].rule ? REFUSAL_SIGNATURE_INVALID : 0) ||
		    strcmp(refusal.subject, cases[i].rule ?: "") != 0)
			fail_msg("%s: %d, %s", cases[i].signer, r, refusal.reason);
		if (r)
			continue;
		assert_int_equal(cms_verify(der, n, content, content_size, trust, now, NULL, NULL), 0);
		pki_write("made.p7s", der, n);
		assert_openssl_agrees("made.p7s", "content.json", "cafile.pem");
	}
}

static void test_sign_refuses_wrong_files(void **state)
{
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;
	struct signing_key *key = NULL;
	struct refusal refusal;
	size_t an, bn, cn;

	(void)state;
	a = pki_read("p256.key", &an);
	b = pki_read("p384.pem", &bn);
	c = pki_read("p256.pem", &cn);
	assert_int_equal(signing_key_from_pem(a, an, b, bn, &key, &refusal), REFUSAL_INVALID_ARGUMENT);
	assert_string_equal(refusal.subject, "certificate");
	assert_int_equal(signing_key_from_pem(c, cn, c, cn, &key, &refusal), REFUSAL_INVALID_ARGUMENT);
	assert_string_equal(refusal.subject, "key");
	assert_int_equal(signing_key_from_pem(a, an, a, an, &key, &refusal), REFUSAL_INVALID_ARGUMENT);
	assert_string_equal(refusal.subject, "certificate");
	assert_null(key);
	assert_int_equal(ERR_peek_error(), 0);
}

/* The PKCS#7 for the kernel is the one that openssl makes; RSA PKCS#1 v1.5 is deterministic, so byte for
 * byte. */
static void test_kernel_signature(void **state)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = read_signer("rsa3072");
	_cleanup_free_ char *content = NULL, *theirs = NULL;
	_cleanup_free_ uint8_t *ours = NULL;
	size_t content_size, theirs_size, ours_size = 0;

	(void)state;
	content = pki_read("content.json", &content_size);
	theirs = pki_read("kernel.p7s", &theirs_size);
	assert_int_equal(
		ksig_sign(key, content, 20, content + 20, content_size - 20, &ours, &ours_size, NULL), 0);
	assert_int_equal(ours_size, theirs_size);
	assert_memory_equal(ours, theirs, ours_size);
}

static void test_throwaway(void **state)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *by_issuer = cms_trust_new(), *by_leaf = cms_trust_new();
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	_cleanup_free_ char *leaf = NULL, *ca = NULL, *content = NULL;
	_cleanup_free_ uint8_t *der = NULL;
	struct cms_signer signer;
	size_t content_size, n = 0;

	(void)state;
	content = pki_read("content.json", &content_size);
	assert_int_equal(signing_make_throwaway("bpfwarden standard set", now, &key, &leaf, &ca), 0);
	assert_int_equal(cms_trust_add_issuers(by_issuer, "ca", ca, strlen(ca), NULL), 0);
	assert_int_equal(cms_trust_add_pinned(by_leaf, "leaf", leaf, strlen(leaf), NULL), 0);
	assert_int_equal(cms_sign(key, content, content_size, now, &der, &n, NULL), 0);
	assert_int_equal(cms_verify(der, n, content, content_size, by_issuer, now + 19 * YEAR, NULL, NULL),
			 0);
	assert_int_equal(cms_verify(der, n, content, content_size, by_leaf, now, &signer, NULL), 0);
	assert_true(signer.not_after > now + 19 * YEAR);
	pki_write("throwaway.p7s", der, n);
	pki_write("throwaway.pem", ca, strlen(ca));
	assert_openssl_agrees("throwaway.p7s", "content.json", "throwaway.pem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_time_is_the_callers),
		cmocka_unit_test(test_current_crl_is_accepted),
		cmocka_unit_test(test_key_is_the_identity),
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_every_flipped_bit_of_the_signature),
		cmocka_unit_test(test_flipped_bits_of_an_rsa_pss_signature),
		cmocka_unit_test(test_every_flipped_bit_of_the_content),
		cmocka_unit_test(test_signed_attributes_as_content),
		cmocka_unit_test(test_unsigned_attributes),
		cmocka_unit_test(test_embedded_crl),
		cmocka_unit_test(test_content_bounds),
		cmocka_unit_test(test_anchor_files),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_sign_refuses_wrong_files),
		cmocka_unit_test(test_kernel_signature),
		cmocka_unit_test(test_throwaway),
	};

	now = time(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
