// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long requests to disks took, from their allocation to their end.
 *
 * The kernel notes in the request itself when it was allocated and when the driver got it, and at its end the
 * request still has its bios, which know whose data it is. So one look at the end is enough, without state of
 * our own, and requests that were begun before the first subscriber came are measured, too.
 */
#include "block.latency/block.latency.h"

#define BW_EVENT     struct block_latency_event
#define BW_LABELS    struct block_latency_labels
#define BW_PARAMS    struct block_latency_params
#define BW_HISTOGRAM 1024
#define BW_COUNTS    1024
#include "bpfwarden/subscribe.h"

char LICENSE[] SEC("license") = "GPL";

/* enum req_op: these have not changed since Linux 4.10; it is the lowest byte of request.cmd_flags. */
#define REQ_OP_MASK    0xff
#define REQ_OP_READ    0
#define REQ_OP_WRITE   1
#define REQ_OP_FLUSH   2
#define REQ_OP_DISCARD 3

#define NOT_COUNTED 0x100 /* the end of something that is counted elsewhere */
#define FLUSH_ASKED 0x101 /* somebody's request for a flush, which has no data */

/* A clone has its original's vector, but no room of its own. */
static __always_inline bool has_data(const struct bio *bio)
{
	return bio->bi_vcnt || (!bio->bi_max_vecs && bio->bi_io_vec);
}

/*
 * What ends here. A write that asks for flushes around it, on a disk with a volatile cache, ends twice: once
 * when its data is written, and after the flush that follows again, with its bio but without bytes. The first
 * counts. The flushes are requests of the queue's own, without a bio, each for all that wait for one; and a
 * request for a flush alone ends once, without bytes, and has never had any.
 */
static __always_inline __u32 what_ends(const struct request *rq, __u32 bytes)
{
	__u32 op = rq->cmd_flags & REQ_OP_MASK;
	const struct bio *bio = rq->bio;

	if (bytes < rq->__data_len) /* the rest will follow */
		return NOT_COUNTED;
	if (op != REQ_OP_WRITE || bytes || !bio)
		return op;
	return has_data(bio) ? NOT_COUNTED : FLUSH_ASKED;
}

/* Global, because they branch much: see deliver.h. */
__attribute__((noinline)) int set_op(struct bw_record *r, __u32 op)
{
	if (!r)
		return 0;
	if (op == REQ_OP_READ)
		__builtin_memcpy(r->labels.op, "read\0\0\0\0\0\0\0\0\0\0\0", 16);
	else if (op == REQ_OP_WRITE)
		__builtin_memcpy(r->labels.op, "write\0\0\0\0\0\0\0\0\0\0", 16);
	else if (op == FLUSH_ASKED)
		__builtin_memcpy(r->labels.op, "flush\0\0\0\0\0\0\0\0\0\0", 16);
	else if (op == REQ_OP_FLUSH)
		__builtin_memcpy(r->labels.op, "flush_command\0\0", 16);
	else if (op == REQ_OP_DISCARD)
		__builtin_memcpy(r->labels.op, "discard\0\0\0\0\0\0\0\0", 16);
	else
		__builtin_memcpy(r->labels.op, "other\0\0\0\0\0\0\0\0\0\0", 16);
	__builtin_memcpy(r->event.op, r->labels.op, sizeof(r->event.op));
	return 0;
}

/* include/linux/blk_types.h, BLK_STS_…: these have not changed since Linux 4.13. */
__attribute__((noinline)) int set_error(struct bw_record *r, __u32 status)
{
	if (!r)
		return 0;
	if (!status)
		__builtin_memcpy(r->event.error, "none\0\0\0\0\0\0\0\0\0\0\0", 16);
	else if (status == 1)
		__builtin_memcpy(r->event.error, "not_supported\0\0", 16);
	else if (status == 2)
		__builtin_memcpy(r->event.error, "timeout\0\0\0\0\0\0\0\0", 16);
	else if (status == 3)
		__builtin_memcpy(r->event.error, "no_space\0\0\0\0\0\0\0", 16);
	else if (status == 4)
		__builtin_memcpy(r->event.error, "transport\0\0\0\0\0\0", 16);
	else if (status == 7)
		__builtin_memcpy(r->event.error, "medium\0\0\0\0\0\0\0\0\0", 16);
	else if (status == 10)
		__builtin_memcpy(r->event.error, "io\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	else
		__builtin_memcpy(r->event.error, "other\0\0\0\0\0\0\0\0\0\0", 16);
	return 0;
}

/* Never the current task's, which is whoever was interrupted. In cgroup v1 the number means something else.
 */
static __always_inline struct bw_owner owner_of(const struct request *rq)
{
	struct bw_owner owner = {};
	struct cgroup *cgroup;

	if (!rq->bio || !rq->bio->bi_blkg)
		return owner;
	cgroup = rq->bio->bi_blkg->blkcg->css.cgroup;
	if (cgroup && !cgroup->root->hierarchy_id)
		bw_owner_set_cgroup(&owner, cgroup);
	return owner;
}

/* Read word by word, which costs a fraction of a helper's call: the name was written into zeroed memory. */
static __always_inline void set_device(struct bw_record *r, const struct request *rq)
{
	struct gendisk *disk = rq->q->disk;
	__u64 *device = (__u64 *)r->labels.device;

	if (disk) {
		device[0] = *(const __u64 *)&disk->disk_name[0];
		device[1] = *(const __u64 *)&disk->disk_name[8];
		device[2] = *(const __u64 *)&disk->disk_name[16];
		device[3] = *(const __u64 *)&disk->disk_name[24];
	}
	__builtin_memcpy(r->event.device, r->labels.device, sizeof(r->event.device));
}

/* A queue that keeps no statistics notes no times: such requests are counted, where others are in the
 * histogram. */
static __always_inline void set_times(struct bw_record *r, const struct request *rq)
{
	__u64 began = rq->start_time_ns, issued = rq->io_start_time_ns, now = bpf_ktime_get_ns();

	if (!began) {
		r->parts |= BW_PART_COUNT;
		return;
	}
	r->parts |= BW_PART_HISTOGRAM;
	bw_record_duration(r, now > began ? now - began : 0);
	r->event.latency = r->value;
	r->event.queued = issued > began ? issued - began : 0;
}

static __always_inline void report(struct bw_run *run, const struct request *rq, __u32 op, __u32 status,
				   __u32 bytes)
{
	const struct block_latency_params *params = bw_parameters();
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_EVENT);
	r.threshold = params ? params->threshold : 0;
	r.labels.cgroup = run->owner.cgroup_id;
	r.event.bytes = bytes;
	set_device(&r, rq);
	set_op(&r, op);
	set_error(&r, status);
	set_times(&r, rq);
	bw_deliver(run, &r);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_latency, struct request *rq, unsigned char status, unsigned int bytes)
{
	__u32 op = what_ends(rq, bytes);
	struct bw_run run;

	if (op == NOT_COUNTED || !bw_start(&run))
		return 0;
	run.owner = owner_of(rq);
	if (bw_match(&run))
		report(&run, rq, op, status, bytes);
	else
		bw_count_unmatched(&run);
	return bw_finish(&run);
}
