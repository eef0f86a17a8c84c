/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * Which bucket of struct bw_histogram a value belongs to. Compiled for both sides: the unit test holds it to
 * a slow reference.
 */
#include "bpfwarden/abi.h"

/* Position of the highest set bit of v > 0. */
static inline __attribute__((always_inline)) __u32 bw_log2(__u64 v)
{
	__u32 r, shift;

	r = (v > 0xffffffffULL) << 5;
	v >>= r;
	shift = (v > 0xffff) << 4;
	v >>= shift;
	r |= shift;
	shift = (v > 0xff) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xf) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	return r | (__u32)(v >> 1);
}

/*
 * Ticks of 2^-30 s in so many nanoseconds: ns · 2^30 / 10^9. Below 17 s by one multiplication with the
 * fraction 0.073741824 · 2^32, at most two ticks too few; above by division, exact but for the rounding down.
 */
static inline __attribute__((always_inline)) __u64 bw_ticks(__u64 ns)
{
	if (ns < 1ULL << 34)
		return ns + (ns * 316718722ULL >> 32);
	return (ns / 1000000000 << 30) + ((ns % 1000000000 << 30) / 1000000000);
}

/*
 * Four buckets an octave, upper bound included: 2^e itself is the last of its octave. The mantissa, shifted
 * to the top of the word, is compared with 2^(1/4), 2^(1/2) and 2^(3/4), each times 2^63 and rounded down.
 */
static inline __attribute__((always_inline)) __u32 bw_histogram_index(__u64 ticks)
{
	__u64 mantissa;
	__u32 e, index;

	if (ticks <= 1)
		return 0;
	e = bw_log2(ticks);
	mantissa = ticks << (63 - e);
	index = 4 * e + (mantissa > 1ULL << 63);
	index += mantissa > 0x9837f0518db8a96fULL;
	index += mantissa > 0xb504f333f9de6484ULL;
	index += mantissa > 0xd744fccad69d6af4ULL;
	return index < BW_HISTOGRAM_BUCKETS ? index : BW_HISTOGRAM_BUCKETS - 1;
}
