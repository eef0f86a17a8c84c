/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/cleanup.h"
#include "format/manifest.h"
#include "tests/unit/spec-fixture.h"

/* Compared with its manifest's bytes: every one of these is a manifest with one place changed. */
static char *text;

static int make_text(void **state)
{
	struct refusal refusal = {};
	struct spec spec;

	(void)state;
	spec_fixture(&spec);
	assert_int_equal(manifest_write(&spec, &text, &refusal), 0);
	return 0;
}

static int free_text(void **state)
{
	(void)state;
	free(text);
	return 0;
}

static void test_round_trip(void **state)
{
	struct spec spec, back;
	struct refusal refusal = {};
	_cleanup_free_ char *again = NULL;

	(void)state;
	spec_fixture(&spec);
	assert_true(spec_check(&spec));
	assert_memory_equal(text, MANIFEST_PREFIX, strlen(MANIFEST_PREFIX));
	memset(&back, 0xff, sizeof(back));
	assert_int_equal(manifest_parse(text, strlen(text), &back, &refusal), 0);
	assert_memory_equal(&spec, &back, sizeof(spec));
	assert_int_equal(manifest_write(&back, &again, &refusal), 0);
	assert_string_equal(text, again);
}

/* Members that may be left out are left out, and read back as nothing. */
static void test_round_trip_small(void **state)
{
	_cleanup_free_ char *small = NULL;
	struct refusal refusal = {};
	struct spec spec, back;
	struct spec_variant *v = &spec.variants[0];

	(void)state;
	spec_fixture(&spec);
	spec.flags = 0;
	spec.targets = 1U << TARGET_HOST;
	spec.not_after = 0;
	spec.event_size = spec.n_fields = spec.n_labels = spec.n_params = 0;
	memset(spec.fields, 0, sizeof(spec.fields));
	memset(spec.labels, 0, sizeof(spec.labels));
	memset(spec.params, 0, sizeof(spec.params));
	memset(spec.histogram_name, 0, sizeof(spec.histogram_name));
	memset(spec.histogram_unit, 0, sizeof(spec.histogram_unit));
	spec.n_variants = 1;
	memset(&spec.variants[1], 0, sizeof(spec.variants[1]));
	v->ksig = UINT32_MAX;
	v->n_maps = 1;
	memset(&v->maps[1], 0, sizeof(v->maps) - sizeof(v->maps[0]));
	v->ctx_size = 24 + 16 + 4;
	assert_int_equal(manifest_write(&spec, &small, &refusal), 0);
	assert_null(strstr(small, "\"event\""));
	assert_null(strstr(small, "\"histogram\""));
	assert_null(strstr(small, "\"not-after\""));
	assert_null(strstr(small, "\"ksig\""));
	assert_int_equal(manifest_parse(small, strlen(small), &back, &refusal), 0);
	assert_memory_equal(&spec, &back, sizeof(spec));
}

