/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/ring-fixture.h"

#include <linux/bpf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/cleanup.h"

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int make_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = key_size, .value_size = value_size, .max_entries = max_entries
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

#define INSN(code_, dst, src, off_, imm_)                                                                  \
	{                                                                                                  \
		.code = (code_), .dst_reg = (dst), .src_reg = (src), .off = (int16_t)(off_), .imm = (imm_) \
	}
#define MAP(dst, fd)         INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)
#define MOV(dst, src)        INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET(dst, imm)        INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define ADD(dst, imm)        INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
#define ZERO(off)            INSN(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, off, 0)
#define STORE(dst, src, off) INSN(BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define CALL(function)       INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)

#define EVENT_AT   (-8 - (int)sizeof(struct ring_event)) /* below the look-up's key */
#define AT(member) (EVENT_AT + (int)offsetof(struct ring_event, member))

/* event.sequence = event.payload = counter++; output(ring, event) */
static int make_program(int ring, int counter, bool wake)
{
	const struct bpf_insn insns[] = {
		ZERO(-8),
		MAP(BPF_REG_1, counter),
		MOV(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, -8),
		CALL(BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 17, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_0, 0, 0),
		MOV(BPF_REG_8, BPF_REG_7),
		ADD(BPF_REG_8, 1),
		STORE(BPF_REG_0, BPF_REG_8, 0),
		ZERO(EVENT_AT),
		ZERO(EVENT_AT + 8),
		ZERO(EVENT_AT + 24),
		ZERO(EVENT_AT + 32),
		STORE(BPF_REG_10, BPF_REG_7, AT(header.sequence)),
		STORE(BPF_REG_10, BPF_REG_7, AT(payload)),
		MAP(BPF_REG_1, ring),
		MOV(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, EVENT_AT),
		SET(BPF_REG_3, sizeof(struct ring_event)),
		SET(BPF_REG_4, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP),
		CALL(BPF_FUNC_ringbuf_output),
		SET(BPF_REG_0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insns = (uint64_t)(uintptr_t)insns,
				.insn_cnt = sizeof(insns) / sizeof(insns[0]),
				.license = (uint64_t)(uintptr_t) "GPL" };

	return bpf(BPF_PROG_LOAD, &attr);
}

bool ring_fixture_new(struct ring_fixture *r, uint32_t size, bool wake)
{
	*r = (struct ring_fixture){ .ring = -1, .counter = -1, .program = -1, .size = size };
	r->ring = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, size);
	r->counter = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1);
	if (r->ring >= 0 && r->counter >= 0)
		r->program = make_program(r->ring, r->counter, wake);
	if (r->program < 0)
		ring_fixture_free(r);
	return r->program >= 0;
}

void ring_fixture_free(struct ring_fixture *r)
{
	r->ring = close_fd(r->ring);
	r->counter = close_fd(r->counter);
	r->program = close_fd(r->program);
}

void ring_fixture_produce(struct ring_fixture *r, uint32_t n)
{
	uint8_t packet[64] = { 0 };
	union bpf_attr attr = { .test = { .prog_fd = (uint32_t)r->program,
					  .repeat = n,
					  .data_in = (uint64_t)(uintptr_t)packet,
					  .data_size_in = sizeof(packet) } };

	if (bpf(BPF_PROG_TEST_RUN, &attr) < 0)
		abort();
}
