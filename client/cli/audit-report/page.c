/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page around the tables. No script, no reference to anything outside: its policy forbids both.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "client/cli/audit-report/html.h"
#include "client/cli/audit-report/model.h"

/* ---- head ---- */

static void head(const struct audit_report_about *about, FILE *out)
{
	unsigned char digest[SHA256_DIGEST_LENGTH], base64[4 * (SHA256_DIGEST_LENGTH / 3 + 1) + 1];

	SHA256((const unsigned char *)report_style, strlen(report_style), digest);
	EVP_EncodeBlock(base64, digest, sizeof(digest));
	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
		"'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" "
		"content=\"width=device-width\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>Audit report: ",
		base64);
	html_text(out, about->host ? about->host : about->origin);
	fprintf(out, "</title>\n<style>%s</style>\n</head>\n<body><main>\n", report_style);
}

static void fact(FILE *out, const char *name, const char *id, const char *value)
{
	if (!value || !*value)
		return;
	fprintf(out, "<dt>%s</dt><dd id=\"%s\">", name, id);
	html_value(out, value);
	fputs("</dd>\n", out);
}

static void period(const struct audit_report *report, const struct audit_report_about *about, FILE *out)
{
	char from[HTML_TEXT_MAX], to[HTML_TEXT_MAX];

	fprintf(out, "<dt>Period</dt><dd id=\"period\">%s to %s UTC</dd>\n",
		about->since ? html_time(about->since, from) : "the log's beginning",
		about->until ? html_time(about->until, to) : html_time(about->made_at, to));
	if (report->records)
		fprintf(out,
			"<dt>Records in it</dt><dd id=\"range\">%" PRIu64 " to %" PRIu64
			", written %s to %s UTC</dd>\n",
			report->first_seq, report->last_seq, html_time(report->first_time, from),
			html_time(report->last_time, to));
}

static void title(const struct audit_report *report, const struct audit_report_about *about, FILE *out)
{
	char text[HTML_TEXT_MAX];

	fputs("<header><p class=\"over\">bpfwarden audit report</p>\n<h1>Use of eBPF on ", out);
	html_value(out, about->host ? about->host : "this host");
	fputs("</h1>\n<dl class=\"about\">\n", out);
	fact(out, "Log", "origin", about->origin);
	period(report, about, out);
	fact(out, "Read from", "from", about->from);
	fprintf(out, "<dt>Made</dt><dd id=\"made\">%s UTC", html_time(about->made_at, text));
	if (about->made_by) {
		fputs(" by ", out);
		html_value(out, about->made_by);
	}
	if (about->made_on) {
		fputs(" on ", out);
		html_value(out, about->made_on);
	}
	if (about->version) {
		fputs(", with bpfwarden ", out);
		html_value(out, about->version);
	}
	fputs("</dd>\n</dl></header>\n", out);
}

/* ---- sums ---- */

static void sum(FILE *out, const char *id, const char *name, uint64_t n, bool alarm)
{
	char text[HTML_TEXT_MAX];

	fprintf(out, "<div%s><dt>%s</dt><dd id=\"n-%s\">%s</dd></div>\n",
		alarm && n ? " class=\"alarm\"" : "", name, id, html_number(n, text));
}

static void sums(const struct audit_report *report, FILE *out)
{
	fputs("<section id=\"summary\"><h2>Summary</h2>\n<dl class=\"sums\">\n", out);
	sum(out, "attachments", "attachments made", report->n_attachments, false);
	sum(out, "before", "went on from before", report->before, false);
	sum(out, "failed", "allowed, but failed", report->n_failed, false);
	sum(out, "users", report->users.rest.n ? "users who attached (and more)" : "users who attached",
	    report->users.n, false);
	sum(out, "probes", report->probes.rest.n ? "probes used (and more)" : "probes used", report->probes.n,
	    false);
	sum(out, "denials", "denials", report->n_denials, false);
	sum(out, "changes", "changes of registry, trust or policy", report->n_changes, false);
	sum(out, "readings", "readings of this log", report->n_readings, false);
	sum(out, "crashes", "crashes of a process of the daemon", report->n_crashes, true);
	sum(out, "records", "records in the period", report->records, false);
	fputs("</dl></section>\n", out);
}

/* ---- integrity ---- */

static enum audit_report_weight worst(const struct audit_report *report,
				      const struct audit_report_about *about)
{
	enum audit_report_weight weight = about->n_statements ? AUDIT_REPORT_GOOD : AUDIT_REPORT_NOTE;

	for (size_t i = 0; i < about->n_statements; i++)
		if (about->statements[i].weight == AUDIT_REPORT_BAD)
			weight = AUDIT_REPORT_BAD;
	return report->n_unreadable ? AUDIT_REPORT_BAD : weight;
}

static void verdict(enum audit_report_weight weight, FILE *out)
{
	static const char *const classes[] = { "good", "note", "bad" };
	static const char *const texts[] = {
		"The log was verified while this report was made. What cannot be proved is listed under "
		"Integrity.",
		"The log was not verified while this report was made: see Integrity.",
		"Something is wrong with this log: see Integrity. Do not rely on this report.",
	};

	fprintf(out, "<p class=\"verdict %s\" id=\"verdict\">%s</p>\n", classes[weight], texts[weight]);
}

