/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* audit show: one record, what belongs to it, and whether it is in the signed tree. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/audit-line.h"
#include "client/cli/audit-proof.h"
#include "client/cli/units.h"
#include "common/digest.h"

#define NEAR 256 /* records after a decision, among which its outcome is: a commit or two later */

struct show {
	uint64_t seq;
	json_t *row;  /* exact; NULL: there is none */
	json_t *also; /* array of rows: its decision, outcome and end, ascending */
	char attachment[24];
};

static const json_t *record_of(const json_t *row)
{
	return json_object_get(row, "record");
}

/* Adds a row in order, once. */
static void add(struct show *show, json_t *row)
{
	uint64_t seq = cli_number(record_of(row), "seq");
	size_t i = 0;

	while (i < json_array_size(show->also) &&
	       cli_number(record_of(json_array_get(show->also, i)), "seq") < seq)
		i++;
	if (seq != show->seq && seq != cli_number(record_of(json_array_get(show->also, i)), "seq"))
		json_array_insert(show->also, i, row);
}

/* What is proved is the line, so it is also what is shown, whatever else the daemon calls the record. */
static json_t *read_row(const struct bpfwarden_reply *reply)
{
	json_t *row = json_loads(bpfwarden_reply_parameters(reply), 0, NULL), *record = NULL;
	const json_t *line = json_object_get(row, "line");

	if (json_is_string(line))
		record = json_loadb(json_string_value(line), json_string_length(line), JSON_REJECT_DUPLICATES,
				    NULL);
	if (json_is_object(record) && json_object_set(row, "record", record) == 0) {
		json_decref(record);
		return row;
	}
	json_decref(record);
	json_decref(row);
	return NULL;
}

static void note_attachment(struct show *show, const json_t *record)
{
	const char *id = cli_string(record, "attachment");

	if (*id)
		snprintf(show->attachment, sizeof(show->attachment), "%s", id);
}

/* The record itself, and of those near it what names it as the decision. */
static int on_near(void *data, const struct bpfwarden_reply *reply)
{
	_cleanup_json_ json_t *row = read_row(reply);
	const json_t *record = record_of(row);
	struct show *show = data;

	if (!row)
		return cli_broken(-EBADMSG);
	if (cli_number(record, "seq") == show->seq) {
		show->row = json_incref(row);
		note_attachment(show, record);
	} else if (cli_number(record, "decision") == show->seq || cli_number(record, "cause") == show->seq) {
		note_attachment(show, record);
		add(show, row);
	}
	return CLI_CONTINUE;
}

static int on_other(void *data, const struct bpfwarden_reply *reply)
{
	_cleanup_json_ json_t *row = read_row(reply);

	if (!row)
		return cli_broken(-EBADMSG);
	add(data, row);
	return CLI_CONTINUE;
}

static int query(struct bpfwarden *connection, struct show *show, json_t *parameters,
		 int (*row)(void *, const struct bpfwarden_reply *))
{
	struct audit_page page = {
		.connection = connection, .parameters = parameters, .row = row, .data = show
	};
	int r = audit_page_read(&page);

	return page.lost ? cli_broken(page.lost) : r;
}

static int by_number(struct bpfwarden *connection, struct show *show, uint64_t seq)
{
	if (!seq)
		return CLI_CONTINUE;
	return query(connection, show, json_pack("{s:I, s:i}", "from", (json_int_t)seq, "limit", 1),
		     on_other);
}

static int read_also(struct bpfwarden *connection, struct show *show)
{
	const json_t *record = record_of(show->row);
	int r = by_number(connection, show, cli_number(record, "decision"));

	if (r == CLI_CONTINUE)
		r = by_number(connection, show, cli_number(record, "cause"));
	if (r == CLI_CONTINUE && *show->attachment)
		r = query(connection, show, json_pack("{s:s}", "attachment", show->attachment), on_other);
	return r;
}

static int read_record(struct bpfwarden *connection, struct show *show)
{
	int r = query(connection, show, json_pack("{s:I, s:i}", "from", (json_int_t)show->seq, "limit", NEAR),
		      on_near);

	if (r == CLI_CONTINUE && !show->row) {
		cli_say("no record %llu; what there is: bpfwarden audit list -n 10 --reverse",
			(unsigned long long)show->seq);
		return CLI_NOT_FOUND;
	}
	return r == CLI_CONTINUE ? read_also(connection, show) : r;
}

/* --- output ------------------------------------------------------------------------------------------- */

