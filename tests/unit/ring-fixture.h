/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A real ring of the kernel and a program that fills it, run by BPF_PROG_TEST_RUN. */
#include <stdbool.h>
#include <stdint.h>

#include "bpf/include/bpfwarden/abi.h"

struct ring_event {
	struct bw_event header;
	uint64_t payload; /* the sequence once more */
};

struct ring_fixture {
	int ring, counter, program;
	uint32_t size;
};

/* False if this process may not use bpf(2): skip. wake: every event wakes the consumer. */
bool ring_fixture_new(struct ring_fixture *r, uint32_t size, bool wake);
void ring_fixture_free(struct ring_fixture *r);

/* Numbers and sends n events of CPU 0; those that do not fit are lost, as with any probe. */
void ring_fixture_produce(struct ring_fixture *r, uint32_t n);
