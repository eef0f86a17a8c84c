/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/warden/known-time.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loaderd/warden/warden.h"

#define SECOND 1000000000ULL

uint64_t known_time_at(struct known_time *known, uint64_t real, uint64_t boottime)
{
	uint64_t expected = known->real + (boottime > known->boottime ? boottime - known->boottime : 0);

	if (real < expected)
		return expected;
	*known = (struct known_time){ real, boottime };
	return real;
}

int64_t known_time_jump(struct known_time *seen, uint64_t real, uint64_t boottime)
{
	int64_t jump = (int64_t)(real - seen->real) - (int64_t)(boottime - seen->boottime);

	*seen = (struct known_time){ real, boottime };
	return jump;
}

uint64_t known_time(struct warden *w)
{
	return known_time_at(&w->known, now_realtime(), now_boottime());
}

/* --- the record --------------------------------------------------------------------------------------- */

#define TIME_TEXT_MAX 32

static const char *time_text(uint64_t ns, char buffer[TIME_TEXT_MAX])
{
	time_t t = (time_t)(ns / SECOND);
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buffer, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(buffer, TIME_TEXT_MAX, "%llu s", ns / SECOND);
	return buffer;
}

static bool is_behind(uint64_t real, uint64_t known)
{
	return known > real + CLOCK_SET_MIN * SECOND / 1000;
}

static void record(struct warden *w, const struct connection *by, uint64_t known, const char *detail)
{
	const struct act act = { .by = by, .action = "clock", .known = known, .detail = detail };

	process_log(4, "%s", detail);
	record_event(w, AUDIT_CHANGE, &act);
}

#define STAYS \
	"what had expired by %s stays expired; if it was never that late: bpfwarden registry accept-clock"

void known_time_clock_set(struct warden *w)
{
	uint64_t real = now_realtime(), boottime = now_boottime(), known;
	int64_t jump = known_time_jump(&w->clock_seen, real, boottime);
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX], by[TIME_TEXT_MAX], detail[320];

	known = known_time_at(&w->known, real, boottime);
	if (llabs(jump) < (int64_t)(CLOCK_SET_MIN * SECOND / 1000))
		return;
	time_text((uint64_t)((int64_t)real - jump), from);
	time_text(real, to);
	if (is_behind(real, known))
		snprintf(detail, sizeof(detail), "the clock was set from %s to %s: " STAYS, from, to,
			 time_text(known, by));
	else
		snprintf(detail, sizeof(detail), "the clock was set from %s to %s", from, to);
	record(w, NULL, known, detail);
}

void known_time_accept(struct warden *w, struct connection *by)
{
	uint64_t known = known_time(w), real = now_realtime();
	char was[TIME_TEXT_MAX], now[TIME_TEXT_MAX], detail[320];

	snprintf(detail, sizeof(detail), "what had expired by %s and not by %s is judged anew",
		 time_text(known, was), time_text(real, now));
	w->known = (struct known_time){ real, now_boottime() };
	record(w, by, real, detail);
}

/* --- what the log knows ------------------------------------------------------------------------------- */

struct reading {
	struct known_time known; /* the boot's own clock in place of CLOCK_BOOTTIME: it is in the record */
	char boot[40];
};

static uint64_t number(const json_t *record, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(record, key));

	return value > 0 ? (uint64_t)value : 0;
}

/* First the last change of the clock, which says what was known then, after the last record: of that, the
 * time on which it was appended. A clock that says less than the change before has only gone on by the time
 * between.
 */
static int on_row(const struct audit_row *row, void *userdata)
{
	struct reading *reading = userdata;
	json_t *record = json_loadb(row->bytes, row->size, JSON_REJECT_DUPLICATES, NULL);
	const char *boot = json_string_value(json_object_get(record, "boot"));
	struct known_time at = { number(record, "time_ns"), number(record, "monotonic_ns") };
	bool same = boot && !strcmp(boot, reading->boot);

	if (!same)
		reading->known.boottime = at.boottime;
	if (number(record, "known_ns"))
		reading->known = (struct known_time){ number(record, "known_ns"), at.boottime };
	else
		reading->known.real = known_time_at(&reading->known, at.real, at.boottime);
	reading->known.boottime = at.boottime;
	snprintf(reading->boot, sizeof(reading->boot), "%s", boot ? boot : "");
	json_decref(record);
	return 1;
}

static int read_log(struct warden *w, struct reading *reading, struct refusal *refusal)
{
	struct audit_filter change = { .kind = "change", .action = "clock", .reverse = true, .limit = 1 };
	struct audit_filter last = { .reverse = true, .limit = 1 };
	int r = audit_query(w->audit, &change, on_row, reading, refusal);

	return r ? r : audit_query(w->audit, &last, on_row, reading, refusal);
}

int known_time_read(struct warden *w)
{
	uint64_t real = now_realtime(), boottime = now_boottime(), known;
	char now[TIME_TEXT_MAX], by[TIME_TEXT_MAX], detail[320];
	struct reading reading = { 0 };
	struct refusal refusal = { 0 };
	int r = read_log(w, &reading, &refusal);

	if (r)
		process_log(3, "the latest time that is known cannot be read: %s",
			    r > 0 ? refusal.reason : strerror(-r));
	w->clock_seen = (struct known_time){ real, boottime };
	w->known = (struct known_time){ reading.known.real, boottime };
	known = known_time_at(&w->known, real, boottime);
	if (is_behind(real, known)) {
		snprintf(detail, sizeof(detail), "the clock says %s: " STAYS, time_text(real, now),
			 time_text(known, by));
		record(w, NULL, known, detail);
	}
	return r < 0 ? r : 0;
}
