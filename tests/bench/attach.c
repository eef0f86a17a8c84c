// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What governance costs: from a request to an attached probe through a warm daemon (policy, durable audit,
 * runner and inspection included), against libbpf opening, loading and attaching the same object in this
 * process, and against this process running the same light skeleton. The ways take turns in each round, so
 *all numbers come from one run. Prints, and asserts nothing but that each way works; root.
 *
 *	attach [rounds=N] [bundles=DIR] [PROBE…]
 *
 * DIR is the installed set (default /usr/lib/bpfwarden/bundles); the daemon is the one at $BPFWARDEN_SOCKET.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/lib/bpfwarden.h"

#define ROUNDS_MAX   1000
#define PROGRAMS_MAX 8
#define MAPS_MAX     16

enum way { LIBBPF, SKELETON, FIRST, FURTHER, DETACH, _WAY_MAX };

static const char *const way_names[_WAY_MAX] = {
	[LIBBPF] = "libbpf-open-load-attach", [SKELETON] = "skeleton-in-process",
	[FIRST] = "daemon-first-subscriber",  [FURTHER] = "daemon-further-subscriber",
	[DETACH] = "daemon-detach-further",
};

struct bench {
	const char *bundles;
	unsigned int rounds;
	struct bpfwarden *daemon;
	double ms[_WAY_MAX][ROUNDS_MAX];
};

/* A probe's first variant, as its manifest describes it. */
struct variant {
	const char *probe;
	char *object, *insns, *data;
	size_t object_size, insns_size, data_size;
	uint32_t ctx_size, header, map_size, map_fd, program_size, program_fd;
	size_t n_maps, n_programs;
	const char *programs[PROGRAMS_MAX], *hooks[PROGRAMS_MAX];
	json_t *manifest;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static char *read_file(const char *directory, const char *name, size_t *size)
{
	char path[512], *bytes;
	FILE *f;
	long end;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "re");
	if (!f || fseek(f, 0, SEEK_END) || (end = ftell(f)) < 0)
		err(1, "%s", path);
	rewind(f);
	bytes = malloc((size_t)end + 1);
	if (!bytes || fread(bytes, 1, (size_t)end, f) != (size_t)end)
		err(1, "%s", path);
	fclose(f);
	*size = (size_t)end;
	return bytes;
}

static uint32_t number(const json_t *object, const char *name)
{
	return (uint32_t)json_integer_value(json_object_get(object, name));
}

