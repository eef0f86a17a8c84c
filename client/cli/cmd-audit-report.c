/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bpfwarden audit report: verifies a log, and writes what was read on the way as a page. */
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/verify/verify.h"
#include "client/cli/audit-report/report.h"
#include "client/cli/audit-report/tee.h"
#include "client/cli/cli.h"
#include "client/cli/source-daemon.h"
#include "client/cli/units.h"
#include "common/digest.h"

#define STATEMENTS_MAX 256

enum { OPTION_SINCE = 0x100, OPTION_UNTIL, OPTION_FROM_DIR };

struct request {
	const struct cli *cli;
	struct audit_report_options options;
	const char *directory; /* NULL: the daemon */
	uint64_t now;
	int failed;
};

/* What the page is made of besides the records; about points into the rest. */
struct material {
	struct audit_report_about about;
	struct audit_report_statement statements[STATEMENTS_MAX];
	struct audit_report_text texts[AUDIT_REPORT_TEXTS_MAX];
	char *text[AUDIT_REPORT_TEXTS_MAX];
	char checked[256], root[DIGEST_HEX_MAX], made_by[320], made_on[256], host[NOTE_NAME_MAX];
	char *grown;
};

static void material_clear(struct material *m)
{
	for (size_t i = 0; i < AUDIT_REPORT_TEXTS_MAX; i++)
		free(m->text[i]);
	free(m->grown);
}

static bool set_time(struct request *request, const char *name, const char *value, uint64_t *ret)
{
	if (unit_parse_time(value, request->now, ret))
		return true;
	request->failed = cli_usage(request->cli,
				    "--%s takes 2026-01-31, \"2026-01-31 10:00\", today, yesterday, 2h (ago) "
				    "or @SECONDS, not \"%s\"",
				    name, value);
	return false;
}

static bool set_option(void *data, int option, const char *value)
{
	struct request *request = data;

	switch (option) {
	case OPTION_SINCE:
		return set_time(request, "since", value, &request->options.since);
	case OPTION_UNTIL:
		return set_time(request, "until", value, &request->options.until);
	case OPTION_FROM_DIR:
		request->directory = value;
		return true;
	}
	return false;
}

/* ---- what was verified ---- */

static void state(struct material *m, enum audit_report_weight weight, const char *text)
{
	struct audit_report_about *about = &m->about;

	if (about->n_statements == STATEMENTS_MAX)
		return;
	m->statements[about->n_statements++] = (struct audit_report_statement){ weight, text };
}

static int state_all(struct material *m, const struct verify *verify)
{
	const struct findings *findings = &verify->findings;

	for (size_t i = 0; i < findings->n; i++)
		state(m, AUDIT_REPORT_BAD, findings->items[i].text);
	if (verify_good(verify)) {
		snprintf(m->checked, sizeof(m->checked),
			 "%" PRIu64 " records were read: their hashes, the tree over them and all signed "
			 "checkpoints agree, and no "
			 "sequence is missing.",
			 verify->records);
		state(m, AUDIT_REPORT_GOOD, m->checked);
	}
	if (verify->grew_from && verify_good(verify)) {
		if (asprintf(&m->grown,
			     "the log grew from %" PRIu64
			     " records, as they were at the last visit, to %" PRIu64 ", consistently.",
			     verify->grew_from, verify->size) < 0)
			return -ENOMEM;
		state(m, AUDIT_REPORT_GOOD, m->grown);
	}
	for (size_t i = 0; i < findings->n_caveats; i++)
		state(m, AUDIT_REPORT_NOTE, findings->caveats[i].text);
	return 0;
}

/* "bpfwarden/HOST/RANDOM" */
static void host_of(const char *origin, char host[NOTE_NAME_MAX])
{
	const char *from = strchr(origin, '/'), *to = from ? strchr(from + 1, '/') : NULL;

	snprintf(host, NOTE_NAME_MAX, "%.*s", to ? (int)(to - from - 1) : 0, to ? from + 1 : "");
}

static int describe(struct material *m, const struct request *request, const struct verify *verify)
{
	const struct passwd *user = getpwuid(getuid());
	struct audit_report_about *about = &m->about;

	if (verify->rooted) {
		digest_to_hex(verify->root, m->root);
		about->root = m->root;
		about->size = verify->size;
	}
	host_of(verify->log.origin, m->host);
	if (gethostname(m->made_on, sizeof(m->made_on) - 1) < 0)
		m->made_on[0] = 0;
	snprintf(m->made_by, sizeof(m->made_by), "%.256s (%u)", user ? user->pw_name : "?",
		 (unsigned)getuid());
	about->origin = verify->log.origin;
	about->key = verify->log.key;
	about->host = m->host[0] ? m->host : NULL;
	about->made_by = m->made_by;
	about->made_on = m->made_on[0] ? m->made_on : NULL;
	about->version = BPFWARDEN_VERSION;
	about->from = request->directory ? request->directory : "the daemon of this host";
	about->made_at = request->now;
	about->since = request->options.since;
	about->until = request->options.until;
	about->checkpoint = verify->note;
	about->stub = verify->log.stub;
	about->statements = m->statements;
	about->texts = m->texts;
	return state_all(m, verify);
}

