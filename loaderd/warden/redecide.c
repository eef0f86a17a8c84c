/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is attached is decided again when the policy changes, and when a time comes that it names: with the
 * groups that the owners have now, so that who was taken out of a group loses what it allowed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

#define MINUTE_US 60000000ULL

/* What is known of a uid that had this name when it attached, asked for once in a run however many
 * attachments it has. */
struct owner {
	struct owner *next;
	uid_t uid;
	char user[64];
	gid_t *gids;
	size_t n_gids;
	bool asked, known;
	bool gone; /* the name is no user's any more, or another one's */
};

struct owners {
	struct owner *list;
	unsigned int slow; /* answers that did not come in time: after a few, nobody else is asked about */
};

/* Accounts are deleted and renamed, and their numbers given to others. Who had no name then, or one that was
 * cut off, is known by the number alone. */
static void ask_owner(struct owner *o, unsigned int *slow)
{
	uid_t number;
	bool named = !names_number(o->user, &number) && strlen(o->user) < sizeof(o->user) - 1;
	int r = names_owner(o->uid, named ? o->user : NULL, NAME_LOOKUP_OWNER_TIMEOUT, &o->gids, &o->n_gids);

	o->asked = true;
	o->known = r >= 0; /* that there is no such user any more is known, too: it is in no group */
	o->gone = named && r > 0;
	*slow += r == -ETIMEDOUT;
}

static struct owner *owner_of(struct owners *owners, const struct attachment *a)
{
	struct owner *o = owners->list;

	while (o && (o->uid != a->uid || strcmp(o->user, a->user) != 0))
		o = o->next;
	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->uid = a->uid;
	memcpy(o->user, a->user, sizeof(o->user));
	o->next = owners->list;
	owners->list = o;
	if (owners->slow < REDECIDE_SLOW_MAX)
		ask_owner(o, &owners->slow);
	return o;
}

static void owners_done(struct owners *owners)
{
	while (owners->list) {
		struct owner *next = owners->list->next;

		free(owners->list->gids);
		free(owners->list);
		owners->list = next;
	}
}

/* --- one attachment ----------------------------------------------------------------------------------- */

/* What a policy says of it now. */
struct again {
	bool asked, known; /* whether the owner's groups were asked for, and are known */
	uint64_t deadline; /* CLOCK_BOOTTIME, ns; 0: it may stay as long as it was to */
	bool ends;
	struct refusal refusal; /* of one that ends */
	bool limited;           /* by these limits from now on */
	struct policy_limits limits;
};

static bool decide_again(struct warden *w, const struct policy *policy, const struct attached *at,
			 const struct owner *owner, struct policy_request *request,
			 struct policy_decision *decision)
{
	if (!owner || !owner->known) {
		/* Nothing is known against them: ending everybody's probes because a directory server is slow
		 * would let its outage reach further than it must. It is asked again. */
		if (!at->undecided)
			process_log(4, "the groups of uid %u cannot be known: %s stays attached for now",
				    at->a.uid, at->a.probe);
		return false;
	}
	question_again(w, at, owner->gids, owner->n_gids, request);
	policy_decide(policy, request, decision);
	return true;
}

static void denied(const struct policy_request *request, const struct policy_decision *decision,
		   struct refusal *refusal)
{
	struct refusal why;

	if (question_denied(request, decision, &why) == REFUSAL_LIMIT_EXCEEDED) {
		*refusal = why;
		refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, why.subject,
			    "the policy does not allow its parameters any more: %.250s", why.reason);
	} else {
		refusal_set(refusal, REFUSAL_POLICY_DENIED, decision->rule,
			    "the policy does not allow it any more (rule %s)", decision->rule);
	}
}

