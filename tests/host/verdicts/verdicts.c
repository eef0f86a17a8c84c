// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * That the programs of an object for packets return 1, which lets a packet pass, in three ways:
 *
 *	verdicts OBJECT SEED PARAMETER,… COMMAND…
 *
 * by their instructions: each exit stands behind "r0 = 1", and nothing jumps past that; by test runs of many
 * packets, whose socket has no protocol, so that they do not get far; and while the command, in a network
 * namespace of its own, sends real ones. Root.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpfwarden/abi.h"
#include "packet.h"

#define PACKETS      20000 /* of test runs, for each program */
#define HEADERS      54    /* Ethernet's and that of IPv6: the kernel may refuse to run with less */
#define ROOM         4     /* in a subscriber's maps: so few that they are full soon */
#define TAIL_CALL    12
#define PROGRAMS_MAX 4

static bool failed;

static void result(bool passed, const char *program, const char *what)
{
	printf("%s %s: %s\n", passed ? "ok" : "not ok", program, what);
	failed |= !passed;
}

static bool is_jump(const struct bpf_insn *insn)
{
	int class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT;
}

static bool sets_one(const struct bpf_insn *insn)
{
	return (insn->code == (BPF_ALU64 | BPF_MOV | BPF_K) || insn->code == (BPF_ALU | BPF_MOV | BPF_K)) &&
	       insn->dst_reg == BPF_REG_0 && insn->imm == 1;
}

static bool is_jumped_to(const struct bpf_insn *insns, size_t n, size_t at)
{
	for (size_t i = 0; i < n; i++)
		if (is_jump(&insns[i]) &&
		    (i + 1 + insns[i].off == at || insns[i].code == (BPF_JMP32 | BPF_JA)))
			return true;
	return false;
}

/* Of a program whose object is not loaded yet: its own instructions, without those of its functions. */
static bool returns_one_alone(const struct bpf_program *program)
{
	const struct bpf_insn *insns = bpf_program__insns(program);
	size_t n = bpf_program__insn_cnt(program), exits = 0;

	for (size_t i = 0; i < n; i++) {
		if (insns[i].code == (BPF_JMP | BPF_CALL) && !insns[i].src_reg && insns[i].imm == TAIL_CALL)
			return false;
		if (insns[i].code != (BPF_JMP | BPF_EXIT))
			continue;
		if (!i || !sets_one(&insns[i - 1]) || is_jumped_to(insns, n, i))
			return false;
		exits++;
	}
	return exits > 0;
}

static void put(struct bpf_object *object, const char *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, map), key, value, BPF_ANY) < 0)
		err(1, "writing into %s", map);
}

/* Reads the shape of a subscriber's map before the object is loaded, because libbpf then forgets it. */
static int make_inner(struct bpf_object *object, const char *name)
{
	const struct bpf_map *map = bpf_map__inner_map(bpf_object__find_map_by_name(object, name));
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = bpf_map__map_flags(map));
	bool is_ring = bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF;
	int fd;

	fd = bpf_map_create(bpf_map__type(map), NULL, bpf_map__key_size(map), bpf_map__value_size(map),
			    is_ring ? 4096 : ROOM, &options);
	if (fd < 0)
		err(1, "a map for %s", name);
	return fd;
}

/* One subscriber to everything, of whom nobody reads the ring. */
static void subscribe(struct bpf_object *object, char *parameters)
{
	struct bw_control control = {
		.enabled = 1, .n_host = 1, .n_uid = 1, .n_cgroup = 1, .cgroup_levels = 0xffff
	};
	struct bw_slot slot = { .flags = BW_SLOT_EVENTS | BW_SLOT_AGGREGATES, .privacy_max = 2 };
	struct bw_subscribers list = { .count = 1 };
	struct bw_key host = { .kind = BW_KEY_HOST };
	uint64_t words[16] = {};
	uint32_t zero = 0;

	for (size_t n = 0; *parameters && n < 16; parameters += *parameters == ',')
		words[n++] = strtoull(parameters, &parameters, 10);
	put(object, "bw_params", &zero, words);
	put(object, "bw_slots", &zero, &slot);
	put(object, "bw_subs", &host, &list);
	put(object, "bw_control", &zero, &control);
}

static struct bpf_object *load(const char *path, char *parameters)
{
	static const char *const inner[] = { "bw_rings", "bw_hists", "bw_counts" };
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	uint32_t zero = 0;
	int fds[3];

