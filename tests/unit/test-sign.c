/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making signatures: what we sign, openssl(1) accepts, and what nobody would accept is not signed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "signing/sign.h"
#include "tests/unit/pki.h"

#define YEAR (365 * 86400LL)

static int64_t now;

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
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = pki_trust(&pki_by_ca);
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
		pki_assert_openssl_agrees("made.p7s", "content.json", "cafile.pem");
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
	pki_assert_openssl_agrees("throwaway.p7s", "content.json", "throwaway.pem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_sign_refuses_wrong_files),
		cmocka_unit_test(test_kernel_signature),
		cmocka_unit_test(test_throwaway),
	};

	now = time(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
