/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bpfwarden policy test: does the policy decide as its authors expect. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/policy-cases.h"
#include "client/cli/policy-files.h"

#define POLICIES_MAX 16

struct run {
	const struct cli *cli;
	const struct policy *policy;
	const struct host_names *names;
	size_t n, n_failed;
};

/* What a case got otherwise than expected; empty: nothing. */
struct outcome {
	char text[512];
};

static void differ(struct outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void differ(struct outcome *outcome, const char *format, ...)
{
	size_t n = strlen(outcome->text);
	va_list ap;

	n += (size_t)snprintf(outcome->text + n, sizeof(outcome->text) - n, "%s", n ? "; " : "");
	if (n >= sizeof(outcome->text))
		return;
	va_start(ap, format);
	vsnprintf(outcome->text + n, sizeof(outcome->text) - n, format, ap);
	va_end(ap);
}

/* "allow by [allow x]", "deny by default" */
static const char *verdict(const struct policy_decision *decision, char buffer[OBJECT_NAME_MAX + 32])
{
	const char *kind = decision->allowed                            ? "allow"
			   : decision->parameter != POLICY_NO_PARAMETER ? "limit"
									: "deny";
	bool built_in = !decision->allowed && policy_built_in_meaning(decision->rule);

	snprintf(buffer, OBJECT_NAME_MAX + 32, "%s by %s%s%s%s%s", decision->allowed ? "allow" : "deny",
		 built_in ? "" : "[", built_in ? "" : kind, built_in ? "" : " ", decision->rule,
		 built_in ? "" : "]");
	return buffer;
}

/* As the daemon counts it: rounded for people, two that differ could look alike. */
static const char *exact_limit(uint32_t limit, uint64_t value, char buffer[32])
{
	if (value == POLICY_UNLIMITED)
		return "none";
	if (limit == POLICY_KERNEL_VERIFIED)
		return "required";
	if (limit == POLICY_MAX_CPU)
		snprintf(buffer, 32, "%" PRIu64 ".%04" PRIu64 "%%", value / POLICY_CPU_PERCENT,
			 value % POLICY_CPU_PERCENT);
	else
		snprintf(buffer, 32, "%" PRIu64 "%s", value, limit == POLICY_MAX_DURATION ? " ms" : "");
	return buffer;
}

static void compare_limits(const struct policy_case *c, const struct policy_decision *decision,
			   struct outcome *outcome)
{
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++) {
		uint64_t got = decision->limits.value[i];
		const char *section = decision->limits.section[i];
		char expected_text[32], got_text[32];

		if (!(c->limits_expected & 1U << i) || got == c->limits[i])
			continue;
		differ(outcome, "expected %s = %s, got %s%s%s%s", policy_limit_name(i),
		       exact_limit(i, c->limits[i], expected_text), exact_limit(i, got, got_text),
		       *section ? " by [limit " : "", section, *section ? "]" : "");
	}
}

static void compare_parameters(const struct policy_case *c, const struct policy_decision *decision,
			       struct outcome *outcome)
{
	for (uint32_t i = 0; i < c->spec.n_params; i++) {
		const struct spec_param *param = &c->spec.params[i];
		uint64_t got = decision->parameters[i];

		if (!(c->parameters_expected & 1U << i) || got == c->in_force[i])
			continue;
		if (got < param->n_values)
			differ(outcome, "expected in-force = %s:%s, got %s", param->name,
			       param->values[c->in_force[i]], param->values[got]);
		else
			differ(outcome, "expected in-force = %s:%" PRIu64 ", got %" PRIu64, param->name,
			       c->in_force[i], got);
	}
}

static void compare(const struct policy_case *c, const struct policy_decision *decision,
		    struct outcome *outcome)
{
	char got[OBJECT_NAME_MAX + 32];

	if (decision->allowed != c->allowed)
		differ(outcome, "expected %s, got %s", c->allowed ? "allow" : "deny", verdict(decision, got));
	else if (*c->rule && strcmp(decision->rule, c->rule) != 0)
		differ(outcome, "expected rule %s, got %s", c->rule, verdict(decision, got));
	if (!decision->allowed && decision->allowed == c->allowed &&
	    (c->limits_expected || c->parameters_expected))
		differ(outcome, "limits are expected of what is denied");
	if (!decision->allowed || !c->allowed)
		return;
	compare_limits(c, decision, outcome);
	compare_parameters(c, decision, outcome);
}