static const struct {
	const char *from, *to; /* the first place of from becomes to */
	const char *rule, *reason;
} refused[] = {
	{ "{\"type\"", " {\"type\"", "M2", "does not begin with" },
	{ "bundle/v1", "bundle/v2", "M2", "does not begin with" },
	{ "quoted", "qu\xff\xff", "M3", "not UTF-8" },
	{ "1.0", "1\\u0000", "M3", "\\u0000" },
	{ "\"labels\":[", "\"labels\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "M4", "deeper than 32" },
	{ "\"serial\":3", "\"serial\":3,\"serial\":4", "M5", "duplicate" },
	{ "\"serial\":3", "\"serial\":03", "M5", "" },
	{ "\"serial\":3", "\"serial\":3.0", "M6", "serial is not an integer" },
	{ "\"serial\":3", "\"serial\":9223372036854775808", "M6", "too big" },
	{ "\"serial\":3", "\"serial\":-3", "M6", "serial is not between" },
	{ "\"size\":72", "\"size\":4294967368", "M6", "event.size is not between 0 and 4294967295" },
	{ "\"version\":", "\"verzion\":", "M8", "version is missing" },
	{ "\"serial\":3", "\"serial\":3,\"x\":1", "M7", "\"x\" is not a member" },
	{ "\"hook\":", "\"hoook\":1,\"hook\":", "M7", "variants[0].programs[0]: \"hoook\"" },
	{ "\"serial\":3", "\"serial\":\"3\"", "M8", "serial is not an integer" },
	{ "\"licence\":\"GPL-2.0-only\"", "\"licence\":7", "M8", "licence is not a string" },
	{ "[\"release\"]", "{}", "M8", "roles is not an array" },
	{ "[\"release\"]", "[\"a\",\"b\",\"c\",\"d\",\"e\"]", "M8", "roles has more than 4" },
	{ "\"self\"", "\"everybody\"", "M8", "targets[0]: \"everybody\" is not known" },
	{ "\"self\"", "\"host\"", "M8", "targets[1] is named twice" },
	{ "\"demultiplexed\":true", "\"demultiplexed\":1", "M8", "demultiplexed is not true or false" },
	{ "a0a0", "A0A0", "M8", "files[0].sha256 is not lower-case" },
	{ "a0a0", "a0", "M8", "files[0].sha256 is not 64" },
	{ "\"kind\":\"control\"", "\"kind\":\"steering\"", "M8", "variants[0].maps[0].kind" },
	{ "\"1.0\"", "\"1234567890123456789012345678901234567890\"", "M9", "version is longer than 31" },
	{ "\"1.0\"", "\"\"", "M9", "version is empty" },
	{ "\"1.0\"", "\"1\\u001b[2J\"", "M9", "version is not printable" },
	{ "\"tcp.state\"", "\"../../etc\"", "M10", "name" },
	{ "\"tcp.state\"", "\"tcp..state\"", "M10", "name" },
	{ "\"tcp.state\"", "\"TCP\"", "M10", "name" },
	{ "\"serial\":3", "\"serial\":0", "M10", "serial" },
	{ "1890000000", "1790000000", "M10", "not-after" },
	{ "[\"release\"]", "[]", "M11", "roles" },
	{ "[\"release\"]", "[\"a\",\"a\"]", "M11", "twice" },
	{ "tcp.state.bpf.o", "../tcp.bpf.o", "M12", "../tcp.bpf.o" },
	{ "tcp.state.bpf.o", "manifest.json.x", "M12", "manifest.json.x" },
	{ "tcp.state.bpf.o", "tcp.state.v1.lskel.ksig", "M12", "twice" },
	{ "\"size\":20000", "\"size\":0", "M12", "size" },
	{ "\"size\":20000", "\"size\":8388609", "M12", "size" },
	{ "[\"self\",\"host\"]", "[]", "M13", "targets" },
	{ "\"demultiplexed\":true", "\"demultiplexed\":false", "M13", "target host only" },
	{ "\"insns\":\"tcp.state.v1.lskel.insns\"", "\"insns\":\"nowhere\"", "M14", "not in files" },
	{ "\"insns\":\"tcp.state.v1.lskel.insns\"", "\"insns\":\"tcp.state.v1.lskel.data\"", "M14",
	  "different files" },
	{ "\"size\":4096", "\"size\":4097", "M14", "whole instructions" },
	{ "\"name\":\"v0\"", "\"name\":\"v1\"", "M14", "two variants" },
	{ "\"size\":124", "\"size\":123", "M14", "context size 123" },
	{ "\"map-fd\":0", "\"map-fd\":13", "M14", "outside its entry" },
	{ "\"map-size\":16", "\"map-size\":2", "M14", "out of range" },
	{ "\"kind\":\"kernel\"", "\"kind\":\"kernel\",\"name\":\"x\"", "M15", "does not take a name" },
	{ "\"kind\":\"kernel\"", "\"kind\":\"btf-type\"", "M15", "needs a name" },
	{ "\"name\":\"sched_switch\",\"value\":4", "\"name\":\"sched_switch\"", "M15", "wrong value" },
	{ "tp_btf/inet_sock_set_state", "fentry/tcp_close", "M16", "\"fentry/tcp_close\" is not one that" },
	{ "tp_btf/inet_sock_set_state", "tp_btf/a b", "M16", "is not one that" },
	{ "tp_btf/inet_sock_set_state", "raw_tp/inet_sock_set_state", "M16", "types 26 and" },
	{ "[1,131]", "[131,1]", "M16", "ascending" },
	{ "[1,131]", "[1,36]", "M16", "bpf_probe_write_user" },
	{ "[1,131]", "[12,131]", "M16", "bpf_tail_call" },
	{ "\"kind\":\"control\",\"type\":2", "\"kind\":\"control\",\"type\":3", "M17", "type 3 is not one" },
	{ "\"kind\":\"params\",\"type\":2", "\"kind\":\"other\",\"type\":3", "M17", "type 3 is not one" },
	{ "\"kind\":\"control\",\"type\":2", "\"kind\":\"table\",\"type\":2", "M17",
	  "type 2 is not one for kind table" },
	{ "\"name\":\"bw_params\",\"kind\":\"params\"", "\"name\":\"bw_control\",\"kind\":\"params\"", "M17",
	  "two maps" },
	{ "\"name\":\"bw_params\",\"kind\":\"params\"", "\"name\":\"bw params\",\"kind\":\"params\"", "M17",
	  "name" },
	{ "\"max-entries\":65536", "\"max-entries\":65535", "M17", "inner map" },
	{ "\"name\":\"duration\"", "\"name\":\"dura tion\"", "M18", "not a field's name" },
	{ "\"offset\":48", "\"offset\":44", "M18", "before its predecessor" },
	{ "\"offset\":40", "\"offset\":32", "M18", "outside bytes 40 to 72" },
	{ "\"offset\":56", "\"offset\":57", "M18", "outside bytes" },
	{ "\"type\":\"ipv6\"", "\"type\":\"ipv4\"", "M18", "not the size of type ipv4" },
	{ "\"enumeration\":\"skb_drop_reason SKB_\",", "", "M18", "go together" },
	{ "\"privacy\":\"bound\"", "\"privacy\":\"pii\"", "M18", "label side is of class pii" },
	{ "\"unit\":\"s\"", "\"unit\":\"\"", "M19", "both a name and a unit" },
	{ "\"max\":9223372036854775807", "\"max\":4999", "M20", "threshold" },
	{ "\"min\":1,", "\"min\":2,", "M20", "every" },
	{ "\"max\":1024", "\"max\":4294967296", "M20", "every" },
	{ "\"name\":\"every\"", "\"name\":\"threshold\"", "M20", "two parameters" },
	{ "[\"none\",\"domain\",\"full\"]", "[]", "M8", "params[2].values has no entry" },
	{ "[\"none\",\"domain\",\"full\"]", "\"none\"", "M8", "params[2].values is not an array" },
	{ "[\"none\",\"domain\",\"full\"]", "[0,1,2]", "M8", "params[2].values[0] is not a string" },
	{ "[\"none\",\"domain\",\"full\"]", "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]", "M8",
	  "params[2].values has more than 8" },
	{ "[\"none\",\"domain\",\"full\"]", "[\"none\",\"sixteenletterss_\",\"c\"]", "M9", "longer than 15" },
	{ "[\"none\",\"domain\",\"full\"]", "[\"none\",\"\",\"full\"]", "M9", "params.values is empty" },
	{ "\"max\":2,\"initial\":1", "\"max\":2,\"initial\":3", "M20", "names" },
	{ "\"max\":2,\"initial\":1", "\"max\":3,\"initial\":1", "M22",
	  "its 3 named values are not 0 to max" },
	{ "\"min\":0,\"max\":2,", "\"min\":1,\"max\":2,", "M22", "its 3 named values are not 0 to max" },
	{ "\"max\":2,\"initial\":1,\"values\":[\"none\",\"domain\",\"full\"]",
	  "\"max\":0,\"initial\":0,\"values\":[\"none\"]", "M22", "has not 2 to 8 named values" },
	{ "\"name\":\"names\",\"type\":\"u32\"", "\"name\":\"names\",\"type\":\"u32\",\"unit\":\"1\"", "M22",
	  "named values and a unit" },
	{ "\"domain\"", "\"1\"", "M22", "value \"1\" is not lower-case" },
	{ "\"domain\"", "\"-\"", "M22", "value \"-\" is not lower-case" },
	{ "\"domain\"", "\"Domain\"", "M22", "value \"Domain\" is not lower-case" },
	{ "\"domain\"", "\"do main\"", "M22", "value \"do main\" is not lower-case" },
	{ "\"domain\"", "\"a:b\"", "M22", "value \"a:b\" is not lower-case" },
	{ "\"domain\"", "\"none\"", "M22", "value none is named twice" },
	{ "\"memory\":1048576", "\"memory\":0", "M21", "memory" },
	{ "\"memory\":1048576", "\"memory\":67108865", "M21", "memory" },
	{ "\"histogram\":{\"name\":\"tcp.connect.duration\",\"unit\":\"s\"},", "", "M21", "kind histograms" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		_cleanup_free_ char *changed = NULL;
		const char *at = strstr(text, refused[i].from);
		struct refusal refusal = {};
		struct spec spec;
		int r;

		if (!at)
			fail_msg("row %zu: no %s", i, refused[i].from);
		assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, refused[i].to,
				     at + strlen(refused[i].from)) > 0);
		r = manifest_parse(changed, strlen(changed), &spec, &refusal);
		if (r != REFUSAL_BUNDLE_INVALID || strcmp(refusal.subject, refused[i].rule) ||
		    !strstr(refusal.reason, refused[i].reason))
			fail_msg("row %zu: %s for %s: %d, %s: %s", i, refused[i].to, refused[i].from, r,
				 refusal.subject, refusal.reason);
	}
}

