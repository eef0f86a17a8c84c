/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-line.h"

#include <stdio.h>

#include "client/cli/cli.h"
#include "client/cli/table.h"
#include "client/cli/units.h"

static void cell(const char *text, size_t width)
{
	size_t used = text_width(text);

	fputs(text, stdout);
	printf("%*s", (int)(used < width ? width - used + 2 : 2), "");
}

static void cells(const char *time, const char *kind, const char *verdict, const char *user)
{
	cell(time, 19);
	cell(kind, 8);
	cell(verdict, 7);
	cell(user, 12);
}

void audit_line_header(void)
{
	printf("%6s  ", "SEQ");
	cells("TIME", "KIND", "VERDICT", "USER");
	printf("WHAT\n");
}

static void print_bundle(const json_t *record)
{
	if (*cli_string(record, "probe"))
		printf(" %s", cli_string(record, "probe"));
	if (cli_number(record, "serial"))
		printf("-%llu", (unsigned long long)cli_number(record, "serial"));
}

static void print_target(const json_t *target)
{
	const char *name = cli_string(target, "name");

	if (json_is_object(target))
		printf(" on %s%s%s", cli_string(target, "kind"), *name ? ":" : "", name);
}

void audit_line_print(const json_t *record)
{
	const char *user = cli_string(json_object_get(record, "requester"), "user");
	const json_t *refusal = json_object_get(record, "refusal");
	char time[UNIT_TEXT_MAX];

	printf("%6llu  ", (unsigned long long)cli_number(record, "seq"));
	cells(unit_realtime(cli_number(record, "time_ns"), time), cli_string(record, "kind"),
	      cli_string(record, "verdict"), *user ? user : "-");
	fputs(cli_string(record, "action"), stdout);
	print_bundle(record);
	print_target(json_object_get(record, "target"));
	if (*cli_string(record, "rule"))
		printf(" [%s]", cli_string(record, "rule"));
	if (cli_number(record, "count"))
		printf(" (%llu times)", (unsigned long long)cli_number(record, "count"));
	if (cli_number(record, "decision"))
		printf(" of %llu", (unsigned long long)cli_number(record, "decision"));
	if (*cli_string(refusal, "reason"))
		printf(": %s", cli_string(refusal, "reason"));
	if (*cli_string(record, "detail"))
		printf(": %s", cli_string(record, "detail"));
	putchar('\n');
}
