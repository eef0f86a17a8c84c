/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/bundle/build.h"

#include <errno.h>
#include <linux/bpf.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "client/bundle/object.h"
#include "client/bundle/schema.h"
#include "format/manifest.h"

#define REFUSE(rule, ...) return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, rule, __VA_ARGS__)

/* What a load costs beside its maps: programs, their BTF, links. */
#define MEMORY_BASE (256U << 10)
/* An entry's own bookkeeping in a hash map, and in a storage map of unknown population. */
#define HASH_ENTRY_OVERHEAD 48U
#define STORAGE_ENTRIES     4096U

/* Everything about one build, so that its steps need no long lists of arguments. */
struct build {
	const struct template *t;
	const struct build_object *objects;
	struct bundle *bundle;
	struct refusal *refusal;
};

static bool per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static uint64_t map_memory(const struct spec_map *m)
{
	uint64_t value = (m->value_size + 7U) & ~7U, cpus = per_cpu(m->type) ? MANIFEST_CPUS : 1;

	switch (m->type) {
	case BPF_MAP_TYPE_RINGBUF:
		return m->max_entries;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		return 8ULL * m->max_entries;
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return value * m->max_entries * cpus;
	default:
		return (value * cpus + m->key_size + HASH_ENTRY_OVERHEAD) *
		       (m->max_entries ? m->max_entries : STORAGE_ENTRIES);
	}
}

/* Of the largest variant: an upper bound that does not depend on the host that builds. */
static uint64_t spec_memory(const struct spec *spec)
{
	uint64_t largest = 0;

	for (uint32_t i = 0; i < spec->n_variants; i++) {
		uint64_t sum = MEMORY_BASE;

		for (uint32_t j = 0; j < spec->variants[i].n_maps; j++)
			sum += map_memory(&spec->variants[i].maps[j]);
		largest = sum > largest ? sum : largest;
	}
	return largest;
}

static int name_maps(const struct template *t, struct spec_variant *v, struct refusal *refusal)
{
	for (size_t i = 0; i < t->n_maps; i++) {
		uint32_t j = 0;

		while (j < v->n_maps && strncmp(v->maps[j].name, t->maps[i].name, KERNEL_NAME_MAX - 1))
			j++;
		if (j == v->n_maps)
			REFUSE("B5", "variant %s: the object has no map %s", v->name, t->maps[i].name);
		v->maps[j].kind = t->maps[i].kind;
	}
	return 0;
}

static bool has_demux(const struct spec_variant *v)
{
	return spec_variant_map(v, SPEC_MAP_SUBSCRIPTIONS) && spec_variant_map(v, SPEC_MAP_CONTROL) &&
	       spec_variant_map(v, SPEC_MAP_SLOTS);
}

int bundle_list_file(struct bundle *bundle, const char *name, const void *bytes, size_t size,
		     uint32_t *ret_index, struct refusal *refusal)
{
	struct spec *spec = &bundle->spec;
	struct spec_file *f;
	size_t n = DIGEST_SIZE;
	int r;

	r = bundle_add_file(bundle, name, bytes, size);
	if (r == -EINVAL || r == -E2BIG || r == -EEXIST)
		REFUSE("C4", "%s cannot be a file of the bundle: %s", name, strerror(-r));
	if (r)
		return r;
	f = &spec->files[spec->n_files];
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->size = (uint32_t)size;
	if (!EVP_Q_digest(NULL, "SHA256", NULL, bytes, size, f->digest, &n))
		return -ENOMEM;
	*ret_index = spec->n_files++;
	return 0;
}

int bundle_list_variant_file(struct bundle *bundle, const struct spec_variant *variant, const char *suffix,
			     const void *bytes, size_t size, uint32_t *ret_index, struct refusal *refusal)
{
	char name[OBJECT_NAME_MAX];

	if ((size_t)snprintf(name, sizeof(name), "%s.%s.%s", bundle->spec.name, variant->name, suffix) >=
	    sizeof(name))
		REFUSE("C2", "the names of the probe and its variant are too long for %s", suffix);
	return bundle_list_file(bundle, name, bytes, size, ret_index, refusal);
}

/* Of the variant that is being built. */
static int add_variant_file(struct build *b, const char *suffix, const void *bytes, size_t size,
			    uint32_t *ret_index)
{
	const struct spec *spec = &b->bundle->spec;

	return bundle_list_variant_file(b->bundle, &spec->variants[spec->n_variants], suffix, bytes, size,
					ret_index, b->refusal);
}

static int add_skeleton(struct build *b, const struct skeleton *s, struct spec_variant *v)
{
	int r;

	r = add_variant_file(b, "lskel.insns", s->insns, s->insns_size, &v->insns);
	return r ? r : add_variant_file(b, "lskel.data", s->data, s->data_size, &v->data);
}

