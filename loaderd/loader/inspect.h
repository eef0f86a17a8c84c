/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Asks the kernel what the descriptors of a runner really are and compares with the signed spec: type, name,
 * sizes and flags of every map; type, name, hook and maps of every program.
 */
#include "common/refusal.h"
#include "format/spec.h"

/* fds: the variant's maps in order, then its programs. attach_btf_ids: what the parser found for each
 * program's hook, 0 where it has none. On success ret_program_ids holds the kernel's ids. Returns 0 or
 * REFUSAL_LOAD_FAILED with subject "inspect". */
int inspect_variant(const struct spec_variant *variant, const int *fds, const uint32_t *attach_btf_ids,
		    uint32_t *ret_program_ids, struct refusal *refusal);
