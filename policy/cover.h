/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Whether one section matches whatever another matches. For policy/ only. */
#include <stdbool.h>

#include "policy/rule.h"

/* True only if a matches every request that b matches; false if it does not, or if that cannot be shown key
 * by key. a is of b's kind, or a deny. Of enroll and promote, requests whose bundle is not yet known do not
 * count: nothing is decided by them. */
bool rule_covers(const struct rule *a, const struct rule *b);

/* True only if p matches every text that q matches: a '?' of p stands for one character or '?' of q, a '*' of
 * p for any run of them, and nothing else for a '*' of q. */
bool glob_covers(const char *p, const char *q);

/* The same for cgroups, where a pattern also matches whatever is below what it matches. */
bool glob_covers_cgroup(const char *p, const char *q);

/* True if every number from first to last is in some range. */
bool ranges_cover(const struct rule_ranges *ranges, uint32_t first, uint32_t last);
