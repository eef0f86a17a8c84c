/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/gate/row.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "format/event.h"
#include "format/varlink.h"

#define MEMBER_TEXT(t, key, array) member_text((t), (key), (array), sizeof(array))

static void member_text(struct json_text *t, const char *key, const char *array, size_t size)
{
	json_append_key(t, key);
	json_append_printable(t, array, size);
}

/* A member that is left out when there is nothing to say. */
static void member_optional(struct json_text *t, const char *key, const char *array, size_t size)
{
	if (array[0])
		member_text(t, key, array, size);
}

static void member_begin(struct json_text *t, const char *key, const char *bracket)
{
	json_append_key(t, key);
	json_append(t, bracket, 1);
}

/* An item of an array of strings. */
static void item(struct json_text *t, const char *text, size_t size)
{
	if (t->size && t->bytes[t->size - 1] != '[')
		JSON_APPEND_LITERAL(t, ",");
	json_append_printable(t, text, size);
}

static void member_targets(struct json_text *t, const char *key, uint32_t bits)
{
	member_begin(t, key, "[");
	for (uint32_t i = 0; i < _TARGET_KIND_MAX; i++)
		if (bits & 1U << i)
			item(t, target_kind_name(i), 16);
	JSON_APPEND_LITERAL(t, "]");
}

static void member_data(struct json_text *t, uint32_t bits)
{
	member_begin(t, "data", "[");
	if (bits & MESSAGE_DATA_AGGREGATES)
		item(t, "aggregates", 16);
	if (bits & MESSAGE_DATA_EVENTS)
		item(t, "events", 16);
	JSON_APPEND_LITERAL(t, "]");
}

/* Blank-separated words as an array. */
static void member_words(struct json_text *t, const char *key, const char *array, size_t size)
{
	size_t n = strnlen(array, size);

	member_begin(t, key, "[");
	for (size_t i = 0, length; i < n; i += length + 1) {
		const char *blank = memchr(array + i, ' ', n - i);

		length = blank ? (size_t)(blank - (array + i)) : n - i;
		if (length)
			item(t, array + i, length);
	}
	JSON_APPEND_LITERAL(t, "]");
}

static const struct message_probe *common_part(struct json_text *t, const struct message_probe *p,
					       const char *key)
{
	member_begin(t, key, "{");
	MEMBER_TEXT(t, "name", p->name);
	json_member_u64(t, "serial", p->serial);
	MEMBER_TEXT(t, "version", p->version);
	MEMBER_TEXT(t, "summary", p->summary);
	MEMBER_TEXT(t, "channel", p->channel);
	member_words(t, "signers", p->signers, sizeof(p->signers));
	json_member_hex(t, "digest", p->digest, sizeof(p->digest));
	member_optional(t, "problem", p->problem, sizeof(p->problem));
	return p;
}

static void write_probe(struct json_text *t, const struct message_probe *p)
{
	common_part(t, p, "probe");
	member_targets(t, "targets", p->targets);
	member_targets(t, "allowed", p->allowed);
	member_words(t, "may", p->may, sizeof(p->may));
	member_data(t, p->data);
	JSON_APPEND_LITERAL(t, "}");
}

bool row_probe(struct json_text *t, const struct message *m)
{
	write_probe(t, (const void *)m);
	return true;
}

static void write_bundle(struct json_text *t, const struct message_probe *p)
{
	common_part(t, p, "bundle");
	json_member_bool(t, "revoked", p->revoked);
	MEMBER_TEXT(t, "enrolled_by", p->enrolled_by);
	json_member_u64(t, "enrolled_at", p->enrolled_at);
	JSON_APPEND_LITERAL(t, "}");
}

bool row_bundle(struct json_text *t, const struct message *m)
{
	write_bundle(t, (const void *)m);
	return true;
}

/* The next object of an array. */
static void object_begin(struct json_text *t)
{
	if (t->size && t->bytes[t->size - 1] != '[')
		JSON_APPEND_LITERAL(t, ",");
	JSON_APPEND_LITERAL(t, "{");
}