static json_t *proof_json(const struct audit_inclusion *in)
{
	const struct checkpoint *c = &in->head.checkpoint;
	json_t *hashes = json_array(), *json;
	char hex[DIGEST_HEX_MAX];

	for (size_t i = 0; i < in->proof.n; i++)
		json_array_append_new(hashes, json_string(digest_to_hex(in->proof.hash[i], hex)));
	json = json_pack("{s:b, s:I, s:s, s:o, s:s, s:s}", "verified", !in->problem, "leaf_index",
			 (json_int_t)in->index, "leaf", digest_to_hex(in->leaf, hex), "hashes", hashes,
			 "checkpoint", in->head.note, "key", in->head.vkey);
	if (!in->head.problem) {
		json_object_set_new(json, "size", json_integer((json_int_t)c->size));
		json_object_set_new(json, "root", json_string(digest_to_hex(c->root, hex)));
	}
	if (in->remembered_size)
		json_object_set_new(json, "remembered_size", json_integer((json_int_t)in->remembered_size));
	if (in->problem)
		json_object_set_new(json, "problem", json_string(in->problem));
	return json;
}

static void print_json(const struct show *show, const struct audit_inclusion *in)
{
	_cleanup_json_ json_t *all = json_copy(show->row);

	json_object_set(all, "see_also", show->also);
	json_object_set_new(all, "proof", proof_json(in));
	cli_print_json(all);
}

/* A copy that may be shown. */
static json_t *printable(const json_t *value)
{
	_cleanup_free_ char *text = json_dumps(value, JSON_COMPACT);

	return text ? cli_printable_text(text) : NULL;
}

static void print_also(const json_t *also)
{
	const json_t *row;
	size_t i;

	if (!json_array_size(also))
		return;
	printf("\nsee also\n");
	json_array_foreach (also, i, row) {
		_cleanup_json_ json_t *record = printable(record_of(row));

		audit_line_print(record);
	}
}

static void print_proof(const struct show *show, const struct audit_inclusion *in)
{
	const struct checkpoint *c = &in->head.checkpoint;
	char hex[DIGEST_HEX_MAX], key[NOTE_VKEY_MAX];

	printf("\nproof\n");
	if (in->problem) {
		printf("  NOT PROVED: %s\n", in->problem);
		return;
	}
	printf("  record %llu is leaf %llu of %llu, root %s\n", (unsigned long long)show->seq,
	       (unsigned long long)in->index, (unsigned long long)c->size, digest_to_hex(c->root, hex));
	printf("  signed by %s\n", cli_printable_copy(in->head.vkey, key, sizeof(key)));
	printf("  %s\n", in->remembered);
}

static void print_text(const struct show *show, const struct audit_inclusion *in)
{
	_cleanup_json_ json_t *record = printable(record_of(show->row));
	_cleanup_free_ char *text = json_dumps(record, JSON_INDENT(2));

	audit_line_header();
	audit_line_print(record);
	printf("\n%s\n", text ? text : "{}");
	print_also(show->also);
	print_proof(show, in);
}

static int show_record(const struct cli *cli, struct show *show)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	struct audit_inclusion in;
	int r = cli_connect(&connection);

	if (r == CLI_CONTINUE)
		r = read_record(connection, show);
	if (r == CLI_CONTINUE) {
		const json_t *line = json_object_get(show->row, "line");

		r = audit_inclusion_read(connection, show->seq, json_string_value(line),
					 json_string_length(line), &in);
	}
	if (r != CLI_CONTINUE)
		return r;
	if (cli->json)
		print_json(show, &in);
	else
		print_text(show, &in);
	if (in.problem)
		cli_say("record %llu cannot be proved: %s; next: bpfwarden audit verify",
			(unsigned long long)show->seq, in.problem);
	r = in.problem ? CLI_FAILED : CLI_OK;
	audit_inclusion_clear(&in);
	return r;
}

int cmd_audit_show(struct cli *cli, int argc, char **argv)
{
	struct show show = { .also = json_array() };
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, 1, &first);

	if (r == CLI_CONTINUE &&
	    (!unit_parse_number(argv[first], &show.seq) || !show.seq || show.seq > INT64_MAX))
		r = cli_usage(cli, "a record's sequence is a number above 0, not \"%s\"", argv[first]);
	if (r == CLI_CONTINUE)
		r = show_record(cli, &show);
	json_decref(show.row);
	json_decref(show.also);
	return r;
}
