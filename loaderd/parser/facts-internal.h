/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of struct facts. */
#include <bpf/btf.h>

#include "loaderd/parser/facts.h"

struct facts {
	struct btf *btf;
	uint32_t version; /* a << 16 | b << 8 | c */
	bool lsm;         /* BPF is among the security modules */
};

/* The version code from the fields of uname(2). */
uint32_t facts_version_code(const char *release, const char *version);
