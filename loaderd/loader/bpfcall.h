/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The bpf(2) commands that loader and runner use, one function each, and nothing else: libbpf's wrappers
 * probe for kernel features by loading programs of their own, which would blur what the seccomp rule on the
 * command may allow. Descriptors come with O_CLOEXEC; errors are -errno.
 */
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#include "format/spec.h"

struct bpfcall_map {
	uint32_t type, key_size, value_size, max_entries, flags;
	const char *name;
	const uint8_t
		*exclusive; /* SHA-256 of the instructions that alone may use it (Linux 6.18); NULL: any */
};

int bpfcall_map_create(const struct bpfcall_map *map);
int bpfcall_map_update(int map, const void *key, const void *value);
int bpfcall_map_lookup(int map, const void *key, void *value);
int bpfcall_map_delete(int map, const void *key);
/* key NULL: the first one. -ENOENT after the last. */
int bpfcall_map_next_key(int map, const void *key, void *next);
int bpfcall_map_freeze(int map);
int bpfcall_map_info(int map, struct bpf_map_info *ret);
/* map_ids of up to n maps; ret->nr_map_ids says how many the program has. */
int bpfcall_prog_info(int prog, uint32_t *map_ids, uint32_t n, struct bpf_prog_info *ret);
/* Attaches a BPF_PROG_TYPE_TRACING program to the hook that it was loaded for, or, with a name, a raw
 * tracepoint program to that tracepoint. Returns the link. */
int bpfcall_raw_tracepoint_open(int prog, const char *name);

/* Attaches a program to a cgroup, beside those that are there already. Returns the link. */
int bpfcall_link_create(int prog, int target, uint32_t attach_type);

struct bpfcall_signature {
	const void *bytes;
	size_t size;
	int32_t keyring; /* verify.c */
};

/* The runner's. insns and data are those of a light skeleton (libbpf's skel_internal.h); with a signature,
 * the map must be exclusive and frozen (Documentation/bpf/signing.rst of Linux 7.3). */
int bpfcall_loader_prog(const void *insns, size_t insns_size, int data_map,
			const struct bpfcall_signature *signature);
int bpfcall_run(int prog, void *ctx, uint32_t ctx_size, int32_t *ret_value);
