/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/pki.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "common/fd.h"

const char *pki_directory(void)
{
	const char *directory = getenv("BPFWARDEN_TEST_PKI");

	if (!directory)
		fail_msg("BPFWARDEN_TEST_PKI is not set; run this through meson test");
	return directory;
}

char *pki_read(const char *name, size_t *ret_size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[4096], *bytes = NULL;

	snprintf(path, sizeof(path), "%s/%s", pki_directory(), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, 1U << 20, &bytes, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return bytes;
}

void pki_write(const char *name, const void *bytes, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", pki_directory(), name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

const struct pki_anchors pki_by_ca = { .issuers = "ca.pem" };

struct cms_trust *pki_trust(const struct pki_anchors *anchors)
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

int pki_verify(const char *signature, const char *content, const struct pki_anchors *anchors, int64_t at,
	       struct cms_signer *ret_signer, struct refusal *refusal)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = pki_trust(anchors);
	_cleanup_free_ char *sig = NULL, *bytes = NULL;
	size_t sig_size, size;
	int r;

	sig = pki_read(signature, &sig_size);
	bytes = pki_read(content, &size);
	r = cms_verify(sig, sig_size, bytes, size, trust, at, ret_signer, refusal);
	assert_int_equal(ERR_peek_error(), 0);
	return r;
}

bool pki_openssl_accepts(const char *signature, const char *content, const char *cafile)
{
	bool embedded = strcmp(signature, "nocerts.p7s") != 0 && strcmp(signature, "empty.p7s") != 0;
	char command[8192];

	snprintf(command, sizeof(command),
		 "cd '%s' && openssl cms -verify -binary -inform DER -in '%s' -content '%s' -CAfile '%s' "
		 "-purpose any %s -out /dev/null >/dev/null 2>&1",
		 pki_directory(), signature, content, cafile, embedded ? "" : "-certfile pinned.pem");
	return system(command) == 0;
}

void pki_assert_openssl_agrees(const char *signature, const char *content, const char *cafile)
{
	if (!pki_openssl_accepts(signature, content, cafile))
		fail_msg("openssl does not accept %s", signature);
}
