/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a spec says beside its bytes: names of the kernel's numbers, values of parameters, what programs can
 * do. */
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "format/spec.h"

/* bpftool(8) prints libbpf's names. */
static void test_program_types(void **state)
{
	uint32_t type;

	(void)state;
	assert_null(spec_program_type_name(BPF_PROG_TYPE_UNSPEC));
	assert_null(spec_program_type_name(33));
	assert_null(spec_program_type_name(UINT32_MAX));
	for (uint32_t i = 1; i <= 32; i++) {
		const char *name = spec_program_type_name(i), *theirs = libbpf_bpf_prog_type_str(i);

		assert_non_null(name);
		if (theirs)
			assert_string_equal(name, theirs);
		assert_true(spec_program_type_from_name(name, &type));
		assert_int_equal(type, i);
	}
	type = 77;
	assert_false(spec_program_type_from_name("unspec", &type));
	assert_false(spec_program_type_from_name("", &type));
	assert_false(spec_program_type_from_name("Tracing", &type));
	assert_int_equal(type, 77);
}

static void test_helpers(void **state)
{
	(void)state;
	assert_null(spec_helper_name(BPF_FUNC_unspec));
	assert_string_equal(spec_helper_name(1), "bpf_map_lookup_elem");
	assert_string_equal(spec_helper_name(BPF_FUNC_ktime_get_ns), "bpf_ktime_get_ns");
	assert_string_equal(spec_helper_name(209), "bpf_user_ringbuf_drain");
	assert_string_equal(spec_helper_name(210), "bpf_cgrp_storage_get");
	assert_string_equal(spec_helper_name(211), "bpf_cgrp_storage_delete");
	assert_null(spec_helper_name(212));
	assert_null(spec_helper_name(UINT32_MAX));
	for (uint32_t i = 1; i < 212; i++)
		assert_memory_equal(spec_helper_name(i), "bpf_", 4);
}

static void test_param_value(void **state)
{
	static const struct spec_param number = {
		.name = "sample", .type = SPEC_TYPE_U64, .min = 1, .max = INT64_MAX, .initial = 1
	};
	static const struct spec_param named = { .name = "names",
						 .type = SPEC_TYPE_U32,
						 .max = 2,
						 .n_values = 3,
						 .values = { "none", "domain", "exactly15letter" } };
	static const char *const wrong[] = { "",
					     "0",
					     "01",
					     "+1",
					     "-1",
					     " 1",
					     "1 ",
					     "0x1",
					     "1e3",
					     "none",
					     "9223372036854775808",
					     "18446744073709551617" };
	uint64_t value = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (spec_param_value(&number, wrong[i], &value))
			fail_msg("\"%s\" is %llu", wrong[i], (unsigned long long)value);
	assert_int_equal(value, 77);
	assert_true(spec_param_value(&number, "9223372036854775807", &value));
	assert_int_equal(value, INT64_MAX);

	assert_true(spec_param_value(&named, "domain", &value));
	assert_int_equal(value, 1);
	assert_true(spec_param_value(&named, "exactly15letter", &value));
	assert_int_equal(value, 2);
	assert_true(spec_param_value(&named, "0", &value));
	assert_int_equal(value, 0);
	assert_false(spec_param_value(&named, "3", &value));
	assert_false(spec_param_value(&named, "dom", &value));
	assert_false(spec_param_value(&named, "domains", &value));
	assert_false(spec_param_value(&named, "exactly15letters", &value));
	assert_int_equal(value, 0);
}

static bool may_modify(uint32_t type, uint32_t attach_type, const char *hook, uint32_t helper)
{
	static struct spec_variant v;
	struct spec_program *p = &v.programs[0];

	memset(&v, 0, sizeof(v));
	v.n_programs = 1;
	p->type = type;
	p->attach_type = attach_type;
	snprintf(p->hook, sizeof(p->hook), "%s", hook);
	p->n_helpers = helper != 0;
	p->helpers[0] = helper;
	return spec_may_modify(&v);
}

