/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Who may do what: rules from policy.d/, and the decision about one request as a pure function of both.
 * The language is described in bpfwarden.policy(5). Allowed = some [allow] and no [deny] matches the whole
 * request; every matching [limit] applies and the smallest value wins; order never matters.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "common/refusal.h"
#include "format/config.h"
#include "format/message.h"
#include "format/policy-names.h"
#include "format/spec.h"

bool policy_action_has_probe(uint32_t action); /* it is about one */
bool policy_action_has_target(uint32_t action);

#define POLICY_PRIVACY_MOST UINT32_MAX /* privacy of a question: as much as is allowed */

/*
 * One question. Actions look at the members that they have and ignore the others: attach at all; detach-any
 * at probe, channel and target; enroll and promote at the bundle's; revoke at probe; audit-read and
 * policy-reload at the caller's only.
 *
 * What is not known (NULL, POLICY_NAMESPACE_UNKNOWN) never satisfies an allow and always matches a deny or
 * limit that asks for it. Pointers are borrowed for the call.
 */
struct policy_request {
	uint32_t action; /* enum policy_action */

	/* The caller. */
	uid_t uid;         /* by SO_PEERCRED */
	const gid_t *gids; /* primary and supplementary, by SO_PEERCRED and SO_PEERGROUPS */
	size_t n_gids;
	uint32_t namespace; /* enum policy_namespace */
	const char *cgroup; /* in the unified hierarchy, "/system.slice/shop.service"; NULL: not known */

	/* The bundle. */
	char probe[PROBE_NAME_MAX]; /* enroll with neither spec nor probe: could some bundle be allowed? */
	uint32_t channel;           /* enum policy_channel */
	const struct spec *spec;    /* what it says of itself; NULL: not known */
	uint32_t variant;           /* the one that runs here; at least spec->n_variants: none does */
	const char *roles; /* whose threshold its signatures meet, blank-separated, MESSAGE_MORE_ROLES for
			      some that are not known; NULL: not known */
	const struct message_signer *signers; /* whose signatures count; NULL: not known */
	size_t n_signers;

	/* What with it. */
	uint32_t data;                     /* POLICY_DATA_…; attach needs at least one */
	uint32_t privacy;                  /* enum spec_privacy: fields up to this class are shown */
	bool persist;                      /* without a deadline, also after a reboot */
	bool kernel_verified;              /* it runs only if the kernel itself verifies its programs */
	uint32_t target_kind;              /* enum target_kind of format/spec.h */
	uid_t target_uid;                  /* with TARGET_USER */
	char target_name[TARGET_NAME_MAX]; /* with TARGET_UNIT its name, with TARGET_CGROUP "/a/b" */
	const uint64_t *parameters; /* one value for each of spec->params; NULL: their initial values */
	uint32_t given;  /* bit set by index: the caller named this one, the others may be changed */
	uint32_t minute; /* of the week, UTC, Monday 00:00 is 0: below POLICY_WEEK */

	struct policy_facts *facts; /* what policy/ remembers while it decides: callers leave it NULL */
};

enum policy_limit {
	POLICY_MAX_ATTACHMENTS = 0,   /* of one uid */
	POLICY_MAX_MEMORY,            /* bytes of kernel memory of one uid */
	POLICY_MAX_EVENTS_PER_SECOND, /* of one attachment */
	POLICY_MAX_DURATION,          /* ms, of one attachment */
	POLICY_MAX_LOADS_PER_MINUTE,  /* of one uid: attaches for which programs had to be loaded */
	POLICY_MAX_PROGRAMS_PER_HOOK, /* of all users together, on each hook of the probe */
	POLICY_MAX_CPU,               /* millionths of one CPU, of one attachment */
	POLICY_KERNEL_VERIFIED,       /* 0: only what the kernel itself verified may run */
	_POLICY_LIMIT_MAX,
};
#define POLICY_CPU_PERCENT 10000U /* of POLICY_MAX_CPU: that many make a percent */
#define POLICY_UNLIMITED   UINT64_MAX
#define POLICY_REQUIRED    0U
const char *policy_limit_name(uint32_t limit); /* "max-memory" */

