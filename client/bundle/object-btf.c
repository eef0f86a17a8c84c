/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/bundle/object-btf.h"

#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"

#define REFUSE(rule, ...) return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, rule, __VA_ARGS__)

static void btf_free_p(struct btf **btf)
{
	btf__free(*btf);
}

static const struct btf_type *resolve(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (btf_is_mod(t) || btf_is_typedef(t))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/* libbpf would take the address of a typeless symbol from this host's kallsyms, and functions of the kernel
 * are no helpers that a manifest could name. */
static int check_ksym(const struct btf *btf, uint32_t id, struct refusal *refusal)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	const char *name = btf__name_by_offset(btf, t->name_off);

	if (btf_is_func(t))
		REFUSE("B2", "the object calls %s: kernel functions cannot be named in a manifest", name);
	if (btf_is_void(resolve(btf, t->type)))
		REFUSE("B2", "ksym %s has no type: its address on this host would be built in", name);
	return 0;
}

static int check_section(const struct btf *btf, const struct btf_type *t, struct refusal *refusal)
{
	const char *name = btf__name_by_offset(btf, t->name_off);

	if (!strcmp(name, ".kconfig") && btf_vlen(t))
		REFUSE("B2", "%s is a .kconfig extern: this host's value would be built in",
		       btf__name_by_offset(btf, btf__type_by_id(btf, btf_var_secinfos(t)->type)->name_off));
	for (unsigned int i = 0; !strcmp(name, ".ksyms") && i < btf_vlen(t); i++) {
		int r = check_ksym(btf, btf_var_secinfos(t)[i].type, refusal);

		if (r)
			return r;
	}
	return 0;
}

/* What __uint(name, n) of a map's definition says: a pointer to an array of n. 0: nothing. */
static uint32_t definition(const struct btf *btf, const struct btf_type *map, const char *name)
{
	for (unsigned int i = 0; i < btf_vlen(map); i++) {
		const struct btf_member *m = &btf_members(map)[i];
		const struct btf_type *t = resolve(btf, m->type);

		if (strcmp(btf__name_by_offset(btf, m->name_off), name) || !btf_is_ptr(t))
			continue;
		t = resolve(btf, t->type);
		return btf_is_array(t) ? btf_array(t)->nelems : 0;
	}
	return 0;
}

/* Definitions of inner maps are structs like those of others, so all structs are looked at. */
static int check_ring(const struct btf *btf, const struct btf_type *t, struct refusal *refusal)
{
	uint32_t n = definition(btf, t, "max_entries");

	if (definition(btf, t, "type") != BPF_MAP_TYPE_RINGBUF || !n)
		return 0;
	if (n & (n - 1) || n < (uint32_t)getpagesize())
		REFUSE("B4", "a ring buffer has %u bytes, which libbpf rounds up to fit this host's pages",
		       n);
	return 0;
}

int object_btf_check(const void *bytes, size_t size, struct refusal *refusal)
{
	_cleanup_(btf_free_p) struct btf *btf = NULL;
	_cleanup_close_ int fd = -EBADF;
	char path[64];
	int r = 0;

	fd = fd_memfd_sealed("object", bytes, size);
	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	btf = btf__parse_elf(path, NULL);
	if (!btf)
		REFUSE("B1", "not a BPF object with BTF (clang -target bpf -g): %s", strerror(errno));
	for (uint32_t id = 1; !r && id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_datasec(t))
			r = check_section(btf, t, refusal);
		else if (btf_is_struct(t))
			r = check_ring(btf, t, refusal);
	}
	return r;
}
