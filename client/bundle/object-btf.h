/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stddef.h>

#include "common/refusal.h"

/* Rules B1, B2 and B4 on an object's BTF as compiled: libbpf rewrites it, and the sizes of rings, when it
 * opens the object. Returns 0, -errno or REFUSAL_BUNDLE_INVALID. For object.c only. */
int object_btf_check(const void *bytes, size_t size, struct refusal *refusal);
