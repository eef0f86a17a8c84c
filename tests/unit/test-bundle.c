/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <bpf/bpf.h>
#include <bpf/skel_internal.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "client/bundle/build.h"
#include "client/bundle/object.h"
#include "client/bundle/verbs.h"
#include "client/cli/cmd-bundle.h"
#include "common/fd.h"
#include "format/manifest.h"

#define ISSUED 1790000000

static char directory[] = "/tmp/test-bundle.XXXXXX";
static struct bundle *probe; /* what tests/unit/data/bundle-probe.in gives */

static void read_file(const char *path, char **ret, size_t *ret_size)
{
	if (read_path(path, BUNDLE_FILE_SIZE_MAX, ret, ret_size) < 0)
		fail_msg("%s: %m", path);
}

static char *in_directory(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static struct bundle *build_probe(const struct signing_key *ksig)
{
	_cleanup_free_ struct template *t = NULL;
	_cleanup_free_ char *text = NULL, *object = NULL;
	struct build_object objects[2];
	struct refusal refusal = {};
	struct bundle *b = NULL;
	size_t size, object_size;

	read_file(DATA "/bundle-probe.in", &text, &size);
	read_file(OBJECTS "/bundle-probe.bpf.o", &object, &object_size);
	if (template_parse(text, size, &t, &refusal))
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	objects[0] = objects[1] = (struct build_object){ object, object_size };
	if (bundle_build(t, objects, ISSUED, ksig, &b, &refusal))
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	return b;
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	probe = build_probe(NULL);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	probe = bundle_free(probe);
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_build_deterministic(void **state)
{
	_cleanup_(bundle_free_p) struct bundle *again = build_probe(NULL);
	_cleanup_free_ char *a = NULL, *b = NULL;
	size_t a_size, b_size;

	(void)state;
	assert_int_equal(bundle_write_archive(probe, in_directory("a.bpfw")), 0);
	read_file(in_directory("a.bpfw"), &a, &a_size);
	assert_int_equal(bundle_write_archive(again, in_directory("b.bpfw")), 0);
	read_file(in_directory("b.bpfw"), &b, &b_size);
	assert_int_equal(a_size, b_size);
	assert_memory_equal(a, b, a_size);
}

static void check_field(const struct spec_field *f, const char *name, uint32_t type, uint32_t offset,
			uint32_t privacy)
{
	assert_string_equal(f->name, name);
	assert_int_equal(f->type, type);
	assert_int_equal(f->offset, offset);
	assert_int_equal(f->privacy, privacy);
}

static void test_build_spec(void **state)
{
	static const uint32_t helpers[] = { BPF_FUNC_map_lookup_elem,   BPF_FUNC_get_current_comm,
					    BPF_FUNC_ktime_get_boot_ns, BPF_FUNC_ringbuf_reserve,
					    BPF_FUNC_ringbuf_submit,    BPF_FUNC_task_storage_get };
	const struct spec *s = &probe->spec;
	const struct spec_variant *v = &s->variants[0];
	const struct spec_map *rings = spec_variant_map(v, SPEC_MAP_RINGS);

	(void)state;
	assert_true(spec_check(s));
	assert_int_equal(s->flags, SPEC_HAS_DEMUX);
	assert_int_equal(s->issued, ISSUED);
	assert_int_equal(s->event_size, 72);
	assert_int_equal(s->n_fields, 3);
	check_field(&s->fields[0], "delta", SPEC_TYPE_NS, 40, SPEC_PRIVACY_SAFE);
	check_field(&s->fields[1], "previous", SPEC_TYPE_ENUM, 48, SPEC_PRIVACY_SAFE);
	check_field(&s->fields[2], "comm", SPEC_TYPE_CHARS, 52, SPEC_PRIVACY_PII);
	assert_int_equal(s->n_labels, 2);
	assert_int_equal(s->n_params, 3);
	assert_int_equal(s->params[1].offset, 8);
	assert_int_equal(s->params[1].initial, 1);
	assert_int_equal(s->params[2].offset, 12);
	assert_int_equal(s->params[2].initial, 1);
	assert_int_equal(s->params[2].max, 2);
	assert_int_equal(s->params[2].n_values, 3);
	assert_string_equal(s->params[2].values[2], "full");
	assert_int_equal(s->n_variants, 2);
	assert_int_equal(v->n_programs, 2);
	assert_int_equal(s->variants[1].n_programs, 1);
	assert_string_equal(s->variants[1].programs[0].name, "on_exit");
	assert_int_equal(v->requires[0].value, 6 << 16 | 1 << 8);
	assert_string_equal(v->programs[0].hook, "tp_btf/sched_process_exec");
	/* Two of them are called by functions that the program calls. */
	assert_int_equal(v->programs[0].n_helpers, sizeof(helpers) / sizeof(*helpers));
	assert_memory_equal(v->programs[0].helpers, helpers, sizeof(helpers));
	assert_non_null(rings);
	assert_int_equal(rings->inner_type, BPF_MAP_TYPE_RINGBUF);
	assert_int_equal(rings->inner_max_entries, 65536);
}

static const struct {
	const char *object; /* tests/unit/data/bundle-refused.bpf.c with this word defined */
	const char *rule, *reason;
} refused_objects[] = {
	{ "KCONFIG", "B2", "LINUX_KERNEL_VERSION is a .kconfig extern" },
	{ "KSYM", "B2", "jiffies has no type" },
	{ "KFUNC", "B2", "the object calls bpf_rcu_read_lock" },
	{ "PINNED", "B3", "values is pinned by name" },
	{ "UNSIZED", "B4", "values has no size" },
	{ "RING", "B4", "5000 bytes" },
	{ "PERF", "B5", "perf event array" },
	{ "TAIL", "B5", "prog_array" },
	{ "TWO", "B6", "kprobe/tcp_close (on_close), fentry/tcp_close (on_entry)" },
};

static void test_refused_objects(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused_objects) / sizeof(*refused_objects); i++) {
		_cleanup_(object_free_p) struct object *object = NULL;
		_cleanup_(skeleton_done) struct skeleton skeleton = {};
		_cleanup_free_ char *bytes = NULL;
		struct refusal refusal = {};
		char path[PATH_MAX];
		size_t size;
		int r;

		snprintf(path, sizeof(path), OBJECTS "/bundle-refused.%s.bpf.o", refused_objects[i].object);
		read_file(path, &bytes, &size);
		r = object_open(bytes, size, "refused", &object, &refusal);
		if (!r)
			r = object_build(object, &skeleton, &refusal);
		if (r != REFUSAL_BUNDLE_INVALID || strcmp(refusal.subject, refused_objects[i].rule) ||
		    !strstr(refusal.reason, refused_objects[i].reason))
			fail_msg("%s: %d, %s: %s", refused_objects[i].object, r, refusal.subject,
				 refusal.reason);
	}
}

