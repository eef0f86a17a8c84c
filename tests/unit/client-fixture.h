/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A daemon for the client's tests: it answers as a scenario says, one process a connection, and remembers
 * what it was asked. And the command line in a child, with what it wrote.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* Shared between the test and the daemon's processes. */
struct scenario {
	/* What to answer: set by the test before it calls the client. */
	char reply[4096];  /* to every method but those below, whole message; empty: {"parameters":{}} */
	bool refuse_all;   /* answer reply to the methods below, too */
	bool break_run;    /* Run closes the connection after two events */
	bool refuse_watch; /* the first Watch after that is answered Unavailable */
	bool end_run;      /* Run ends with a reason after two events */
	bool hold_last;    /* the third event goes out only after Read was answered */
	int lost;          /* reported with the second event */
	int submitted;     /* what Read says */
	/* With a policy: Text, Explain and List are answered, too; see serve_policy(). */
	char policy[2048], disk[2048]; /* in force; what a dry run of Reload read */
	char explain[4096];            /* answers to an Explain that is not brief, one a line */
	bool deny_text, deny_explain;  /* the caller may not see the text, or ask about others */
	/* What happened. */
	atomic_int runs, watches, reads, detaches, explains, on_disk;
	char detached[64], call[4096]; /* the newest */
};

struct fixture {
	struct scenario *scenario;
	char directory[64], socket[96];
	pid_t server;
	char out[65536], err[65536]; /* of the last client */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Forgets the last scenario. */
void fixture_reset(struct fixture *fixture);

/* Runs bpfwarden with these arguments (without argv[0]; NULL ends them), returns its exit code. */
int fixture_client(struct fixture *fixture, ...) __attribute__((sentinel));

/* The same with a closed pipe as standard output. */
int fixture_client_epipe(struct fixture *fixture, ...) __attribute__((sentinel));
