/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads and attaches every bundle, and every variant of it that this kernel can have, through the loader's
 *own functions and says what the kernel verified; then hands the runner what the loader would never let
 *through, so that the kernel itself has to refuse it. As process 1 it is a whole machine
 *(tests/vm/bare/machine). Prints the result lines of tests/vm/lib.sh.
 *
 *	kernel-verified verifies|unsupported [BUNDLES CERTIFICATE]
 *
 * For tests/vm/bare/matrix there is a line "matrix KERNEL PROBE VARIANT WHAT" for each variant: chosen, loads
 *(an earlier one is preferred) or no.
 *
 * verifies: this kernel has the contract of Linux 7.3.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "common/fd.h"
#include "format/manifest.h"
#include "loaderd/loader/bpfcall.h"
#include "loaderd/loader/hook.h"
#include "loaderd/loader/inspect.h"
#include "loaderd/loader/instance.h"
#include "loaderd/loader/runner.h"
#include "loaderd/loader/values.h"
#include "loaderd/loader/verify.h"
#include "loaderd/parser/facts.h"

#define BUNDLES_MAX 48           /* with their variants */
#define WAIT_MS     (120 * 1000) /* emulated machines are slow */

struct bundle {
	struct spec spec;
	const struct spec_variant *variant;
	bool chosen; /* the loader would take this variant here */
	bool told;   /* to the matrix */
	char name[2 * PROBE_NAME_MAX + 24];
	char *insns, *data, *ksig;
	uint32_t attach_btf_ids[SPEC_PROGRAMS_MAX];
};

static struct bundle *bundles[BUNDLES_MAX];
static size_t n_bundles;
static int failed;

static void result(bool good, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void result(bool good, const char *name, const char *format, ...)
{
	va_list ap;

	printf(good ? "ok %s: " : "not ok %s: ", name);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
	failed += !good;
}

/* --- the bundles ---------------------------------------------------------------------------------------- */

static char *read_file(const char *directory, const char *name, size_t *ret_size)
{
	char path[4096], *bytes = NULL;
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : fd_read_all(fd, BUNDLE_FILE_SIZE_MAX, &bytes, ret_size);
	close_fd(fd);
	if (r < 0)
		result(false, path, "%s", strerror(-r));
	return bytes;
}

static void tell_matrix(const struct bundle *b, const struct spec_variant *v, const char *what)
{
	struct utsname u;

	(void)uname(&u);
	printf("matrix %s %s %s %s\n", u.release, b->spec.name, v->name, what);
}

static bool read_variant(struct bundle *b, const char *directory, const struct facts *facts)
{
	const struct spec *spec = &b->spec;
	const struct spec_variant *v = b->variant;
	size_t size;

	if (v->ksig == UINT32_MAX) {
		result(false, b->name, "it has no signature for the kernel");
		return false;
	}
	for (uint32_t i = 0; i < v->n_programs; i++)
		(void)facts_hook(facts, &v->programs[i], &b->attach_btf_ids[i], NULL);
	b->insns = read_file(directory, spec->files[v->insns].name, &size);
	b->data = read_file(directory, spec->files[v->data].name, &size);
	b->ksig = read_file(directory, spec->files[v->ksig].name, &size);
	return b->insns && b->data && b->ksig;
}

/* A copy of b for each variant that fits. The first is what the loader would take. */
static void read_variants(const struct bundle *b, const char *directory, const struct facts *facts)
{
	bool chosen = true;

	for (uint32_t i = 0; i < b->spec.n_variants; i++) {
		struct bundle *one;

		if (!facts_fit(facts, &b->spec.variants[i], NULL)) {
			tell_matrix(b, &b->spec.variants[i], "no");
			continue;
		}
		one = malloc(sizeof(*one));
		if (!one || n_bundles == BUNDLES_MAX)
			abort();
		*one = *b;
		one->variant = &one->spec.variants[i];
		one->chosen = chosen;
		chosen = false;
		if (!one->chosen) {
			size_t used = strlen(one->name);

			snprintf(one->name + used, sizeof(one->name) - used, " %s", one->variant->name);
		}
		if (read_variant(one, directory, facts))
			bundles[n_bundles++] = one;
	}
	if (chosen)
		result(false, b->name, "no variant fits this kernel");
}

/* BUNDLES/NAME/1 */
static void read_bundle(const char *root, const char *name, const struct facts *facts)
{
	struct bundle *b = calloc(1, sizeof(*b));
	struct refusal refusal = { 0 };
	char directory[2048], *manifest;
	size_t size;

	snprintf(directory, sizeof(directory), "%s/%s/1", root, name);
	manifest = read_file(directory, MANIFEST_NAME, &size);
	if (!b || !manifest || manifest_parse(manifest, size, &b->spec, &refusal)) {
		result(false, name, "the manifest: %s", refusal.reason);
		exit(1);
	}
	free(manifest);
	spec_bundle_name(&b->spec, b->name, sizeof(b->name));
	read_variants(b, directory, facts);
	free(b);
}

static void read_bundles(const char *root)
{
	struct facts *facts = NULL;
	DIR *d = opendir(root);
	struct dirent *e;
	int r = facts_new(&facts);

	if (!d || r < 0) {
		result(false, "bundles", "%s, BTF: %s", d ? "found" : strerror(errno), strerror(-r));
		return;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			read_bundle(root, e->d_name, facts);
	closedir(d);
	facts_free(facts);
}

/* --- the runner, as the loader uses it ------------------------------------------------------------------ */

static struct runner_job job_of(const struct bundle *b)
{
	const struct spec_file *files = b->spec.files;

	return (struct runner_job){ .variant = b->variant,
				    .insns = b->insns,
				    .insns_size = files[b->variant->insns].size,
				    .insns_digest = files[b->variant->insns].digest,
				    .data = b->data,
				    .data_size = files[b->variant->data].size,
				    .ksig = b->ksig,
				    .ksig_size = files[b->variant->ksig].size,
				    .can_verify = verify_supported() };
}

static void wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, WAIT_MS) != 1)
		result(false, "runner", "it says nothing");
}

