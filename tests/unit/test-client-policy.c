/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command line asks about the policy, and how it tells the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "client/cli/candidates.h"
#include "client/cli/cli.h"
#include "client/cli/decision.h"
#include "client/cli/table.h"
#include "common/refusal.h"
#include "tests/unit/client-fixture.h"

static const char policy[] = "# /etc/x.policy\n"
			     "[allow root]\n"
			     "user = root nobody-here\n"
			     "probe = tcp.*\n"
			     "target = self unit:a.service\n"
			     "\n"
			     "[deny gone]\n"
			     "group = no-such-group\n"
			     "[limit root]\n"
			     "max-memory = 4K\n";
static const char disk[] = "# /etc/x.policy\n"
			   "[limit root]\n"
			   "max-memory = 1K\n"
			   "[allow root]\n"
			   "user = root nobody-here\n"
			   "probe = tcp.*\n"
			   "target = self\n"
			   "[allow audit]\n"
			   "action = audit-read\n";

__attribute__((noinline)) static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_narrow(const char *text)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		char line[4096];

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		if (text_width(line) > POLICY_COLUMNS)
			fail_msg("%zu columns: %s", text_width(line), line);
	}
}

static void reset_with_policy(struct fixture *f)
{
	fixture_reset(f);
	strcpy(f->scenario->policy, policy);
	strcpy(f->scenario->disk, disk);
}

/* ---- pure functions ---- */

static void test_clip(void **state)
{
	char text[CLI_TEXT_MAX], large[2 * CLI_TEXT_MAX];

	(void)state;
	assert_string_equal(text_clip("abc", 3, text), "abc");
	assert_string_equal(text_clip("abcd", 3, text), "ab…");
	assert_string_equal(text_clip("ééé", 3, text), "ééé");
	assert_string_equal(text_clip("éééé", 3, text), "éé…");
	assert_string_equal(text_clip("", 0, text), "");
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = 0;
	assert_int_equal(text_width(text_clip(large, 100, text)), 100);
}

static void test_limit_text(void **state)
{
	static const struct {
		const char *name;
		json_int_t value;
		const char *text;
	} rows[] = {
		{ "max-memory", 33554432, "32.0 MiB" },
		{ "max-duration", 28800000, "8h" },
		{ "max-attachments", 4, "4" },
		{ "kernel-verified", 0, "required" },
	};
	char text[CLI_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_json_ json_t *value = json_integer(rows[i].value);

		assert_string_equal(limit_text(rows[i].name, value, text), rows[i].text);
	}
}

/* ---- who is asked about ---- */

static bool has(const struct candidates *candidates, const char *name)
{
	for (size_t i = 0; i < candidates->n_users; i++)
		if (!strcmp(candidates->users[i].name, name))
			return true;
	return false;
}

/* The users that base-passwd gives to every Debian: nobody is named, daemon is in its group, bin and sys are
 * in a range, 4294967294 has no name; games is not spoken of. */
static void test_candidates(void **state)
{
	static const char text[] = "[allow a]\nuser = nobody 4294967294 no-such-user\ntarget = unit:a*\n"
				   "[deny b]\ngroup = daemon no-such-group\nuid = 2-3 4000000000\n";
	_cleanup_(config_free_p) struct config *config = NULL;
	struct candidates candidates;
	struct refusal refusal;

	(void)state;
	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &config), 0);
	assert_int_equal(config_add_text(config, "a", text, sizeof(text) - 1, &refusal), 0);
	assert_true(candidates_init(&candidates));
	candidates_add_policy(&candidates, config);
	assert_int_equal(candidates_find(&candidates, false), 0);
	assert_int_equal(json_object_size(candidates.targets), 3);
	assert_non_null(json_object_get(candidates.targets, "unit:a*"));
	assert_string_equal(candidates.users[0].name, "root");
	assert_true(candidates.users[0].groups_known && candidates.users[0].n_groups > 0);
	assert_true(has(&candidates, "nobody") && has(&candidates, "daemon") && has(&candidates, "bin") &&
		    has(&candidates, "sys") && has(&candidates, "4294967294"));
	assert_false(has(&candidates, "games") || has(&candidates, "no-such-user"));
	for (size_t i = 1; i < candidates.n_users; i++)
		assert_true(candidates.users[i - 1].uid <= candidates.users[i].uid);
	assert_int_equal(candidates_find(&candidates, true), 0);
	assert_true(has(&candidates, "games"));
	candidates_clear(&candidates);
}

