/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules M14 to M17 of docs/FORMAT-bundle.md: what one light skeleton may contain. */
#include <ctype.h>
#include <linux/bpf.h>
#include <string.h>

#include "bpf/include/bpfwarden/abi.h"
#include "format/manifest.h"
#include "format/spec-internal.h"

/* M14: the files exist and the context holds what the variant declares. */
static int check_skeleton(const struct spec *s, const struct spec_variant *v, struct refusal *refusal)
{
	uint64_t used = v->ctx_header_size + (uint64_t)v->n_maps * v->ctx_map_size +
			(uint64_t)v->n_programs * v->ctx_prog_size;

	if (v->insns >= s->n_files || v->data >= s->n_files || v->insns == v->data ||
	    (v->ksig != UINT32_MAX && (v->ksig >= s->n_files || v->ksig == v->insns || v->ksig == v->data)))
		BROKEN("M14", "variant %s: insns, data and ksig do not name different files of the bundle",
		       v->name);
	if (s->files[v->insns].size % sizeof(struct bpf_insn))
		BROKEN("M14", "variant %s: file insns is not whole instructions", v->name);
	if (v->ctx_header_size < 8 || v->ctx_header_size > 256 || v->ctx_map_size < 4 ||
	    v->ctx_map_size > 256 || v->ctx_prog_size < 4 || v->ctx_prog_size > 256)
		BROKEN("M14", "variant %s: a size of context is out of range", v->name);
	if (v->ctx_map_fd_offset > v->ctx_map_size - 4 || v->ctx_prog_fd_offset > v->ctx_prog_size - 4)
		BROKEN("M14", "variant %s: a descriptor of context lies outside its entry", v->name);
	if (v->ctx_size < used || v->ctx_size > used + 8)
		BROKEN("M14", "variant %s: context size %u is not that of its maps and programs", v->name,
		       v->ctx_size);
	return 0;
}

static int check_requires(const struct spec_variant *v, struct refusal *refusal)
{
	if (v->n_requires > SPEC_REQUIRES_MAX)
		BROKEN("M15", "variant %s: requires has more than %d entries", v->name, SPEC_REQUIRES_MAX);
	for (uint32_t i = 0; i < v->n_requires; i++) {
		const struct spec_requirement *q = &v->requires[i];
		bool version = q->kind == SPEC_REQUIRE_KERNEL || q->kind == SPEC_REQUIRE_KERNEL_BELOW;

		CHECK_TEXT("requires.name", q->name, true);
		if (q->kind >= _SPEC_REQUIRE_MAX)
			BROKEN("M15", "variant %s: requires has an unknown kind", v->name);
		if (version == (q->name[0] != 0))
			BROKEN("M15", "variant %s: requirement %s %s a name", v->name,
			       spec_require_name(q->kind), version ? "does not take" : "needs");
		if ((version || q->kind == SPEC_REQUIRE_TRACEPOINT_ARGS) != (q->value != 0))
			BROKEN("M15", "variant %s: requirement %s has a wrong value", v->name,
			       spec_require_name(q->kind));
		if (q->kind == SPEC_REQUIRE_BTF_FIELD && !strchr(q->name, '.'))
			BROKEN("M15", "variant %s: requirement btf-field \"%s\" is not TYPE.FIELD", v->name,
			       q->name);
	}
	return 0;
}

/* Hooks that can be attached without ids of tracefs. Those of packets could also drop them, see
 * spec_may_modify(), and need CAP_NET_ADMIN. */
static const struct {
	const char *prefix; /* a tracepoint's name follows, unless this is the whole */
	bool whole;
	uint32_t type, attach_type;
} hooks[] = {
	{ "tp_btf/", false, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP },
	{ "raw_tp/", false, BPF_PROG_TYPE_RAW_TRACEPOINT, 0 },
	{ "raw_tracepoint/", false, BPF_PROG_TYPE_RAW_TRACEPOINT, 0 },
	{ "cgroup_skb/ingress", true, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS },
	{ "cgroup_skb/egress", true, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS },
};

