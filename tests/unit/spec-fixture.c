/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/spec-fixture.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "bpf/include/bpfwarden/abi.h"

static void add_file(struct spec *s, const char *name, uint32_t size)
{
	struct spec_file *f = &s->files[s->n_files];

	snprintf(f->name, sizeof(f->name), "%s", name);
	f->size = size;
	memset(f->digest, (int)(0xa0 + s->n_files), sizeof(f->digest));
	s->n_files++;
}

static void add_map(struct spec_variant *v, struct spec_map map)
{
	v->maps[v->n_maps++] = map;
}

static void add_maps(struct spec_variant *v)
{
	add_map(v, (struct spec_map){ .name = "bw_control",
				      .kind = SPEC_MAP_CONTROL,
				      .type = BPF_MAP_TYPE_ARRAY,
				      .key_size = 4,
				      .value_size = sizeof(struct bw_control),
				      .max_entries = 1 });
	add_map(v, (struct spec_map){ .name = "bw_params",
				      .kind = SPEC_MAP_PARAMS,
				      .type = BPF_MAP_TYPE_ARRAY,
				      .key_size = 4,
				      .value_size = 16,
				      .max_entries = 1 });
	add_map(v, (struct spec_map){ .name = "bw_subs",
				      .kind = SPEC_MAP_SUBSCRIPTIONS,
				      .type = BPF_MAP_TYPE_HASH,
				      .key_size = sizeof(struct bw_key),
				      .value_size = sizeof(struct bw_subscribers),
				      .max_entries = 4096 });
	add_map(v, (struct spec_map){ .name = "bw_slots",
				      .kind = SPEC_MAP_SLOTS,
				      .type = BPF_MAP_TYPE_ARRAY,
				      .key_size = 4,
				      .value_size = sizeof(struct bw_slot),
				      .max_entries = BW_SLOTS_MAX });
	add_map(v, (struct spec_map){ .name = "bw_rings",
				      .kind = SPEC_MAP_RINGS,
				      .type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
				      .key_size = 4,
				      .value_size = 4,
				      .max_entries = BW_SLOTS_MAX,
				      .inner_type = BPF_MAP_TYPE_RINGBUF,
				      .inner_max_entries = 65536 });
	add_map(v, (struct spec_map){ .name = "bw_hists",
				      .kind = SPEC_MAP_HISTOGRAMS,
				      .type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
				      .key_size = 4,
				      .value_size = 4,
				      .max_entries = BW_SLOTS_MAX,
				      .inner_type = BPF_MAP_TYPE_PERCPU_HASH,
				      .inner_key_size = 16,
				      .inner_value_size = sizeof(struct bw_histogram),
				      .inner_max_entries = 128,
				      .inner_flags = BPF_F_NO_PREALLOC });
}

static void add_variant(struct spec *s, const char *name, uint32_t insns, uint32_t ksig)
{
	struct spec_variant *v = &s->variants[s->n_variants++];

	snprintf(v->name, sizeof(v->name), "%s", name);
	v->insns = insns;
	v->data = insns + 1;
	v->ksig = ksig;
	v->programs[v->n_programs++] = (struct spec_program){
		.name = "on_state",
		.hook = "tp_btf/inet_sock_set_state",
		.type = BPF_PROG_TYPE_TRACING,
		.attach_type = BPF_TRACE_RAW_TP,
		.n_helpers = 2,
		.helpers = { BPF_FUNC_map_lookup_elem, BPF_FUNC_ringbuf_reserve },
	};
	add_maps(v);
	v->ctx_header_size = 24;
	v->ctx_map_size = 16;
	v->ctx_prog_size = 4;
	v->ctx_size = 24 + v->n_maps * 16 + v->n_programs * 4;
}

static void add_schema(struct spec *s)
{
	s->event_size = 72;
	s->fields[s->n_fields++] = (struct spec_field){
		.name = "duration", .unit = "ns", .type = SPEC_TYPE_NS, .offset = 40, .size = 8
	};
	s->fields[s->n_fields++] = (struct spec_field){ .name = "reason",
							.enumeration = "skb_drop_reason SKB_",
							.type = SPEC_TYPE_ENUM,
							.offset = 48,
							.size = 4 };
	s->fields[s->n_fields++] = (struct spec_field){ .name = "address",
							.type = SPEC_TYPE_IPV6,
							.offset = 56,
							.size = 16,
							.privacy = SPEC_PRIVACY_PII };
	s->labels[s->n_labels++] =
		(struct spec_field){ .name = "cgroup", .type = SPEC_TYPE_CGROUP, .size = 8 };
	s->labels[s->n_labels++] = (struct spec_field){
		.name = "side", .type = SPEC_TYPE_U32, .offset = 8, .size = 4, .privacy = SPEC_PRIVACY_BOUND
	};
	snprintf(s->histogram_name, sizeof(s->histogram_name), "tcp.connect.duration");
	snprintf(s->histogram_unit, sizeof(s->histogram_unit), "s");
	s->params[s->n_params++] = (struct spec_param){ .name = "threshold",
							.unit = "ns",
							.type = SPEC_TYPE_NS,
							.size = 8,
							.max = INT64_MAX,
							.initial = 5000 };
	s->params[s->n_params++] = (struct spec_param){ .name = "every",
							.type = SPEC_TYPE_U32,
							.offset = 8,
							.size = 4,
							.min = 1,
							.max = 1024,
							.initial = 1 };
	s->params[s->n_params++] = (struct spec_param){ .name = "names",
							.type = SPEC_TYPE_U32,
							.offset = 12,
							.size = 4,
							.max = 2,
							.initial = 1,
							.n_values = 3,
							.values = { "none", "domain", "full" } };
}

void spec_fixture(struct spec *s)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "tcp.state");
	snprintf(s->version, sizeof(s->version), "1.0");
	snprintf(s->licence, sizeof(s->licence), "GPL-2.0-only");
	snprintf(s->summary, sizeof(s->summary), "Connections, \"quoted\", and é");
	s->serial = 3;
	s->issued = 1790000000;
	s->not_after = 1890000000;
	s->memory = 1 << 20;
	s->flags = SPEC_HAS_DEMUX;
	s->targets = 1U << TARGET_SELF | 1U << TARGET_HOST;
	snprintf(s->roles[s->n_roles++], OBJECT_NAME_MAX, "release");
	add_file(s, "tcp.state.v1.lskel.insns", 4096);
	add_file(s, "tcp.state.v1.lskel.data", 9999);
	add_file(s, "tcp.state.v0.lskel.insns", 800);
	add_file(s, "tcp.state.v0.lskel.data", 1);
	add_file(s, "tcp.state.v1.lskel.ksig", 300);
	add_file(s, "tcp.state.bpf.o", 20000);
	add_variant(s, "v1", 0, 4);
	s->variants[0].requires[s->variants[0].n_requires++] =
		(struct spec_requirement){ .kind = SPEC_REQUIRE_KERNEL, .value = 6 << 16 | 8 << 8 };
	s->variants[0].requires[s->variants[0].n_requires++] = (struct spec_requirement){
		.kind = SPEC_REQUIRE_TRACEPOINT_ARGS, .value = 4, .name = "sched_switch"
	};
	add_variant(s, "v0", 2, UINT32_MAX);
	add_schema(s);
}
