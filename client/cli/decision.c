/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/decision.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/describe.h"
#include "client/cli/table.h"
#include "client/cli/units.h"
#include "common/refusal.h"
#include "policy/policy.h"

const char *text_clip(const char *text, size_t columns, char *buffer)
{
	static const char mark[] = "…";
	size_t keep = columns ? columns - 1 : 0, width = 0, n = 0;

	snprintf(buffer, CLI_TEXT_MAX, "%s", text);
	if (text_width(buffer) <= columns && strlen(text) < CLI_TEXT_MAX)
		return buffer;
	/* To the first byte of the code point that does not fit any more. */
	for (; n < CLI_TEXT_MAX - sizeof(mark) && buffer[n]; n++) {
		if (((unsigned char)buffer[n] & 0xc0) == 0x80)
			continue;
		if (width++ == keep)
			break;
	}
	memcpy(buffer + n, mark, sizeof(mark));
	return buffer;
}

const char *limit_text(const char *name, const json_t *value, char *buffer)
{
	uint64_t number = (uint64_t)json_integer_value(value);

	if (!strcmp(name, "kernel-verified"))
		snprintf(buffer, UNIT_TEXT_MAX, "required");
	else if (!strcmp(name, "max-memory"))
		unit_bytes(number, buffer);
	else if (!strcmp(name, "max-cpu"))
		snprintf(buffer, UNIT_TEXT_MAX, "%.10g%%", (double)number / POLICY_CPU_PERCENT);
	else if (!strcmp(name, "max-duration"))
		unit_remaining(number / 1000, buffer);
	else
		snprintf(buffer, UNIT_TEXT_MAX, "%llu", (unsigned long long)number);
	return buffer;
}

uint32_t action_named(const char *name)
{
	uint32_t action = POLICY_ATTACH;

	if (name)
		(void)policy_action_from_name(name, &action);
	return action;
}

bool decision_allows(const json_t *decision)
{
	return json_is_true(json_object_get(decision, "allowed"));
}

const char *decision_text(const json_t *decision, char *buffer)
{
	const char *privacy = cli_string(decision, "privacy");
	char data[64];

	if (!json_is_object(decision) || (decision_allows(decision) && !decision_grants(decision))) {
		snprintf(buffer, CLI_TEXT_MAX, "not served");
	} else if (!decision_allows(decision)) {
		snprintf(buffer, CLI_TEXT_MAX, "denied (%s)", cli_string(decision, "rule"));
	} else if (json_array_size(json_object_get(decision, "data"))) {
		snprintf(buffer, CLI_TEXT_MAX, "%s%s%s%s%s",
			 cli_join(json_object_get(decision, "data"), data, sizeof(data)),
			 *privacy ? " (up to " : "", privacy, *privacy ? ")" : "",
			 json_is_true(json_object_get(decision, "kernel_verified")) ? ", kernel-verified"
										    : "");
	} else {
		snprintf(buffer, CLI_TEXT_MAX, "allowed");
	}
	return buffer;
}

bool decision_grants(const json_t *decision)
{
	const char *error = cli_string(json_object_get(decision, "refusal"), "error");

	return decision_allows(decision) && strcmp(error, "TargetUnsupported");
}

int decision_exit(const json_t *decision)
{
	const json_t *refusal = json_object_get(decision, "refusal");
	const char *error = cli_string(refusal, "error"), *dot = strrchr(error, '.');

	if (!decision_allows(decision))
		return CLI_DENIED;
	return json_is_object(refusal) ? refusal_exit_code(refusal_from_name(dot ? dot + 1 : error)) : CLI_OK;
}

/* ---- one decision ---- */

/* The section that decided. A denial for a parameter is a limit's. */
static const json_t *find_rule(const json_t *decision, const json_t *sections)
{
	const char *rule = cli_string(decision, "rule");
	const json_t *section;
	size_t i;

	json_array_foreach (sections, i, section) {
		bool allow = !strcmp(cli_string(section, "kind"), "allow");

		if (json_is_true(json_object_get(section, "matched")) &&
		    !strcmp(cli_string(section, "name"), rule) && allow == decision_allows(decision))
			return section;
	}
	return NULL;
}

static void print_rule(const json_t *decision, const json_t *sections)
{
	const json_t *section = find_rule(decision, sections);
	const char *rule = cli_string(decision, "rule"), *meaning = policy_built_in_meaning(rule);

	if (section) {
		printf("  rule         [%s %s]  %s:%llu\n", cli_string(section, "kind"), rule,
		       cli_string(section, "file"), (unsigned long long)cli_number(section, "line"));
		return;
	}
	printf("  rule         %s%s%s\n", rule, meaning ? ": " : "", meaning ? meaning : "");
}

static void print_verdict(const json_t *decision)
{
	printf("%s: %s (%llu), %s", decision_allows(decision) ? "allowed" : "denied",
	       cli_string(decision, "user"), (unsigned long long)cli_number(decision, "uid"),
	       cli_string(decision, "action"));
	if (*cli_string(decision, "probe")) {
		printf(" %s", cli_string(decision, "probe"));
		if (cli_number(decision, "serial"))
			printf("-%llu", (unsigned long long)cli_number(decision, "serial"));
	}
	if (*cli_string(decision, "channel"))
		printf(" (%s)", cli_string(decision, "channel"));
	if (*cli_string(decision, "target"))
		printf(" on %s", cli_string(decision, "target"));
	putchar('\n');
}

