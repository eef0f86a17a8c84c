/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * About whom and what a policy could be asked: the users of this host that it may be about, and the targets
 * that it names. Users are looked up where this program runs, which is where the daemon runs.
 */
#include <sys/types.h>

#include "client/cli/cli.h"
#include "format/config.h"
#include "format/message.h"

struct candidate {
	char name[64]; /* or the number of a user that has no name */
	uid_t uid;
	bool groups_known; /* false: more than a question can carry, the daemon must look for itself */
	size_t n_groups;
	gid_t groups[EXPLAIN_GROUPS_MAX];
};

struct candidates {
	struct candidate *users; /* by uid, ascending */
	size_t n_users;
	json_t *user_words, *group_words, *uid_words; /* sets: objects whose keys count */
	json_t *names;                                /* the set of those in users */
	json_t *targets;                              /* "self", "host", and what the policies name */
};

/* Empty, but for the targets self and host. False: out of memory. */
bool candidates_init(struct candidates *candidates);
void candidates_clear(struct candidates *candidates);

/* Adds the words of a policy. */
void candidates_add_policy(struct candidates *candidates, const struct config *config);

/* Finds the users: root, those from 1000 to 59999, those that the policies name, and the members of the
 * groups that they name; or all. 0 or -ENOMEM. */
int candidates_find(struct candidates *candidates, bool all);

/* The beginning of a question about a user: members user, groups and brief. Numbers, not names: the daemon
 * would look the name up for each question. NULL: out of memory. */
json_t *candidate_question(const struct candidate *candidate);

/* The same for a target: "user:alice" as "user:1001" in buffer, any other as it is. */
const char *candidate_target(const char *target, char *buffer, size_t size);