/* ---- explain ---- */

static void test_explain_question(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	strcpy(f->scenario->reply, "{\"parameters\":{\"decision\":{\"allowed\":true,\"rule\":\"a\"}}}");
	assert_int_equal(fixture_client(f, "policy", "explain", "--probe", "tcp.state", NULL), CLI_OK);
	assert_contains(f->scenario->call, "\"parameters\":{\"probe\":\"tcp.state\"},\"more\":true}");
	assert_int_equal(fixture_client(f, "policy", "explain", "--as", "alice", "--groups", "root,4242",
					"--namespace", "container", "--from-cgroup", "/a", "--at",
					"tue/00:01", "--action", "detach-any", "--target", "user:bob",
					"--data", "aggregates,events", "--privacy", "pii", "--set", "min=3us",
					"--persist", "--on-disk", "--experimental", "--serial", "3",
					"tcp.state", NULL),
			 CLI_OK);
	assert_contains(f->scenario->call,
			"\"parameters\":{\"user\":\"alice\",\"groups\":[0,4242],\"namespace\":\"container\","
			"\"from_cgroup\":\"/a\",\"minute\":1441,\"action\":\"detach-any\",\"persist\":true,"
			"\"on_disk\":true,\"probe\":\"tcp.state\",\"target\":\"user:bob\",\"serial\":3,"
			"\"experimental\":true,\"privacy\":\"pii\",\"parameters\":{\"min\":3000},"
			"\"data\":[\"aggregates\",\"events\"]}");
	/* In no group is something else than in whatever groups the user is in. */
	assert_int_equal(
		fixture_client(f, "-q", "policy", "explain", "--groups", "", "-U", "a.service", "x", NULL),
		CLI_OK);
	assert_contains(f->scenario->call,
			"{\"groups\":[],\"probe\":\"x\",\"target\":\"unit:a.service\",\"brief\":true}");
	assert_int_equal(fixture_client(f, "policy", "explain", "--action", "audit-read", NULL), CLI_OK);
	assert_contains(f->scenario->call, "\"parameters\":{\"action\":\"audit-read\"}");
}

static void test_explain_usage(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	assert_int_equal(fixture_client(f, "policy", "explain", NULL), CLI_USAGE);
	assert_contains(f->err, "--probe");
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--probe", "y", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--at", "mon/24:00", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--at", "09:30", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--at", "mon/09:30x", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--at", "mon/+9:30", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--at", "mon/ 9: 5", NULL), CLI_USAGE);
	assert_contains(f->err, "mon/09:30");
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--groups", "no-such-group", NULL),
			 CLI_USAGE);
	assert_contains(f->err, "no-such-group");
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--data", "all", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--target", "self", "-H", NULL),
			 CLI_USAGE);
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--privacy", "none", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--dry-run", NULL), CLI_USAGE);
	assert_string_equal(f->scenario->call, "");
}

