/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the policy would say to a request, and why. Everybody may ask about themselves; about others only
 * those who may load the policy or read the log.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/request-policy.h"

/* --- about whom ----------------------------------------------------------------------------------------- */

struct explaining {
	const struct policy *policy;
	const struct message_explain *q;
	struct policy_request request;
	struct target target;
	struct bundle *bundle;
	struct refusal refusal; /* what stands in the way besides */
	uint64_t values[SPEC_PARAMS_MAX];
	char user[64];
	gid_t *gids; /* of somebody else: request.gids */
	gid_t known[EXPLAIN_GROUPS_MAX];
};

static bool explain_ok(const struct message_explain *q)
{
	return q->action < _POLICY_ACTION_MAX && q->namespace < _POLICY_NAMESPACE_MAX &&
	       q->n_groups <= EXPLAIN_GROUPS_MAX && (q->minute < POLICY_WEEK || q->minute == UINT32_MAX) &&
	       MESSAGE_TEXT_OK(q->user) && MESSAGE_TEXT_OK(q->cgroup) && question_ok(&q->attach);
}

/* By number or name. */
static int find_user(const char *text, uid_t *ret, struct refusal *refusal)
{
	int r = names_user_or_number(text, ret);

	if (r == 0)
		return 0;
	return refusal_set(refusal, r > 0 ? REFUSAL_INVALID_ARGUMENT : REFUSAL_UNAVAILABLE, "user",
			   r > 0 ? "there is no user %s"
				 : "the name service did not answer in time: name %s by number",
			   text);
}

/* Those that are named, or else those that the user is in now; of the caller, those of the connection. */
static int put_groups(struct explaining *x, const struct connection *c, struct refusal *refusal)
{
	uid_t uid = x->request.uid;
	int r;

	if (x->q->flags & MESSAGE_FLAG_KNOWN_GROUPS) {
		for (uint32_t i = 0; i < x->q->n_groups; i++)
			x->known[i] = x->q->groups[i];
		x->request.gids = x->known;
		x->request.n_gids = x->q->n_groups;
		return 0;
	}
	if (uid == c->uid)
		return 0;
	x->request.n_gids = 0;
	r = names_groups(uid, &x->gids, &x->request.n_gids);
	x->request.gids = x->gids;
	if (r >= 0)
		return 0;
	return refusal_set(refusal, REFUSAL_UNAVAILABLE, "user",
			   "the groups of user %u cannot be known now: %s", uid, strerror(-r));
}

/* The caller as it is. No name is looked up for that: whoever may not ask about others must not keep the
 * daemon busy with their names, and not learn from the time that it takes which there are. */
static bool is_about_caller(const struct message_explain *q, const struct connection *c)
{
	uid_t uid = c->uid;

	return (!q->user[0] || !strcmp(q->user, c->user) || names_number(q->user, &uid)) && uid == c->uid &&
	       !(q->flags & MESSAGE_FLAG_KNOWN_GROUPS) && !q->namespace && !q->cgroup[0];
}

/* Whoever is asked about, as if they connected. */
static int put_caller(struct explaining *x, const struct connection *c, struct refusal *refusal)
{
	const struct message_explain *q = x->q;
	uid_t uid = c->uid;
	int r;

	question_by(c, q->action, &x->request);
	memcpy(x->user, c->user, sizeof(x->user));
	r = q->user[0] && strcmp(q->user, c->user) ? find_user(q->user, &uid, refusal) : 0;
	if (r)
		return r;
	if (uid != c->uid) {
		x->request.uid = uid;
		x->request.namespace = POLICY_NAMESPACE_HOST;
		x->request.cgroup = NULL;
		names_of_uid(uid, x->user, sizeof(x->user));
	}
	if (q->namespace)
		x->request.namespace = q->namespace;
	if (q->cgroup[0])
		x->request.cgroup = q->cgroup;
	if (q->minute != UINT32_MAX)
		x->request.minute = q->minute;
	return 0;
}

/* --- about what ----------------------------------------------------------------------------------------- */

/* The bundle that a request would take; of one that cannot be used, why, and what is known of it. */
static void put_bundle(struct explaining *x, struct warden *w)
{
	const struct message_attach *q = &x->q->attach;
	bool experimental = q->flags & MESSAGE_FLAG_EXPERIMENTAL;
	uint32_t action = x->q->action;

	snprintf(x->request.probe, sizeof(x->request.probe), "%s", q->probe);
	x->request.channel = experimental ? POLICY_CHANNEL_EXPERIMENTAL : POLICY_CHANNEL_PRODUCTION;
	if (action == POLICY_ATTACH) {
		if (registry_find(w, q->probe, q->serial, experimental ? 3 : 1, &x->bundle, &x->refusal))
			x->bundle = NULL;
		else
			x->refusal.code = 0;
	}
	if (!x->bundle)
		x->bundle = q->serial ? registry_named(w, q->probe, q->serial) : registry_newest(w, q->probe);
	if (!x->bundle)
		return;
	question_about(&x->request, x->bundle);
	/* Where it shall go, wherever it is. */
	if (action == POLICY_ENROLL || action == POLICY_PROMOTE)
		x->request.channel = action == POLICY_ENROLL && experimental ? POLICY_CHANNEL_EXPERIMENTAL
									     : POLICY_CHANNEL_PRODUCTION;
}

