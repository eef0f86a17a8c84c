/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An enrolment as the daemon's processes hand it on: the record that the gate sends, held against the table
 * of messages, then what the parser's child does with the sealed copies of what the client gave. The input is
 * the manifest; in turn its bytes are unsigned, signed by somebody, and signed by a role of this host, which
 * is the only way to the manifest's parser. Every answer is a verdict that the warden can read.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "format/manifest.h"
#include "loaderd/parser/verify.h"
#include "signing/sign.h"
#include "signing/trust.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1700000000

static struct {
	char directory[64];
	struct signing_key *key, *stranger;
} f = { .directory = "/tmp/bpfwarden-fuzz-enroll-XXXXXX" };

static void write_text(const char *name, const char *text)
{
	_cleanup_close_ int fd = -EBADF;
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", f.directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	FUZZ_CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
}

static void tear_down(void)
{
	static const char *const names[] = { "trust.conf", "ca.pem", "" };
	char path[96];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f.directory, names[i]);
		(void)remove(path);
	}
	signing_key_free(f.key);
	signing_key_free(f.stranger);
}

static void set_up(void)
{
	_cleanup_free_ char *leaf = NULL, *ca = NULL, *other_leaf = NULL, *other_ca = NULL;

	FUZZ_CHECK(mkdtemp(f.directory));
	atexit(tear_down);
	FUZZ_CHECK(signing_make_throwaway("fuzz", NOW, &f.key, &leaf, &ca) == 0);
	FUZZ_CHECK(signing_make_throwaway("stranger", NOW, &f.stranger, &other_leaf, &other_ca) == 0);
	write_text("ca.pem", ca);
	write_text("trust.conf",
		   "[role release]\ncertificates = ca.pem\nnames = *\nmay = enroll-production\n");
}

static int no_fence(void)
{
	return 0;
}

static int verify(const uint8_t *data, size_t size, const void *sig, size_t sig_size, bool sealed)
{
	static const char *directories[] = { f.directory, NULL };
	static struct message_verified v;
	const struct verify_options options = {
		.directories = directories, .owner = getuid(), .now = NOW, .confine = no_fence
	};
	struct verify_request request = { .n_signatures = 1 };
	int manifest, signature, r;

	manifest = sealed ? fd_memfd_sealed("manifest", data, size) : memfd_create("manifest", MFD_CLOEXEC);
	signature = fd_memfd_sealed("signature", sig, sig_size);
	FUZZ_CHECK(manifest >= 0 && signature >= 0);
	request.manifest = manifest;
	request.signatures = &signature;
	r = verify_bundle_with(&options, &request, &v);
	close(manifest);
	close(signature);
	FUZZ_CHECK(r >= 0 && (uint32_t)r == v.refusal.code);
	FUZZ_CHECK(r ? v.refusal.reason[0] && !v.spec.name[0] : spec_check(&v.spec));
	return r;
}

static void check_signed(const uint8_t *data, size_t size, const struct signing_key *key, bool trusted)
{
	_cleanup_free_ uint8_t *der = NULL;
	struct refusal refusal;
	size_t n;
	int r;

	/* What the tool itself would not sign: nothing, too much, or the likeness of signed attributes. */
	if (cms_sign(key, data, size, NOW, &der, &n, &refusal))
		return;
	r = verify(data, size, der, n, true);
	if (!trusted)
		FUZZ_CHECK(r == REFUSAL_SIGNATURE_INVALID);
	else if (size < sizeof(MANIFEST_PREFIX) - 1 ||
		 memcmp(data, MANIFEST_PREFIX, sizeof(MANIFEST_PREFIX) - 1))
		FUZZ_CHECK(r == REFUSAL_BUNDLE_INVALID);
}

/* A record of the gate's fits its row or the gate's connection ends: there is no third way. */
static void check_record(const uint8_t *data, size_t size)
{
	struct message_enroll m = {};
	size_t n_fds = size ? data[0] : 0;

	memcpy(&m, data, size < sizeof(m) ? size : sizeof(m));
	if (message_fits(&m.m, size, n_fds, SIDE_GATE, SIDE_WARDEN) && m.m.type == MESSAGE_ENROLL)
		FUZZ_CHECK(size == sizeof(m) && n_fds >= 2 && n_fds <= PEER_FDS_MAX);
	m.m = (struct message){ .type = MESSAGE_ENROLL, .size = sizeof(m) };
	FUZZ_CHECK(message_fits(&m.m, sizeof(m), 2, SIDE_GATE, SIDE_WARDEN));
	FUZZ_CHECK(!message_fits(&m.m, sizeof(m), n_fds, SIDE_GATE, SIDE_LOADER));
	FUZZ_CHECK(!message_fits(&m.m, sizeof(m) - 1, n_fds, SIDE_GATE, SIDE_WARDEN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!f.key)
		set_up();
	check_record(data, size);
	/* One in four inputs goes the ways that end before anything of it is looked at. */
	if (size && data[size / 2] % 4 == 0) {
		FUZZ_CHECK(verify(data, size, data, size, true) != 0);
		FUZZ_CHECK(verify(data, size, data, size, false) != 0);
		check_signed(data, size, f.stranger, false);
	}
	check_signed(data, size, f.key, true);
	return 0;
}