/* Helpers that act on others, or that would let a program leave what the manifest says about it. */
static const struct {
	uint32_t id;
	const char *name;
} forbidden_helpers[] = {
	{ BPF_FUNC_tail_call, "bpf_tail_call" },
	{ BPF_FUNC_probe_write_user, "bpf_probe_write_user" },
	{ BPF_FUNC_override_return, "bpf_override_return" },
	{ BPF_FUNC_send_signal, "bpf_send_signal" },
	{ BPF_FUNC_send_signal_thread, "bpf_send_signal_thread" },
	{ BPF_FUNC_sys_bpf, "bpf_sys_bpf" },
	{ BPF_FUNC_sys_close, "bpf_sys_close" },
};

static int check_helpers(const struct spec_variant *v, const struct spec_program *p, struct refusal *refusal)
{
	if (p->n_helpers > SPEC_HELPERS_MAX)
		BROKEN("M16", "variant %s: program %s calls more than %d helpers", v->name, p->name,
		       SPEC_HELPERS_MAX);
	for (uint32_t i = 0; i < p->n_helpers; i++) {
		if (!p->helpers[i] || p->helpers[i] > UINT16_MAX || (i && p->helpers[i] <= p->helpers[i - 1]))
			BROKEN("M16", "variant %s: program %s: helpers are not ascending numbers", v->name,
			       p->name);
		for (size_t j = 0; j < sizeof(forbidden_helpers) / sizeof(*forbidden_helpers); j++)
			if (p->helpers[i] == forbidden_helpers[j].id)
				BROKEN("M16",
				       "variant %s: program %s calls %s, which bpfwarden does not allow",
				       v->name, p->name, forbidden_helpers[j].name);
	}
	return 0;
}

/* The row for a hook; -1: none. */
static int find_hook(const char *hook)
{
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		size_t n = strlen(hooks[i].prefix);

		if (hooks[i].whole ? !strcmp(hook, hooks[i].prefix)
				   : !strncmp(hook, hooks[i].prefix, n) && spec_identifier(hook + n))
			return (int)i;
	}
	return -1;
}

bool spec_hook_served(const char *hook, uint32_t type, uint32_t attach_type)
{
	int i = find_hook(hook);

	return i >= 0 && hooks[i].type == type && hooks[i].attach_type == attach_type;
}

static int check_hook(const struct spec_variant *v, const struct spec_program *p, struct refusal *refusal)
{
	if (find_hook(p->hook) < 0)
		BROKEN("M16", "variant %s: program %s: hook \"%s\" is not one that bpfwarden serves", v->name,
		       p->name, p->hook);
	if (!spec_hook_served(p->hook, p->type, p->attach_type))
		BROKEN("M16", "variant %s: program %s: types %u and %u are not those of hook \"%s\"", v->name,
		       p->name, p->type, p->attach_type, p->hook);
	return 0;
}

static int check_programs(const struct spec_variant *v, struct refusal *refusal)
{
	for (uint32_t i = 0; i < v->n_programs; i++) {
		const struct spec_program *p = &v->programs[i];

		CHECK_TEXT("programs.name", p->name, false);
		CHECK_TEXT("programs.hook", p->hook, false);
		if (!spec_identifier(p->name))
			BROKEN("M16", "variant %s: \"%s\" is not a program's name", v->name, p->name);
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(p->name, v->programs[j].name))
				BROKEN("M16", "variant %s: two programs are named %s", v->name, p->name);
		TRY(check_hook(v, p, refusal));
		TRY(check_helpers(v, p, refusal));
	}
	return 0;
}

/* What a map of each kind must be. ANY: the rule does not fix it. */
#define ANY                   UINT32_MAX
#define MAP_TYPE_CGRP_STORAGE 32 /* of Linux 6.2: the headers of Debian 12 do not name it */
#define TYPE(type)            (1ULL << (type))
#define HASHES                                                                                    \
	(TYPE(BPF_MAP_TYPE_HASH) | TYPE(BPF_MAP_TYPE_PERCPU_HASH) | TYPE(BPF_MAP_TYPE_LRU_HASH) | \
	 TYPE(BPF_MAP_TYPE_LRU_PERCPU_HASH))