/* As a request that is refused before the policy is asked: it can still be explained what that would say. */
static void note(struct explaining *x, const struct refusal *refusal)
{
	if (!x->refusal.code)
		x->refusal = *refusal;
}

static int put_target(struct explaining *x, struct refusal *refusal)
{
	const struct message_attach *q = &x->q->attach;
	int r = target_check(q->target_kind, q->target, refusal);

	if (r)
		return r;
	x->request.target_kind = q->target_kind;
	x->request.target_uid = x->request.uid;
	memcpy(x->request.target_name, q->target, sizeof(q->target));
	return q->target_kind == TARGET_USER ? find_user(q->target, &x->request.target_uid, refusal) : 0;
}

static void put_request(struct explaining *x)
{
	const struct message_attach *q = &x->q->attach;
	const struct spec *spec = x->request.spec;
	struct refusal refusal;

	x->request.data = q->data;
	x->request.privacy = q->privacy;
	x->request.persist = q->flags & MESSAGE_FLAG_PERSIST;
	if (!spec)
		return;
	if (question_target_kind(spec, q->target_kind, &refusal))
		note(x, &refusal);
	if (question_parameters(spec, q, x->values, &x->request.given, &refusal))
		note(x, &refusal);
	else
		x->request.parameters = x->values;
}

/* --- the answer ----------------------------------------------------------------------------------------- */

static json_t *limits_object(const struct explaining *x, const struct policy_limits *limits, bool sections)
{
	json_t *o = json_object();

	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++) {
		/* Zero and what it is not: a demand, which has a member of its own. */
		if (limits->value[i] == POLICY_UNLIMITED || (!sections && i == POLICY_KERNEL_VERIFIED))
			continue;
		json_object_set_new(o, policy_limit_name(i),
				    sections ? json_string(limits->section[i])
					     : json_integer((json_int_t)limits->value[i]));
	}
	for (uint32_t i = 0; sections && x->request.spec && i < x->request.spec->n_params; i++) {
		char name[OBJECT_NAME_MAX + 8];

		snprintf(name, sizeof(name), "set %s", x->request.spec->params[i].name);
		if (limits->bounds[i].section[0])
			json_object_set_new(o, name, json_string(limits->bounds[i].section));
	}
	return o;
}

static json_t *data_array(uint32_t data)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < POLICY_DATA_KINDS; i++)
		if (data & (1U << i))
			json_array_append_new(array, json_string(policy_data_names[i]));
	return array;
}

static void put_attach(json_t *o, const struct explaining *x, const struct policy_decision *decision)
{
	const struct policy_request *request = &x->request;
	const char *privacy = spec_privacy_name(request->privacy);
	json_t *parameters = json_object();

	json_object_set_new(o, "data", data_array(request->data));
	if (privacy)
		json_object_set_new(o, "privacy", json_string(privacy));
	json_object_set_new(o, "kernel_verified",
			    json_boolean(request->kernel_verified ||
					 (decision->allowed && policy_kernel_verified(&decision->limits))));
	for (uint32_t i = 0; request->spec && i < request->spec->n_params; i++) {
		uint64_t value = decision->allowed     ? decision->parameters[i]
				 : request->parameters ? request->parameters[i]
						       : request->spec->params[i].initial;

		json_object_set_new(parameters, request->spec->params[i].name,
				    json_integer(value < INT64_MAX ? (json_int_t)value : INT64_MAX));
	}
	json_object_set_new(o, "parameters", parameters);
}

