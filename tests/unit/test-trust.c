/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading of roles and of lists of revocations; what they decide is in tests/trust. The PKI is that of
 * tests/pki/make. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fd.h"
#include "format/manifest.h"
#include "signing/sign.h"
#include "signing/trust.h"
#include "tests/unit/pki.h"
#include "tests/unit/spec-fixture.h"

#define RELEASE \
	"[role release]\ncertificates = ca.pem\nnames = tcp.* net.drop\nmay = enroll-production revoke\n"
#define PAIR    "[role pair]\ncertificates = ca.pem\nthreshold = 2\nnames = *\nmay = enroll-experimental\n"
#define REVOKER "[role security]\npinned = pinned.pem\nnames = *\nmay = revoke\n"
#define PINNED  "[role lab]\npinned = pinned.pem\nnames = lab.*\nmay = enroll-experimental\n"

/* Two layers, /etc before /usr, with the certificates in both. */
struct fixture {
	char root[64], etc[80], usr[80];
	const char *directories[3];
};

static int64_t now;

static void write_file(const char *directory, const char *name, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, size), 0);
}

static void write_text(const char *directory, const char *name, const char *text)
{
	write_file(directory, name, text, strlen(text));
}

static void copy_file(const char *directory, const char *from, const char *to)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	bytes = pki_read(from, &size);
	write_file(directory, to, bytes, size);
}

static void remove_from(const char *directory, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)unlink(path);
}

