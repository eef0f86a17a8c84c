/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-journal.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tree/tree.h"
#include "client/cli/units.h"

#define WARDEN_USER "bpfwarden"

void audit_copies_clear(struct audit_copies *copies)
{
	free(copies->items);
	*copies = (struct audit_copies){ 0 };
}

static int add(struct audit_copies *copies, uint64_t seq, const json_t *record)
{
	struct verify_copy copy = { .seq = seq };
	int r;

	if (!(copies->n & (copies->n - 1))) {
		struct verify_copy *items =
			reallocarray(copies->items, copies->n ? 2 * copies->n : 1, sizeof(*items));

		if (!items || copies->n == AUDIT_COPIES_MAX)
			return -ENOMEM;
		copies->items = items;
	}
	r = tree_hash_leaf(json_string_value(record), json_string_length(record), copy.leaf);
	if (!r)
		copies->items[copies->n++] = copy;
	return r;
}

/* A field that stands in an entry more than once is an array (systemd's JOURNAL_EXPORT_FORMATS). */
static const json_t *field(const json_t *entry, const char *name)
{
	const json_t *value = json_object_get(entry, name);

	return json_is_array(value) ? json_array_get(value, 0) : value;
}

/* False: memory. What is no copy of a record is passed over. */
static bool read_line(struct audit_copies *copies, const char *line, size_t size)
{
	_cleanup_json_ json_t *entry = json_loadb(line, size, JSON_ALLOW_NUL, NULL);
	const json_t *seq = field(entry, "BPFWARDEN_SEQ"), *record = field(entry, "BPFWARDEN_RECORD");
	uint64_t number;

	if (!json_is_string(seq) || !json_is_string(record) ||
	    !unit_parse_number(json_string_value(seq), &number) || !number)
		return true;
	return add(copies, number, record) == 0;
}

static int read_lines(FILE *file, struct audit_copies *copies)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, file)) > 0)
		if (!read_line(copies, line, (size_t)n))
			return cli_broken(-ENOMEM);
	return ferror(file) ? cli_broken(-EIO) : CLI_CONTINUE;
}

/* Anybody may send BPFWARDEN_SEQ to the journal; _UID is what the kernel says of the sender. */
static int read_host(struct audit_copies *copies)
{
	const struct passwd *warden = getpwnam(WARDEN_USER);
	_cleanup_free_ char *command = NULL;
	FILE *pipe;
	int r;

	if (!warden) {
		cli_say("there is no user " WARDEN_USER
			" here, so that nothing tells its journal entries from "
			"others'; give the journal of the log's host with --journal=FILE");
		return CLI_FAILED;
	}
	if (asprintf(&command,
		     "exec journalctl --quiet --all --no-pager --output=json "
		     "--output-fields=BPFWARDEN_SEQ,BPFWARDEN_RECORD _UID=%u",
		     warden->pw_uid) < 0)
		return cli_broken(-ENOMEM);
	pipe = popen(command, "re");
	if (!pipe)
		return cli_broken(-errno);
	r = read_lines(pipe, copies);
	if (pclose(pipe) != 0 && r == CLI_CONTINUE) {
		cli_say("journalctl failed; may you read the journal? ask for: adduser %s systemd-journal",
			cli_user_name());
		r = CLI_FAILED;
	}
	return r;
}

static int read_file(const char *name, struct audit_copies *copies)
{
	FILE *file = strcmp(name, "-") ? fopen(name, "re") : stdin;
	int r;

	if (!file) {
		cli_say("%s: %s", name, strerror(errno));
		return CLI_NOT_FOUND;
	}
	r = read_lines(file, copies);
	if (file != stdin)
		fclose(file);
	return r;
}

static int by_seq(const void *a, const void *b)
{
	const struct verify_copy *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

int audit_copies_read(const char *file, struct audit_copies *ret)
{
	struct audit_copies copies = { 0 };
	int r = file ? read_file(file, &copies) : read_host(&copies);

	if (r != CLI_CONTINUE) {
		audit_copies_clear(&copies);
		return r;
	}
	if (copies.n)
		qsort(copies.items, copies.n, sizeof(*copies.items), by_seq);
	*ret = copies;
	return CLI_CONTINUE;
}