/* Both records. What the first says of verification stays in *ret_verified whatever comes then. */
static int run(const struct runner_job *job, uint32_t *ret_verified, int *fds, struct refusal *refusal)
{
	int fd = -EBADF, r;
	pid_t pid = 0;

	*ret_verified = _VERIFIED_MAX;
	r = runner_start(job, &pid, &fd);
	if (r < 0)
		return r;
	wait_for(fd);
	r = runner_verified(fd, ret_verified, refusal);
	if (!r) {
		wait_for(fd);
		r = runner_collect(fd, fds, job->variant->n_maps + job->variant->n_programs, refusal);
	}
	close_fd(fd);
	(void)waitpid(pid, NULL, 0);
	return r;
}

/* Everything that the loader does with what the runner handed over. */
static int attach(const struct bundle *b, int *fds, struct refusal *refusal)
{
	struct message_loaded loaded = { .variant = (uint32_t)(b->variant - b->spec.variants) };
	struct attachment a = { .id = 1,
				.data = MESSAGE_DATA_AGGREGATES | MESSAGE_DATA_EVENTS,
				.ring_size = ATTACHMENT_RING_SIZE,
				.key = { .kind = BW_KEY_HOST } };
	struct instance *instance = NULL;
	struct subscriber *s;
	uint32_t ids[SPEC_PROGRAMS_MAX];
	int r;

	r = inspect_variant(b->variant, fds, b->attach_btf_ids, ids, refusal);
	if (!r)
		r = instance_new(&loaded, &b->spec, &instance);
	if (r)
		return r;
	for (uint32_t i = 0; i < b->variant->n_maps; i++)
		instance->maps[i] = take_fd(fds[i]);
	hook_start();
	r = instance_attach(instance, fds + b->variant->n_maps, "", 0, refusal);
	if (!r)
		r = instance_subscribe(instance, &a, &s, refusal);
	if (!r)
		instance_unsubscribe(instance, s);
	instance_free(instance);
	return r;
}

static void check_attach(struct bundle *b, const struct runner_job *job, const char *when, uint32_t wanted)
{
	int fds[SPEC_MAPS_MAX + SPEC_PROGRAMS_MAX], r;
	struct refusal refusal = { 0 };
	uint32_t verified;
	char name[256];

	snprintf(name, sizeof(name), "%s attaches, %s", b->name, when);
	r = run(job, &verified, fds, &refusal);
	if (!r) {
		r = attach(b, fds, &refusal);
		for (uint32_t i = 0; i < b->variant->n_maps + b->variant->n_programs; i++)
			close_fd(fds[i]);
	}
	if (!r && !b->told)
		tell_matrix(b, b->variant, b->chosen ? "chosen" : "loads");
	b->told = true;
	result(!r && verified == wanted, name, "kernel_verified is \"%s\"%s%s", verified_name(verified),
	       r ? ", refused: " : "", r ? refusal.reason : "");
}

