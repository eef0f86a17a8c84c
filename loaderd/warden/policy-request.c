/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions to the policy, put together in one place: whoever leaves a fact out asks another question. What
 * is not known stays unknown, which never helps an allow and never hinders a deny.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "loaderd/warden/warden.h"

#define MINUTE_NS   60000000000ULL
#define EPOCH_DAY   3 /* 1970-01-01 was a Thursday, and a week begins on Monday */
#define DAY_MINUTES (24 * 60)

uint32_t minute_of_week(uint64_t realtime)
{
	return (uint32_t)((realtime / MINUTE_NS + EPOCH_DAY * DAY_MINUTES) % POLICY_WEEK);
}

void question_by(const struct connection *c, enum policy_action action, struct policy_request *ret)
{
	*ret = (struct policy_request){ .action = action,
					.uid = c->uid,
					.gids = c->gids,
					.n_gids = c->n_gids,
					.namespace = c->namespace,
					.cgroup = c->cgroup_known ? c->cgroup : NULL,
					.minute = minute_of_week(now_realtime()) };
}

void question_about(struct policy_request *request, const struct bundle *b)
{
	snprintf(request->probe, sizeof(request->probe), "%s", b->name);
	request->channel = b->channel;
	request->spec = b->spec;
	if (!b->spec)
		return;
	request->variant = b->variant;
	request->roles = b->signers;
	request->signers = b->signer;
	request->n_signers = b->n_signers;
}

void question_target(struct policy_request *request, const struct target *target)
{
	request->target_kind = target->kind;
	request->target_uid = target->uid;
	memcpy(request->target_name, target->name, sizeof(request->target_name));
}

bool question_ok(const struct message_attach *m)
{
	if (!MESSAGE_TEXT_OK(m->probe) || !MESSAGE_TEXT_OK(m->target) || m->n_parameters > SPEC_PARAMS_MAX ||
	    m->target_kind >= _TARGET_KIND_MAX || (m->data & ~3U) ||
	    (m->privacy >= _SPEC_PRIVACY_MAX && m->privacy != POLICY_PRIVACY_MOST))
		return false;
	for (uint32_t i = 0; i < m->n_parameters; i++)
		if (!MESSAGE_TEXT_OK(m->parameters[i].name))
			return false;
	return true;
}

int question_target_kind(const struct spec *spec, uint32_t kind, struct refusal *refusal)
{
	if (spec->targets & (1U << kind))
		return 0;
	return refusal_set(refusal, REFUSAL_TARGET_UNSUPPORTED, target_kind_name(kind),
			   "%s cannot filter by target %s", spec->name, target_kind_name(kind));
}

static int find_param(const struct spec *spec, const char *name)
{
	for (uint32_t i = 0; i < spec->n_params; i++)
		if (!strcmp(spec->params[i].name, name))
			return (int)i;
	return -1;
}

int question_parameters(const struct spec *spec, const struct message_attach *m,
			uint64_t ret_values[SPEC_PARAMS_MAX], uint32_t *ret_given, struct refusal *refusal)
{
	uint64_t values[SPEC_PARAMS_MAX] = { 0 };
	uint32_t named = 0;

	for (uint32_t i = 0; i < spec->n_params; i++)
		values[i] = spec->params[i].initial;
	for (uint32_t i = 0; i < m->n_parameters; i++) {
		const struct message_parameter *given = &m->parameters[i];
		int at = find_param(spec, given->name);
		const struct spec_param *p = at < 0 ? NULL : &spec->params[at];

		if (!p)
			return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, given->name,
					   "%s has no parameter %s: see bpfwarden show %s", spec->name,
					   given->name, spec->name);
		if (given->value < p->min || given->value > p->max)
			return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, given->name,
					   "%s must be %" PRIu64 " to %" PRIu64 "%s%s", p->name, p->min,
					   p->max, *p->unit ? " " : "", p->unit);
		values[at] = given->value;
		named |= 1U << at;
	}
	memcpy(ret_values, values, sizeof(values));
	*ret_given = named;
	return 0;
}

/* Its bundle may be gone from the registry: then only what the attachment itself tells is known. */
static void about_attached(struct warden *w, const struct attached *at, struct policy_request *request)
{
	const struct bundle *b = registry_by_digest(w, at->a.digest);

	if (b)
		question_about(request, b);
	memcpy(request->probe, at->a.probe, sizeof(request->probe));
	request->channel = at->a.channel;
	request->data = at->a.data;
	request->privacy = at->a.privacy_max;
	request->kernel_verified = instance_row_verified(at->instance);
	request->parameters = b ? at->a.parameters : NULL;
	/* What runs cannot be moved any more. */
	request->given = b ? (1U << b->spec->n_params) - 1 : 0;
	request->target_kind = at->a.target_kind;
	request->target_uid = at->a.target_kind == TARGET_SELF ? at->a.uid : (uid_t)at->a.key.id;
	memcpy(request->target_name, at->a.target, sizeof(request->target_name));
}

