/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One signature file against a trust made at run time: the input as it is, then as changes to a good
 * signature, which gets further. Whatever the bytes are, they are refused with a rule, and nothing stays in
 * OpenSSL's error queue. Whatever the seeds
 * sign, it is another content, by others.
 */
#include <openssl/err.h>
#include <string.h>

#include "signing/cms.h"
#include "signing/sign.h"
#include "tests/fuzz/fuzz.h"

#define NOW         1700000000
#define CHANGES_MAX 4

static const char content[] = "{\"type\":\"bpfwarden-bundle/v1\",\"name\":\"tcp.state\",\"serial\":3}\n";

static struct {
	struct cms_trust *trust;
	uint8_t *good;
	size_t good_size;
} fixture;

static void set_up(void)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	_cleanup_free_ char *leaf = NULL, *ca = NULL;

	fixture.trust = cms_trust_new();
	FUZZ_CHECK(fixture.trust);
	FUZZ_CHECK(signing_make_throwaway("fuzz", NOW, &key, &leaf, &ca) == 0);
	FUZZ_CHECK(cms_trust_add_issuers(fixture.trust, "ca", ca, strlen(ca), NULL) == 0);
	FUZZ_CHECK(cms_sign(key, content, sizeof(content) - 1, NOW, &fixture.good, &fixture.good_size,
			    NULL) == 0);
}

static void check_refused(const uint8_t *sig, size_t size)
{
	struct refusal refusal = {};

	FUZZ_CHECK(cms_verify(sig, size, content, sizeof(content) - 1, fixture.trust, NOW, NULL, &refusal) ==
		   REFUSAL_SIGNATURE_INVALID);
	FUZZ_CHECK(refusal.code == REFUSAL_SIGNATURE_INVALID && refusal.subject[0] == 'S' &&
		   refusal.reason[0]);
	FUZZ_CHECK(!ERR_peek_error());
}

/* Three bytes of input are one change: where (two bytes), and the bits to flip. */
static void check_changed(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *changed = malloc(fixture.good_size);

	FUZZ_CHECK(changed);
	memcpy(changed, fixture.good, fixture.good_size);
	for (size_t i = 0; i + 3 <= size && i < 3 * CHANGES_MAX; i += 3)
		changed[(size_t)(data[i] << 8 | data[i + 1]) % fixture.good_size] ^= data[i + 2];
	if (memcmp(changed, fixture.good, fixture.good_size) != 0)
		check_refused(changed, fixture.good_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *lists = NULL;

	if (!fixture.trust)
		set_up();
	check_refused(data, size);
	check_changed(data, size);
	/* The same bytes as a revocation list of an administrator: read whole or not at all. */
	lists = cms_trust_new();
	FUZZ_CHECK(lists);
	(void)cms_trust_add_crls(lists, "fuzz", (const char *)data, size, NULL);
	FUZZ_CHECK(!ERR_peek_error());
	return 0;
}
