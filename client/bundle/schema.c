/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/bundle/schema.h"

#include <stdio.h>
#include <string.h>

#define REFUSE(rule, ...) return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, rule, __VA_ARGS__)

static const struct btf_type *resolve(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (btf_is_mod(t) || btf_is_typedef(t))
		t = btf__type_by_id(btf, t->type);
	return t;
}

static const char *name_of(const struct btf *btf, const struct btf_type *t)
{
	return btf__name_by_offset(btf, t->name_off);
}

static bool is_character(const struct btf *btf, const struct btf_type *t)
{
	return btf_is_int(t) && t->size == 1 &&
	       (btf_int_encoding(t) & BTF_INT_CHAR || !strcmp(name_of(btf, t), "char"));
}

/* The type that BTF alone tells; _SPEC_TYPE_MAX: none that may leave the kernel as it is. */
static uint32_t base_type(const struct btf *btf, const struct btf_type *t)
{
	if (btf_is_array(t)) {
		const struct btf_type *of = resolve(btf, btf_array(t)->type);

		if (is_character(btf, of))
			return SPEC_TYPE_CHARS;
		return btf_is_int(of) && of->size == 1 ? SPEC_TYPE_BYTES : _SPEC_TYPE_MAX;
	}
	if (btf_is_enum(t) && t->size == 4)
		return SPEC_TYPE_U32;
	if (!btf_is_int(t))
		return _SPEC_TYPE_MAX;
	if (btf_int_encoding(t) & BTF_INT_BOOL)
		return SPEC_TYPE_BOOL;
	if (btf_int_encoding(t) & BTF_INT_SIGNED)
		return t->size == 4 ? SPEC_TYPE_S32 : t->size == 8 ? SPEC_TYPE_S64 : _SPEC_TYPE_MAX;
	switch (t->size) {
	case 1:
		return SPEC_TYPE_U8;
	case 2:
		return SPEC_TYPE_U16;
	case 4:
		return SPEC_TYPE_U32;
	case 8:
		return SPEC_TYPE_U64;
	default:
		return _SPEC_TYPE_MAX;
	}
}

static const struct template_field *find_field(const struct template_struct *s, const char *name)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (!strcmp(s->fields[i].name, name))
			return &s->fields[i];
	return NULL;
}

static bool left_out(const struct btf *btf, const struct btf_type *t, const struct btf_member *m,
		     const struct template_field *said, uint32_t offset)
{
	const char *name = btf__name_by_offset(btf, m->name_off);

	if (said)
		return said->skip;
	if (!strncmp(name, "reserved", 8) || !strncmp(name, "padding", 7))
		return true;
	return !offset && btf_is_struct(t) && !strcmp(name_of(btf, t), "bw_event");
}

/* One member of the struct as a field. *ret_said is NULL if it is left out. */
static int read_member(const struct btf *btf, const struct btf_type *of, uint32_t i,
		       const struct template_struct *s, struct spec_field *f,
		       const struct template_field **ret_said, struct refusal *refusal)
{
	const struct btf_member *m = &btf_members(of)[i];
	const char *name = btf__name_by_offset(btf, m->name_off);
	const struct btf_type *t = resolve(btf, m->type);
	const struct template_field *said = find_field(s, name);

	*ret_said = NULL;
	if (left_out(btf, t, m, said, btf_member_bit_offset(of, i)))
		return 0;
	if (!said)
		REFUSE("B8", "struct %s: the template says nothing about member %s", s->name,
		       *name ? name : "(anonymous)");
	if (btf_member_bitfield_size(of, i))
		REFUSE("B8", "struct %s: member %s is a bit field", s->name, name);
	*f = (struct spec_field){ .offset = btf_member_bit_offset(of, i) / 8,
				  .size = (uint32_t)btf__resolve_size(btf, m->type) };
	f->type = said->type == _SPEC_TYPE_MAX ? base_type(btf, t) : said->type;
	if (said->type == _SPEC_TYPE_MAX && said->enumeration[0] && f->type == SPEC_TYPE_U32)
		f->type = SPEC_TYPE_ENUM;
	if (btf_is_ptr(t))
		REFUSE("B8", "struct %s: member %s is a pointer, and addresses never leave the kernel",
		       s->name, name);
	if (f->type == _SPEC_TYPE_MAX)
		REFUSE("B8", "struct %s: member %s has a type of C that no field has: give one, or skip it",
		       s->name, name);
	snprintf(f->name, sizeof(f->name), "%s", said->name);
	snprintf(f->unit, sizeof(f->unit), "%s", said->unit);
	snprintf(f->enumeration, sizeof(f->enumeration), "%s", said->enumeration);
	*ret_said = said;
	return 0;
}

