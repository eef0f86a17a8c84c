/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a request to an attachment, each step only after the one before it:
 *
 *	find the bundle, the target, the parameters → decide → decision durable (attach-request.c) → load
 *(once for all subscribers) → subscribe → outcome → reply, and with `run` the stream
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "loaderd/warden/attach.h"

#define VERDICT_TRIES 3

static struct attaching *waiting;   /* requests whose instance is being loaded */
static struct attaching *under_way; /* all that were decided and count against their users */

const struct attaching *attaching_under_way(void)
{
	return under_way;
}

void attaching_add(struct attaching *t)
{
	t->next = under_way;
	under_way = t;
}

struct attaching *attaching_free(struct attaching *t)
{
	struct attaching **p = &under_way;

	while (*p && *p != t)
		p = &(*p)->next;
	if (*p)
		*p = t->next;
	if (t && t->instance)
		instance_row_release(t->w, t->instance);
	if (t)
		connection_unref(t->by);
	free(t);
	return NULL;
}

static struct bundle *bundle_of(struct attaching *t)
{
	return registry_by_digest(t->w, t->a.digest);
}

void attaching_describe(struct attaching *t, struct act *act)
{
	*act = (struct act){ .by = t->by,
			     .action = "attach",
			     .bundle = bundle_of(t),
			     .probe = t->a.probe,
			     .target = &t->target,
			     .params = t->in_force,
			     .n_params = t->n_in_force,
			     .moved = t->moved,
			     .data = t->a.data,
			     .privacy = spec_privacy_name(t->a.privacy_max),
			     .demand = t->kernel_verified ? "kernel-verified" : NULL,
			     .rule = t->a.rule,
			     .decision = t->a.decision,
			     .attachment = t->a.id };
}

/* After the decision: says why it did not come to an attachment, in the log and to the client. */
static void give_up(struct attaching *t, const struct refusal *refusal)
{
	struct act act;

	attaching_describe(t, &act);
	act.refusal = refusal;
	record_outcome(t->w, &act, false);
	reply_refusal(t->w, t->connection, t->call, refusal);
	attaching_free(t);
}

/* --- subscribe ---------------------------------------------------------------------------------------- */

static void start_stream(struct warden *w, uint64_t connection, uint64_t call, const struct attached *at,
			 int ring)
{
	struct refusal r;

	if (reply_stream(w, connection, call, at, ring) >= 0) {
		reply_end(w, connection, call);
		return;
	}
	refusal_set(&r, REFUSAL_UNAVAILABLE, "registry",
		    "the bundle of this attachment is not in the registry any more");
	reply_refusal(w, connection, call, &r);
}

static bool on_ring(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct attached *at = attached_find(order->w, order->number);
	struct refusal r;

	if (m && at && m->type == MESSAGE_RING && n_fds == 1) {
		start_stream(order->w, order->connection, order->client_call, at, fds[0]);
		return true;
	}
	refusal_set(&r, REFUSAL_UNAVAILABLE, "loader", "the loader is starting again: try again");
	reply_refusal(order->w, order->connection, order->client_call, &r);
	return true;
}

/* The stream of an attachment on a call: at once if it has no ring, otherwise after the loader gave it. */
static void stream(struct warden *w, uint64_t connection, uint64_t call, struct attached *at)
{
	struct message_attachment_id m = { .m = { .type = MESSAGE_GET_RING }, .id = at->a.id };
	struct order *order;

	attached_watch(at, connection);
	if (!at->a.ring_size) {
		start_stream(w, connection, call, at, -EBADF);
		return;
	}
	order = order_new(w, SIDE_LOADER, on_ring, NULL);
	if (!order) {
		struct refusal r;

		refusal_set(&r, REFUSAL_UNAVAILABLE, "warden", "out of memory");
		reply_refusal(w, connection, call, &r);
		return;
	}
	order->number = at->a.id;
	order->connection = connection;
	order->client_call = call;
	(void)order_send(order, &m.m, sizeof(m), NULL, 0);
}

