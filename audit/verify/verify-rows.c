/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify/verify-run.h"

/* ---- memory's blocks ---- */

static bool remembered(const struct memory *memory, uint64_t index, const uint8_t *hash)
{
	return hash && !memcmp(memory->blocks[index - memory->first_block], hash, DIGEST_SIZE);
}

static int on_block(uint64_t index, const uint8_t hash[DIGEST_SIZE], const uint8_t *other, void *userdata)
{
	struct run *run = userdata;
	struct verify *verify = run->verify;
	const struct memory *memory = run->memory;
	uint64_t first = run_seq(run, index << WALK_BLOCK_LEVEL) + 1;

	if (memory && index >= memory->first_block && index - memory->first_block < memory->n_blocks &&
	    !remembered(memory, index, hash) && !remembered(memory, index, other))
		findings_add(
			run->findings, FINDING_REWRITTEN, first, first + MEMORY_BLOCK - 1,
			"these are not the records that were there at the last visit: somebody who has the "
			"audit key wrote them again; compare with the journal (--journal) and backups");
	if (!verify->n_blocks)
		verify->first_block = index;
	else if (verify->first_block + verify->n_blocks != index)
		return 0; /* behind a hole, which is a finding: nothing will be remembered */
	if (!(verify->n_blocks & (verify->n_blocks - 1))) {
		size_t room = verify->n_blocks ? 2 * verify->n_blocks : 1;
		void *blocks = reallocarray(verify->blocks, room, sizeof(*verify->blocks));

		if (!blocks)
			return -ENOMEM;
		verify->blocks = blocks;
	}
	memcpy(verify->blocks[verify->n_blocks++], hash, DIGEST_SIZE);
	return 0;
}

/* ---- points ---- */

static void tell_own(struct run *run, const struct point *point, uint64_t first, uint64_t last)
{
	if (point->kind == POINT_STUB)
		findings_add(run->findings, FINDING_STUB, run->verify->log.base + 1, last,
			     "the signed note about removed records is of another history than the records "
			     "that follow");
	else
		findings_add(run->findings, FINDING_ROOT, first, last,
			     "these records are not those over which the log's checkpoint of %" PRIu64
			     " was signed: one was changed, added or taken away since; compare with the "
			     "journal (--journal) and backups",
			     last);
}

static void tell_other(struct run *run, const struct point *point, uint64_t first, uint64_t last)
{
	if (point->kind == POINT_ANCHOR) {
		findings_add(run->findings, FINDING_ANCHOR_ROOT, first, last,
			     "these records are not those over which %s, of %" PRIu64
			     ", was signed: somebody who has the audit key wrote them again, or one was "
			     "changed; compare with the journal (--journal) and backups",
			     point->name, last);
		return;
	}
	/* Where the remembered blocks have narrowed it down there is no more to say. */
	if (run->findings->kept[FINDING_REWRITTEN])
		return;
	if (run->memory && run->memory->n_blocks) {
		uint64_t seen =
			run_seq(run, (run->memory->first_block + run->memory->n_blocks) << WALK_BLOCK_LEVEL);

		if (seen >= first && seen < last)
			first = seen + 1;
	}
	findings_add(run->findings, FINDING_REWRITTEN, first, last,
		     "these are not the records that were there at the last visit: somebody who has the "
		     "audit key wrote them again; compare with the journal (--journal) and backups");
}

static const enum finding_kind kind_of[_POINT_MAX] = {
	[POINT_OWN] = FINDING_ROOT,
	[POINT_STUB] = FINDING_STUB,
	[POINT_ANCHOR] = FINDING_ANCHOR_ROOT,
	[POINT_MEMORY] = FINDING_REWRITTEN,
};

static void judge(struct run *run, const struct point *point, bool matches)
{
	struct verify *verify = run->verify;
	bool other = point->kind == POINT_ANCHOR || point->kind == POINT_MEMORY;
	/* Who has the key makes the log's own agree with whatever it says. */
	uint64_t good = run->good < point->size ? run->good : run->below,
		 first = run_seq(run, other ? verify->anchored : good) + 1, last = run_seq(run, point->size);

	if (matches) {
		run->below = good;
		run->good = point->size;
		run->diverged[point->kind] = false;
		if (other)
			verify->anchored = point->size;
		if (point->kind == POINT_MEMORY)
			verify->grew_from = point->size;
		if (point->kind == POINT_OWN) {
			verify->checkpoint.size = point->size;
			memcpy(verify->checkpoint.root, point->root, DIGEST_SIZE);
			snprintf(verify->note, sizeof(verify->note), "%s", point->note);
		}
		return;
	}
	if (run->diverged[point->kind] && point->kind != POINT_ANCHOR) {
		findings_more(run->findings, kind_of[point->kind]);
		return;
	}
	run->diverged[point->kind] = true;
	if (other)
		tell_other(run, point, first, last);
	else
		tell_own(run, point, first, last);
}

