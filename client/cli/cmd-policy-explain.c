/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/decision.h"
#include "client/cli/request.h"
#include "client/cli/units.h"
#include "format/message.h"
#include "policy/policy.h"

enum {
	OPTION_AS = 0x200,
	OPTION_GROUPS,
	OPTION_NAMESPACE,
	OPTION_FROM_CGROUP,
	OPTION_PROBE,
	OPTION_TARGET,
	OPTION_DATA,
	OPTION_ACTION,
	OPTION_AT,
	OPTION_PERSIST,
	OPTION_ON_DISK,
};

static const struct option explain_options[] = {
	REQUEST_OPTIONS,
	{ "as", required_argument, NULL, OPTION_AS },
	{ "groups", required_argument, NULL, OPTION_GROUPS },
	{ "namespace", required_argument, NULL, OPTION_NAMESPACE },
	{ "from-cgroup", required_argument, NULL, OPTION_FROM_CGROUP },
	{ "probe", required_argument, NULL, OPTION_PROBE },
	{ "target", required_argument, NULL, OPTION_TARGET },
	{ "data", required_argument, NULL, OPTION_DATA },
	{ "action", required_argument, NULL, OPTION_ACTION },
	{ "at", required_argument, NULL, OPTION_AT },
	{ "persist", no_argument, NULL, OPTION_PERSIST },
	{ "on-disk", no_argument, NULL, OPTION_ON_DISK },
	{},
};

struct explain {
	struct request request;
	const char *probe, *action;
	json_t *question;
	json_t *decision, *sections; /* of the answer */
};

static bool fail_usage(struct explain *explain, const char *option, const char *takes, const char *value)
{
	explain->request.failed =
		cli_usage(explain->request.cli, "%s takes %s, not \"%s\"", option, takes, value);
	return false;
}

/* Names become numbers here: the daemon would look them up for every caller who asks. */
static bool set_groups(struct explain *explain, const char *value)
{
	_cleanup_free_ char *copy = strdup(value);
	_cleanup_json_ json_t *gids = json_array();
	char *rest = copy, *word;

	while (rest && (word = strsep(&rest, ","))) {
		uint64_t gid;
		const struct group *group = getgrnam(word);

		if (!*word)
			continue;
		if (group)
			gid = group->gr_gid;
		else if (!unit_parse_number(word, &gid) || gid >= UINT32_MAX)
			return fail_usage(explain, "--groups", "groups that there are", word);
		json_array_append_new(gids, json_integer((json_int_t)gid));
	}
	if (json_array_size(gids) > EXPLAIN_GROUPS_MAX)
		return fail_usage(explain, "--groups", "at most 64 groups", value);
	json_object_set(explain->question, "groups", gids);
	return true;
}

static bool set_data(struct explain *explain, const char *value)
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *word;

	while (rest && (word = strsep(&rest, ", "))) {
		if (!strcmp(word, "aggregates"))
			explain->request.options.data |= BPFWARDEN_DATA_AGGREGATES;
		else if (!strcmp(word, "events"))
			explain->request.options.data |= BPFWARDEN_DATA_EVENTS;
		else
			return fail_usage(explain, "--data", "aggregates, events or both", value);
	}
	return true;
}

static bool set_minute(struct explain *explain, const char *value)
{
	uint32_t minute;

	if (!policy_minute_from_text(value, &minute))
		return fail_usage(explain, "--at", "a day and a time in UTC like mon/09:30", value);
	json_object_set_new(explain->question, "minute", json_integer(minute));
	return true;
}

static bool set_target(struct explain *explain, const char *value)
{
	struct request *request = &explain->request;

	if (request->options.target || strlen(value) >= sizeof(request->target))
		return fail_usage(explain, "--target", "one target, instead of -p, -U, -u, -g and -H", value);
	strcpy(request->target, value);
	request->options.target = request->target;
	return true;
}

static bool set_text(struct explain *explain, const char *key, const char *value)
{
	return json_object_set_new(explain->question, key, json_string(value)) == 0 ||
	       fail_usage(explain, key, "UTF-8", "\?");
}

