/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which programs can only look on. Three lists, and what is in none of them can modify: what the kernel lets
 * a program of a type do to its context and by its return value, where it sits, and what it calls.
 */
#include <linux/bpf.h>
#include <string.h>

#include "format/spec.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* Types whose context is read-only and whose return value changes nothing for who runs into the hook. Not
 * among them: fmod_ret and LSM (the return value), raw_tracepoint_writable and raw_tp.w (the context), uprobe
 * and usdt (the registers, from Linux 6.18 on), iter/bpf_map_elem and iter/bpf_sk_storage_map (values of maps
 * of others), kprobe.session (it decides whether the return is seen). */
static const struct {
	uint32_t type, attach_type;
	const char *hook; /* up to and with the last '/', or, of iterators, all of it */
} observers[] = {
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "tp_btf/" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "fentry/" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "fentry.s/" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "fexit/" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "fexit.s/" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/bpf_link" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/bpf_map" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/bpf_prog" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/cgroup" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/ipv6_route" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/ksym" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/netlink" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/task" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter.s/task" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/task_file" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/task_vma" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/tcp" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/udp" },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "iter/unix" },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0, "raw_tp/" },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0, "raw_tracepoint/" },
	{ BPF_PROG_TYPE_TRACEPOINT, 0, "tp/" },
	{ BPF_PROG_TYPE_TRACEPOINT, 0, "tracepoint/" },
	{ BPF_PROG_TYPE_KPROBE, 0, "kprobe/" },
	{ BPF_PROG_TYPE_KPROBE, 0, "kretprobe/" },
	{ BPF_PROG_TYPE_KPROBE, 0, "ksyscall/" },
	{ BPF_PROG_TYPE_KPROBE, 0, "kretsyscall/" },
	{ BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, "kprobe.multi/" },
	{ BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, "kretprobe.multi/" },
	{ BPF_PROG_TYPE_PERF_EVENT, 0, "perf_event" },
	{ BPF_PROG_TYPE_PERF_EVENT, BPF_PERF_EVENT, "perf_event" },
};

/* Helpers that read, compute, or write to the program's stack, its own maps, its rings and the output of its
 * iterator. Not among them although they look harmless: trace_printk and trace_vprintk, whose text goes to
 * the one pipe of the machine, past the classes of the manifest and between what others wrote there. */
