/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/loader/bpfcall.h"

#define ROWS_MAX 4096 /* more label sets than any inner map of the standard set can hold */

static size_t possible_cpus;

int values_start(void)
{
	_cleanup_close_ int fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);
	char text[256] = "";
	unsigned int last;
	const char *p;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -ENODATA;
	/* "0-3" or "0,2-5": the last number is the highest. */
	p = strrchr(text, '-');
	if (!p || (strrchr(text, ',') && strrchr(text, ',') > p))
		p = strrchr(text, ',');
	if (sscanf(p ? p + 1 : text, "%u", &last) != 1 || last >= 8192)
		return -ENODATA;
	possible_cpus = last + 1;
	return 0;
}

size_t values_cpus(void)
{
	return possible_cpus;
}

/* Looks a value up and adds the CPUs together: the first n u64 of those of which it has `stride`. A map that
 * is not per CPU fills in one. */
static int lookup_sum(int map, const void *key, uint64_t *sum, size_t n, size_t stride)
{
	_cleanup_free_ uint64_t *values = calloc(possible_cpus * stride, sizeof(*values));
	int r;

	if (!values)
		return -ENOMEM;
	r = bpfcall_map_lookup(map, key, values);
	if (r < 0)
		return r;
	memset(sum, 0, n * sizeof(*sum));
	for (size_t cpu = 0; cpu < possible_cpus; cpu++)
		for (size_t i = 0; i < n; i++)
			sum[i] += values[cpu * stride + i];
	return 0;
}

static int sum_counters(int map, uint32_t index, struct bw_counters *sum)
{
	const size_t n = sizeof(*sum) / sizeof(uint64_t);

	return map < 0 ? -ENOENT : lookup_sum(map, &index, (uint64_t *)sum, n, n);
}

static int send_counters(struct peer *warden, uint64_t call, int map, uint32_t index, uint32_t program_wide)
{
	struct message_counters row = { .m = { .type = MESSAGE_COUNTERS, .call = call },
					.program_wide = program_wide };

	if (sum_counters(map, index, &row.counters) < 0)
		return 0;
	return PEER_SEND(warden, &row, NULL, 0);
}

/* A hash of an attachment, by labels. */
struct table {
	int map;
	uint32_t key_size;
	size_t stride; /* u64 a value and CPU */
};

static int send_histogram(struct peer *warden, uint64_t call, const struct table *table, const uint8_t *key)
{
	struct message_histogram row = { .m = { .type = MESSAGE_HISTOGRAM, .call = call },
					 .labels_size = table->key_size };
	const size_t n = sizeof(row.histogram) / sizeof(uint64_t);

	memcpy(row.labels, key, table->key_size);
	if (lookup_sum(table->map, key, (uint64_t *)&row.histogram, n, n) < 0)
		return 0;
	return PEER_SEND(warden, &row, NULL, 0);
}

static int send_count(struct peer *warden, uint64_t call, const struct table *table, const uint8_t *key)
{
	struct message_count row = { .m = { .type = MESSAGE_COUNT, .call = call },
				     .labels_size = table->key_size };

	memcpy(row.labels, key, table->key_size);
	if (lookup_sum(table->map, key, &row.count, 1, table->stride) < 0)
		return 0;
	return PEER_SEND(warden, &row, NULL, 0);
}

typedef int (*row_fn)(struct peer *warden, uint64_t call, const struct table *table, const uint8_t *key);

/* One row for each key that the map holds now. Keys may come and go meanwhile: a vanished one starts the walk
 * again from the first, so the number of steps has a bound. */
static int send_rows(struct peer *warden, uint64_t call, const struct table *table, row_fn row)
{
	uint8_t key[LABELS_SIZE_MAX], next[LABELS_SIZE_MAX];
	int r = bpfcall_map_next_key(table->map, NULL, key);

	for (int i = 0; i < ROWS_MAX && r >= 0; i++) {
		r = row(warden, call, table, key);
		if (r < 0)
			return r;
		r = bpfcall_map_next_key(table->map, key, next);
		memcpy(key, next, table->key_size);
	}
	return r == -ENOENT || r >= 0 ? 0 : r;
}

/* Sizes of the subscriber's own map, or of the object's if that has no header; inspect.h has seen them. */
static struct table table_of(const struct instance *instance, enum spec_map_kind kind, int map)
{
	struct table table = { .map = map };

	for (uint32_t i = 0; i < instance->variant->n_maps; i++) {
		const struct spec_map *m = &instance->variant->maps[i];

		if (m->kind == (uint32_t)kind) {
			table.key_size = m->inner_key_size;
			table.stride = m->inner_value_size / sizeof(uint64_t);
		} else if (m->kind == SPEC_MAP_TABLE && kind == SPEC_MAP_COUNTS) {
			table.key_size = m->key_size;
			table.stride = m->value_size / sizeof(uint64_t);
		}
	}
	return table;
}

int values_send(struct peer *warden, uint64_t call, const struct instance *instance,
		const struct subscriber *subscriber)
{
	static const struct {
		enum subscriber_map map;
		enum spec_map_kind kind;
		row_fn row;
	} tables[] = {
		{ SUBSCRIBER_HISTOGRAM, SPEC_MAP_HISTOGRAMS, send_histogram },
		{ SUBSCRIBER_COUNT, SPEC_MAP_COUNTS, send_count },
	};
	struct message end = { .type = MESSAGE_END, .call = call };
	int r;

	r = send_counters(warden, call, instance_map(instance, SPEC_MAP_COUNTERS), subscriber->a.slot, 0);
	if (r >= 0)
		r = send_counters(warden, call, instance_map(instance, SPEC_MAP_TOTALS), 0, 1);
	for (size_t i = 0; i < 2 && r >= 0; i++) {
		struct table table = table_of(instance, tables[i].kind, subscriber->maps[tables[i].map]);

		if (table.map >= 0 && table.key_size && table.key_size <= LABELS_SIZE_MAX)
			r = send_rows(warden, call, &table, tables[i].row);
	}
	if (r < 0)
		return r;
	return peer_send(warden, &end, sizeof(end), NULL, 0);
}

int values_send_costs(struct peer *warden, const struct message_read_costs *order,
		      const struct instance *instance)
{
	struct message_cost row = { .m = { .type = MESSAGE_COST, .call = order->m.call } };
	int counters = instance_map(instance, SPEC_MAP_COUNTERS), r = 0;

	for (const struct subscriber *s = instance->subscribers; s && r >= 0; s = s->next) {
		if (!(order->flags & MESSAGE_FLAG_ALL) && s->a.uid != order->uid)
			continue;
		/* Its own first: of what happens meanwhile, the program has counted at least as much. */
		if (sum_counters(counters, s->a.slot, &row.own) < 0 ||
		    sum_counters(instance_map(instance, SPEC_MAP_TOTALS), 0, &row.program) < 0)
			continue;
		row.id = s->a.id;
		r = PEER_SEND(warden, &row, NULL, 0);
	}
	return r;
}
