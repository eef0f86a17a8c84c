/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format/config-index.h"
#include "format/config-line.h"

struct config {
	enum refusal_code code;
	bool nameless;
	char **files;
	size_t n_files;
	struct config_section *sections;
	size_t n_sections;
	struct config_index index;
	char *text;
	size_t text_size;
};

/* One file on its way into the config. */
struct reader {
	struct config *config;
	const char *file;
	struct refusal *refusal;
	struct config_line line;
	uint32_t number; /* of the line */
	bool in_section;
};

static void print_place(char *buffer, size_t size, const char *file, uint32_t line, uint32_t column)
{
	char numbers[32] = "";
	size_t room, length = strlen(file);

	if (line && column)
		snprintf(numbers, sizeof(numbers), ":%u:%u", line, column);
	else if (line)
		snprintf(numbers, sizeof(numbers), ":%u", line);
	room = size - 1 - strlen(numbers);
	if (length > room) {
		file += length - (room - 3);
		while (((unsigned char)*file & 0xc0) == 0x80)
			file++;
		snprintf(buffer, size, "...%s%s", file, numbers);
	} else {
		snprintf(buffer, size, "%s%s", file, numbers);
	}
}

__attribute__((format(printf, 6, 0))) static int refuse(const struct config *config, struct refusal *refusal,
							const char *file, uint32_t line, uint32_t column,
							const char *format, va_list ap)
{
	char place[REFUSAL_SUBJECT_MAX], reason[REFUSAL_REASON_MAX];

	print_place(place, sizeof(place), file, line, column);
	vsnprintf(reason, sizeof(reason), format, ap);
	return refusal_set(refusal, config->code, place, "%s", reason);
}

int config_refuse(const struct config *config, struct refusal *refusal, const char *file, uint32_t line,
		  uint32_t column, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = refuse(config, refusal, file, line, column, format, ap);
	va_end(ap);
	return r;
}

__attribute__((format(printf, 3, 4))) static int refuse_at(const struct reader *reader, const char *at,
							   const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = refuse(reader->config, reader->refusal, reader->file, reader->number,
		   config_line_characters(reader->line.line.start, at) + 1, format, ap);
	va_end(ap);
	return r;
}

static uint32_t column(const struct reader *reader, const char *at)
{
	return config_line_characters(reader->line.line.start, at) + 1;
}

static char *copy_span(struct config_span span)
{
	return strndup(span.start, (size_t)(span.end - span.start));
}

/* The array with room for one more element behind n, or NULL; capacities are powers of two, so only those n
 * reallocate. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return reallocarray(array, n ? 2 * n : 1, size);
}

/* Room for one more section, and a free place for it in the index. */
static int grow_sections(struct config *config)
{
	struct config_section *sections = grow(config->sections, config->n_sections, sizeof(*sections));

	if (!sections)
		return -ENOMEM;
	config->sections = sections;
	return config_index_reserve(&config->index, sections, config->n_sections);
}

static int add_section(struct reader *reader)
{
	struct config *config = reader->config;
	struct config_span kind_span = reader->line.first, name_span = reader->line.second;
	_cleanup_free_ char *kind = copy_span(kind_span), *name = copy_span(name_span);
	const struct config_section *first;
	int r;

	if (!kind || !name)
		return -ENOMEM;
	if (!*name && !config->nameless)
		return refuse_at(reader, name_span.start,
				 "a section is written [kind name], name in letters, digits and ._@-");
	first = config_index_find(&config->index, config->sections, kind, name);
	if (first)
		return refuse_at(reader, name_span.start, "section [%s%s%s] is already in %s:%u", kind,
				 *name ? " " : "", name, first->file, first->line);
	if (config->n_sections == CONFIG_SECTIONS_MAX)
		return refuse_at(reader, kind_span.start, "more than %d sections", CONFIG_SECTIONS_MAX);
	r = grow_sections(config);
	if (r)
		return r;
	config->sections[config->n_sections] = (struct config_section){
		.kind = take_ptr(kind),
		.name = take_ptr(name),
		.file = reader->file,
		.line = reader->number,
		.kind_column = column(reader, kind_span.start),
		.name_column = column(reader, name_span.start),
	};
	config_index_add(&config->index, config->sections, config->n_sections++);
	reader->in_section = true;
	return 0;
}

static int check_entry(const struct reader *reader, const struct config_section *section, const char *key)
{
	const char *at = reader->line.first.start;
	const struct config_entry *first = config_entry(section, key);

	if (first)
		return refuse_at(reader, at, "key '%s' is already in line %u of this section", key,
				 first->line);
	if (section->n_entries == CONFIG_ENTRIES_MAX)
		return refuse_at(reader, at, "more than %d keys in one section", CONFIG_ENTRIES_MAX);
	return 0;
}

