// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Runs a probe's object as root with libbpf alone, no daemon: attaches it for some subscribers while a
 *command makes the events, and prints what each of them got and what a run of the program cost.
 *
 *	demux OBJECT [host | uid=N | cgroup=PATH]… [crowd=N] [events=STRUCT] [labels=STRUCT]
 *	      [params=WORD,WORD…] [privacy=N] [threshold=N] [ring=BYTES] [wake=BYTES]
 *	      -- COMMAND…
 *
 * With crowd=N the command runs twice, alone and beside N subscribers whose uids do not exist, so that both
 * costs come from one invocation. Every line is "name key=value …" for scripts. Exit status 1: the counters
 *of some subscriber do not add up, or do not agree with what its ring held.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpfwarden/abi.h"

#define SUBSCRIBERS_MAX 8
#define CROWD_UID       3000000000U
#define CONSUME_EVERY   10 /* ms */

struct subscriber {
	struct bw_key key;
	uint32_t level;
	const char *name;
	int ring, hists, counts;
	uint64_t events, lost;   /* lost: gaps in the sequences */
	uint64_t *next_sequence; /* by CPU */
};

/* Of the maps in an array of maps; read before loading, because libbpf then forgets it. */
struct shape {
	const char *name;
	bool exists;
	enum bpf_map_type type;
	uint32_t key_size, value_size, entries, flags;
};

struct bench {
	struct bpf_object *object;
	struct subscriber subscribers[SUBSCRIBERS_MAX];
	uint32_t n_subscribers, crowd;
	const char *object_path, *events, *labels;
	struct shape rings_shape, hists_shape, counts_shape;
	char *params;
	uint32_t privacy;
	uint64_t threshold;
	uint32_t ring_size, wake_bytes, wake_ups;
	char **command;
	struct ring_buffer *rings;
	int n_cpus;
	bool wrong;
};

static struct bench bench = {
	.privacy = 2,
	.ring_size = 16U << 20,
	.rings_shape.name = "bw_rings",
	.hists_shape.name = "bw_hists",
	.counts_shape.name = "bw_counts",
};

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(bench.object, name);
}

static void put(const char *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map_fd(map), key, value, BPF_ANY) < 0)
		err(1, "writing into %s", map);
}

/* A cgroup's id is the number of its inode; its level, how often one can go up within cgroup2. */
static void subscriber_set_cgroup(struct subscriber *s, const char *path)
{
	struct statfs fs;
	struct stat st, parent;
	char up[4096];

	if (stat(path, &st) < 0)
		err(1, "%s", path);
	s->key = (struct bw_key){ .kind = BW_KEY_CGROUP, .id = st.st_ino };
	snprintf(up, sizeof(up), "%s", path);
	do {
		strncat(up, "/..", sizeof(up) - strlen(up) - 1);
		if (statfs(up, &fs) < 0 || stat(up, &parent) < 0)
			err(1, "%s", up);
		s->level++;
	} while (fs.f_type == CGROUP2_SUPER_MAGIC && parent.st_dev == st.st_dev);
	s->level--;
}

static bool parse_subscriber(const char *argument)
{
	struct subscriber *s = &bench.subscribers[bench.n_subscribers];

	if (strcmp(argument, "host") == 0)
		s->key = (struct bw_key){ .kind = BW_KEY_HOST };
	else if (strncmp(argument, "uid=", 4) == 0)
		s->key = (struct bw_key){ .kind = BW_KEY_UID, .id = strtoull(argument + 4, NULL, 10) };
	else if (strncmp(argument, "cgroup=", 7) == 0)
		subscriber_set_cgroup(s, argument + 7);
	else
		return false;
	if (++bench.n_subscribers == SUBSCRIBERS_MAX)
		errx(2, "at most %d subscribers", SUBSCRIBERS_MAX - 1);
	s->name = argument;
	return true;
}