static void test_explain_answer(void **state)
{
	struct fixture *f = *state;

	reset_with_policy(f);
	strcpy(f->scenario->explain,
	       "{\"decision\":{\"allowed\":true,\"rule\":\"shop\",\"action\":\"attach\",\"user\":\"alice\","
	       "\"uid\":1001,\"probe\":\"tcp.state\",\"serial\":3,\"channel\":\"production\",\"target\":"
	       "\"unit:shop.service\",\"data\":[\"aggregates\",\"events\"],\"privacy\":\"bound\","
	       "\"kernel_verified\":true,\"limits\":{\"max-attachments\":4,\"max-memory\":16777216},"
	       "\"limit_sections\":{\"max-memory\":\"dev\",\"kernel-verified\":\"kernel\",\"set "
	       "names\":\"names\"},"
	       "\"parameters\":{\"names\":0,\"min\":7}}}\n"
	       "{\"section\":{\"kind\":\"allow\",\"name\":\"shop\",\"file\":\"/etc/bpfwarden/policy.d/"
	       "60-a.policy\","
	       "\"line\":3,\"matched\":true}}\n"
	       "{\"section\":{\"kind\":\"allow\",\"name\":\"b\",\"file\":\"/etc/bpfwarden/policy.d/"
	       "60-a.policy\","
	       "\"line\":13,\"matched\":false,\"key\":\"group\",\"value\":\"very-long-group-name-1 "
	       "very-long-group-name-2 very-long-group-name-3 very-long-group-name-4\",\"key_line\":14}}\n"
	       "{\"section\":{\"kind\":\"allow\",\"name\":\"c\",\"file\":\"/etc/bpfwarden/policy.d/"
	       "60-a.policy\","
	       "\"line\":23,\"matched\":false,\"key\":\"target\"}}");
	assert_int_equal(fixture_client(f, "policy", "explain", "tcp.state", NULL), CLI_OK);
	assert_string_equal(f->out,
			    "allowed: alice (1001), attach tcp.state-3 (production) on unit:shop.service\n"
			    "  rule         [allow shop]  /etc/bpfwarden/policy.d/60-a.policy:3\n"
			    "  data         aggregates, events\n"
			    "  privacy      fields up to bound\n"
			    "  verified     only if the kernel itself verifies the programs  [limit kernel]\n"
			    "  parameters   names = none  [limit names]\n"
			    "               min = 7\n"
			    "  limits       max-attachments = 4\n"
			    "               max-memory = 16.0 MiB  [limit dev]\n"
			    "\n"
			    "  MATCHED  SECTION       PLACE           CONDITION THAT DOES NOT HOLD\n"
			    "  yes      [allow shop]  60-a.policy:3   -\n"
			    "  no       [allow b]     60-a.policy:14  group = very-long-group-name-1 "
			    "very-long-group-name-2 "
			    "very…\n"
			    "  no       [allow c]     60-a.policy:23  target = self (default)\n");
	assert_narrow(f->out);
	/* JSON is what the daemon said, and the exit code is the decision's all the same. */
	assert_int_equal(fixture_client(f, "-o", "json", "policy", "explain", "tcp.state", NULL), CLI_OK);
	assert_contains(f->out, "{\"decision\":{\"allowed\":true,");
	assert_contains(f->out, "}}\n{\"section\":{\"kind\":\"allow\",\"name\":\"shop\"");
}

static void test_explain_denied(void **state)
{
	static const struct {
		const char *decision, *out;
		int code;
	} rows[] = {
		{ "{\"allowed\":false,\"rule\":\"default\"}", "rule         default: no [allow] covers all",
		  CLI_DENIED },
		{ "{\"allowed\":false,\"rule\":\"night\"}", "rule         [deny night]  /a.policy:9\n",
		  CLI_DENIED },
		/* A limit denies when a parameter is out of its bounds. */
		{ "{\"allowed\":false,\"rule\":\"names\",\"refusal\":{\"error\":\"LimitExceeded\",\"reason\":"
		  "\"names must be none\"}}",
		  "rule         [limit names]  /a.policy:19\n  refused as   LimitExceeded: names must be "
		  "none\n",
		  CLI_DENIED },
		{ "{\"allowed\":true,\"rule\":\"x\",\"refusal\":{\"error\":\"TargetUnsupported\",\"reason\":"
		  "\"not that\"}}",
		  "but          TargetUnsupported: not that\n", CLI_UNSUPPORTED },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		reset_with_policy(f);
		snprintf(f->scenario->explain, sizeof(f->scenario->explain),
			 "{\"decision\":%s}\n"
			 "{\"section\":{\"kind\":\"allow\",\"name\":\"night\",\"file\":\"/"
			 "a.policy\",\"line\":1,"
			 "\"matched\":true}}\n"
			 "{\"section\":{\"kind\":\"deny\",\"name\":\"night\",\"file\":\"/"
			 "a.policy\",\"line\":9,"
			 "\"matched\":true}}\n"
			 "{\"section\":{\"kind\":\"limit\",\"name\":\"names\",\"file\":\"/"
			 "a.policy\",\"line\":19,"
			 "\"matched\":true}}",
			 rows[i].decision);
		assert_int_equal(fixture_client(f, "policy", "explain", "x", NULL), rows[i].code);
		assert_contains(f->out, rows[i].out);
		assert_int_equal(fixture_client(f, "-o", "json", "policy", "explain", "x", NULL),
				 rows[i].code);
	}
	/* About somebody else, without the right to ask. */
	f->scenario->deny_explain = true;
	assert_int_equal(fixture_client(f, "policy", "explain", "x", "--as", "root", NULL), CLI_DENIED);
	assert_contains(f->err, "denied by policy (default): not you");
}

