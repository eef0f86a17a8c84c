/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions that leave open how much is shown: from the most to the least. */
#include "policy/policy-internal.h"

uint32_t policy_data_of(const struct spec *spec, uint32_t variant)
{
	uint32_t data = spec->event_size ? POLICY_DATA_EVENTS : 0;

	for (uint32_t i = 0; variant < spec->n_variants && i < spec->variants[variant].n_maps; i++) {
		uint32_t kind = spec->variants[variant].maps[i].kind;

		if (kind == SPEC_MAP_HISTOGRAMS || kind == SPEC_MAP_COUNTS || kind == SPEC_MAP_TABLE)
			data |= POLICY_DATA_AGGREGATES;
		if (kind == SPEC_MAP_EVENTS)
			data |= POLICY_DATA_EVENTS;
	}
	return data;
}

static uint32_t highest_class(const struct spec_field *fields, uint32_t n)
{
	uint32_t highest = SPEC_PRIVACY_SAFE;

	for (uint32_t i = 0; i < n; i++)
		if (fields[i].privacy > highest)
			highest = fields[i].privacy;
	return highest;
}

/* Classes to try: from the highest that the data has, or that was asked for, down to what is always shown. */
struct classes {
	uint32_t from, to;
};

static struct classes classes_of(const struct policy_request *request, uint32_t data)
{
	const struct spec *spec = request->spec;
	struct classes classes = { SPEC_PRIVACY_SAFE, SPEC_PRIVACY_SAFE };

	if (!spec)
		classes.from = SPEC_PRIVACY_PII;
	if (spec && data & POLICY_DATA_AGGREGATES)
		classes.to = highest_class(spec->labels, spec->n_labels);
	if (spec && data & POLICY_DATA_EVENTS)
		classes.from = highest_class(spec->fields, spec->n_fields);
	/* An event without fields goes out as it is: nobody knows what is in it. */
	if (spec && data & POLICY_DATA_EVENTS && !spec->n_fields)
		classes.to = SPEC_PRIVACY_PII;
	if (classes.from > request->privacy)
		classes.from = request->privacy;
	if (classes.from < classes.to)
		classes.from = classes.to;
	return classes;
}

/* What is tried, and what a denial of it all is the denial of: of the first, or of the first that an allow
 * covers and a limit on a parameter alone denies. */
struct tries {
	const struct policy *policy;
	struct question question;
	struct policy_request denied;
	bool any, limited;
};

static bool try(struct tries *tries, struct policy_decision *ret_decision)
{
	const struct policy_request tried = tries->question.request;
	bool limited;

	question_decide(tries->policy, &tries->question, ret_decision);
	limited = ret_decision->parameter != POLICY_NO_PARAMETER;
	if (!tries->any || (limited && !tries->limited))
		tries->denied = tried;
	tries->any = true;
	tries->limited |= limited;
	return ret_decision->allowed;
}

static bool try_data(struct tries *tries, const struct policy_request *request, uint32_t data,
		     struct policy_decision *ret_decision)
{
	struct classes classes = classes_of(request, data);
	struct policy_request *tried = &tries->question.request;

	tried->data = data;
	for (uint32_t n = classes.from - classes.to + 1; n--;) {
		tried->privacy = classes.to + n;
		tried->kernel_verified = request->kernel_verified;
		if (try(tries, ret_decision))
			return true;
		tried->kernel_verified = true;
		if (!request->kernel_verified && try(tries, ret_decision))
			return true;
	}
	return false;
}

static bool try_all(struct tries *tries, const struct policy_request *request,
		    struct policy_decision *ret_decision)
{
	uint32_t has = POLICY_DATA_AGGREGATES | POLICY_DATA_EVENTS;
	const uint32_t parts[] = { POLICY_DATA_AGGREGATES, POLICY_DATA_EVENTS };

	if (request->data)
		return try_data(tries, request, request->data, ret_decision);
	if (request->spec)
		has = policy_data_of(request->spec, request->variant);
	if (try_data(tries, request, has, ret_decision))
		return true;
	for (size_t i = 0; i < 2; i++)
		if (has & parts[i] && has != parts[i] && try_data(tries, request, parts[i], ret_decision))
			return true;
	return false;
}

void policy_decide_most(const struct policy *policy, struct policy_request *request,
			struct policy_decision *ret_decision)
{
	struct tries tries = { .policy = policy };
	bool open = request->action < _POLICY_ACTION_MAX && rule_action_has(request->action, RULE_DATA) &&
		    (request->privacy < _SPEC_PRIVACY_MAX || request->privacy == POLICY_PRIVACY_MOST);

	question_init(&tries.question, request);
	if (!open) {
		question_decide(policy, &tries.question, ret_decision);
		return;
	}
	if (!try_all(&tries, request, ret_decision)) {
		tries.question.request = tries.denied;
		question_decide(policy, &tries.question, ret_decision);
	}
	request->data = tries.question.request.data;
	request->privacy = tries.question.request.privacy;
	request->kernel_verified = tries.question.request.kernel_verified;
}

void policy_request_least(const struct policy_request *asked, struct policy_request *request)
{
	if (!asked->data && request->data & POLICY_DATA_AGGREGATES)
		request->data = POLICY_DATA_AGGREGATES;
	request->privacy = classes_of(asked, request->data).to;
}