static void integrity(const struct audit_report_about *about, FILE *out)
{
	static const char *const classes[] = { "good", "note", "bad" }, *const tags[] = { "holds", "open",
											  "WRONG" };
	char number[HTML_TEXT_MAX];

	fputs("<section id=\"integrity\"><h2>Integrity of the log</h2>\n<p class=\"lead\">Every record is a "
	      "leaf of a hash tree (RFC 6962), and the "
	      "daemon signs its root. What was checked while this report was made, and what could not "
	      "be:</p>\n",
	      out);
	fputs("<ul class=\"statements\">\n", out);
	for (size_t i = 0; i < about->n_statements; i++) {
		const struct audit_report_statement *s = &about->statements[i];

		fprintf(out, "<li><span class=\"tag %s\">%s</span> ", classes[s->weight], tags[s->weight]);
		html_value(out, s->text);
		fputs("</li>\n", out);
	}
	if (!about->n_statements)
		fputs("<li><span class=\"tag note\">open</span> Nothing was checked.</li>\n", out);
	fputs("</ul>\n<dl class=\"about\">\n", out);
	if (about->size)
		fprintf(out, "<dt>Size of the tree</dt><dd id=\"tree-size\">%s records</dd>\n",
			html_number(about->size, number));
	fact(out, "Its root", "tree-root", about->root);
	fact(out, "Key of the log", "key", about->key);
	fputs("</dl>\n", out);
	if (about->checkpoint && *about->checkpoint) {
		fputs("<h3>Signed checkpoint</h3>\n<pre id=\"checkpoint\">", out);
		html_lines(out, about->checkpoint);
		fputs("</pre>\n", out);
	}
	if (about->stub && *about->stub) {
		fputs("<h3>Signed stub: what retention has removed</h3>\n<pre>", out);
		html_lines(out, about->stub);
		fputs("</pre>\n", out);
	}
	fputs("</section>\n", out);
}

/* ---- appendices ---- */

static void policies(const struct audit_report *report, const struct audit_report_about *about, FILE *out)
{
	char number[HTML_TEXT_MAX];

	fputs("<section id=\"policies\"><h2>Policies that decided</h2>\n<p class=\"lead\">The text of each "
	      "policy that a record of this period refers to, "
	      "under its SHA-256.</p>\n",
	      out);
	if (!about->n_texts)
		fputs("<p class=\"none\">No record refers to one.</p>\n", out);
	for (size_t i = 0; i < about->n_texts; i++) {
		fputs("<h3><code>", out);
		html_text(out, about->texts[i].digest);
		fputs("</code></h3>\n", out);
		if (about->texts[i].text) {
			fputs("<pre>", out);
			html_lines(out, about->texts[i].text);
			fputs("</pre>\n", out);
		} else {
			fputs("<p class=\"none\">This text is missing.</p>\n", out);
		}
	}
	if (report->policies.n + report->policies.rest.n > about->n_texts)
		fprintf(out, "<p class=\"cut\">Only the first %s policies are printed.</p>\n",
			html_number(about->n_texts, number));
	fputs("</section>\n", out);
}

static void how_to_check(FILE *out)
{
	fputs("<section id=\"check\"><h2>How to check it yourself</h2>\n"
	      "<p>This page is not signed: it is a view of the log. Everything in it stands under the number "
	      "of its records.</p>\n"
	      "<ol>\n"
	      "<li><code>bpfwarden audit verify</code> recomputes every hash from the records and compares "
	      "with what it saw last time, and with "
	      "<code>--checkpoint FILE</code> that you kept elsewhere. The checkpoint above will do: save it "
	      "to a file.</li>\n"
	      "<li><code>bpfwarden audit show SEQ</code> prints one record with the proof that it is in the "
	      "tree.</li>\n"
	      "<li><code>bpfwarden audit export DIR</code> writes all records and the tree as C2SP tiles; "
	      "tools that are not ours can read them, "
	      "<code>bpfwarden audit verify DIR</code> too, on another machine.</li>\n"
	      "<li>Compare the key above with the one that was written down when the host was installed "
	      "(<code>bpfwarden audit checkpoint "
	      "--key</code>). Whoever holds the private key can sign anything.</li>\n"
	      "<li><code>journalctl BPFWARDEN_SEQ=SEQ -o json</code> has a copy of each record that does not "
	      "come from the log.</li>\n"
	      "</ol></section>\n",
	      out);
}

static void sort_all(struct audit_report *report)
{
	tally_sort(&report->use);
	tally_sort(&report->users);
	tally_sort(&report->probes);
	tally_sort(&report->denials);
	tally_sort(&report->readings);
}

int audit_report_write(struct audit_report *report, const struct audit_report_about *about, FILE *out)
{
	int r = report_attachments_finish(report);

	if (r)
		return r;
	sort_all(report);
	head(about, out);
	title(report, about, out);
	verdict(worst(report, about), out);
	sums(report, out);
	fputs("<section id=\"timeline\"><h2>Timeline</h2>\n<p class=\"lead\">All times on this page are "
	      "UTC.</p>\n",
	      out);
	r = report_timeline(report, out);
	fputs("</section>\n", out);
	report_tables(report, out);
	integrity(about, out);
	policies(report, about, out);
	how_to_check(out);
	fputs("<footer>bpfwarden audit report", out);
	if (about->origin) {
		fputs(" of ", out);
		html_value(out, about->origin);
	}
	fputs("</footer>\n</main></body>\n</html>\n", out);
	return r;
}
