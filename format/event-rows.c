/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/event.h"

#include <stdio.h>
#include <string.h>

static size_t labels_size(uint32_t size)
{
	return size < LABELS_SIZE_MAX ? size : LABELS_SIZE_MAX;
}

static void write_buckets(struct json_text *t, const struct bw_histogram *h)
{
	bool any = false;

	json_append_key(t, "buckets");
	JSON_APPEND_LITERAL(t, "[");
	for (unsigned int i = 0; i < BW_HISTOGRAM_BUCKETS; i++) {
		if (!h->bucket[i])
			continue;
		if (any)
			JSON_APPEND_LITERAL(t, ",");
		JSON_APPEND_LITERAL(t, "{");
		json_member_u64(t, "index", i);
		json_member_u64(t, "count", h->bucket[i]);
		JSON_APPEND_LITERAL(t, "}");
		any = true;
	}
	JSON_APPEND_LITERAL(t, "]");
}

/* Ticks of 2^-30 s as seconds with nine places: the fraction has 30 bits, so its product fits. */
static void write_seconds(struct json_text *t, uint64_t ticks)
{
	uint64_t fraction = (ticks & ((1ULL << 30) - 1)) * 1000000000ULL >> 30;
	char text[32];
	int n = snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)(ticks >> 30),
			 (unsigned long long)fraction);

	json_append(t, text, (size_t)n);
}

void event_write_histogram(const struct event_format *f, struct json_text *t,
			   const struct message_histogram *m)
{
	JSON_APPEND_LITERAL(t, "{\"labels\":");
	event_write_labels(f, t, m->labels, labels_size(m->labels_size));
	json_append_key(t, "name");
	json_append_printable(t, event_format_histogram_name(f), OBJECT_NAME_MAX);
	json_append_key(t, "unit");
	json_append_printable(t, event_format_histogram_unit(f), 16);
	json_member_u64(t, "count", m->histogram.count);
	json_append_key(t, "sum");
	write_seconds(t, m->histogram.sum);
	write_buckets(t, &m->histogram);
	JSON_APPEND_LITERAL(t, "}");
}

void event_write_count(const struct event_format *f, struct json_text *t, const struct message_count *m)
{
	JSON_APPEND_LITERAL(t, "{\"labels\":");
	event_write_labels(f, t, m->labels, labels_size(m->labels_size));
	json_member_u64(t, "count", m->count);
	JSON_APPEND_LITERAL(t, "}");
}

void event_write_counters(struct json_text *t, const struct bw_counters *c)
{
	JSON_APPEND_LITERAL(t, "{");
	json_member_u64(t, "seen", c->seen);
	json_member_u64(t, "submitted", c->submitted);
	json_member_u64(t, "ring_full", c->ring_full);
	json_member_u64(t, "map_full", c->map_full);
	json_member_u64(t, "filtered", c->filtered);
	json_member_u64(t, "sampled_out", c->sampled_out);
	JSON_APPEND_LITERAL(t, "}");
}

static void member_name(struct json_text *t, const char *key, const char *name)
{
	json_append_key(t, key);
	json_append_string(t, name ? name : "?", OBJECT_NAME_MAX);
}

static void write_field_list(struct json_text *t, const char *key, const struct spec_field *fields,
			     uint32_t n)
{
	json_append_key(t, key);
	JSON_APPEND_LITERAL(t, "[");
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			JSON_APPEND_LITERAL(t, ",");
		JSON_APPEND_LITERAL(t, "{");
		member_name(t, "name", fields[i].name);
		member_name(t, "type", spec_type_name(fields[i].type));
		json_member_string(t, "unit", fields[i].unit, sizeof(fields[i].unit));
		member_name(t, "privacy", spec_privacy_name(fields[i].privacy));
		JSON_APPEND_LITERAL(t, "}");
	}
	JSON_APPEND_LITERAL(t, "]");
}

/* Of a parameter whose values have names: the first is that of 0. */
static void write_values(struct json_text *t, const struct spec_param *p)
{
	if (!p->n_values)
		return;
	json_append_key(t, "values");
	JSON_APPEND_LITERAL(t, "[");
	for (uint32_t i = 0; i < p->n_values; i++) {
		if (i)
			JSON_APPEND_LITERAL(t, ",");
		json_append_string(t, p->values[i], sizeof(p->values[i]));
	}
	JSON_APPEND_LITERAL(t, "]");
}

static void write_parameters(struct json_text *t, const struct spec *spec)
{
	json_append_key(t, "parameters");
	JSON_APPEND_LITERAL(t, "[");
	for (uint32_t i = 0; i < spec->n_params; i++) {
		const struct spec_param *p = &spec->params[i];

		if (i)
			JSON_APPEND_LITERAL(t, ",");
		JSON_APPEND_LITERAL(t, "{");
		member_name(t, "name", p->name);
		member_name(t, "type", spec_type_name(p->type));
		json_member_string(t, "unit", p->unit, sizeof(p->unit));
		json_member_u64(t, "min", p->min);
		json_member_u64(t, "max", p->max);
		json_member_u64(t, "default", p->initial);
		write_values(t, p);
		JSON_APPEND_LITERAL(t, "}");
	}
	JSON_APPEND_LITERAL(t, "]");
}

static void write_program(struct json_text *t, const char *variant, const struct spec_program *p)
{
	/* Which of a variant's programs it is that can do more than look on. */
	struct spec_variant alone = { .n_programs = 1, .programs = { *p } };

	JSON_APPEND_LITERAL(t, "{");
	member_name(t, "variant", variant);
	member_name(t, "name", p->name);
	member_name(t, "hook", p->hook);
	json_append_key(t, "helpers");
	JSON_APPEND_LITERAL(t, "[");
	for (uint32_t i = 0; i < p->n_helpers; i++) {
		if (i)
			JSON_APPEND_LITERAL(t, ",");
		json_append_u64(t, p->helpers[i]);
	}
	JSON_APPEND_LITERAL(t, "]");
	json_member_bool(t, "may_modify", spec_may_modify(&alone));
	JSON_APPEND_LITERAL(t, "}");
}

static void write_programs(struct json_text *t, const struct spec *spec)
{
	bool any = false;

	json_append_key(t, "programs");
	JSON_APPEND_LITERAL(t, "[");
	for (uint32_t v = 0; v < spec->n_variants; v++)
		for (uint32_t i = 0; i < spec->variants[v].n_programs; i++) {
			if (any)
				JSON_APPEND_LITERAL(t, ",");
			write_program(t, spec->variants[v].name, &spec->variants[v].programs[i]);
			any = true;
		}
	JSON_APPEND_LITERAL(t, "]");
}

void event_write_description(struct json_text *t, const struct spec *spec)
{
	json_append_key(t, "licence");
	json_append_string(t, spec->licence, sizeof(spec->licence));
	json_member_u64(t, "memory", spec->memory);
	write_field_list(t, "event", spec->fields, spec->n_fields);
	write_field_list(t, "labels", spec->labels, spec->n_labels);
	write_parameters(t, spec);
	write_programs(t, spec);
}
