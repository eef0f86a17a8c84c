/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Strict reader for policy.d/, trust.conf and bpfwarden.conf. A file is UTF-8 text of lines:
 *
 *	# a comment, on a line of its own
 *	[kind name]
 *	key = value and more values
 *
 * bpfwarden.conf alone has sections without a name, [kind].
 *
 * kind and key are lower-case letters, digits and '-', starting with a letter; name is letters, digits and
 * "._@-", starting with a letter or digit. Blanks are space and tab. Everything else is refused with
 * file:line:column: bytes that are not UTF-8, control and invisible characters (NUL, CR and a byte order mark
 * among them), lines above CONFIG_LINE_MAX bytes, continuation lines, comments behind a value, empty values,
 * keys before the first section, a key twice in a section, and two sections of one kind and name in
 *everything that was added to one config. Nothing is ever merged or dropped: a lost line could be a lost
 *deny.
 *
 * Lines and columns count from 1; columns count characters, a tab is one.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "common/refusal.h"

struct config_entry {
	char *key;
	char *value; /* never empty, no blanks at either end */
	uint32_t line, key_column, value_column;
};

struct config_section {
	char *kind;
	char *name;       /* "": none, see config_allow_nameless() */
	const char *file; /* lives as long as the config */
	uint32_t line, kind_column, name_column;
	size_t n_entries;
	struct config_entry *entries; /* in the order of the file */
};

/* All sections of the files that were added, in order. */
struct config;

/* An empty config whose refusals have this code (REFUSAL_POLICY_INVALID, REFUSAL_TRUST_INVALID, …). The
 * caller frees it. 0 or -ENOMEM. */
int config_new(enum refusal_code code, struct config **ret_config);
struct config *config_free(struct config *config);
DEFINE_CLEANUP(struct config *, config_free)

/* Of what is added from now on, sections may have no name. */
void config_allow_nameless(struct config *config);

/* Adds the sections of one text; file is its name in places and in config_text(). After a refusal or an error
 * the config holds part of the text and is good for config_free() only. */
int config_add_text(struct config *config, const char *file, const char *text, size_t size,
		    struct refusal *refusal);

/* Adds one file, opened with fd_open_trusted(): owned by root or `owner`, not writable by others, no link
 * followed. A file that is absent is -ENOENT, one that cannot be trusted or is too large a refusal whose
 * subject is its path. */
int config_add_file(struct config *config, const char *path, uid_t owner, struct refusal *refusal);

/* Adds all files with this suffix (".policy") in n directories, which are given in order of precedence (/etc,
 * /run, /usr/lib), as systemd does (systemd.unit(5), "drop-in"): files are sorted by name whatever directory
 * they are in; of two files of one name only that in the directory of higher precedence counts, and if that
 * is empty or a link to /dev/null the name is masked. Names that start with '.' are ignored and so are
 * directories that do not exist. Each directory and file is opened as by config_add_file(); any other link is
 * a refusal. */
int config_add_directories(struct config *config, const char *const *directories, size_t n,
			   const char *suffix, uid_t owner, struct refusal *refusal);

size_t config_n_sections(const struct config *config);
const struct config_section *config_section(const struct config *config, size_t i);

/* The exact bytes of everything that was added, each file after a line "# PATH" and ending in a newline. Read
 * again by config_add_text() it gives the same sections: this is what gets digested and archived. Lives as
 * long as the config, until more is added; NUL-terminated. */
const char *config_text(const struct config *config, size_t *ret_size);

/* The values of an entry, one by one: struct config_word word = {}; while (config_next_word(entry, &word)) …
 */
struct config_word {
	char text[CONFIG_LINE_MAX + 1];
	uint32_t column; /* of its first character */
	size_t next;
};
bool config_next_word(const struct config_entry *entry, struct config_word *word);

/* The entry of this key, or NULL. */
const struct config_entry *config_entry(const struct config_section *section, const char *key);

/* Fill the refusal with the config's code and the place file:line:column, and return that code. A column of 0
 * leaves the column out, a line of 0 both. Long paths lose their beginning, never the numbers. */
int config_refuse(const struct config *config, struct refusal *refusal, const char *file, uint32_t line,
		  uint32_t column, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Which of n names the user probably meant by word: the nearest within two edits (insert, delete, replace,
 * swap neighbours) and less than half of the word's length; NULL if there is none. For "did you mean
 * 'group'?". */
const char *config_nearest(const char *word, const char *const *names, size_t n);
