/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input is a policy; requests are made of its bytes, too, so that they are as strange as it is. */
#include <string.h>

#include "policy/policy.h"
#include "tests/fuzz/fuzz.h"

/* Names that begin with 'x' do not exist, all others do. */
static int resolve(void *userdata, const char *name, uint32_t *ret_id)
{
	(void)userdata;
	if (name[0] == 'x')
		return 1;
	*ret_id = (uint32_t)strlen(name);
	return 0;
}

static const struct policy_resolver resolver = { .user = resolve, .group = resolve };

/* Usual requests for even numbers, raw bytes of the input for odd ones. */
static void make_request(const uint8_t *data, size_t size, uint32_t number,
			 struct policy_request *ret_request)
{
	static const gid_t gids[] = { 3, 2000 };
	uint8_t bytes[sizeof(*ret_request)] = {};

	for (size_t i = 0; size && i < sizeof(bytes); i++)
		bytes[i] = data[(i * (number + 1)) % size];
	memcpy(ret_request, bytes, sizeof(bytes));
	ret_request->gids = gids;
	ret_request->n_gids = number % 3;
	if (number & 1) {
		ret_request->action %= _POLICY_ACTION_MAX + 1;
		ret_request->namespace %= _POLICY_NAMESPACE_MAX;
		ret_request->channel %= _POLICY_CHANNEL_MAX;
		ret_request->data %= 5;
		ret_request->target_kind %= _TARGET_KIND_MAX;
		return;
	}
	*ret_request = (struct policy_request){ .action = number / 2 % _POLICY_ACTION_MAX,
						.uid = number,
						.gids = gids,
						.n_gids = 2,
						.namespace = number % _POLICY_NAMESPACE_MAX,
						.probe = "tcp.state",
						.data = 1 + number % 3,
						.target_kind = number % 2 ? TARGET_HOST : TARGET_SELF };
}

struct sections {
	bool deny, allow;
};

static int note_section(void *userdata, const struct policy_explanation *explanation)
{
	struct sections *sections = userdata;

	FUZZ_CHECK(explanation->matched == !explanation->key);
	if (explanation->matched && !strcmp(explanation->kind, "deny"))
		sections->deny = true;
	if (explanation->matched && !strcmp(explanation->kind, "allow"))
		sections->allow = true;
	return 0;
}

static void check_request(const struct policy *policy, const struct policy *with_deny,
			  const struct policy_request *request)
{
	struct policy_decision decision, denied;
	struct sections sections = {};

	policy_decide(policy, request, &decision);
	FUZZ_CHECK(decision.rule[0]);
	policy_explain(policy, request, note_section, &sections);
	if (decision.allowed)
		FUZZ_CHECK(sections.allow && !sections.deny);
	else if (!strcmp(decision.rule, POLICY_RULE_DEFAULT))
		FUZZ_CHECK(!sections.allow && !sections.deny);
	policy_decide(with_deny, request, &denied);
	FUZZ_CHECK(!denied.allowed);
}

/* The same policy and a deny of everything. */
static struct policy *add_deny(const struct policy *policy)
{
	static const char deny[] = "[deny all-of-it]\n";
	_cleanup_(config_free_p) struct config *config = NULL;
	struct policy *with_deny = NULL;
	struct refusal refusal;
	size_t size;
	const char *text = policy_text(policy, &size);

	FUZZ_CHECK(config_new(REFUSAL_POLICY_INVALID, &config) == 0);
	FUZZ_CHECK(config_add_text(config, "f", text, size, &refusal) == 0);
	if (config_add_text(config, "deny", deny, sizeof(deny) - 1, &refusal) != 0)
		return NULL; /* the input has a section of this name */
	FUZZ_CHECK(policy_new_from_config(config, &resolver, &refusal, &with_deny) == 0);
	(void)take_ptr(config);
	return with_deny;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(policy_free_p) struct policy *policy = NULL, *with_deny = NULL;
	struct refusal refusal = {};
	int r;

	r = policy_new_from_text("f", (const char *)data, size, &resolver, &refusal, &policy);
	if (r) {
		FUZZ_CHECK(r == REFUSAL_POLICY_INVALID && refusal.code == REFUSAL_POLICY_INVALID);
		FUZZ_CHECK(refusal.subject[0] == 'f' && refusal.reason[0]);
		return 0;
	}
	with_deny = add_deny(policy);
	for (uint32_t i = 0; with_deny && i < 24; i++) {
		struct policy_request request;

		make_request(data, size, i, &request);
		check_request(policy, with_deny, &request);
	}
	return 0;
}
