/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* audit export: the log as files that other tools read, and that stay when the host is gone. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/export/export.h"
#include "client/cli/ocsf.h"
#include "client/cli/source-daemon.h"
#include "common/digest.h"

#define RECORDS_FILE "records.jsonl"
#define OCSF_FILE    "events.ocsf.jsonl"

enum { OPTION_FROM_DIR = 0x100, OPTION_FORMAT };

enum format { FORMAT_TILES = 0, FORMAT_JSON, FORMAT_OCSF };

struct request {
	const struct cli *cli;
	const char *from; /* directory; NULL: the daemon */
	const char *to;
	enum format format;
	int failed; /* exit code if an option was wrong */
};

static bool set_format(struct request *request, const char *value)
{
	static const char *const names[] = { "tiles", "json", "ocsf" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(value, names[i])) {
			request->format = (enum format)i;
			return true;
		}
	request->failed = cli_usage(request->cli, "--format takes tiles, json or ocsf, not \"%s\"", value);
	return false;
}

static bool on_option(void *data, int option, const char *value)
{
	struct request *request = data;

	if (option == OPTION_FORMAT)
		return set_format(request, value);
	request->from = value;
	return option == OPTION_FROM_DIR;
}

/* What a source or an export said, for people. */
static int tell(const struct request *request, const struct audit_source *source, int r,
		const struct refusal *refusal)
{
	char text[CLI_TEXT_MAX];

	if (r == -EPIPE)
		return CLI_FAILED; /* whoever reads standard output has gone */
	if (r == -EBADMSG)
		cli_say("a record cannot be read: run bpfwarden audit verify");
	else if (r < 0)
		cli_say("%s: %s", request->to, strerror(-r));
	else if (!request->from && source && !strcmp(refusal->subject, "daemon"))
		return source_daemon_failed(source);
	else
		cli_say("%s", cli_printable_copy(refusal->reason, text, sizeof(text)));
	return CLI_FAILED;
}

static int open_source(const struct request *request, struct audit_source **ret)
{
	struct refusal refusal = { 0 };
	int r;

	if (!request->from)
		return source_daemon_open(ret);
	r = audit_source_open(request->from, ret, &refusal);
	if (!r)
		return CLI_CONTINUE;
	if (r > 0)
		return tell(request, NULL, r, &refusal);
	cli_say("%s: %s%s", request->from, strerror(-r),
		r == -ENOTDIR ? ": name the directory of the log, with all its files" : "");
	return r == -ENOENT || r == -ENOTDIR ? CLI_NOT_FOUND : CLI_FAILED;
}

static void print_json(const struct request *request, const struct audit_export *e)
{
	char root[DIGEST_HEX_MAX];
	json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:b}", "directory",
				   request->to, "origin", e->origin, "first", (json_int_t)e->first, "last",
				   (json_int_t)(e->base + e->size), "size", (json_int_t)e->size, "root",
				   digest_to_hex(e->root, root), "grown_from", (json_int_t)e->grown_from,
				   "newer", (json_int_t)e->newer, "texts", (json_int_t)e->texts, "missing",
				   (json_int_t)e->missing, "tiles", (int)e->tiles);

	cli_print_json(object);
	json_decref(object);
}

static void print_text(const struct request *request, const struct audit_export *e)
{
	char root[DIGEST_HEX_MAX], origin[CLI_TEXT_MAX];

	printf("%s: records %" PRIu64 " to %" PRIu64 " of %s\n", request->to, e->first, e->base + e->size,
	       cli_printable_copy(e->origin, origin, sizeof(origin)));
	printf("  a tree of %" PRIu64 " leaves with the root %s, as its checkpoint says\n", e->size,
	       digest_to_hex(e->root, root));
	if (e->grown_from && e->grown_from == e->size)
		printf("  all of them were there before\n");
	else if (e->grown_from)
		printf("  %" PRIu64 " were there before, and %" PRIu64 " are new\n", e->grown_from,
		       e->size - e->grown_from);
	if (e->newer)
		printf("  left out: %" PRIu64 " newer records, which no checkpoint signs yet\n", e->newer);
	if (e->missing)
		printf("  missing: %" PRIu64
		       " texts that records refer to; bpfwarden audit verify names them\n",
		       e->missing);
	if (!e->tiles)
		printf("  without tiles, since retention has removed the records before %" PRIu64
		       ": only bpfwarden reads it\n",
		       e->first);
	if (!request->cli->quiet)
		printf("Check it with: bpfwarden audit verify %s\n", request->to);
}

static int export_tiles(const struct request *request, struct audit_source *source)
{
	struct refusal refusal = { 0 };
	struct audit_export result;
	int r = audit_export(source, request->to, &result, &refusal);

	if (r)
		return tell(request, source, r, &refusal);
	if (request->cli->json)
		print_json(request, &result);
	else
		print_text(request, &result);
	return cli_flush();
}

static int ocsf_line(const struct audit_source_row *row, FILE *out, void *userdata)
{
	_cleanup_free_ char *event = NULL;
	int r = ocsf_event(userdata, row->bytes, row->size, &event);

	if (r)
		return r;
	return fputs(event, out) == EOF ? -errno : 0;
}

static int export_lines(const struct request *request, struct audit_source *source)
{
	bool ocsf = request->format == FORMAT_OCSF;
	audit_export_line_fn line = ocsf ? ocsf_line : NULL;
	struct audit_source_log log = { 0 };
	struct ocsf_log about = { log.origin, BPFWARDEN_VERSION };
	struct refusal refusal = { 0 };
	uint64_t records = 0;
	int r = source->calls->describe(source, &log, &refusal);

	if (!r && !strcmp(request->to, "-"))
		r = audit_export_lines(source, stdout, line, &about, &records, &refusal);
	else if (!r)
		r = audit_export_lines_into(source, request->to, ocsf ? OCSF_FILE : RECORDS_FILE, line,
					    &about, &records, &refusal);
	if (r)
		return tell(request, source, r, &refusal);
	if (!strcmp(request->to, "-"))
		return cli_flush();
	if (request->cli->json)
		printf("{\"records\":%" PRIu64 "}\n", records);
	else
		printf("%s: %" PRIu64 " records as %s, which nothing signs\n", request->to, records,
		       ocsf ? OCSF_FILE : RECORDS_FILE);
	return cli_flush();
}

int cmd_audit_export(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "from-dir", required_argument, NULL, OPTION_FROM_DIR },
		{ "format", required_argument, NULL, OPTION_FORMAT },
		{},
	};
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	struct request request = { .cli = cli };
	int first, r = cli_parse(cli, argc, argv, options, on_option, &request, 1, 1, &first);

	if (r != CLI_CONTINUE)
		return request.failed ? request.failed : r;
	request.to = argv[first];
	if (!*request.to || (request.format == FORMAT_TILES && !strcmp(request.to, "-")))
		return cli_usage(cli, "tiles are many files: name a directory, or take --format json");
	r = open_source(&request, &source);
	if (r != CLI_CONTINUE)
		return r;
	return request.format == FORMAT_TILES ? export_tiles(&request, source)
					      : export_lines(&request, source);
}
