/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/bundle/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <bpf/skel_internal.h>
#include <stdio.h>
#include <string.h>

#include "client/bundle/object-btf.h"
#include "client/bundle/object-maps.h"

#define REFUSE(rule, ...) return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, rule, __VA_ARGS__)

struct object {
	struct bpf_object *bpf;
	const struct btf *btf;
};

/* libbpf explains failures to a callback without a context only. The first warning names the cause, later
 * ones what followed from it. */
static _Thread_local char first_warning[256];

__attribute__((format(printf, 2, 0))) static int keep_warning(enum libbpf_print_level level,
							      const char *format, va_list ap)
{
	if (level == LIBBPF_WARN && !first_warning[0]) {
		vsnprintf(first_warning, sizeof(first_warning), format, ap);
		first_warning[strcspn(first_warning, "\n")] = '\0';
	}
	return 0;
}

struct object *object_free(struct object *o)
{
	if (!o)
		return NULL;
	bpf_object__close(o->bpf);
	free(o);
	return NULL;
}

int object_open(const void *bytes, size_t size, const char *name, struct object **ret,
		struct refusal *refusal)
{
	_cleanup_(object_free_p) struct object *o = NULL;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	int r;

	libbpf_set_print(keep_warning);
	first_warning[0] = '\0';
	r = object_btf_check(bytes, size, refusal);
	if (r)
		return r;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	first_warning[0] = '\0';
	o->bpf = bpf_object__open_mem(bytes, size, &opts);
	if (!o->bpf)
		REFUSE("B1", "libbpf does not open the object: %s",
		       first_warning[0] ? first_warning : strerror(errno));
	o->btf = bpf_object__btf(o->bpf);
	if (!o->btf)
		REFUSE("B1", "the object has no BTF (clang -target bpf -g)");
	*ret = take_ptr(o);
	return 0;
}

const struct btf *object_btf(const struct object *o)
{
	return o->btf;
}

/* Names in the kernel, and so in a spec, are cut to 15 characters. */
static bool same_name(const char *full, const char *name)
{
	return !strcmp(full, name) ||
	       (strlen(name) == KERNEL_NAME_MAX - 1 && !strncmp(full, name, KERNEL_NAME_MAX - 1));
}

bool object_set_program(struct object *o, const char *name, bool in)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, o->bpf)
	{
		if (same_name(bpf_program__name(p), name))
			return bpf_program__set_autoload(p, in) == 0;
	}
	return false;
}

bool object_set_size(struct object *o, const char *name, uint32_t entries, uint32_t value_size)
{
	struct bpf_map *m;
	bool set = false;

	bpf_object__for_each_map(m, o->bpf)
	{
		if (!same_name(bpf_map__name(m), name))
			continue;
		if (entries && !bpf_map__max_entries(m))
			set = bpf_map__set_max_entries(m, entries) == 0;
		if (value_size && !bpf_map__value_size(m))
			set = bpf_map__set_value_size(m, value_size) == 0 || set;
	}
	return set;
}

static int list_program(const struct bpf_program *p, struct spec_variant *v, struct refusal *refusal)
{
	const char *name = bpf_program__name(p), *hook = bpf_program__section_name(p);
	struct spec_program *s = &v->programs[v->n_programs];

	if (v->n_programs == SPEC_PROGRAMS_MAX)
		REFUSE("B6", "the object has more than %d programs", SPEC_PROGRAMS_MAX);
	if (strlen(hook) >= sizeof(s->hook))
		REFUSE("B6", "program %s: the name of its section is longer than %zu characters", name,
		       sizeof(s->hook) - 1);
	snprintf(s->name, sizeof(s->name), "%.*s", KERNEL_NAME_MAX - 1, name);
	snprintf(s->hook, sizeof(s->hook), "%s", hook);
	s->type = bpf_program__type(p);
	s->attach_type = bpf_program__expected_attach_type(p);
	for (uint32_t i = 0; i < v->n_programs; i++)
		if (!strcmp(v->programs[i].name, s->name))
			REFUSE("B6", "two programs begin with %s: the kernel keeps 15 characters of a name",
			       s->name);
	v->n_programs++;
	return 0;
}

static int list_programs(const struct object *o, bool all, struct spec_variant *v, struct refusal *refusal)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, o->bpf)
	{
		int r;

		if (!all && !bpf_program__autoload(p))
			continue;
		r = list_program(p, v, refusal);
		if (r)
			return r;
	}
	return 0;
}

int object_list(const struct object *o, struct spec_variant *ret, struct refusal *refusal)
{
	struct spec_variant v = { .ksig = UINT32_MAX };
	int r;

	r = list_programs(o, true, &v, refusal);
	if (!r)
		r = object_maps_list(o->bpf, &v, refusal);
	if (!r)
		*ret = v;
	return r;
}

/* B6: names every hook that bpfwarden does not serve, so that one build tells all. */
static int check_hooks(const struct spec_variant *v, struct refusal *refusal)
{
	char list[256] = "";
	size_t n = 0;

	if (!v->n_programs)
		REFUSE("B6", "no program is left to load");
	for (uint32_t i = 0; i < v->n_programs; i++) {
		const struct spec_program *p = &v->programs[i];

		if (!spec_hook_served(p->hook, p->type, p->attach_type) && n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s (%s)", n ? ", " : "", p->hook,
					      p->name);
	}
	if (n)
		REFUSE("B6", "bpfwarden serves tp_btf/… and raw_tp/… hooks, not: %s", list);
	return 0;
}