static void parse_arguments(int argc, char **argv)
{
	int i;

	if (argc < 2)
		errx(2, "usage: demux OBJECT [host | uid=N | cgroup=PATH]… [OPTION=VALUE]… -- COMMAND…");
	bench.object_path = argv[1];
	for (i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "crowd=", 6) == 0)
			bench.crowd = (uint32_t)strtoul(argv[i] + 6, NULL, 10);
		else if (strncmp(argv[i], "events=", 7) == 0)
			bench.events = argv[i] + 7;
		else if (strncmp(argv[i], "labels=", 7) == 0)
			bench.labels = argv[i] + 7;
		else if (strncmp(argv[i], "params=", 7) == 0)
			bench.params = argv[i] + 7;
		else if (strncmp(argv[i], "privacy=", 8) == 0)
			bench.privacy = (uint32_t)strtoul(argv[i] + 8, NULL, 10);
		else if (strncmp(argv[i], "threshold=", 10) == 0)
			bench.threshold = strtoull(argv[i] + 10, NULL, 10);
		else if (strncmp(argv[i], "ring=", 5) == 0)
			bench.ring_size = (uint32_t)strtoul(argv[i] + 5, NULL, 10);
		else if (strncmp(argv[i], "wake=", 5) == 0)
			bench.wake_bytes = (uint32_t)strtoul(argv[i] + 5, NULL, 10);
		else if (!parse_subscriber(argv[i]))
			errx(2, "unknown argument %s", argv[i]);
	}
	if (i + 1 >= argc || bench.crowd + bench.n_subscribers > BW_SLOTS_MAX)
		errx(2, "no command, or too large a crowd");
	bench.command = argv + i + 1;
}

static void print_line(void *context, const char *format, va_list arguments)
{
	(void)context;
	vprintf(format, arguments);
}

static void print_struct(const char *name, const void *bytes, size_t size)
{
	LIBBPF_OPTS(btf_dump_opts, options);
	LIBBPF_OPTS(btf_dump_type_data_opts, data, .compact = true, .skip_names = false, .emit_zeroes = true);
	struct btf *btf = bpf_object__btf(bench.object);
	int type = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	struct btf_dump *dump = btf_dump__new(btf, print_line, NULL, &options);

	if (type < 0 || !dump)
		errx(1, "no struct %s in the object's BTF", name);
	btf_dump__dump_type_data(dump, (uint32_t)type, bytes, size, &data);
	btf_dump__free(dump);
}

static int on_event(void *context, void *bytes, size_t size)
{
	const struct bw_event *event = bytes;
	struct subscriber *s = context;

	s->events++;
	s->lost += event->sequence - s->next_sequence[event->cpu];
	s->next_sequence[event->cpu] = event->sequence + 1;
	if (bench.events) {
		print_struct(bench.events, bytes, size);
		printf("\n");
	}
	return 0;
}

static void read_shape(struct shape *shape)
{
	struct bpf_map *map = bpf_object__find_map_by_name(bench.object, shape->name);

	shape->exists = map != NULL;
	if (!map)
		return;
	map = bpf_map__inner_map(map);
	shape->type = bpf_map__type(map);
	shape->key_size = bpf_map__key_size(map);
	shape->value_size = bpf_map__value_size(map);
	shape->entries = shape->type == BPF_MAP_TYPE_RINGBUF ? bench.ring_size : bpf_map__max_entries(map);
	shape->flags = bpf_map__map_flags(map);
}

/* A map of its own in the array of maps; -1: the probe has no such maps. */
static int add_inner(const struct shape *shape, uint32_t slot)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = shape->flags);
	int fd;

	if (!shape->exists)
		return -1;
	fd = bpf_map_create(shape->type, NULL, shape->key_size, shape->value_size, shape->entries, &options);
	if (fd < 0)
		err(1, "a map for %s", shape->name);
	put(shape->name, &slot, &fd);
	return fd;
}

static void subscribe(const struct bw_key *key, uint32_t slot)
{
	struct bw_slot settings = { .flags = BW_SLOT_EVENTS | BW_SLOT_AGGREGATES,
				    .privacy_max = bench.privacy,
				    .threshold = bench.threshold };
	struct bw_subscribers list = { .count = 1, .slot = { slot } };

	put("bw_slots", &slot, &settings);
	put("bw_subs", key, &list);
}

