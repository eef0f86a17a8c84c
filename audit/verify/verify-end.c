/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/verify/verify-run.h"
#include "common/limits.h"

/* ---- what should have come ---- */

/* Points beyond the end: the last of a kind says how much is gone. */
static int tell_cut(struct run *run)
{
	uint64_t last = run_seq(run, run->verify->size), own = 0;

	while (run->points.next < run->points.n) {
		const struct point *point;
		uint64_t until;
		int r = run_take_point(run, &point);

		if (r)
			return r;
		if (!point)
			continue;
		until = run_seq(run, point->size);
		if (point->kind == POINT_OWN)
			own = until;
		else if (point->kind == POINT_ANCHOR)
			findings_add(
				run->findings, FINDING_ANCHOR_CUT, last + 1, until,
				"%s was signed over these records, and they are gone: the end was cut off, "
				"or this is an older copy of the log",
				point->name);
		else if (point->kind == POINT_MEMORY)
			findings_add(run->findings, FINDING_SHORTER, last + 1, until,
				     "these records were there at the last visit, and they are gone: the end "
				     "was cut off, or this is an older copy of the log");
	}
	if (own)
		findings_add(run->findings, FINDING_CUT, last + 1, own,
			     "the log's own checkpoint was signed over these records, and they are gone: the "
			     "end was cut off");
	return 0;
}

static void tell_journal(struct run *run)
{
	const struct verify_options *options = run->options;
	const struct verify *verify = run->verify;
	uint64_t last = run_seq(run, verify->size),
		 newest = options->n_copies ? options->copies[options->n_copies - 1].seq : 0;

	if (!options->journal)
		return;
	if (newest > last)
		findings_add(run->findings, FINDING_JOURNAL_CUT, last + 1, newest,
			     "the journal has records up to here, and the log does not: its end was cut off, "
			     "or it was copied before");
	if (verify->copies < verify->records)
		findings_caveat(run->findings, CAVEAT_NO_JOURNAL, 0, 0,
				"the journal has %" PRIu64 " of %" PRIu64
				" records: the others could not be compared with it",
				verify->copies, verify->records);
}

/* ---- records that were removed since the last visit ---- */

/* The root of a complete subtree out of remembered blocks; false: they do not cover it. */
static int remembered(const struct memory *memory, unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE],
		      bool *ret_known)
{
	unsigned up = level - WALK_BLOCK_LEVEL;
	uint64_t first = index << up, n = 1ULL << up;
	struct tree_edge edge = TREE_EDGE_INIT;
	int r = 0;

	*ret_known = false;
	if (first < memory->first_block || first - memory->first_block > memory->n_blocks ||
	    n > memory->n_blocks - (first - memory->first_block))
		return 0;
	/* A complete subtree over blocks is a tree whose leaves are the blocks. */
	for (uint64_t i = 0; !r && i < n; i++)
		r = tree_append(&edge, memory->blocks[first - memory->first_block + i], NULL, NULL);
	if (!r)
		r = tree_root(&edge, ret);
	*ret_known = !r;
	return r;
}

static int compare_removed(struct run *run, uint64_t gone)
{
	struct tree_edge edge;
	uint64_t at = 0;
	int r;

	if (!run->source->calls->edge)
		return 0;
	r = run->source->calls->edge(run->source, gone, &edge);
	if (r)
		return r == -ENOENT ? 0 : r;
	for (unsigned level = TREE_LEVELS_MAX; level-- > WALK_BLOCK_LEVEL;) {
		uint8_t hash[DIGEST_SIZE];
		bool known;

		if (!((gone >> level) & 1))
			continue;
		r = remembered(run->memory, level, at >> level, hash, &known);
		if (r)
			return r;
		if (known && memcmp(hash, edge.hash[level], DIGEST_SIZE))
			findings_add(
				run->findings, FINDING_REWRITTEN, run_seq(run, at) + 1,
				run_seq(run, at + (1ULL << level)),
				"the records that were removed here are not those that were there at the "
				"last visit: somebody who has the audit key wrote them again");
		at += 1ULL << level;
	}
	return 0;
}