static int add_helper(struct spec_program *s, uint32_t id, struct refusal *refusal)
{
	uint32_t at = 0;

	while (at < s->n_helpers && s->helpers[at] < id)
		at++;
	if (at < s->n_helpers && s->helpers[at] == id)
		return 0;
	if (s->n_helpers == SPEC_HELPERS_MAX)
		REFUSE("B6", "program %s calls more than %d different helpers", s->name, SPEC_HELPERS_MAX);
	memmove(&s->helpers[at + 1], &s->helpers[at], (s->n_helpers - at) * sizeof(s->helpers[0]));
	s->helpers[at] = id;
	s->n_helpers++;
	return 0;
}

/* After loading, a program's instructions include those of the functions that it calls. */
static int scan_helpers(const struct bpf_program *p, struct spec_program *s, struct refusal *refusal)
{
	const struct bpf_insn *insns = bpf_program__insns(p);
	size_t n = bpf_program__insn_cnt(p);

	for (size_t i = 0; i < n; i++) {
		int r;

		if (insns[i].code == (BPF_LD | BPF_IMM | BPF_DW)) {
			i++; /* takes two slots */
			continue;
		}
		if (insns[i].code != (BPF_JMP | BPF_CALL) || insns[i].src_reg == BPF_PSEUDO_CALL)
			continue;
		if (insns[i].src_reg)
			REFUSE("B2",
			       "program %s calls a kernel function, which cannot be named in a manifest",
			       s->name);
		r = add_helper(s, (uint32_t)insns[i].imm, refusal);
		if (r)
			return r;
	}
	return 0;
}

static int scan_programs(const struct object *o, struct spec_variant *v, struct refusal *refusal)
{
	struct bpf_program *p;
	uint32_t i = 0;
	int r;

	bpf_object__for_each_program(p, o->bpf)
	{
		if (!bpf_program__autoload(p))
			continue;
		r = scan_helpers(p, &v->programs[i++], refusal);
		if (r)
			return r;
	}
	return 0;
}

/* As this libbpf lays it down: header, one entry a map, one a loaded program. The entries' order is the
 * lists'. */
static void set_context(struct spec_variant *v)
{
	v->ctx_header_size = sizeof(struct bpf_loader_ctx);
	v->ctx_map_size = sizeof(struct bpf_map_desc);
	v->ctx_prog_size = sizeof(struct bpf_prog_desc);
	v->ctx_map_fd_offset = offsetof(struct bpf_map_desc, map_fd);
	v->ctx_prog_fd_offset = offsetof(struct bpf_prog_desc, prog_fd);
	v->ctx_size = v->ctx_header_size + v->n_maps * v->ctx_map_size + v->n_programs * v->ctx_prog_size;
}

static int generate(struct object *o, struct gen_loader_opts *opts, struct refusal *refusal)
{
	int r;

	first_warning[0] = '\0';
	r = bpf_object__gen_loader(o->bpf, opts);
	if (r < 0)
		return r;
	r = bpf_object__load(o->bpf);
	if (r < 0)
		REFUSE("B7", "libbpf makes no light skeleton of the object: %s",
		       first_warning[0] ? first_warning : strerror(-r));
	if (!opts->insns || !opts->data)
		return -EIO;
	return 0;
}

void skeleton_done(struct skeleton *s)
{
	free(s->insns);
	free(s->data);
	*s = (struct skeleton){};
}

int object_build(struct object *o, struct skeleton *ret, struct refusal *refusal)
{
	_cleanup_(skeleton_done) struct skeleton s = { .variant.ksig = UINT32_MAX };
	LIBBPF_OPTS(gen_loader_opts, opts);
	struct spec_variant after = {};
	int r;

	r = list_programs(o, false, &s.variant, refusal);
	if (!r)
		r = check_hooks(&s.variant, refusal);
	if (!r)
		r = object_maps_check(o->bpf, refusal);
	if (!r)
		r = object_maps_list(o->bpf, &s.variant, refusal);
	if (!r)
		r = generate(o, &opts, refusal);
	if (!r)
		r = object_maps_list(o->bpf, &after, refusal);
	if (!r)
		r = object_maps_same(&s.variant, &after, refusal);
	if (!r)
		r = scan_programs(o, &s.variant, refusal);
	if (r)
		return r;
	set_context(&s.variant);
	s.insns = malloc(opts.insns_sz);
	s.data = malloc(opts.data_sz);
	if (!s.insns || !s.data)
		return -ENOMEM;
	memcpy(s.insns, opts.insns, opts.insns_sz);
	memcpy(s.data, opts.data, opts.data_sz);
	s.insns_size = opts.insns_sz;
	s.data_size = opts.data_sz;
	*ret = s;
	s = (struct skeleton){};
	return 0;
}

int object_check_table(const struct object *object, const char *name, struct refusal *refusal)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(object->bpf, name);
	const struct btf *btf = bpf_object__btf(object->bpf);
	const struct btf_type *type;

	if (!map)
		return 0;
	type = btf__type_by_id(btf, (uint32_t)btf__resolve_type(btf, bpf_map__btf_value_type_id(map)));
	if (type && btf_is_struct(type) && btf_vlen(type) && !btf_member_bit_offset(type, 0))
		type = btf__type_by_id(btf, (uint32_t)btf__resolve_type(btf, btf_members(type)->type));
	if (!type || !btf_is_int(type) || type->size != sizeof(uint64_t))
		REFUSE("B8", "the values of map %s do not begin with a u64, so it is no table", name);
	return 0;
}
