/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/bpfcall.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POINTER(p)     ((uint64_t)(uintptr_t)(p))
#define SIZE_TO(field) (offsetof(union bpf_attr, field) + sizeof(((union bpf_attr *)0)->field))

/* Members that union bpf_attr got after Linux 6.1, whose headers we build with: exclusive maps (kernel commit
 * baefdbdf6812) and signatures (349271568303), both of 6.18. What stands between those and the last member of
 * 6.1 stays 0. A kernel that does not know them answers EINVAL or E2BIG, because they are not 0. */
union attr {
	union bpf_attr base;
	struct {
		uint8_t up_to_map_extra[SIZE_TO(map_extra)];
		int32_t value_type_btf_obj_fd, map_token_fd;
		uint64_t excl_prog_hash;
		uint32_t excl_prog_hash_size;
	} map;
	struct {
		uint8_t up_to_core_relo_rec_size[SIZE_TO(core_relo_rec_size)];
		uint32_t log_true_size;
		int32_t prog_token_fd;
		uint32_t fd_array_cnt;
		uint64_t signature;
		uint32_t signature_size;
		int32_t keyring_id;
	} load;
};
#define MAP_SIZE  (offsetof(union attr, map.excl_prog_hash_size) + sizeof(uint32_t))
#define LOAD_SIZE (offsetof(union attr, load.keyring_id) + sizeof(int32_t))
static_assert(offsetof(union attr, map.excl_prog_hash) == 80 && MAP_SIZE == 92, "as in Linux 7.3");
static_assert(offsetof(union attr, load.fd_array_cnt) == 148 && LOAD_SIZE == 168, "as in Linux 7.3");

static int call(enum bpf_cmd command, union bpf_attr *attr, size_t size)
{
	long r;

	/* A busy verifier answers EAGAIN when a signal came; libbpf tries five times, too. */
	for (int i = 0; i < 5; i++) {
		r = syscall(SYS_bpf, command, attr, size);
		if (r >= 0 || errno != EAGAIN)
			break;
	}
	return r < 0 ? -errno : (int)r;
}

static void copy_name(char to[BPF_OBJ_NAME_LEN], const char *name)
{
	strncpy(to, name, BPF_OBJ_NAME_LEN - 1);
}

int bpfcall_map_create(const struct bpfcall_map *map)
{
	union attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.base.map_type = map->type;
	attr.base.key_size = map->key_size;
	attr.base.value_size = map->value_size;
	attr.base.max_entries = map->max_entries;
	attr.base.map_flags = map->flags;
	copy_name(attr.base.map_name, map->name);
	if (!map->exclusive)
		return call(BPF_MAP_CREATE, &attr.base, SIZE_TO(map_extra));
	attr.map.excl_prog_hash = POINTER(map->exclusive);
	attr.map.excl_prog_hash_size = DIGEST_SIZE;
	return call(BPF_MAP_CREATE, &attr.base, MAP_SIZE);
}

static int element(enum bpf_cmd command, int map, const void *key, const void *value)
{
	union bpf_attr attr = { 0 };

	attr.map_fd = (uint32_t)map;
	attr.key = POINTER(key);
	attr.value = POINTER(value);
	return call(command, &attr, SIZE_TO(flags));
}

int bpfcall_map_update(int map, const void *key, const void *value)
{
	return element(BPF_MAP_UPDATE_ELEM, map, key, value);
}

int bpfcall_map_lookup(int map, const void *key, void *value)
{
	return element(BPF_MAP_LOOKUP_ELEM, map, key, value);
}

int bpfcall_map_delete(int map, const void *key)
{
	return element(BPF_MAP_DELETE_ELEM, map, key, NULL);
}

int bpfcall_map_next_key(int map, const void *key, void *next)
{
	return element(BPF_MAP_GET_NEXT_KEY, map, key, next);
}

int bpfcall_map_freeze(int map)
{
	union bpf_attr attr = { 0 };

	attr.map_fd = (uint32_t)map;
	return call(BPF_MAP_FREEZE, &attr, SIZE_TO(map_fd));
}

static int info(int fd, void *to, size_t size)
{
	union bpf_attr attr = { 0 };

	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = (uint32_t)size;
	attr.info.info = POINTER(to);
	return call(BPF_OBJ_GET_INFO_BY_FD, &attr, SIZE_TO(info));
}

int bpfcall_map_info(int map, struct bpf_map_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	return info(map, ret, sizeof(*ret));
}

int bpfcall_prog_info(int prog, uint32_t *map_ids, uint32_t n, struct bpf_prog_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->nr_map_ids = n;
	ret->map_ids = POINTER(map_ids);
	return info(prog, ret, sizeof(*ret));
}

int bpfcall_raw_tracepoint_open(int prog, const char *name)
{
	union bpf_attr attr = { 0 };

	attr.raw_tracepoint.name = POINTER(name);
	attr.raw_tracepoint.prog_fd = (uint32_t)prog;
	return call(BPF_RAW_TRACEPOINT_OPEN, &attr, SIZE_TO(raw_tracepoint.prog_fd));
}

int bpfcall_link_create(int prog, int target, uint32_t attach_type)
{
	union bpf_attr attr = { 0 };

	attr.link_create.prog_fd = (uint32_t)prog;
	attr.link_create.target_fd = (uint32_t)target;
	attr.link_create.attach_type = attach_type;
	return call(BPF_LINK_CREATE, &attr, SIZE_TO(link_create.flags));
}

int bpfcall_loader_prog(const void *insns, size_t insns_size, int data_map,
			const struct bpfcall_signature *signature)
{
	union attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.base.prog_type = BPF_PROG_TYPE_SYSCALL;
	attr.base.insns = POINTER(insns);
	attr.base.insn_cnt = (uint32_t)(insns_size / sizeof(struct bpf_insn));
	attr.base.license = POINTER("Dual BSD/GPL");
	copy_name(attr.base.prog_name, "bw_skeleton");
	attr.base.fd_array = POINTER(&data_map);
	attr.base.prog_flags = BPF_F_SLEEPABLE;
	if (!signature)
		return call(BPF_PROG_LOAD, &attr.base, SIZE_TO(fd_array));
	attr.load.fd_array_cnt = 1;
	attr.load.signature = POINTER(signature->bytes);
	attr.load.signature_size = (uint32_t)signature->size;
	attr.load.keyring_id = signature->keyring;
	return call(BPF_PROG_LOAD, &attr.base, LOAD_SIZE);
}

int bpfcall_run(int prog, void *ctx, uint32_t ctx_size, int32_t *ret_value)
{
	union bpf_attr attr = { 0 };
	int r;

	attr.test.prog_fd = (uint32_t)prog;
	attr.test.ctx_in = POINTER(ctx);
	attr.test.ctx_size_in = ctx_size;
	r = call(BPF_PROG_TEST_RUN, &attr, SIZE_TO(test));
	if (r < 0)
		return r;
	*ret_value = (int32_t)attr.test.retval;
	return 0;
}
