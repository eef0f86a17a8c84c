/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of the kernel's numbers, as bpftool(8) and bpf-helpers(7) write them. */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "format/spec.h"

#define N(array) (uint32_t)(sizeof(array) / sizeof(*(array)))

/* By enum bpf_prog_type. */
static const char *const program_types[] = {
	[BPF_PROG_TYPE_SOCKET_FILTER] = "socket_filter",
	[BPF_PROG_TYPE_KPROBE] = "kprobe",
	[BPF_PROG_TYPE_SCHED_CLS] = "sched_cls",
	[BPF_PROG_TYPE_SCHED_ACT] = "sched_act",
	[BPF_PROG_TYPE_TRACEPOINT] = "tracepoint",
	[BPF_PROG_TYPE_XDP] = "xdp",
	[BPF_PROG_TYPE_PERF_EVENT] = "perf_event",
	[BPF_PROG_TYPE_CGROUP_SKB] = "cgroup_skb",
	[BPF_PROG_TYPE_CGROUP_SOCK] = "cgroup_sock",
	[BPF_PROG_TYPE_LWT_IN] = "lwt_in",
	[BPF_PROG_TYPE_LWT_OUT] = "lwt_out",
	[BPF_PROG_TYPE_LWT_XMIT] = "lwt_xmit",
	[BPF_PROG_TYPE_SOCK_OPS] = "sock_ops",
	[BPF_PROG_TYPE_SK_SKB] = "sk_skb",
	[BPF_PROG_TYPE_CGROUP_DEVICE] = "cgroup_device",
	[BPF_PROG_TYPE_SK_MSG] = "sk_msg",
	[BPF_PROG_TYPE_RAW_TRACEPOINT] = "raw_tracepoint",
	[BPF_PROG_TYPE_CGROUP_SOCK_ADDR] = "cgroup_sock_addr",
	[BPF_PROG_TYPE_LWT_SEG6LOCAL] = "lwt_seg6local",
	[BPF_PROG_TYPE_LIRC_MODE2] = "lirc_mode2",
	[BPF_PROG_TYPE_SK_REUSEPORT] = "sk_reuseport",
	[BPF_PROG_TYPE_FLOW_DISSECTOR] = "flow_dissector",
	[BPF_PROG_TYPE_CGROUP_SYSCTL] = "cgroup_sysctl",
	[BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE] = "raw_tracepoint_writable",
	[BPF_PROG_TYPE_CGROUP_SOCKOPT] = "cgroup_sockopt",
	[BPF_PROG_TYPE_TRACING] = "tracing",
	[BPF_PROG_TYPE_STRUCT_OPS] = "struct_ops",
	[BPF_PROG_TYPE_EXT] = "ext",
	[BPF_PROG_TYPE_LSM] = "lsm",
	[BPF_PROG_TYPE_SK_LOOKUP] = "sk_lookup",
	[BPF_PROG_TYPE_SYSCALL] = "syscall",
	[32] = "netfilter", /* of Linux 6.4: the headers of Debian 12 do not name it */
};

/* By enum bpf_func_id, as far as the kernel's headers go. */
#define HELPER_NAME(name) [BPF_FUNC_##name] = "bpf_" #name
static const char *const helpers[] = { __BPF_FUNC_MAPPER(HELPER_NAME) };

/* The last two that Linux got (6.2) before kernel functions took their place. */
static const char *const late_helpers[] = { "bpf_cgrp_storage_get", "bpf_cgrp_storage_delete" };
#define LATE_HELPERS_FROM 210U

const char *spec_program_type_name(uint32_t type)
{
	return type < N(program_types) ? program_types[type] : NULL;
}

bool spec_program_type_from_name(const char *name, uint32_t *ret)
{
	for (uint32_t i = 0; i < N(program_types); i++)
		if (program_types[i] && !strcmp(program_types[i], name)) {
			*ret = i;
			return true;
		}
	return false;
}

const char *spec_helper_name(uint32_t helper)
{
	if (!helper)
		return NULL;
	if (helper >= LATE_HELPERS_FROM && helper - LATE_HELPERS_FROM < N(late_helpers))
		return late_helpers[helper - LATE_HELPERS_FROM];
	return helper < N(helpers) ? helpers[helper] : NULL;
}

/* Digits only, without a sign, blanks or leading zeros, so that a value is written in one way. */
static bool decimal(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text || (*text == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

bool spec_param_value(const struct spec_param *param, const char *text, uint64_t *ret)
{
	uint64_t value;

	for (uint32_t i = 0; i < param->n_values && i < SPEC_VALUES_MAX; i++)
		if (!strncmp(param->values[i], text, SPEC_VALUE_NAME_MAX)) {
			*ret = i;
			return true;
		}
	if (!decimal(text, &value) || value < param->min || value > param->max)
		return false;
	*ret = value;
	return true;
}
