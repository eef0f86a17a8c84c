/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/cli/candidates.h"
#include "client/cli/cli.h"
#include "client/cli/decision.h"
#include "client/cli/pipeline.h"
#include "client/cli/policy-text.h"
#include "client/cli/table.h"
#include "policy/policy.h"

enum { OPTION_TARGET = 0x100, OPTION_ACTION };

static const struct option who_options[] = {
	{ "target", required_argument, NULL, OPTION_TARGET },
	{ "action", required_argument, NULL, OPTION_ACTION },
	{ "all", no_argument, NULL, 'a' },
	{},
};

struct who {
	const struct cli *cli;
	const char *probe, *target, *action;
	bool all;
	struct candidates candidates;
	json_t *targets; /* array of those to ask about */
	json_t *grants;  /* of the user whose answers come in: what differs only in the target is one */
	struct table *table;
	size_t n_allowed;
	bool unknown_probe;
};

static bool who_option(void *data, int option, const char *value)
{
	struct who *who = data;

	if (option == OPTION_TARGET)
		who->target = value;
	else if (option == OPTION_ACTION)
		who->action = value;
	else
		who->all = true;
	return true;
}

static bool about_targets(const struct who *who)
{
	return policy_action_has_target(action_named(who->action));
}

/* The target asked for, or all that the policy speaks of; one question without any where there are none. */
static int find_targets(struct who *who)
{
	const char *target;
	json_t *value;

	who->targets = json_array();
	if (!who->targets)
		return cli_broken(-ENOMEM);
	if (!about_targets(who))
		return json_array_append_new(who->targets, json_null()) ? cli_broken(-ENOMEM) : CLI_CONTINUE;
	if (who->target)
		return json_array_append_new(who->targets, json_string(who->target))
			       ? cli_usage(who->cli, "the target is not UTF-8")
			       : CLI_CONTINUE;
	json_object_foreach (who->candidates.targets, target, value)
		json_array_append_new(who->targets, json_string(target));
	return CLI_CONTINUE;
}

static json_t *who_call(void *data, size_t i)
{
	struct who *who = data;
	size_t n = json_array_size(who->targets);
	json_t *question = candidate_question(&who->candidates.users[i / n]);
	const char *target = json_string_value(json_array_get(who->targets, i % n));
	char number[32];

	if (question && who->probe)
		json_object_set_new(question, "probe", json_string(who->probe));
	if (question && who->action)
		json_object_set_new(question, "action", json_string(who->action));
	if (question && target)
		json_object_set_new(question, "target",
				    json_string(candidate_target(target, number, sizeof(number))));
	return question;
}

/* Adds a target to what is granted under the same rule in the same way. */
static int grant_add(struct who *who, const json_t *decision, json_t *target)
{
	json_t *key = json_pack("{s:O*, s:O*, s:O*, s:O*}", "data", json_object_get(decision, "data"),
				"privacy", json_object_get(decision, "privacy"), "kernel_verified",
				json_object_get(decision, "kernel_verified"), "rule",
				json_object_get(decision, "rule"));
	json_t *grant, *targets;
	size_t i;

	json_array_foreach (who->grants, i, grant) {
		bool same = json_equal(json_object_get(grant, "grant"), key);

		if (!same)
			continue;
		json_decref(key);
		return json_array_append(json_object_get(grant, "targets"), target);
	}
	targets = json_array();
	if (!json_is_null(target))
		json_array_append(targets, target);
	return json_array_append_new(who->grants, json_pack("{s:o, s:o}", "grant", key, "targets", targets));
}

static void user_print(struct who *who, const struct candidate *user)
{
	json_t *grant;
	size_t i;

	json_array_foreach (who->grants, i, grant) {
		const json_t *what = json_object_get(grant, "grant");
		char text[CLI_TEXT_MAX], clipped[CLI_TEXT_MAX], data[64];

		table_add(who->table, user->name);
		if (about_targets(who)) {
			cli_join(json_object_get(grant, "targets"), text, sizeof(text));
			table_add(who->table, text_clip(text, 40, clipped));
			table_add(who->table, cli_join(json_object_get(what, "data"), data, sizeof(data)));
			table_add(who->table, cli_string(what, "privacy"));
		}
		table_add(who->table, cli_string(what, "rule"));
	}
}

