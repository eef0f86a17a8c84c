/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/section-diff.h"

#include <stdio.h>
#include <string.h>

static json_t *section_to_json(const struct config_section *section)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < section->n_entries; i++)
		json_object_set_new(object, section->entries[i].key, json_string(section->entries[i].value));
	return object;
}

/* By "kind name": tens of thousands of sections must not be compared each with each. */
static json_t *sections_to_json(const struct config *config)
{
	json_t *all = json_object();
	char name[2 * OBJECT_NAME_MAX + CONFIG_LINE_MAX];

	for (size_t i = 0; all && i < config_n_sections(config); i++) {
		const struct config_section *section = config_section(config, i);

		snprintf(name, sizeof(name), "%s %s", section->kind, section->name);
		json_object_set_new(all, name, section_to_json(section));
	}
	return all;
}

static void print_entries(char sign, const json_t *entries, const json_t *unless)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)entries, key, value)
		if (!json_equal(value, json_object_get(unless, key)))
			printf("    %c %s = %s\n", sign, key, json_string_value(value));
}

static void print_change(const struct cli *cli, const char *name, json_t *now, json_t *then)
{
	const char *change = !now ? "added" : !then ? "removed" : "changed";

	if (cli->json) {
		const char *blank = strchr(name, ' ');
		_cleanup_json_ json_t *line =
			json_pack("{s:{s:s, s:s%, s:s, s:O*, s:O*}}", "section", "change", change, "kind",
				  name, (size_t)(blank - name), "name", blank + 1, "now", now, "then", then);

		if (line)
			cli_print_json(line);
		return;
	}
	printf("%c [%s]\n", !now ? '+' : !then ? '-' : '~', name);
	print_entries('-', now, then);
	print_entries('+', then, now);
}

size_t section_diff(const struct cli *cli, const struct config *now, const struct config *then)
{
	_cleanup_json_ json_t *before = sections_to_json(now), *after = sections_to_json(then);
	const char *name;
	size_t n = 0;
	json_t *value;

	json_object_foreach (before, name, value) {
		json_t *other = json_object_get(after, name);

		if (json_equal(value, other))
			continue;
		print_change(cli, name, value, other);
		n++;
	}
	json_object_foreach (after, name, value)
		if (!json_object_get(before, name)) {
			print_change(cli, name, NULL, value);
			n++;
		}
	return n;
}