/* The first record says that nothing verified it, and there is no second one, because nothing ran. */
static void check_not_run(const struct bundle *b, struct runner_job job, const char *when)
{
	int fds[SPEC_MAPS_MAX + SPEC_PROGRAMS_MAX], r;
	struct refusal refusal = { 0 };
	uint32_t verified;
	char name[256];

	snprintf(name, sizeof(name), "%s is not run where verification is demanded, %s", b->name, when);
	job.must_verify = true;
	r = run(&job, &verified, fds, &refusal);
	result(r == REFUSAL_LOAD_FAILED && verified == VERIFIED_NO && !strcmp(refusal.subject, "runner"),
	       name, "%s: %s", verified_name(verified), r ? refusal.reason : "it was run");
}

/* --- tampering ------------------------------------------------------------------------------------------ */

/* The kernel refuses it as it stands, for this reason, whether or not verification is demanded. */
static void check_refused(const struct bundle *b, struct runner_job job, const char *what, int error)
{
	int fds[SPEC_MAPS_MAX + SPEC_PROGRAMS_MAX], r;
	uint32_t verified;
	char name[256];

	snprintf(name, sizeof(name), "%s is refused by the kernel, %s", b->name, what);
	for (int demanded = 0; demanded < 2; demanded++) {
		struct refusal refusal = { 0 };

		job.must_verify = demanded;
		r = run(&job, &verified, fds, &refusal);
		if (r == REFUSAL_LOAD_FAILED && verified == _VERIFIED_MAX &&
		    !strcmp(refusal.subject, "kernel signature") && strstr(refusal.reason, strerror(error)))
			continue;
		result(false, name, "%d, %s, %s: %s", r, verified_name(verified), refusal.subject,
		       refusal.reason);
		return;
	}
	result(true, name, "%s", strerror(error));
}

static void check_changed(const struct bundle *b, const char *what, const void **member, size_t size,
			  size_t at, struct runner_job *job, int error)
{
	const void *before = *member;
	char *bytes = malloc(size), name[128];

	if (!bytes)
		abort();
	memcpy(bytes, before, size);
	bytes[at] ^= 1;
	snprintf(name, sizeof(name), "%s changed at byte %zu", what, at);
	*member = bytes;
	check_refused(b, *job, name, error);
	*member = before;
	free(bytes);
}

static void check_tampered(const struct bundle *b, const struct bundle *other)
{
	struct runner_job job = job_of(b), stranger = job;
	const size_t insns_at[] = { 4, job.insns_size / 2 + 4, job.insns_size - 12 };
	const size_t data_at[] = { 0, job.data_size / 2, job.data_size - 1 };
	uint8_t digest[DIGEST_SIZE];

	check_changed(b, "instructions", &job.insns, job.insns_size, insns_at[0], &job, EACCES);
	for (size_t i = 0; i < 3; i++) {
		char *changed = malloc(job.insns_size);

		/* As somebody who may lie about the digest, too: then it is for the signature to tell. */
		if (!changed)
			abort();
		memcpy(changed, b->insns, job.insns_size);
		changed[insns_at[i]] ^= 1;
		EVP_Digest(changed, job.insns_size, digest, NULL, EVP_sha256(), NULL);
		job.insns_digest = digest;
		check_changed(b, "instructions and their digest", &job.insns, job.insns_size, insns_at[i],
			      &job, EKEYREJECTED);
		free(changed);
	}
	job = job_of(b);
	for (size_t i = 0; i < 3; i++)
		check_changed(b, "data", &job.data, job.data_size, data_at[i], &job, EKEYREJECTED);
	check_changed(b, "signature", &job.ksig, job.ksig_size, job.ksig_size - 1, &job, EKEYREJECTED);
	check_changed(b, "signature", &job.ksig, job.ksig_size, 0, &job, EBADMSG);
	job.ksig_size--;
	check_refused(b, job, "signature cut short", EBADMSG);
	if (other == b)
		return;
	stranger.ksig = other->ksig;
	stranger.ksig_size = other->spec.files[other->variant->ksig].size;
	check_refused(b, stranger, "signature of another bundle", EKEYREJECTED);
}

/* --- what this kernel says ------------------------------------------------------------------------------ */