/* The value of a limit from "4", "16M", "8h", "required". NULL, or what is wrong with the text: a sentence.
 */
const char *policy_limit_from_text(uint32_t limit, const char *text, uint64_t *ret_value);

/* Names of rules that no section can have: what denied when no section did. */
#define POLICY_RULE_DEFAULT         "default"         /* no allow matches */
#define POLICY_RULE_OVERFLOW_UID    "overflow-uid"    /* uid 65534: the kernel could not map the caller */
#define POLICY_RULE_NO_POLICY       "no-policy"       /* policy_deny_all() */
#define POLICY_RULE_INVALID_REQUEST "invalid-request" /* a member outside its enumeration or form */

/* What it means that this one denied, for people; NULL: it is no built-in rule. */
const char *policy_built_in_meaning(const char *rule);

/* What `set` in the limits that match leaves of a parameter. */
struct policy_bound {
	uint64_t min, max; /* 0 and UINT64_MAX: it is free; min > max: they contradict each other */
	char section[OBJECT_NAME_MAX]; /* which [limit …] set the narrower end, or the last to contradict */
};

struct policy_limits {
	uint64_t value[_POLICY_LIMIT_MAX];                /* POLICY_UNLIMITED: none applies */
	char section[_POLICY_LIMIT_MAX][OBJECT_NAME_MAX]; /* which [limit …] set it; "" for none */
	struct policy_bound bounds[SPEC_PARAMS_MAX];      /* by index of spec->params */
};

/* True if only what the kernel itself verified may run. */
static inline bool policy_kernel_verified(const struct policy_limits *limits)
{
	return limits->value[POLICY_KERNEL_VERIFIED] == POLICY_REQUIRED;
}

#define POLICY_NO_PARAMETER UINT32_MAX

struct policy_decision {
	bool allowed;
	/* Of several allows or denies that match, the first by name; if parameter is set, the limit's. */
	char rule[OBJECT_NAME_MAX];
	uint32_t parameter;          /* denied because this one is out of its bounds: index of spec->params */
	struct policy_limits limits; /* all 0 unless allowed, or denied for a parameter */
	uint64_t parameters[SPEC_PARAMS_MAX]; /* in force: those that were not given are moved into their
						 bounds */
};

/* How names become ids while a policy is loaded; never used afterwards. Each returns 0 and the id, a positive
 * value if there is no such name, or -errno if that cannot be known now, which fails the load. */
struct policy_resolver {
	int (*user)(void *userdata, const char *name, uid_t *ret_uid);
	int (*group)(void *userdata, const char *name, gid_t *ret_gid);
	void *userdata;
};

struct policy;

/* Loads *.policy of n directories in order of precedence with config_add_directories(). 0;
 * REFUSAL_POLICY_INVALID with the place file:line:column; or -errno. No directory or no file gives an empty
 * policy, which allows nothing. A user or group that does not exist is a warning in an allow, which then
 * matches nobody, and a refusal in a deny or limit, which must never vanish. The caller frees the policy. */
int policy_load(const char *const *directories, size_t n, uid_t owner, const struct policy_resolver *resolver,
		struct refusal *refusal, struct policy **ret_policy);

/* The same from one text, whose name in places is file. */
int policy_new_from_text(const char *file, const char *text, size_t size,
			 const struct policy_resolver *resolver, struct refusal *refusal,
			 struct policy **ret_policy);

/* The same from sections that were read before, with code REFUSAL_POLICY_INVALID. The policy takes the config
 * over on success only. */
int policy_new_from_config(struct config *config, const struct policy_resolver *resolver,
			   struct refusal *refusal, struct policy **ret_policy);

/* A policy for when there is none that could be loaded: denies everything to everybody under the rule
 * POLICY_RULE_NO_POLICY. */
int policy_deny_all(struct policy **ret_policy);

struct policy *policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy *, policy_free)

/* The merged text as config_text() gives it: its SHA-256 names the policy in the audit log. */
const char *policy_text(const struct policy *policy, size_t *ret_size);