static int add_entry(struct reader *reader)
{
	struct config_span key_span = reader->line.first, value_span = reader->line.second;
	_cleanup_free_ char *key = copy_span(key_span), *value = copy_span(value_span);
	struct config_section *section;
	struct config_entry *entries;
	int r;

	if (!key || !value)
		return -ENOMEM;
	if (!reader->in_section)
		return refuse_at(reader, key_span.start, "key '%s' stands before the first section", key);
	section = &reader->config->sections[reader->config->n_sections - 1];
	r = check_entry(reader, section, key);
	if (r)
		return r;
	entries = grow(section->entries, section->n_entries, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	section->entries = entries;
	entries[section->n_entries++] = (struct config_entry){
		.key = take_ptr(key),
		.value = take_ptr(value),
		.line = reader->number,
		.key_column = column(reader, key_span.start),
		.value_column = column(reader, value_span.start),
	};
	return 0;
}

static int read_line(struct reader *reader, const char *start, const char *end)
{
	reader->number++;
	if (!config_line_read(start, end, &reader->line))
		return refuse_at(reader, reader->line.error_at, "%s", reader->line.error);
	switch (reader->line.type) {
	case CONFIG_LINE_SECTION:
		return add_section(reader);
	case CONFIG_LINE_ENTRY:
		return add_entry(reader);
	default:
		return 0;
	}
}

/* Appends "# file", the text and, where it is missing, the last newline to what config_text() gives. */
static int keep_text(struct config *config, const char *file, const char *text, size_t size)
{
	size_t header = strlen(file) + 3;
	char *p = realloc(config->text, config->text_size + header + size + 2);

	if (!p)
		return -ENOMEM;
	config->text = p;
	p += config->text_size;
	p += sprintf(p, "# %s\n", file);
	memcpy(p, text, size);
	p += size;
	if (size && p[-1] != '\n')
		*p++ = '\n';
	*p = '\0';
	config->text_size = (size_t)(p - config->text);
	return 0;
}

static int keep_file(struct config *config, const char *file, const char **ret_file)
{
	char **files, *copy;

	files = grow(config->files, config->n_files, sizeof(*files));
	if (!files)
		return -ENOMEM;
	config->files = files;
	copy = strdup(file);
	if (!copy)
		return -ENOMEM;
	*ret_file = files[config->n_files++] = copy;
	return 0;
}

/* The path becomes a comment of the merged text, so it has to be fit for one. */
static int check_file(struct config *config, const char *file, size_t size, struct refusal *refusal)
{
	size_t length = strlen(file);
	struct config_line line;

	if (length + 2 > CONFIG_LINE_MAX)
		return config_refuse(config, refusal, file, 0, 0, "the path is too long");
	if (!config_line_is_text(file, file + length, &line))
		return config_refuse(config, refusal, file, 0, 0, "the path: %s", line.error);
	if (config->n_files == CONFIG_FILES_MAX)
		return config_refuse(config, refusal, file, 0, 0, "more than %d files", CONFIG_FILES_MAX);
	/* What all files became has to fit in again as one text: the first is not charged for its heading. */
	if (size + config->text_size + (config->n_files ? length + 4 : 0) > CONFIG_TEXT_MAX)
		return config_refuse(config, refusal, file, 0, 0, "more than %u bytes of configuration",
				     CONFIG_TEXT_MAX);
	return 0;
}

int config_add_text(struct config *config, const char *file, const char *text, size_t size,
		    struct refusal *refusal)
{
	struct reader reader = { .config = config, .refusal = refusal };
	const char *end = text + size;
	int r;

	r = check_file(config, file, size, refusal);
	if (r)
		return r;
	r = keep_file(config, file, &reader.file);
	if (r < 0)
		return r;
	r = keep_text(config, file, text, size);
	if (r < 0)
		return r;
	for (const char *p = text; p < end;) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		r = read_line(&reader, p, newline ? newline : end);
		if (r)
			return r;
		p = newline ? newline + 1 : end;
	}
	return 0;
}

int config_new(enum refusal_code code, struct config **ret_config)
{
	_cleanup_(config_free_p) struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return -ENOMEM;
	config->code = code;
	config->text = strdup("");
	if (!config->text)
		return -ENOMEM;
	*ret_config = take_ptr(config);
	return 0;
}

void config_allow_nameless(struct config *config)
{
	config->nameless = true;
}

static void section_done(struct config_section *section)
{
	for (size_t i = 0; i < section->n_entries; i++) {
		free(section->entries[i].key);
		free(section->entries[i].value);
	}
	free(section->entries);
	free(section->kind);
	free(section->name);
}

struct config *config_free(struct config *config)
{
	if (!config)
		return NULL;
	for (size_t i = 0; i < config->n_sections; i++)
		section_done(&config->sections[i]);
	for (size_t i = 0; i < config->n_files; i++)
		free(config->files[i]);
	free(config->sections);
	config_index_done(&config->index);
	free(config->files);
	free(config->text);
	free(config);
	return NULL;
}

size_t config_n_sections(const struct config *config)
{
	return config->n_sections;
}

const struct config_section *config_section(const struct config *config, size_t i)
{
	return &config->sections[i];
}

const char *config_text(const struct config *config, size_t *ret_size)
{
	*ret_size = config->text_size;
	return config->text;
}

const struct config_entry *config_entry(const struct config_section *section, const char *key)
{
	for (size_t i = 0; i < section->n_entries; i++)
		if (!strcmp(section->entries[i].key, key))
			return &section->entries[i];
	return NULL;
}

bool config_next_word(const struct config_entry *entry, struct config_word *word)
{
	const char *p = entry->value + word->next;
	size_t n;

	p += strspn(p, " \t");
	n = strcspn(p, " \t");
	if (!n || n >= sizeof(word->text))
		return false;
	memcpy(word->text, p, n);
	word->text[n] = '\0';
	word->column = entry->value_column + config_line_characters(entry->value, p);
	word->next = (size_t)(p + n - entry->value);
	return true;
}
