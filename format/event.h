/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What the programs wrote, as JSON: events, labels, histograms and counts, each by the signed spec.
 *
 * An event of a probe with SPEC_HAS_DEMUX begins with time (CLOCK_BOOTTIME, ns), cpu, tgid, tid, uid and
 *cgroup (id); then come the spec's fields in its order, under their names: integers, ns	numbers (above
 *INT64_MAX quoted)	bool		true, false chars		text, sanitised			bytes
 *lower-case hexadecimal ipv4, ipv6	address text; ::ffff:a.b.c.d as a.b.c.d enum		name, or the
 *number if the running kernel has no name for it errno		name; null for 0		cgroup
 *id Fields above the granted privacy class are left out. An event of a spec without fields is {"bytes": hex}.
 */
#include "common/cleanup.h"
#include "format/json.h"
#include "format/message.h"
#include "format/spec.h"

struct event_format;

/* Prepares a spec and the entries of its enumerations memfd (sorted by field, then value; names terminated)
 * for writing. Copies both. -EINVAL: either breaks its promises; -ENOMEM. */
int event_format_new(const struct spec *spec, uint32_t privacy_max, const struct enumeration_entry *entries,
		     size_t n_entries, struct event_format **ret);
struct event_format *event_format_free(struct event_format *f);
DEFINE_CLEANUP(struct event_format *, event_format_free)

/* Bytes of the smallest record that is an event, and whether it begins with struct bw_event. */
size_t event_format_size(const struct event_format *f);
bool event_format_has_header(const struct event_format *f);

/* The histogram's metric name and unit; empty if the probe has none. */
const char *event_format_histogram_name(const struct event_format *f);
const char *event_format_histogram_unit(const struct event_format *f);

/* Each appends one JSON object. `bytes` must have event_format_size() of them; alignment does not matter. */
void event_write(const struct event_format *f, struct json_text *t, const void *bytes, size_t size);
void event_write_labels(const struct event_format *f, struct json_text *t, const uint8_t *labels,
			size_t size);
void event_write_histogram(const struct event_format *f, struct json_text *t,
			   const struct message_histogram *m);
void event_write_count(const struct event_format *f, struct json_text *t, const struct message_count *m);
void event_write_counters(struct json_text *t, const struct bw_counters *c);

/* The members of Describe that come from the spec: licence, memory, event, labels, parameters, programs. */
void event_write_description(struct json_text *t, const struct spec *spec);
