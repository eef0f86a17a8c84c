/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>
#include <string.h>

#include "format/event.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/event-spec.h"

#define TYPES_MAX 12

/* Sizes that the types have; those of text and bytes are ours. */
static const uint32_t sizes[_SPEC_TYPE_MAX] = {
	[SPEC_TYPE_U8] = 1,     [SPEC_TYPE_U16] = 2,   [SPEC_TYPE_U32] = 4,   [SPEC_TYPE_U64] = 8,
	[SPEC_TYPE_S32] = 4,    [SPEC_TYPE_S64] = 8,   [SPEC_TYPE_BOOL] = 1,  [SPEC_TYPE_CHARS] = 7,
	[SPEC_TYPE_IPV4] = 4,   [SPEC_TYPE_IPV6] = 16, [SPEC_TYPE_ENUM] = 4,  [SPEC_TYPE_NS] = 8,
	[SPEC_TYPE_CGROUP] = 8, [SPEC_TYPE_ERRNO] = 4, [SPEC_TYPE_BYTES] = 5,
};

static const struct enumeration_entry entries[] = {
	{ 0, 0, "A" }, { 0, 1, "B" }, { 0, 9, "C" }, { 1, 3, "D" }, { 2, 0, "E" },
};

static void check_object(struct json_text *t)
{
	json_t *object;

	FUZZ_CHECK(!t->error);
	object = json_loadb(t->bytes, t->size, JSON_REJECT_DUPLICATES, NULL);
	FUZZ_CHECK(json_is_object(object));
	json_decref(object);
	t->size = 0;
}

/* The first byte says whether there is a header and how many fields, the next their types, the rest is the
 * event: whatever the kernel's side wrote, the JSON is well-formed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct spec spec;
	static struct message_histogram histogram;
	_cleanup_(event_format_free_p) struct event_format *f = NULL;
	struct json_text t = { 0 };
	uint8_t event[512] = { 0 };
	uint32_t n, payload = 0;

	if (size < 1 + TYPES_MAX)
		return 0;
	n = data[0] % (TYPES_MAX + 1);
	for (uint32_t i = 0; i < n; i++)
		payload += sizes[data[1 + i] % _SPEC_TYPE_MAX];
	event_spec(&spec, data[0] & 0x80 ? SPEC_HAS_DEMUX : 0, payload ? payload : 4);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t type = data[1 + i] % _SPEC_TYPE_MAX;
		char name[] = { 'f', (char)('a' + i), '\0' };

		event_spec_field(&spec, name, type, sizes[type], SPEC_PRIVACY_SAFE);
		if (i < 3 && spec.flags)
			event_spec_label(&spec, name, type, sizes[type]);
	}
	FUZZ_CHECK(event_format_new(&spec, SPEC_PRIVACY_PII, entries, sizeof(entries) / sizeof(entries[0]),
				    &f) == 0);
	FUZZ_CHECK(event_format_size(f) <= sizeof(event));
	data += 1 + TYPES_MAX;
	size -= 1 + TYPES_MAX;
	memcpy(event, data, size < sizeof(event) ? size : sizeof(event));
	event_write(f, &t, event, event_format_size(f));
	check_object(&t);
	memcpy(&histogram.labels, event, sizeof(histogram.labels));
	histogram.labels_size = event[0];
	memcpy(&histogram.histogram, event, sizeof(event));
	event_write_histogram(f, &t, &histogram);
	check_object(&t);
	json_text_clear(&t);
	return 0;
}
