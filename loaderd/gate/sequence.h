/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The exact number of lost events: each CPU numbers a subscriber's events without gaps, lost ones included
 * (struct bw_event). An event that an interrupt overtook between its number and its place in the ring comes
 * after a higher number; it then takes back that it was counted as lost.
 */
#include <stdbool.h>
#include <stdint.h>

#define SEQUENCE_CPUS_MAX 8192 /* CONFIG_NR_CPUS of Debian's kernels */

struct sequence;

/* from_zero: the first number of every CPU is 0; otherwise the first that is seen counts as the next. */
int sequence_new(bool from_zero, struct sequence **ret);
struct sequence *sequence_free(struct sequence *s);

/* How many events are missing before this one; -1: it had been counted as missing. -EBADMSG: no such CPU. */
int sequence_next(struct sequence *s, uint32_t cpu, uint64_t number, int64_t *ret);