/* The texts were compared with their digests by the verification; one that cannot be had is said to be
 * missing. */
static int fetch_texts(struct material *m, struct audit_source *source, const struct audit_report *report)
{
	struct refusal refusal = { 0 };
	uint8_t digest[DIGEST_SIZE];
	const char *hex;
	size_t size;
	int r;

	for (size_t i = 0; (hex = audit_report_policy(report, i)); i++) {
		r = digest_from_hex(hex, digest)
			    ? source->calls->text(source, digest, &m->text[i], &size, &refusal)
			    : -ENOENT;
		if (r == -ENOMEM)
			return r;
		if (r)
			m->text[i] = NULL;
		m->texts[m->about.n_texts++] = (struct audit_report_text){ hex, m->text[i] };
	}
	return 0;
}

/* ---- the page ---- */

static int write_page(const struct request *request, struct audit_source *source, struct audit_report *report,
		      const struct verify *verify)
{
	_cleanup_(material_clear) struct material material = { 0 };
	int r = describe(&material, request, verify);

	if (!r)
		r = fetch_texts(&material, source, report);
	if (!r)
		r = audit_report_write(report, &material.about, stdout);
	if (r)
		return cli_broken(r);
	r = cli_flush();
	if (r == CLI_OK && !verify_good(verify)) {
		cli_say("something is wrong with this log, and the report says so: bpfwarden audit "
			"verify%s%s",
			request->directory ? " " : "", request->directory ? request->directory : "");
		return CLI_FAILED;
	}
	return r;
}

/* ---- the log ---- */

static int say_refused(const char *directory, const struct refusal *refusal)
{
	char text[CLI_TEXT_MAX];

	cli_say("%s: %s", directory, cli_printable_copy(refusal->reason, text, sizeof(text)));
	return CLI_FAILED;
}

static int open_source(const char *directory, struct audit_source **ret)
{
	struct refusal refusal = { 0 };
	int r;

	if (!directory)
		return source_daemon_open(ret);
	r = audit_source_open(directory, ret, &refusal);
	if (r > 0)
		return say_refused(directory, &refusal);
	if (r < 0) {
		cli_say("%s: %s", directory, strerror(-r));
		return r == -ENOENT || r == -ENOTDIR ? CLI_NOT_FOUND : CLI_FAILED;
	}
	return CLI_CONTINUE;
}

/* What `audit verify` remembers of this log. A report is no visit: it changes nothing there, and says it if
 * there is nothing. */
static bool recall(const struct request *request, struct audit_source *source, struct memory *ret)
{
	_cleanup_free_ char *directory = NULL;
	struct audit_source_log log = { 0 };
	char place[MEMORY_PLACE_MAX] = "";
	struct refusal refusal;
	struct note_key key;

	if (!request->directory)
		source_daemon_place(place, sizeof(place));
	return memory_directory(&directory) == 0 && source->calls->describe(source, &log, &refusal) == 0 &&
	       note_key_parse(log.key, &key) == 0 && memory_load(directory, log.key, place, ret, NULL) == 0;
}

static int make_report(struct request *request)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	_cleanup_(audit_report_free_p) struct audit_report *report = NULL;
	_cleanup_(verify_free_p) struct verify *verify = NULL;
	_cleanup_(memory_clear) struct memory memory = MEMORY_INIT;
	struct verify_options options = VERIFY_OPTIONS_INIT;
	struct refusal refusal = { 0 };
	struct audit_tee tee;
	int r = open_source(request->directory, &source);

	if (r != CLI_CONTINUE)
		return r;
	r = audit_report_new(&request->options, &report);
	if (r)
		return cli_broken(r);
	if (recall(request, source, &memory))
		options.memory = &memory;
	audit_tee_init(&tee, source, report);
	r = verify_log(&tee.source, &options, &verify, &refusal);
	if (r < 0)
		return cli_broken(r);
	if (r)
		return request->directory ? say_refused(request->directory, &refusal)
					  : source_daemon_failed(source);
	return write_page(request, source, report, verify);
}

int cmd_audit_report(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "since", required_argument, NULL, OPTION_SINCE },
		{ "until", required_argument, NULL, OPTION_UNTIL },
		{ "from-dir", required_argument, NULL, OPTION_FROM_DIR },
		{},
	};
	struct request request = { .cli = cli };
	struct timespec now;
	int first, r;

	clock_gettime(CLOCK_REALTIME, &now);
	request.now = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	r = cli_parse(cli, argc, argv, options, set_option, &request, 0, 0, &first);
	if (r != CLI_CONTINUE)
		return request.failed ? request.failed : r;
	if (request.options.until && request.options.until < request.options.since)
		return cli_usage(cli, "--until is before --since");
	if (cli->json)
		return cli_usage(
			cli,
			"a report is a page; for programs: bpfwarden audit export --format json or ocsf");
	if (isatty(STDOUT_FILENO))
		return cli_usage(cli,
				 "a report is a page for a browser: bpfwarden audit report > report.html");
	return make_report(&request);
}
