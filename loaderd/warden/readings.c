/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who reads the log, or what policy says of others, is itself written into the log, before the first row
 * leaves: once a connection, method and filter, so that somebody who pages through a long log does not make
 * it longer with every page.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

#define READING_LIFE 60000000000ULL /* ns: for so long the same reading is not written down again */
#define READINGS_MAX 16 /* of one connection that are remembered; of more, some are written twice */

struct reading {
	struct reading *next;
	uint64_t recorded; /* CLOCK_BOOTTIME, ns */
	uint8_t what[DIGEST_SIZE];
};

void readings_free(struct connection *c)
{
	while (c->readings) {
		struct reading *next = c->readings->next;

		free(c->readings);
		c->readings = next;
	}
}

/* Of what cannot be hashed, nothing is remembered: it is written again. */
static bool hash(const void *what, size_t size, uint8_t digest[DIGEST_SIZE])
{
	return EVP_Digest(what, size, digest, NULL, EVP_sha256(), NULL) == 1;
}

bool reading_is_recorded(const struct connection *c, const void *what, size_t size)
{
	uint8_t digest[DIGEST_SIZE];
	uint64_t now = now_boottime();

	if (!hash(what, size, digest))
		return false;
	for (const struct reading *r = c->readings; r; r = r->next)
		if (!memcmp(r->what, digest, DIGEST_SIZE))
			return now - r->recorded < READING_LIFE;
	return false;
}

/* Remembers it as the newest, in the place of what was the same or is the oldest of too many. */
void reading_remember(struct connection *c, const void *what, size_t size)
{
	struct reading **p = &c->readings, *r;
	uint8_t digest[DIGEST_SIZE];

	if (!hash(what, size, digest))
		return;
	for (size_t n = 1; *p && memcmp((*p)->what, digest, DIGEST_SIZE) && n < READINGS_MAX; n++)
		p = &(*p)->next;
	r = *p;
	if (r)
		*p = r->next;
	else
		r = malloc(sizeof(*r));
	if (!r)
		return;
	memcpy(r->what, digest, DIGEST_SIZE);
	r->recorded = now_boottime();
	r->next = c->readings;
	c->readings = r;
}

void reading_record(struct warden *w, struct connection *c, const char *action, const char *rule,
		    const char *detail)
{
	const struct act act = { .by = c, .action = action, .rule = rule, .detail = detail };

	if (reading_is_recorded(c, detail, strlen(detail)))
		return;
	if (record_event(w, AUDIT_READ, &act))
		reading_remember(c, detail, strlen(detail));
	record_commit(w);
}
