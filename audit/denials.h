/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Counting of denials: the first one of a uid, rule and action is a record of its own and opens a minute;
 * further ones are counted here. The action belongs to it because most rules deny many of them: whoever is
 * denied something harmless first could else try to revoke a probe, or to read the log, unseen for a minute.
 * The table is fixed. Each count that was staged stays in the table until its commit
 * is known to have succeeded, so a full disk loses none.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/limits.h"

#define DENIALS_TEXT_MAX 128

enum denial_state {
	DENIAL_FREE = 0,
	DENIAL_COUNTING,
	DENIAL_STAGED, /* its count waits for a commit */
};

struct denial {
	enum denial_state state;
	uid_t uid;
	char rule[DENIALS_TEXT_MAX], action[DENIALS_TEXT_MAX], user[DENIALS_TEXT_MAX];
	uint64_t first_seq; /* the record that opened the minute; 0: it was rolled back and is in the count */
	bool first_staged;  /* that record waits for a commit */
	uint64_t opened;    /* µs, monotonic */
	uint64_t count;     /* after the first */
	uint64_t first_time;   /* real time of that first one, ns */
	uint64_t since, until; /* of the first and last that are in the count */
};

struct denials {
	struct denial entries[AUDIT_DENIALS_MAX];
};

/* The entry that counts for these; NULL: this denial is a first one. */
struct denial *denials_find(struct denials *denials, uid_t uid, const char *rule, const char *action);

/* A free entry, or NULL; and the one that has been counting longest, or NULL. */
struct denial *denials_free_entry(struct denials *denials);
struct denial *denials_oldest(struct denials *denials);

void denials_open(struct denial *denial, uid_t uid, const char *user, const char *rule, const char *action,
		  uint64_t seq, uint64_t now, uint64_t time);
void denials_count(struct denial *denial, uint64_t time);

/* True if these fit into an entry. */
bool denials_fit(const char *rule, const char *action);

/* After a commit of everything staged: counts that went along are done with. After a failed one: they count
 * on, and firsts that are gone are counted too. */
void denials_committed(struct denials *denials);
void denials_rolled_back(struct denials *denials);

/* When the next minute ends, µs; UINT64_MAX: none runs. */
uint64_t denials_next(const struct denials *denials);