static bool same_object(const struct build_object *a, const struct build_object *b)
{
	return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

/* NAME.bpf.o once where all variants share it, NAME.VARIANT.bpf.o each otherwise: see bundle_object(). */
static int add_object(struct build *b, size_t i)
{
	char name[PROBE_NAME_MAX + 8];
	uint32_t index;
	bool shared = true;

	for (size_t j = 1; j < b->t->n_variants; j++)
		shared = shared && same_object(&b->objects[0], &b->objects[j]);
	if (!shared)
		return add_variant_file(b, "bpf.o", b->objects[i].bytes, b->objects[i].size, &index);
	snprintf(name, sizeof(name), "%s.bpf.o", b->bundle->spec.name);
	return i ? 0
		 : bundle_list_file(b->bundle, name, b->objects[i].bytes, b->objects[i].size, &index,
				    b->refusal);
}

/* Events, labels and parameters must look alike in all variants: readers know one form. */
static int add_schema(struct build *b, const struct btf *btf, size_t i)
{
	_cleanup_free_ struct spec *seen = calloc(1, sizeof(*seen));
	struct spec *spec = &b->bundle->spec;
	struct refusal *refusal = b->refusal;
	int r;

	if (!seen)
		return -ENOMEM;
	r = schema_event(btf, b->t, seen, refusal);
	if (!r)
		r = schema_labels(btf, b->t, seen, refusal);
	if (!r)
		r = schema_params(btf, b->t, seen, refusal);
	if (r)
		return r;
	if (i && (spec->event_size != seen->event_size ||
		  memcmp(spec->fields, seen->fields, sizeof(seen->fields)) ||
		  memcmp(spec->labels, seen->labels, sizeof(seen->labels)) ||
		  memcmp(spec->params, seen->params, sizeof(seen->params))))
		REFUSE("B9", "variant %s lays out events, labels or parameters unlike the first",
		       b->t->variants[i].name);
	spec->event_size = seen->event_size;
	spec->n_fields = seen->n_fields;
	spec->n_labels = seen->n_labels;
	spec->n_params = seen->n_params;
	memcpy(spec->fields, seen->fields, sizeof(seen->fields));
	memcpy(spec->labels, seen->labels, sizeof(seen->labels));
	memcpy(spec->params, seen->params, sizeof(seen->params));
	return 0;
}

static int build_skeleton(struct build *b, const struct template_variant *tv, const struct build_object *o,
			  size_t i, struct skeleton *ret)
{
	_cleanup_(object_free_p) struct object *object = NULL;
	struct refusal *refusal = b->refusal;
	int r;

	r = object_open(o->bytes, o->size, b->t->spec.name, &object, refusal);
	if (r)
		return r;
	for (size_t j = 0; j < tv->n_skip; j++)
		if (!object_set_program(object, tv->skip[j], false))
			REFUSE("B6", "variant %s: the object has no program %s to skip", tv->name,
			       tv->skip[j]);
	for (size_t j = 0; j < b->t->n_maps; j++)
		if (b->t->maps[j].entries &&
		    !object_set_size(object, b->t->maps[j].name, (uint32_t)b->t->maps[j].entries,
				     (uint32_t)b->t->maps[j].value_size))
			REFUSE("B4", "variant %s: the object gives map %s a size already, or has no such map",
			       tv->name, b->t->maps[j].name);
	r = object_build(object, ret, refusal);
	for (size_t j = 0; !r && j < b->t->n_maps; j++)
		if (b->t->maps[j].kind == SPEC_MAP_TABLE)
			r = object_check_table(object, b->t->maps[j].name, refusal);
	return r ? r : add_schema(b, object_btf(object), i);
}

static int build_variant(struct build *b, size_t i)
{
	const struct template_variant *tv = &b->t->variants[i];
	_cleanup_(skeleton_done) struct skeleton s = {};
	struct spec *spec = &b->bundle->spec;
	struct spec_variant *v = &spec->variants[spec->n_variants];
	int r;

	r = build_skeleton(b, tv, &b->objects[i], i, &s);
	if (r)
		return r;
	*v = s.variant;
	snprintf(v->name, sizeof(v->name), "%s", tv->name);
	v->n_requires = tv->n_requires;
	memcpy(v->requires, tv->requires, sizeof(v->requires));
	r = name_maps(b->t, v, b->refusal);
	if (!r)
		r = add_skeleton(b, &s, v);
	if (!r)
		r = add_object(b, i);
	if (r)
		return r;
	if (!i && has_demux(v))
		spec->flags |= SPEC_HAS_DEMUX;
	spec->n_variants++;
	return 0;
}

int bundle_write_manifest(struct bundle *bundle, struct refusal *refusal)
{
	char *text = NULL;
	int r;

	r = manifest_write(&bundle->spec, &text, refusal);
	if (r)
		return r;
	free(bundle->manifest.bytes);
	snprintf(bundle->manifest.name, sizeof(bundle->manifest.name), MANIFEST_NAME);
	bundle->manifest.bytes = text;
	bundle->manifest.size = strlen(text);
	return 0;
}

int bundle_build(const struct template *t, const struct build_object *objects, uint64_t issued,
		 const struct signing_key *ksig, struct bundle **ret, struct refusal *refusal)
{
	_cleanup_(bundle_free_p) struct bundle *bundle = bundle_new();
	struct build b = { .t = t, .objects = objects, .bundle = bundle, .refusal = refusal };
	int r = 0;

	if (!bundle)
		return -ENOMEM;
	bundle->spec = t->spec;
	for (size_t i = 0; !r && i < t->n_variants; i++)
		r = build_variant(&b, i);
	if (r)
		return r;
	if (!bundle->spec.issued)
		bundle->spec.issued = issued;
	if (!bundle->spec.memory)
		bundle->spec.memory = spec_memory(&bundle->spec);
	r = ksig ? bundle_sign_kernel(bundle, ksig, refusal) : bundle_write_manifest(bundle, refusal);
	if (!r)
		*ret = take_ptr(bundle);
	return r;
}