void request_watch(struct warden *w, uint64_t connection, uint64_t call, struct attached *at)
{
	stream(w, connection, call, at);
}

/* What happened between decision and now, when it was in no list of what is attached: revoked or not signed
 * any more, a new policy, or another minute of one that goes by the time; what only cannot be told now is
 * nothing against it. True, with the reason, if it ends for that. */
static bool overtaken(struct attaching *t, struct attached *at, struct refusal *ret)
{
	const struct bundle *b = bundle_of(t);

	if (b && (b->revoked || b->refusal.code == REFUSAL_REVOKED ||
		  b->refusal.code == REFUSAL_SIGNATURE_INVALID)) {
		(void)bundle_unusable(b, ret);
		attached_end(at, &(struct end){ .reason = ret->reason });
		return true;
	}
	if (!memcmp(t->policy_digest, t->w->policy_digest, DIGEST_SIZE) &&
	    (t->minute == minute_of_week(now_realtime()) ||
	     policy_next_change(t->w->policy, t->minute) == UINT32_MAX))
		return false;
	return attached_redecide_one(at, ret);
}

static void attached_now(struct attaching *t, const struct attachment *a)
{
	struct warden *w = t->w;
	struct attached *at = attached_add(w, a, t->instance);
	struct refusal r;
	struct act act;

	if (!at) {
		refusal_set(&r, REFUSAL_UNAVAILABLE, "warden", "out of memory");
		give_up(t, &r);
		return;
	}
	attaching_describe(t, &act);
	act.program_ids = t->instance->program_ids;
	act.n_program_ids = t->instance->n_programs;
	act.kernel_verified = t->instance->kernel_verified;
	record_outcome(w, &act, true);
	if (overtaken(t, at, &r)) {
		reply_refusal(w, t->connection, t->call, &r);
	} else if (!client_find(w, t->connection)) {
		/* The client left meanwhile: an `attach` stays, a `run` has nobody to run for. */
		if (a->flags & MESSAGE_FLAG_RUN)
			attached_end(at, &(struct end){ .reason = "its connection closed" });
	} else if (a->flags & MESSAGE_FLAG_RUN) {
		stream(w, t->connection, t->call, at);
	} else {
		reply_attachment(w, t->connection, t->call, at, COST_NOT_ASKED);
		reply_end(w, t->connection, t->call);
	}
	attaching_free(t);
}

static bool on_subscribed(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct attaching *t = order->userdata;
	struct refusal r;

	(void)fds;
	(void)n_fds;
	if (m && m->type == MESSAGE_SUBSCRIPTION) {
		const struct attachment *a = &((const struct message_subscribe *)(const void *)m)->a;

		/* Whose it is and what they may is for us to say; these are what the loader found out. */
		t->a.slot = a->slot;
		t->a.ring_size = a->ring_size;
		attached_now(t, &t->a);
		return true;
	}
	if (m && m->type == MESSAGE_DONE) {
		r = ((const struct message_refusal *)(const void *)m)->refusal;
		refusal_sanitize(&r);
	} else {
		refusal_set(&r, REFUSAL_UNAVAILABLE, "loader", "the loader is starting again: try again");
	}
	give_up(t, &r);
	return true;
}

/* The programs run for others already: how they were loaded cannot be made up for. */
static void give_up_unverified(struct attaching *t)
{
	char bundle[PROBE_NAME_MAX + 24];
	struct refusal r;

	snprintf(bundle, sizeof(bundle), "%s-%" PRIu64, t->a.probe, t->a.serial);
	refusal_set(&r, REFUSAL_NOT_KERNEL_VERIFIED, bundle,
		    "policy wants the kernel to verify %s, but it runs for others, who could do without (%s)",
		    bundle, t->instance->kernel_verified);
	give_up(t, &r);
}

