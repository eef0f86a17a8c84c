/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/denials.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_USEC (AUDIT_DENIALS_WINDOW * 1000ULL)

struct denial *denials_find(struct denials *denials, uid_t uid, const char *rule, const char *action)
{
	for (size_t i = 0; i < AUDIT_DENIALS_MAX; i++) {
		struct denial *denial = &denials->entries[i];

		if (denial->state == DENIAL_COUNTING && denial->uid == uid && !strcmp(denial->rule, rule) &&
		    !strcmp(denial->action, action))
			return denial;
	}
	return NULL;
}

struct denial *denials_free_entry(struct denials *denials)
{
	for (size_t i = 0; i < AUDIT_DENIALS_MAX; i++)
		if (denials->entries[i].state == DENIAL_FREE)
			return &denials->entries[i];
	return NULL;
}

struct denial *denials_oldest(struct denials *denials)
{
	struct denial *oldest = NULL;

	for (size_t i = 0; i < AUDIT_DENIALS_MAX; i++) {
		struct denial *denial = &denials->entries[i];

		if (denial->state == DENIAL_COUNTING && (!oldest || denial->opened < oldest->opened))
			oldest = denial;
	}
	return oldest;
}

bool denials_fit(const char *rule, const char *action)
{
	return strlen(rule) < DENIALS_TEXT_MAX && strlen(action) < DENIALS_TEXT_MAX;
}

void denials_open(struct denial *denial, uid_t uid, const char *user, const char *rule, const char *action,
		  uint64_t seq, uint64_t now, uint64_t time)
{
	*denial = (struct denial){
		.state = DENIAL_COUNTING,
		.uid = uid,
		.first_seq = seq,
		.first_staged = true,
		.opened = now,
		.first_time = time,
		.until = time,
	};
	snprintf(denial->rule, sizeof(denial->rule), "%s", rule);
	snprintf(denial->action, sizeof(denial->action), "%s", action);
	/* A name too long for the table is left out; the record then says the number. */
	if (user && strlen(user) < sizeof(denial->user))
		snprintf(denial->user, sizeof(denial->user), "%s", user);
}

void denials_count(struct denial *denial, uint64_t time)
{
	if (denial->count++ == 0)
		denial->since = time;
	denial->until = time;
}

void denials_committed(struct denials *denials)
{
	for (size_t i = 0; i < AUDIT_DENIALS_MAX; i++) {
		struct denial *denial = &denials->entries[i];

		denial->first_staged = false;
		if (denial->state == DENIAL_STAGED)
			*denial = (struct denial){ 0 };
	}
}

void denials_rolled_back(struct denials *denials)
{
	for (size_t i = 0; i < AUDIT_DENIALS_MAX; i++) {
		struct denial *denial = &denials->entries[i];

		if (denial->state == DENIAL_FREE)
			continue;
		denial->state = DENIAL_COUNTING;
		if (denial->first_staged) {
			denial->first_staged = false;
			denial->first_seq = 0;
			denial->since = denial->first_time;
			denial->count++;
		}
	}
}

uint64_t denials_next(const struct denials *denials)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < AUDIT_DENIALS_MAX; i++) {
		const struct denial *denial = &denials->entries[i];

		if (denial->state == DENIAL_COUNTING && denial->opened + WINDOW_USEC < next)
			next = denial->opened + WINDOW_USEC;
	}
	return next;
}
