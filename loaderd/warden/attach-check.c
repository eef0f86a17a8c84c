/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/warden/attach.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* --- what is asked, and may it be --------------------------------------------------------------------- */

static const struct spec_param *find_param(const struct spec *spec, const char *name)
{
	for (uint32_t i = 0; i < spec->n_params; i++)
		if (!strcmp(spec->params[i].name, name))
			return &spec->params[i];
	return NULL;
}

static void put_param(struct attaching *t, const struct spec_param *p, uint64_t value)
{
	memcpy(t->params + p->offset, &value, p->size); /* little-endian hosts only, as the bundles are */
	if (p->offset + p->size > t->params_size)
		t->params_size = p->offset + p->size;
}

static int set_params(struct attaching *t, const struct spec *spec, struct refusal *refusal)
{
	for (uint32_t i = 0; i < spec->n_params; i++)
		put_param(t, &spec->params[i], spec->params[i].initial);
	for (uint32_t i = 0; i < t->request.n_parameters; i++) {
		const struct message_parameter *given = &t->request.parameters[i];
		const struct spec_param *p = find_param(spec, given->name);

		if (!p)
			return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, given->name,
					   "%s has no parameter %s: see bpfwarden show %s", spec->name,
					   given->name, spec->name);
		if (given->value < p->min || given->value > p->max)
			return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, given->name,
					   "%s must be %" PRIu64 " to %" PRIu64 "%s%s", p->name, p->min,
					   p->max, *p->unit ? " " : "", p->unit);
		put_param(t, p, given->value);
	}
	if (!EVP_Digest(t->params, t->params_size, t->a.params_digest, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	return 0;
}

/* What the probe has at all: events, and aggregates if any of its maps holds some. */
static uint32_t data_of(const struct spec *spec, uint32_t variant)
{
	uint32_t data = spec->event_size ? MESSAGE_DATA_EVENTS : 0;

	for (uint32_t i = 0; i < spec->variants[variant].n_maps; i++) {
		uint32_t kind = spec->variants[variant].maps[i].kind;

		if (kind == SPEC_MAP_HISTOGRAMS || kind == SPEC_MAP_COUNTS || kind == SPEC_MAP_TABLE)
			data |= MESSAGE_DATA_AGGREGATES;
		if (kind == SPEC_MAP_EVENTS)
			data |= MESSAGE_DATA_EVENTS;
	}
	return data;
}

static void decide(struct attaching *t, const struct connection *c, const struct bundle *b, uint32_t data,
		   struct policy_decision *ret)
{
	struct policy_request request = { .action = POLICY_ATTACH,
					  .uid = c->uid,
					  .gids = c->gids,
					  .n_gids = c->n_gids,
					  .namespace = c->namespace,
					  .channel = b->channel,
					  .data = data,
					  .target_kind = t->target.kind,
					  .target_uid = t->target.uid };

	snprintf(request.probe, sizeof(request.probe), "%s", b->name);
	snprintf(request.target_name, sizeof(request.target_name), "%s", t->target.name);
	policy_decide(t->w->policy, &request, ret);
}

/* Asked for nothing in particular means all that policy allows: events and aggregates, or else one of them.
 */
static int decide_data(struct attaching *t, const struct connection *c, const struct bundle *b,
		       struct policy_decision *decision, struct refusal *refusal)
{
	uint32_t has = data_of(b->spec, b->variant), asked = t->request.data;
	const uint32_t choices[] = { has, has & MESSAGE_DATA_AGGREGATES, has & MESSAGE_DATA_EVENTS };

	if (asked & ~has)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "data", "%s has no %s", b->name,
				   asked & ~has & MESSAGE_DATA_EVENTS ? "events" : "aggregates");
	for (size_t i = 0; i < 3; i++) {
		t->a.data = asked ? asked : choices[i];
		if (!t->a.data)
			continue;
		decide(t, c, b, t->a.data, decision);
		if (decision->allowed)
			return 0;
		if (asked)
			break;
	}
	return refusal_set(refusal, REFUSAL_POLICY_DENIED, decision->rule,
			   !strcmp(decision->rule, POLICY_RULE_DEFAULT)
				   ? "no allow section of the policy matches this request (rule %s)"
				   : "rule %s of the policy denies this request",
			   decision->rule);
}

