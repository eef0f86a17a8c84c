/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the running kernel's BTF says; the truths below hold on every kernel of the matrix. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "common/fd.h"
#include "format/message.h"
#include "loaderd/parser/facts-internal.h"

static struct facts *facts;

static int set_up(void **state)
{
	int r = facts_new(&facts);

	(void)state;
	if (r == -ENOENT) {
		printf("skipped: this kernel has no /sys/kernel/btf/vmlinux\n");
		exit(77);
	}
	return r;
}

static int tear_down(void **state)
{
	(void)state;
	facts = facts_free(facts);
	return 0;
}

static void test_version_code(void **state)
{
	static const struct {
		const char *release, *version;
		uint32_t code;
	} cases[] = {
		{ "6.18.44-fc-v595", "#1 SMP PREEMPT_DYNAMIC @0", 0x06122c },
		{ "6.1.0-28-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)", 0x060177 },
		{ "7.3-rc1", "#2 SMP", 0x070300 },
		{ "5.10.300", "#1", 0x050aff },
		{ "nonsense", "Debian", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(facts_version_code(cases[i].release, cases[i].version), cases[i].code);
}

static void test_requirements(void **state)
{
	static const struct {
		uint32_t kind, value;
		const char *name, *feature; /* feature NULL: holds */
	} cases[] = {
		{ SPEC_REQUIRE_KERNEL, 0x060000, "", NULL },
		{ SPEC_REQUIRE_KERNEL, 0xff0000, "", "kernel" },
		{ SPEC_REQUIRE_KERNEL_BELOW, 0xff0000, "", NULL },
		{ SPEC_REQUIRE_KERNEL_BELOW, 0x060000, "", "kernel" },
		{ SPEC_REQUIRE_BTF_TYPE, 0, "task_struct", NULL },
		{ SPEC_REQUIRE_BTF_TYPE, 0, "skb_drop_reason", NULL },
		{ SPEC_REQUIRE_BTF_TYPE, 0, "sk_buff_data_t", NULL },
		{ SPEC_REQUIRE_BTF_TYPE, 0, "no_such_type", "no_such_type" },
		{ SPEC_REQUIRE_BTF_FIELD, 0, "task_struct.tgid", NULL },
		{ SPEC_REQUIRE_BTF_FIELD, 0, "sk_buff.dev", NULL }, /* in anonymous members */
		{ SPEC_REQUIRE_BTF_FIELD, 0, "task_struct.no_such", "task_struct.no_such" },
		{ SPEC_REQUIRE_BTF_FIELD, 0, "no_such.field", "no_such.field" },
		{ SPEC_REQUIRE_BTF_FIELD, 0, "task_struct", "task_struct" },
		{ SPEC_REQUIRE_BTF_FUNC, 0, "tcp_connect", NULL },
		{ SPEC_REQUIRE_BTF_FUNC, 0, "no_such_function", "no_such_function" },
		{ SPEC_REQUIRE_TRACEPOINT_ARGS, 3, "inet_sock_set_state", NULL },
		{ SPEC_REQUIRE_TRACEPOINT_ARGS, 4, "inet_sock_set_state", "inet_sock_set_state" },
		{ SPEC_REQUIRE_TRACEPOINT_ARGS, 3, "no_such_tracepoint", "no_such_tracepoint" },
		{ SPEC_REQUIRE_HOOK, 0, "tp_btf", NULL },
		{ SPEC_REQUIRE_HOOK, 0, "no_such_kind", "no_such_kind" },
		{ 99, 0, "", "requirement" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spec_requirement requirement = { .kind = cases[i].kind, .value = cases[i].value };
		struct refusal why = {};
		bool holds;

		snprintf(requirement.name, sizeof(requirement.name), "%s", cases[i].name);
		holds = facts_check(facts, &requirement, &why);
		if (holds != !cases[i].feature || strcmp(why.subject, cases[i].feature ?: "") != 0)
			fail_msg("case %zu: %d, %s: %s", i, holds, why.subject, why.reason);
		assert_int_equal(why.code, holds ? REFUSAL_NONE : REFUSAL_KERNEL_UNSUPPORTED);
	}
}

static void test_hooks(void **state)
{
	static const struct {
		const char *hook;
		bool there, has_id;
	} cases[] = {
		{ "tp_btf/inet_sock_set_state", true, true }, { "tp_btf/no_such", false, false },
		{ "raw_tp/sched_switch", true, false },       { "raw_tp/no_such", false, false },
		{ "fentry/tcp_connect", true, true },         { "fexit/no_such", false, false },
		{ "cgroup_skb/ingress", true, false },        { "iter/task", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spec_program program = {};
		struct refusal why = {};
		uint32_t id = 77;
		bool there;

		snprintf(program.hook, sizeof(program.hook), "%s", cases[i].hook);
		there = facts_hook(facts, &program, &id, &why);
		if (there != cases[i].there || (there && (id != 0) != cases[i].has_id))
			fail_msg("%s: %d, %u, %s", cases[i].hook, there, id, why.reason);
		assert_string_equal(why.subject, there ? "" : cases[i].hook);
		assert_true(there || id == 77);
	}
}

static void add_enum(struct spec_field *field, const char *enumeration)
{
	field->type = SPEC_TYPE_ENUM;
	snprintf(field->enumeration, sizeof(field->enumeration), "%s", enumeration);
}

static const char *name_of(const struct enumeration_entry *entries, size_t n, uint32_t field, uint32_t value)
{
	for (size_t i = 0; i < n; i++)
		if (entries[i].field == field && entries[i].value == value)
			return entries[i].name;
	return NULL;
}

/* Numbers are those of this architecture; what there is no call for has no name, and a word more is none of
 * ours. */
static void test_syscalls(void **state)
{
	static const struct {
		uint32_t number;
		const char *name;
	} cases[] = {
		{ SYS_read, "read" },
		{ SYS_close, "close" },
		{ SYS_getppid, "getppid" },
		{ SYS_nanosleep, "nanosleep" },
		{ SYS_openat, "openat" },
		{ SYS_exit_group, "exit_group" },
		{ SYS_bpf, "bpf" },
		{ SYS_execve, "execve" },
		{ 1023, NULL },
		{ 1024, NULL },
		{ (uint32_t)-1, NULL },
		{ 0x40000000, NULL },
	};
	_cleanup_free_ struct spec *spec = calloc(1, sizeof(*spec));
	_cleanup_free_ char *bytes = NULL;
	_cleanup_close_ int fd = -EBADF;
	const struct enumeration_entry *e;
	size_t size, n;

	(void)state;
	spec->n_fields = 2;
	add_enum(&spec->fields[0], "syscall");
	add_enum(&spec->fields[1], "syscall SYS_");
	spec->n_labels = 1;
	add_enum(&spec->labels[0], "syscall");
	fd = facts_enumerations(facts, spec);
	assert_true(fd >= 0);
	assert_int_equal(fd_read_all(fd, ENUMERATION_ENTRIES_MAX * sizeof(*e), &bytes, &size), 0);
	n = size / sizeof(*e);
	e = (const struct enumeration_entry *)(const void *)bytes;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (uint32_t field = 0; field <= 2; field += 2) {
			const char *name = name_of(e, n, field, cases[i].number);

			if (!cases[i].name)
				assert_null(name);
			else
				assert_string_equal(name, cases[i].name);
		}
	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(e[i].field, 1);
	for (size_t i = 1; i < n; i++)
		assert_true(e[i - 1].field < e[i].field || e[i - 1].value < e[i].value);
}

static void test_enumerations(void **state)
{
	_cleanup_free_ struct spec *spec = calloc(1, sizeof(*spec));
	_cleanup_free_ char *bytes = NULL;
	_cleanup_close_ int fd = -EBADF;
	const struct enumeration_entry *e;
	size_t size, n;

	(void)state;
	spec->n_fields = 4;
	add_enum(&spec->fields[0], ". TCP_ESTABLISHED TCP_");
	spec->fields[1].type = SPEC_TYPE_U32;
	add_enum(&spec->fields[2], "no_such_enumeration NO_");
	add_enum(&spec->fields[3], "skb_drop_reason SKB_DROP_REASON_");
	spec->n_labels = 1;
	add_enum(&spec->labels[0], "pid_type PIDTYPE_");
	fd = facts_enumerations(facts, spec);
	assert_true(fd >= 0);
	assert_int_equal(fd_check_sealed(fd), 0);
	assert_int_equal(fd_read_all(fd, ENUMERATION_ENTRIES_MAX * sizeof(*e), &bytes, &size), 0);
	assert_int_equal(size % sizeof(*e), 0);
	n = size / sizeof(*e);
	e = (const struct enumeration_entry *)(const void *)bytes;
	assert_string_equal(name_of(e, n, 0, 1), "ESTABLISHED");
	assert_string_equal(name_of(e, n, 0, 10), "LISTEN");
	assert_null(name_of(e, n, 1, 1));
	assert_null(name_of(e, n, 2, 0));
	assert_string_equal(name_of(e, n, 3, 2), "NOT_SPECIFIED");
	assert_string_equal(name_of(e, n, 4, 0), "PID");
	for (size_t i = 1; i < n; i++)
		assert_true(e[i - 1].field < e[i].field ||
			    (e[i - 1].field == e[i].field && e[i - 1].value < e[i].value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_code), cmocka_unit_test(test_requirements),
		cmocka_unit_test(test_hooks),        cmocka_unit_test(test_enumerations),
		cmocka_unit_test(test_syscalls),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
