/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/inspect.h"

#include <stdbool.h>
#include <string.h>

#include "format/message.h"
#include "loaderd/loader/bpfcall.h"

static int differs(struct refusal *refusal, const char *what, const char *name, const char *member)
{
	return refusal_set(refusal, REFUSAL_LOAD_FAILED, "inspect",
			   "the kernel reports %s %s with another %s than the manifest lists", what, name,
			   member);
}

/* What the loader reads and writes by its own structs must have their size, or the kernel would copy past
 * them: the kinds of abi.h. 0 in a column: any. */
static bool shape_fits(const struct spec_map *map)
{
	static const struct shape {
		uint32_t key_size, value_size, inner_value_size;
	} shapes[_SPEC_MAP_KIND_MAX] = {
		[SPEC_MAP_CONTROL] = { 4, sizeof(struct bw_control), 0 },
		[SPEC_MAP_PARAMS] = { 4, 0, 0 },
		[SPEC_MAP_SUBSCRIPTIONS] = { sizeof(struct bw_key), sizeof(struct bw_subscribers), 0 },
		[SPEC_MAP_SLOTS] = { 4, sizeof(struct bw_slot), 0 },
		[SPEC_MAP_RINGS] = { 4, 4, 0 },
		[SPEC_MAP_HISTOGRAMS] = { 4, 4, sizeof(struct bw_histogram) },
		[SPEC_MAP_COUNTS] = { 4, 4, sizeof(uint64_t) },
		[SPEC_MAP_COUNTERS] = { 4, sizeof(struct bw_counters), 0 },
		[SPEC_MAP_TOTALS] = { 4, sizeof(struct bw_counters), 0 },
	};
	const struct shape *shape = &shapes[map->kind];

	if (map->type == BPF_MAP_TYPE_PROG_ARRAY || map->type == BPF_MAP_TYPE_STRUCT_OPS)
		return false;
	if (shape->key_size && map->key_size != shape->key_size)
		return false;
	if (shape->value_size && map->value_size != shape->value_size)
		return false;
	if (shape->inner_value_size && (map->inner_value_size != shape->inner_value_size ||
					map->inner_type != BPF_MAP_TYPE_PERCPU_HASH ||
					map->inner_key_size == 0 || map->inner_key_size > LABELS_SIZE_MAX))
		return false;
	if (map->kind == SPEC_MAP_TABLE && (map->key_size > LABELS_SIZE_MAX || !map->value_size ||
					    map->value_size % 8 || map->value_size > TABLE_VALUE_SIZE_MAX))
		return false;
	return map->kind != SPEC_MAP_COUNTERS && map->kind != SPEC_MAP_TOTALS
		       ? true
		       : map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static int inspect_map(const struct spec_map *map, int fd, uint32_t *ret_id, struct refusal *refusal)
{
	struct bpf_map_info info;

	if (!shape_fits(map))
		return refusal_set(refusal, REFUSAL_LOAD_FAILED, "inspect",
				   "map %s has no shape that is served", map->name);
	if (bpfcall_map_info(fd, &info) < 0)
		return differs(refusal, "map", map->name, "kind of descriptor");
	if (info.type != map->type)
		return differs(refusal, "map", map->name, "type");
	if (strncmp(info.name, map->name, sizeof(info.name)))
		return differs(refusal, "map", map->name, "name");
	if (info.key_size != map->key_size || info.value_size != map->value_size)
		return differs(refusal, "map", map->name, "key or value size");
	if (info.max_entries != map->max_entries)
		return differs(refusal, "map", map->name, "number of entries");
	if (info.map_flags != map->flags)
		return differs(refusal, "map", map->name, "flags");
	*ret_id = info.id;
	return 0;
}

static int inspect_program(const struct spec_program *program, int fd, uint32_t attach_btf_id,
			   const uint32_t *map_ids, uint32_t n_maps, uint32_t *ret_id,
			   struct refusal *refusal)
{
	uint32_t used[2 * SPEC_MAPS_MAX];
	struct bpf_prog_info info;

	if (bpfcall_prog_info(fd, used, 2 * SPEC_MAPS_MAX, &info) < 0)
		return differs(refusal, "program", program->name, "kind of descriptor");
	if (info.type != program->type)
		return differs(refusal, "program", program->name, "type");
	if (strncmp(info.name, program->name, sizeof(info.name)))
		return differs(refusal, "program", program->name, "name");
	if (info.attach_btf_id != attach_btf_id)
		return differs(refusal, "program", program->name, "hook");
	if (info.nr_map_ids > 2 * SPEC_MAPS_MAX)
		return differs(refusal, "program", program->name, "set of maps");
	for (uint32_t i = 0; i < info.nr_map_ids; i++) {
		uint32_t j = 0;

		while (j < n_maps && map_ids[j] != used[i])
			j++;
		if (j == n_maps)
			return differs(refusal, "program", program->name, "set of maps");
	}
	*ret_id = info.id;
	return 0;
}

int inspect_variant(const struct spec_variant *variant, const int *fds, const uint32_t *attach_btf_ids,
		    uint32_t *ret_program_ids, struct refusal *refusal)
{
	uint32_t map_ids[SPEC_MAPS_MAX], program_ids[SPEC_PROGRAMS_MAX];
	int r;

	for (uint32_t i = 0; i < variant->n_maps; i++) {
		r = inspect_map(&variant->maps[i], fds[i], &map_ids[i], refusal);
		if (r)
			return r;
	}
	for (uint32_t i = 0; i < variant->n_programs; i++) {
		r = inspect_program(&variant->programs[i], fds[variant->n_maps + i], attach_btf_ids[i],
				    map_ids, variant->n_maps, &program_ids[i], refusal);
		if (r)
			return r;
	}
	memcpy(ret_program_ids, program_ids, sizeof(uint32_t) * variant->n_programs);
	return 0;
}
