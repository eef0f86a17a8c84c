/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The input is a policy; requests are made of its bytes, too, so that they are as strange as it is. What is
 * decided about them is what the reference says.
 */
#include <string.h>

#include "policy/policy.h"
#include "tests/fuzz/fuzz.h"
#include "tests/policy/draw.h"
#include "tests/policy/reference.h"
#include "tests/policy/specs.h"

/* Names that begin with 'x' do not exist, all others do. */
static bool find_name(const char *name, uint32_t *ret_id)
{
	if (name[0] == 'x')
		return false;
	*ret_id = (uint32_t)strlen(name);
	return true;
}

static int resolve(void *userdata, const char *name, uint32_t *ret_id)
{
	(void)userdata;
	return !find_name(name, ret_id);
}

static const struct policy_resolver resolver = { .user = resolve, .group = resolve };

/* Possible requests for even numbers, raw bytes of the input for odd ones. */
static void make_request(const uint8_t *data, size_t size, uint32_t number, struct drawn_request *ret)
{
	struct draw d = { .bytes = data, .n = size, .state = size + number + 1 };
	struct policy_request *q = &ret->request, possible;
	uint8_t bytes[sizeof(*q)] = {};

	if (size > number) {
		d.bytes += number;
		d.n -= number;
	}
	draw_request(&d, ret);
	if (!(number & 1))
		return;
	possible = *q;
	for (size_t i = 0; size && i < sizeof(bytes); i++)
		bytes[i] = data[(i * (number + 1)) % size];
	memcpy(q, bytes, sizeof(bytes));
	q->action %= _POLICY_ACTION_MAX + 1;
	q->gids = possible.gids;
	q->n_gids = possible.n_gids;
	q->namespace %= _POLICY_NAMESPACE_MAX + 1;
	q->cgroup = possible.cgroup;
	q->channel %= _POLICY_CHANNEL_MAX;
	q->spec = possible.spec;
	q->roles = possible.roles;
	q->signers = possible.signers;
	q->n_signers = possible.n_signers;
	q->data %= 5;
	q->privacy %= _SPEC_PRIVACY_MAX + 1;
	q->persist = possible.persist;
	q->kernel_verified = possible.kernel_verified;
	q->target_kind %= _TARGET_KIND_MAX;
	q->parameters = possible.parameters;
	q->minute %= POLICY_WEEK + 9;
	q->facts = NULL;
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

/* What is the most that is allowed is allowed. */
static void check_most(const struct policy *policy, const struct policy_request *request)
{
	struct policy_request most = *request;
	struct policy_decision decision, again;

	if (most.action != POLICY_ATTACH || (most.spec && most.variant >= most.spec->n_variants))
		return;
	most.data = 0;
	most.privacy = POLICY_PRIVACY_MOST;
	policy_decide_most(policy, &most, &decision);
	policy_decide(policy, &most, &again);
	FUZZ_CHECK(decision.allowed == again.allowed && !strcmp(decision.rule, again.rule));
}

static void check_request(const struct policy *policy, const struct policy *with_deny,
			  const struct config *config, const struct policy_request *request)
{
	struct policy_decision decision, denied;
	struct reference reference;
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
	if (!strcmp(decision.rule, POLICY_RULE_INVALID_REQUEST))
		return;
	reference_decide(config, find_name, request, &reference);
	FUZZ_CHECK(!reference_differs(config, request, &reference, &decision));
	check_most(policy, request);
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
	_cleanup_(config_free_p) struct config *config = NULL;
	struct refusal refusal = {};
	int r;

	specs_fill();
	r = policy_new_from_text("f", (const char *)data, size, &resolver, &refusal, &policy);
	if (r) {
		FUZZ_CHECK(r == REFUSAL_POLICY_INVALID && refusal.code == REFUSAL_POLICY_INVALID);
		FUZZ_CHECK(refusal.subject[0] == 'f' && refusal.reason[0]);
		return 0;
	}
	FUZZ_CHECK(config_new(REFUSAL_POLICY_INVALID, &config) == 0);
	FUZZ_CHECK(config_add_text(config, "f", (const char *)data, size, &refusal) == 0);
	with_deny = add_deny(policy);
	for (uint32_t i = 0; with_deny && i < 12; i++) {
		struct drawn_request drawn;

		make_request(data, size, i, &drawn);
		check_request(policy, with_deny, config, &drawn.request);
	}
	return 0;
}
