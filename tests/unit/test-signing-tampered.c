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
		assert_string_equal(refusal.subject, "S14");
		content[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(cms_verify(sig, n, content, content_size - 1, trust, now, NULL, NULL),
			 REFUSAL_SIGNATURE_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_every_flipped_bit_of_the_signature),
		cmocka_unit_test(test_flipped_bits_of_an_rsa_pss_signature),
		cmocka_unit_test(test_every_flipped_bit_of_the_content),
	};

	now = time(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
