/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Sections [test NAME] of a file for `policy test`: a request and what is expected of the policy. What a
 * section says of a bundle makes a spec with one variant; of what it does not say, nothing is known.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/config.h"
#include "policy/policy.h"

#define CASE_GROUPS_MAX 64
#define CASE_ROLES_MAX  512

struct policy_case {
	const struct config_section *section; /* not owned */
	struct policy_request request;        /* points into the members below */
	gid_t gids[CASE_GROUPS_MAX];
	char cgroup[TARGET_NAME_MAX];
	char roles[CASE_ROLES_MAX];
	struct message_signer signers[SIGNATURES_MAX];
	uint64_t parameters[SPEC_PARAMS_MAX];
	struct spec spec;

	bool allowed;               /* expected */
	char rule[OBJECT_NAME_MAX]; /* expected; empty: any */
	uint32_t limits_expected;   /* bit set of 1 << enum policy_limit */
	uint64_t limits[_POLICY_LIMIT_MAX];
	uint32_t parameters_expected; /* bit set by index of spec.params */
	uint64_t in_force[SPEC_PARAMS_MAX];
};

struct policy_case *policy_case_free(struct policy_case *c);
DEFINE_CLEANUP(struct policy_case *, policy_case_free)

/* Reads a section. 0; a refusal with its place; -errno. The caller frees the case, before the config. */
int policy_case_new(const struct config *config, const struct config_section *section,
		    const struct policy_resolver *resolver, struct refusal *refusal,
		    struct policy_case **ret);

/* ---- between policy-cases.c and policy-cases-bundle.c ---- */

struct case_reader {
	const struct config *config;
	const struct config_entry *entry;
	struct config_word word;
	const struct policy_resolver *resolver;
	struct refusal *refusal;
	struct policy_case *c;
};

/* A refusal at the word, or at the entry before its first. */
#define case_refuse(reader, ...)                                                                        \
	config_refuse(                                                                                  \
		(reader)->config, (reader)->refusal, (reader)->c->section->file, (reader)->entry->line, \
		(reader)->word.column ? (reader)->word.column : (reader)->entry->value_column, __VA_ARGS__)

/* Copies a text, or refuses it because it is too long. */
int case_copy(struct case_reader *reader, const char *text, char *array, size_t size);

/* Keys about the bundle; each reads all words of its entry. */
int case_read_version(struct case_reader *reader);
int case_read_role(struct case_reader *reader);
int case_read_signer(struct case_reader *reader);
int case_read_hook(struct case_reader *reader);
int case_read_program_type(struct case_reader *reader);
int case_read_helper(struct case_reader *reader);
int case_read_values(struct case_reader *reader);
int case_read_parameter(struct case_reader *reader);
int case_read_in_force(struct case_reader *reader);

/* What follows from all of them together, once they are read. */
int case_finish_bundle(struct case_reader *reader);