static void subscribe(struct attaching *t)
{
	struct message_subscribe m = { .m = { .type = MESSAGE_SUBSCRIBE } };
	struct order *order;
	struct refusal r;

	if (t->kernel_verified && !instance_row_verified(t->instance)) {
		give_up_unverified(t);
		return;
	}
	order = order_new(t->w, SIDE_LOADER, on_subscribed, t);
	if (!order) {
		refusal_set(&r, REFUSAL_UNAVAILABLE, "warden", "out of memory");
		give_up(t, &r);
		return;
	}
	t->a.instance = t->instance->number;
	m.a = t->a;
	(void)order_send(order, &m.m, sizeof(m), NULL, 0);
}

/* --- load --------------------------------------------------------------------------------------------- */

static void load(struct attaching *t);

/* Everybody who waited for this instance goes on, or is refused as the one who loaded it was; unless that one
 * was refused for what only its own limits demand. */
static void wake(struct instance_row *row, const struct refusal *refusal)
{
	struct attaching *list = NULL, **p = &waiting;

	while (*p) {
		struct attaching *t = *p;

		if (t->instance != row) {
			p = &t->next_waiting;
			continue;
		}
		*p = t->next_waiting;
		t->next_waiting = list;
		list = t;
	}
	while (list) {
		struct attaching *next = list->next_waiting;

		if (!refusal) {
			subscribe(list);
		} else if (refusal->code == REFUSAL_NOT_KERNEL_VERIFIED && !list->kernel_verified) {
			instance_row_release(list->w, row);
			list->instance = NULL;
			attaching_start(list);
		} else {
			give_up(list, refusal);
		}
		list = next;
	}
}

/* A refused load leaves nothing in the kernel, and its row must not be found by anybody else. */
static void load_failed(struct attaching *t, const struct refusal *refusal)
{
	struct instance_row *row = t->instance;

	memset(row->digest, 0, DIGEST_SIZE);
	wake(row, refusal);
	give_up(t, refusal);
}

static bool on_verified_again(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct attaching *t = order->userdata;
	struct bundle *b = bundle_of(t);
	struct refusal r;

	if (b && m)
		registry_answered(b, order, m, fds, n_fds);
	if (b && (m || b->refusal.code)) {
		load(t);
		return true;
	}
	refusal_set(&r, REFUSAL_UNAVAILABLE, "parser", "the parser is starting again: try again");
	load_failed(t, &r);
	return true;
}

static bool on_loaded(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_loaded *loaded = (const struct message_loaded *)(const void *)m;
	struct attaching *t = order->userdata;
	struct instance_row *row = t->instance;
	struct refusal r;

	(void)fds;
	(void)n_fds;
	if (!m || m->type != MESSAGE_LOADED) {
		refusal_set(&r, REFUSAL_UNAVAILABLE, "loader", "the loader is starting again: try again");
		load_failed(t, &r);
		return true;
	}
	if (loaded->refusal.code == REFUSAL_SIGNATURE_INVALID &&
	    !strcmp(loaded->refusal.subject, "verdict") && ++t->tries < VERDICT_TRIES && bundle_of(t)) {
		/* The loader has restarted, or has forgotten an old verdict: the parser says it again. */
		struct order *again = order_new(t->w, SIDE_PARSER, on_verified_again, t);

		if (again) {
			verification_ask(t->w, bundle_of(t), again);
			return true;
		}
	}
	if (loaded->refusal.code) {
		r = loaded->refusal;
		refusal_sanitize(&r);
		load_failed(t, &r);
		return true;
	}
	row->loading = false;
	row->n_programs = loaded->n_programs <= SPEC_PROGRAMS_MAX ? loaded->n_programs : 0;
	memcpy(row->program_ids, loaded->program_ids, sizeof(row->program_ids));
	snprintf(row->kernel_verified, sizeof(row->kernel_verified), "%.31s", loaded->kernel_verified);
	wake(row, NULL);
	subscribe(t);
	return true;
}