static void test_refused_bytes(void **state)
{
	_cleanup_(object_free_p) struct object *object = NULL;
	struct refusal refusal = {};

	(void)state;
	assert_int_equal(object_open("#!/bin/sh", 9, "x", &object, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_string_equal(refusal.subject, "B1");
}

/* One place of the template changed. */
static const struct {
	const char *from, *to, *rule, *reason;
} refused_templates[] = {
	{ "\"serial\": 1,", "\"serial\": 1,,", "P1", "line" },
	{ "\"serial\": 1,", "\"serial\": 1, \"serail\": 1,", "P2", "\"serail\" is not known" },
	{ "\"version\": \"1.0\",", "", "P2", "version is missing" },
	{ "\"kernel\": \"6.1\"", "\"kernel\": \"six\"", "P3", "\"six\"" },
	{ ", \"count\": 3", "", "P3", "go together" },
	{ "[ \"on_exec\" ]", "[ \"on_exek\" ]", "B6", "no program on_exek" },
	{ "\"struct\": \"bundle_event\"", "\"struct\": \"bundle_evnt\"", "B8", "no struct bundle_evnt" },
	{ "\"comm\": {", "\"command\": {", "B8", "no member command" },
	{ "\"comm\": { \"privacy\": \"pii\" }", "\"delta\": {}", "P1", "duplicate" },
	{ "\"side\": {", "\"reserved\": {", "B8", "says nothing about member side" },
	{ "\"type\": \"ns\", \"privacy\": \"safe\"", "\"type\": \"ipv4\", \"privacy\": \"safe\"", "M18",
	  "delta" },
	{ "\"initial\": 5000", "\"initial\": 1000000001", "M20", "threshold" },
	{ "\"initial\": \"domain\"", "\"initial\": \"exact\"", "P2", "\"exact\" is not one of its values" },
	{ "\"initial\": \"domain\"", "\"initial\": 3", "M20", "names" },
	{ "\"initial\": \"domain\"", "\"max\": 1", "M22", "not 0 to max" },
	{ "[ \"none\", \"domain\", \"full\" ]", "[]", "P2", "not an array of 1 to 8" },
	{ "\"min\": 1, \"max\": 1024, \"initial\": 1", "\"initial\": \"1\"", "P2", "every: initial" },
	{ "\"host\"]", "\"host\", \"world\"]", "P2", "entry 6" },
};

static void test_refused_templates(void **state)
{
	_cleanup_free_ char *text = NULL, *bytes = NULL;
	size_t size, object_size;

	(void)state;
	read_file(DATA "/bundle-probe.in", &text, &size);
	read_file(OBJECTS "/bundle-probe.bpf.o", &bytes, &object_size);
	for (size_t i = 0; i < sizeof(refused_templates) / sizeof(*refused_templates); i++) {
		struct build_object objects[2] = { { bytes, object_size }, { bytes, object_size } };
		_cleanup_(bundle_free_p) struct bundle *b = NULL;
		const char *at = strstr(text, refused_templates[i].from);
		_cleanup_free_ struct template *t = NULL;
		_cleanup_free_ char *changed = NULL;
		struct refusal refusal = {};
		int r;

		if (!at)
			fail_msg("row %zu: no %s", i, refused_templates[i].from);
		assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, refused_templates[i].to,
				     at + strlen(refused_templates[i].from)) > 0);
		r = template_parse(changed, strlen(changed), &t, &refusal);
		if (!r)
			r = bundle_build(t, objects, ISSUED, NULL, &b, &refusal);
		if (r != REFUSAL_BUNDLE_INVALID || strcmp(refusal.subject, refused_templates[i].rule) ||
		    !strstr(refusal.reason, refused_templates[i].reason))
			fail_msg("row %zu: %s: %d, %s: %s", i, refused_templates[i].to, r, refusal.subject,
				 refusal.reason);
	}
}

