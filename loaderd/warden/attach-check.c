/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/warden/attach.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* --- what is asked, and may it be --------------------------------------------------------------------- */

/* The values in force, as the programs read them. */
static int put_params(struct attaching *t, const struct spec *spec)
{
	for (uint32_t i = 0; i < spec->n_params; i++) {
		const struct spec_param *p = &spec->params[i];

		/* little-endian hosts only, as the bundles are */
		memcpy(t->params + p->offset, &t->a.parameters[i], p->size);
		memcpy(t->in_force[i].name, p->name, sizeof(p->name));
		t->in_force[i].value = t->a.parameters[i];
		if (p->offset + p->size > t->params_size)
			t->params_size = p->offset + p->size;
	}
	t->n_in_force = spec->n_params;
	if (!EVP_Digest(t->params, t->params_size, t->a.params_digest, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	return 0;
}

/* Asked for nothing in particular means all that policy allows. */
static int decide(struct attaching *t, const struct connection *c, const struct bundle *b,
		  struct policy_decision *decision, struct refusal *refusal)
{
	uint32_t has = policy_data_of(b->spec, b->variant), asked = t->request.data;
	struct policy_request request;

	if (asked & ~has)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "data", "%s has no %s", b->name,
				   asked & ~has & MESSAGE_DATA_EVENTS ? "events" : "aggregates");
	question_by(c, POLICY_ATTACH, &request);
	question_about(&request, b);
	question_target(&request, &t->target);
	request.data = asked;
	request.privacy = t->request.privacy;
	request.parameters = t->a.parameters;
	request.given = t->given;
	policy_decide_most(t->w->policy, &request, decision);
	t->minute = request.minute;
	if (!decision->allowed)
		return question_denied(&request, decision, refusal);
	t->a.data = request.data;
	t->a.privacy_max = request.privacy;
	t->kernel_verified = request.kernel_verified || policy_kernel_verified(&decision->limits);
	t->limits = decision->limits;
	for (uint32_t i = 0; i < b->spec->n_params; i++)
		if (t->a.parameters[i] != decision->parameters[i])
			t->moved |= 1U << i;
	memcpy(t->a.parameters, decision->parameters, b->spec->n_params * sizeof(*t->a.parameters));
	return put_params(t, b->spec);
}

/* As policies write it: "16M", "90s". The largest unit that divides it, for it is compared. */
static const char *amount_text(const char *limit, uint64_t value, char buffer[32])
{
	static const struct {
		uint64_t size;
		const char *limit, *unit;
	} units[] = {
		{ 1U << 30, "max-memory", "G" },  { 1U << 20, "max-memory", "M" },
		{ 1U << 10, "max-memory", "K" },  { 86400000, "max-duration", "d" },
		{ 3600000, "max-duration", "h" }, { 60000, "max-duration", "m" },
		{ 1000, "max-duration", "s" },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(limit, units[i].limit) && value && value % units[i].size == 0) {
			snprintf(buffer, 32, "%" PRIu64 "%s", value / units[i].size, units[i].unit);
			return buffer;
		}
	snprintf(buffer, 32, "%" PRIu64 "%s", value, strcmp(limit, "max-duration") ? "" : "ms");
	return buffer;
}

static int over(struct refusal *refusal, const char *limit, uint64_t used, uint64_t max, const char *section,
		const char *where)
{
	char used_text[32], max_text[32];
	int r = refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, limit,
			    "%s of section [limit %s] is %s and would become %s%s", limit, section,
			    amount_text(limit, max, max_text), amount_text(limit, used, used_text), where);

	if (refusal) {
		refusal->used = used;
		refusal->max = max;
	}
	return r;
}

int attach_over(struct refusal *refusal, const struct policy_limits *limits, enum policy_limit limit,
		uint64_t used, const char *where)
{
	return over(refusal, policy_limit_name(limit), used, limits->value[limit], limits->section[limit],
		    where);
}

/* Kernel memory of an attachment, known before anything is created: its ring and its share of the maps. */
static uint64_t memory_of(const struct attaching *t, const struct bundle *b)
{
	const struct spec_variant *v = &b->spec->variants[b->variant];
	/* A ring is its data and three pages: consumer, producer, and its own head. */
	uint64_t memory = t->a.ring_size ? t->a.ring_size + 3ULL * 4096 : 0;

	for (uint32_t i = 0; i < v->n_maps; i++)
		if ((t->a.data & MESSAGE_DATA_AGGREGATES) &&
		    (v->maps[i].kind == SPEC_MAP_HISTOGRAMS || v->maps[i].kind == SPEC_MAP_COUNTS))
			memory += (uint64_t)v->maps[i].inner_max_entries *
				  (v->maps[i].inner_key_size + v->maps[i].inner_value_size + 64);
	return memory;
}