/* ---- who ---- */

static void test_who(void **state)
{
	struct fixture *f = *state;

	reset_with_policy(f);
	assert_int_equal(fixture_client(f, "policy", "who", "tcp.state", NULL), CLI_OK);
	assert_string_equal(f->out, "USER  MAY USE IT ON         DATA    FIELDS UP TO  RULE\n"
				    "root  self, unit:a.service  events  bound         root\n");
	assert_contains(f->err, "1 of the ");
	/* The user of the policy that there is not is asked about under no name at all. */
	assert_int_equal(f->scenario->on_disk, 0);
	assert_int_equal(f->scenario->explains % 3, 0);
	assert_int_equal(fixture_client(f, "-o", "json", "policy", "who", "tcp.state", "--target",
					"unit:a.service", NULL),
			 CLI_OK);
	assert_string_equal(f->out,
			    "{\"user\":\"root\",\"uid\":0,\"grants\":[{\"data\":[\"events\"],"
			    "\"privacy\":\"bound\",\"rule\":\"root\",\"targets\":[\"unit:a.service\"]}]}\n");
	/* A probe that cannot be aimed at units is an answer, not the end. */
	assert_int_equal(fixture_client(f, "policy", "who", "net.drop", NULL), CLI_OK);
	assert_string_equal(f->out, "");
	assert_contains(f->err, "0 of the ");
	assert_int_equal(fixture_client(f, "policy", "who", "tcp.state", "--target", "user:root", NULL),
			 CLI_OK);
	assert_contains(f->scenario->call, "\"target\":\"user:0\"}");
	assert_int_equal(fixture_client(f, "policy", "who", "--action", "audit-read", NULL), CLI_OK);
	assert_contains(f->scenario->call, "\"brief\":true,\"groups\":[");
	assert_int_equal(fixture_client(f, "policy", "who", "-a", "tcp.state", NULL), CLI_OK);
	assert_contains(f->out, "root  self, unit:a.service");
}

static void test_who_refused(void **state)
{
	struct fixture *f = *state;

	reset_with_policy(f);
	assert_int_equal(fixture_client(f, "policy", "who", NULL), CLI_USAGE);
	assert_int_equal(
		fixture_client(f, "policy", "who", "x", "--action", "enroll", "--target", "host", NULL),
		CLI_USAGE);
	f->scenario->deny_explain = true;
	assert_int_equal(fixture_client(f, "policy", "who", "tcp.state", NULL), CLI_DENIED);
	assert_string_equal(f->out, "");
	f->scenario->deny_text = true;
	assert_int_equal(fixture_client(f, "policy", "who", "tcp.state", NULL), CLI_DENIED);
	assert_contains(f->err, "not you");
	reset_with_policy(f);
	strcpy(f->scenario->policy, "not a policy\n");
	assert_int_equal(fixture_client(f, "policy", "who", "tcp.state", NULL), CLI_FAILED);
	assert_contains(f->err, "policy:1:");
}