static void test_attest(void **state)
{
	_cleanup_(bundle_free_p) struct bundle *b = build_probe(NULL);
	struct refusal refusal = {};
	struct spec_variant *v = &b->spec.variants[1];
	struct bundle_file *data = &b->files[v->data];

	(void)state;
	assert_int_equal(bundle_attest(b, &refusal), 0);

	data->bytes[100] ^= 1;
	assert_int_equal(bundle_attest(b, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_string_equal(refusal.subject, "B10");
	assert_non_null(strstr(refusal.reason, "variant exit: the skeleton's data is not what libbpf"));
	assert_non_null(strstr(refusal.reason, "byte 100 differs"));
	data->bytes[100] ^= 1;

	v->programs[0].helpers[0]++;
	assert_int_equal(bundle_attest(b, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_non_null(strstr(refusal.reason, "program on_exit calls other helpers"));
	v->programs[0].helpers[0]--;

	snprintf(v->programs[0].hook, sizeof(v->programs[0].hook), "raw_tp/sys_enter");
	assert_int_equal(bundle_attest(b, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_non_null(strstr(refusal.reason,
			       "hook raw_tp/sys_enter in the manifest and for raw_tp/sched_process_exit"));
	snprintf(v->programs[0].hook, sizeof(v->programs[0].hook), "raw_tp/sched_process_exit");

	v->maps[2].max_entries++;
	assert_int_equal(bundle_attest(b, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_non_null(strstr(refusal.reason, "is not defined in the object as in the manifest"));
	v->maps[2].max_entries--;

	v->ctx_map_fd_offset = 4;
	assert_int_equal(bundle_attest(b, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_non_null(strstr(refusal.reason, "lays out the context"));
	v->ctx_map_fd_offset = 0;

	for (size_t i = 0; i < b->n_files; i++)
		if (!strcmp(b->files[i].name, "bundle.probe.bpf.o"))
			snprintf(b->files[i].name, sizeof(b->files[i].name), "other.bpf.o");
	assert_int_equal(bundle_attest(b, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_non_null(strstr(refusal.reason, "does not hold the object"));
}

static void check_same(const char *path)
{
	_cleanup_(bundle_free_p) struct bundle *back = NULL;
	struct refusal refusal = {};

	if (bundle_read(path, &back, &refusal))
		fail_msg("%s: %s: %s", path, refusal.subject, refusal.reason);
	assert_memory_equal(&back->spec, &probe->spec, sizeof(back->spec));
	assert_int_equal(back->n_files, probe->n_files);
	for (size_t i = 0; i < probe->n_files; i++) {
		assert_string_equal(back->files[i].name, probe->files[i].name);
		assert_int_equal(back->files[i].size, probe->files[i].size);
		assert_memory_equal(back->files[i].bytes, probe->files[i].bytes, probe->files[i].size);
	}
}

static void test_read_back(void **state)
{
	(void)state;
	assert_int_equal(bundle_write(probe, in_directory("r.bpfw")), 0);
	check_same(in_directory("r.bpfw"));
	assert_int_equal(bundle_write(probe, in_directory("r/")), 0);
	check_same(in_directory("r"));
	/* A bundle is replaced as a whole; what is not one is left alone. */
	assert_int_equal(close(creat(in_directory("r/stale"), 0644)), 0);
	assert_int_equal(bundle_write(probe, in_directory("r")), 0);
	check_same(in_directory("r"));
	assert_int_equal(unlink(in_directory("r/" MANIFEST_NAME)), 0);
	assert_int_equal(bundle_write(probe, in_directory("r")), -ENOTEMPTY);
}

/* Shell commands in a copy of the bundle's directory (or on x.bpfw) and what reading it says then. */
static const struct {
	const char *change, *path, *rule, *reason;
} refused_containers[] = {
	{ "touch d/evil", "d", "C5", "evil is in the bundle but not in the manifest" },
	{ "rm d/bundle.probe.bpf.o", "d", "C5",
	  "bundle.probe.bpf.o is in the manifest but not in the bundle" },
	{ "rm d/manifest.json", "d", "C5", "no manifest.json" },
	{ "printf x >> d/bundle.probe.bpf.o", "d", "C5", "the manifest says" },
	{ "printf x | dd of=d/bundle.probe.bpf.o conv=notrunc bs=1 seek=9 2>/dev/null", "d", "C5",
	  "SHA-256" },
	{ "mv d/bundle.probe.bpf.o o && ln -s ../o d/bundle.probe.bpf.o", "d", "C2", "not a regular file" },
	{ "mkfifo d/fifo", "d", "C2", "not a regular file" },
	{ "mkdir d/sub", "d", "C2", "not a regular file" },
	{ "touch 'd/a b'", "d", "C2", "plain name" },
	{ "truncate -s 70000 d/manifest.json.a.p7s", "d", "C4", "more than 65536" },
	{ "truncate -s 300000 d/manifest.json", "d", "C4", "more than 262144" },
	{ "for i in 1 2 3 4 5 6 7 8 9; do touch d/manifest.json.$i.p7s; done", "d", "C4",
	  "more than 8 signatures" },
	{ "printf x >> x.bpfw", "x.bpfw", "C6", "behind the archive's last member" },
	{ "tar --format=gnu -cf x.bpfw -C d manifest.json", "x.bpfw", "C1", "not a plain ustar" },
	{ "tar -rf x.bpfw -C d manifest.json", "x.bpfw", "C3", "manifest.json is there twice" },
	{ "tar --format=ustar -cf x.bpfw -C d .", "x.bpfw", "C2", "" },
	{ "tar --format=pax -cf x.bpfw -C d manifest.json", "x.bpfw", "C1", "not a plain ustar" },
	{ "ln -s /etc/passwd d/l; tar --format=ustar -cf x.bpfw -C d l", "x.bpfw", "C2",
	  "l is not a regular file" },
	{ "gzip x.bpfw && mv x.bpfw.gz x.bpfw", "x.bpfw", "C1", "not a ustar archive" },
	{ "truncate -s 4096 x.bpfw", "x.bpfw", "C1", "ends within" },
	{ "truncate -s 0 x.bpfw", "x.bpfw", "C1", "" },
};

static void test_refused_containers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused_containers) / sizeof(*refused_containers); i++) {
		_cleanup_(bundle_free_p) struct bundle *b = NULL;
		_cleanup_free_ char *command = NULL;
		struct refusal refusal = {};
		char path[PATH_MAX];
		int r;

		assert_true(asprintf(&command, "rm -rf %s/d %s/x.bpfw", directory, directory) > 0);
		assert_int_equal(system(command), 0);
		assert_int_equal(bundle_write_directory(probe, in_directory("d")), 0);
		assert_int_equal(bundle_write_archive(probe, in_directory("x.bpfw")), 0);
		free(command);
		assert_true(asprintf(&command, "cd %s && { %s; }", directory, refused_containers[i].change) >
			    0);
		if (system(command))
			fail_msg("%s", command);
		snprintf(path, sizeof(path), "%s/%s", directory, refused_containers[i].path);
		r = bundle_read(path, &b, &refusal);
		if (r != REFUSAL_BUNDLE_INVALID || strcmp(refusal.subject, refused_containers[i].rule) ||
		    !strstr(refusal.reason, refused_containers[i].reason))
			fail_msg("%s: %d, %s: %s", refused_containers[i].change, r, refusal.subject,
				 refusal.reason);
	}
}

/* openssl finds each variant's signature for the kernel good over insns followed by data, by the key whose
 * certificate is written for the kernel; and no more can be added to a manifest that is signed. */
static void check_kernel_signatures(const char *path, const char *trust)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL, *other = NULL;
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	char command[6 * PATH_MAX];
	struct refusal refusal = {};
	size_t n;

	assert_int_equal(bundle_read(path, &b, &refusal), 0);
	for (uint32_t i = 0; i < b->spec.n_variants; i++) {
		const struct spec_variant *v = &b->spec.variants[i];

		assert_true(v->ksig < b->spec.n_files);
		snprintf(command, sizeof(command),
			 "cd %s && cat %s %s >%s/signed && openssl cms -verify -binary -inform DER -in %s "
			 "-content "
			 "%s/signed -certfile %s/standard.der -noverify -out %s/content 2>/dev/null && cmp "
			 "-s %s/signed "
			 "%s/content",
			 path, b->files[v->insns].name, b->files[v->data].name, directory,
			 b->files[v->ksig].name, directory, trust, directory, directory, directory);
		assert_int_equal(system(command), 0);
	}
	assert_int_equal(signing_make_kernel_throwaway("test", ISSUED, &key), 0);
	assert_int_equal(signing_make_kernel_throwaway("test", ISSUED, &other), 0);
	assert_true(signing_key_same(key, key));
	assert_false(signing_key_same(key, other));
	assert_int_equal(bundle_sign_kernel(b, key, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_string_equal(refusal.subject, "C4");
	n = b->n_signatures;
	b->n_signatures = 0;
	assert_int_equal(bundle_sign_kernel(b, key, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_string_equal(refusal.subject, "C4");
	b->n_signatures = n; /* to be freed */
}

/* The standard set as the build makes it is accepted by the trust that is shipped with it, and not without.
 */
static void test_standard(void **state)
{
	char bundle[PATH_MAX], out[PATH_MAX], trust[PATH_MAX], built[PATH_MAX], conf[PATH_MAX];
	char *standard[] = { (char *)"bundle",
			     (char *)"standard",
			     (char *)"--out",
			     out,
			     (char *)"--trust",
			     trust,
			     (char *)"--kernel",
			     trust,
			     bundle,
			     NULL };
	char *verify[] = { (char *)"bundle", (char *)"verify", built, (char *)"--trust", trust, NULL };
	static const char role[] = "[role release]\ncertificates = standard.pem\nnames = bundle.*\n"
				   "may = enroll-production\n";
	_cleanup_close_ int fd = -EBADF;

	(void)state;
	snprintf(bundle, sizeof(bundle), "%s/s.bpfw", directory);
	snprintf(out, sizeof(out), "%s/bundles", directory);
	snprintf(trust, sizeof(trust), "%s/trust", directory);
	snprintf(built, sizeof(built), "%s/bundles/bundle.probe/1", directory);
	snprintf(conf, sizeof(conf), "%s/trust/release.conf", directory);
	assert_int_equal(bundle_write(probe, bundle), 0);
	assert_int_equal(cmd_bundle(9, standard), 0);
	assert_int_equal(cmd_bundle(5, verify), 3);
	fd = open(conf, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(fd_write_all(fd, role, strlen(role)), 0);
	assert_int_equal(cmd_bundle(5, verify), 0);
	check_kernel_signatures(built, trust);
}

/* Somebody else's object: what is not served is to be skipped, and the rest builds as it stands. */
static void test_init(void **state)
{
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	_cleanup_free_ char *bytes = NULL, *text = NULL;
	_cleanup_free_ struct template *t = NULL;
	struct build_object object = {};
	struct refusal refusal = {};

	(void)state;
	read_file(OBJECTS "/bundle-refused.TWO.bpf.o", &bytes, &object.size);
	object.bytes = bytes;
	assert_int_equal(bundle_init_template("two", bytes, object.size, "two.bpf.o", &text, &refusal), 0);
	assert_int_equal(template_parse(text, strlen(text), &t, &refusal), 0);
	assert_int_equal(t->spec.targets, 1U << TARGET_HOST);
	assert_int_equal(t->variants[0].n_skip, 2);
	assert_string_equal(t->variants[0].object, "two.bpf.o");
	if (bundle_build(t, &object, ISSUED, NULL, &b, &refusal))
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	assert_int_equal(b->spec.flags, 0);
	assert_int_equal(b->spec.variants[0].n_programs, 1);
}

/* Skeletons signed for the kernel: by one key, verified as its signature over insns and data. */
static void test_ksig(void **state)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	_cleanup_free_ char *leaf = NULL, *ca = NULL;
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	struct refusal refusal = {};

	(void)state;
	assert_int_equal(signing_make_throwaway("test", ISSUED, &key, &leaf, &ca), 0);
	b = build_probe(key);
	for (uint32_t i = 0; i < b->spec.n_variants; i++) {
		uint32_t ksig = b->spec.variants[i].ksig;

		assert_true(ksig < b->spec.n_files);
		assert_true(b->files[ksig].size > 64);
		assert_int_equal((unsigned char)b->files[ksig].bytes[0], 0x30); /* a SEQUENCE of DER */
	}
	assert_string_equal(b->files[b->spec.variants[1].ksig].name, "bundle.probe.exit.lskel.ksig");
	assert_int_equal(bundle_attest(b, &refusal), 0);
}

static void check_map(int fd, const struct spec_map *m)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	assert_true(fd > 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	assert_string_equal(info.name, m->name);
	assert_int_equal(info.type, m->type);
	assert_int_equal(info.key_size, m->key_size);
	assert_int_equal(info.value_size, m->value_size);
	assert_int_equal(info.max_entries, m->max_entries);
	close(fd);
}

static void check_program(int fd, const struct spec_program *p)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	assert_true(fd > 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	assert_string_equal(info.name, p->name);
	assert_int_equal(info.type, p->type);
	close(fd);
}

static int fd_at(const char *context, uint32_t offset)
{
	int fd;

	memcpy(&fd, context + offset, sizeof(fd));
	return fd;
}

/* Runs a skeleton as skel_internal.h does, and finds what it made at the places that the manifest gives. */
static void load_variant(const struct spec_variant *v)
{
	_cleanup_free_ char *context = calloc(1, v->ctx_size);
	struct bpf_load_and_run_opts opts = {
		.ctx = (struct bpf_loader_ctx *)context,
		.insns = probe->files[v->insns].bytes,
		.insns_sz = (uint32_t)probe->files[v->insns].size,
		.data = probe->files[v->data].bytes,
		.data_sz = (uint32_t)probe->files[v->data].size,
	};
	uint32_t programs = v->ctx_header_size + v->n_maps * v->ctx_map_size;
	int r;

	assert_non_null(context);
	opts.ctx->sz = v->ctx_size;
	r = bpf_load_and_run(&opts);
	if (r < 0)
		fail_msg("variant %s: %s: %s", v->name, opts.errstr, strerror(-r));
	for (uint32_t i = 0; i < v->n_maps; i++)
		check_map(fd_at(context, v->ctx_header_size + i * v->ctx_map_size + v->ctx_map_fd_offset),
			  &v->maps[i]);
	for (uint32_t i = 0; i < v->n_programs; i++)
		check_program(fd_at(context, programs + i * v->ctx_prog_size + v->ctx_prog_fd_offset),
			      &v->programs[i]);
}

static void test_load(void **state)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "probe", 4, 4, 1, NULL);

	(void)state;
	if (fd < 0 && (errno == EPERM || errno == ENOSYS)) {
		print_message("skipped: loading needs CAP_BPF and CAP_PERFMON (%s)\n", strerror(errno));
		skip();
	}
	close(fd);
	for (uint32_t i = 0; i < probe->spec.n_variants; i++)
		load_variant(&probe->spec.variants[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_deterministic),
		cmocka_unit_test(test_build_spec),
		cmocka_unit_test(test_refused_objects),
		cmocka_unit_test(test_refused_bytes),
		cmocka_unit_test(test_refused_templates),
		cmocka_unit_test(test_attest),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_refused_containers),
		cmocka_unit_test(test_standard),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_ksig),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
