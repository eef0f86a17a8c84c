/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "audit/verify/verify-run.h"

struct candidates {
	const char *wanted[2];
	bool found[2];
};

static int look(const struct audit_source_segment *segment, void *userdata)
{
	struct candidates *candidates = userdata;

	for (size_t i = 0; i < 2; i++)
		if (!segment->refusal && candidates->wanted[i] &&
		    !strcmp(segment->origin, candidates->wanted[i]))
			candidates->found[i] = true;
	return 0;
}

/* If a file of another log was put in its place, the newest does not speak for the others: then it is the log
 * that was asked for, or the one that was known. */
int run_identify(struct run *run)
{
	struct candidates candidates = { 0 };
	const char *origin;
	int r;

	if (run->options->key) {
		r = note_key_parse(run->options->key, &run->key);
		if (r)
			return r;
		run->keyed = true;
		candidates.wanted[0] = run->key.name;
	}
	if (run->options->memory)
		candidates.wanted[1] = run->options->memory->origin;
	r = run->source->calls->describe(run->source, &run->verify->log, run->refusal);
	if (!r && run->source->calls->segments)
		r = run->source->calls->segments(run->source, look, &candidates, run->refusal);
	if (r)
		return r;
	origin = candidates.found[0]   ? candidates.wanted[0]
		 : candidates.found[1] ? candidates.wanted[1]
				       : run->verify->log.origin;
	run->origin = strdup(origin);
	return run->origin ? 0 : -ENOMEM;
}

static bool same_key(const char *a, const char *b)
{
	struct note_key x, y;

	return note_key_parse(a, &x) == 0 && note_key_parse(b, &y) == 0 &&
	       !memcmp(x.public, y.public, sizeof(x.public));
}

/* What was known of this host, against what is there now. */
static void compare_memory(struct run *run)
{
	const struct memory *memory = run->options->memory;
	const struct audit_source_log *log = &run->verify->log;
	bool same = same_key(memory->key, log->key);

	if (!strcmp(memory->origin, run->origin) && memory->base == log->base) {
		run->memory = memory;
		run->verify->known = memory->size;
		if (!same && !run->options->key)
			findings_add(
				run->findings, FINDING_KEY, 0, 0,
				"the log names another key than at the last visit: %s; somebody may have "
				"put it there to sign another history; ask the host's administrator",
				log->key);
	} else if (!strcmp(memory->origin, run->origin)) {
		findings_add(run->findings, FINDING_REWRITTEN, memory->base + 1, memory->base + memory->size,
			     "the log has the name of the one that you know, and counts its records from "
			     "another number: somebody who has the audit key wrote it again; compare with "
			     "the journal (--journal) and backups");
	} else if (run->options->key) {
		return; /* the auditor has compared the key: this is the log that counts from now on */
	} else if (same) {
		findings_add(run->findings, FINDING_ANEW, memory->base + 1, memory->base + memory->size,
			     "another log of the same key, begun anew, stands where these records were: its "
			     "first record says why; the old one is in files damaged-*; if that is right, "
			     "accept it with --key %s",
			     log->key);
	} else {
		findings_add(run->findings, FINDING_KEY, memory->base + 1, memory->base + memory->size,
			     "another log with another key stands where these records were; ask the host's "
			     "administrator; if that is right, accept it with --key %s",
			     log->key);
	}
}

static void compare_pinned(struct run *run)
{
	const struct audit_source_log *log = &run->verify->log;
	struct note_key named;

	if (note_key_parse(log->key, &named) || named.hash != run->key.hash ||
	    memcmp(named.public, run->key.public, sizeof(named.public)) || strcmp(named.name, run->key.name))
		findings_add(run->findings, FINDING_KEY, 0, 0,
			     "the log is not signed by the key that was given; it names %s",
			     *log->key ? log->key : "none");
}

int run_key(struct run *run)
{
	struct audit_source_log *log = &run->verify->log;
	int r = run->source->calls->describe(run->source, log, run->refusal);

	if (r)
		return r;
	if (log->first <= log->base)
		log->first = log->base + 1;
	if (log->last < log->first)
		log->last = 0;
	if (log->base >= 1ULL << 62 || log->first - log->base > 1ULL << 61)
		return refusal_set(run->refusal, REFUSAL_AUDIT_UNAVAILABLE, "describe",
				   "the log says that it begins with record %" PRIu64 " above base %" PRIu64,
				   log->first, log->base);
	if (run->keyed) {
		compare_pinned(run);
	} else {
		run->keyed = note_key_parse(log->key, &run->key) == 0;
		if (!run->keyed || strcmp(run->key.name, run->origin))
			findings_add(run->findings, FINDING_KEY, 0, 0,
				     "the log does not name its key, so that no signature can be checked; "
				     "give it with --key");
	}
	if (run->options->memory)
		compare_memory(run);
	return 0;
}
