/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/policy-text.h"

#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

static int text_row(void *data, const json_t *parameters)
{
	const json_t *piece = json_object_get(parameters, "text");
	size_t size = json_string_length(piece);
	struct policy_text *text = data;
	char *grown;

	if (!size)
		return CLI_CONTINUE;
	if (size > CONFIG_TEXT_MAX || text->size + size > CONFIG_TEXT_MAX)
		return cli_broken(-EBADMSG);
	grown = realloc(text->text, text->size + size + 1);
	if (!grown)
		return cli_broken(-ENOMEM);
	memcpy(grown + text->size, json_string_value(piece), size);
	text->text = grown;
	text->size += size;
	text->text[text->size] = 0;
	return CLI_CONTINUE;
}

int policy_text_get(const struct cli *cli, uint64_t at, bool on_disk, bool may_deny, struct policy_text *ret)
{
	struct policy_text text = {};
	struct cli_query query = { .method = "io.bpfwarden.Policy.Text",
				   .more = true,
				   .silent = true,
				   .exact = true,
				   .may_deny = may_deny,
				   .each = text_row,
				   .data = &text };
	int r;

	if (at)
		query.parameters = json_pack("{s:I}", "at", (json_int_t)at);
	else if (on_disk)
		query.parameters = json_pack("{s:b}", "on_disk", 1);
	r = cli_query(cli, &query);
	if (r == CLI_OK && !text.text && !(text.text = strdup("")))
		r = cli_broken(-ENOMEM);
	if (r != CLI_OK) {
		free(text.text);
		return r;
	}
	*ret = text;
	return CLI_CONTINUE;
}

static int read_sections(const struct policy_text *text, struct config **ret)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	struct refusal refusal;
	int r = config_new(REFUSAL_POLICY_INVALID, &config);

	if (r == 0)
		r = config_add_text(config, "policy", text->text, text->size, &refusal);
	if (r < 0)
		return cli_broken(r);
	if (r > 0) {
		cli_say("the daemon's policy is not one that this program understands: %s: %s",
			refusal.subject, refusal.reason);
		return CLI_FAILED;
	}
	*ret = take_ptr(config);
	return CLI_CONTINUE;
}

int policy_text_sections(const struct cli *cli, bool on_disk, struct config **ret)
{
	struct policy_text text = {};
	int r = policy_text_get(cli, 0, on_disk, false, &text);

	if (r == CLI_CONTINUE)
		r = read_sections(&text, ret);
	free(text.text);
	return r;
}

void policy_text_print(const struct policy_text *text)
{
	const char *line = text->text;
	char printable[CONFIG_LINE_MAX + 1];

	while (*line) {
		size_t length = strcspn(line, "\n");

		/* The one blank that utf8_make_printable() would take for a control character. */
		snprintf(printable, sizeof(printable), "%.*s", (int)length, line);
		for (char *tab = printable; (tab = strchr(tab, '\t')); tab++)
			*tab = ' ';
		utf8_make_printable(printable, sizeof(printable));
		puts(printable);
		line += length + (line[length] == '\n');
	}
}