static const struct {
	uint32_t type, attach_type;
	const char *hook;
	bool may_modify;
} hooks[] = {
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "tp_btf/sched_switch", false },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "fentry/tcp_close", false },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "fentry.s/tcp_close", false },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "fexit/tcp_close", false },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/task", false },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0, "raw_tp/sched_switch", false },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0, "raw_tracepoint/sched_switch", false },
	{ BPF_PROG_TYPE_TRACEPOINT, 0, "tp/sched/sched_switch", false },
	{ BPF_PROG_TYPE_KPROBE, 0, "kprobe/tcp_close", false },
	{ BPF_PROG_TYPE_KPROBE, 0, "kretprobe/tcp_close", false },
	{ BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, "kprobe.multi/tcp_*", false },
	{ BPF_PROG_TYPE_PERF_EVENT, BPF_PERF_EVENT, "perf_event", false },
	/* the return value decides */
	{ BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "fmod_ret/security_file_open", true },
	{ BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "lsm/file_open", true },
	{ BPF_PROG_TYPE_LSM, BPF_LSM_CGROUP, "lsm_cgroup/socket_bind", true },
	{ BPF_PROG_TYPE_KPROBE, 56, "kprobe.session/tcp_close", true },
	/* the context can be written */
	{ BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0, "raw_tp.w/nbd_send_request", true },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0, "raw_tp.w/nbd_send_request", true },
	{ BPF_PROG_TYPE_KPROBE, 0, "uprobe//bin/true:main", true },
	{ BPF_PROG_TYPE_KPROBE, 0, "usdt//bin/true:a:b", true },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/bpf_map_elem", true },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/bpf_sk_storage_map", true },
	/* a hook of another type than the program */
	{ BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "fentry/tcp_close", true },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "fmod_ret/tcp_close", true },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "", true },
	/* packets, sockets, devices, other programs */
	{ BPF_PROG_TYPE_SOCKET_FILTER, 0, "socket", true },
	{ BPF_PROG_TYPE_SCHED_CLS, 0, "tc", true },
	{ BPF_PROG_TYPE_SCHED_ACT, 0, "action", true },
	{ BPF_PROG_TYPE_XDP, BPF_XDP, "xdp", true },
	{ BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, "cgroup_skb/egress", true },
	{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, "cgroup/sock", true },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, "cgroup/connect4", true },
	{ BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT, "cgroup/setsockopt", true },
	{ BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL, "cgroup/sysctl", true },
	{ BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, "cgroup/dev", true },
	{ BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, "sockops", true },
	{ BPF_PROG_TYPE_SK_SKB, BPF_SK_SKB_STREAM_PARSER, "sk_skb/stream_parser", true },
	{ BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT, "sk_msg", true },
	{ BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, "sk_lookup", true },
	{ BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT, "sk_reuseport", true },
	{ BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_FLOW_DISSECTOR, "flow_dissector", true },
	{ BPF_PROG_TYPE_LWT_IN, 0, "lwt_in", true },
	{ BPF_PROG_TYPE_LIRC_MODE2, BPF_LIRC_MODE2, "lirc_mode2", true },
	{ BPF_PROG_TYPE_EXT, 0, "freplace/x", true },
	{ BPF_PROG_TYPE_STRUCT_OPS, 0, "struct_ops/x", true },
	{ BPF_PROG_TYPE_SYSCALL, 0, "syscall", true },
	{ 32, 45, "netfilter", true },
	/* nobody knows */
	{ 33, 0, "tp_btf/sched_switch", true },
	{ 0, 0, "tp_btf/sched_switch", true },
	{ BPF_PROG_TYPE_TRACING, 99, "tp_btf/sched_switch", true },
};

static void test_may_modify_hooks(void **state)
{
	static const struct spec_variant none;

	(void)state;
	assert_true(spec_may_modify(&none));
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		if (may_modify(hooks[i].type, hooks[i].attach_type, hooks[i].hook, 0) != hooks[i].may_modify)
			fail_msg("%s of types %u and %u", hooks[i].hook, hooks[i].type, hooks[i].attach_type);
}

/* Helpers that act on something beyond the program's own maps and output, or that are not known to do
 * nothing. */
static const uint32_t acting[] = {
	BPF_FUNC_trace_printk,
	BPF_FUNC_trace_vprintk,
	BPF_FUNC_probe_write_user,
	BPF_FUNC_override_return,
	BPF_FUNC_send_signal,
	BPF_FUNC_send_signal_thread,
	BPF_FUNC_setsockopt,
	BPF_FUNC_set_retval,
	BPF_FUNC_sysctl_set_new_value,
	BPF_FUNC_skb_store_bytes,
	BPF_FUNC_xdp_store_bytes,
	BPF_FUNC_tail_call,
	BPF_FUNC_redirect,
	BPF_FUNC_redirect_map,
	BPF_FUNC_clone_redirect,
	BPF_FUNC_bind,
	BPF_FUNC_sys_bpf,
	BPF_FUNC_sys_close,
	BPF_FUNC_tcp_send_ack,
	BPF_FUNC_bprm_opts_set,
	BPF_FUNC_sk_assign,
	BPF_FUNC_sock_map_update,
	BPF_FUNC_sock_hash_update,
	BPF_FUNC_store_hdr_opt,
	BPF_FUNC_rc_keydown,
	BPF_FUNC_skb_set_tstamp,
	BPF_FUNC_get_local_storage,
	BPF_FUNC_kallsyms_lookup_name,
	212,
	UINT16_MAX,
};

static void test_may_modify_helpers(void **state)
{
	static const uint32_t looking[] = { 1,   2,   3,   4,   5,   7,   8,   14,  15,  16,
					    25,  27,  67,  80,  107, 113, 114, 115, 125, 130,
					    131, 132, 133, 134, 137, 147, 156, 158, 165, 210 };
	const char *hook = "tp_btf/sched_switch";

	(void)state;
	for (size_t i = 0; i < sizeof(looking) / sizeof(*looking); i++)
		if (may_modify(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, hook, looking[i]))
			fail_msg("%s", spec_helper_name(looking[i]));
	for (size_t i = 0; i < sizeof(acting) / sizeof(*acting); i++)
		if (!may_modify(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, hook, acting[i]))
			fail_msg("%u: %s", acting[i], spec_helper_name(acting[i]));
}

/* One program of several is enough, and so is its last helper. */
static void test_may_modify_any(void **state)
{
	static struct spec_variant v = {
		.n_programs = 2,
		.programs = { { .hook = "tp_btf/a",
				.type = BPF_PROG_TYPE_TRACING,
				.attach_type = BPF_TRACE_RAW_TP },
			      { .hook = "raw_tp/b",
				.type = BPF_PROG_TYPE_RAW_TRACEPOINT,
				.n_helpers = 2,
				.helpers = { BPF_FUNC_map_lookup_elem, BPF_FUNC_send_signal } } },
	};

	(void)state;
	assert_true(spec_may_modify(&v));
	v.programs[1].n_helpers = 1;
	assert_false(spec_may_modify(&v));
	v.programs[1].type = BPF_PROG_TYPE_LSM;
	assert_true(spec_may_modify(&v));
	v.n_programs = 1;
	assert_false(spec_may_modify(&v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program_types),      cmocka_unit_test(test_helpers),
		cmocka_unit_test(test_param_value),        cmocka_unit_test(test_may_modify_hooks),
		cmocka_unit_test(test_may_modify_helpers), cmocka_unit_test(test_may_modify_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
