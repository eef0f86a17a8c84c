/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parser's child as it runs: forked, behind its real sandbox, with sealed memfds and a trust directory.
 * That it comes back at all is the test that its list of system calls is complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <openssl/evp.h>

#include "common/fd.h"
#include "format/manifest.h"
#include "loaderd/parser/verify.h"
#include "loaderd/sandbox.h"
#include "signing/sign.h"

static struct {
	char directory[64];
	const char *directories[2];
	struct signing_key *key, *stranger;
	int64_t now;
	int64_t known; /* for the requests that follow */
	char *manifest;
} f;

static const char trust[] = "[role lab]\ncertificates = lab.pem\nnames = lab.*\nmay = enroll-experimental\n";

static void write_text(const char *name, const char *text)
{
	_cleanup_close_ int fd = -EBADF;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f.directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

/* The smallest bundle: one program on one hook. */
static struct spec *make_spec(void)
{
	struct spec *s = calloc(1, sizeof(*s));
	struct spec_variant *v = &s->variants[0];

	strcpy(s->name, "lab.test");
	strcpy(s->version, "1");
	strcpy(s->licence, "GPL-2.0-only");
	strcpy(s->summary, "a test");
	s->serial = 1;
	s->issued = (uint64_t)f.now - 60;
	s->memory = 4096;
	s->targets = 1U << TARGET_HOST;
	s->n_roles = 1;
	strcpy(s->roles[0], "lab");
	s->n_files = 2;
	strcpy(s->files[0].name, "v1.insns");
	strcpy(s->files[1].name, "v1.data");
	s->files[0].size = s->files[1].size = 8;
	s->n_variants = 1;
	strcpy(v->name, "v1");
	v->insns = 0;
	v->data = 1;
	v->ksig = UINT32_MAX;
	v->ctx_header_size = 16;
	v->ctx_map_size = 16;
	v->ctx_prog_size = 8;
	v->ctx_map_fd_offset = 12;
	v->ctx_prog_fd_offset = 4;
	v->ctx_size = 16 + 8;
	v->n_programs = 1;
	strcpy(v->programs[0].name, "p");
	strcpy(v->programs[0].hook, "tp_btf/sched_switch");
	v->programs[0].type = BPF_PROG_TYPE_TRACING;
	v->programs[0].attach_type = BPF_TRACE_RAW_TP;
	return s;
}

static char *make_manifest(const struct spec *spec)
{
	struct refusal refusal = {};
	char *text = NULL;

	if (manifest_write(spec, &text, &refusal) != 0)
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	return text;
}

static int set_up(void **state)
{
	_cleanup_free_ char *leaf = NULL, *ca = NULL, *leaf2 = NULL, *ca2 = NULL;
	_cleanup_free_ struct spec *spec = NULL;

	(void)state;
	assert_int_equal(verify_prepare(), 0);
	f.now = time(NULL);
	strcpy(f.directory, "/tmp/bpfwarden-verify-XXXXXX");
	assert_non_null(mkdtemp(f.directory));
	assert_int_equal(chmod(f.directory, 0755), 0);
	f.directories[0] = f.directory;
	assert_int_equal(signing_make_throwaway("lab", f.now, &f.key, &leaf, &ca), 0);
	assert_int_equal(signing_make_throwaway("stranger", f.now, &f.stranger, &leaf2, &ca2), 0);
	write_text("lab.pem", ca);
	write_text("trust.conf", trust);
	spec = make_spec();
	f.manifest = make_manifest(spec);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "trust.conf", "lab.pem" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", f.directory, names[i]);
		unlink(path);
	}
	rmdir(f.directory);
	signing_key_free(f.key);
	signing_key_free(f.stranger);
	free(f.manifest);
	return 0;
}