#define PRIVATE                                                                                        \
	(HASHES | TYPE(BPF_MAP_TYPE_ARRAY) | TYPE(BPF_MAP_TYPE_PERCPU_ARRAY) |                         \
	 TYPE(BPF_MAP_TYPE_STACK_TRACE) | TYPE(BPF_MAP_TYPE_LPM_TRIE) | TYPE(BPF_MAP_TYPE_QUEUE) |     \
	 TYPE(BPF_MAP_TYPE_STACK) | TYPE(BPF_MAP_TYPE_SK_STORAGE) | TYPE(BPF_MAP_TYPE_INODE_STORAGE) | \
	 TYPE(BPF_MAP_TYPE_TASK_STORAGE) | TYPE(MAP_TYPE_CGRP_STORAGE))

static const struct map_rule {
	uint64_t types; /* bit n: enum bpf_map_type n */
	uint32_t key_size, value_size, max_entries;
	uint64_t inner_types; /* 0: not a map in maps */
	uint32_t inner_value_size;
} map_rules[_SPEC_MAP_KIND_MAX] = {
	[SPEC_MAP_OTHER] = { PRIVATE, ANY, ANY, ANY },
	[SPEC_MAP_STATE] = { PRIVATE, ANY, ANY, ANY },
	[SPEC_MAP_CONTROL] = { TYPE(BPF_MAP_TYPE_ARRAY), 4, sizeof(struct bw_control), 1 },
	[SPEC_MAP_PARAMS] = { TYPE(BPF_MAP_TYPE_ARRAY), 4, ANY, 1 },
	[SPEC_MAP_SUBSCRIPTIONS] = { TYPE(BPF_MAP_TYPE_HASH), sizeof(struct bw_key),
				     sizeof(struct bw_subscribers), ANY },
	[SPEC_MAP_SLOTS] = { TYPE(BPF_MAP_TYPE_ARRAY), 4, sizeof(struct bw_slot), BW_SLOTS_MAX },
	[SPEC_MAP_RINGS] = { TYPE(BPF_MAP_TYPE_ARRAY_OF_MAPS), 4, 4, BW_SLOTS_MAX, TYPE(BPF_MAP_TYPE_RINGBUF),
			     0 },
	[SPEC_MAP_HISTOGRAMS] = { TYPE(BPF_MAP_TYPE_ARRAY_OF_MAPS), 4, 4, BW_SLOTS_MAX, HASHES,
				  sizeof(struct bw_histogram) },
	[SPEC_MAP_COUNTS] = { TYPE(BPF_MAP_TYPE_ARRAY_OF_MAPS), 4, 4, BW_SLOTS_MAX, HASHES, 8 },
	[SPEC_MAP_COUNTERS] = { TYPE(BPF_MAP_TYPE_PERCPU_ARRAY), 4, sizeof(struct bw_counters),
				BW_SLOTS_MAX },
	[SPEC_MAP_TOTALS] = { TYPE(BPF_MAP_TYPE_PERCPU_ARRAY), 4, sizeof(struct bw_counters), 1 },
	[SPEC_MAP_EVENTS] = { TYPE(BPF_MAP_TYPE_RINGBUF), 0, 0, ANY },
	[SPEC_MAP_TABLE] = { HASHES, ANY, ANY, ANY },
};

static bool type_in(uint64_t types, uint32_t type)
{
	return type < 64 && (types & TYPE(type));
}

static bool fixed(uint32_t rule, uint32_t value)
{
	return rule == ANY || rule == value;
}

/* Ring buffers are as large as they say only if that is a power of two of pages: libbpf would round up. */
static bool ring_size(uint32_t n)
{
	return n >= 4096 && !(n & (n - 1));
}

static int check_inner(const struct spec_variant *v, const struct spec_map *m, struct refusal *refusal)
{
	const struct map_rule *rule = &map_rules[m->kind];
	bool ring = m->inner_type == BPF_MAP_TYPE_RINGBUF;

	if (!rule->inner_types) {
		if (m->inner_type || m->inner_key_size || m->inner_value_size || m->inner_max_entries ||
		    m->inner_flags)
			BROKEN("M17", "variant %s: map %s is no map in maps but has an inner map", v->name,
			       m->name);
		return 0;
	}
	if (!type_in(rule->inner_types, m->inner_type) || m->inner_value_size != rule->inner_value_size ||
	    ring != !m->inner_key_size || !m->inner_max_entries || (ring && !ring_size(m->inner_max_entries)))
		BROKEN("M17", "variant %s: map %s: the inner map is not one for kind %s", v->name, m->name,
		       spec_map_kind_name(m->kind));
	return 0;
}

