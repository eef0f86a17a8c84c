/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Fields with offsets, sizes and base types from an object's BTF, with the rest from the template. */
#include <bpf/btf.h>

#include "client/bundle/template.h"

/* Fill the spec's event_size and fields, labels, and params. Members of type struct bw_event at offset 0, and
 * those whose names begin with "reserved" or "padding", are left out; every other member must be in the
 * template. Rules B8 and B9. Return 0 or REFUSAL_BUNDLE_INVALID. */
int schema_event(const struct btf *btf, const struct template *t, struct spec *spec, struct refusal *refusal);
int schema_labels(const struct btf *btf, const struct template *t, struct spec *spec,
		  struct refusal *refusal);
int schema_params(const struct btf *btf, const struct template *t, struct spec *spec,
		  struct refusal *refusal);