static void test_sizes(void **state)
{
	_cleanup_free_ char *large = malloc(MANIFEST_SIZE_MAX + 1);
	struct refusal refusal = {};
	struct spec spec;
	size_t n = strlen(text);

	(void)state;
	assert_non_null(large);
	memset(large, ' ', MANIFEST_SIZE_MAX + 1);
	memcpy(large, text, n);
	assert_int_equal(manifest_parse(large, MANIFEST_SIZE_MAX, &spec, &refusal), 0);
	assert_int_equal(manifest_parse(large, MANIFEST_SIZE_MAX + 1, &spec, &refusal),
			 REFUSAL_BUNDLE_INVALID);
	assert_string_equal(refusal.subject, "M1");
	assert_int_equal(manifest_parse(text, 0, &spec, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_string_equal(refusal.subject, "M1");
	for (size_t i = 1; i < n; i += 7)
		assert_int_equal(manifest_parse(text, i, &spec, &refusal), REFUSAL_BUNDLE_INVALID);
	large[n] = '\0';
	assert_int_equal(manifest_parse(large, n + 1, &spec, &refusal), REFUSAL_BUNDLE_INVALID);
	assert_string_equal(refusal.subject, "M3");
}

/* A spec from another process is not believed: counts, terminations and enumerations that would lead outside.
 */
static void test_check(void **state)
{
	struct spec good, bad;

	(void)state;
	spec_fixture(&good);
#define BAD(change)                        \
	do {                               \
		bad = good;                \
		change;                    \
		if (spec_check(&bad))      \
			fail_msg(#change); \
	} while (0)
	BAD(memset(bad.name, 'a', sizeof(bad.name)));
	BAD(memset(bad.files[2].name, 'a', sizeof(bad.files[2].name)));
	BAD(memset(bad.variants[1].programs[0].hook, 'a', OBJECT_NAME_MAX));
	BAD(bad.n_files = UINT32_MAX);
	BAD(bad.n_roles = SPEC_ROLES_MAX + 1);
	BAD(bad.n_variants = SPEC_VARIANTS_MAX + 1);
	BAD(bad.n_fields = SPEC_FIELDS_MAX + 1);
	BAD(bad.n_labels = SPEC_LABELS_MAX + 1);
	BAD(bad.n_params = SPEC_PARAMS_MAX + 1);
	BAD(bad.variants[0].n_maps = SPEC_MAPS_MAX + 1);
	BAD(bad.variants[0].n_programs = SPEC_PROGRAMS_MAX + 1);
	BAD(bad.variants[0].n_requires = SPEC_REQUIRES_MAX + 1);
	BAD(bad.variants[0].programs[0].n_helpers = SPEC_HELPERS_MAX + 1);
	BAD(bad.variants[0].insns = bad.n_files);
	BAD(bad.variants[0].ksig = bad.n_files);
	BAD(bad.variants[0].maps[0].kind = _SPEC_MAP_KIND_MAX);
	BAD(bad.variants[0].maps[0].type = UINT32_MAX);
	BAD(bad.variants[0].requires[0].kind = _SPEC_REQUIRE_MAX);
	BAD(bad.variants[0].ctx_map_size = UINT32_MAX);
	BAD(bad.fields[0].type = _SPEC_TYPE_MAX);
	BAD(bad.fields[0].privacy = _SPEC_PRIVACY_MAX);
	BAD(bad.fields[2].offset = UINT32_MAX - 8);
	BAD(bad.params[1].offset = UINT32_MAX - 2);
	BAD(bad.params[0].type = SPEC_TYPE_U8);
	BAD(bad.targets = 1U << _TARGET_KIND_MAX);
	BAD(bad.flags |= 1U << 31);
	BAD(bad.serial = UINT64_MAX);
#undef BAD
}

static void test_file_names(void **state)
{
	static const struct {
		const char *name;
		bool file, signature;
	} names[] = {
		{ "tcp.state.v1.lskel.insns", true, false },
		{ "manifest.json.alice.p7s", true, true },
		{ "manifest.json..p7s", true, false },
		{ "manifest.json.p7s", true, false },
		{ "manifest.json.a.b.p7s", true, true },
		{ ".hidden", false, false },
		{ "", false, false },
		{ "a/b", false, false },
		{ "..", false, false },
		{ "A", false, false },
		{ "manifest.json.alice.p7s\n", false, false },
		{ "a234567890123456789012345678901234567890123456789012345678901234", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(manifest_file_name_valid(names[i].name), names[i].file);
		assert_int_equal(manifest_signature_name_valid(names[i].name), names[i].signature);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_round_trip_small),
		cmocka_unit_test(test_refused),    cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_check),      cmocka_unit_test(test_file_names),
	};

	return cmocka_run_group_tests(tests, make_text, free_text);
}
