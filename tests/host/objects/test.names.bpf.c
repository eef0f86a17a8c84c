// SPDX-License-Identifier: GPL-2.0-only
/*
 * A probe of the tests with a parameter whose values have names: how much of a program's name an event shows
 * when it starts. Copies of true(1) named host.dom make its events.
 */
#include "test.names.h"

#define BW_EVENT       struct test_names_event
#define BW_EVENT_BOUND __builtin_offsetof(struct test_names_event, name)
#define BW_PARAMS      struct test_names_params
#include "bpfwarden/subscribe.h"

char LICENSE[] SEC("license") = "GPL";

#define COMM_SIZE 16

/* What stands behind the first dot, and nothing if there is none. */
static __always_inline void copy_domain(char *to, const char *comm)
{
	bool behind = false;
	__u32 n = 0;

	for (__u32 i = 0; i < COMM_SIZE && comm[i]; i++) {
		if (behind)
			to[n++ & (COMM_SIZE - 1)] = comm[i];
		else if (comm[i] == '.')
			behind = true;
	}
}

static __always_inline void fill_event(struct test_names_event *event, struct task_struct *task)
{
	const struct test_names_params *params = bw_parameters();
	char comm[COMM_SIZE] = {};

	event->head.tgid = task->tgid;
	event->head.tid = task->pid;
	event->names = params ? params->names : TEST_NAMES_NONE;
	bpf_core_read(comm, sizeof(comm), &task->comm);
	if (event->names == TEST_NAMES_FULL)
		__builtin_memcpy(event->name, comm, sizeof(comm));
	else if (event->names == TEST_NAMES_DOMAIN)
		copy_domain(event->name, comm);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(test_names, struct task_struct *task)
{
	struct bw_record r;
	struct bw_run run;

	if (!bw_start(&run))
		return 0;
	run.owner = bw_owner_of_task(task);
	if (!bw_match(&run)) {
		bw_count_unmatched(&run);
		return bw_finish(&run);
	}
	bw_record_start(&r, &run, BW_PART_EVENT);
	fill_event(&r.event, task);
	bw_deliver(&run, &r);
	return bw_finish(&run);
}