static int over(struct refusal *refusal, const char *limit, uint64_t used, uint64_t max, const char *section)
{
	int r = refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, limit,
			    "%s of section [limit %s] is %" PRIu64 " and would become %" PRIu64, limit,
			    section, max, used);

	refusal->used = used;
	refusal->max = max;
	return r;
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

static int apply_limits(struct attaching *t, const struct bundle *b, const struct policy_limits *limits,
			struct refusal *refusal)
{
	uint64_t number, memory, all, duration = t->request.duration;
	uint64_t max_duration = limits->value[POLICY_MAX_DURATION];

	attached_usage(t->w, t->a.uid, &number, &memory);
	for (const struct attaching *other = attaching_under_way(); other; other = other->next)
		if (other->a.uid == t->a.uid) {
			number++;
			memory += other->a.memory;
		}
	if (number + 1 > limits->value[POLICY_MAX_ATTACHMENTS])
		return over(refusal, "max-attachments", number + 1, limits->value[POLICY_MAX_ATTACHMENTS],
			    limits->section[POLICY_MAX_ATTACHMENTS]);
	all = count_all(t->w);
	if (all + 1 > ATTACHMENTS_MAX + (t->a.uid == 0 ? ATTACHMENTS_ROOT_RESERVE : 0))
		return over(refusal, "max-attachments", all + 1, ATTACHMENTS_MAX, "of the daemon");
	t->a.memory = memory_of(t, b);
	if (memory + t->a.memory > limits->value[POLICY_MAX_MEMORY])
		return over(refusal, "max-memory", memory + t->a.memory, limits->value[POLICY_MAX_MEMORY],
			    limits->section[POLICY_MAX_MEMORY]);
	if (duration > max_duration)
		return over(refusal, "max-duration", duration, max_duration,
			    limits->section[POLICY_MAX_DURATION]);
	if (!duration)
		duration = max_duration < ATTACHMENT_DEADLINE_DEFAULT ? max_duration
								      : ATTACHMENT_DEADLINE_DEFAULT;
	if (duration > UINT64_MAX / 4000000)
		duration = UINT64_MAX / 4000000;
	t->a.deadline = now_boottime() + duration * 1000000;
	t->kernel_verified = policy_kernel_verified(limits);
	t->a.events_per_second = limits->value[POLICY_MAX_EVENTS_PER_SECOND];
	return 0;
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
	if (!(b->spec->targets & (1U << q->target_kind)))
		return refusal_set(refusal, REFUSAL_TARGET_UNSUPPORTED, target_kind_name(q->target_kind),
				   "%s cannot filter by target %s", b->name,
				   target_kind_name(q->target_kind));
	r = target_check(q->target_kind, q->target, refusal);
	if (!r)
		r = set_params(t, b->spec, refusal);
	if (r)
		return r;
	/* The policy wants a user's number, but units and cgroups by name: whether those exist is told only
	 * to who may name them. */
	named = q->target_kind == TARGET_UNIT || q->target_kind == TARGET_CGROUP;
	r = named ? 0 : target_resolve(c, q->target_kind, q->target, &t->target, refusal);
	if (!r)
		r = decide_data(t, c, b, decision, refusal);
	if (!r && named)
		r = target_resolve(c, q->target_kind, q->target, &t->target, refusal);
	if (r)
		return r;
	if (t->a.data & MESSAGE_DATA_EVENTS)
		t->a.ring_size = ATTACHMENT_RING_SIZE;
	return apply_limits(t, b, &decision->limits, refusal);
}
