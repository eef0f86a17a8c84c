/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

/* One field, compiled: its key with comma and colon is written by one copy. */
struct field {
	uint32_t type, offset, size;
	uint32_t first, n; /* its part of entries */
	uint32_t key_size;
	char key[OBJECT_NAME_MAX + 4]; /* ,"name": */
};

struct event_format {
	bool has_header;
	uint32_t event_size;
	uint32_t n_fields, n_labels;
	struct field fields[SPEC_FIELDS_MAX];
	struct field labels[SPEC_LABELS_MAX];
	uint32_t labels_size; /* bytes that the labels reach to */
	char histogram_name[OBJECT_NAME_MAX];
	char histogram_unit[16];
	size_t n_entries;
	struct enumeration_entry entries[];
};

struct event_format *event_format_free(struct event_format *f)
{
	free(f);
	return NULL;
}

size_t event_format_size(const struct event_format *f)
{
	return f->event_size;
}

bool event_format_has_header(const struct event_format *f)
{
	return f->has_header;
}

/* Bytes of a type; 0: any number of them. */
static uint32_t type_size(uint32_t type)
{
	switch (type) {
	case SPEC_TYPE_U8:
	case SPEC_TYPE_BOOL:
		return 1;
	case SPEC_TYPE_U16:
		return 2;
	case SPEC_TYPE_U32:
	case SPEC_TYPE_S32:
	case SPEC_TYPE_ENUM:
	case SPEC_TYPE_ERRNO:
	case SPEC_TYPE_IPV4:
		return 4;
	case SPEC_TYPE_U64:
	case SPEC_TYPE_S64:
	case SPEC_TYPE_NS:
	case SPEC_TYPE_CGROUP:
		return 8;
	case SPEC_TYPE_IPV6:
		return 16;
	default:
		return 0;
	}
}