/* Of the allows that are for this caller, the condition by which each does not match. */
static int hint(void *userdata, const struct policy_explanation *explanation)
{
	const char *value;

	(void)userdata;
	if (explanation->matched || !explanation->concerns || explanation->about_caller ||
	    strcmp(explanation->kind, "allow") != 0)
		return 0;
	value = explanation->value ? explanation->value : policy_default_of(explanation->key);
	printf("# [allow %s] at %s:%u does not match: %s%s%s%s\n", explanation->name, explanation->file,
	       explanation->key_line ? explanation->key_line : explanation->line, explanation->key,
	       value ? " = " : "", value ? value : "", explanation->key_line ? "" : " (default)");
	return 0;
}

static int tell(struct run *run, const struct policy_case *c, const struct policy_decision *decision,
		const struct outcome *outcome)
{
	const char *name = c->section->name;
	bool ok = !*outcome->text;

	run->n++;
	run->n_failed += !ok;
	if (run->cli->json) {
		_cleanup_json_ json_t *row =
			json_pack("{s:s, s:s, s:I, s:b, s:b, s:s}", "test", name, "file", c->section->file,
				  "line", (json_int_t)c->section->line, "ok", ok, "allowed",
				  decision->allowed, "rule", decision->rule);

		if (row && !ok)
			json_object_set_new(row, "problem", json_string(outcome->text));
		if (!row || json_dumpf(row, stdout, JSON_COMPACT) < 0)
			return -ENOMEM;
		printf("\n");
		return 0;
	}
	if (ok && !run->cli->quiet)
		printf("ok %s\n", name);
	if (ok)
		return 0;
	printf("not ok %s: %s\n", name, outcome->text);
	if (!run->cli->quiet && !decision->allowed && !strcmp(decision->rule, POLICY_RULE_DEFAULT))
		policy_explain(run->policy, &c->request, hint, NULL);
	return 0;
}

static int run_case(struct run *run, const struct config *config, const struct config_section *section,
		    struct refusal *refusal)
{
	_cleanup_(policy_case_free_p) struct policy_case *c = NULL;
	struct policy_decision decision;
	struct outcome outcome = {};
	int r = policy_case_new(config, section, &run->names->resolver, refusal, &c);

	if (r)
		return r;
	policy_decide(run->policy, &c->request, &decision);
	compare(c, &decision, &outcome);
	return tell(run, c, &decision, &outcome);
}

/* A file that cannot be read has told, and counts as failed. */
static int run_file(struct run *run, const char *path)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	struct refusal refusal = {};
	int r = config_new(REFUSAL_POLICY_INVALID, &config);

	if (!r)
		r = policy_files_add(config, path, &refusal);
	if (!r && !config_n_sections(config))
		r = refusal_set(&refusal, REFUSAL_POLICY_INVALID, path, "there is no [test NAME] in it");
	for (size_t i = 0; !r && i < config_n_sections(config); i++)
		r = run_case(run, config, config_section(config, i), &refusal);
	return r ? policy_files_tell(run->cli, path, r, &refusal) : CLI_OK;
}

struct arguments {
	char *policies[POLICIES_MAX];
	size_t n;
	bool assume;
};

static bool test_option(void *data, int option, const char *value)
{
	struct arguments *arguments = data;

	if (option == 0x100) {
		arguments->assume = true;
		return true;
	}
	if (arguments->n == POLICIES_MAX) {
		cli_say("more than %d policies", POLICIES_MAX);
		return false;
	}
	arguments->policies[arguments->n++] = (char *)value;
	return true;
}

int cmd_policy_test(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "policy", required_argument, NULL, 0x101 },
						 { "assume-names", no_argument, NULL, 0x100 },
						 {} };
	_cleanup_(host_names_done) struct host_names names = {};
	_cleanup_(policy_free_p) struct policy *policy = NULL;
	struct arguments arguments = {};
	struct run run = { .cli = cli, .names = &names };
	size_t n_sections;
	int first,
		r = cli_parse(cli, argc, argv, options, test_option, &arguments, 1, CONFIG_FILES_MAX, &first);

	if (r != CLI_CONTINUE)
		return r;
	host_names_init(&names, arguments.assume);
	r = policy_files_open(cli, arguments.policies, arguments.n, &names, &policy, &n_sections);
	if (r != CLI_CONTINUE)
		return r;
	run.policy = policy;
	r = CLI_OK;
	for (int i = first; i < argc; i++)
		if (run_file(&run, argv[i]) != CLI_OK)
			r = CLI_FAILED;
	if (!cli->json && !cli->quiet)
		printf("%zu passed, %zu failed\n", run.n - run.n_failed, run.n_failed);
	return run.n_failed ? CLI_FAILED : r;
}