/* ---- diff ---- */

static void test_diff(void **state)
{
	struct fixture *f = *state;

	reset_with_policy(f);
	strcpy(f->scenario->reply,
	       "{\"parameters\":{\"digest\":\"ab\",\"changed\":true,\"ended\":[{\"attachment\":\"ffff\","
	       "\"user\":\"root\",\"uid\":0,\"probe\":\"tcp.state\",\"serial\":3,\"target\":"
	       "\"unit:a.service\",\"reason\":\"default\"}]}}");
	assert_int_equal(fixture_client(f, "policy", "diff", NULL), CLI_OK);
	assert_string_equal(f->out, "attachments that would end:\n"
				    "  ID    PROBE        TARGET          USER  REASON\n"
				    "  ffff  tcp.state-3  unit:a.service  root  default\n"
				    "\n"
				    "~ [allow root]\n"
				    "    - target = self unit:a.service\n"
				    "    + target = self\n"
				    "- [deny gone]\n"
				    "    - group = no-such-group\n"
				    "~ [limit root]\n"
				    "    - max-memory = 4K\n"
				    "    + max-memory = 1K\n"
				    "+ [allow audit]\n"
				    "    + action = audit-read\n"
				    "\n"
				    "root (0)\n"
				    "  ~ attach on self: tcp.state\n"
				    "      now   events (up to bound), max-memory = 4.0 KiB\n"
				    "      then  events (up to bound), max-memory = 1.0 KiB\n"
				    "  - attach on unit:a.service: tcp.state\n"
				    "      now   events (up to bound)\n"
				    "      then  denied (default)\n"
				    "  + audit-read\n"
				    "      now   denied (default)\n"
				    "      then  allowed\n");
	/* Of everybody, two probes on three targets, four other actions on each, and two without a probe; by
	 * either policy. */
	assert_int_equal(f->scenario->explains % (2 * (2 * (3 + 4) + 2)), 0);
	assert_int_equal(2 * f->scenario->on_disk, f->scenario->explains);
	assert_int_equal(fixture_client(f, "-o", "json", "policy", "diff", NULL), CLI_OK);
	assert_contains(f->out, "{\"digest\":\"ab\",\"changed\":true,");
	assert_contains(f->out, "\n{\"section\":{\"change\":\"changed\",\"kind\":\"limit\",\"name\":\"root\","
				"\"now\":{\"max-memory\":\"4K\"},\"then\":{\"max-memory\":\"1K\"}}}\n");
	assert_contains(f->out, "\n{\"section\":{\"change\":\"added\",\"kind\":\"allow\",\"name\":\"audit\","
				"\"then\":{\"action\":\"audit-read\"}}}\n");
	assert_contains(f->out, "\n{\"decision\":{\"user\":\"root\",\"uid\":0,\"action\":\"audit-read\","
				"\"now\":{\"allowed\":false},\"then\":{\"allowed\":true}}}\n");
}

static void test_diff_none(void **state)
{
	struct fixture *f = *state;

	reset_with_policy(f);
	strcpy(f->scenario->reply, "{\"parameters\":{\"digest\":\"ab\",\"changed\":false,\"ended\":[]}}");
	assert_int_equal(fixture_client(f, "policy", "diff", NULL), CLI_OK);
	assert_string_equal(f->out, "no difference\n");
	assert_int_equal(f->scenario->explains, 0);
	strcpy(f->scenario->reply, "{\"error\":\"io.bpfwarden.PolicyInvalid\",\"parameters\":{\"place\":"
				   "\"/a.policy:3:1\",\"reason\":\"no\"}}");
	assert_int_equal(fixture_client(f, "policy", "diff", NULL), CLI_FAILED);
	assert_contains(f->err, "/a.policy:3:1");
}

/* ---- show, reload ---- */

