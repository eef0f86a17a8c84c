/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The maps of an object: for object.c only. */
#include <bpf/libbpf.h>

#include "common/refusal.h"
#include "format/spec.h"

/* Rules B3 to B5 before anything is generated. */
int object_maps_check(const struct bpf_object *bpf, struct refusal *refusal);

/* Appends every map in libbpf's order, which is the context's, with a kind guessed from name and type. */
int object_maps_list(const struct bpf_object *bpf, struct spec_variant *v, struct refusal *refusal);

/* B4: refuses a map that libbpf has resized to fit this host's CPUs or pages. */
int object_maps_same(const struct spec_variant *before, const struct spec_variant *after,
		     struct refusal *refusal);
