// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel's bucket arithmetic, compiled for user space, against a slow reference. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpfwarden/histogram.h"

typedef unsigned __int128 u128;

/* Is v ≤ 2^(i/4)? Exact: v⁴ ≤ 2^i, in 256 bits. */
static bool at_most_bound(uint64_t v, uint32_t i)
{
	u128 square = (u128)v * v, low = (u128)(uint64_t)square * (uint64_t)square;
	u128 middle = (u128)(uint64_t)(square >> 64) * (uint64_t)square;
	u128 high = (u128)(uint64_t)(square >> 64) * (uint64_t)(square >> 64);
	u128 carry = (low >> 64) + (uint64_t)middle + (uint64_t)middle;

	high += (middle >> 64) * 2 + (carry >> 64);
	low = (u128)(uint64_t)carry << 64 | (uint64_t)low;
	if (i >= 128)
		return high < (u128)1 << (i - 128) || (high == (u128)1 << (i - 128) && !low);
	return !high && low <= (u128)1 << i;
}

static uint32_t reference(uint64_t ticks)
{
	uint32_t i = 0;

	while (i < BW_HISTOGRAM_BUCKETS - 1 && !at_most_bound(ticks, i))
		i++;
	return i;
}

static void expect_bucket(uint64_t ticks)
{
	if (bw_histogram_index(ticks) != reference(ticks))
		fail_msg("%llu ticks: bucket %u, not %u", (unsigned long long)ticks,
			 bw_histogram_index(ticks), reference(ticks));
}

static void test_small_values(void **state)
{
	(void)state;
	for (uint64_t v = 0; v < 100000; v++)
		expect_bucket(v);
}

/* Powers of two are the last of their bucket; the value after them opens the next. */
static void test_powers_of_two(void **state)
{
	(void)state;
	for (uint32_t e = 1; e < 41; e++) {
		assert_int_equal(bw_histogram_index(1ULL << e), 4 * e);
		assert_int_equal(bw_histogram_index((1ULL << e) + 1), e == 1 ? 7 : 4 * e + (e == 2 ? 2 : 1));
	}
}

static void test_around_every_bound(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4 * 63; i++) {
		uint64_t bound = (uint64_t)exp2l(i / 4.0L);

		for (int64_t d = -3; d <= 3; d++)
			if (d >= 0 || bound > (uint64_t)-d)
				expect_bucket(bound + (uint64_t)d);
	}
}

static void test_random_values(void **state)
{
	uint64_t v = 88172645463325252ULL; /* xorshift: the same values in every run */

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		v ^= v << 13;
		v ^= v >> 7;
		v ^= v << 17;
		expect_bucket(v >> (v % 64));
	}
}

static void test_last_bucket_holds_the_rest(void **state)
{
	(void)state;
	assert_int_equal(bw_histogram_index(1ULL << 42), BW_HISTOGRAM_BUCKETS - 1);
	assert_int_equal(bw_histogram_index(UINT64_MAX), BW_HISTOGRAM_BUCKETS - 1);
}

/* Never too many, and at most two ticks too few; exact over 17 s. */
static void test_ticks(void **state)
{
	uint64_t ns = 1;

	(void)state;
	assert_int_equal(bw_ticks(0), 0);
	assert_int_equal(bw_ticks(1000000000), (1 << 30) - 1);
	assert_int_equal(bw_ticks(60000000000), 60ULL << 30);
	for (int i = 0; i < 1000; i++, ns += ns / 40 + 1) {
		uint64_t exact = (uint64_t)(((u128)ns << 30) / 1000000000), ticks = bw_ticks(ns);

		if (ticks > exact || exact - ticks > (ns < 1ULL << 34 ? 2 : 0))
			fail_msg("%llu ns: %llu ticks, not %llu", (unsigned long long)ns,
				 (unsigned long long)ticks, (unsigned long long)exact);
		if (ns > UINT64_MAX / 50)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_values),
		cmocka_unit_test(test_powers_of_two),
		cmocka_unit_test(test_around_every_bound),
		cmocka_unit_test(test_random_values),
		cmocka_unit_test(test_last_bucket_holds_the_rest),
		cmocka_unit_test(test_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