/* Whatever a [limit] set: the section that did. */
static void print_setter(const json_t *decision, const char *limit)
{
	const char *section = cli_string(json_object_get(decision, "limit_sections"), limit);

	if (*section)
		printf("  [limit %s]", section);
	putchar('\n');
}

/* The name of a parameter's value, if it has one. */
static const char *value_name(const json_t *rows, const char *name, const json_t *value)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!strcmp(cli_string(row, "name"), name))
			return json_string_value(json_array_get(json_object_get(row, "values"),
								(size_t)json_integer_value(value)));
	return NULL;
}

static void print_parameters(const json_t *decision)
{
	_cleanup_json_ json_t *rows = NULL;
	const char *name, *title = "parameters";
	json_t *value;

	if (json_object_size(json_object_get(decision, "parameters")))
		rows = describe_values(cli_string(decision, "probe"), cli_number(decision, "serial"));

	json_object_foreach (json_object_get(decision, "parameters"), name, value) {
		char limit[CLI_TEXT_MAX];

		snprintf(limit, sizeof(limit), "set %s", name);
		printf("  %-11s  %s = ", title, name);
		if (value_name(rows, name, value))
			printf("%s", value_name(rows, name, value));
		else
			printf("%lld", (long long)json_integer_value(value));
		print_setter(decision, limit);
		title = "";
	}
}

static void print_limits(const json_t *decision)
{
	const char *name, *title = "limits";
	char text[UNIT_TEXT_MAX];
	json_t *value;

	json_object_foreach (json_object_get(decision, "limits"), name, value) {
		/* Bounds of parameters are shown with their values. */
		if (!strncmp(name, "set ", 4))
			continue;
		printf("  %-11s  %s = %s", title, name, limit_text(name, value, text));
		print_setter(decision, name);
		title = "";
	}
}

void decision_print(const json_t *decision, const json_t *sections)
{
	const json_t *refusal = json_object_get(decision, "refusal");
	char data[64];

	print_verdict(decision);
	print_rule(decision, sections);
	if (json_is_object(refusal))
		printf("  %-11s  %s: %s\n", decision_allows(decision) ? "but" : "refused as",
		       cli_string(refusal, "error"), cli_string(refusal, "reason"));
	if (decision_allows(decision)) {
		if (json_array_size(json_object_get(decision, "data")))
			printf("  data         %s\n",
			       cli_join(json_object_get(decision, "data"), data, sizeof(data)));
		if (*cli_string(decision, "privacy"))
			printf("  privacy      fields up to %s\n", cli_string(decision, "privacy"));
		if (json_is_true(json_object_get(decision, "kernel_verified"))) {
			printf("  verified     only if the kernel itself verifies the programs");
			print_setter(decision, "kernel-verified");
		}
	}
	/* A denial is rarely about their values. */
	if (decision_allows(decision) || json_is_object(refusal))
		print_parameters(decision);
	print_limits(decision);
}

/* ---- the sections ---- */

static void add_reason(struct table *table, const json_t *section, size_t columns)
{
	const char *key = cli_string(section, "key"), *value = cli_string(section, "value");
	char text[2 * CLI_TEXT_MAX], clipped[CLI_TEXT_MAX];

	if (json_is_true(json_object_get(section, "matched")))
		snprintf(text, sizeof(text), "-");
	else if (*value)
		snprintf(text, sizeof(text), "%s = %s", key, value);
	else if (policy_default_of(key))
		snprintf(text, sizeof(text), "%s = %s (default)", key, policy_default_of(key));
	else
		snprintf(text, sizeof(text), "%s", key);
	table_add(table, text_clip(text, columns, clipped));
}

/* Two files of one name are never both in force, so that the directory says nothing new. */
static const char *place_of(const json_t *section, char *buffer, size_t size)
{
	const char *file = cli_string(section, "file"), *slash = strrchr(file, '/');
	uint64_t line = cli_number(section, "key_line");

	if (!line)
		line = cli_number(section, "line");
	snprintf(buffer, size, "%s:%llu", slash ? slash + 1 : file, (unsigned long long)line);
	return buffer;
}

void sections_print(const json_t *sections)
{
	static const char *const headers[] = { "  MATCHED", "SECTION", "PLACE",
					       "CONDITION THAT DOES NOT HOLD", NULL };
	enum { SECTION_COLUMNS = 32, PLACE_COLUMNS = 26 };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	size_t i, widest_section = 0, widest_place = 0;
	char text[CLI_TEXT_MAX], place[CLI_TEXT_MAX], clipped[CLI_TEXT_MAX];
	const json_t *section;

	if (!table)
		return;
	for (unsigned int pass = 0; pass < 2; pass++)
		json_array_foreach (sections, i, section) {
			snprintf(text, sizeof(text), "[%s %s]", cli_string(section, "kind"),
				 cli_string(section, "name"));
			text_clip(text, SECTION_COLUMNS, clipped);
			place_of(section, place, sizeof(place));
			text_clip(place, PLACE_COLUMNS, text);
			if (pass == 0) {
				if (text_width(clipped) > widest_section)
					widest_section = text_width(clipped);
				if (text_width(text) > widest_place)
					widest_place = text_width(text);
				continue;
			}
			table_add(table,
				  json_is_true(json_object_get(section, "matched")) ? "  yes" : "  no");
			table_add(table, clipped);
			table_add(table, text);
			/* Beside the other columns and the blanks between them. */
			add_reason(table, section,
				   POLICY_COLUMNS - 9 - widest_section - widest_place - 3 * 2);
		}
	table_print(table);
}