/* {"user":…, "uid":…, "grants":[{"targets":…, "data":…, "privacy":…, "kernel_verified":…, "rule":…}]} */
static int user_print_json(struct who *who, const struct candidate *user)
{
	_cleanup_json_ json_t *grants = json_array(), *line = NULL;
	json_t *grant;
	size_t i;

	json_array_foreach (who->grants, i, grant) {
		json_t *one = json_copy(json_object_get(grant, "grant"));

		if (about_targets(who))
			json_object_set(one, "targets", json_object_get(grant, "targets"));
		json_array_append_new(grants, one);
	}
	line = json_pack("{s:s, s:I, s:O}", "user", user->name, "uid", (json_int_t)user->uid, "grants",
			 grants);
	if (!line)
		return cli_broken(-ENOMEM);
	cli_print_json(line);
	return CLI_CONTINUE;
}

static int user_done(struct who *who, const struct candidate *user)
{
	int r = CLI_CONTINUE;

	if (json_array_size(who->grants) == 0)
		return r;
	who->n_allowed++;
	if (who->cli->json)
		r = user_print_json(who, user);
	else
		user_print(who, user);
	json_array_clear(who->grants);
	return r;
}

static int who_answer(void *data, size_t i, const json_t *parameters)
{
	const json_t *decision = json_object_get(parameters, "decision");
	struct who *who = data;
	size_t n = json_array_size(who->targets);

	if (!strcmp(cli_string(json_object_get(decision, "refusal"), "error"), "NoSuchProbe"))
		who->unknown_probe = true;
	if (decision_grants(decision) && grant_add(who, decision, json_array_get(who->targets, i % n)) < 0)
		return cli_broken(-ENOMEM);
	return i % n == n - 1 ? user_done(who, &who->candidates.users[i / n]) : CLI_CONTINUE;
}

static int find_candidates(struct who *who)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	int r;

	if (!candidates_init(&who->candidates))
		return cli_broken(-ENOMEM);
	r = policy_text_sections(who->cli, false, &config);
	if (r != CLI_CONTINUE)
		return r;
	candidates_add_policy(&who->candidates, config);
	return candidates_find(&who->candidates, who->all) < 0 ? cli_broken(-ENOMEM) : CLI_CONTINUE;
}

static int who_ask(struct who *who)
{
	struct pipeline pipeline = {
		.method = "io.bpfwarden.Policy.Explain", .call = who_call, .answer = who_answer, .data = who
	};
	int r = find_candidates(who);

	if (r == CLI_CONTINUE)
		r = find_targets(who);
	if (r != CLI_CONTINUE)
		return r;
	pipeline.n = who->candidates.n_users * json_array_size(who->targets);
	r = pipeline_run(&pipeline);
	if (r == CLI_OK && who->unknown_probe && !who->n_allowed) {
		cli_say("no probe \"%s\"; what there is: bpfwarden list", who->probe);
		return CLI_NOT_FOUND;
	}
	if (r != CLI_OK || who->cli->json)
		return r;
	table_print(who->table);
	if (!who->cli->quiet)
		cli_say("%zu of the %zu users that were asked about may%s", who->n_allowed,
			who->candidates.n_users, who->all ? "" : "; -a asks about all that there are");
	return r;
}

int cmd_policy_who(struct cli *cli, int argc, char **argv)
{
	static const char *const with_targets[] = { "USER",         "MAY USE IT ON", "DATA",
						    "FIELDS UP TO", "RULE",          NULL };
	static const char *const plain[] = { "USER", "RULE", NULL };
	struct who who = { .cli = cli };
	int first, r = cli_parse(cli, argc, argv, who_options, who_option, &who, 0, 1, &first);

	if (r != CLI_CONTINUE)
		return r;
	who.probe = first < argc ? argv[first] : NULL;
	if (!who.probe && policy_action_has_probe(action_named(who.action)))
		return cli_usage(cli, "about which probe? \"%s\" needs %s", cli->verb->name,
				 cli->verb->arguments);
	if (who.target && !about_targets(&who))
		return cli_usage(cli, "action \"%s\" has no target", who.action);
	who.table = table_new(about_targets(&who) ? with_targets : plain);
	who.grants = json_array();
	r = who.table && who.grants ? who_ask(&who) : cli_broken(-ENOMEM);
	candidates_clear(&who.candidates);
	json_decref(who.targets);
	json_decref(who.grants);
	table_free(who.table);
	return r;
}