static int find_struct(const struct btf *btf, const struct template_struct *s, const struct btf_type **ret,
		       struct refusal *refusal)
{
	int id = btf__find_by_name_kind(btf, s->name, BTF_KIND_STRUCT);

	if (id < 0)
		REFUSE("B8", "the object's BTF has no struct %s (is it used in a program?)", s->name);
	*ret = btf__type_by_id(btf, (uint32_t)id);
	for (size_t i = 0; i < s->n_fields; i++) {
		uint32_t j = 0;

		while (j < btf_vlen(*ret) &&
		       strcmp(btf__name_by_offset(btf, btf_members(*ret)[j].name_off), s->fields[i].name))
			j++;
		if (j == btf_vlen(*ret))
			REFUSE("B8", "struct %s has no member %s", s->name, s->fields[i].name);
	}
	return 0;
}

static int read_fields(const struct btf *btf, const struct template_struct *s, uint32_t privacy,
		       struct spec_field *fields, uint32_t max, uint32_t *ret_n, uint32_t *ret_size,
		       struct refusal *refusal)
{
	const struct btf_type *of = NULL;
	uint32_t n = 0;
	int r;

	r = find_struct(btf, s, &of, refusal);
	for (uint32_t i = 0; !r && i < btf_vlen(of); i++) {
		const struct template_field *said = NULL;
		struct spec_field field = {};

		r = read_member(btf, of, i, s, &field, &said, refusal);
		if (r || !said)
			continue;
		if (n == max)
			REFUSE("B8", "struct %s has more than %u fields", s->name, max);
		if (field.type == SPEC_TYPE_NS && !field.unit[0])
			snprintf(field.unit, sizeof(field.unit), "ns");
		field.privacy = said->privacy == _SPEC_PRIVACY_MAX ? privacy : said->privacy;
		fields[n++] = field;
	}
	if (r)
		return r;
	*ret_n = n;
	if (ret_size)
		*ret_size = of->size;
	return 0;
}

int schema_event(const struct btf *btf, const struct template *t, struct spec *spec, struct refusal *refusal)
{
	if (t->event_bytes) {
		spec->event_size = t->event_bytes;
		spec->n_fields = 1;
		spec->fields[0] = (struct spec_field){ .name = "bytes",
						       .type = SPEC_TYPE_BYTES,
						       .size = t->event_bytes,
						       .privacy = SPEC_PRIVACY_PII };
		return 0;
	}
	if (!t->event.name[0])
		return 0;
	/* What nobody has classed is treated as personal. */
	return read_fields(btf, &t->event, SPEC_PRIVACY_PII, spec->fields, SPEC_FIELDS_MAX, &spec->n_fields,
			   &spec->event_size, refusal);
}

int schema_labels(const struct btf *btf, const struct template *t, struct spec *spec, struct refusal *refusal)
{
	if (!t->labels.name[0])
		return 0;
	return read_fields(btf, &t->labels, SPEC_PRIVACY_BOUND, spec->labels, SPEC_LABELS_MAX,
			   &spec->n_labels, NULL, refusal);
}

static uint64_t largest(uint32_t type)
{
	return type == SPEC_TYPE_BOOL ? 1 : type == SPEC_TYPE_U32 ? UINT32_MAX : INT64_MAX;
}

int schema_params(const struct btf *btf, const struct template *t, struct spec *spec, struct refusal *refusal)
{
	const struct btf_type *of = NULL;
	int r;

	if (!t->params.name[0])
		return 0;
	r = find_struct(btf, &t->params, &of, refusal);
	for (uint32_t i = 0; !r && i < btf_vlen(of); i++) {
		struct spec_param *p = &spec->params[spec->n_params];
		const struct template_field *said = NULL;
		struct spec_field f = {};

		r = read_member(btf, of, i, &t->params, &f, &said, refusal);
		if (r || !said)
			continue;
		if (spec->n_params == SPEC_PARAMS_MAX)
			REFUSE("B9", "struct %s has more than %d parameters", t->params.name,
			       SPEC_PARAMS_MAX);
		*p = (struct spec_param){ .type = f.type,
					  .offset = f.offset,
					  .size = f.size,
					  .min = said->min,
					  .max = said->max,
					  .initial = said->initial,
					  .n_values = said->n_values };
		memcpy(p->values, said->values, sizeof(p->values));
		if (p->max > largest(p->type) && said->max == INT64_MAX)
			p->max = largest(p->type);
		snprintf(p->name, sizeof(p->name), "%s", f.name);
		snprintf(p->unit, sizeof(p->unit), "%s", f.unit);
		spec->n_params++;
	}
	return r;
}
