/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Which bundles are accepted is asked of the parser at start and again whenever something changes that it
 * depends on: trust, revocations, the time. What is attached of a bundle that is refused then ends. One
 * verification of all runs at a time; what is asked for meanwhile is done by the next one.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct bundle;
struct connection;
struct message_verify;
struct order;
struct revocation;
struct warden;

/* Why; bits, because one verification may have several reasons. */
enum verification_cause {
	CAUSE_START = 1,
	CAUSE_RELOAD = 2, /* SIGHUP */
	CAUSE_TRUST = 4,  /* a trust directory has changed */
	CAUSE_TIME = 8,   /* something is valid no longer */
	CAUSE_REVOKE = 16,
	CAUSE_ENROLL = 32, /* trust changed while a bundle was being enrolled */
};

/* Whoever has to know when all were looked at after now; first in a struct of its own. */
struct verification_waiter {
	struct verification_waiter *next;
	void (*done)(struct verification_waiter *waiter); /* frees itself */
};

struct verification {
	bool running, sending;
	bool broken;     /* about some bundle nothing could be said */
	bool complete;   /* at least one has come to its end */
	uint64_t change; /* the record of what one that comes to its end has changed; otherwise 0 */
	uint32_t causes; /* of the one that runs */
	uint32_t wanted; /* of the next one; 0: none */
	unsigned int in_flight;
	struct bundle *cursor; /* the next one to ask about */
	/* Counted up by each request: an answer to a question of an earlier generation does not replace one
	 * of a later, whichever comes first. */
	uint64_t generation;
	struct verification_waiter *waiting, *wanting; /* for the one that runs; for the next one */
	sd_event_source *expiry, *retry;
};

/* Has all bundles looked at, at once or when the one that runs is done or the parser is there. */
void verification_request(struct warden *w, uint32_t cause);
/* The same, and calls back when it is done; then what is attached has not been judged again yet. */
void verification_wait(struct warden *w, struct verification_waiter *waiter, uint32_t cause);
/* A bundle has come into the registry, with the answer that was given when it was asked for. */
void verification_enrolled(struct warden *w, const struct bundle *b);
/* Goes on with what was requested: the parser is there again. */
void verification_go_on(struct warden *w);
/* Ends what is attached of bundles that are not accepted any more: who and what record brought that about, as
 * far as it is known. */
void verification_end_refused(struct warden *w, struct connection *by, uint64_t cause);

/* Asks the parser about one bundle, so that the loader gets its verdict, too. The order's done() is called in
 * any case; m is NULL if the bundle could not be read, which then is its refusal, or the parser is not there.
 */
void verification_ask(struct warden *w, struct bundle *b, struct order *order);
/* A question whose answer changes nothing: would it be accepted if this were revoked, too? -errno: it was not
 * sent, and the order is still the caller's. */
int verification_try(struct warden *w, const struct bundle *b, const struct revocation *also,
		     struct order *order);
/* Fills in what the parser is asked about signed bytes: revocations by the registry's own command, the latest
 * time that is known. */
void verification_question(struct warden *w, uint32_t n_signatures, uint32_t flags,
			   struct message_verify *ret);