static bool explain_option(void *data, int option, const char *value)
{
	struct explain *explain = data;

	switch (option) {
	case OPTION_AS:
		return set_text(explain, "user", value);
	case OPTION_GROUPS:
		return set_groups(explain, value);
	case OPTION_NAMESPACE:
		return set_text(explain, "namespace", value);
	case OPTION_FROM_CGROUP:
		return set_text(explain, "from_cgroup", value);
	case OPTION_PROBE:
		explain->probe = value;
		return true;
	case OPTION_TARGET:
		return set_target(explain, value);
	case OPTION_DATA:
		return set_data(explain, value);
	case OPTION_ACTION:
		explain->action = value;
		return set_text(explain, "action", value);
	case OPTION_AT:
		return set_minute(explain, value);
	case OPTION_PERSIST:
		return json_object_set_new(explain->question, "persist", json_true()) == 0;
	case OPTION_ON_DISK:
		return json_object_set_new(explain->question, "on_disk", json_true()) == 0;
	default:
		return request_option(&explain->request, option, value);
	}
}

/* What the options that run has, too, ask for. */
static void add_request(struct explain *explain)
{
	const struct bpfwarden_options *options = &explain->request.options;
	json_t *question = explain->question, *data = json_array();

	if (explain->probe)
		json_object_set_new(question, "probe", json_string(explain->probe));
	if (options->target)
		json_object_set_new(question, "target", json_string(options->target));
	if (options->serial)
		json_object_set_new(question, "serial", json_integer((json_int_t)options->serial));
	if (options->experimental)
		json_object_set_new(question, "experimental", json_true());
	if (options->privacy)
		json_object_set_new(question, "privacy", json_string(options->privacy));
	if (explain->request.parameters)
		json_object_set(question, "parameters", explain->request.parameters);
	if (options->data & BPFWARDEN_DATA_AGGREGATES)
		json_array_append_new(data, json_string("aggregates"));
	if (options->data & BPFWARDEN_DATA_EVENTS)
		json_array_append_new(data, json_string("events"));
	if (options->data)
		json_object_set(question, "data", data);
	json_decref(data);
}

static int explain_row(void *data, const json_t *parameters)
{
	json_t *decision = json_object_get(parameters, "decision");
	json_t *section = json_object_get(parameters, "section");
	struct explain *explain = data;

	if (json_is_object(decision) && !explain->decision)
		explain->decision = json_incref(decision);
	if (json_is_object(section) && json_array_append(explain->sections, section) < 0)
		return cli_broken(-ENOMEM);
	return CLI_CONTINUE;
}

static int explain_query(const struct cli *cli, struct explain *explain)
{
	struct cli_query query = { .method = "io.bpfwarden.Policy.Explain",
				   .parameters = json_incref(explain->question),
				   .more = true,
				   .also = true,
				   .each = explain_row,
				   .data = explain };
	int r;

	if (cli->quiet)
		json_object_set_new(explain->question, "brief", json_true());
	r = cli_query(cli, &query);
	if (r != CLI_OK)
		return r;
	if (!explain->decision)
		return cli_broken(-EBADMSG);
	if (!cli->json)
		decision_print(explain->decision, explain->sections);
	if (!cli->json && json_array_size(explain->sections)) {
		putchar('\n');
		sections_print(explain->sections);
	}
	return decision_exit(explain->decision);
}

int cmd_policy_explain(struct cli *cli, int argc, char **argv)
{
	struct explain explain = { .request.cli = cli, .question = json_object(), .sections = json_array() };
	int first, r = cli_parse(cli, argc, argv, explain_options, explain_option, &explain, 0, 1, &first);

	/* "policy explain tcp.state", as run takes it. */
	if (r == CLI_CONTINUE && first < argc && explain.probe)
		r = cli_usage(cli, "more than one probe: \"%s\" and \"%s\"", explain.probe, argv[first]);
	else if (r == CLI_CONTINUE && first < argc)
		explain.probe = argv[first];
	if (r == CLI_CONTINUE && !explain.probe && policy_action_has_probe(action_named(explain.action)))
		r = cli_usage(cli, "about which probe? say --probe NAME");
	if (r == CLI_CONTINUE)
		r = request_finish(&explain.request, explain.probe);
	if (r == CLI_CONTINUE) {
		add_request(&explain);
		r = explain_query(cli, &explain);
	}
	request_clear(&explain.request);
	json_decref(explain.question);
	json_decref(explain.decision);
	json_decref(explain.sections);
	return explain.request.failed ? explain.request.failed : r;
}