static const uint32_t observing_helpers[] = {
	/* own maps and what hangs off them */
	BPF_FUNC_map_lookup_elem,
	BPF_FUNC_map_update_elem,
	BPF_FUNC_map_delete_elem,
	BPF_FUNC_map_push_elem,
	BPF_FUNC_map_pop_elem,
	BPF_FUNC_map_peek_elem,
	BPF_FUNC_map_lookup_percpu_elem,
	BPF_FUNC_for_each_map_elem,
	BPF_FUNC_sk_storage_get,
	BPF_FUNC_sk_storage_delete,
	BPF_FUNC_inode_storage_get,
	BPF_FUNC_inode_storage_delete,
	BPF_FUNC_task_storage_get,
	BPF_FUNC_task_storage_delete,
	210, /* cgrp_storage_get: Linux 6.2 */
	211, /* cgrp_storage_delete */
	BPF_FUNC_spin_lock,
	BPF_FUNC_spin_unlock,
	BPF_FUNC_timer_init,
	BPF_FUNC_timer_set_callback,
	BPF_FUNC_timer_start,
	BPF_FUNC_timer_cancel,
	BPF_FUNC_kptr_xchg,
	/* own output */
	BPF_FUNC_perf_event_output,
	BPF_FUNC_skb_output,
	BPF_FUNC_xdp_output,
	BPF_FUNC_ringbuf_output,
	BPF_FUNC_ringbuf_reserve,
	BPF_FUNC_ringbuf_submit,
	BPF_FUNC_ringbuf_discard,
	BPF_FUNC_ringbuf_query,
	BPF_FUNC_ringbuf_reserve_dynptr,
	BPF_FUNC_ringbuf_submit_dynptr,
	BPF_FUNC_ringbuf_discard_dynptr,
	BPF_FUNC_user_ringbuf_drain,
	BPF_FUNC_seq_printf,
	BPF_FUNC_seq_printf_btf,
	BPF_FUNC_seq_write,
	/* reads of memory */
	BPF_FUNC_probe_read,
	BPF_FUNC_probe_read_str,
	BPF_FUNC_probe_read_user,
	BPF_FUNC_probe_read_user_str,
	BPF_FUNC_probe_read_kernel,
	BPF_FUNC_probe_read_kernel_str,
	BPF_FUNC_copy_from_user,
	BPF_FUNC_copy_from_user_task,
	BPF_FUNC_per_cpu_ptr,
	BPF_FUNC_this_cpu_ptr,
	BPF_FUNC_get_stackid,
	BPF_FUNC_get_stack,
	BPF_FUNC_get_task_stack,
	BPF_FUNC_task_pt_regs,
	BPF_FUNC_find_vma,
	BPF_FUNC_d_path,
	BPF_FUNC_btf_find_by_name_kind,
	BPF_FUNC_sock_from_file,
	BPF_FUNC_skb_load_bytes,
	BPF_FUNC_skb_load_bytes_relative,
	BPF_FUNC_xdp_load_bytes,
	BPF_FUNC_xdp_get_buff_len,
	/* dynptrs: onto the stack, own maps and rings; those of packets are read-only where these types run
	 */
	BPF_FUNC_dynptr_from_mem,
	BPF_FUNC_dynptr_read,
	BPF_FUNC_dynptr_write,
	BPF_FUNC_dynptr_data,
	/* facts of the moment, the task, the socket and the hook */
	BPF_FUNC_ktime_get_ns,
	BPF_FUNC_ktime_get_boot_ns,
	BPF_FUNC_ktime_get_coarse_ns,
	BPF_FUNC_ktime_get_tai_ns,
	BPF_FUNC_jiffies64,
	BPF_FUNC_get_prandom_u32,
	BPF_FUNC_get_smp_processor_id,
	BPF_FUNC_get_numa_node_id,
	BPF_FUNC_get_current_pid_tgid,
	BPF_FUNC_get_ns_current_pid_tgid,
	BPF_FUNC_get_current_uid_gid,
	BPF_FUNC_get_current_comm,
	BPF_FUNC_get_current_task,
	BPF_FUNC_get_current_task_btf,
	BPF_FUNC_get_current_cgroup_id,
	BPF_FUNC_get_current_ancestor_cgroup_id,
	BPF_FUNC_current_task_under_cgroup,
	BPF_FUNC_get_cgroup_classid,
	BPF_FUNC_get_netns_cookie,
	BPF_FUNC_get_socket_cookie,
	BPF_FUNC_get_socket_uid,
	BPF_FUNC_sk_cgroup_id,
	BPF_FUNC_sk_ancestor_cgroup_id,
	BPF_FUNC_skb_cgroup_id,
	BPF_FUNC_skb_ancestor_cgroup_id,
	BPF_FUNC_skb_cgroup_classid,
	BPF_FUNC_skb_under_cgroup,
	BPF_FUNC_sk_fullsock,
	BPF_FUNC_tcp_sock,
	BPF_FUNC_get_listener_sock,
	BPF_FUNC_skc_to_tcp_sock,
	BPF_FUNC_skc_to_tcp6_sock,
	BPF_FUNC_skc_to_tcp_timewait_sock,
	BPF_FUNC_skc_to_tcp_request_sock,
	BPF_FUNC_skc_to_udp6_sock,
	BPF_FUNC_skc_to_unix_sock,
	BPF_FUNC_skc_to_mptcp_sock,
	BPF_FUNC_get_route_realm,
	BPF_FUNC_get_func_ip,
	BPF_FUNC_get_func_arg,
	BPF_FUNC_get_func_arg_cnt,
	BPF_FUNC_get_func_ret,
	BPF_FUNC_get_retval,
	BPF_FUNC_get_attach_cookie,
	BPF_FUNC_get_branch_snapshot,
	BPF_FUNC_read_branch_records,
	BPF_FUNC_perf_event_read,
	BPF_FUNC_perf_event_read_value,
	BPF_FUNC_perf_prog_read_value,
	/* arithmetic and text */
	BPF_FUNC_csum_diff,
	BPF_FUNC_strtol,
	BPF_FUNC_strtoul,
	BPF_FUNC_strncmp,
	BPF_FUNC_snprintf,
	BPF_FUNC_snprintf_btf,
	BPF_FUNC_loop,
};

/* A row that ends in '/' is about all hooks that begin so, any other about one. */
static bool hook_fits(const char *row, const char *hook)
{
	size_t n = strlen(row);

	return row[n - 1] == '/' ? !strncmp(row, hook, n) : !strcmp(row, hook);
}

static bool observes(const struct spec_program *p)
{
	for (size_t i = 0; i < N(observers); i++)
		if (observers[i].type == p->type && observers[i].attach_type == p->attach_type &&
		    hook_fits(observers[i].hook, p->hook))
			return true;
	return false;
}

static bool helper_observes(uint32_t helper)
{
	for (size_t i = 0; i < N(observing_helpers); i++)
		if (observing_helpers[i] == helper)
			return true;
	return false;
}

bool spec_may_modify(const struct spec_variant *v)
{
	if (!v->n_programs)
		return true;
	for (uint32_t i = 0; i < v->n_programs; i++) {
		const struct spec_program *p = &v->programs[i];

		if (!observes(p))
			return true;
		for (uint32_t j = 0; j < p->n_helpers; j++)
			if (!helper_observes(p->helpers[j]))
				return true;
	}
	return false;
}
