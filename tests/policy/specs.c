/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/policy/specs.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

struct spec spec_looks_on, spec_shapes, spec_mixed;

const struct message_signer spec_signers[2] = {
	{ .key = { [0 ... DIGEST_SIZE - 1] = 0xaa }, .subject = "CN=Alice A,O=Shop" },
	{ .key = { [0 ... DIGEST_SIZE - 1] = 0xbb }, .subject = "CN=Bob" },
};

#define UNNAMED_HELPER 4000U

static void begin(struct spec *s, const char *name, const char *version)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->version, sizeof(s->version), "%s", version);
	s->flags = SPEC_HAS_DEMUX;
	s->targets = (1U << _TARGET_KIND_MAX) - 1;
}

static struct spec_variant *add_variant(struct spec *s, const char *name)
{
	struct spec_variant *v = &s->variants[s->n_variants++];

	snprintf(v->name, sizeof(v->name), "%s", name);
	return v;
}

static void add_program(struct spec_variant *v, const char *hook, uint32_t type, uint32_t attach_type,
			uint32_t first_helper, uint32_t second_helper)
{
	struct spec_program *p = &v->programs[v->n_programs++];

	*p = (struct spec_program){ .type = type,
				    .attach_type = attach_type,
				    .n_helpers = 2,
				    .helpers = { first_helper, second_helper } };
	snprintf(p->name, sizeof(p->name), "on_%u", v->n_programs);
	snprintf(p->hook, sizeof(p->hook), "%s", hook);
}

static void add_map(struct spec_variant *v, uint32_t kind)
{
	v->maps[v->n_maps++].kind = kind;
}

static void add_field(struct spec *s, const char *name, uint32_t privacy)
{
	struct spec_field *f = &s->fields[s->n_fields++];

	snprintf(f->name, sizeof(f->name), "%s", name);
	f->type = SPEC_TYPE_U32;
	f->size = 4;
	f->offset = 40 + s->n_fields * 4;
	f->privacy = privacy;
	s->event_size = f->offset + 4;
}

static void add_label(struct spec *s, const char *name, uint32_t privacy)
{
	struct spec_field *f = &s->labels[s->n_labels++];

	snprintf(f->name, sizeof(f->name), "%s", name);
	f->type = SPEC_TYPE_U32;
	f->size = 4;
	f->privacy = privacy;
}

static void add_numbers(struct spec *s, const char *name, uint64_t min, uint64_t max, uint64_t initial)
{
	struct spec_param *p = &s->params[s->n_params++];

	*p = (struct spec_param){
		.type = SPEC_TYPE_U64, .size = 8, .min = min, .max = max, .initial = initial
	};
	snprintf(p->name, sizeof(p->name), "%s", name);
}

/* A parameter whose values have these names; the first or the last is its initial one. */
static void add_words(struct spec *s, const char *name, const char *const *values, uint32_t n,
		      uint64_t initial)
{
	struct spec_param *p = &s->params[s->n_params++];

	*p = (struct spec_param){
		.type = SPEC_TYPE_U32, .size = 4, .max = n - 1, .initial = initial, .n_values = n
	};
	snprintf(p->name, sizeof(p->name), "%s", name);
	for (uint32_t i = 0; i < n; i++)
		snprintf(p->values[i], sizeof(p->values[i]), "%s", values[i]);
}

static void fill_looks_on(struct spec *s)
{
	struct spec_variant *v;

	begin(s, "tcp.state", "1.4.2");
	v = add_variant(s, "v1");
	add_program(v, "tp_btf/inet_sock_set_state", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP,
		    BPF_FUNC_map_lookup_elem, BPF_FUNC_ktime_get_ns);
	add_map(v, SPEC_MAP_HISTOGRAMS);
	add_map(v, SPEC_MAP_RINGS);
	add_field(s, "reason", SPEC_PRIVACY_SAFE);
	add_field(s, "port", SPEC_PRIVACY_BOUND);
	add_field(s, "address", SPEC_PRIVACY_PII);
	add_label(s, "side", SPEC_PRIVACY_SAFE);
	snprintf(s->histogram_unit, sizeof(s->histogram_unit), "s");
	add_numbers(s, "threshold", 1, 100000, 5000);
	add_words(s, "names", (const char *const[]){ "all", "folded", "none" }, 3, 0);
	add_numbers(s, "every", 1, 64, 1);
}

static void fill_shapes(struct spec *s)
{
	struct spec_variant *v;

	begin(s, "net.shape", "2.0");
	v = add_variant(s, "v1");
	add_program(v, "cgroup_skb/egress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS,
		    BPF_FUNC_map_lookup_elem, UNNAMED_HELPER);
	add_map(v, SPEC_MAP_COUNTS);
	add_label(s, "direction", SPEC_PRIVACY_SAFE);
	add_label(s, "port", SPEC_PRIVACY_BOUND);
}

static void fill_mixed(struct spec *s)
{
	struct spec_variant *v;

	begin(s, "proc.mixed", "1.9");
	v = add_variant(s, "v1");
	add_program(v, "tp_btf/sched_process_exec", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP,
		    BPF_FUNC_ringbuf_reserve, BPF_FUNC_ringbuf_submit);
	add_program(v, "raw_tp/sched_process_exit", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, BPF_FUNC_map_lookup_elem,
		    BPF_FUNC_probe_read_kernel);
	add_map(v, SPEC_MAP_RINGS);
	v = add_variant(s, "v0");
	add_program(v, "lsm/file_open", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, BPF_FUNC_map_lookup_elem,
		    BPF_FUNC_ringbuf_submit);
	add_map(v, SPEC_MAP_RINGS);
	add_field(s, "comm", SPEC_PRIVACY_SAFE);
	add_field(s, "path", SPEC_PRIVACY_PII);
	add_numbers(s, "every", 1, 9, 3);
	add_words(s, "names", (const char *const[]){ "all", "none" }, 2, 1);
}

void specs_fill(void)
{
	fill_looks_on(&spec_looks_on);
	fill_shapes(&spec_shapes);
	fill_mixed(&spec_mixed);
}
