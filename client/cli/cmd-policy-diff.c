/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/cli/candidates.h"
#include "client/cli/cli.h"
#include "client/cli/decision.h"
#include "client/cli/pipeline.h"
#include "client/cli/policy-text.h"
#include "client/cli/section-diff.h"
#include "client/cli/units.h"

struct diff {
	const struct cli *cli;
	bool same; /* the very text that is in force */
	struct candidates candidates;
	json_t *probes, *questions; /* arrays: names; what every user is asked about */
	json_t *now;     /* the decision of the question that is being answered, by what is in force */
	json_t *changes; /* of the user that is being asked about */
	size_t n_changes;
};

/* ---- what is asked ---- */

static int probe_row(void *data, const json_t *parameters)
{
	const char *name = cli_string(json_object_get(parameters, "probe"), "name");
	struct diff *diff = data;
	const json_t *known;
	size_t i;

	json_array_foreach (diff->probes, i, known)
		if (!strcmp(json_string_value(known), name))
			return CLI_CONTINUE;
	if (*name && json_array_append_new(diff->probes, json_string(name)) < 0)
		return cli_broken(-ENOMEM);
	return CLI_CONTINUE;
}

static int find_probes(struct diff *diff)
{
	struct cli_query query = { .method = "io.bpfwarden.Probe.List",
				   .more = true,
				   .silent = true,
				   .each = probe_row,
				   .data = diff };

	return cli_query(diff->cli, &query);
}

static void add_question(struct diff *diff, const char *action, json_t *probe, const char *target)
{
	json_t *question = json_pack("{s:s, s:O*, s:s*}", "action", action, "probe", probe, "target", target);

	if (question)
		json_array_append_new(diff->questions, question);
}

static void find_questions(struct diff *diff)
{
	static const char *const of_bundles[] = { "enroll", "promote", "revoke" };
	const char *target;
	json_t *probe, *value;
	size_t i;

	json_array_foreach (diff->probes, i, probe) {
		json_object_foreach (diff->candidates.targets, target, value)
			add_question(diff, "attach", probe, target);
		add_question(diff, "detach-any", probe, "host");
		for (size_t k = 0; k < sizeof(of_bundles) / sizeof(of_bundles[0]); k++)
			add_question(diff, of_bundles[k], probe, NULL);
	}
	add_question(diff, "audit-read", NULL, NULL);
	add_question(diff, "policy-reload", NULL, NULL);
}

/* Each question is asked twice: of the policy in force, then of the one on disk. */
static json_t *diff_call(void *data, size_t i)
{
	struct diff *diff = data;
	size_t n = json_array_size(diff->questions);
	json_t *question = candidate_question(&diff->candidates.users[i / 2 / n]);
	char number[32];

	if (question && json_object_update(question, json_array_get(diff->questions, i / 2 % n)) < 0) {
		json_decref(question);
		return NULL;
	}
	if (question && json_object_get(question, "target"))
		json_object_set_new(question, "target",
				    json_string(candidate_target(cli_string(question, "target"), number,
								 sizeof(number))));
	if (question && i % 2)
		json_object_set_new(question, "on_disk", json_true());
	return question;
}

/* ---- what is answered ---- */

/* What somebody gains or loses by; not under which rule. */
static json_t *effect_of(const json_t *decision)
{
	if (!decision_grants(decision))
		return json_pack("{s:b}", "allowed", 0);
	return json_pack("{s:b, s:O*, s:O*, s:O*, s:O*, s:O*}", "allowed", 1, "data",
			 json_object_get(decision, "data"), "privacy", json_object_get(decision, "privacy"),
			 "kernel_verified", json_object_get(decision, "kernel_verified"), "limits",
			 json_object_get(decision, "limits"), "parameters",
			 json_object_get(decision, "parameters"));
}

/* Appends what `members` has and `others` has not in the same way. */
static void add_members(char *text, const json_t *members, const json_t *others)
{
	char number[UNIT_TEXT_MAX];
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)members, name, value) {
		size_t used = strlen(text);

		if (!json_equal(value, json_object_get(others, name)))
			snprintf(text + used, CLI_TEXT_MAX - used, ", %s = %s", name,
				 limit_text(name, value, number));
	}
}

