/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-verdict.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/digest.h"

#define WHERE_MAX 64

/* "record 41: ", "records 41 to 44: ", or nothing. */
static const char *where(uint64_t first, uint64_t last, char buffer[WHERE_MAX])
{
	*buffer = '\0';
	if (first && first == last)
		snprintf(buffer, WHERE_MAX, "record %" PRIu64 ": ", first);
	else if (first)
		snprintf(buffer, WHERE_MAX, "records %" PRIu64 " to %" PRIu64 ": ", first, last);
	return buffer;
}

static void print_text(const struct cli *cli, const struct verify *verify)
{
	const struct findings *findings = &verify->findings;
	char buffer[VERIFY_VERDICT_MAX], place[WHERE_MAX], origin[CLI_TEXT_MAX];

	if (!cli->quiet)
		printf("%s: %" PRIu64 " records read, %" PRIu64 " signed\n",
		       cli_printable_copy(verify->log.origin, origin, sizeof(origin)), verify->records,
		       verify->checkpoint.size);
	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *finding = &findings->items[i];

		printf("WRONG (%s): %s%s", finding_name(finding->kind),
		       where(finding->first, finding->last, place), finding->text);
		if (finding->more)
			printf(" (and %" PRIu64 " more)", finding->more);
		putchar('\n');
	}
	for (size_t i = 0; !cli->quiet && i < findings->n_caveats; i++) {
		const struct caveat *caveat = &findings->caveats[i];

		printf("not proved: %s%s\n", where(caveat->first, caveat->last, place), caveat->text);
	}
	printf("%s\n", verify_verdict(verify, buffer));
}

static json_t *row(const char *kind, uint64_t first, uint64_t last, const char *text)
{
	json_t *object = json_pack("{s:s, s:s}", "kind", kind, "text", text);

	if (object && first) {
		json_object_set_new(object, "first", json_integer((json_int_t)first));
		json_object_set_new(object, "last", json_integer((json_int_t)last));
	}
	return object;
}

static json_t *findings_json(const struct findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *finding = &findings->items[i];
		json_t *object =
			row(finding_name(finding->kind), finding->first, finding->last, finding->text);

		if (object && finding->more)
			json_object_set_new(object, "more", json_integer((json_int_t)finding->more));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *caveats_json(const struct findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < findings->n_caveats; i++) {
		const struct caveat *caveat = &findings->caveats[i];

		json_array_append_new(
			array, row(caveat_name(caveat->kind), caveat->first, caveat->last, caveat->text));
	}
	return array;
}

json_t *audit_verdict_json(const struct verify *verify, bool remembered)
{
	char verdict[VERIFY_VERDICT_MAX], root[DIGEST_HEX_MAX], origin[CLI_TEXT_MAX], key[CLI_TEXT_MAX];
	json_t *object =
		json_pack("{s:b, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}",
			  "verified", verify_good(verify), "verdict", verify_verdict(verify, verdict),
			  "origin", cli_printable_copy(verify->log.origin, origin, sizeof(origin)), "key",
			  cli_printable_copy(verify->log.key, key, sizeof(key)), "base",
			  (json_int_t)verify->log.base, "first", (json_int_t)verify->log.first, "records",
			  (json_int_t)verify->records, "size", (json_int_t)verify->size, "signed",
			  (json_int_t)verify->checkpoint.size, "grew_from", (json_int_t)verify->grew_from,
			  "anchored", (json_int_t)verify->anchored, "remembered", remembered, "findings",
			  findings_json(&verify->findings), "not_proved", caveats_json(&verify->findings));

	if (object && verify->rooted)
		json_object_set_new(object, "root", json_string(digest_to_hex(verify->root, root)));
	if (object && *verify->note)
		json_object_set_new(object, "checkpoint", json_string(verify->note));
	return object;
}

void audit_verdict_print(const struct cli *cli, const struct verify *verify, bool remembered)
{
	_cleanup_json_ json_t *object = NULL;

	if (!cli->json) {
		print_text(cli, verify);
		return;
	}
	object = audit_verdict_json(verify, remembered);
	cli_print_json(object);
}
