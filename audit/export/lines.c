/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "audit/export/export.h"
#include "audit/export/stage.h"

struct lines {
	FILE *out;
	audit_export_line_fn line;
	void *userdata;
	uint64_t n;
	int r; /* a refusal, which waits until rows() is back */
	struct refusal *refusal;
};

static int put_line(const struct audit_source_row *row, void *userdata)
{
	struct lines *lines = userdata;
	int r = 0;

	if (lines->line) {
		r = lines->line(row, lines->out, lines->userdata);
	} else if (memchr(row->bytes, '\n', row->size)) {
		lines->r = refusal_set(lines->refusal, REFUSAL_AUDIT_UNAVAILABLE, "record",
				       "record %" PRIu64 " is not one line: run bpfwarden audit verify",
				       row->seq);
		return 1;
	} else if (fwrite(row->bytes, 1, row->size, lines->out) != row->size) {
		r = -errno;
	}
	if (r)
		return r;
	lines->n++;
	return putc('\n', lines->out) == EOF ? -errno : 0;
}

int audit_export_lines(struct audit_source *source, FILE *out, audit_export_line_fn line, void *userdata,
		       uint64_t *ret_records, struct refusal *refusal)
{
	struct lines lines = { .out = out, .line = line, .userdata = userdata, .refusal = refusal };
	struct audit_source_log log;
	int r = source->calls->describe(source, &log, refusal);

	if (!r && log.last)
		r = source->calls->rows(source, log.first, put_line, &lines, refusal);
	if (!r)
		r = lines.r;
	if (!r && fflush(out) == EOF)
		r = -errno;
	if (!r)
		*ret_records = lines.n;
	return r;
}

int audit_export_lines_into(struct audit_source *source, const char *directory, const char *name,
			    audit_export_line_fn line, void *userdata, uint64_t *ret_records,
			    struct refusal *refusal)
{
	_cleanup_(export_stage_free_p) struct export_stage *stage = NULL;
	uint64_t records;
	FILE *out;
	int fd, r;

	r = export_stage_new(directory, &stage, refusal);
	if (r)
		return r;
	if (export_stage_earlier(stage) >= 0)
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "directory",
				   "%s: it holds an export with tiles: name another directory", directory);
	fd = export_stage_open(stage, name);
	if (fd < 0)
		return fd;
	out = fdopen(fd, "w");
	if (!out) {
		close_fd(fd);
		return -ENOMEM;
	}
	r = audit_export_lines(source, out, line, userdata, &records, refusal);
	if (fclose(out) == EOF && !r)
		r = -errno;
	if (!r)
		r = export_stage_commit(stage);
	if (!r)
		*ret_records = records;
	return r;
}