/* A daemon may still have the nodes for a proof. */
static int prove_unseen(struct run *run, bool *ret_proved)
{
	struct point known = { .size = run->memory->size }, to = { .size = run->verify->checkpoint.size };

	*ret_proved = false;
	if (!run->source->calls->prove || to.size < known.size)
		return 0;
	memcpy(known.root, run->memory->root, DIGEST_SIZE);
	memcpy(to.root, run->verify->checkpoint.root, DIGEST_SIZE);
	return run_prove(run, &known, &to, ret_proved);
}

static int tell_unseen(struct run *run)
{
	uint64_t gone = run->verify->log.first - run->verify->log.base - 1;
	bool proved;
	int r;

	if (!run->memory || run->options->quick || run->memory->size >= gone)
		return 0;
	r = prove_unseen(run, &proved);
	if (r)
		return r;
	if (proved) {
		run->verify->grew_from = run->memory->size;
		run->verify->anchored = run->memory->size;
		return 0;
	}
	findings_caveat(run->findings, CAVEAT_UNSEEN, run_seq(run, run->memory->size) + 1, run_seq(run, gone),
			"these records came after the last visit and were removed before this one: that they "
			"continued what you had seen cannot be proved any more; visit more often than "
			"retention removes");
	return compare_removed(run, gone);
}

/* ---- what cannot be proved ---- */

static void say_trusted(struct run *run)
{
	const struct verify *verify = run->verify;
	uint64_t first = verify->log.first, last = run_seq(run, verify->size);

	if (!run->memory && run->options->key)
		findings_caveat(
			run->findings, CAVEAT_FIRST_VISIT, verify->size ? first : 0, last,
			"first visit: the key is the one you gave; that these records are the true ones "
			"is taken on trust");
	else if (!run->memory)
		findings_caveat(run->findings, CAVEAT_FIRST_VISIT, verify->size ? first : 0, last,
				"first visit: that these records and this key are the true ones is taken on "
				"trust; compare the key with what the host's administrator reads there with "
				"bpfwarden audit checkpoint --key: %s",
				verify->log.key);
	if (verify->anchored && verify->checkpoint.size > verify->anchored)
		findings_caveat(
			run->findings, CAVEAT_NEW, run_seq(run, verify->anchored) + 1,
			run_seq(run, verify->checkpoint.size),
			"until now nobody else vouched for these records: before this visit whoever has "
			"the audit key could have written them again without a trace");
}

static void say_unsigned(struct run *run)
{
	const struct verify *verify = run->verify;

	/* The commit that leaves so many signs them. */
	if (!verify->findings.n && verify->size - verify->checkpoint.size >= AUDIT_CHECKPOINT_RECORDS)
		findings_add(
			run->findings, FINDING_CHECKPOINT, run_seq(run, verify->checkpoint.size) + 1,
			run_seq(run, verify->size),
			"no checkpoint covers these records, and the daemon leaves fewer than %d without: "
			"somebody took its checkpoints away, and may have changed what they covered",
			AUDIT_CHECKPOINT_RECORDS);
	if (verify->size > verify->checkpoint.size)
		findings_caveat(
			run->findings, CAVEAT_UNSIGNED, run_seq(run, verify->checkpoint.size) + 1,
			run_seq(run, verify->size),
			"no checkpoint covers these records yet: whoever can write the files can change "
			"them, without the key; the daemon signs the next one within a minute, or at "
			"once for bpfwarden audit checkpoint");
}

static void say_always(struct run *run)
{
	findings_caveat(run->findings, CAVEAT_KEY_HOLDER, 0, 0,
			"whoever has the audit key, such as root on that host, can write again what neither "
			"your memory nor a checkpoint kept elsewhere covers");
	findings_caveat(run->findings, CAVEAT_DAEMON, 0, 0,
			"what a daemon did not write, or wrote wrongly from the start, no log can show");
}

int run_end(struct run *run)
{
	int r = tell_cut(run);

	snprintf(run->verify->checkpoint.origin, sizeof(run->verify->checkpoint.origin), "%s", run->origin);
	if (!r && !run->options->quick)
		r = references_check(&run->references, run->source, run->findings, run->refusal);
	if (!r)
		r = tell_unseen(run);
	if (r)
		return r;
	tell_journal(run);
	say_trusted(run);
	if (!run->options->quick)
		say_unsigned(run);
	say_always(run);
	return 0;
}