static void add_subscriber(struct subscriber *s, uint32_t slot)
{
	s->ring = add_inner(&bench.rings_shape, slot);
	s->hists = add_inner(&bench.hists_shape, slot);
	s->counts = add_inner(&bench.counts_shape, slot);
	s->events = s->lost = 0;
	s->next_sequence = calloc((size_t)bench.n_cpus, sizeof(uint64_t));
	if (s->ring >= 0 && !bench.rings)
		bench.rings = ring_buffer__new(s->ring, on_event, s, NULL);
	else if (s->ring >= 0)
		ring_buffer__add(bench.rings, s->ring, on_event, s);
	subscribe(&s->key, slot);
}

static void set_parameters(void)
{
	struct bpf_map *map = bpf_object__find_map_by_name(bench.object, "bw_params");
	uint64_t words[16] = {};
	uint32_t zero = 0, n = 0;

	if (!map)
		return;
	for (char *w = bench.params; w && *w && n < 16; w += *w == ',')
		words[n++] = strtoull(w, &w, 10);
	put("bw_params", &zero, words);
}

/* Programs that see packets are attached to a cgroup: the root, beside version 1 or alone. */
static struct bpf_link *attach(const struct bpf_program *program)
{
	struct bpf_link *link;
	struct statfs fs;
	int root;

