/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/verify-run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verify *verify_free(struct verify *verify)
{
	if (verify) {
		findings_clear(&verify->findings);
		free(verify->blocks);
		free(verify);
	}
	return NULL;
}

static void clear(struct run *run)
{
	for (size_t i = 0; i < run->n_segments; i++)
		free(run->segments[i].place);
	free(run->segments);
	free(run->origin);
	points_clear(&run->points);
	references_clear(&run->references);
}

static int perform(struct run *run)
{
	int (*const parts[])(struct run *) = {
		run_identify, run_segments, run_key, run_begin, run->options->quick ? run_quick : run_rows,
		run_end,
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int r = parts[i](run);

		if (r)
			return r;
	}
	return run->findings->error;
}

int verify_log(struct audit_source *source, const struct verify_options *options, struct verify **ret,
	       struct refusal *refusal)
{
	_cleanup_(verify_free_p) struct verify *verify = calloc(1, sizeof(*verify));
	struct run run = { .source = source, .options = options, .verify = verify, .refusal = refusal };
	int r;

	if (!verify)
		return -ENOMEM;
	run.findings = &verify->findings;
	r = perform(&run);
	clear(&run);
	if (!r)
		*ret = take_ptr(verify);
	return r;
}

/* Blocks that are not there any more, but were seen when they were, are kept. */
static int merge_blocks(const struct verify *verify, const struct memory *before, struct memory *memory)
{
	uint64_t end = verify->checkpoint.size >> WALK_BLOCK_LEVEL, first = verify->first_block;
	const struct memory *old = before && !strcmp(before->origin, verify->log.origin) ? before : NULL;
	size_t kept = 0, n = verify->n_blocks;

	if (!n) { /* a quick visit has seen none */
		first = old ? old->first_block + old->n_blocks : 0;
	} else if (first + n > end) {
		n = end > first ? (size_t)(end - first) : 0;
	}
	if (old && old->first_block < first && old->first_block + old->n_blocks >= first)
		kept = (size_t)(first - old->first_block);
	memory->first_block = first - kept;
	memory->n_blocks = kept + n;
	memory->blocks = calloc(kept + n + 1, sizeof(*memory->blocks));
	if (!memory->blocks)
		return -ENOMEM;
	if (kept)
		memcpy(memory->blocks, old->blocks, kept * sizeof(*memory->blocks));
	if (n)
		memcpy(memory->blocks + kept, verify->blocks, n * sizeof(*memory->blocks));
	return 0;
}

int verify_remember(const struct verify *verify, const struct memory *before, struct memory *ret)
{
	struct memory memory = MEMORY_INIT;
	int r;

	if (!verify_good(verify) || !*verify->note)
		return -ENODATA;
	snprintf(memory.key, sizeof(memory.key), "%s", verify->log.key);
	snprintf(memory.origin, sizeof(memory.origin), "%s", verify->log.origin);
	snprintf(memory.checkpoint, sizeof(memory.checkpoint), "%s", verify->note);
	memory.base = verify->log.base;
	memory.size = verify->checkpoint.size;
	memcpy(memory.root, verify->checkpoint.root, DIGEST_SIZE);
	r = merge_blocks(verify, before, &memory);
	if (!r)
		*ret = memory;
	return r;
}

static uint64_t first_wrong(const struct findings *findings)
{
	uint64_t first = 0;

	for (size_t i = 0; i < findings->n; i++)
		if (findings->items[i].first && (!first || findings->items[i].first < first))
			first = findings->items[i].first;
	return first;
}

const char *verify_verdict(const struct verify *verify, char buffer[VERIFY_VERDICT_MAX])
{
	const struct audit_source_log *log = &verify->log;
	uint64_t from = log->base + verify->grew_from, to = log->base + verify->checkpoint.size;
	size_t n = verify->findings.n;

	if (n) {
		uint64_t first = first_wrong(&verify->findings);
		char where[64] = "";

		if (first)
			snprintf(where, sizeof(where), ", the first at record %" PRIu64, first);
		snprintf(buffer, VERIFY_VERDICT_MAX, "NOT VERIFIED: %zu %s%s", n,
			 n == 1 ? "finding" : "findings", where);
	} else if (verify->grew_from && from == to) {
		snprintf(buffer, VERIFY_VERDICT_MAX, "verified: unchanged since the last visit at %" PRIu64,
			 to);
	} else if (verify->grew_from) {
		snprintf(buffer, VERIFY_VERDICT_MAX,
			 "verified: grew from %" PRIu64 " to %" PRIu64 ", consistent", from, to);
	} else if (verify->known) {
		snprintf(buffer, VERIFY_VERDICT_MAX,
			 "verified: records %" PRIu64 " to %" PRIu64
			 " are consistent; that they continue the last visit's %" PRIu64 " cannot be proved",
			 log->first, log->base + verify->size, log->base + verify->known);
	} else if (!verify->size) {
		snprintf(buffer, VERIFY_VERDICT_MAX, "verified: the log is empty; first visit");
	} else {
		snprintf(buffer, VERIFY_VERDICT_MAX,
			 "verified: records %" PRIu64 " to %" PRIu64 " are consistent; first visit",
			 log->first, log->base + verify->size);
	}
	return buffer;
}
