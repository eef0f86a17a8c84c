/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/gate/sequence.h"

#include <errno.h>
#include <stdlib.h>

#define UNSEEN UINT64_MAX

struct sequence {
	bool from_zero;
	uint32_t n;
	uint64_t *expected; /* by CPU: the next number */
};

int sequence_new(bool from_zero, struct sequence **ret)
{
	struct sequence *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->from_zero = from_zero;
	*ret = s;
	return 0;
}

struct sequence *sequence_free(struct sequence *s)
{
	if (s)
		free(s->expected);
	free(s);
	return NULL;
}

static int grow(struct sequence *s, uint32_t cpu)
{
	uint32_t n = s->n ? s->n : 16;
	uint64_t *expected;

	if (cpu >= SEQUENCE_CPUS_MAX)
		return -EBADMSG;
	while (n <= cpu)
		n *= 2;
	expected = realloc(s->expected, n * sizeof(*expected));
	if (!expected)
		return -ENOMEM;
	for (uint32_t i = s->n; i < n; i++)
		expected[i] = s->from_zero ? 0 : UNSEEN;
	s->expected = expected;
	s->n = n;
	return 0;
}

int sequence_next(struct sequence *s, uint32_t cpu, uint64_t number, int64_t *ret)
{
	uint64_t *expected;

	if (cpu >= s->n) {
		int r = grow(s, cpu);

		if (r < 0)
			return r;
	}
	expected = &s->expected[cpu];
	if (*expected == UNSEEN || number >= *expected) {
		*ret = *expected == UNSEEN ? 0 : (int64_t)(number - *expected);
		*expected = number + 1;
	} else {
		*ret = -1;
	}
	return 0;
}