static uint64_t count_all(struct warden *w)
{
	uint64_t n = 0;

	for (const struct attached *at = w->attached; at; at = at->next)
		n++;
	for (const struct attaching *other = attaching_under_way(); other; other = other->next)
		n++;
	return n;
}

/* For how long, if the client does not say. */
static void set_deadline(struct attaching *t)
{
	uint64_t duration = t->request.duration, max = t->limits.value[POLICY_MAX_DURATION];

	if (!duration)
		duration = max < ATTACHMENT_DEADLINE_DEFAULT ? max : ATTACHMENT_DEADLINE_DEFAULT;
	if (duration > UINT64_MAX / 4000000)
		duration = UINT64_MAX / 4000000;
	t->a.deadline = now_boottime() + duration * 1000000;
}

static int apply_limits(struct attaching *t, const struct bundle *b, struct refusal *refusal)
{
	const struct policy_limits *limits = &t->limits;
	uint64_t number, memory, all;

	attached_usage(t->w, t->a.uid, &number, &memory);
	for (const struct attaching *other = attaching_under_way(); other; other = other->next)
		if (other->a.uid == t->a.uid) {
			number++;
			memory += other->a.memory;
		}
	if (number + 1 > limits->value[POLICY_MAX_ATTACHMENTS])
		return attach_over(refusal, limits, POLICY_MAX_ATTACHMENTS, number + 1, "");
	all = count_all(t->w);
	if (all + 1 > ATTACHMENTS_MAX + (t->a.uid == 0 ? ATTACHMENTS_ROOT_RESERVE : 0))
		return over(refusal, "max-attachments", all + 1, ATTACHMENTS_MAX, "of the daemon", "");
	t->a.memory = memory_of(t, b);
	if (memory + t->a.memory > limits->value[POLICY_MAX_MEMORY])
		return attach_over(refusal, limits, POLICY_MAX_MEMORY, memory + t->a.memory, "");
	if (t->request.duration > limits->value[POLICY_MAX_DURATION])
		return attach_over(refusal, limits, POLICY_MAX_DURATION, t->request.duration, "");
	set_deadline(t);
	t->a.events_per_second = limits->value[POLICY_MAX_EVENTS_PER_SECOND];
	attachment_set_max_cpu(&t->a, limits);
	t->loads = attach_needs_load(t, b);
	return t->loads ? attach_check_load(t, b, true, refusal) : 0;
}

int attach_check(struct attaching *t, const struct connection *c, struct bundle **ret_bundle,
		 struct policy_decision *decision, struct refusal *refusal)
{
	const struct message_attach *q = &t->request;
	uint32_t channels = q->flags & MESSAGE_FLAG_EXPERIMENTAL ? 3 : 1;
	struct bundle *b = NULL;
	bool named;
	int r;

	r = registry_find(t->w, q->probe, q->serial, channels, &b, refusal);
	if (r)
		return r;
	*ret_bundle = b;
	memcpy(t->a.digest, b->digest, DIGEST_SIZE);
	t->a.serial = b->serial;
	t->a.channel = b->channel;
	t->a.uid = c->uid;
	r = question_target_kind(b->spec, q->target_kind, refusal);
	if (!r)
		r = target_check(q->target_kind, q->target, refusal);
	if (!r)
		r = question_parameters(b->spec, q, t->a.parameters, &t->given, refusal);
	if (r)
		return r;
	/* The policy wants a user's number, but units and cgroups by name: whether those exist is told only
	 * to who may name them. */
	named = q->target_kind == TARGET_UNIT || q->target_kind == TARGET_CGROUP;
	r = named ? 0 : target_resolve(c, q->target_kind, q->target, &t->target, refusal);
	if (!r)
		r = decide(t, c, b, decision, refusal);
	if (!r && named)
		r = target_resolve(c, q->target_kind, q->target, &t->target, refusal);
	if (r)
		return r;
	if (t->a.data & MESSAGE_DATA_EVENTS)
		t->a.ring_size = ATTACHMENT_RING_SIZE;
	return apply_limits(t, b, refusal);
}
