/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/verify/verify-run.h"

/* All are looked at; *ret is the newest of the log's own, NULL if none of them is signed. */
static int newest(struct run *run, const struct point **ret)
{
	*ret = NULL;
	while (run->points.next < run->points.n) {
		const struct point *point;
		int r = run_take_point(run, &point);

		if (r)
			return r;
		if (point && point->kind == POINT_OWN)
			*ret = point;
	}
	return 0;
}

int run_prove(struct run *run, const struct point *from, const struct point *to, bool *ret)
{
	struct tree_proof proof = { 0 };
	struct refusal refusal = { 0 };
	int r;

	*ret = false;
	if (from->size == to->size) {
		*ret = !memcmp(from->root, to->root, DIGEST_SIZE);
		return 0;
	}
	r = run->source->calls->prove(run->source, from->size, to->size, &proof, &refusal);
	if (r < 0)
		return r;
	/* A daemon that does not prove it is as good as one that cannot. */
	return r ? 0 : tree_check_consistency(from->size, from->root, to->size, to->root, &proof, ret);
}

static void tell(struct run *run, const struct point *point, const struct point *to)
{
	uint64_t last = run_seq(run, point->size);

	if (point->size > to->size)
		return; /* told at the end */
	if (point->kind == POINT_MEMORY)
		findings_add(run->findings, FINDING_REWRITTEN, run->verify->log.base + 1, last,
			     "the daemon cannot prove that its log goes on from what you saw at the last "
			     "visit; verify without --quick to see where it differs");
	else
		findings_add(
			run->findings, FINDING_ANCHOR_ROOT, run->verify->log.base + 1, last,
			"the daemon cannot prove that its log goes on from %s; verify without --quick to "
			"see where it differs",
			point->name);
}

int run_quick(struct run *run)
{
	const struct point *to;
	int r;

	if (!run->source->calls->prove)
		return -EOPNOTSUPP;
	r = newest(run, &to);
	if (r)
		return r;
	findings_caveat(run->findings, CAVEAT_QUICK, 0, 0,
			"no record was read: only that the log grew, and who signed it");
	if (!to)
		return 0;
	run->verify->size = to->size;
	run->walk.edge.size = to->size;
	memcpy(run->verify->root, to->root, DIGEST_SIZE);
	run->verify->rooted = true;
	run->verify->checkpoint.size = to->size;
	memcpy(run->verify->checkpoint.root, to->root, DIGEST_SIZE);
	snprintf(run->verify->note, sizeof(run->verify->note), "%s", to->note);
	for (size_t i = 0; i < run->points.n; i++) {
		const struct point *point = &run->points.items[i];
		bool good = false;

		if (point->kind != POINT_MEMORY && point->kind != POINT_ANCHOR)
			continue;
		if (point->size <= to->size)
			r = run_prove(run, point, to, &good);
		if (r)
			return r;
		if (!good)
			tell(run, point, to);
		else
			run->verify->anchored = point->size;
		if (good && point->kind == POINT_MEMORY)
			run->verify->grew_from = point->size;
	}
	/* What was signed over more than there is now is told at the end. */
	while (run->points.next && run->points.items[run->points.next - 1].size > to->size)
		run->points.next--;
	return 0;
}
