/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One section of a policy, compiled. For policy/ and its tests only: tests/include-arrows.py. */
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
	RULE_PRIVACY,
	RULE_PERSIST,
	RULE_KERNEL_VERIFIED,
	RULE_NAMESPACE,
	RULE_TIME,
	RULE_USER,
	RULE_UID,
	RULE_GROUP,
	RULE_PROBE,
	RULE_VERSION,
	RULE_ROLE,
	RULE_SIGNER,
	RULE_PROGRAM_TYPE,
	RULE_MAY_MODIFY,
	RULE_HOOK,
	RULE_HELPER,
	RULE_FROM_UNIT,
	RULE_FROM_CGROUP,
	RULE_PARAMETER,
	RULE_TARGET,
	_RULE_KEY_MAX,
};

struct rule_ids { /* ascending */
	uint32_t *ids;
	size_t n;
};

struct rule_globs {
	char **globs;
	size_t n;
};

struct rule_range { /* both ends included */
	uint32_t first, last;
};

struct rule_ranges {
	struct rule_range *ranges;
	size_t n;
};

struct rule_target {
	uint32_t kind; /* enum target_kind */
	uid_t uid;     /* with TARGET_USER */
	char *glob;    /* with TARGET_UNIT and TARGET_CGROUP */
};

struct rule_signer {
	bool by_key;
	uint8_t key[DIGEST_SIZE]; /* SHA-256 of the SubjectPublicKeyInfo */
	char *subject;            /* otherwise a pattern */
};

/* "names:none", "threshold:1000-50000" */
struct rule_parameter {
	char name[OBJECT_NAME_MAX];
	char text[OBJECT_NAME_MAX]; /* the name of a value; empty: the numbers */
	uint64_t min, max;
};

struct rule_parameters {
	struct rule_parameter *list;
	size_t n;
};

struct rule {
	enum rule_kind kind;
	const struct config_section *section; /* not owned */
	uint32_t keys;                        /* bit set of 1 << enum rule_key: which conditions there are */
	uint32_t actions;                     /* bit sets of 1 << enumeration, for those keys */
	uint32_t channels;
	uint32_t data;    /* POLICY_DATA_… */
	uint32_t privacy; /* of an allow: all classes up to the highest that it names */
	uint32_t persist; /* bit sets of 1 << no, yes */
	uint32_t kernel_verified;
	uint32_t may_modify;
	uint32_t namespaces;
	uint64_t program_types; /* 1 << enum bpf_prog_type */
	struct rule_ids users, groups;
	struct rule_ranges uids;
	struct rule_ranges times; /* minutes of the week; a window over the end of the week is two */
	struct rule_globs probes, versions, roles, hooks, helpers, from_units, from_cgroups;
	struct rule_signer *signers;
	size_t n_signers;
	struct rule_parameters parameters;
	struct rule_target *targets;
	size_t n_targets;
	uint64_t limits[_POLICY_LIMIT_MAX];
	struct rule_parameters set; /* of a limit */
};

/* What is found out about a request while rules look at it, so that it is found out once. */
struct policy_facts {
	uint32_t may_modify; /* bit set of 1 << no, yes, from spec_may_modify(); 0: not asked yet */
	uint64_t gids; /* bit set of 1 << gid % 64: a group whose bit is missing is none of the caller's */
	bool moved;    /* limits move parameters: these are in force */
	uint64_t parameters[SPEC_PARAMS_MAX];
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

/* All sections of a policy, ordered by kind and name. */
const struct rule *policy_rules(const struct policy *policy, size_t *ret_n);

/* The matcher: one row a condition. */
struct rule_row {
	const char *name;
	bool about_caller;
	/* Only called for rules and requests that have the key, and requests that policy_request_is_valid().
	 */
	bool (*holds)(const struct rule *rule, const struct policy_request *request);
};
extern const struct rule_row rule_rows[_RULE_KEY_MAX];

/* The first condition that does not hold for the request, or _RULE_KEY_MAX if the rule matches. Everything
 * that wants to know whether a rule matches asks this function. It is alone in its file, so that a test can
 * link another one that leaves a row out: nothing that is installed can. */
enum rule_key rule_match(const struct rule *rule, const struct policy_request *request);

/* Whether requests for this action have the thing that the key is about. */
bool rule_action_has(uint32_t action, enum rule_key key);

/* Whether this one has: the bundle's keys only once its spec is known, where the action is one for which a
 * bundle is looked at step by step (enroll, promote). An allow ignores what a request does not have; denies
 * and limits that ask for it do not match. For attach, a spec that is not known is an unknown fact. */
bool rule_request_has(const struct policy_request *request, enum rule_key key);
uint32_t
rule_request_keys(const struct policy_request *request); /* all of them: bit set of 1 << enum rule_key */

/* Of a bundle that nobody has looked at yet, not even the name is known: only to enroll one may that be
 * asked. */
static inline bool policy_probe_is_open(const struct policy_request *request)
{
	return request->action == POLICY_ENROLL && !request->spec && !request->probe[0];
}

/* Only a request that passes is shown to rules: they rely on it. */
bool policy_request_is_valid(const struct policy_request *request);

/* Denies and limits take something away: where an allow must cover all of a request, they match on any part,
 * and on what is not known. */
static inline bool rule_takes_away(const struct rule *rule)
{
	return rule->kind != RULE_ALLOW;
}

const char *rule_key_name(enum rule_key key);
const char *rule_kind_name(enum rule_kind kind);

/* The values of a parameter that an entry stands for; min > max if it names one that this probe does not
 * have. */
void rule_parameter_values(const struct rule_parameter *entry, const struct spec_param *param,
			   uint64_t *ret_min, uint64_t *ret_max);

/* What a limit's `set` says about a parameter, if it names it: rules that name a value which this probe does
 * not have give min > max. */
bool rule_parameter_bound(const struct rule *rule, const struct spec_param *param, uint64_t *ret_min,
			  uint64_t *ret_max);