static int open_skeleton(const struct bundle *b, int *fds)
{
	const struct spec_variant *v = &b->spec->variants[b->variant];
	uint32_t files[] = { v->insns, v->data, v->ksig };
	int n = 0;

	for (size_t i = 0; i < 3; i++) {
		int fd;

		if (files[i] == UINT32_MAX)
			continue;
		fd = registry_open_file(b, b->spec->files[files[i]].name);
		if (fd < 0) {
			while (n)
				close_fd(fds[--n]);
			return fd;
		}
		fds[n++] = fd;
	}
	return n;
}

static void load(struct attaching *t)
{
	struct bundle *b = bundle_of(t);
	struct message_load m = { .m = { .type = MESSAGE_LOAD },
				  .instance = t->instance->number,
				  .params_size = t->params_size };
	struct order *order;
	struct refusal r;
	int fds[3], n;

	/* What was found when it was started need not hold any more: the parser may have said something else
	 * meanwhile, about this kernel, too. */
	if (b && bundle_unusable(b, &r)) {
		load_failed(t, &r);
		return;
	}
	n = b ? open_skeleton(b, fds) : -ENOENT;
	if (n < 2) {
		refusal_set(&r, REFUSAL_BUNDLE_INVALID, "F1", "a file of the bundle cannot be read: %s",
			    strerror(n < 0 ? -n : EIO));
		load_failed(t, &r);
		return;
	}
	order = order_new(t->w, SIDE_LOADER, on_loaded, t);
	if (!order) {
		refusal_set(&r, REFUSAL_UNAVAILABLE, "warden", "out of memory");
		while (n)
			close_fd(fds[--n]);
		load_failed(t, &r);
		return;
	}
	m.variant = b->variant;
	m.flags = t->kernel_verified ? MESSAGE_FLAG_KERNEL_VERIFIED : 0;
	memcpy(m.digest, b->digest, DIGEST_SIZE);
	memcpy(m.params, t->params, sizeof(m.params));
	(void)order_send(order, &m.m, sizeof(m), fds, (size_t)n);
	while (n)
		close_fd(fds[--n]);
}

/* --- the decision is durable -------------------------------------------------------------------------- */

void attaching_start(struct attaching *t)
{
	struct warden *w = t->w;
	struct instance_row *row = instance_row_find(w, t->a.digest, t->a.params_digest);
	const struct bundle *b = bundle_of(t);
	bool first = !row;
	struct refusal r;

	/* Revoked, gone, or the last record that the disk had room for, while the decision was written, or
	 * while it waited for another's load. */
	if (!b)
		refusal_set(&r, REFUSAL_NOT_ENROLLED, t->a.probe, "%s is not in the registry any more",
			    t->a.probe);
	if (!b || bundle_unusable(b, &r) || audit_admit(w->audit, &r)) {
		give_up(t, &r);
		return;
	}
	/* An object without the demultiplexing header serves one attachment: each has its own. */
	if (row && !(b->spec->flags & SPEC_HAS_DEMUX)) {
		row = NULL;
		first = true;
	}
	if (first && attach_check_load(t, b, false, &r)) {
		give_up(t, &r);
		return;
	}
	if (first)
		row = instance_row_new(w, t->a.digest, t->a.params_digest);
	if (!row) {
		refusal_set(&r, REFUSAL_UNAVAILABLE, "warden", "out of memory");
		give_up(t, &r);
		return;
	}
	row->users++;
	t->instance = row;
	instance_row_set_hooks(row, b);
	if (first) {
		load_rates_note(&w->load_rates, t->a.uid, now_boottime() / 1000000000);
		load(t);
	} else if (row->loading) {
		t->next_waiting = waiting;
		waiting = t;
	} else {
		subscribe(t);
	}
}