/* Runs the child; its answer is in memory that both share. */
static int run_with(const struct verify_request *request, int64_t now, struct message_verified *ret)
{
	struct message_verified *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct verify_options options = {
		.directories = f.directories,
		.owner = getuid(),
		.now = now,
		.confine = sandbox_enter_parser_child,
	};
	int status = 0;
	pid_t pid;

	assert_true(shared != MAP_FAILED);
	/* As the parser does: its own sandbox is around the child's. */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(sandbox_enter(SIDE_PARSER) < 0                      ? 98
		      : verify_bundle_with(&options, request, shared) < 0 ? 99
									  : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status %#x", status);
	*ret = *shared;
	munmap(shared, sizeof(*shared));
	return (int)ret->refusal.code;
}

static int run(int manifest, const int *signatures, size_t n, int64_t now, struct message_verified *ret)
{
	const struct verify_request request = {
		.manifest = manifest, .signatures = signatures, .n_signatures = n, .known = f.known
	};

	return run_with(&request, now, ret);
}

static int run_text(const char *text, const struct signing_key *key, int64_t now,
		    struct message_verified *ret)
{
	_cleanup_close_ int manifest = fd_memfd_sealed("manifest", text, strlen(text)), signature = -EBADF;
	_cleanup_free_ uint8_t *der = NULL;
	size_t n;

	assert_int_equal(cms_sign(key, text, strlen(text), f.now, &der, &n, NULL), 0);
	signature = fd_memfd_sealed("signature", der, n);
	return run(manifest, &signature, 1, now, ret);
}

static void test_accepted(void **state)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));
	uint8_t digest[DIGEST_SIZE];

	(void)state;
	if (run_text(f.manifest, f.key, f.now, v) != 0)
		fail_msg("%s: %s", v->refusal.subject, v->refusal.reason);
	assert_string_equal(v->signers, "lab");
	assert_int_equal(v->may, 2); /* TRUST_MAY_ENROLL_EXPERIMENTAL */
	assert_string_equal(v->spec.name, "lab.test");
	assert_true(spec_check(&v->spec));
	EVP_Digest(f.manifest, strlen(f.manifest), digest, NULL, EVP_sha256(), NULL);
	assert_memory_equal(v->digest, digest, DIGEST_SIZE);
	assert_int_equal(v->n_signers, 1);
	assert_true(MESSAGE_TEXT_OK(v->signer[0].subject));
	assert_int_equal(v->valid_until, v->signer[0].not_after);
	assert_true(v->valid_until > f.now);
}

/* Names of roles that there is no room for are not forgotten: for rules, not all are known then. */
static void test_long_roles(void **state)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));
	_cleanup_free_ struct spec *spec = make_spec();
	char name[OBJECT_NAME_MAX], conf[1024], *manifest;
	size_t n = 0;

	(void)state;
	spec->n_roles = 3;
	for (uint32_t i = 0; i < spec->n_roles; i++) {
		memset(name, 'a' + (int)i, sizeof(name) - 1);
		name[sizeof(name) - 1] = '\0';
		memcpy(spec->roles[i], name, sizeof(name));
		n += (size_t)snprintf(conf + n, sizeof(conf) - n,
				      "[role %s]\ncertificates = lab.pem\nnames = lab.*\n"
				      "may = enroll-experimental\n",
				      name);
	}
	write_text("trust.conf", conf);
	manifest = make_manifest(spec);
	if (run_text(manifest, f.key, f.now, v) != 0)
		fail_msg("%s: %s", v->refusal.subject, v->refusal.reason);
	free(manifest);
	write_text("trust.conf", trust);
	memset(name, 'a', sizeof(name) - 1);
	assert_memory_equal(v->signers, name, sizeof(name) - 1);
	assert_string_equal(v->signers + sizeof(name) - 1, " " MESSAGE_MORE_ROLES);
}

static void assert_refused(const struct message_verified *v, uint32_t code, const char *subject)
{
	static const struct spec none;

	if (v->refusal.code != code || strcmp(v->refusal.subject, subject) != 0)
		fail_msg("%u, %s: %s instead of %s", v->refusal.code, v->refusal.subject, v->refusal.reason,
			 subject);
	assert_memory_equal(&v->spec, &none, sizeof(none));
	assert_int_equal(v->may, 0);
}

/* The order of checks: what is not JSON at all is refused for its signature while nobody signed it, and for
 * its form only once a role did. */
static void test_signature_before_manifest(void **state)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));

	(void)state;
	run_text("no manifest", f.stranger, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "S9");
	run_text("no manifest", f.key, f.now, v);
	assert_int_equal(v->refusal.code, REFUSAL_BUNDLE_INVALID);
}