static bool kernel_name(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '_' && *text != '.')
			return false;
	return true;
}

static int check_map(const struct spec_variant *v, const struct spec_map *m, struct refusal *refusal)
{
	const struct map_rule *rule;

	CHECK_TEXT("maps.name", m->name, false);
	if (!kernel_name(m->name))
		BROKEN("M17", "variant %s: \"%s\" is not a map's name", v->name, m->name);
	if (m->kind >= _SPEC_MAP_KIND_MAX)
		BROKEN("M17", "variant %s: map %s has an unknown kind", v->name, m->name);
	rule = &map_rules[m->kind];
	if (!type_in(rule->types, m->type))
		BROKEN("M17", "variant %s: map %s: type %u is not one for kind %s", v->name, m->name, m->type,
		       spec_map_kind_name(m->kind));
	if (!fixed(rule->key_size, m->key_size) || !fixed(rule->value_size, m->value_size) ||
	    !fixed(rule->max_entries, m->max_entries))
		BROKEN("M17", "variant %s: map %s: key %u, value %u and %u entries are not those of kind %s",
		       v->name, m->name, m->key_size, m->value_size, m->max_entries,
		       spec_map_kind_name(m->kind));
	if (m->key_size > UINT16_MAX || m->value_size > (64U << 20))
		BROKEN("M17", "variant %s: map %s is too large", v->name, m->name);
	if (m->kind == SPEC_MAP_EVENTS && !ring_size(m->max_entries))
		BROKEN("M17", "variant %s: map %s: %u bytes is not a power of two of pages", v->name, m->name,
		       m->max_entries);
	if (m->kind == SPEC_MAP_TABLE && (m->key_size > LABELS_SIZE_MAX || !m->value_size ||
					  m->value_size % 8 || m->value_size > TABLE_VALUE_SIZE_MAX))
		BROKEN("M17", "variant %s: map %s: a table's key has at most %d bytes, its value some u64",
		       v->name, m->name, LABELS_SIZE_MAX);
	return check_inner(v, m, refusal);
}

static int check_maps(const struct spec_variant *v, struct refusal *refusal)
{
	for (uint32_t i = 0; i < v->n_maps; i++) {
		const struct spec_map *m = &v->maps[i];

		TRY(check_map(v, m, refusal));
		for (uint32_t j = 0; j < i; j++) {
			if (!strcmp(m->name, v->maps[j].name))
				BROKEN("M17", "variant %s: two maps are named %s", v->name, m->name);
			if (m->kind != SPEC_MAP_OTHER && m->kind != SPEC_MAP_STATE &&
			    m->kind == v->maps[j].kind)
				BROKEN("M17", "variant %s: two maps are of kind %s", v->name,
				       spec_map_kind_name(m->kind));
		}
	}
	return 0;
}

const struct spec_map *spec_variant_map(const struct spec_variant *v, uint32_t kind)
{
	for (uint32_t i = 0; i < v->n_maps; i++)
		if (v->maps[i].kind == kind)
			return &v->maps[i];
	return NULL;
}

int spec_validate_variant(const struct spec *spec, const struct spec_variant *v, struct refusal *refusal)
{
	CHECK_TEXT("variants.name", v->name, false);
	if (!manifest_file_name_valid(v->name))
		BROKEN("M14", "variant \"%s\" is not lower-case letters, digits, '.', '_' and '-'", v->name);
	if (v->n_programs < 1 || v->n_programs > SPEC_PROGRAMS_MAX)
		BROKEN("M16", "variant %s has not 1 to %d programs", v->name, SPEC_PROGRAMS_MAX);
	if (v->n_maps > SPEC_MAPS_MAX)
		BROKEN("M17", "variant %s has more than %d maps", v->name, SPEC_MAPS_MAX);
	TRY(check_skeleton(spec, v, refusal));
	TRY(check_requires(v, refusal));
	TRY(check_programs(v, refusal));
	return check_maps(v, refusal);
}