static void member_signers(struct json_text *t, const struct message_reply_bundle *r)
{
	member_begin(t, "signatures", "[");
	for (uint32_t i = 0; i < r->n_signers; i++) {
		const struct message_signer *s = &r->signer[i];

		object_begin(t);
		MEMBER_TEXT(t, "subject", s->subject);
		json_member_hex(t, "key", s->key, sizeof(s->key));
		json_member_hex(t, "certificate", s->certificate, sizeof(s->certificate));
		json_member_u64(t, "not_after", s->not_after > 0 ? (uint64_t)s->not_after : 0);
		JSON_APPEND_LITERAL(t, "}");
	}
	JSON_APPEND_LITERAL(t, "]");
}

static void member_files(struct json_text *t, const struct message_reply_bundle *r)
{
	member_begin(t, "files", "[");
	for (uint32_t i = 0; i < r->n_files; i++) {
		const struct spec_file *f = &r->files[i];

		object_begin(t);
		MEMBER_TEXT(t, "name", f->name);
		json_member_u64(t, "size", f->size);
		json_member_hex(t, "sha256", f->digest, sizeof(f->digest));
		JSON_APPEND_LITERAL(t, "}");
	}
	JSON_APPEND_LITERAL(t, "]");
}

bool row_registered(struct json_text *t, const struct message *m)
{
	const struct message_reply_bundle *r = (const void *)m;

	if (r->n_signers > SIGNATURES_MAX || r->n_files > BUNDLE_FILES_MAX)
		return false;
	write_bundle(t, &r->probe);
	json_member_bool(t, "shipped", r->shipped);
	json_member_u64(t, "issued", r->issued);
	if (r->not_after)
		json_member_u64(t, "not_after", r->not_after);
	if (r->valid_until > 0 && r->valid_until < INT64_MAX)
		json_member_u64(t, "valid_until", (uint64_t)r->valid_until);
	json_member_u64(t, "highest_production", r->highest_production);
	json_member_u64(t, "highest_experimental", r->highest_experimental);
	member_signers(t, r);
	member_files(t, r);
	return true;
}

bool row_description(struct json_text *t, const struct message *m)
{
	const struct message_reply_spec *r = (const void *)m;

	if (!spec_check(&r->spec))
		return false;
	write_probe(t, &r->probe);
	event_write_description(t, &r->spec);
	return true;
}

static uint64_t remaining_seconds(uint64_t deadline)
{
	struct timespec ts = { 0 };
	uint64_t now;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	/* Rounded up, so that what was just granted for an hour is not shown as a second less. */
	return deadline > now ? (deadline - now + 999999999ULL) / 1000000000ULL : 0;
}

static void member_target(struct json_text *t, const struct attachment *a)
{
	const char *kind = target_kind_name(a->target_kind);
	int length = (int)strnlen(a->target, sizeof(a->target));
	char text[TARGET_NAME_MAX + 16];

	snprintf(text, sizeof(text), "%s%s%.*s", kind ? kind : "?", length ? ":" : "", length, a->target);
	MEMBER_TEXT(t, "target", text);
}

/* What is in force, by name. */
static void member_parameters(struct json_text *t, const struct message_attachment *m)
{
	member_begin(t, "parameters", "{");
	for (uint32_t i = 0; i < m->n_parameters; i++) {
		if (i)
			JSON_APPEND_LITERAL(t, ",");
		json_append_printable(t, m->parameter_names[i], sizeof(m->parameter_names[i]));
		JSON_APPEND_LITERAL(t, ":");
		json_append_s64(t,
				(int64_t)(m->a.parameters[i] < INT64_MAX ? m->a.parameters[i] : INT64_MAX));
	}
	JSON_APPEND_LITERAL(t, "}");
}

