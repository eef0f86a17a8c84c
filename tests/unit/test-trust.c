/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Roles: loading trust.conf, thresholds in distinct keys, names. The PKI is that of tests/pki/make. */
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
#include "signing/sign.h"
#include "signing/trust.h"
#include "tests/unit/pki.h"

#define RELEASE \
	"[role release]\ncertificates = ca.pem\nnames = tcp.* net.drop\nmay = enroll-production revoke\n"
#define PAIR   "[role pair]\ncertificates = ca.pem\nthreshold = 2\nnames = *\nmay = enroll-experimental\n"
#define PINNED "[role lab]\npinned = pinned.pem\nnames = lab.*\nmay = enroll-experimental\n"

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

static int set_up(void **state)
{
	static const char *const files[] = { "ca.pem",  "pinned.pem", "ca.crl",
					     "old.crl", "p256.key",   "p256.pem" };
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/bpfwarden-trust-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	snprintf(f->etc, sizeof(f->etc), "%s/etc", f->root);
	snprintf(f->usr, sizeof(f->usr), "%s/usr", f->root);
	assert_int_equal(mkdir(f->etc, 0755), 0);
	assert_int_equal(mkdir(f->usr, 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_free_ char *bytes = NULL;
		size_t size;

		bytes = pki_read(files[i], &size);
		write_file(f->etc, files[i], bytes, size);
		write_file(f->usr, files[i], bytes, size);
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

/* Checks the named signatures over content.json. */
static int check(const struct trust *trust, const char *const *files, size_t n, struct trust_result *ret,
		 struct refusal *refusal)
{
	struct trust_signature signatures[SIGNATURES_MAX + 1] = {};
	_cleanup_free_ char *content = NULL;
	char *bytes[SIGNATURES_MAX + 1] = {};
	size_t size;
	int r;

	content = pki_read("content.json", &size);
	for (size_t i = 0; i < n; i++) {
		bytes[i] = pki_read(files[i], &signatures[i].size);
		signatures[i].bytes = bytes[i];
	}
	r = trust_check_signatures(trust, content, size, signatures, n, now, ret, refusal);
	for (size_t i = 0; i < n; i++)
		free(bytes[i]);
	return r;
}

static void test_thresholds(void **state)
{
	static const struct {
		const char *files[4];
		uint32_t met, signers; /* met 0: refused by this rule */
		const char *rule, *reason;
	} cases[] = {
		/* roles: 0 pair (threshold 2), 1 lab (pinned) */
		{ { "p256.p7s" }, 0, 0, "T10", "role pair needs 2 distinct keys and only 1 signed" },
		{ { "p256.p7s", "p256.p7s" }, 0, 0, "T10", "only 1 signed" },
		{ { "p256.p7s", "p256again.p7s" }, 0, 0, "T10", "only 1 signed" },
		{ { "p256.p7s", "keyid.p7s", "p256sha384.p7s" }, 0, 0, "T10", "only 1 signed" },
		{ { "p256.p7s", "revoked.p7s" }, 0, 0, "T10", "only 1 signed" },
		{ { "p256.p7s", "expired.p7s" }, 0, 0, "T10", "only 1 signed" },
		{ { "p256.p7s", "p384.p7s" }, 1, 2 },
		{ { "p256.p7s", "p256.p7s", "bysibling.p7s", "p384.p7s" }, 1, 2 },
		{ { "pinned.p7s" }, 2, 1 },
		{ { "p256.p7s", "pinned.p7s" }, 2, 2 },
		{ { "p256.p7s", "pinned.p7s", "rsa3072.p7s" }, 3, 3 },
		{ { "nocerts.p7s" }, 2, 1 },
		/* The reason that got furthest, whatever the other role says. */
		{ { "expired.p7s" }, 0, 0, "S12", "expired" },
		{ { "bysibling.p7s", "tls.p7s" }, 0, 0, "S10", "codeSigning" },
		{ { "bysibling.p7s" }, 0, 0, "S9", "not issued by a CA" },
		{ { "noattr.p7s" }, 0, 0, "S5", "no signed attributes" },
	};
	_cleanup_(trust_free_p) struct trust *trust = load(*state, PAIR PINNED);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_result result = { .met = 77 };
		struct refusal refusal = {};
		size_t n = 0;
		int r;

		while (n < 4 && cases[i].files[n])
			n++;
		r = check(trust, cases[i].files, n, &result, &refusal);
		if (r != (cases[i].met ? 0 : REFUSAL_SIGNATURE_INVALID) ||
		    (r && (strcmp(refusal.subject, cases[i].rule) != 0 ||
			   !strstr(refusal.reason, cases[i].reason))))
			fail_msg("case %zu: %d, %s: %s", i, r, refusal.subject, refusal.reason);
		assert_int_equal(result.met, r ? 77 : cases[i].met);
		if (!r)
			assert_int_equal(result.n_signers, cases[i].signers);
	}
}

static void test_number_of_signatures(void **state)
{
	static const char *const files[] = { "p256.p7s", "p256.p7s", "p256.p7s", "p256.p7s", "p256.p7s",
					     "p256.p7s", "p256.p7s", "p384.p7s", "p384.p7s" };
	_cleanup_(trust_free_p) struct trust *trust = load(*state, PAIR), *nobody = NULL;
	struct trust_result result;
	struct refusal refusal;

	assert_int_equal(check(trust, files, 8, &result, &refusal), 0);
	assert_int_equal(check(trust, files, 9, &result, &refusal), REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "T9");
	assert_int_equal(check(trust, files, 0, &result, &refusal), REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "T9");
	nobody = load(*state, "");
	assert_int_equal(check(nobody, files, 1, &result, &refusal), REFUSAL_SIGNATURE_INVALID);
	assert_string_equal(refusal.subject, "T9");
}

/* A list that is missing or out of date closes the role that asks for it and no other. */
static void test_crl(void **state)
{
	static const struct {
		const char *crl, *file;
		uint32_t met;
	} cases[] = {
		{ "ca.crl", "p256.p7s", 3 },
		{ "ca.crl", "revoked.p7s", 2 },
		{ "old.crl", "p256.p7s", 2 },
		{ "none.crl", "p256.p7s", 2 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(trust_free_p) struct trust *trust = NULL;
		struct trust_result result = {};
		char text[512];

		snprintf(text, sizeof(text),
			 "[role strict]\ncertificates = ca.pem\nnames = *\ncrl = %s\n" RELEASE, cases[i].crl);
		trust = load(*state, text);
		assert_int_equal(check(trust, &cases[i].file, 1, &result, NULL), 0);
		assert_int_equal(result.met, cases[i].met);
	}
}

static void test_names(void **state)
{
	static const char release[1][OBJECT_NAME_MAX] = { "release" },
			  both[2][OBJECT_NAME_MAX] = { "release", "lab" },
			  pair[1][OBJECT_NAME_MAX] = { "pair" }, unknown[1][OBJECT_NAME_MAX] = { "audit" };
	static const struct {
		const char *file, *name;
		const char (*required)[OBJECT_NAME_MAX];
		uint32_t n, may; /* may 0: refused by this rule */
		const char *rule, *reason;
	} cases[] = {
		{ "p256.p7s", "tcp.state", NULL, 0, TRUST_MAY_ENROLL_PRODUCTION | TRUST_MAY_REVOKE },
		{ "p256.p7s", "net.drop", release, 1, TRUST_MAY_ENROLL_PRODUCTION | TRUST_MAY_REVOKE },
		{ "p256.p7s", "net.dropped", NULL, 0, 0, "T11", "role release may not sign net.dropped" },
		{ "p256.p7s", "lab.x", NULL, 0, 0, "T11", "role release may not sign lab.x" },
		{ "pinned.p7s", "lab.x", NULL, 0, TRUST_MAY_ENROLL_EXPERIMENTAL },
		{ "pinned.p7s", "tcp.state", NULL, 0, 0, "T11", "role lab may not sign tcp.state" },
		{ "p256.p7s", "tcp.state", both, 2, 0, "T12", "by role lab as well: 0 of 1" },
		{ "p256.p7s", "tcp.state", pair, 1, 0, "T12", "by role pair as well: 1 of 2" },
		{ "p256.p7s", "tcp.state", unknown, 1, 0, "T12", "role audit, which is not configured" },
	};
	_cleanup_(trust_free_p) struct trust *trust = load(*state, RELEASE PAIR PINNED);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_result result = {};
		struct refusal refusal = {};
		uint32_t may = 77;
		int r;

		assert_int_equal(check(trust, &cases[i].file, 1, &result, NULL), 0);
		r = trust_check_name(trust, &result, cases[i].name, cases[i].required, cases[i].n, &may,
				     &refusal);
		if (r != (cases[i].may ? 0 : REFUSAL_SIGNATURE_INVALID) ||
		    (r && (strcmp(refusal.subject, cases[i].rule) != 0 ||
			   !strstr(refusal.reason, cases[i].reason))))
			fail_msg("case %zu: %d, %s: %s", i, r, refusal.subject, refusal.reason);
		assert_int_equal(may, r ? 77 : cases[i].may);
	}
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
	_cleanup_free_ uint8_t *der = NULL;
	_cleanup_close_ int fd = open(SHIPPED_TRUST, O_RDONLY | O_CLOEXEC);
	const struct fixture *f = *state;
	struct trust_result result;
	struct refusal refusal = {};
	uint32_t may = 0;
	size_t size, n = 0;

	assert_int_equal(fd_read_all(fd, TRUST_FILE_SIZE_MAX, &text, &size), 0);
	assert_int_equal(signing_make_throwaway("bpfwarden standard set", now, &key, &leaf, &ca), 0);
	write_text(f->usr, "standard.pem", ca);
	write_text(f->usr, "standard.conf", text);
	assert_int_equal(trust_load(f->directories, getuid(), &trust, &refusal), 0);
	assert_int_equal(cms_sign(key, "{}", 2, now, &der, &n, &refusal), 0);
	assert_int_equal(trust_check_signatures(trust, "{}", 2, &(struct trust_signature){ der, n }, 1, now,
						&result, &refusal),
			 0);
	for (size_t i = 0; i < 15; i++)
		assert_int_equal(trust_check_name(trust, &result, fifteen[i], NULL, 0, &may, &refusal), 0);
	assert_int_equal(may, TRUST_MAY_ENROLL_PRODUCTION | TRUST_MAY_ENROLL_EXPERIMENTAL);
	assert_int_equal(trust_check_name(trust, &result, "tcp.other", NULL, 0, &may, &refusal),
			 REFUSAL_SIGNATURE_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_load, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_load_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_layers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_thresholds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_number_of_signatures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_crl, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shipped_role, set_up, tear_down),
	};

	now = time(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