/* A decision, and where the other one allows it, too, those of its limits and parameters that differ. */
static const char *describe(const json_t *decision, const json_t *other, char *text)
{
	static const char *const parts[] = { "limits", "parameters" };

	decision_text(decision, text);
	for (size_t i = 0; i < 2 && decision_grants(decision) && decision_grants(other); i++)
		add_members(text, json_object_get(decision, parts[i]), json_object_get(other, parts[i]));
	return text;
}

/* The same change of several probes is one change. */
static int add_change(struct diff *diff, const json_t *question, const json_t *then)
{
	json_t *probe = json_object_get(question, "probe"), *change;
	char before[CLI_TEXT_MAX], after[CLI_TEXT_MAX];
	json_t *key =
		json_pack("{s:O, s:O*, s:s, s:s, s:s}", "action", json_object_get(question, "action"),
			  "target", json_object_get(question, "target"), "now",
			  describe(diff->now, then, before), "then", describe(then, diff->now, after), "sign",
			  !decision_grants(diff->now) ? "+"
			  : !decision_grants(then)    ? "-"
						      : "~");
	size_t i;

	json_array_foreach (diff->changes, i, change)
		if (json_equal(json_object_get(change, "change"), key)) {
			json_decref(key);
			return json_array_append(json_object_get(change, "probes"), probe);
		}
	change = json_pack("{s:o, s:[]}", "change", key, "probes");
	if (probe)
		json_array_append(json_object_get(change, "probes"), probe);
	return json_array_append_new(diff->changes, change);
}

static void print_user(struct diff *diff, const struct candidate *user)
{
	json_t *change;
	size_t i;

	if (json_array_size(diff->changes))
		printf("%s (%u)\n", user->name, user->uid);
	json_array_foreach (diff->changes, i, change) {
		const json_t *what = json_object_get(change, "change");
		char probes[CLI_TEXT_MAX], line[2 * CLI_TEXT_MAX], clipped[CLI_TEXT_MAX];
		const char *target = cli_string(what, "target");

		cli_join(json_object_get(change, "probes"), probes, sizeof(probes));
		snprintf(line, sizeof(line), "  %s %s%s%s%s%s", cli_string(what, "sign"),
			 cli_string(what, "action"), *target ? " on " : "", target, *probes ? ": " : "",
			 probes);
		puts(text_clip(line, POLICY_COLUMNS, clipped));
		printf("      now   %s\n", text_clip(cli_string(what, "now"), POLICY_COLUMNS - 12, clipped));
		printf("      then  %s\n", text_clip(cli_string(what, "then"), POLICY_COLUMNS - 12, clipped));
	}
	json_array_clear(diff->changes);
}

/* {"decision":{"user":…, "uid":…, "action":…, "probe":…, "target":…, "now":{…}, "then":{…}}} */
static int print_json(const struct candidate *user, const json_t *question, json_t *now, json_t *then)
{
	_cleanup_json_ json_t *line =
		json_pack("{s:{s:s, s:I, s:O, s:O*, s:O*, s:O, s:O}}", "decision", "user", user->name, "uid",
			  (json_int_t)user->uid, "action", json_object_get(question, "action"), "probe",
			  json_object_get(question, "probe"), "target", json_object_get(question, "target"),
			  "now", now, "then", then);

	if (!line)
		return cli_broken(-ENOMEM);
	cli_print_json(line);
	return CLI_CONTINUE;
}

static int diff_compare(struct diff *diff, size_t pair, const json_t *then)
{
	size_t n = json_array_size(diff->questions);
	const struct candidate *user = &diff->candidates.users[pair / n];
	const json_t *question = json_array_get(diff->questions, pair % n);
	_cleanup_json_ json_t *before = effect_of(diff->now), *after = effect_of(then);
	int r = CLI_CONTINUE;

	if (!json_equal(before, after)) {
		diff->n_changes++;
		if (diff->cli->json)
			r = print_json(user, question, before, after);
		else if (add_change(diff, question, then) < 0)
			r = cli_broken(-ENOMEM);
	}
	if (r == CLI_CONTINUE && pair % n == n - 1)
		print_user(diff, user);
	return r;
}