/* A shorter max-duration counts from the beginning. */
static void check_duration(const struct attached *at, const struct policy_limits *limits, struct again *ret)
{
	uint64_t max = limits->value[POLICY_MAX_DURATION];

	if (max > (UINT64_MAX - at->started) / 1000000 || at->started + max * 1000000 >= at->a.deadline)
		return;
	ret->deadline = at->started + max * 1000000;
	if (ret->deadline > now_boottime())
		return;
	ret->ends = true;
	refusal_set(&ret->refusal, REFUSAL_LIMIT_EXCEEDED, policy_limit_name(POLICY_MAX_DURATION),
		    "the policy lets it run for %" PRIu64 " s now (limit %s), and they are over", max / 1000,
		    limits->section[POLICY_MAX_DURATION]);
}

static void look_again(struct warden *w, const struct policy *policy, const struct attached *at,
		       struct owners *owners, struct again *ret)
{
	const struct owner *owner = owner_of(owners, &at->a);
	struct policy_decision decision;
	struct policy_request request;

	*ret = (struct again){ .asked = owner && owner->asked,
			       .known = decide_again(w, policy, at, owner, &request, &decision) };
	if (!ret->known)
		return;
	if (owner->gone) {
		ret->ends = true;
		refusal_set(&ret->refusal, REFUSAL_POLICY_DENIED, at->a.user, "uid %u is not %s's any more",
			    at->a.uid, at->a.user);
	} else if (!decision.allowed) {
		ret->ends = true;
		denied(&request, &decision, &ret->refusal);
	} else if (policy_kernel_verified(&decision.limits) && !instance_row_verified(at->instance)) {
		ret->ends = true;
		refusal_set(&ret->refusal, REFUSAL_NOT_KERNEL_VERIFIED, at->a.probe,
			    "the policy wants the kernel to verify it now (limit %s), and it did not: %s",
			    decision.limits.section[POLICY_KERNEL_VERIFIED], at->instance->kernel_verified);
	} else {
		check_duration(at, &decision.limits, ret);
		ret->limits = decision.limits;
		ret->limited = !ret->ends;
	}
}

/* --- all of them -------------------------------------------------------------------------------------- */

uint64_t attached_would_end(struct warden *w, const struct policy *policy, attached_fn callback,
			    void *userdata)
{
	struct owners owners = { 0 };
	uint64_t n = 0;

	for (const struct attached *at = w->attached; at; at = at->next) {
		struct again again;

		if (at->ending)
			continue;
		look_again(w, policy, at, &owners, &again);
		if (!again.ends)
			continue;
		n++;
		callback(userdata, at, again.refusal.reason);
	}
	owners_done(&owners);
	return n;
}

static void carry_out(struct attached *at, const struct again *again, const struct redeciding *by)
{
	if (again->ends)
		attached_end(at, &(struct end){ .reason = again->refusal.reason,
						.by = by ? by->by : NULL,
						.cause = by ? CAUSE_NOT_RECORDED : 0 });
	else if (again->deadline)
		attached_set_deadline(at, again->deadline);
	if (again->limited)
		cost_set_limit(at, &again->limits);
}

/* One look at what is attached. */
struct pass {
	struct owners owners;
	const struct redeciding *by; /* NULL: no change of the policy */
	uint64_t ended;
	bool undecided;
};

