/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes to the audit log, and the wait until it is durable. Everything that one turn of the event loop
 * decides is made durable by one commit at its end (group commit); only then does it go on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loaderd/warden/warden.h"

#define BATCH_MAX 32 /* decisions that wait for one commit */

uint64_t now_realtime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t now_boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void fill_requester(const struct connection *c, struct audit_requester *r)
{
	*r = (struct audit_requester)AUDIT_REQUESTER_INIT;
	r->uid = c->uid;
	r->user = c->user;
	r->gids = c->gids;
	r->n_gids = c->n_gids;
	r->loginuid = c->loginuid;
	r->pid = c->pid;
	r->pidfd_inode = c->pidfd_inode;
	r->comm = c->comm[0] ? c->comm : NULL;
	r->cgroup = c->cgroup[0] ? c->cgroup : NULL;
	r->container = c->namespace == POLICY_NAMESPACE_HOST        ? AUDIT_NO
		       : c->namespace == POLICY_NAMESPACE_CONTAINER ? AUDIT_YES
								    : AUDIT_UNKNOWN;
}

/* Storage that an audit_record borrows while it is appended. */
struct composed {
	struct audit_record record;
	struct audit_requester requester;
	struct audit_param params[SPEC_PARAMS_MAX];
	char signers[128], attachment[24];
	const char *signer[16], *forced[SPEC_PARAMS_MAX], *data[2];
};

static void split_signers(const char *text, struct composed *to)
{
	char *save = NULL;

	snprintf(to->signers, sizeof(to->signers), "%s", text);
	for (char *s = strtok_r(to->signers, " ", &save); s && to->record.n_signers < 16;
	     s = strtok_r(NULL, " ", &save))
		to->signer[to->record.n_signers++] = s;
	to->record.signers = to->signer;
}

/* What the loader says of an instance. Anything else than its words is no yes. */
static void put_kernel_verified(struct audit_record *r, const char *verified)
{
	static const struct {
		const char *verified, *keyring;
	} yes[] = {
		{ "yes (bpf)", ".bpf" },
		{ "yes (builtin)", ".builtin_trusted_keys" },
		{ "yes (secondary)", ".secondary_trusted_keys" },
		{ "yes (session)", "session" },
	};

	r->kernel_verified =
		!strcmp(verified, "no") ? AUDIT_KERNEL_VERIFIED_NO : AUDIT_KERNEL_VERIFIED_UNSUPPORTED;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!strcmp(verified, yes[i].verified)) {
			r->kernel_verified = AUDIT_KERNEL_VERIFIED_YES;
			r->keyring = yes[i].keyring;
		}
}

/* What the policy made of a request. */
static void put_granted(const struct act *act, struct composed *to)
{
	struct audit_record *r = &to->record;

	for (size_t i = 0; i < act->n_params && i < SPEC_PARAMS_MAX; i++)
		if (act->moved & (1U << i))
			to->forced[r->n_forced++] = act->params[i].name;
	if (act->data & MESSAGE_DATA_AGGREGATES)
		to->data[r->n_data++] = "aggregates";
	if (act->data & MESSAGE_DATA_EVENTS)
		to->data[r->n_data++] = "events";
	r->forced = to->forced;
	r->data = to->data;
	r->privacy = act->privacy;
	r->demand = act->demand;
	r->ended = act->ended;
	r->known = act->known;
}

static void compose(struct warden *w, enum audit_kind kind, const struct act *act, struct composed *to)
{
	struct audit_record *r = &to->record;

	memset(to, 0, sizeof(*to));
	*r = (struct audit_record)AUDIT_RECORD_INIT(kind);
	if (act->by) {
		fill_requester(act->by, &to->requester);
		r->requester = &to->requester;
	}
	r->action = act->action;
	r->probe = act->probe;
	if (act->bundle) {
		r->probe = act->bundle->name;
		r->serial = act->bundle->serial;
		if (act->bundle->spec) {
			r->digest = act->bundle->digest;
			split_signers(act->bundle->signers, to);
		}
	}
	if (act->target) {
		r->target_kind = target_kind_name(act->target->kind);
		r->target = act->target->name;
	}
	for (size_t i = 0; i < act->n_params && i < SPEC_PARAMS_MAX; i++)
		to->params[i] = (struct audit_param){ act->params[i].name, act->params[i].value };
	r->params = to->params;
	r->n_params = act->n_params;
	put_granted(act, to);
	r->rule = act->rule;
	/* Of a reload, the policy that came into force. */
	r->policy_digest = act->rule || (!strcmp(act->action, "policy-reload") && !act->refusal)
				   ? w->policy_digest
				   : NULL;
	if (act->refusal) {
		r->refusal_code = act->refusal->code;
		r->refusal_reason = act->refusal->reason;
		r->error = act->refusal->error;
		/* Of a file, the place: the sentence alone does not say where. */
		if (act->refusal->code == REFUSAL_POLICY_INVALID && !r->detail)
			r->detail = act->refusal->subject;
	}
	r->decision = act->decision;
	r->cause = act->cause;
	r->program_ids = act->program_ids;
	r->n_program_ids = act->n_program_ids;
	if (act->kernel_verified)
		put_kernel_verified(r, act->kernel_verified);
	if (act->attachment) {
		snprintf(to->attachment, sizeof(to->attachment), "%016" PRIx64, act->attachment);
		r->attachment = to->attachment;
	}
	if (act->detail)
		r->detail = act->detail;
}

