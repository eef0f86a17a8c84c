/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What the running kernel's BTF (/sys/kernel/btf/vmlinux) knows: read once at start, by the parser only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/refusal.h"
#include "format/spec.h"

struct facts;

/* -ENOENT if this kernel has no BTF. */
int facts_new(struct facts **ret);
struct facts *facts_free(struct facts *facts);
DEFINE_CLEANUP(struct facts *, facts_free)

/* True if the requirement holds; otherwise why (may be NULL) is REFUSAL_KERNEL_UNSUPPORTED with the feature.
 */
bool facts_check(const struct facts *facts, const struct spec_requirement *requirement, struct refusal *why);

/* True if the program's hook exists here. ret_btf_id (may be NULL): the BTF id that the kernel will report as
 * attach_btf_id, of typedef btf_trace_NAME for tp_btf/NAME; 0 for hooks that have none. */
bool facts_hook(const struct facts *facts, const struct spec_program *program, uint32_t *ret_btf_id,
		struct refusal *why);

/* True if this kernel has all that the variant needs. */
bool facts_fit(const struct facts *facts, const struct spec_variant *variant, struct refusal *why);

/* A sealed memfd with an array of struct enumeration_entry (format/message.h) for every field and label of
 * SPEC_TYPE_ENUM, ascending by field, then value; names without the enumeration's prefix. Those of system
 * calls are libseccomp's. -errno. */
int facts_enumerations(const struct facts *facts, const struct spec *spec);