	if (!object)
		errx(1, "%s is no BPF object", path);
	bpf_object__for_each_program(program, object)
		result(returns_one_alone(program), bpf_program__name(program), "all its exits return 1");
	for (int i = 0; i < 3; i++)
		fds[i] = make_inner(object, inner[i]);
	if (bpf_object__load(object) < 0)
		errx(1, "%s does not load", path);
	for (int i = 0; i < 3; i++) {
		put(object, inner[i], &zero, &fds[i]);
		close(fds[i]);
	}
	subscribe(object, parameters);
	return object;
}

/* False: the kernel does not run it with so short a packet. */
static bool test_run(const struct bpf_program *program, const uint8_t *packet, size_t length,
		     uint32_t *ret_verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = (uint32_t)length,
		    .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &options) < 0) {
		if (errno != EINVAL || length >= HEADERS)
			err(1, "a test run of %zu bytes", length);
		return false;
	}
	*ret_verdict = options.retval;
	return true;
}

static void test_runs(const struct bpf_program *program, uint64_t seed)
{
	uint32_t verdict, ran = 0, wrong = 0;
	uint8_t packet[PACKET_MAX];
	char what[128];

	for (uint32_t i = 0; i < PACKETS; i++) {
		size_t length = packet_next(&seed, packet);

		if (!test_run(program, packet, length, &verdict))
			continue;
		ran++;
		if (verdict != 1 && !wrong++)
			printf("# packet %u, of %zu bytes: %u\n", i, length, verdict);
	}
	snprintf(what, sizeof(what), "%u test runs, %u did not return 1", ran, wrong);
	result(!wrong && ran > PACKETS / 2, bpf_program__name(program), what);
}

/* For the command alone, so that nobody else's packets are looked at. */
static int make_cgroup(char path[PATH_MAX])
{
	static const char *const places[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	struct statfs fs;
	int i, fd;

	for (i = 0; i < 2; i++)
		if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			break;
	if (i == 2)
		errx(77, "skip: no cgroup2 below /sys/fs/cgroup");
	snprintf(path, PATH_MAX, "%s/bpfwarden-verdicts-%d", places[i], getpid());
	if (mkdir(path, 0755) < 0)
		err(77, "skip: %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static bool run(int cgroup, char **command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "0", 1) != 1)
			err(127, "cgroup.procs");
		if (unshare(CLONE_NEWNET) < 0)
			err(127, "a network namespace");
		execvp(command[0], command);
		err(127, "%s", command[0]);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A segment of TCP that is dropped is dropped again whenever it is sent again. */
static void real_packets(struct bpf_object *object, char **command)
{
	struct bpf_link *links[PROGRAMS_MAX];
	struct bpf_program *program;
	char path[PATH_MAX];
	int cgroup = make_cgroup(path), n = 0;

	bpf_object__for_each_program(program, object)
	{
		struct bpf_link *link = NULL;

		if (n < PROGRAMS_MAX)
			link = bpf_program__attach_cgroup(program, cgroup);
		result(link != NULL, bpf_program__name(program), "is attached");
		if (link)
			links[n++] = link;
	}
	result(run(cgroup, command), "real packets", "each came where it was sent");
	while (n)
		bpf_link__destroy(links[--n]);
	close(cgroup);
	if (rmdir(path) < 0)
		warn("%s", path);
}

/* Which of the ways through deliver.h were gone. */
static void print_counters(struct bpf_object *object)
{
	int n_cpus = libbpf_num_possible_cpus(), fd = bpf_object__find_map_fd_by_name(object, "bw_totals");
	struct bw_counters *by_cpu = calloc((size_t)n_cpus, sizeof(*by_cpu)), sum = {};
	uint32_t zero = 0;

	if (!by_cpu || bpf_map_lookup_elem(fd, &zero, by_cpu) < 0)
		err(1, "reading bw_totals");
	for (int i = 0; i < n_cpus; i++) {
		sum.submitted += by_cpu[i].submitted;
		sum.ring_full += by_cpu[i].ring_full;
		sum.map_full += by_cpu[i].map_full;
	}
	printf("# events submitted=%llu ring_full=%llu map_full=%llu\n", sum.submitted, sum.ring_full,
	       sum.map_full);
	result(sum.submitted && sum.ring_full && sum.map_full, "events",
	       "sent, and lost to a full ring and to full maps");
	free(by_cpu);
}

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_object *object;

	if (argc < 5)
		errx(2, "usage: verdicts OBJECT SEED PARAMETER,… COMMAND…");
	if (geteuid() != 0)
		errx(77, "skip: not root");
	setlinebuf(stdout); /* the command writes between our lines */
	printf("# seed %s\n", argv[2]);
	object = load(argv[1], argv[3]);
	bpf_object__for_each_program(program, object) test_runs(program, strtoull(argv[2], NULL, 10));
	real_packets(object, argv + 4);
	print_counters(object);
	bpf_object__close(object);
	return failed;
}