/* What is odd but no error, "FILE:LINE:COLUMN: sentence". */
size_t policy_n_warnings(const struct policy *policy);
const char *policy_warning(const struct policy *policy, size_t i);

/* Decides. Pure: no clock, no I/O, no name service, no allocation; cannot fail. A parameter that limits move
 * must be allowed with all values from the one that it had to the one that it gets: with the two alone,
 * another limit could move it past a value that is denied, and so allow more. */
void policy_decide(const struct policy *policy, const struct policy_request *request,
		   struct policy_decision *ret_decision);

/* The same for a question that leaves something open; *request becomes the most that is allowed, or else the
 * most that is denied because of a parameter's bounds alone, or else the most of all: its denial is the
 * decision. data 0: all that the probe has, else one of both; privacy: at most this class and the highest
 * that the probe has, POLICY_PRIVACY_MOST for no other bound, else a lower one; kernel_verified false:
 * without, else with. Data goes first, then privacy. Labels and events without fields are never zeroed: they
 * need their class, whatever was asked. */
void policy_decide_most(const struct policy *policy, struct policy_request *request,
			struct policy_decision *ret_decision);

/* After a denial by the rule default: *request becomes the least of what was left open in asked, so that a
 * condition which does not hold now is one that denied it, whatever had been asked for. */
void policy_request_least(const struct policy_request *asked, struct policy_request *request);

/* POLICY_DATA_… that a variant has at all. */
uint32_t policy_data_of(const struct spec *spec, uint32_t variant);

/* What an allow that does not write the key covers, as it would write it; NULL: everything, or there is no
 * such key. */
const char *policy_default_of(const char *key);

/* One section in the light of a request. */
struct policy_explanation {
	const char *kind, *name; /* "allow", "developers" */
	const char *file;
	uint32_t line;
	bool matched;
	bool concerns;     /* all of its conditions about who asks hold */
	bool about_caller; /* unless matched: that key is about the caller, not about what is asked */
	const char *key;   /* unless matched: the first condition that does not hold, "group" */
	const char *value; /* what the section writes for it, "shop-dev"; NULL if its default does not hold */
	uint32_t key_line; /* of that key; 0 if the section does not write it */
};

/* Calls back for every section, ordered by kind (allow, deny, limit) and name, until the callback returns
 * other than 0, and returns what it returned. Asks the very function that policy_decide() asks, about the
 * same request with the same parameters moved. Sections are not asked about an invalid request. */
int policy_explain(const struct policy *policy, const struct policy_request *request,
		   int (*callback)(void *userdata, const struct policy_explanation *explanation),
		   void *userdata);

/* What the caller may name as a target of this probe: calls back with each "self", "user:1000",
 * "unit:shop*.service", "cgroup:/a*", "host" that some allow which matches names, that the probe can filter
 * by, and that is allowed as it is written, once each, with the data (POLICY_DATA_…) that goes with it. Of a
 * probe that cannot show the whole host, an allow for `host` names the parts: "self", "user:*", "unit:*",
 * "cgroup:/". The request's own target, data and privacy are ignored. Returns what the callback returned if
 * that was not 0.
 */
int policy_targets(const struct policy *policy, const struct policy_request *request,
		   int (*callback)(void *userdata, uint32_t kind, const char *target, uint32_t data),
		   void *userdata);

/* The minute of the week that "mon/09:30" is. False: it is no such text. */
bool policy_minute_from_text(const char *text, uint32_t *ret_minute);

/* Minutes (1 to POLICY_WEEK) from this minute of the week until some `time` condition may change its mind;
 * UINT32_MAX: there is none. */
uint32_t policy_next_change(const struct policy *policy, uint32_t minute);

/* What is allowed by the reader and still odd: sections that can never matter because another covers them,
 * allows that a deny takes back whole, grants that are wide (everybody; events of the whole host with
 * personal data; programs that can modify). Calls back with file, line and a sentence, ordered by file and
 * line, until the callback returns other than 0, and returns that. -ENOMEM. */
int policy_lint(const struct policy *policy,
		int (*callback)(void *userdata, const char *file, uint32_t line, const char *sentence),
		void *userdata);
