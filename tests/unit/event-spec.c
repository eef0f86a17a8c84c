/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/event-spec.h"

#include <linux/bpf.h>
#include <string.h>

#include "bpf/include/bpfwarden/abi.h"

static const struct spec_map demux_maps[] = {
	{ "control", SPEC_MAP_CONTROL, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bw_control), 1 },
	{ "subs", SPEC_MAP_SUBSCRIPTIONS, BPF_MAP_TYPE_HASH, sizeof(struct bw_key),
	  sizeof(struct bw_subscribers), 64 },
	{ "slots", SPEC_MAP_SLOTS, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bw_slot), BW_SLOTS_MAX },
	{ "rings", SPEC_MAP_RINGS, BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, BW_SLOTS_MAX, 0, BPF_MAP_TYPE_RINGBUF, 0,
	  0, 4096 },
	{ "hist", SPEC_MAP_HISTOGRAMS, BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, BW_SLOTS_MAX, 0,
	  BPF_MAP_TYPE_PERCPU_HASH, 128, sizeof(struct bw_histogram), 64 },
};
static const struct spec_map private_maps[] = {
	{ "events", SPEC_MAP_EVENTS, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096 },
};

static void add_variant(struct spec *spec, const struct spec_map *maps, uint32_t n_maps)
{
	struct spec_variant *v = &spec->variants[spec->n_variants++];

	strcpy(v->name, "v1");
	v->insns = 0;
	v->data = 1;
	v->ksig = UINT32_MAX;
	v->ctx_header_size = 16;
	v->ctx_map_size = 16;
	v->ctx_prog_size = 8;
	v->n_programs = 1;
	strcpy(v->programs[0].name, "state");
	strcpy(v->programs[0].hook, "raw_tp/sys_enter");
	v->programs[0].type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	v->programs[0].n_helpers = 2;
	v->programs[0].helpers[0] = 1;
	v->programs[0].helpers[1] = 5;
	v->n_maps = n_maps;
	memcpy(v->maps, maps, n_maps * sizeof(*maps));
	v->ctx_size = v->ctx_header_size + v->n_maps * v->ctx_map_size + v->ctx_prog_size;
}

void event_spec(struct spec *spec, uint32_t flags, uint32_t payload)
{
	bool demux = flags & SPEC_HAS_DEMUX;

	memset(spec, 0, sizeof(*spec));
	strcpy(spec->name, "test.probe");
	strcpy(spec->version, "1.0");
	strcpy(spec->licence, "GPL-2.0-only");
	strcpy(spec->summary, "A probe of the tests");
	spec->serial = 3;
	spec->issued = 1;
	spec->memory = 4096;
	spec->flags = flags;
	spec->targets = demux ? 1U << TARGET_SELF | 1U << TARGET_HOST : 1U << TARGET_HOST;
	spec->n_roles = 1;
	strcpy(spec->roles[0], "standard");
	spec->n_files = 2;
	strcpy(spec->files[0].name, "v1.insns");
	strcpy(spec->files[1].name, "v1.data");
	spec->files[0].size = spec->files[1].size = 64;
	spec->event_size = payload + (demux ? sizeof(struct bw_event) : 0);
	if (demux) {
		strcpy(spec->histogram_name, "test.duration");
		strcpy(spec->histogram_unit, "s");
		add_variant(spec, demux_maps, sizeof(demux_maps) / sizeof(demux_maps[0]));
	} else {
		add_variant(spec, private_maps, 1);
	}
}

static void add(struct spec_field *fields, uint32_t *n, uint32_t start, const char *name, uint32_t type,
		uint32_t size)
{
	struct spec_field *f = &fields[*n];

	f->offset = *n ? f[-1].offset + f[-1].size : start;
	strcpy(f->name, name);
	f->type = type;
	f->size = size;
	if (type == SPEC_TYPE_ENUM)
		strcpy(f->enumeration, "state STATE_");
	(*n)++;
}

void event_spec_field(struct spec *spec, const char *name, uint32_t type, uint32_t size, uint32_t privacy)
{
	uint32_t start = spec->flags & SPEC_HAS_DEMUX ? sizeof(struct bw_event) : 0;

	add(spec->fields, &spec->n_fields, start, name, type, size);
	spec->fields[spec->n_fields - 1].privacy = privacy;
}

void event_spec_label(struct spec *spec, const char *name, uint32_t type, uint32_t size)
{
	add(spec->labels, &spec->n_labels, 0, name, type, size);
}