	if (bpf_program__type(program) != BPF_PROG_TYPE_CGROUP_SKB)
		return bpf_program__attach(program);
	root = open("/sys/fs/cgroup/unified", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		root = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || fstatfs(root, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		errx(1, "no cgroup2 below /sys/fs/cgroup");
	link = bpf_program__attach_cgroup(program, root);
	close(root);
	return link;
}

static void load_and_attach(uint32_t crowd)
{
	struct bw_control control = { .enabled = 1, .wake_bytes = bench.wake_bytes };
	struct bpf_program *program;
	uint32_t zero = 0;

	bench.object = bpf_object__open_file(bench.object_path, NULL);
	if (!bench.object)
		errx(1, "%s is no BPF object", bench.object_path);
	read_shape(&bench.rings_shape);
	read_shape(&bench.hists_shape);
	read_shape(&bench.counts_shape);
	if (bpf_object__load(bench.object) < 0)
		errx(1, "%s does not load", bench.object_path);
	set_parameters();
	for (uint32_t i = 0; i < bench.n_subscribers; i++) {
		struct subscriber *s = &bench.subscribers[i];

		add_subscriber(s, i);
		control.n_host += s->key.kind == BW_KEY_HOST;
		control.n_uid += s->key.kind == BW_KEY_UID;
		control.n_cgroup += s->key.kind == BW_KEY_CGROUP;
		control.cgroup_levels |= s->key.kind == BW_KEY_CGROUP ? 1U << s->level : 0;
	}
	for (uint32_t i = 0; i < crowd; i++)
		subscribe(&(struct bw_key){ .kind = BW_KEY_UID, .id = CROWD_UID + i },
			  bench.n_subscribers + i);
	control.n_uid += crowd;
	put("bw_control", &zero, &control);
	bpf_object__for_each_program(program, bench.object) if (!attach(program))
		err(1, "attaching %s", bpf_program__name(program));
}

/* Until the programs wake us, or for some milliseconds: without wake= they never do. */
static void wait_for_events(void)
{
	struct epoll_event event;

	if (!bench.rings)
		usleep(CONSUME_EVERY * 1000);
	else if (epoll_wait(ring_buffer__epoll_fd(bench.rings), &event, 1, CONSUME_EVERY) > 0)
		bench.wake_ups++;
}

static void run_command(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(bench.command[0], bench.command);
		err(127, "%s", bench.command[0]);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		wait_for_events();
		if (bench.rings)
			ring_buffer__consume(bench.rings);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
		errx(1, "the command failed");
}

static struct bw_counters sum_counters(const char *map, uint32_t index)
{
	struct bw_counters *by_cpu = calloc((size_t)bench.n_cpus, sizeof(*by_cpu)), sum = {};

	if (bpf_map_lookup_elem(map_fd(map), &index, by_cpu) < 0)
		err(1, "reading %s", map);
	for (int cpu = 0; cpu < bench.n_cpus; cpu++)
		for (size_t i = 0; i < sizeof(sum) / 8; i++)
			((uint64_t *)&sum)[i] += ((uint64_t *)&by_cpu[cpu])[i];
	free(by_cpu);
	return sum;
}

static void print_counters(const char *name, const struct bw_counters *c)
{
	printf("%s seen=%" PRIu64 " submitted=%" PRIu64 " ring_full=%" PRIu64 " map_full=%" PRIu64
	       " filtered=%" PRIu64 " sampled_out=%" PRIu64,
	       name, (uint64_t)c->seen, (uint64_t)c->submitted, (uint64_t)c->ring_full, (uint64_t)c->map_full,
	       (uint64_t)c->filtered, (uint64_t)c->sampled_out);
	if (c->seen != c->submitted + c->ring_full + c->map_full + c->filtered + c->sampled_out) {
		printf(" DOES NOT ADD UP");
		bench.wrong = true;
	}
}

/* One line for each set of labels: count and sum over all CPUs. */
static void print_aggregates(int fd, const struct shape *shape)
{
	uint8_t key[256], *values = calloc((size_t)bench.n_cpus, shape->value_size);
	bool any = false;

	while (bpf_map_get_next_key(fd, any ? key : NULL, key) == 0) {
		uint64_t count = 0, sum = 0;

		any = true;
		if (bpf_map_lookup_elem(fd, key, values) < 0)
			err(1, "reading %s", shape->name);
		for (int cpu = 0; cpu < bench.n_cpus; cpu++) {
			const uint64_t *value = (const uint64_t *)(values + (size_t)cpu * shape->value_size);

			count += value[0];
			sum += shape->value_size > 8 ? value[1] : 0;
		}
		printf("  %s count=%" PRIu64 " ticks=%" PRIu64 " ", shape->name, count, sum);
		if (bench.labels)
			print_struct(bench.labels, key, shape->key_size);
		printf("\n");
	}
	free(values);
}

static void print_results(void)
{
	struct bw_counters totals = sum_counters("bw_totals", 0);

	for (uint32_t i = 0; i < bench.n_subscribers; i++) {
		struct subscriber *s = &bench.subscribers[i];
		struct bw_counters c = sum_counters("bw_counters", i);

		print_counters(s->name, &c);
		printf(" received=%" PRIu64 " gaps=%" PRIu64 "\n", s->events, s->lost);
		if (s->ring >= 0 && (c.submitted != s->events || c.ring_full < s->lost))
			bench.wrong = true;
		if (s->hists >= 0)
			print_aggregates(s->hists, &bench.hists_shape);
		if (s->counts >= 0)
			print_aggregates(s->counts, &bench.counts_shape);
	}
	print_counters("total", &totals);
	printf(" runs=%" PRIu64 " self_ns=%" PRIu64 " wake_ups=%u\n", (uint64_t)totals.runs,
	       (uint64_t)(totals.self_runs ? totals.self_ns / totals.self_runs : 0), bench.wake_ups);
}

static void print_cost(uint32_t crowd)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, bench.object)
	{
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0)
			err(1, "program info");
		printf("program %s crowd=%u runs=%llu ns=%llu missed=%llu insns=%u\n", info.name, crowd,
		       info.run_cnt, info.run_cnt ? info.run_time_ns / info.run_cnt : 0,
		       info.recursion_misses, info.verified_insns);
	}
}

static void run(uint32_t crowd)
{
	load_and_attach(crowd);
	run_command();
	if (bench.rings)
		ring_buffer__consume(bench.rings);
	print_results();
	print_cost(crowd);
	ring_buffer__free(bench.rings);
	bench.rings = NULL;
	bench.wake_ups = 0;
	bpf_object__close(bench.object);
}

int main(int argc, char **argv)
{
	parse_arguments(argc, argv);
	bench.n_cpus = libbpf_num_possible_cpus();
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		err(1, "BPF_ENABLE_STATS");
	run(0);
	if (bench.crowd)
		run(bench.crowd);
	return bench.wrong;
}
