/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "format/configuration.h"
#include "tests/fuzz/fuzz.h"

/* Values come apart into words that together are the value, each where its column says. */
static void check_entry(const struct config_entry *entry)
{
	struct config_word word = {};
	size_t bytes = 0, expected = 0;

	FUZZ_CHECK(*entry->key && *entry->value && !strpbrk(entry->value, "\n\r"));
	for (const char *p = entry->value; *p; p++)
		expected += *p != ' ' && *p != '\t';
	while (config_next_word(entry, &word)) {
		FUZZ_CHECK(*word.text && word.column >= entry->value_column);
		bytes += strlen(word.text);
	}
	FUZZ_CHECK(bytes == expected);
}

static void check_same(const struct config *a, const struct config *b)
{
	FUZZ_CHECK(config_n_sections(a) == config_n_sections(b));
	for (size_t i = 0; i < config_n_sections(a); i++) {
		const struct config_section *x = config_section(a, i), *y = config_section(b, i);

		FUZZ_CHECK(!strcmp(x->kind, y->kind) && !strcmp(x->name, y->name));
		FUZZ_CHECK(x->n_entries == y->n_entries);
		for (size_t j = 0; j < x->n_entries; j++) {
			FUZZ_CHECK(!strcmp(x->entries[j].key, y->entries[j].key));
			FUZZ_CHECK(!strcmp(x->entries[j].value, y->entries[j].value));
			FUZZ_CHECK(y->entries[j].line == x->entries[j].line + 1); /* behind "# f" */
			check_entry(&x->entries[j]);
		}
	}
}

/* Whatever is taken over is within its bounds, whatever is not is refused with its place. */
static void check_configuration(const struct config *config)
{
	struct configuration c = CONFIGURATION_INIT;
	struct refusal refusal = {};
	char text[CONFIGURATION_TEXT_MAX];

	if (configuration_parse(config, &c, &refusal))
		FUZZ_CHECK(refusal.subject[0] == 'f' && refusal.subject[1] == ':' && refusal.reason[0]);
	FUZZ_CHECK(c.audit_keep <= AUDIT_KEEP_MAX);
	FUZZ_CHECK(c.audit_segment_size >= AUDIT_SEGMENT_SIZE_MIN &&
		   c.audit_segment_size <= AUDIT_SEGMENT_SIZE_MAX);
	configuration_describe(&c, text);
	FUZZ_CHECK(strlen(text) > 0);
}

static void check_text(const uint8_t *data, size_t size, bool nameless)
{
	_cleanup_(config_free_p) struct config *config = NULL, *again = NULL;
	struct refusal refusal = {};
	size_t text_size;
	const char *text;
	int r;

	FUZZ_CHECK(config_new(REFUSAL_POLICY_INVALID, &config) == 0);
	FUZZ_CHECK(config_new(REFUSAL_POLICY_INVALID, &again) == 0);
	if (nameless) {
		config_allow_nameless(config);
		config_allow_nameless(again);
	}
	r = config_add_text(config, "f", (const char *)data, size, &refusal);
	if (r) {
		FUZZ_CHECK(r == REFUSAL_POLICY_INVALID && refusal.code == REFUSAL_POLICY_INVALID);
		FUZZ_CHECK(refusal.subject[0] == 'f' && refusal.reason[0]);
		return;
	}
	/* The archived text says the same again. */
	text = config_text(config, &text_size);
	FUZZ_CHECK(config_add_text(again, "f", text, text_size, &refusal) == 0);
	check_same(config, again);
	if (nameless)
		check_configuration(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_text(data, size, false);
	check_text(data, size, true);
	return 0;
}