static void test_refused(void **state)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));
	_cleanup_free_ struct spec *spec = make_spec();
	_cleanup_free_ char *other = NULL, *required = NULL, *limited = NULL;

	(void)state;
	run_text(f.manifest, f.stranger, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "S9");
	run_text(f.manifest, f.key, f.now + 30 * 365 * 86400LL, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "S12");

	spec->not_after = (uint64_t)f.now + 10;
	limited = make_manifest(spec);
	assert_int_equal(run_text(limited, f.key, f.now, v), 0);
	run_text(limited, f.key, f.now + 11, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "T13");
	/* Turned back, the clock brings nothing back. */
	f.known = f.now + 11;
	run_text(limited, f.key, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "T13");
	assert_non_null(strstr(v->refusal.reason, "by the latest time that is known"));
	f.known = f.now + 30 * 365 * 86400LL;
	run_text(f.manifest, f.key, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "S12");
	f.known = f.now + 10;
	assert_int_equal(run_text(limited, f.key, f.now, v), 0);
	f.known = 0;
	spec->not_after = 0;

	strcpy(spec->name, "tcp.state");
	other = make_manifest(spec);
	run_text(other, f.key, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "T11");
	strcpy(spec->name, "lab.test");
	strcpy(spec->roles[0], "security");
	required = make_manifest(spec);
	run_text(required, f.key, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "T12");
}

/* What `registry revoke` has stopped comes with the request. */
static void test_revoked(void **state)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));
	_cleanup_close_ int manifest = fd_memfd_sealed("manifest", f.manifest, strlen(f.manifest)),
			    signature = -EBADF;
	_cleanup_free_ uint8_t *der = NULL;
	struct revocation revoked[2] = { { .kind = REVOKED_FILE }, { .kind = REVOKED_KEY } };
	struct verify_request request = {
		.manifest = manifest, .signatures = &signature, .n_signatures = 1, .revoked = revoked
	};
	size_t n;

	(void)state;
	assert_int_equal(cms_sign(f.key, f.manifest, strlen(f.manifest), f.now, &der, &n, NULL), 0);
	signature = fd_memfd_sealed("signature", der, n);
	assert_int_equal(run_with(&request, f.now, v), 0);
	memcpy(revoked[0].digest, v->spec.files[0].digest, DIGEST_SIZE);
	memcpy(revoked[1].digest, v->signer[0].key, DIGEST_SIZE);
	request.n_revoked = 1;
	run_with(&request, f.now, v);
	assert_refused(v, REFUSAL_REVOKED, "lab.test-1");
	request.revoked++;
	run_with(&request, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "T14");
	revoked[1].kind = REVOKED_CERTIFICATE;
	assert_int_equal(run_with(&request, f.now, v), 0);
	memcpy(revoked[1].digest, v->signer[0].certificate, DIGEST_SIZE);
	run_with(&request, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "T14");
}

static void test_descriptors(void **state)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));
	_cleanup_close_ int sealed = fd_memfd_sealed("manifest", f.manifest, strlen(f.manifest)),
			    open_memfd = memfd_create("signature", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int many[SIGNATURES_MAX + 1];

	(void)state;
	/* Bytes that could still change are not looked at. */
	run(open_memfd, &sealed, 1, f.now, v);
	assert_refused(v, REFUSAL_BUNDLE_INVALID, "M1");
	run(sealed, &open_memfd, 1, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "S1");
	run(sealed, NULL, 0, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "T9");
	for (size_t i = 0; i <= SIGNATURES_MAX; i++)
		many[i] = sealed;
	run(sealed, many, SIGNATURES_MAX + 1, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "T9");
	run(sealed, many, 1, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "S1");
}

/* A broken trust directory closes everything. */
static void test_trust(void **state)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));

	(void)state;
	write_text("trust.conf", "[role lab]\ncertificate = lab.pem\nnames = lab.*\n");
	run_text(f.manifest, f.key, f.now, v);
	assert_int_equal(v->refusal.code, REFUSAL_TRUST_INVALID);
	assert_non_null(strstr(v->refusal.subject, "trust.conf:"));
	write_text("trust.conf", "");
	run_text(f.manifest, f.key, f.now, v);
	assert_refused(v, REFUSAL_SIGNATURE_INVALID, "T9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_long_roles),
		cmocka_unit_test(test_signature_before_manifest),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_trust), /* last: it leaves no trust behind */
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
