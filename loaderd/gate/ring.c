/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/gate/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "common/limits.h"

#define SKIP_MAX 1024

struct ring {
	int fd;
	size_t page, size;
	uint8_t *consumer_page; /* read and write: the consumer position */
	uint8_t *producer_page; /* read only: the producer position, then the data twice */
	uint64_t position;      /* read up to here */
	uint64_t committed;
};

struct ring *ring_free(struct ring *ring)
{
	if (!ring)
		return NULL;
	if (ring->consumer_page)
		munmap(ring->consumer_page, ring->page);
	if (ring->producer_page)
		munmap(ring->producer_page, ring->page + 2 * ring->size);
	close_fd(ring->fd);
	free(ring);
	return NULL;
}

/* The positions are `unsigned long`, 64 bits wherever the project runs. */
_Static_assert(sizeof(unsigned long) == sizeof(uint64_t), "positions of 64 bits");

static uint64_t load_position(const uint8_t *page)
{
	return __atomic_load_n((const uint64_t *)(const void *)page, __ATOMIC_ACQUIRE);
}

int ring_new(int fd, uint32_t size, struct ring **ret)
{
	_cleanup_(ring_free_p) struct ring *ring = NULL;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p;

	ring = calloc(1, sizeof(*ring));
	if (!ring) {
		close_fd(fd);
		return -ENOMEM;
	}
	ring->fd = fd;
	ring->page = page;
	ring->size = size;
	if (size < page || (size & (size - 1)) || size > ATTACHMENT_MEMORY_MAX)
		return -EINVAL;
	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	ring->consumer_page = p;
	p = mmap(NULL, page + 2 * ring->size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (p == MAP_FAILED)
		return -errno;
	ring->producer_page = p;
	ring->position = ring->committed = load_position(ring->consumer_page);
	*ret = take_ptr(ring);
	return 0;
}

int ring_fd(const struct ring *ring)
{
	return ring->fd;
}

int ring_waiting(const struct ring *ring)
{
	return load_position(ring->producer_page) != ring->position;
}

uint64_t ring_position(const struct ring *ring)
{
	return ring->position;
}

void ring_commit(struct ring *ring, uint64_t position)
{
	if (position <= ring->committed)
		return;
	ring->committed = position;
	__atomic_store_n((uint64_t *)(void *)ring->consumer_page, position, __ATOMIC_RELEASE);
}

int ring_next(struct ring *ring, const void **ret, size_t *ret_size)
{
	const uint8_t *data = ring->producer_page + ring->page;
	uint64_t producer = load_position(ring->producer_page);

	for (unsigned int skipped = 0; skipped < SKIP_MAX && ring->position != producer; skipped++) {
		uint64_t left = producer - ring->position;
		const uint8_t *header = data + (ring->position & (ring->size - 1));
		uint32_t word, length;
		uint64_t step;

		/* Everything here is checked as if the pages were a stranger's: no length is believed that
		 * leaves the part between reading position and producer, which is at most the ring. */
		if (left > ring->size || (ring->position & 7) || left < BPF_RINGBUF_HDR_SZ)
			return -EBADMSG;
		word = __atomic_load_n((const uint32_t *)(const void *)header, __ATOMIC_ACQUIRE);
		if (word & BPF_RINGBUF_BUSY_BIT)
			return 0;
		length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		step = ((uint64_t)length + BPF_RINGBUF_HDR_SZ + 7) & ~7ULL;
		if (step > left)
			return -EBADMSG;
		ring->position += step;
		if (word & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*ret = header + BPF_RINGBUF_HDR_SZ;
		*ret_size = length;
		return 1;
	}
	return 0;
}
