/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The values of one key of a section, while a rule is read. For the readers, rule-*.c, only. */
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

/* The same for words that may contain commas, but not end in one: subjects of certificates. */
bool rule_value_next_subject(struct rule_value *value, int *ret_error);

/* Reads the values of a condition into the rule; value->entry is set, value->word is empty. */
int rule_value_read(struct rule_value *value, enum rule_key key);

/* Refuses at this place with "unknown WHAT 'WORD', did you mean 'NEAREST'?". */
int rule_value_unknown(const struct rule_value *value, uint32_t line, uint32_t column, const char *what,
		       const char *word, const char *const *names, size_t n);

/* The same at the word that is being read. */
int rule_value_unknown_word(const struct rule_value *value, const char *what, const char *const *names,
			    size_t n);

/* The index of a name among n, or n. */
size_t rule_value_find(const char *const *names, size_t n, const char *name);

/* A refusal at the word that is being read. */
#define rule_value_refuse(value, ...)                                                            \
	config_refuse((value)->reader->config, (value)->reader->refusal, (value)->section->file, \
		      (value)->entry->line, (value)->word.column, __VA_ARGS__)

/* An oddity at that word. 0 or -errno. */
int rule_value_warn(const struct rule_value *value, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* 1: the digits before `end` are a decimal number without needless zeroes, stored; 0: something else. */
int rule_value_number(const char *text, const char *end, uint64_t max, uint64_t *ret_number);

/* Resolves a user's or group's name or number. *ret_found is false if an allow shall go on without it. */
int rule_value_id(struct rule_value *value, const char *what, const char *name,
		  int (*resolve)(void *, const char *, uint32_t *), uint32_t *ret_id, bool *ret_found);

/* Adds a range; when all are there, they become ascending ones with gaps between them. 0 or -ENOMEM. */
int rule_ranges_add(struct rule_ranges *ranges, uint32_t first, uint32_t last);
void rule_ranges_join(struct rule_ranges *ranges);

/* The readers of single keys. */
int rule_read_user(struct rule_value *value);
int rule_read_uid(struct rule_value *value);
int rule_read_group(struct rule_value *value);
int rule_read_time(struct rule_value *value);
int rule_read_globs(struct rule_value *value, enum rule_key key);
int rule_read_signer(struct rule_value *value);
int rule_read_target(struct rule_value *value);
int rule_read_parameter(struct rule_value *value);
int rule_read_set(struct rule_value *value);

/* What is wrong with a pattern for units or cgroups, or NULL. */
const char *rule_wrong_unit(const char *glob);
const char *rule_wrong_cgroup(const char *glob);
