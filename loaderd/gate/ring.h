/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Consuming a BPF ring buffer without libbpf (kernel: Documentation/bpf/ringbuf.rst, kernel/bpf/ringbuf.c).
 * The reading position runs ahead of the consumer position, which is what the kernel sees as free.
 */
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct ring;

/* Maps the ring of `size` data bytes. Takes fd also on failure. -EINVAL: no possible size; mmap(2)'s errors.
 */
int ring_new(int fd, uint32_t size, struct ring **ret);
struct ring *ring_free(struct ring *ring);
DEFINE_CLEANUP(struct ring *, ring_free)

int ring_fd(const struct ring *ring);

/* The next record: 1 with *ret pointing into the mapping, 0 if none is complete, -EBADMSG if what the pages
 * say cannot be a ring. Discarded records are passed over, at most 1024 a call. */
int ring_next(struct ring *ring, const void **ret, size_t *ret_size);

/* True if the producer is ahead of the reading position. */
int ring_waiting(const struct ring *ring);

uint64_t ring_position(const struct ring *ring);

/* Gives everything before this position back to the kernel. */
void ring_commit(struct ring *ring, uint64_t position);