void question_again(struct warden *w, const struct attached *at, const gid_t *gids, size_t n_gids,
		    struct policy_request *ret)
{
	*ret = (struct policy_request){ .action = POLICY_ATTACH,
					.uid = at->a.uid,
					.gids = gids,
					.n_gids = n_gids,
					.namespace = at->a.namespace,
					.cgroup = at->a.from_cgroup[0] ? at->a.from_cgroup : NULL,
					.minute = minute_of_week(now_realtime()) };
	about_attached(w, at, ret);
}

/* "none" or "500": a value as its parameter names it. */
static void value_text(const struct spec_param *p, uint64_t value, char *buffer, size_t size)
{
	if (value < p->n_values)
		snprintf(buffer, size, "%s", p->values[value]);
	else
		snprintf(buffer, size, "%" PRIu64, value);
}

static int out_of_bounds(const struct policy_request *request, const struct policy_decision *decision,
			 struct refusal *refusal)
{
	const struct spec_param *p = &request->spec->params[decision->parameter];
	const struct policy_bound *bound = &decision->limits.bounds[decision->parameter];
	uint64_t value = request->parameters ? request->parameters[decision->parameter] : p->initial;
	char limit[OBJECT_NAME_MAX + 8], text[32], min[32], max[32];

	snprintf(limit, sizeof(limit), "set %s", p->name);
	value_text(p, value, text, sizeof(text));
	value_text(p, bound->min, min, sizeof(min));
	value_text(p, bound->max < p->max ? bound->max : p->max, max, sizeof(max));
	if (bound->min > bound->max || bound->min > p->max)
		refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, limit,
			    "section [limit %s] leaves no value of %s", bound->section, p->name);
	else if (bound->min == bound->max)
		refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, limit,
			    "%s of section [limit %s] is %s and would become %s", limit, bound->section, max,
			    text);
	else
		refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, limit,
			    "%s of section [limit %s] is %s to %s and would become %s", limit, bound->section,
			    min, max, text);
	if (refusal) {
		refusal->used = value;
		refusal->max = value < bound->min ? bound->min : bound->max;
	}
	return REFUSAL_LIMIT_EXCEEDED;
}

int question_denied(const struct policy_request *request, const struct policy_decision *decision,
		    struct refusal *refusal)
{
	if (decision->parameter != POLICY_NO_PARAMETER && request->spec &&
	    decision->parameter < request->spec->n_params)
		return out_of_bounds(request, decision, refusal);
	return refusal_set(refusal, REFUSAL_POLICY_DENIED, decision->rule,
			   !strcmp(decision->rule, POLICY_RULE_DEFAULT)
				   ? "no allow section of the policy matches this request (rule %s)"
				   : "rule %s of the policy denies this request",
			   decision->rule);
}

static bool ask(struct warden *w, const struct policy_request *request, struct policy_decision *ret)
{
	struct policy_decision decision;

	policy_decide(w->policy, request, &decision);
	if (ret)
		*ret = decision;
	return decision.allowed;
}

bool may(struct warden *w, const struct connection *c, enum policy_action action, const char *probe,
	 struct policy_decision *ret)
{
	struct policy_request request;

	question_by(c, action, &request);
	request.target_kind = TARGET_HOST;
	snprintf(request.probe, sizeof(request.probe), "%s", probe ? probe : "");
	return ask(w, &request, ret);
}

bool may_enroll(struct warden *w, const struct connection *c, enum policy_channel channel,
		struct policy_decision *ret)
{
	struct policy_request request;

	question_by(c, POLICY_ENROLL, &request);
	request.channel = channel;
	return ask(w, &request, ret);
}

bool may_detach(struct warden *w, const struct connection *c, const struct attached *at,
		struct policy_decision *ret)
{
	struct policy_request request;

	question_by(c, POLICY_DETACH_ANY, &request);
	about_attached(w, at, &request);
	/* The owner's `self` is another user's for whoever else asks. */
	if (request.target_kind == TARGET_SELF)
		request.target_kind = TARGET_USER;
	return ask(w, &request, ret);
}

bool may_see_host(struct warden *w, const struct connection *c, const struct attached *at)
{
	struct policy_request request;

	question_by(c, POLICY_ATTACH, &request);
	about_attached(w, at, &request);
	request.data = POLICY_DATA_AGGREGATES;
	request.privacy = SPEC_PRIVACY_SAFE; /* plain numbers, without labels */
	request.target_kind = TARGET_HOST;
	return ask(w, &request, NULL);
}
