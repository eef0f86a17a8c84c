/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "audit/verify/verify-run.h"

/* Leaves before the first record: removed, or lost with a file that is named already. */
static uint64_t absent(const struct run *run)
{
	return run->verify->log.first - run->verify->log.base - 1;
}

/* The first record that should be there: files that are unusable or another log's count. */
static uint64_t begin_of(const struct run *run)
{
	uint64_t first = run->verify->log.first;

	for (size_t i = 0; i < run->findings->n; i++) {
		const struct finding *finding = &run->findings->items[i];

		if (finding->kind == FINDING_SEGMENT && finding->first > run->verify->log.base &&
		    finding->first < first)
			first = finding->first;
	}
	return first;
}

/* The stub in which the daemon signed that records were removed; false: there is none that counts. */
static int read_stub(struct run *run, struct stub *ret, bool *ret_good)
{
	const char *note = run->verify->log.stub, *fault = NULL;
	size_t text_size = 0;
	int r;

	*ret_good = false;
	if (!*note)
		return 0;
	r = run->keyed ? note_verify(&run->key, note, strlen(note), &text_size) : NOTE_UNSIGNED;
	if (r < 0)
		return r;
	if (r == NOTE_MALFORMED || (!r && stub_parse(note, text_size, ret) < 0))
		fault = "is none";
	else if (r)
		fault = r == NOTE_FORGED ? "has a signature that does not hold"
					 : "is not signed by this log's key";
	else if (strcmp(ret->origin, run->origin))
		fault = "is of another log";
	if (fault)
		findings_add(run->findings, FINDING_STUB, absent(run) ? run->verify->log.base + 1 : 0,
			     absent(run) ? run->verify->log.first - 1 : 0,
			     "the note about removed records %s: whoever removed them had not the key",
			     fault);
	*ret_good = !fault;
	return 0;
}

static void tell_removed(struct run *run, const struct stub *stub, uint64_t gone)
{
	const struct audit_source_log *log = &run->verify->log;
	uint64_t signed_last = log->base + (stub ? stub->size : 0);

	if (!stub)
		findings_add(run->findings, FINDING_REMOVED, log->base + 1, log->base + gone,
			     "these records are gone, and no signed note says that retention removed them; a "
			     "backup has them");
	else if (stub->size < gone)
		findings_add(run->findings, FINDING_REMOVED, signed_last + 1, log->base + gone,
			     "these records are gone, but the signed note about removed records ends before "
			     "them; a backup has them");
	if (stub && stub->size)
		findings_caveat(
			run->findings, CAVEAT_REMOVED, log->base + 1,
			signed_last < log->base + gone ? signed_last : log->base + gone,
			"retention removed these records, as the log's key has signed: what they said "
			"cannot be checked any more");
}

static int begin_walk(struct run *run, uint64_t gone)
{
	struct tree_edge edge = TREE_EDGE_INIT;
	int r = -ENOENT;

	run->walk.source = run->source;
	run->walk.findings = run->findings;
	run->walk.base = run->verify->log.base;
	if (gone && run->source->calls->edge)
		r = run->source->calls->edge(run->source, gone, &edge);
	if (r == 0)
		run->walk.edge = edge;
	if (r != -ENOENT)
		return r;
	if (gone && !run->findings->n)
		findings_add(run->findings, FINDING_EDGE, run_seq(run, 0) + 1, run_seq(run, gone),
			     "what the hash tree was over these records, before the first one that is there, "
			     "is not stored as a whole: nothing that was signed can be compared with what "
			     "follows; a backup has it");
	return gone ? walk_skip(&run->walk, gone) : 0;
}

static int add_anchors(struct run *run)
{
	for (size_t i = 0; i < run->options->n_anchors; i++) {
		const struct verify_anchor *anchor = &run->options->anchors[i];
		struct point point = { .kind = POINT_ANCHOR, .name = anchor->name };
		struct checkpoint checkpoint = { 0 };
		const char *fault = "cannot be checked without a key";
		int r = 0;

		if (run->keyed)
			r = points_judge(&run->key, run->origin, anchor->note, anchor->size, &checkpoint,
					 &fault);
		if (r)
			return r;
		if (fault) {
			findings_add(run->findings, FINDING_ANCHOR, 0, 0,
				     "%s %s: it is of another log or no checkpoint, or this log is not the "
				     "one it was",
				     anchor->name, fault);
			continue;
		}
		point.size = checkpoint.size;
		memcpy(point.root, checkpoint.root, DIGEST_SIZE);
		r = points_add(&run->points, &point);
		if (r)
			return r;
	}
	return 0;
}

static int add_points(struct run *run, const struct stub *stub)
{
	struct point point = { 0 };
	uint64_t above = run->options->quick && run->memory && run->memory->size ? run->memory->size - 1 : 0;
	int r = 0;

	if (run->keyed)
		r = points_add_own(&run->points, run->source, above, run->refusal);
	if (!r && stub) {
		point = (struct point){ .kind = POINT_STUB, .size = stub->size };
		memcpy(point.root, stub->root, DIGEST_SIZE);
		r = points_add(&run->points, &point);
	}
	if (!r && run->memory) {
		point = (struct point){ .kind = POINT_MEMORY, .size = run->memory->size };
		memcpy(point.root, run->memory->root, DIGEST_SIZE);
		r = points_add(&run->points, &point);
	}
	if (!r)
		r = add_anchors(run);
	points_start(&run->points, &run->key, run->origin);
	return r;
}

int run_begin(struct run *run)
{
	uint64_t begin = begin_of(run), gone = begin - run->verify->log.base - 1;
	struct stub stub;
	bool signed_stub;
	int r = read_stub(run, &stub, &signed_stub);

	if (r)
		return r;
	if (gone && !run->options->quick)
		tell_removed(run, signed_stub ? &stub : NULL, gone);
	run->last = begin - 1;
	r = add_points(run, signed_stub ? &stub : NULL);
	return r || run->options->quick ? r : begin_walk(run, gone);
}