int run_take_point(struct run *run, const struct point **ret)
{
	struct points *points = &run->points;
	struct point *point = &points->items[points->next];
	uint64_t seq = point->size ? run_seq(run, point->size) : 0;
	int r = points_wait(points, points->next);

	if (r)
		return r;
	points->next++;
	if (point->fault && !point->told)
		findings_add(run->findings, FINDING_CHECKPOINT, seq, seq,
			     "a checkpoint in the log %s: somebody without the key wrote it", point->fault);
	point->told = true;
	*ret = point->fault ? NULL : point;
	return 0;
}

int run_judge(struct run *run)
{
	const struct points *points = &run->points;
	uint64_t size = run->walk.edge.size;

	while (points->next < points->n && points->items[points->next].size <= size) {
		const struct point *point;
		bool known, matches;
		int r = run_take_point(run, &point);

		/* One inside of a hole says nothing that could be compared. */
		if (!r && point && point->size == size) {
			r = walk_matches(&run->walk, point->root, &known, &matches);
			if (!r && known)
				judge(run, point, matches);
		}
		if (r)
			return r;
	}
	return 0;
}

/* ---- rows ---- */

/* A record says its own number, so that none can stand for another. */
static bool is_record(const struct audit_source_row *row)
{
	static const char before[] = "{\"v\":1,\"seq\":", after[] = ",\"kind\":\"";
	const size_t n_before = sizeof(before) - 1, n_after = sizeof(after) - 1;
	const char *at = row->bytes + n_before;
	uint64_t seq = 0;
	size_t digits = 0;

	if (row->size < n_before + n_after + 2 || row->size > AUDIT_RECORD_MAX ||
	    memcmp(row->bytes, before, n_before) != 0)
		return false;
	for (;
	     digits < row->size - n_before - n_after && digits < 19 && at[digits] >= '0' && at[digits] <= '9';
	     digits++)
		seq = 10 * seq + (uint64_t)(at[digits] - '0');
	return digits && *at != '0' && seq == row->seq && !memcmp(at + digits, after, n_after) &&
	       row->bytes[row->size - 1] == '}' && !memchr(row->bytes, '\n', row->size);
}

/* Records before this one that did not come. */
static int miss(struct run *run, uint64_t seq)
{
	uint64_t first = run->last + 1;

	if (seq - first > 1ULL << 61)
		return -EINVAL;
	if (!findings_cover(run->findings, FINDING_SEGMENT, first))
		findings_add(run->findings, FINDING_MISSING, first, seq - 1,
			     "not there: deleted, or lost with a damaged file; a backup or the journal "
			     "(journalctl BPFWARDEN_SEQ=%" PRIu64 ") may have it",
			     first);
	run->last = seq - 1;
	return walk_skip(&run->walk, seq - first);
}

static int enter_segment(struct run *run, const struct audit_source_row *row)
{
	struct tree_edge edge;
	int r;

	run->segment = row->segment;
	if (!run->source->calls->edge || !run->walk.edge.size)
		return 0;
	r = run->source->calls->edge(run->source, run->walk.edge.size, &edge);
	return r == -ENOENT ? 0 : r ? r : walk_meet(&run->walk, &edge, row->place);
}

static void compare_copies(struct run *run, uint64_t seq, const uint8_t leaf[DIGEST_SIZE])
{
	const struct verify_options *options = run->options;
	bool have = false;

	while (run->copy < options->n_copies && options->copies[run->copy].seq < seq)
		run->copy++;
	for (; run->copy < options->n_copies && options->copies[run->copy].seq == seq; run->copy++) {
		have = true;
		if (memcmp(options->copies[run->copy].leaf, leaf, DIGEST_SIZE))
			findings_add(run->findings, FINDING_JOURNAL, seq, seq,
				     "the journal has other bytes: one of the two was changed; read both "
				     "(journalctl BPFWARDEN_SEQ=%" PRIu64 " -o json)",
				     seq);
	}
	run->verify->copies += have;
}

