/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each signer attests: the skeletons, and what the manifest says of them, are the object's. */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "client/bundle/build.h"
#include "client/bundle/object.h"

#define REFUSE(...) return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, "B10", __VA_ARGS__)

/* Exactly the programs of the manifest. */
static int choose_programs(struct object *object, const struct spec_variant *v, struct refusal *refusal)
{
	struct spec_variant all;
	int r;

	r = object_list(object, &all, refusal);
	if (r)
		return r;
	for (uint32_t i = 0; i < all.n_programs; i++)
		object_set_program(object, all.programs[i].name, false);
	for (uint32_t i = 0; i < v->n_programs; i++)
		if (!object_set_program(object, v->programs[i].name, true))
			REFUSE("variant %s: the object has no program %s", v->name, v->programs[i].name);
	return 0;
}

static int compare_bytes(const struct spec_variant *v, const char *what, const struct bundle_file *file,
			 const void *built, size_t size, const struct bundle_file *object,
			 struct refusal *refusal)
{
	const char *bytes = built;
	size_t i = 0;

	if (file && file->size == size && !memcmp(file->bytes, built, size))
		return 0;
	while (file && i < size && i < file->size && bytes[i] == file->bytes[i])
		i++;
	REFUSE("variant %s: the skeleton's %s is not what libbpf %s makes of %s: %zu bytes against %zu, "
	       "and byte %zu "
	       "differs",
	       v->name, what, libbpf_version_string(), object->name, file ? file->size : 0, size, i);
}

static int compare_programs(const struct spec_variant *v, const struct spec_variant *built,
			    struct refusal *refusal)
{
	if (v->n_programs != built->n_programs)
		REFUSE("variant %s: the manifest has %u programs, the object %u", v->name, v->n_programs,
		       built->n_programs);
	for (uint32_t i = 0; i < v->n_programs; i++) {
		const struct spec_program *a = &v->programs[i], *b = &built->programs[i];

		if (strcmp(a->name, b->name))
			REFUSE("variant %s: program %u is %s in the manifest and %s in the object", v->name,
			       i, a->name, b->name);
		if (strcmp(a->hook, b->hook) || a->type != b->type || a->attach_type != b->attach_type)
			REFUSE("variant %s: program %s is for hook %s in the manifest and for %s in the "
			       "object",
			       v->name, a->name, a->hook, b->hook);
		if (a->n_helpers != b->n_helpers || memcmp(a->helpers, b->helpers, sizeof(a->helpers)))
			REFUSE("variant %s: program %s calls other helpers than the manifest lists", v->name,
			       a->name);
	}
	return 0;
}

static int compare_maps(const struct spec_variant *v, struct spec_variant *built, struct refusal *refusal)
{
	if (v->n_maps != built->n_maps)
		REFUSE("variant %s: the manifest has %u maps, the object %u", v->name, v->n_maps,
		       built->n_maps);
	for (uint32_t i = 0; i < v->n_maps; i++) {
		built->maps[i].kind = v->maps[i].kind; /* the author's to say, within rule M17 */
		if (memcmp(&v->maps[i], &built->maps[i], sizeof(v->maps[i])))
			REFUSE("variant %s: map %s is not defined in the object as in the manifest", v->name,
			       v->maps[i].name);
	}
	return 0;
}

static int compare_context(const struct spec_variant *a, const struct spec_variant *b,
			   struct refusal *refusal)
{
	if (a->ctx_size == b->ctx_size && a->ctx_header_size == b->ctx_header_size &&
	    a->ctx_map_size == b->ctx_map_size && a->ctx_prog_size == b->ctx_prog_size &&
	    a->ctx_map_fd_offset == b->ctx_map_fd_offset && a->ctx_prog_fd_offset == b->ctx_prog_fd_offset)
		return 0;
	REFUSE("variant %s: libbpf %s lays out the context unlike the manifest", a->name,
	       libbpf_version_string());
}

static int attest_variant(const struct bundle *bundle, const struct spec_variant *v, struct refusal *refusal)
{
	_cleanup_(skeleton_done) struct skeleton s = {};
	_cleanup_(object_free_p) struct object *object = NULL;
	const struct bundle_file *file = bundle_object(bundle, v);
	int r;

	if (!file)
		REFUSE("variant %s: the bundle does not hold the object from which it was built", v->name);
	r = object_open(file->bytes, file->size, bundle->spec.name, &object, refusal);
	if (!r)
		r = choose_programs(object, v, refusal);
	/* Sizes that the object leaves open are the author's to say; those that it has stay. */
	for (uint32_t i = 0; !r && i < v->n_maps; i++)
		(void)object_set_size(object, v->maps[i].name, v->maps[i].max_entries, v->maps[i].value_size);
	if (!r)
		r = object_build(object, &s, refusal);
	if (!r)
		r = compare_programs(v, &s.variant, refusal);
	if (!r)
		r = compare_maps(v, &s.variant, refusal);
	if (!r)
		r = compare_context(v, &s.variant, refusal);
	if (!r)
		r = compare_bytes(v, "insns", bundle_file(bundle, bundle->spec.files[v->insns].name), s.insns,
				  s.insns_size, file, refusal);
	if (!r)
		r = compare_bytes(v, "data", bundle_file(bundle, bundle->spec.files[v->data].name), s.data,
				  s.data_size, file, refusal);
	return r;
}

int bundle_attest(const struct bundle *bundle, struct refusal *refusal)
{
	for (uint32_t i = 0; i < bundle->spec.n_variants; i++) {
		int r = attest_variant(bundle, &bundle->spec.variants[i], refusal);

		if (r)
			return r;
	}
	return 0;
}