static json_t *decision_row(struct explaining *x, const struct policy_decision *decision)
{
	char target[TARGET_NAME_MAX + 16];
	struct refusal why;
	json_t *o = json_pack("{s:b, s:s, s:s, s:s, s:I}", "allowed", (int)decision->allowed, "rule",
			      decision->rule, "action", policy_action_name(x->q->action), "user", x->user,
			      "uid", (json_int_t)x->request.uid);

	if (!decision->allowed && x->q->action == POLICY_ATTACH &&
	    question_denied(&x->request, decision, &why) == REFUSAL_LIMIT_EXCEEDED)
		note(x, &why);
	if (x->request.probe[0] && policy_action_has_probe(x->q->action)) {
		json_object_set_new(o, "probe", json_string(x->request.probe));
		if (x->bundle)
			json_object_set_new(o, "serial", json_integer((json_int_t)x->bundle->serial));
		json_object_set_new(o, "channel", json_string(policy_channel_names[x->request.channel]));
	}
	if (policy_action_has_target(x->q->action)) {
		snprintf(target, sizeof(target), "%s%s%s", target_kind_name(x->request.target_kind),
			 x->request.target_name[0] ? ":" : "", x->request.target_name);
		json_object_set_new(o, "target", json_string(target));
	}
	if (x->q->action == POLICY_ATTACH)
		put_attach(o, x, decision);
	if (decision->allowed) {
		json_object_set_new(o, "limits", limits_object(x, &decision->limits, false));
		json_object_set_new(o, "limit_sections", limits_object(x, &decision->limits, true));
	}
	if (x->refusal.code)
		json_object_set_new(o, "refusal",
				    json_pack("{s:s, s:s}", "error", refusal_name(x->refusal.code), "reason",
					      x->refusal.reason));
	return json_pack("{s:o}", "decision", o);
}

static int on_section(void *userdata, const struct policy_explanation *e)
{
	const struct rows *to = userdata;
	json_t *o;

	/* What others may do is not for everybody. */
	if (!to->all && !e->concerns)
		return 0;
	o = json_pack("{s:s, s:s, s:s, s:I, s:b}", "kind", e->kind, "name", e->name, "file", e->file, "line",
		      (json_int_t)e->line, "matched", (int)e->matched);
	if (e->key)
		json_object_set_new(o, "key", json_string(e->key));
	if (e->value)
		json_object_set_new(o, "value", json_string(e->value));
	if (e->key_line)
		json_object_set_new(o, "key_line", json_integer((json_int_t)e->key_line));
	rows_send(to, json_pack("{s:o}", "section", o));
	return 0;
}

static void answer(struct explaining *x, struct rows *to)
{
	const struct policy_request asked = x->request;
	struct policy_decision decision;

	/* What is left open is settled as it would be for the request itself. */
	if (x->q->action == POLICY_ATTACH)
		policy_decide_most(x->policy, &x->request, &decision);
	else
		policy_decide(x->policy, &x->request, &decision);
	rows_send(to, decision_row(x, &decision));
	/* Of conditions that do not hold, those count which not even the least that was left open satisfies.
	 */
	if (x->q->action == POLICY_ATTACH && !strcmp(decision.rule, POLICY_RULE_DEFAULT))
		policy_request_least(&asked, &x->request);
	if (!(x->q->flags & MESSAGE_FLAG_BRIEF))
		(void)policy_explain(x->policy, &x->request, on_section, to);
	reply_end(to->w, to->connection, to->call);
}

/* About whom; what is asked about them may be a hundred questions. */
static void record(const struct explaining *x, struct warden *w, struct connection *c, const char *rule)
{
	char detail[160];

	snprintf(detail, sizeof(detail), "Explain, about %s (uid %u)%s%s", x->user, x->request.uid,
		 x->q->flags & MESSAGE_FLAG_KNOWN_GROUPS ? ", in other groups" : "",
		 x->q->flags & MESSAGE_FLAG_ON_DISK ? ", by the policy on disk" : "");
	reading_record(w, c, "policy-explain", rule, detail);
}

static int explain(struct explaining *x, struct warden *w, struct connection *c, uint64_t call)
{
	struct rows to = { .w = w, .connection = c->number, .call = call };
	struct policy_decision decision;
	struct refusal refusal = { 0 };
	int r;

	to.all = may_look(w, c, &decision);
	if (!to.all && (!is_about_caller(x->q, c) || x->q->flags & MESSAGE_FLAG_ON_DISK))
		return request_forbid(w, c, call, "policy-explain", "ask what the policy says of others",
				      &decision);
	r = put_caller(x, c, &refusal);
	if (!r)
		r = put_groups(x, c, &refusal);
	x->policy = r ? NULL : policy_meant(w, x->q->flags, &refusal);
	if (!x->policy)
		return request_refuse(w, c, call, &refusal);
	/* Before anything is looked up: the commit lets others go on. */
	if (!is_about_caller(x->q, c) || x->q->flags & MESSAGE_FLAG_ON_DISK)
		record(x, w, c, decision.rule);
	put_bundle(x, w);
	r = put_target(x, &refusal);
	if (r)
		return request_refuse(w, c, call, &refusal);
	if (x->q->action == POLICY_ATTACH)
		put_request(x);
	answer(x, &to);
	return 0;
}

int request_policy_explain(struct warden *w, struct connection *c, const struct message_explain *m)
{
	_cleanup_(connection_unref_p) struct connection *held = connection_ref(c);
	_cleanup_free_ struct explaining *x = NULL;
	int r;

	if (!explain_ok(m))
		return -EPROTO;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->q = m;
	r = explain(x, w, c, m->m.call);
	free(x->gids);
	return r;
}