static int check_row(struct run *run, const struct audit_source_row *row, uint8_t leaf[DIGEST_SIZE])
{
	int r = tree_hash_leaf(row->bytes, row->size, leaf);

	if (r)
		return r;
	if (!is_record(row))
		findings_add(run->findings, FINDING_RECORD, row->seq, row->seq,
			     "what stands here is no record, or one of another number; compare with the "
			     "journal (journalctl BPFWARDEN_SEQ=%" PRIu64 ")",
			     row->seq);
	else if (row->column)
		findings_add(run->findings, FINDING_COLUMN, row->seq, row->seq,
			     "the column %s does not say what the record says: whoever lists records by a "
			     "filter does not see it as it is; the record itself is what counts",
			     row->column);
	compare_copies(run, row->seq, leaf);
	if (!row->leaf || !memcmp(row->leaf, leaf, DIGEST_SIZE))
		return references_note(&run->references, row->seq, row->bytes, row->size);
	findings_add(
		run->findings, FINDING_LEAF, row->seq, row->seq,
		"the bytes are not those that were written: they do not match their stored hash; compare "
		"with the journal (journalctl BPFWARDEN_SEQ=%" PRIu64 ")",
		row->seq);
	/* What is stored tells whether the rest still holds. */
	memcpy(leaf, row->leaf, DIGEST_SIZE);
	return 0;
}

static int on_row(const struct audit_source_row *row, void *userdata)
{
	struct run *run = userdata;
	uint8_t leaf[DIGEST_SIZE];
	int r = 0;

	if (row->seq <= run->last || row->seq - run->last > 1ULL << 61) {
		findings_add(run->findings, FINDING_ORDER, row->seq, row->seq,
			     "stands where it does not belong, or twice; it was not counted");
		return 0;
	}
	if (row->seq > run->last + 1)
		r = miss(run, row->seq);
	if (!r && (!run->begun || row->segment != run->segment))
		r = enter_segment(run, row);
	if (!r && !run->begun)
		r = run_judge(run);
	run->begun = true;
	if (!r)
		r = check_row(run, row, leaf);
	if (!r)
		r = walk_append(&run->walk, leaf);
	run->last = row->seq;
	run->verify->records++;
	return r ? r : run_judge(run);
}

/* ---- files that end too early ---- */

static const struct run_segment *segment_of(const struct run *run, uint64_t seq)
{
	for (size_t i = 0; i < run->n_segments; i++)
		if (run->segments[i].first <= seq && seq <= run->segments[i].last)
			return &run->segments[i];
	return NULL;
}

/* Where reading goes on behind what cannot be read; 0: nowhere. */
static uint64_t after_damage(struct run *run, const struct refusal *refusal)
{
	const struct run_segment *segment = segment_of(run, run->last + 1);
	uint64_t next = 0;

	if (!segment) { /* all of its records came before */
		findings_add(run->findings, FINDING_SEGMENT, 0, 0, "%s: %s", refusal->subject,
			     refusal->reason);
		return 0;
	}
	findings_add(run->findings, FINDING_SEGMENT, run->last + 1, segment->last,
		     "%s cannot be read from here on: %s; a backup has it", segment->place, refusal->reason);
	for (size_t i = 0; i < run->n_segments; i++)
		if (run->segments[i].first > run->last + 1 && (!next || run->segments[i].first < next))
			next = run->segments[i].first;
	return next;
}

int run_rows(struct run *run)
{
	/* Of a database everything, to find what stands before the first one, too. */
	uint64_t from = run->source->calls->segments ? 0 : run->last + 1;
	int r;

	run->walk.block = on_block;
	run->walk.userdata = run;
	do {
		struct refusal refusal = { 0 };

		r = run->source->calls->rows(run->source, from, on_row, run, &refusal);
		if (r > 0 && !run->n_segments && run->refusal)
			*run->refusal = refusal;
		if (r <= 0 || !run->n_segments)
			break;
		from = after_damage(run, &refusal);
		r = 0;
	} while (from);
	if (!r && !run->begun)
		r = run_judge(run);
	run->verify->size = run->walk.edge.size;
	return r ? r : walk_root(&run->walk, run->verify->root, &run->verify->rooted);
}