static void pass_one(struct pass *pass, struct attached *at)
{
	struct again again;

	look_again(at->w, at->w->policy, at, &pass->owners, &again);
	at->undecided = !again.known;
	at->asked = again.asked;
	pass->undecided = pass->undecided || at->undecided;
	pass->ended += again.ends;
	carry_out(at, &again, pass->by);
	if (again.ends && pass->by)
		pass->by->ended(pass->by->userdata, at, again.refusal.reason);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

static void retry_later(struct warden *w)
{
	if (!w->policy_retry)
		(void)sd_event_add_time_relative(w->event, &w->policy_retry, CLOCK_MONOTONIC,
						 REDECIDE_RETRY * 1000ULL, 0, on_retry, w);
}

static void pass_done(struct warden *w, struct pass *pass)
{
	owners_done(&pass->owners);
	w->policy_retry = sd_event_source_disable_unref(w->policy_retry);
	if (pass->undecided)
		retry_later(w);
}

bool attached_redecide_one(struct attached *at, struct refusal *refusal)
{
	struct owners owners = { 0 };
	struct again again;

	look_again(at->w, at->w->policy, at, &owners, &again);
	owners_done(&owners);
	at->undecided = !again.known;
	at->asked = again.asked;
	if (at->undecided)
		retry_later(at->w);
	carry_out(at, &again, NULL);
	if (again.ends)
		*refusal = again.refusal;
	return again.ends;
}

uint64_t attached_redecide(struct warden *w, const struct redeciding *by)
{
	struct pass pass = { .by = by };

	/* First: a time that comes while groups are looked up has not come for who was asked about before. */
	redecide_later(w);
	for (struct attached *at = w->attached, *next; at; at = next) {
		next = at->next;
		if (!at->ending)
			pass_one(&pass, at);
	}
	pass_done(w, &pass);
	return pass.ended;
}

/* Those first whose turn did not come last time, so that a few whose groups are never answered cannot keep
 * the others from theirs. */
static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct warden *w = userdata;
	struct pass pass = { 0 };

	(void)source;
	(void)usec;
	for (int asked = 0; asked < 2; asked++)
		for (struct attached *at = w->attached, *next; at; at = next) {
			next = at->next;
			if (at->undecided && at->asked == asked && !at->ending)
				pass_one(&pass, at);
		}
	pass_done(w, &pass);
	return 0;
}

/* Deadlines that a policy moved are known to the warden alone. */
static void shorten(struct warden *w)
{
	struct owners owners = { 0 };

	for (struct attached *at = w->attached, *next; at; at = next) {
		struct again again;

		next = at->next;
		if (at->ending)
			continue;
		look_again(w, w->policy, at, &owners, &again);
		again.ends = again.ends && again.deadline;
		carry_out(at, &again, NULL);
	}
	owners_done(&owners);
}

/* The policy may have changed while there was no warden that could read it, or a time that it names may have
 * come. Otherwise nothing is asked: who has rights by the groups of a process alone, as users without an
 * account do, keeps them over a restart. If what is on disk was refused at the start, nothing is known
 * against what is attached: the reload that repairs it decides. */
void attached_redecide_taken_over(struct warden *w)
{
	static const uint8_t none[DIGEST_SIZE];

	if (!memcmp(w->policy_digest, none, DIGEST_SIZE))
		return;
	if (memcmp(w->policy_digest, w->policy_decided, DIGEST_SIZE) ||
	    policy_next_change(w->policy, minute_of_week(now_realtime())) != UINT32_MAX) {
		memcpy(w->policy_decided, w->policy_digest, DIGEST_SIZE);
		(void)attached_redecide(w, NULL);
	} else {
		shorten(w);
	}
}

/* --- when the policy's own time comes ----------------------------------------------------------------- */

void redecide_now(struct warden *w)
{
	if (warden_knows(w))
		(void)attached_redecide(w, NULL);
	else /* What is attached is asked about when that and the bundles are known. */
		redecide_later(w);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	redecide_now(userdata);
	return 0;
}

void redecide_later(struct warden *w)
{
	uint64_t now = now_realtime() / 1000;
	uint32_t minutes = policy_next_change(w->policy, minute_of_week(now * 1000));

	w->policy_timer = sd_event_source_disable_unref(w->policy_timer);
	/* By the wall clock: if somebody sets it, the moment moves along. */
	if (minutes != UINT32_MAX &&
	    sd_event_add_time(w->event, &w->policy_timer, CLOCK_REALTIME,
			      (now / MINUTE_US + minutes) * MINUTE_US, 1000, on_time, w) < 0)
		process_log(3, "the time windows of the policy are not watched: out of memory");
}