static void member_cost(struct json_text *t, const struct message_attachment *m)
{
	member_begin(t, "cost", "{");
	json_member_u64(t, "cpu", m->cpu);
	json_append_key(t, "counters");
	event_write_counters(t, &m->counters);
	if (m->costs & MESSAGE_COSTS_PROGRAM) {
		member_begin(t, "program", "{");
		json_member_u64(t, "cpu", m->program_cpu);
		json_member_u64(t, "runs", m->program.runs);
		json_member_u64(t, "timed_runs", m->program.self_runs);
		json_member_u64(t, "timed", m->program.self_ns);
		json_member_u64(t, "attachments", m->sharing);
		json_append_key(t, "counters");
		event_write_counters(t, &m->program);
		JSON_APPEND_LITERAL(t, "}");
	}
	JSON_APPEND_LITERAL(t, "}");
}

static void write_attachment(struct json_text *t, const struct message_attachment *m)
{
	const char *privacy = spec_privacy_name(m->a.privacy_max);
	const struct attachment *a = &m->a;
	char id[17];

	snprintf(id, sizeof(id), "%016" PRIx64, a->id);
	member_begin(t, "attachment", "{");
	MEMBER_TEXT(t, "id", id);
	MEMBER_TEXT(t, "probe", a->probe);
	json_member_u64(t, "serial", a->serial);
	member_target(t, a);
	json_member_u64(t, "uid", a->uid);
	MEMBER_TEXT(t, "user", a->user);
	json_member_u64(t, "since", a->since);
	json_member_u64(t, "remaining", remaining_seconds(a->deadline));
	member_data(t, a->data);
	member_text(t, "privacy", privacy ? privacy : "?", 16);
	member_parameters(t, m);
	MEMBER_TEXT(t, "rule", a->rule);
	json_member_u64(t, "memory", a->memory);
	MEMBER_TEXT(t, "kernel_verified", m->kernel_verified);
	if (m->costs & MESSAGE_COSTS_OWN)
		member_cost(t, m);
	JSON_APPEND_LITERAL(t, "}");
}

bool row_attachment(struct json_text *t, const struct message *m)
{
	const struct message_attachment *a = (const void *)m;

	if (a->n_parameters > SPEC_PARAMS_MAX)
		return false;
	write_attachment(t, a);
	return true;
}

void row_write_stream(struct json_text *t, const struct message_stream *m)
{
	struct message_attachment a = { .a = m->a, .n_parameters = m->spec.n_params };

	memcpy(a.kernel_verified, m->kernel_verified, sizeof(a.kernel_verified));
	for (uint32_t i = 0; i < a.n_parameters; i++)
		memcpy(a.parameter_names[i], m->spec.params[i].name, sizeof(a.parameter_names[i]));
	write_attachment(t, &a);
}

/* A text row's object: checked by parsing, handed on byte for byte. False: it is none. */
static bool is_object(const struct message_text *m)
{
	json_t *object;

	if (m->m.size != offsetof(struct message_text, text) + (size_t)m->length ||
	    varlink_json_parse(m->text, m->length, MESSAGE_TEXT_MAX, &object) < 0)
		return false;
	json_decref(object);
	return true;
}

bool row_record(struct json_text *t, const struct message *m)
{
	const struct message_text *text = (const void *)m;

	if (!is_object(text))
		return false;
	json_append_key(t, "line");
	json_append_string(t, text->text, text->length);
	json_append_key(t, "record");
	json_append(t, text->text, text->length);
	return true;
}

bool row_section(struct json_text *t, const struct message *m)
{
	const struct message_text *text = (const void *)m;

	if (!is_object(text))
		return false;
	json_append_key(t, "section");
	json_append(t, text->text, text->length);
	return true;
}

bool row_outputs(struct json_text *t, const struct message *m)
{
	const struct message_text *text = (const void *)m;
	const char *open, *close;

	if (!is_object(text))
		return false;
	open = memchr(text->text, '{', text->length);
	close = memrchr(text->text, '}', text->length);
	json_append(t, open + 1, (size_t)(close - open - 1));
	return true;
}