static bool is_header_name(const char *name)
{
	static const char *const names[] = { "time", "cpu", "tgid", "tid", "uid", "cgroup" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool compile_field(struct field *field, const struct spec_field *from, uint32_t container)
{
	struct json_text key = { 0 };
	uint32_t size = type_size(from->type);

	if (from->type >= _SPEC_TYPE_MAX || !from->size || (size && from->size != size) ||
	    from->size > container || from->offset > container - from->size)
		return false;
	*field = (struct field){ .type = from->type, .offset = from->offset, .size = from->size };
	JSON_APPEND_LITERAL(&key, ",");
	json_append_string(&key, from->name, sizeof(from->name));
	JSON_APPEND_LITERAL(&key, ":");
	if (!key.error && key.size <= sizeof(field->key)) {
		memcpy(field->key, key.bytes, key.size);
		field->key_size = (uint32_t)key.size;
	}
	json_text_clear(&key);
	return field->key_size > 0;
}

/* The entries of field number `number`: they are sorted, so they are one run. */
static void find_entries(const struct event_format *f, struct field *field, uint32_t number)
{
	size_t i = 0;

	while (i < f->n_entries && f->entries[i].field < number)
		i++;
	field->first = (uint32_t)i;
	while (i < f->n_entries && f->entries[i].field == number)
		i++;
	field->n = (uint32_t)i - field->first;
}

static bool entries_ok(const struct enumeration_entry *e, size_t n)
{
	if (n > ENUMERATION_ENTRIES_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!MESSAGE_TEXT_OK(e[i].name))
			return false;
		if (i && (e[i].field < e[i - 1].field ||
			  (e[i].field == e[i - 1].field && e[i].value <= e[i - 1].value)))
			return false;
	}
	return true;
}

static bool compile(struct event_format *f, const struct spec *spec, uint32_t privacy_max)
{
	for (uint32_t i = 0; i < spec->n_fields; i++) {
		struct field *field = &f->fields[f->n_fields];

		if (!compile_field(field, &spec->fields[i], spec->event_size))
			return false;
		find_entries(f, field, i);
		if (spec->fields[i].privacy <= privacy_max &&
		    !(f->has_header && is_header_name(spec->fields[i].name)))
			f->n_fields++;
	}
	for (uint32_t i = 0; i < spec->n_labels; i++) {
		struct field *label = &f->labels[f->n_labels++];

		if (!compile_field(label, &spec->labels[i], LABELS_SIZE_MAX))
			return false;
		find_entries(f, label, spec->n_fields + i);
		if (f->labels_size < label->offset + label->size)
			f->labels_size = label->offset + label->size;
	}
	return true;
}

int event_format_new(const struct spec *spec, uint32_t privacy_max, const struct enumeration_entry *entries,
		     size_t n_entries, struct event_format **ret)
{
	_cleanup_(event_format_free_p) struct event_format *f = NULL;

	if (!spec_check(spec) || !entries_ok(entries, n_entries))
		return -EINVAL;
	f = calloc(1, sizeof(*f) + n_entries * sizeof(*entries));
	if (!f)
		return -ENOMEM;
	f->has_header = (spec->flags & SPEC_HAS_DEMUX) && spec->event_size;
	f->event_size = spec->event_size;
	if (f->has_header && spec->event_size < sizeof(struct bw_event))
		return -EINVAL;
	memcpy(f->histogram_name, spec->histogram_name, sizeof(f->histogram_name));
	memcpy(f->histogram_unit, spec->histogram_unit, sizeof(f->histogram_unit));
	f->n_entries = n_entries;
	if (n_entries)
		memcpy(f->entries, entries, n_entries * sizeof(*entries));
	if (!compile(f, spec, privacy_max))
		return -EINVAL;
	*ret = take_ptr(f);
	return 0;
}

static uint64_t load(const uint8_t *at, uint32_t size)
{
	uint64_t u64 = 0;
	uint32_t u32 = 0;
	uint16_t u16 = 0;

	switch (size) {
	case 1:
		return *at;
	case 2:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

static void write_enum(const struct event_format *f, const struct field *field, struct json_text *t,
		       uint32_t value)
{
	const struct enumeration_entry *e = f->entries + field->first;
	size_t low = 0, high = field->n;

	/* Most enumerations have no holes, so that the value is the index. */
	if (value < field->n && e[value].value == value) {
		json_append_printable(t, e[value].name, sizeof(e->name));
		return;
	}
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (e[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < field->n && e[low].value == value)
		json_append_printable(t, e[low].name, sizeof(e->name));
	else
		json_append_u64(t, value);
}

static void write_address(struct json_text *t, const uint8_t *at, uint32_t size)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN + 2] = "\"";
	bool v4 = size == 4 || !memcmp(at, mapped, sizeof(mapped));
	size_t n;

	(void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? at + size - 4 : at, text + 1, INET6_ADDRSTRLEN);
	n = strlen(text);
	text[n] = '"';
	json_append(t, text, n + 1);
}

static void write_errno(struct json_text *t, int32_t value)
{
	const char *name = value > 0 ? strerrorname_np(value) : NULL;

	if (name)
		json_append_string(t, name, 32);
	else if (value)
		json_append_s64(t, value);
	else
		JSON_APPEND_LITERAL(t, "null");
}

static void write_value(const struct event_format *f, const struct field *field, struct json_text *t,
			const uint8_t *at)
{
	switch (field->type) {
	case SPEC_TYPE_BOOL:
		json_append_bool(t, *at);
		break;
	case SPEC_TYPE_S32:
		json_append_s64(t, (int32_t)load(at, 4));
		break;
	case SPEC_TYPE_S64:
		json_append_s64(t, (int64_t)load(at, 8));
		break;
	case SPEC_TYPE_CHARS:
		json_append_printable(t, (const char *)at, field->size);
		break;
	case SPEC_TYPE_BYTES:
		json_append_hex(t, at, field->size);
		break;
	case SPEC_TYPE_IPV4:
	case SPEC_TYPE_IPV6:
		write_address(t, at, field->size);
		break;
	case SPEC_TYPE_ENUM:
		write_enum(f, field, t, (uint32_t)load(at, 4));
		break;
	case SPEC_TYPE_ERRNO:
		write_errno(t, (int32_t)load(at, 4));
		break;
	default: /* U8 … U64, NS, CGROUP */
		json_append_u64(t, load(at, field->size));
	}
}

static void write_header(struct json_text *t, const uint8_t *bytes)
{
	struct bw_event e;

	memcpy(&e, bytes, sizeof(e));
	JSON_APPEND_LITERAL(t, "\"time\":");
	json_append_u64(t, e.time);
	JSON_APPEND_LITERAL(t, ",\"cpu\":");
	json_append_u64(t, e.cpu);
	JSON_APPEND_LITERAL(t, ",\"tgid\":");
	json_append_u64(t, e.tgid);
	JSON_APPEND_LITERAL(t, ",\"tid\":");
	json_append_u64(t, e.tid);
	JSON_APPEND_LITERAL(t, ",\"uid\":");
	json_append_u64(t, e.uid);
	JSON_APPEND_LITERAL(t, ",\"cgroup\":");
	json_append_u64(t, e.cgroup);
}

static void write_fields(const struct event_format *f, const struct field *fields, uint32_t n,
			 struct json_text *t, const uint8_t *bytes, bool comma)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct field *field = &fields[i];

		json_append(t, field->key + !comma, field->key_size - !comma);
		write_value(f, field, t, bytes + field->offset);
		comma = true;
	}
}

void event_write(const struct event_format *f, struct json_text *t, const void *bytes, size_t size)
{
	if (size < f->event_size)
		return;
	JSON_APPEND_LITERAL(t, "{");
	if (f->has_header)
		write_header(t, bytes);
	if (!f->has_header && !f->n_fields)
		json_member_hex(t, "bytes", bytes, size);
	write_fields(f, f->fields, f->n_fields, t, bytes, f->has_header);
	JSON_APPEND_LITERAL(t, "}");
}

void event_write_labels(const struct event_format *f, struct json_text *t, const uint8_t *labels, size_t size)
{
	JSON_APPEND_LITERAL(t, "{");
	if (size >= f->labels_size)
		write_fields(f, f->labels, f->n_labels, t, labels, false);
	JSON_APPEND_LITERAL(t, "}");
}

const char *event_format_histogram_name(const struct event_format *f)
{
	return f->histogram_name;
}

const char *event_format_histogram_unit(const struct event_format *f)
{
	return f->histogram_unit;
}