/* The answers by which verify.c tells kernels apart, for the table in docs/FORMAT-bundle.md. */
static void tell_answers(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static const int32_t keyrings[] = { 0, 1, KEY_SPEC_SESSION_KEYRING, -9 };
	uint8_t digest[DIGEST_SIZE];
	struct bpfcall_map m = { BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, "bw_probe", digest };
	struct utsname u;
	int map;

	(void)uname(&u);
	EVP_Digest(insns, sizeof(insns), digest, NULL, EVP_sha256(), NULL);
	map = bpfcall_map_create(&m);
	printf("# Linux %s: exclusive map: %s\n", u.release, map < 0 ? strerror(-map) : "made");
	for (int frozen = 0; map >= 0 && frozen < 2; frozen++) {
		for (size_t i = 0; i < sizeof(keyrings) / sizeof(*keyrings); i++) {
			struct bpfcall_signature garbage = { "?", 1, keyrings[i] };
			int r = bpfcall_loader_prog(insns, sizeof(insns), map, &garbage);

			printf("# %s, no PKCS#7, keyring %d: %s\n", frozen ? "frozen" : "not frozen",
			       keyrings[i], r < 0 ? strerror(-r) : "loaded");
			close_fd(r);
		}
		(void)bpfcall_map_freeze(map);
	}
	close_fd(map);
}

static void add_key(const char *path)
{
	size_t size;
	char *der = read_file("", path, &size);
	long r = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);

	if (der && r >= 0)
		r = syscall(SYS_add_key, "asymmetric", "", der, size, KEY_SPEC_SESSION_KEYRING);
	result(der && r >= 0, "the certificate is in the session keyring", "%s",
	       r < 0 ? strerror(errno) : "added");
	free(der);
}

static void check_verifies(const char *certificate)
{
	for (size_t i = 0; i < n_bundles; i++) {
		struct runner_job job = job_of(bundles[i]);

		check_attach(bundles[i], &job, "no keyring has the key", VERIFIED_NO);
		check_not_run(bundles[i], job, "no keyring has the key");
	}
	add_key(certificate);
	for (size_t i = 0; i < n_bundles; i++) {
		struct runner_job job = job_of(bundles[i]);

		check_attach(bundles[i], &job, "the session keyring has the key", VERIFIED_SESSION);
		if (!bundles[i]->chosen)
			continue;
		job.must_verify = true;
		check_attach(bundles[i], &job, "the session keyring has the key and it is demanded",
			     VERIFIED_SESSION);
		check_tampered(bundles[i], bundles[(i + 1) % n_bundles]);
		job = job_of(bundles[i]);
		job.ksig = NULL;
		check_attach(bundles[i], &job, "it has no signature", VERIFIED_NO);
		check_not_run(bundles[i], job, "it has no signature");
	}
}

static void check_unsupported(const char *certificate)
{
	add_key(certificate);
	for (size_t i = 0; i < n_bundles; i++) {
		struct runner_job job = job_of(bundles[i]);

		check_attach(bundles[i], &job, "the session keyring has the key", VERIFIED_UNSUPPORTED);
		check_not_run(bundles[i], job, "the session keyring has the key");
	}
}

static int run_tests(bool verifies, const char *root, const char *certificate)
{
	if (values_start() < 0)
		return 1;
	tell_answers();
	verify_start();
	result(verify_supported() == verifies, "the loader finds out what this kernel can", "%s",
	       verify_supported() ? "it verifies" : "unsupported");
	read_bundles(root);
	result(n_bundles > 0, "bundles", "%zu", n_bundles);
	if (verify_supported())
		check_verifies(certificate);
	else
		check_unsupported(certificate);
	return failed != 0;
}

static void mount_all(void)
{
	(void)mkdir("/proc", 0755);
	(void)mkdir("/sys", 0755);
	(void)mkdir("/dev", 0755);
	if (mount("proc", "/proc", "proc", 0, NULL) < 0 || mount("sys", "/sys", "sysfs", 0, NULL) < 0 ||
	    mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
		result(false, "mount", "%s", strerror(errno));
	(void)mount("dev", "/dev", "devtmpfs", 0, NULL);
}

int main(int argc, char **argv)
{
	bool whole_machine = getpid() == 1;
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || argc == 3) {
		fprintf(stderr, "usage: kernel-verified verifies|unsupported [BUNDLES CERTIFICATE]\n");
		return 2;
	}
	if (whole_machine)
		mount_all();
	r = run_tests(!strcmp(argv[1], "verifies"), argc > 2 ? argv[2] : "/bundles",
		      argc > 2 ? argv[3] : "/standard.der");
	printf("exit %d\n", r);
	if (whole_machine) {
		fflush(stdout);
		(void)tcdrain(STDOUT_FILENO);
		(void)reboot(RB_AUTOBOOT);
	}
	return r;
}
