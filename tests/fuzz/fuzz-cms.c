/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One signature file against a trust made at run time. Whatever the bytes are, they are refused with a rule,
 * and nothing stays in OpenSSL's error queue. */
#include <openssl/err.h>
#include <string.h>

#include "signing/cms.h"
#include "signing/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1700000000

static struct cms_trust *make_trust(void)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = cms_trust_new();
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	_cleanup_free_ char *leaf = NULL, *ca = NULL;

	if (!trust || signing_make_throwaway("fuzz", NOW, &key, &leaf, &ca) != 0 ||
	    cms_trust_add_issuers(trust, "ca", ca, strlen(ca), NULL) != 0 ||
	    cms_trust_add_pinned(trust, "leaf", leaf, strlen(leaf), NULL) != 0)
		abort();
	return take_ptr(trust);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char content[] = "{\"type\":\"bpfwarden-bundle/v1\",}";
	static struct cms_trust *trust;
	_cleanup_(cms_trust_free_p) struct cms_trust *lists = NULL;
	struct refusal refusal = {};

	if (!trust)
		trust = make_trust();
	if (cms_verify(data, size, content, sizeof(content) - 1, trust, NOW, NULL, &refusal) !=
	    REFUSAL_SIGNATURE_INVALID)
		abort();
	if (refusal.code != REFUSAL_SIGNATURE_INVALID || refusal.subject[0] != 'S' || ERR_peek_error())
		abort();
	/* The same bytes as a revocation list of an administrator: all or nothing. */
	lists = cms_trust_new();
	if (!lists)
		abort();
	(void)cms_trust_add_crls(lists, "fuzz", (const char *)data, size < 65536 ? size : 65536, &refusal);
	if (ERR_peek_error())
		abort();
	return 0;
}
