/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signatures that were tampered with: their encoding, every bit, parts added and taken away.
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
#include <openssl/pem.h>

#include "signing/der.h"
#include "tests/unit/pki.h"

static int64_t now;

/* Verifies bytes made from p256.p7s under ca. */
static void assert_bytes_refused(const void *sig, size_t size, const char *rule, const char *reason)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = pki_trust(&pki_by_ca);
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
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = pki_trust(&pki_by_ca);
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
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = pki_trust(&pki_by_ca);
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
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = pki_trust(&pki_by_ca);
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

/* RFC 5652 5.4: a signature over signed attributes is one over their DER form as a SET. Whoever has it can
 * make a valid CMS without signed attributes whose content is that SET. openssl(1) is taken in; we are not,
 * twice. */
static void test_signed_attributes_as_content(void **state)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = pki_trust(&pki_by_ca);
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
	pki_assert_openssl_agrees("rewritten.p7s", "rewritten.set", "cafile.pem");
	assert_int_equal(cms_verify(sig, n, set, set_size, trust, now, NULL, &refusal),
			 REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "S5");

	/* The other half: attributes are there, but the content is such a SET. */
	assert_int_equal(pki_verify("set.p7s", "set.der", &pki_by_ca, now, NULL, &refusal),
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_every_flipped_bit_of_the_signature),
		cmocka_unit_test(test_flipped_bits_of_an_rsa_pss_signature),
		cmocka_unit_test(test_every_flipped_bit_of_the_content),
		cmocka_unit_test(test_signed_attributes_as_content),
		cmocka_unit_test(test_unsigned_attributes),
		cmocka_unit_test(test_embedded_crl),
	};

	now = time(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
