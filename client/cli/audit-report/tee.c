/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-report/tee.h"

static struct audit_tee *tee_of(struct audit_source *source)
{
	return (struct audit_tee *)source; /* its first member */
}

static int describe(struct audit_source *source, struct audit_source_log *ret, struct refusal *refusal)
{
	struct audit_source *inner = tee_of(source)->inner;

	return inner->calls->describe(inner, ret, refusal);
}

static int segments(struct audit_source *source, audit_source_segment_fn fn, void *userdata,
		    struct refusal *refusal)
{
	struct audit_source *inner = tee_of(source)->inner;

	return inner->calls->segments(inner, fn, userdata, refusal);
}

static void skip(struct audit_source *source, size_t segment)
{
	struct audit_source *inner = tee_of(source)->inner;

	inner->calls->skip(inner, segment);
}

struct reading {
	struct audit_tee *tee;
	audit_source_row_fn fn;
	void *userdata;
};

static int on_row(const struct audit_source_row *row, void *userdata)
{
	struct reading *reading = userdata;
	struct audit_tee *tee = reading->tee;

	/* Whatever stands where it does not belong is shown once, in the order in which it is stored. */
	tee->error = audit_report_add(tee->report, row->seq, row->bytes, row->size);
	return tee->error ? tee->error : reading->fn(row, reading->userdata);
}

static int rows(struct audit_source *source, uint64_t from, audit_source_row_fn fn, void *userdata,
		struct refusal *refusal)
{
	struct audit_tee *tee = tee_of(source);
	struct reading reading = { tee, fn, userdata };

	return tee->inner->calls->rows(tee->inner, from, on_row, &reading, refusal);
}

static int node(struct audit_source *source, unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE])
{
	struct audit_source *inner = tee_of(source)->inner;

	return inner->calls->node(inner, level, index, ret);
}

static int edge(struct audit_source *source, uint64_t size, struct tree_edge *ret)
{
	struct audit_source *inner = tee_of(source)->inner;

	return inner->calls->edge(inner, size, ret);
}

static int checkpoints(struct audit_source *source, uint64_t above, audit_source_note_fn fn, void *userdata,
		       struct refusal *refusal)
{
	struct audit_source *inner = tee_of(source)->inner;

	return inner->calls->checkpoints(inner, above, fn, userdata, refusal);
}

static int text(struct audit_source *source, const uint8_t digest[DIGEST_SIZE], char **ret, size_t *ret_size,
		struct refusal *refusal)
{
	struct audit_source *inner = tee_of(source)->inner;

	return inner->calls->text(inner, digest, ret, ret_size, refusal);
}

void audit_tee_init(struct audit_tee *tee, struct audit_source *inner, struct audit_report *report)
{
	const struct audit_source_calls *has = inner->calls;

	*tee = (struct audit_tee){ .inner = inner, .report = report };
	/* No proofs: a report is of records, and all of them are read. */
	tee->calls = (struct audit_source_calls){
		.describe = describe,
		.segments = has->segments ? segments : NULL,
		.skip = has->skip ? skip : NULL,
		.rows = rows,
		.node = has->node ? node : NULL,
		.edge = has->edge ? edge : NULL,
		.checkpoints = checkpoints,
		.text = text,
	};
	tee->source.calls = &tee->calls;
}