/* The newest serial of the probe in the installed set. */
static void find_bundle(const struct bench *b, const char *probe, char *directory, size_t size)
{
	char pattern[512];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/%s/*", b->bundles, probe);
	if (glob(pattern, 0, NULL, &found))
		errx(1, "no bundle of %s below %s", probe, b->bundles);
	snprintf(directory, size, "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
}

static void read_object(struct variant *v, const char *directory)
{
	json_t *file;
	size_t i;

	json_array_foreach (json_object_get(v->manifest, "files"), i, file) {
		const char *name = json_string_value(json_object_get(file, "name"));
		const char *end = strrchr(name, '.');

		if (end && !strcmp(end, ".o") && !v->object)
			v->object = read_file(directory, name, &v->object_size);
	}
	if (!v->object)
		errx(1, "%s: the bundle has no object", v->probe);
}

static void read_variant(const struct bench *b, const char *probe, struct variant *v)
{
	char directory[512];
	const json_t *json, *context, *programs;
	json_t *program;
	size_t size, i;
	char *manifest;

	*v = (struct variant){ .probe = probe };
	find_bundle(b, probe, directory, sizeof(directory));
	manifest = read_file(directory, "manifest.json", &size);
	v->manifest = json_loadb(manifest, size, 0, NULL);
	free(manifest);
	json = json_array_get(json_object_get(v->manifest, "variants"), 0);
	context = json_object_get(json, "context");
	programs = json_object_get(json, "programs");
	v->n_maps = json_array_size(json_object_get(json, "maps"));
	v->n_programs = json_array_size(programs);
	if (!context || !v->n_programs || v->n_programs > PROGRAMS_MAX)
		errx(1, "%s: not a manifest", directory);
	v->ctx_size = number(context, "size");
	v->header = number(context, "header-size");
	v->map_size = number(context, "map-size");
	v->map_fd = number(context, "map-fd");
	v->program_size = number(context, "program-size");
	v->program_fd = number(context, "program-fd");
	json_array_foreach (programs, i, program) {
		v->programs[i] = json_string_value(json_object_get(program, "name"));
		v->hooks[i] = json_string_value(json_object_get(program, "hook"));
	}
	v->insns = read_file(directory, json_string_value(json_object_get(json, "insns")), &v->insns_size);
	v->data = read_file(directory, json_string_value(json_object_get(json, "data")), &v->data_size);
	read_object(v, directory);
}

static void free_variant(struct variant *v)
{
	json_decref(v->manifest);
	free(v->object);
	free(v->insns);
	free(v->data);
}

static bool is_in(const struct variant *v, const struct bpf_program *p)
{
	for (size_t i = 0; i < v->n_programs; i++)
		if (!strncmp(bpf_program__name(p), v->programs[i], BPF_OBJ_NAME_LEN - 1))
			return true;
	return false;
}

static double by_libbpf(const struct variant *v)
{
	struct bpf_link *links[PROGRAMS_MAX] = { 0 };
	struct bpf_object *object;
	struct bpf_program *p;
	size_t n = 0;
	double start = now_ms(), took;

	object = bpf_object__open_mem(v->object, v->object_size, NULL);
	if (!object)
		err(1, "open");
	bpf_object__for_each_program(p, object) bpf_program__set_autoload(p, is_in(v, p));
	if (bpf_object__load(object))
		err(1, "load");
	bpf_object__for_each_program(p, object) if (is_in(v, p) && n < PROGRAMS_MAX &&
						    !(links[n++] = bpf_program__attach(p))) err(1, "attach");
	took = now_ms() - start;
	while (n)
		bpf_link__destroy(links[--n]);
	bpf_object__close(object);
	return took;
}

static int fd_at(const uint8_t *ctx, size_t offset)
{
	int fd;

	memcpy(&fd, ctx + offset, sizeof(fd));
	return fd;
}

/* As skel_internal.h of libbpf does it: a data map, the loader program, one run; then a link for each
 * program. */
static double by_skeleton(const struct variant *v)
{
	uint8_t ctx[4096] = { 0 };
	int links[PROGRAMS_MAX], map, prog;
	const uint32_t zero = 0;
	size_t programs = v->header + v->n_maps * v->map_size;
	double start = now_ms(), took;
	LIBBPF_OPTS(bpf_prog_load_opts, load, .fd_array = &map, .prog_flags = BPF_F_SLEEPABLE);
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = ctx, .ctx_size_in = v->ctx_size);

	memcpy(ctx, &v->ctx_size, sizeof(v->ctx_size));
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench_data", 4, (uint32_t)v->data_size, 1, NULL);
	if (map < 0 || bpf_map_update_elem(map, &zero, v->data, 0))
		err(1, "data map");
	prog = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "bench_skeleton", "Dual BSD/GPL",
			     (const struct bpf_insn *)(const void *)v->insns,
			     v->insns_size / sizeof(struct bpf_insn), &load);
	if (prog < 0 || bpf_prog_test_run_opts(prog, &run) || (int)run.retval < 0)
		err(1, "skeleton (%d)", (int)run.retval);
	for (size_t i = 0; i < v->n_programs; i++) {
		bool tracing = !strncmp(v->hooks[i], "tp_btf/", 7);
		int fd = fd_at(ctx, programs + i * v->program_size + v->program_fd);

		links[i] = bpf_raw_tracepoint_open(tracing ? NULL : strchr(v->hooks[i], '/') + 1, fd);
		if (links[i] < 0)
			err(1, "link");
	}
	took = now_ms() - start;
	for (size_t i = 0; i < v->n_programs; i++) {
		close(links[i]);
		close(fd_at(ctx, programs + i * v->program_size + v->program_fd));
	}
	for (size_t i = 0; i < v->n_maps; i++)
		close(fd_at(ctx, v->header + i * v->map_size + v->map_fd));
	close(prog);
	close(map);
	return took;
}

