/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One section of a policy, compiled. For policy.c only. */
#include "policy/policy.h"

enum rule_kind {
	RULE_ALLOW = 0,
	RULE_DENY,
	RULE_LIMIT,
	_RULE_KIND_MAX,
};

/* The conditions, the cheap ones first: this is the order in which they are looked at. */
enum rule_key {
	RULE_ACTION = 0,
	RULE_CHANNEL,
	RULE_DATA,
	RULE_NAMESPACE,
	RULE_USER,
	RULE_GROUP,
	RULE_PROBE,
	RULE_TARGET,
	_RULE_KEY_MAX,
};

struct rule_ids {
	uint32_t *ids;
	size_t n;
};

struct rule_globs {
	char **globs;
	size_t n;
};

struct rule_target {
	uint32_t kind; /* enum target_kind */
	uid_t uid;     /* with TARGET_USER */
	char *glob;    /* with TARGET_UNIT and TARGET_CGROUP */
};

struct rule {
	enum rule_kind kind;
	const struct config_section *section; /* not owned */
	uint32_t keys;                        /* bit set of 1 << enum rule_key: which conditions there are */
	uint32_t actions;                     /* bit sets of 1 << enumeration, for those keys */
	uint32_t channels;
	uint32_t data; /* POLICY_DATA_… */
	uint32_t namespaces;
	struct rule_ids users, groups;
	struct rule_globs probes;
	struct rule_target *targets;
	size_t n_targets;
	uint64_t limits[_POLICY_LIMIT_MAX];
};

/* Where a rule is read: names become ids by the resolver, oddities are handed to warn(). */
struct rule_reader {
	const struct config *config;
	const struct policy_resolver *resolver;
	struct refusal *refusal;
	int (*warn)(void *userdata, char *warning); /* takes the string over; 0 or -errno */
	void *userdata;
};

/* Compiles a section; the rule is to be cleared by rule_done() whatever is returned. */
int rule_read(const struct rule_reader *reader, const struct config_section *section, struct rule *ret_rule);
void rule_done(struct rule *rule);

/* The first condition that does not hold for the request, or _RULE_KEY_MAX if the rule matches. Everything
 * that wants to know whether a rule matches asks this function. */
enum rule_key rule_match(const struct rule *rule, const struct policy_request *request);

/* Whether requests for this action have the thing that the key is about. */
bool rule_action_has(uint32_t action, enum rule_key key);

const char *rule_key_name(enum rule_key key);
const char *rule_kind_name(enum rule_kind kind);

/* Limit values: "4", "16M", "8h". A pointer to what is wrong with the text, or NULL and the value. */
const char *rule_read_limit(uint32_t limit, const char *text, uint64_t *ret_value);