static void test_show(void **state)
{
	static const char section[] =
		"{\"parameters\":{\"section\":{\"kind\":\"allow\",\"name\":\"users\",\"file\":\"/a.policy\","
		"\"line\":7,\"probe\":[\"tcp.*\",\"net.drop\"]}}}";
	static const char mine[] = "[allow users] # /a.policy:7\nprobe = tcp.*, net.drop\n";
	struct fixture *f = *state;

	reset_with_policy(f);
	strcpy(f->scenario->reply, section);
	assert_int_equal(fixture_client(f, "policy", "show", NULL), CLI_OK);
	assert_string_equal(f->out, policy);
	assert_int_equal(fixture_client(f, "policy", "show", "--mine", NULL), CLI_OK);
	assert_string_equal(f->out, mine);
	assert_int_equal(fixture_client(f, "policy", "show", "--at", "7", NULL), CLI_OK);
	assert_contains(f->scenario->call, "\"parameters\":{\"at\":7},\"more\":true}");
	assert_int_equal(fixture_client(f, "policy", "show", "--at", "7", "--mine", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "policy", "show", "--at", "0", NULL), CLI_USAGE);
	/* Whoever may not see it all sees their own; but not of some other time. */
	f->scenario->deny_text = true;
	assert_int_equal(fixture_client(f, "policy", "show", NULL), CLI_OK);
	assert_string_equal(f->out, mine);
	assert_string_equal(f->err, "");
	assert_int_equal(fixture_client(f, "policy", "show", "--at", "7", NULL), CLI_DENIED);
	assert_contains(f->err, "not you");
	/* The daemon's text must not move the terminal's cursor. */
	reset_with_policy(f);
	strcpy(f->scenario->policy, "# \x1b[2J\ta\n");
	assert_int_equal(fixture_client(f, "policy", "show", NULL), CLI_OK);
	assert_string_equal(f->out, "# ?[2J a\n");
}

static void test_reload(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	strcpy(f->scenario->reply,
	       "{\"parameters\":{\"digest\":\"ab\",\"changed\":true,\"ended\":[{\"attachment\":\"ffff\","
	       "\"user\":\"alice\",\"uid\":1001,\"probe\":\"tcp.state\",\"serial\":3,\"target\":\"self\","
	       "\"reason\":\"denied by \\\"night\\\"\"}]}}");
	assert_int_equal(fixture_client(f, "policy", "reload", NULL), CLI_OK);
	assert_string_equal(f->out, "the policy is reloaded\n"
				    "1 attachment has ended:\n"
				    "  ID    PROBE        TARGET  USER   REASON\n"
				    "  ffff  tcp.state-3  self    alice  denied by \"night\"\n");
	assert_int_equal(fixture_client(f, "policy", "reload", "--dry-run", NULL), CLI_OK);
	assert_contains(f->scenario->call, "{\"dry_run\":true}");
	assert_contains(f->out, "the policy on disk is valid\n1 attachment would end:\n");
	strcpy(f->scenario->reply, "{\"parameters\":{\"digest\":\"ab\",\"changed\":false,\"ended\":[]}}");
	assert_int_equal(fixture_client(f, "policy", "reload", NULL), CLI_OK);
	assert_string_equal(f->out, "the policy is reloaded, and is the one in force\n");
}

/* ---- what else is about policy ---- */

