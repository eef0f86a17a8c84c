/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The values of one key of a section, while a rule is read. For rule-read.c only. */
#include "policy/rule.h"

struct rule_value {
	const struct rule_reader *reader;
	const struct config_section *section;
	const struct config_entry *entry;
	struct config_word word;
	struct rule *rule;
};

/* Moves on to the next word; false with *ret_error 0 at the end. Signs of another syntax are refused, because
 * a word that can never match anything would take a deny out of force unnoticed: false with *ret_error set.
 */
bool rule_value_next(struct rule_value *value, int *ret_error);

/* Reads the values of a condition into the rule; value->entry is set, value->word is empty. */
int rule_value_read(struct rule_value *value, enum rule_key key);

/* Refuses at this place with "unknown WHAT 'WORD', did you mean 'NEAREST'?". */
int rule_value_unknown(const struct rule_value *value, uint32_t line, uint32_t column, const char *what,
		       const char *word, const char *const *names, size_t n);

/* The index of a name among n, or n. */
size_t rule_value_find(const char *const *names, size_t n, const char *name);

/* A refusal at the word that is being read. */
#define rule_value_refuse(value, ...)                                                            \
	config_refuse((value)->reader->config, (value)->reader->refusal, (value)->section->file, \
		      (value)->entry->line, (value)->word.column, __VA_ARGS__)
