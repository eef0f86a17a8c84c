/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Numbers for people, and back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIT_TEXT_MAX 48

/* Each writes into buffer (UNIT_TEXT_MAX bytes) and returns it: "12.3 us", "4.0 KiB", "7h59m", local time. */
const char *unit_seconds(double seconds, char *buffer);
const char *unit_bytes(uint64_t bytes, char *buffer);
const char *unit_rate(double per_second, char *buffer); /* "12.3/s"; negative: unknown, "-" */
const char *unit_share(double share, char *buffer);     /* of one CPU: "0.03%", "150%" */
const char *unit_remaining(uint64_t seconds, char *buffer);
const char *unit_realtime(uint64_t ns, char *buffer);

/* "30s", "5m", "8h", "1d", "1h30m", "90": seconds. False: no duration, or nothing, or above 10 years. */
bool unit_parse_duration(const char *text, uint64_t *ret);

/* Decimal digits only. */
bool unit_parse_number(const char *text, uint64_t *ret);

/* "2026-01-31", "2026-01-31 10:00", "2026-01-31 10:00:30" in local time, "today" and "yesterday" when
 * they began, "@SECONDS", or a duration before now (realtime ns): realtime ns. */
bool unit_parse_time(const char *text, uint64_t now, uint64_t *ret);
