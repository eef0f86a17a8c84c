/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A compiled BPF object and the light skeleton that libbpf's bpf_object__gen_loader() makes of it. Needs no
 * privilege and makes no bpf() call. What cannot be carried to another host, or would carry this host's facts
 * there, is refused: rules B1… of docs/FORMAT-bundle.md.
 */
#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/refusal.h"
#include "format/spec.h"

struct object;

/* Opens the ELF object in these bytes. name (a probe's) becomes part of the names of its data maps. Returns
 * 0, -errno or REFUSAL_BUNDLE_INVALID. */
int object_open(const void *bytes, size_t size, const char *name, struct object **ret,
		struct refusal *refusal);
struct object *object_free(struct object *object);
DEFINE_CLEANUP(struct object *, object_free)

/* Leaves a program out of the skeleton, or takes it in. name may be the kernel's, cut to 15 characters.
 * False: no such program. Programs in sections that begin with '?' are out at first. */
bool object_set_program(struct object *object, const char *name, bool in);

/* Gives a map the sizes that the object leaves open, as a program that loads it by itself would; 0: none.
 * False: the object has no such map, or leaves nothing open that is given. */
bool object_set_size(struct object *object, const char *name, uint32_t entries, uint32_t value_size);

/* All programs, whether in or out, and all maps, with their kinds as guessed from names and types. */
int object_list(const struct object *object, struct spec_variant *ret, struct refusal *refusal);

/* Owned by the object. */
const struct btf *object_btf(const struct object *object);

/* B8: the map of kind table has values that begin with a u64. A name that the object does not have is not
 * looked at. */
int object_check_table(const struct object *object, const char *name, struct refusal *refusal);

struct skeleton {
	void *insns, *data;
	size_t insns_size, data_size;
	/* Programs, maps and context as laid down; name, files and requirements are for the caller to fill.
	 */
	struct spec_variant variant;
};

/* Once an object. skeleton_done() frees what is in *ret. */
int object_build(struct object *object, struct skeleton *ret, struct refusal *refusal);
void skeleton_done(struct skeleton *skeleton);
