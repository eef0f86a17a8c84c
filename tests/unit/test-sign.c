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

/* What openssl made, taken back: its own certificate is enough, whose CA counts is not asked here. */
static void test_check(void **state)
{
	static const struct {
		const char *vector, *certificate; /* NULL: the one in it */
		int code;
		const char *subject, *key; /* whose key it is, if accepted */
	} cases[] = {
		{ "p256.p7s", NULL, 0, NULL, "p256.pem" },
		{ "pss.p7s", NULL, 0, NULL, "rsa3072.pem" },
		{ "bysibling.p7s", NULL, 0, NULL, "bysibling.pem" },
		{ "nocerts.p7s", "pinned.pem", 0, NULL, "pinned.pem" },
		{ "nocerts.p7s", NULL, REFUSAL_INVALID_ARGUMENT, "certificate" },
		{ "p256.p7s", "p256.key", REFUSAL_INVALID_ARGUMENT, "certificate" },
		{ "nocerts.p7s", "p256.pem", REFUSAL_SIGNATURE_INVALID, "S9" },
		{ "p256.p7s", "p384.pem", REFUSAL_SIGNATURE_INVALID, "S9" },
		{ "pem.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S1" },
		{ "data.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S1" },
		{ "attached.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S2" },
		{ "two.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S4" },
		{ "twobare.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S4" },
		{ "noattr.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S5" },
		{ "sha1.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S6" },
		{ "tls.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S10" },
		{ "rsa2048.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S11" },
		{ "expired.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S12" },
		{ "set.p7s", NULL, REFUSAL_SIGNATURE_INVALID, "S14" },
	};
	_cleanup_free_ char *content = NULL;
	size_t content_size;

	(void)state;
	content = pki_read("content.json", &content_size);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *vector = NULL, *certificate = NULL, *key = NULL;
		size_t size, certificate_size = 0, key_size;
		struct cms_signer signer = {}, expected = {};
		struct refusal refusal = {};
		int r;

		vector = pki_read(cases[i].vector, &size);
		if (cases[i].certificate)
			certificate = pki_read(cases[i].certificate, &certificate_size);
		r = cms_check(vector, size, content, content_size, certificate, certificate_size, now,
			      &signer, &refusal);
		assert_int_equal(ERR_peek_error(), 0);
		if (r != cases[i].code || strcmp(refusal.subject, cases[i].subject ?: "") != 0)
			fail_msg("%s: %d, %s: %s", cases[i].vector, r, refusal.subject, refusal.reason);
		if (r)
			continue;
		key = pki_read(cases[i].key, &key_size);
		assert_int_equal(cms_signer_from_pem(key, key_size, &expected, NULL), 0);
		assert_memory_equal(signer.certificate, expected.certificate, DIGEST_SIZE);
	}
}

/* A small PKI of our own making: openssl and the roles' reader take it, and the CA makes more than one. */
static void test_authority(void **state)
{
	_cleanup_(signing_key_free_p) struct signing_key *ca = NULL, *a = NULL, *b = NULL, *again = NULL;
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = cms_trust_new();
	_cleanup_free_ char *content = NULL, *ca_pem = NULL, *key_pem = NULL, *cert_pem = NULL;
	struct cms_signer signers[2];
	char name[66];
	size_t content_size;

	(void)state;
	content = pki_read("content.json", &content_size);
	assert_int_equal(signing_make_authority("bundles", now, 3650, &ca), 0);
	assert_int_equal(signing_make_signer(ca, "alice", now, 30, &a), 0);
	assert_int_equal(signing_make_signer(ca, "bob", now, 30, &b), 0);
	assert_int_equal(signing_key_to_pem(ca, NULL, &ca_pem), 0);
	assert_int_equal(cms_trust_add_issuers(trust, "ca", ca_pem, strlen(ca_pem), NULL), 0);
	assert_int_equal(signing_key_to_pem(a, &key_pem, &cert_pem), 0);
	assert_int_equal(
		signing_key_from_pem(key_pem, strlen(key_pem), cert_pem, strlen(cert_pem), &again, NULL), 0);
	for (int i = 0; i < 2; i++) {
		_cleanup_free_ uint8_t *der = NULL;
		size_t n;

		assert_int_equal(cms_sign(i ? b : again, content, content_size, now, &der, &n, NULL), 0);
		assert_int_equal(cms_verify(der, n, content, content_size, trust, now, &signers[i], NULL), 0);
		pki_write("authority.p7s", der, n);
		pki_write("authority.pem", ca_pem, strlen(ca_pem));
		pki_assert_openssl_agrees("authority.p7s", "content.json", "authority.pem");
		assert_int_equal(
			cms_verify(der, n, content, content_size, trust, now + 31 * 86400, NULL, NULL),
			REFUSAL_SIGNATURE_INVALID);
	}
	assert_memory_not_equal(signers[0].key, signers[1].key, DIGEST_SIZE);
	memset(name, 'x', 65);
	name[65] = '\0';
	signing_key_free_p(&again);
	assert_int_equal(signing_make_signer(ca, name, now, 30, &again), -EINVAL);
	assert_int_equal(signing_make_signer(ca, "", now, 30, &again), -EINVAL);
	assert_null(again);
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

/* K4: one key for both kinds is noticed by the certificate that a manifest's signature brings along. */
static void test_kernel_signature_by_a_signer(void **state)
{
	_cleanup_free_ char *ksig = NULL, *same = NULL, *other = NULL, *bare = NULL;
	size_t ksig_size, same_size, other_size, bare_size;

	(void)state;
	ksig = pki_read("kernel.p7s", &ksig_size);
	same = pki_read("rsa3072.p7s", &same_size);
	other = pki_read("rsa4096.p7s", &other_size);
	bare = pki_read("nocerts.p7s", &bare_size);
	assert_true(ksig_is_by_signer(ksig, ksig_size, same, same_size));
	assert_false(ksig_is_by_signer(ksig, ksig_size, other, other_size));
	assert_false(ksig_is_by_signer(ksig, ksig_size, bare, bare_size));
	assert_false(ksig_is_by_signer(ksig, ksig_size - 1, same, same_size));
	assert_false(ksig_is_by_signer("", 0, same, same_size));
	assert_int_equal(ERR_peek_error(), 0);
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
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_authority),
		cmocka_unit_test(test_kernel_signature),
		cmocka_unit_test(test_kernel_signature_by_a_signer),
		cmocka_unit_test(test_throwaway),
	};

	now = time(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
