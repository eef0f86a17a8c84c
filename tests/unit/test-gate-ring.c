/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "loaderd/gate/ring.h"

#define SIZE 4096

/* A memfd laid out like a ring: two pages of positions, then the data and its second image. */
struct pages {
	int fd;
	uint8_t *at;
};

static struct pages pages_new(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 2 * page + 2 * SIZE;
	struct pages p = { memfd_create("ring", MFD_CLOEXEC), NULL };

	assert_true(p.fd >= 0);
	assert_int_equal(ftruncate(p.fd, (off_t)size), 0);
	p.at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0);
	assert_true(p.at != MAP_FAILED);
	return p;
}

static void pages_free(struct pages *p)
{
	munmap(p->at, 2 * (size_t)sysconf(_SC_PAGESIZE) + 2 * SIZE);
	close(p->fd);
}

static void set_position(struct pages *p, unsigned int page, uint64_t value)
{
	memcpy(p->at + page * (size_t)sysconf(_SC_PAGESIZE), &value, sizeof(value));
}

static uint64_t consumer(const struct pages *p)
{
	uint64_t value;

	memcpy(&value, p->at, sizeof(value));
	return value;
}

static void put_header(struct pages *p, uint64_t position, uint32_t word)
{
	memcpy(p->at + 2 * (size_t)sysconf(_SC_PAGESIZE) + (position & (SIZE - 1)), &word, sizeof(word));
}

/* What a kernel would never write, and what it does: where the reading position ends up, and with what
 * result. */
static const struct {
	const char *what;
	uint64_t consumer, producer;
	uint32_t word;
	int r;
	size_t size;
} cases[] = {
	{ "empty", 0, 0, 0, 0, 0 },
	{ "one record", 0, 24, 9, 1, 9 },
	{ "an empty record", 0, 8, 0, 1, 0 },
	{ "at the end of the ring", SIZE - 8, SIZE + 8, 8, 1, 8 },
	{ "the whole ring", SIZE, 2 * SIZE, SIZE - 8, 1, SIZE - 8 },
	{ "positions about to overflow", UINT64_MAX - 15, 0, 8, 1, 8 },
	{ "busy", 0, 24, BPF_RINGBUF_BUSY_BIT | 9, 0, 0 },
	{ "discarded", 0, 24, BPF_RINGBUF_DISCARD_BIT | 16, 0, 0 },
	{ "longer than what is there", 0, 24, 17, -EBADMSG, 0 },
	{ "longest length", 0, 24, BPF_RINGBUF_DISCARD_BIT - 1, -EBADMSG, 0 },
	{ "longest length, discarded", 0, 24, BPF_RINGBUF_DISCARD_BIT | 0x3fffffff, -EBADMSG, 0 },
	{ "producer further than the ring is long", 0, SIZE + 8, 8, -EBADMSG, 0 },
	{ "producer behind", 16, 8, 8, -EBADMSG, 0 },
	{ "half a header", 0, 4, 0, -EBADMSG, 0 },
	{ "an odd position", 4, 28, 8, -EBADMSG, 0 },
};

static void test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pages p = pages_new();
		struct ring *ring = NULL;
		const void *bytes;
		size_t size = 0;
		int r;

		set_position(&p, 0, cases[i].consumer);
		set_position(&p, 1, cases[i].producer);
		put_header(&p, cases[i].consumer, cases[i].word);
		assert_int_equal(ring_new(dup(p.fd), SIZE, &ring), 0);
		r = ring_next(ring, &bytes, &size);
		if (r != cases[i].r || size != cases[i].size)
			fail_msg("%s: %d, %zu bytes", cases[i].what, r, size);
		ring_free(ring);
		pages_free(&p);
	}
}

/* The kernel sees room only where we gave it back, and never less than before. */
static void test_commit(void **state)
{
	struct pages p = pages_new();
	struct ring *ring = NULL;
	const void *bytes;
	size_t size;

	(void)state;
	put_header(&p, 0, 8);
	put_header(&p, 16, 8);
	set_position(&p, 1, 32);
	assert_int_equal(ring_new(dup(p.fd), SIZE, &ring), 0);
	assert_true(ring_waiting(ring));
	assert_int_equal(ring_next(ring, &bytes, &size), 1);
	assert_int_equal(consumer(&p), 0);
	assert_int_equal(ring_position(ring), 16);
	ring_commit(ring, 16);
	assert_int_equal(consumer(&p), 16);
	assert_int_equal(ring_next(ring, &bytes, &size), 1);
	assert_false(ring_waiting(ring));
	ring_commit(ring, 8);
	assert_int_equal(consumer(&p), 16);
	ring_free(ring);
	assert_int_equal(consumer(&p), 16);
	pages_free(&p);
}

static void test_sizes(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 2048, 4095, 12288, 128U << 20, UINT32_MAX };
	struct ring *ring = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(ring_new(memfd_create("ring", MFD_CLOEXEC), sizes[i], &ring), -EINVAL);
	assert_null(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_commit),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
