/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/bundle/object-maps.h"

#include <stdio.h>
#include <string.h>

#define REFUSE(rule, ...) return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, rule, __VA_ARGS__)

#define MAP_TYPE_CGRP_STORAGE 32 /* of Linux 6.2: the headers of Debian 12 do not name it */

static bool is_storage(uint32_t type)
{
	return type == BPF_MAP_TYPE_SK_STORAGE || type == BPF_MAP_TYPE_INODE_STORAGE ||
	       type == BPF_MAP_TYPE_TASK_STORAGE || type == MAP_TYPE_CGRP_STORAGE;
}

/* The names that bpf/include/bpfwarden gives its maps. */
static const struct {
	const char *name;
	uint32_t kind;
} known_maps[] = {
	{ "bw_control", SPEC_MAP_CONTROL },    { "bw_params", SPEC_MAP_PARAMS },
	{ "bw_subs", SPEC_MAP_SUBSCRIPTIONS }, { "bw_slots", SPEC_MAP_SLOTS },
	{ "bw_rings", SPEC_MAP_RINGS },        { "bw_hists", SPEC_MAP_HISTOGRAMS },
	{ "bw_counts", SPEC_MAP_COUNTS },      { "bw_counters", SPEC_MAP_COUNTERS },
	{ "bw_totals", SPEC_MAP_TOTALS },
};

static uint32_t guess_kind(const char *name, uint32_t type)
{
	for (size_t i = 0; i < sizeof(known_maps) / sizeof(*known_maps); i++)
		if (!strcmp(known_maps[i].name, name))
			return known_maps[i].kind;
	if (type == BPF_MAP_TYPE_RINGBUF)
		return SPEC_MAP_EVENTS;
	return is_storage(type) ? SPEC_MAP_STATE : SPEC_MAP_OTHER;
}

static int check_map(const struct bpf_map *m, struct refusal *refusal)
{
	const char *name = bpf_map__name(m);
	uint32_t type = bpf_map__type(m);

	if (bpf_map__pin_path(m))
		REFUSE("B3", "map %s is pinned by name: bpfwarden shares no maps between probes", name);
	if (type == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		REFUSE("B5", "map %s is a perf event array, sized by the host's CPUs: use a ring buffer",
		       name);
	if (type == BPF_MAP_TYPE_PROG_ARRAY || type == BPF_MAP_TYPE_STRUCT_OPS)
		REFUSE("B5", "map %s is of type %s, which can hold programs", name,
		       libbpf_bpf_map_type_str(type));
	if (type == BPF_MAP_TYPE_HASH_OF_MAPS)
		REFUSE("B5",
		       "map %s is a hash of maps: only the arrays of maps of bpfwarden's header are served",
		       name);
	if (!bpf_map__max_entries(m) && !is_storage(type))
		REFUSE("B4", "map %s has no size of its own", name);
	if (bpf_map__map_extra(m) || bpf_map__ifindex(m) || bpf_map__numa_node(m))
		REFUSE("B5",
		       "map %s has map_extra, an interface or a NUMA node, which a manifest does not carry",
		       name);
	return 0;
}

int object_maps_check(const struct bpf_object *bpf, struct refusal *refusal)
{
	struct bpf_map *m;
	int r;

	bpf_object__for_each_map(m, bpf)
	{
		r = check_map(m, refusal);
		if (r)
			return r;
	}
	return 0;
}

static void list_inner(struct bpf_map *m, struct spec_map *s)
{
	const struct bpf_map *inner = bpf_map__inner_map(m);

	if (!inner)
		return;
	s->inner_type = bpf_map__type(inner);
	s->inner_key_size = bpf_map__key_size(inner);
	s->inner_value_size = bpf_map__value_size(inner);
	s->inner_max_entries = bpf_map__max_entries(inner);
	s->inner_flags = bpf_map__map_flags(inner);
}

int object_maps_list(const struct bpf_object *bpf, struct spec_variant *v, struct refusal *refusal)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, bpf)
	{
		struct spec_map *s = &v->maps[v->n_maps];

		if (v->n_maps == SPEC_MAPS_MAX)
			REFUSE("B5", "the object has more than %d maps", SPEC_MAPS_MAX);
		*s = (struct spec_map){
			.type = bpf_map__type(m),
			.key_size = bpf_map__key_size(m),
			.value_size = bpf_map__value_size(m),
			.max_entries = bpf_map__max_entries(m),
			.flags = bpf_map__map_flags(m),
		};
		snprintf(s->name, sizeof(s->name), "%.*s", KERNEL_NAME_MAX - 1, bpf_map__name(m));
		s->kind = guess_kind(s->name, s->type);
		list_inner(m, s);
		for (uint32_t i = 0; i < v->n_maps; i++)
			if (!strcmp(v->maps[i].name, s->name))
				REFUSE("B5",
				       "two maps begin with %s: the kernel keeps 15 characters of a name",
				       s->name);
		v->n_maps++;
	}
	return 0;
}

/* libbpf drops its notion of an inner map once that is made, so inner maps are not compared. */
int object_maps_same(const struct spec_variant *before, const struct spec_variant *after,
		     struct refusal *refusal)
{
	for (uint32_t i = 0; i < before->n_maps; i++) {
		const struct spec_map *a = &before->maps[i], *b = &after->maps[i];

		if (a->max_entries != b->max_entries || a->key_size != b->key_size ||
		    a->value_size != b->value_size || a->type != b->type || a->flags != b->flags)
			REFUSE("B4", "libbpf changes map %s from %u to %u entries to fit this host", a->name,
			       a->max_entries, b->max_entries);
	}
	return 0;
}