static void must(int r, struct bpfwarden_reply *reply, const char *what)
{
	if (r < 0)
		errx(1, "%s: %s", what, strerror(-r));
	if (bpfwarden_reply_error_name(reply))
		errx(1, "%s: %s", what, bpfwarden_reply_reason(reply));
}

static double attach(struct bench *b, const char *probe, char *id, size_t size)
{
	struct bpfwarden_options options = BPFWARDEN_OPTIONS_INIT;
	struct bpfwarden_reply *reply = NULL;
	double start = now_ms(), took;
	json_t *json;
	int r;

	options.probe = probe;
	options.target = "host";
	options.duration = 600;
	r = bpfwarden_attach(b->daemon, &options, &reply);
	took = now_ms() - start;
	must(r, reply, "attach");
	json = json_loads(bpfwarden_reply_parameters(reply), 0, NULL);
	snprintf(id, size, "%s",
		 json_string_value(json_object_get(json_object_get(json, "attachment"), "id")));
	json_decref(json);
	bpfwarden_reply_free(reply);
	return took;
}

static double detach(struct bench *b, const char *id)
{
	struct bpfwarden_reply *reply = NULL;
	double start = now_ms(), took;
	int r = bpfwarden_detach(b->daemon, id, &reply);

	took = now_ms() - start;
	must(r, reply, "detach");
	bpfwarden_reply_free(reply);
	return took;
}

/* Once more than is counted: the first round warms every cache. */
static void measure(struct bench *b, const struct variant *v)
{
	char first[64], further[64];

	for (unsigned int i = 0; i <= b->rounds; i++) {
		unsigned int at = i ? i - 1 : 0;

		b->ms[LIBBPF][at] = by_libbpf(v);
		b->ms[SKELETON][at] = by_skeleton(v);
		b->ms[FIRST][at] = attach(b, v->probe, first, sizeof(first));
		b->ms[FURTHER][at] = attach(b, v->probe, further, sizeof(further));
		b->ms[DETACH][at] = detach(b, further);
		(void)detach(b, first);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(struct bench *b, const struct variant *v)
{
	double median[_WAY_MAX];

	for (int w = 0; w < _WAY_MAX; w++) {
		qsort(b->ms[w], b->rounds, sizeof(double), by_value);
		median[w] = b->ms[w][b->rounds / 2];
		printf("%s %s rounds=%u median-ms=%.2f p90-ms=%.2f\n", v->probe, way_names[w], b->rounds,
		       median[w], b->ms[w][b->rounds * 9 / 10]);
	}
	printf("%s first-to-libbpf=%.2f further-to-libbpf=%.2f first-over-skeleton-ms=%.2f\n", v->probe,
	       median[FIRST] / median[LIBBPF], median[FURTHER] / median[LIBBPF],
	       median[FIRST] - median[SKELETON]);
}

int main(int argc, char **argv)
{
	static struct bench b = { .bundles = "/usr/lib/bpfwarden/bundles", .rounds = 50 };
	struct variant v;
	int r, named = 0;

	r = bpfwarden_connect(NULL, &b.daemon);
	if (r < 0)
		errx(1, "no daemon: %s", strerror(-r));
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "rounds=", 7)) {
			b.rounds = (unsigned int)strtoul(argv[i] + 7, NULL, 10);
		} else if (!strncmp(argv[i], "bundles=", 8)) {
			b.bundles = argv[i] + 8;
		} else {
			named++;
			continue;
		}
		argv[i] = NULL;
	}
	if (b.rounds < 1 || b.rounds > ROUNDS_MAX)
		errx(2, "rounds: 1 to %d", ROUNDS_MAX);
	for (int i = 1; i < argc || !named; i++) {
		const char *probe = named ? argv[i] : "tcp.state";

		if (!probe)
			continue;
		read_variant(&b, probe, &v);
		measure(&b, &v);
		print(&b, &v);
		free_variant(&v);
		if (!named)
			break;
	}
	bpfwarden_disconnect(b.daemon);
	return 0;
}
