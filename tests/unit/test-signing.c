/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verification of one signature beyond the vectors of tests/trust: times, identities, bounds, files of
 * anchors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "signing/cms.h"
#include "tests/unit/pki.h"

#define YEAR (365 * 86400LL)

static int64_t now;

static const struct pki_anchors by_pin = { .pinned = "pinned.pem" };
static void test_time_is_the_callers(void **state)
{
	static const struct {
		const char *file;
		const struct pki_anchors *anchors;
		int64_t offset;
		const char *rule;
	} cases[] = {
		{ "p256.p7s", &pki_by_ca, 9 * YEAR, NULL },   { "p256.p7s", &pki_by_ca, 11 * YEAR, "S12" },
		{ "p256.p7s", &pki_by_ca, -1 * YEAR, "S12" }, { "pinned.p7s", &by_pin, 21 * YEAR, "S12" },
		{ "pinned.p7s", &by_pin, -1 * YEAR, "S12" },  { "pinned.p7s", &by_pin, 19 * YEAR, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct refusal refusal = {};
		int r = pki_verify(cases[i].file, "content.json", cases[i].anchors, now + cases[i].offset,
				   NULL, &refusal);

		assert_int_equal(r, cases[i].rule ? REFUSAL_SIGNATURE_INVALID : 0);
		assert_string_equal(refusal.subject, cases[i].rule ?: "");
	}
}

static void test_current_crl_is_accepted(void **state)
{
	static const struct pki_anchors crl = { .issuers = "ca.pem", .crl = "ca.crl" };
	struct refusal refusal = {};

	(void)state;
	assert_int_equal(pki_verify("p256.p7s", "content.json", &crl, now, NULL, &refusal), 0);
	assert_int_equal(pki_verify("p256.p7s", "content.json", &crl, now + YEAR, NULL, &refusal),
			 REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "S13");
}

static void test_key_is_the_identity(void **state)
{
	struct cms_signer a = {}, b = {}, c = {};

	(void)state;
	assert_int_equal(pki_verify("p256.p7s", "content.json", &pki_by_ca, now, &a, NULL), 0);
	assert_int_equal(pki_verify("p256again.p7s", "content.json", &pki_by_ca, now, &b, NULL), 0);
	assert_int_equal(pki_verify("p384.p7s", "content.json", &pki_by_ca, now, &c, NULL), 0);
	assert_memory_equal(a.key, b.key, DIGEST_SIZE);
	assert_memory_not_equal(a.certificate, b.certificate, DIGEST_SIZE);
	assert_memory_not_equal(a.key, c.key, DIGEST_SIZE);
}

static void test_content_bounds(void **state)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = pki_trust(&pki_by_ca);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_is_the_callers), cmocka_unit_test(test_current_crl_is_accepted),
		cmocka_unit_test(test_key_is_the_identity), cmocka_unit_test(test_content_bounds),
		cmocka_unit_test(test_anchor_files),
	};

	now = time(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