static void arm_tick(struct warden *w)
{
	uint64_t at = audit_next_tick(w->audit);

	if (at == UINT64_MAX) {
		(void)sd_event_source_set_enabled(w->tick, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(w->tick, at);
	(void)sd_event_source_set_enabled(w->tick, SD_EVENT_ONESHOT);
}

/* While the disk of the log is full, nothing is allowed that adds to what has to be recorded later. */
static int admit(struct warden *w, const struct act *act, struct refusal *refusal)
{
	static const char *const adding[] = { "attach", "enroll", "promote" };

	for (size_t i = 0; i < sizeof(adding) / sizeof(*adding); i++)
		if (!strcmp(act->action, adding[i]))
			return audit_admit(w->audit, refusal);
	return 0;
}

int record_decision(struct warden *w, const struct act *act, bool allowed, uint64_t *ret_seq,
		    struct refusal *refusal)
{
	struct composed c;
	int r = allowed ? admit(w, act, refusal) : 0;

	if (r)
		return r;
	compose(w, AUDIT_DECISION, act, &c);
	c.record.verdict = allowed ? AUDIT_ALLOW : AUDIT_DENY;
	if (!allowed && act->by && act->rule)
		r = audit_append_denial(w->audit, &c.record, ret_seq, refusal);
	else
		r = audit_append(w->audit, &c.record, ret_seq, refusal);
	if (r < 0)
		r = refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "append", "%s", strerror(-r));
	arm_tick(w);
	return r;
}

/* Of what has happened already. */
static uint64_t record(struct warden *w, enum audit_kind kind, const struct act *act, bool ok)
{
	struct refusal refusal = { 0 };
	struct composed c;
	uint64_t seq = 0;
	int r;

	compose(w, kind, act, &c);
	c.record.verdict = ok ? AUDIT_OK : AUDIT_FAILED;
	r = audit_append(w->audit, &c.record, &seq, &refusal);
	if (r)
		process_log(3, "a record (%s of %s) is not in the audit log: %s", audit_kind_name(kind),
			    act->action, r < 0 ? strerror(-r) : refusal.reason);
	arm_tick(w);
	return r ? 0 : seq;
}

void record_outcome(struct warden *w, const struct act *act, bool ok)
{
	(void)record(w, AUDIT_OUTCOME, act, ok);
}

void record_end(struct warden *w, const struct act *act, bool ok)
{
	(void)record(w, AUDIT_END, act, ok);
}

uint64_t record_event(struct warden *w, enum audit_kind kind, const struct act *act)
{
	return record(w, kind, act, !act->refusal);
}

static int on_commit(sd_event_source *source, void *userdata)
{
	struct warden *w = userdata;
	struct pending *list = w->pending;
	struct refusal refusal = { 0 };
	int r;

	(void)source;
	w->pending = NULL;
	r = audit_commit(w->audit, &refusal);
	if (r < 0)
		r = refusal_set(&refusal, REFUSAL_AUDIT_UNAVAILABLE, "commit", "%s", strerror(-r));
	if (r)
		process_log(2, "the audit log cannot be written, nothing new is attached: %s",
			    refusal.reason);
	while (list) {
		struct pending *next = list->next;

		list->go(list, r ? &refusal : NULL);
		list = next;
	}
	arm_tick(w);
	listings_wake(w);
	return 0;
}

void record_commit(struct warden *w)
{
	(void)on_commit(NULL, w);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct warden *w = userdata;
	struct refusal refusal = { 0 };

	(void)source;
	/* What requests wait for is not the tick's to lose: they would go on without their records. */
	if (w->pending)
		record_commit(w);
	if (audit_tick(w->audit, usec, &refusal))
		process_log(2, "the audit log cannot be written: %s", refusal.reason);
	arm_tick(w);
	listings_wake(w);
	return 0;
}

int pending_start(struct warden *w)
{
	int r;

	r = sd_event_add_defer(w->event, &w->commit, on_commit, w);
	if (r >= 0) /* after everything else that is ready: what comes together is committed together */
		r = sd_event_source_set_priority(w->commit, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(w->commit, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(w->event, &w->tick, CLOCK_MONOTONIC, UINT64_MAX, 0, on_tick, w);
	if (r >= 0)
		r = sd_event_source_set_enabled(w->tick, SD_EVENT_OFF);
	return r;
}

void pending_add(struct warden *w, struct pending *pending)
{
	struct pending **p = &w->pending;
	size_t n = 0;

	for (; *p; n++)
		p = &(*p)->next;
	pending->next = NULL;
	*p = pending;
	/* A flood of requests must not put the commit off for ever. */
	(void)sd_event_source_set_priority(w->commit, n < BATCH_MAX ? SD_EVENT_PRIORITY_IDLE
								    : SD_EVENT_PRIORITY_IMPORTANT);
	(void)sd_event_source_set_enabled(w->commit, SD_EVENT_ONESHOT);
}