static int set_up(void **state)
{
	static const char *const files[] = { "ca.pem",    "pinned.pem", "ca.crl",  "old.crl",
					     "later.crl", "p256.key",   "p256.pem" };
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/bpfwarden-trust-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	snprintf(f->etc, sizeof(f->etc), "%s/etc", f->root);
	snprintf(f->usr, sizeof(f->usr), "%s/usr", f->root);
	assert_int_equal(mkdir(f->etc, 0755), 0);
	assert_int_equal(mkdir(f->usr, 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		copy_file(f->etc, files[i], files[i]);
		copy_file(f->usr, files[i], files[i]);
	}
	f->directories[0] = f->etc;
	f->directories[1] = f->usr;
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(f);
	return 0;
}

static struct trust *load(const struct fixture *f, const char *text)
{
	struct trust *trust = NULL;
	struct refusal refusal = {};

	write_text(f->etc, "trust.conf", text);
	if (trust_load(f->directories, getuid(), &trust, &refusal) != 0)
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	return trust;
}

static void test_load(void **state)
{
	_cleanup_(trust_free_p) struct trust *trust =
		load(*state, RELEASE "\n# a comment\n" PAIR "algorithms = ecdsa-p256 ecdsa-p384\n");
	struct trust_role_info role;

	assert_true(trust_role(trust, 0, &role));
	assert_string_equal(role.name, "release");
	assert_int_equal(role.threshold, 1);
	assert_int_equal(role.may, TRUST_MAY_ENROLL_PRODUCTION | TRUST_MAY_REVOKE);
	assert_int_equal(role.algorithms, CMS_ALGORITHMS_ALL);
	assert_string_equal(role.names[1], "net.drop");
	assert_null(role.names[2]);
	assert_int_equal(role.line, 1);
	assert_non_null(strstr(role.file, "/etc/trust.conf"));
	assert_true(trust_role(trust, 1, &role));
	assert_int_equal(role.threshold, 2);
	assert_int_equal(role.may, TRUST_MAY_ENROLL_EXPERIMENTAL);
	assert_int_equal(role.algorithms, CMS_ECDSA_P256 | CMS_ECDSA_P384);
	assert_false(trust_role(trust, 2, &role));
}

static void test_load_refused(void **state)
{
#define CA "[role r]\ncertificates = ca.pem\nnames = x\n"
	static const struct {
		const char *text, *place, *reason;
	} cases[] = {
		{ "certificates = ca.pem\n", "trust.conf:1:1", "" },
		{ "[roll release]\n", "trust.conf:1:2", "[role NAME]" },
		{ "[role r]\nnames = x\n", "trust.conf:1:2", "neither certificates nor pinned" },
		{ "[role r]\npinned = pinned.pem\n", "trust.conf:1:2", "no names" },
		{ CA "treshold = 2\n", "trust.conf:4:1", "did you mean 'threshold'" },
		{ CA "threshold = 0\n", "trust.conf:4:13", "from 1 to 8" },
		{ CA "threshold = 9\n", "trust.conf:4:13", "from 1 to 8" },
		{ CA "threshold = 1x\n", "trust.conf:4:13", "from 1 to 8" },
		{ CA "threshold = -1\n", "trust.conf:4:13", "from 1 to 8" },
		{ CA "threshold = 99999999999999999999\n", "trust.conf:4:13", "from 1 to 8" },
		{ CA "may = revoke everything\n", "trust.conf:4:14", "'everything' is none of" },
		{ CA "algorithms = ecdsa-p256 md5\n", "trust.conf:4:25", "'md5' is none of" },
		{ CA "crl = pinned.pem\n", "trust.conf:4:7", "only X509 CRL may be" },
		{ CA CA, "trust.conf:4:", "" },
		{ "[role r]\ncertificates = none.pem\nnames = x\n", "trust.conf:2:16", "no file none.pem" },
		{ "[role r]\ncertificates = ca.pem p256.key\nnames = x\n", "trust.conf:2:23", "PRIVATE KEY" },
		{ "[role r]\ncertificates = ../etc/ca.pem\nnames = x\n", "trust.conf:2:16",
		  "not the name of a file" },
		{ "[role r]\ncertificates = /etc/passwd\nnames = x\n", "trust.conf:2:16",
		  "not the name of a file" },
		{ "[role r]\ncertificates = link.pem\nnames = x\n", "trust.conf:2:16", "over no link" },
		{ "[role r]\ncertificates = open.pem\nnames = x\n", "trust.conf:2:16",
		  "nobody else may write" },
		{ "[role r]\ncertificates = p256.pem\nnames = x\n", "trust.conf:2:16", "basicConstraints" },
		{ "[role r]\npinned = ca.pem\nnames = x\n", "trust.conf:2:10", "that of a CA" },
		{ "[role r]\npinned = pinned.pem\nnames = tcp.[a]\n", "trust.conf:3:9", "'tcp.[a]'" },
		{ "[role r]\npinned = pinned.pem\nnames = x\ncrl = ca.crl\n", "trust.conf:4:1",
		  "remove it here" },
	};
	const struct fixture *f = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s/link.pem", f->etc);
	assert_int_equal(symlink("ca.pem", path), 0);
	write_text(f->etc, "open.pem", "");
	snprintf(path, sizeof(path), "%s/open.pem", f->etc);
	assert_int_equal(chmod(path, 0664), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust *trust = NULL;
		struct refusal refusal = {};
		int r;

		write_text(f->etc, "trust.conf", cases[i].text);
		r = trust_load(f->directories, getuid(), &trust, &refusal);
		if (r != REFUSAL_TRUST_INVALID || !strstr(refusal.subject, cases[i].place) ||
		    !strstr(refusal.reason, cases[i].reason))
			fail_msg("case %zu: %d, %s: %s", i, r, refusal.subject, refusal.reason);
		assert_null(trust);
	}
}

static void test_layers(void **state)
{
	const struct fixture *f = *state;
	struct trust_role_info role;
	struct refusal refusal;
	struct trust *trust = NULL;

	/* Roles of all files come together; the same role in two files is an error, */
	write_text(f->usr, "50-standard.conf", PINNED);
	trust = load(f, RELEASE);
	assert_true(trust_role(trust, 0, &role));
	assert_string_equal(role.name, "lab");
	assert_true(trust_role(trust, 1, &role));
	assert_string_equal(role.name, "release");
	trust = trust_free(trust);
	write_text(f->usr, "60-more.conf", RELEASE);
	assert_int_equal(trust_load(f->directories, getuid(), &trust, &refusal), REFUSAL_TRUST_INVALID);
	assert_null(trust);
	/* unless the administrator masks the other file. */
	write_text(f->etc, "60-more.conf", "");
	write_text(f->etc, "50-standard.conf", "");
	trust = load(f, RELEASE);
	assert_true(trust_role(trust, 0, &role));
	assert_string_equal(role.name, "release");
	assert_false(trust_role(trust, 1, &role));
	trust_free(trust);
}

/* Signs a manifest of this name for role standard and says what may be done with it. */
static int verify_named(const struct trust *trust, const struct signing_key *key, const char *name,
			uint32_t *ret_may, struct refusal *refusal)
{
	_cleanup_free_ struct trust_verdict *verdict = calloc(1, sizeof(*verdict));
	_cleanup_free_ char *manifest = NULL;
	_cleanup_free_ uint8_t *der = NULL;
	struct trust_signature signature;
	struct trust_input input = { .signatures = &signature, .n_signatures = 1, .now = now };
	struct spec spec;
	int r;

	assert_non_null(verdict);
	spec_fixture(&spec);
	snprintf(spec.name, sizeof(spec.name), "%s", name);
	strcpy(spec.roles[0], "standard");
	spec.not_after = 0;
	assert_int_equal(manifest_write(&spec, &manifest, refusal), 0);
	input.manifest = manifest;
	input.manifest_size = strlen(manifest);
	assert_int_equal(cms_sign(key, manifest, strlen(manifest), now, &der, &signature.size, refusal), 0);
	signature.bytes = der;
	r = trust_verify(trust, &input, verdict, NULL, refusal);
	*ret_may = verdict->may;
	return r;
}

/* The file that the package ships, with a certificate as the build makes it. */
static void test_shipped_role(void **state)
{
	static const char *const fifteen[] = { "tcp.state",      "tcp.retransmit",   "tcp.rtt",
					       "tcp.reset",      "net.drop",         "dns.latency",
					       "http.status",    "sched.runqlat",    "sched.offcpu",
					       "proc.lifecycle", "proc.oom",         "fs.latency",
					       "block.latency",  "syscall.hotspots", "probe.self" };
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	_cleanup_free_ char *leaf = NULL, *ca = NULL, *text = NULL;
	_cleanup_close_ int fd = open(SHIPPED_TRUST, O_RDONLY | O_CLOEXEC);
	const struct fixture *f = *state;
	struct refusal refusal = {};
	uint32_t may = 0;
	size_t size;

	assert_int_equal(fd_read_all(fd, TRUST_FILE_SIZE_MAX, &text, &size), 0);
	assert_int_equal(signing_make_throwaway("bpfwarden standard set", now, &key, &leaf, &ca), 0);
	write_text(f->usr, "standard.pem", ca);
	write_text(f->usr, "standard.conf", text);
	assert_int_equal(trust_load(f->directories, getuid(), &trust, &refusal), 0);
	for (size_t i = 0; i < 15; i++) {
		assert_int_equal(verify_named(trust, key, fifteen[i], &may, &refusal), 0);
		assert_int_equal(may, TRUST_MAY_ENROLL_PRODUCTION | TRUST_MAY_ENROLL_EXPERIMENTAL);
	}
	assert_int_equal(verify_named(trust, key, "tcp.other", &may, &refusal), REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "T11");
}

/* What a role may that signed, but whose names are others, is nothing. */
static void test_may_is_of_the_roles_that_count(void **state)
{
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	_cleanup_free_ char *leaf = NULL, *ca = NULL;
	const struct fixture *f = *state;
	struct refusal refusal = {};
	uint32_t may = 0;

	assert_int_equal(signing_make_throwaway("two roles", now, &key, &leaf, &ca), 0);
	write_text(f->etc, "made.pem", ca);
	trust = load(
		f, "[role standard]\ncertificates = made.pem\nnames = tcp.*\nmay = enroll-experimental\n"
		   "[role other]\ncertificates = made.pem\nnames = net.*\nmay = enroll-production revoke\n");
	assert_int_equal(verify_named(trust, key, "tcp.state", &may, &refusal), 0);
	assert_int_equal(may, TRUST_MAY_ENROLL_EXPERIMENTAL);
}

static void test_revocations_load(void **state)
{
	static const struct {
		const char *list, *signature, *trust, *reason; /* reason NULL: it loads */
	} cases[] = {
		{ "revoked-key.json", "revoked-key.p7s", REVOKER, NULL },
		{ "revoked-key.json", "revoked-file.p7s", REVOKER, "not the one that was signed, rule S14" },
		{ "revoked-key.json", NULL, REVOKER, "there is no file revocations.json.NAME.p7s" },
		{ "revoked-key.json", "revoked-key.p7s", RELEASE, "nor is it pinned, rule S9" },
		{ "revoked-key.json", "revoked-key.p7s", RELEASE PINNED,
		  "no role that signed it may revoke" },
		{ "revoked-key.json", "revoked-key.p7s", REVOKER "threshold = 2\n", "needs 2 distinct keys" },
		{ "content.json", "p256.p7s", RELEASE, "does not begin with" },
		{ "content.json", "p256.p7s", RELEASE, "(L2)" },
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(trust_free_p) struct trust *trust = NULL;
		struct refusal refusal = {};
		size_t n = 0;
		int r;

		write_text(f->etc, "trust.conf", cases[i].trust);
		copy_file(f->etc, cases[i].list, "revocations.json");
		remove_from(f->etc, "revocations.json.erin.p7s");
		if (cases[i].signature)
			copy_file(f->etc, cases[i].signature, "revocations.json.erin.p7s");
		r = trust_load(f->directories, getuid(), &trust, &refusal);
		if (r != (cases[i].reason ? REFUSAL_TRUST_INVALID : 0) ||
		    (r && (!strstr(refusal.reason, cases[i].reason) ||
			   !strstr(refusal.subject, "etc/revocations.json"))))
			fail_msg("case %zu: %d, %s: %s", i, r, refusal.subject, refusal.reason);
		if (r)
			continue;
		assert_int_equal(trust_revocations(trust, &n)->kind, REVOKED_KEY);
		assert_int_equal(n, 1);
	}
}

/* A list in one layer does not mask that of another; what others may write to is no list. */
static void test_revocations_of_layers(void **state)
{
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	const struct fixture *f = *state;
	struct refusal refusal = {};
	char path[256];
	size_t n = 0;

	copy_file(f->etc, "revoked-others.json", "revocations.json");
	copy_file(f->etc, "revoked-others.p7s", "revocations.json.erin.p7s");
	copy_file(f->usr, "revoked-key.json", "revocations.json");
	copy_file(f->usr, "revoked-key.p7s", "revocations.json.erin.p7s");
	trust = load(f, REVOKER);
	(void)trust_revocations(trust, &n);
	assert_int_equal(n, 7);
	trust = trust_free(trust);
	snprintf(path, sizeof(path), "%s/revocations.json", f->usr);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(trust_load(f->directories, getuid(), &trust, &refusal), REFUSAL_TRUST_INVALID);
	assert_non_null(strstr(refusal.reason, "nobody else may write"));
}

/* Until when the verdict on content.json holds by these roles. */
static int64_t valid_until(const struct fixture *f, const char *roles)
{
	_cleanup_(trust_free_p) struct trust *trust = load(f, roles);
	_cleanup_free_ struct trust_verdict *verdict = calloc(1, sizeof(*verdict));
	_cleanup_free_ char *manifest = NULL, *bytes = NULL;
	struct trust_signature signature;
	struct trust_input input = { .signatures = &signature, .n_signatures = 1, .now = now };
	struct refusal refusal = {};

	assert_non_null(verdict);
	manifest = pki_read("content.json", &input.manifest_size);
	bytes = pki_read("p256.p7s", &signature.size);
	input.manifest = manifest;
	signature.bytes = bytes;
	if (trust_verify(trust, &input, verdict, NULL, &refusal) != 0)
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	return verdict->valid_until;
}

/* The first time at which a certificate or CRL begins or ends that can change the verdict. */
static void test_valid_until(void **state)
{
#define OTHER "[role other]\ncertificates = ca.pem\nnames = *\n"
	static const char *const same[] = {
		/* A role that asks for less does not hide what another one asks for. */
		OTHER RELEASE "crl = ca.crl\n",
		RELEASE "crl = ca.crl\n" OTHER,
		/* What is over will not end once more. */
		RELEASE "crl = ca.crl old.crl\n",
		RELEASE "crl = old.crl ca.crl\n",
	};
	int64_t until = valid_until(*state, RELEASE "crl = ca.crl\n"), later;

	assert_true(until > now && until < valid_until(*state, RELEASE));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(valid_until(*state, same[i]), until);
	/* The newest list is believed, from the time on that it names. */
	later = valid_until(*state, RELEASE "crl = ca.crl later.crl\n");
	assert_true(later > now && later < until);
}

static void test_accessors(void **state)
{
	_cleanup_(trust_free_p) struct trust *trust = load(*state, RELEASE "crl = ca.crl\n" PINNED);
	struct trust_certificate_info certificate;
	struct trust_role_info role;
	struct trust_crl_info crl;

	assert_true(trust_role(trust, 0, &role));
	assert_true(role.crl);
	assert_int_equal(role.n_certificates, 1);
	assert_int_equal(role.n_crls, 1);
	assert_true(trust_certificate(trust, 0, 0, &certificate));
	assert_false(certificate.pinned);
	assert_string_equal(certificate.identity.subject, "CN=Test Issuing CA");
	assert_true(certificate.not_before <= now && certificate.identity.not_after > now);
	assert_false(trust_certificate(trust, 0, 1, &certificate));
	assert_true(trust_certificate(trust, 1, 0, &certificate));
	assert_true(certificate.pinned);
	assert_true(trust_crl(trust, 0, 0, &crl));
	assert_string_equal(crl.issuer, "CN=Test Issuing CA");
	assert_int_equal(crl.n_revoked, 1);
	assert_true(crl.next_update > now);
	assert_false(trust_crl(trust, 0, 1, &crl));
	assert_false(trust_crl(trust, 2, 0, &crl));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_load, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_load_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_layers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shipped_role, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_may_is_of_the_roles_that_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_revocations_load, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_revocations_of_layers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_valid_until, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accessors, set_up, tear_down),
	};

	now = time(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