static int diff_answer(void *data, size_t i, const json_t *parameters)
{
	json_t *decision = json_object_get(parameters, "decision");
	struct diff *diff = data;

	if (i % 2)
		return diff_compare(diff, i / 2, decision);
	json_decref(diff->now);
	diff->now = json_incref(decision);
	return CLI_CONTINUE;
}

/* ---- from the text on disk to what would change ---- */

static int reload_reply(void *data, const json_t *parameters)
{
	const json_t *ended = json_object_get(parameters, "ended");
	struct diff *diff = data;

	diff->same = json_is_false(json_object_get(parameters, "changed"));
	if (!diff->cli->json && json_array_size(ended)) {
		printf("attachments that would end:\n");
		ended_print(ended);
		putchar('\n');
	}
	return CLI_CONTINUE;
}

static int reload_dry(struct diff *diff)
{
	struct cli_query query = { .method = "io.bpfwarden.Policy.Reload",
				   .parameters = json_pack("{s:b}", "dry_run", 1),
				   .load = true,
				   .also = true,
				   .each = reload_reply,
				   .data = diff };

	return cli_query(diff->cli, &query);
}

static int diff_sections(struct diff *diff, size_t *ret_n)
{
	_cleanup_(config_free_p) struct config *now = NULL, *then = NULL;
	int r = policy_text_sections(diff->cli, false, &now);

	if (r == CLI_CONTINUE)
		r = policy_text_sections(diff->cli, true, &then);
	if (r != CLI_CONTINUE)
		return r;
	*ret_n = section_diff(diff->cli, now, then);
	candidates_add_policy(&diff->candidates, now);
	candidates_add_policy(&diff->candidates, then);
	return candidates_find(&diff->candidates, false) < 0 ? cli_broken(-ENOMEM) : CLI_CONTINUE;
}

static int diff_decisions(struct diff *diff)
{
	struct pipeline pipeline = { .method = "io.bpfwarden.Policy.Explain",
				     .call = diff_call,
				     .answer = diff_answer,
				     .data = diff };
	int r = find_probes(diff);

	if (r != CLI_OK)
		return r;
	find_questions(diff);
	pipeline.n = 2 * diff->candidates.n_users * json_array_size(diff->questions);
	return pipeline_run(&pipeline);
}

static int diff_run(struct diff *diff)
{
	size_t n_sections = 0;
	int r = reload_dry(diff);

	if (r == CLI_OK && diff->same) {
		if (!diff->cli->json && !diff->cli->quiet)
			printf("no difference\n");
		return CLI_OK;
	}
	if (r == CLI_OK)
		r = diff_sections(diff, &n_sections);
	if (r != CLI_CONTINUE)
		return r;
	if (n_sections && !diff->cli->json)
		putchar('\n');
	r = diff_decisions(diff);
	if (r == CLI_OK && !diff->n_changes && !diff->cli->json && !diff->cli->quiet)
		cli_say("%s; none of %zu users gains or loses anything",
			n_sections ? "the sections differ" : "only comments, order or files differ",
			diff->candidates.n_users);
	return r;
}

int cmd_policy_diff(struct cli *cli, int argc, char **argv)
{
	struct diff diff = {
		.cli = cli, .probes = json_array(), .questions = json_array(), .changes = json_array()
	};
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first);

	if (r != CLI_CONTINUE)
		return r;
	r = candidates_init(&diff.candidates) ? diff_run(&diff) : cli_broken(-ENOMEM);
	candidates_clear(&diff.candidates);
	json_decref(diff.probes);
	json_decref(diff.questions);
	json_decref(diff.changes);
	json_decref(diff.now);
	return r;
}