static void test_privacy_and_names(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	assert_int_equal(fixture_client(f, "attach", "tcp.state", "--for", "1m", "--privacy", "bound",
					"--set", "names=none", "--set", "min=2", NULL),
			 CLI_OK);
	assert_contains(f->scenario->call, "{\"probe\":\"tcp.state\",\"parameters\":{\"names\":0,\"min\":2},"
					   "\"duration\":60,\"privacy\":\"bound\"}");
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--set", "names=some", NULL), CLI_USAGE);
	assert_contains(f->err, "parameter \"names\" has no value \"some\"; it has: none, full");
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--set", "min=none", NULL), CLI_USAGE);
	assert_contains(f->err, "parameter \"min\" takes a number");
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--set", "max=none", NULL), CLI_USAGE);
	assert_contains(f->err, "tcp.state has no parameter \"max\"");
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--privacy", "all", NULL), CLI_USAGE);
	strcpy(f->scenario->reply, "{\"error\":\"io.bpfwarden.LimitExceeded\",\"parameters\":{\"limit\":"
				   "\"set names\",\"reason\":\"names may only be none\"}}");
	assert_int_equal(fixture_client(f, "attach", "tcp.state", "--for", "1m", "--set", "names=full", NULL),
			 refusal_exit_code(REFUSAL_LIMIT_EXCEEDED));
	assert_contains(f->err, "over the limit (set names): names may only be none");
	assert_contains(f->err, "policy explain");
	assert_int_equal(f->scenario->runs, 0);
}

/* What to do next depends on what was refused: each reply, and the line that follows its reason. */
static void test_hints(void **state)
{
	static const struct {
		const char *error, *parameters, *hint;
		int code;
	} rows[] = {
		{ "io.bpfwarden.LimitExceeded", "\"limit\":\"max-duration\"", "ask for less: --for TIME",
		  CLI_DENIED },
		{ "io.bpfwarden.LimitExceeded", "\"limit\":\"max-attachments\"", "bpfwarden detach ID",
		  CLI_DENIED },
		{ "io.bpfwarden.LimitExceeded", "\"limit\":\"max-loads-per-minute\"", "try again in a minute",
		  CLI_DENIED },
		{ "io.bpfwarden.LimitExceeded", "\"limit\":\"max-programs-per-hook\"",
		  "for all users together", CLI_DENIED },
		{ "org.varlink.service.InvalidParameter", "\"parameter\":\"target\"",
		  "argument not valid (target): it is self, user:NAME, unit:NAME, cgroup:PATH or host",
		  CLI_USAGE },
		{ "org.varlink.service.InvalidParameter", "\"parameter\":\"duration\"",
		  "argument not valid (duration)\n", CLI_USAGE },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fixture_reset(f);
		snprintf(f->scenario->reply, sizeof(f->scenario->reply),
			 "{\"error\":\"%s\",\"parameters\":{%s}}", rows[i].error, rows[i].parameters);
		assert_int_equal(fixture_client(f, "attach", "tcp.state", "--for", "1m", NULL), rows[i].code);
		assert_contains(f->err, rows[i].hint);
	}
}

static void test_list_and_show(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	strcpy(f->scenario->reply,
	       "{\"parameters\":{\"probe\":{\"name\":\"a.b\",\"serial\":1,\"allowed\":[\"self\",\"unit\"],"
	       "\"may\":[\"self\",\"unit:shop*.service\"],\"data\":[\"events\"],\"summary\":\"A b\"}}}");
	assert_int_equal(fixture_client(f, "list", NULL), CLI_OK);
	assert_contains(f->out, "a.b-1  self, unit:shop*.service  events  A b\n");
	assert_int_equal(fixture_client(f, "show", "tcp.state", NULL), CLI_OK);
	assert_contains(f->out, "you may   use it on self, unit:a*\n");
	assert_contains(f->out, "  names  u32         full     0    1    none, full\n");
	assert_contains(f->out, "  v        a        tp_btf/b  1        no\n"
				"  v        c        lsm/d     0        yes\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clip),           cmocka_unit_test(test_limit_text),
		cmocka_unit_test(test_candidates),     cmocka_unit_test(test_explain_question),
		cmocka_unit_test(test_explain_usage),  cmocka_unit_test(test_explain_answer),
		cmocka_unit_test(test_explain_denied), cmocka_unit_test(test_who),
		cmocka_unit_test(test_who_refused),    cmocka_unit_test(test_diff),
		cmocka_unit_test(test_diff_none),      cmocka_unit_test(test_show),
		cmocka_unit_test(test_reload),         cmocka_unit_test(test_privacy_and_names),
		cmocka_unit_test(test_list_and_show),  cmocka_unit_test(test_hints),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
