/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gate's records, one function a type, in one table. Each names a connection by a number that the warden
 * gave out; anything else is the gate's fault and ends it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

int request_forbid(struct warden *w, const struct connection *c, uint64_t call, const char *action,
		   const char *what, const struct policy_decision *decision)
{
	struct act act = { .by = c, .action = action, .rule = decision->rule };
	struct refusal refusal;

	refusal_set(&refusal, REFUSAL_POLICY_DENIED, decision->rule,
		    "the policy does not allow you to %s (rule %s)", what, decision->rule);
	return request_deny(w, c, call, &act, &refusal);
}

/* --- requests ----------------------------------------------------------------------------------------- */

static int on_closed(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	(void)m;
	(void)fds;
	(void)n_fds;
	client_close(w, c);
	return 0;
}

static int send_bundle(struct warden *w, struct connection *c, uint64_t call, const struct bundle *b)
{
	struct message_probe row;

	bundle_row(w, b, c, &row);
	row.m.connection = c->number;
	row.m.call = call;
	return PEER_SEND(w->gate, &row, NULL, 0);
}

static int on_list(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	int r = 0;

	(void)fds;
	(void)n_fds;
	/* Of each name the bundle that an attach would take; a name that has none usable shows its newest. */
	for (struct bundle *b = w->bundles; b && r >= 0; b = b->next) {
		struct bundle *best = NULL;

		if (registry_find(w, b->name, 0, 3, &best, NULL))
			best = registry_newest(w, b->name);
		if (best == b && !b->revoked)
			r = send_bundle(w, c, m->call, b);
	}
	if (r >= 0)
		reply_end(w, c->number, m->call);
	return r;
}

static int on_registry_list(struct warden *w, struct connection *c, const struct message *m, int *fds,
			    size_t n_fds)
{
	int r = 0;

	(void)fds;
	(void)n_fds;
	for (struct bundle *b = w->bundles; b && r >= 0; b = b->next)
		r = send_bundle(w, c, m->call, b);
	if (r >= 0)
		reply_end(w, c->number, m->call);
	return r;
}

static int on_registry_describe(struct warden *w, struct connection *c, const struct message *m, int *fds,
				size_t n_fds)
{
	const struct message_bundle *q = (const struct message_bundle *)(const void *)m;
	struct bundle *b = NULL;
	struct refusal refusal;
	int r;

	(void)fds;
	(void)n_fds;
	if (!MESSAGE_TEXT_OK(q->name))
		return -EPROTO;
	/* What cannot be used can still be looked at: then the newest. */
	if (q->serial)
		b = registry_named(w, q->name, q->serial);
	else if (registry_find(w, q->name, 0, 3, &b, NULL))
		b = registry_newest(w, q->name);
	if (!b) {
		(void)registry_find(w, q->name, q->serial, 3, &b, &refusal);
		reply_refusal(w, c->number, m->call, &refusal);
		return 0;
	}
	r = bundle_describe(w, b, c, m->call);
	if (r >= 0)
		reply_end(w, c->number, m->call);
	return r;
}

static int on_describe(struct warden *w, struct connection *c, const struct message *m, int *fds,
		       size_t n_fds)
{
	const struct message_bundle *q = (const struct message_bundle *)(const void *)m;
	struct message_reply_spec *reply;
	struct bundle *b = NULL;
	struct refusal refusal;
	int r;

	(void)fds;
	(void)n_fds;
	if (!MESSAGE_TEXT_OK(q->name))
		return -EPROTO;
	/* What this kernel cannot run can still be described. */
	r = registry_find(w, q->name, q->serial, 3, &b, &refusal);
	if (r > 0 && refusal.code == REFUSAL_KERNEL_UNSUPPORTED)
		for (b = w->bundles; b; b = b->next)
			if (!strcmp(b->name, q->name) && b->spec && (!q->serial || b->serial == q->serial))
				break;
	if (r > 0 && !b) {
		reply_refusal(w, c->number, m->call, &refusal);
		return 0;
	}
	reply = calloc(1, sizeof(*reply));
	if (!reply)
		return -ENOMEM;
	bundle_row(w, b, c, &reply->probe);
	reply->m = (struct message){ .type = MESSAGE_REPLY_SPEC, .connection = c->number, .call = m->call };
	reply->spec = *b->spec;
	r = PEER_SEND(w->gate, reply, NULL, 0);
	free(reply);
	if (r >= 0)
		reply_end(w, c->number, m->call);
	return r;
}

static int on_attach(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	return request_attach(w, c, (const struct message_attach *)(const void *)m);
}

static int no_such(struct warden *w, struct connection *c, uint64_t call, uint64_t id)
{
	struct refusal refusal;

	attached_no_such(id, &refusal);
	reply_refusal(w, c->number, call, &refusal);
	return 0;
}

/* One's own attachment; another's does not exist for the caller. */
static struct attached *own(struct warden *w, const struct connection *c, const struct message *m)
{
	struct attached *at = attached_find(w, ((const struct message_attachment_id *)(const void *)m)->id);

	return at && at->a.uid == c->uid && !at->ending ? at : NULL;
}

static int on_watch(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	struct attached *at = own(w, c, m);

	(void)fds;
	(void)n_fds;
	if (!at)
		return no_such(w, c, m->call, ((const struct message_attachment_id *)(const void *)m)->id);
	request_watch(w, c->number, m->call, at);
	return 0;
}

static bool on_values(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct warden *w = order->w;
	struct attached *at = attached_find(w, order->number);
	struct connection *c = client_find(w, order->connection);
	struct refusal refusal;
	union {
		struct message m;
		struct message_counters counters;
		struct message_histogram histogram;
		struct message_count count;
	} row;

	(void)fds;
	(void)n_fds;
	if (!m || m->type == MESSAGE_DONE || !at) {
		refusal_set(&refusal, REFUSAL_UNAVAILABLE, "loader",
			    "the attachment cannot be read now: try again");
		reply_refusal(w, order->connection, order->client_call, &refusal);
		return true;
	}
	if (m->type == MESSAGE_END) {
		reply_end(w, order->connection, order->client_call);
		return true;
	}
	if (!c || !w->gate || m->size > sizeof(row))
		return false;
	memcpy(&row, m, m->size);
	row.m.type = m->type == MESSAGE_COUNTERS    ? MESSAGE_REPLY_COUNTERS
		     : m->type == MESSAGE_HISTOGRAM ? MESSAGE_REPLY_HISTOGRAM
						    : MESSAGE_REPLY_COUNT;
	row.m.connection = order->connection;
	row.m.call = order->client_call;
	/* Program-wide counters tell of the activity of others. */
	if (row.m.type != MESSAGE_REPLY_COUNTERS || !row.counters.program_wide || may_see_host(w, c, at))
		(void)peer_send(w->gate, &row.m, m->size, NULL, 0);
	return false;
}

static int on_read(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	struct message_attachment_id q = *(const struct message_attachment_id *)(const void *)m;
	struct attached *at = own(w, c, m);
	struct order *order;

	(void)fds;
	(void)n_fds;
	if (!at)
		return no_such(w, c, m->call, q.id);
	order = order_new(w, SIDE_LOADER, on_values, NULL);
	if (!order)
		return -ENOMEM;
	order->number = q.id;
	order->connection = c->number;
	order->client_call = m->call;
	(void)reply_stream(w, c->number, m->call, at, -EBADF);
	q.m = (struct message){ .type = MESSAGE_READ_VALUES };
	(void)order_send(order, &q.m, sizeof(q), NULL, 0);
	return 0;
}

static int on_detach(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_attachment_id *q = (const struct message_attachment_id *)(const void *)m;
	struct attached *at = attached_find(w, q->id);
	struct policy_decision decision = { .rule = "owner" };
	struct refusal refusal;
	struct act act;

	(void)fds;
	(void)n_fds;
	if (!at || at->ending)
		return no_such(w, c, m->call, q->id);
	if (at->a.uid != c->uid && !may_detach(w, c, at, &decision)) {
		/* It does not exist for the caller, whom the log tells apart from one who mistyped. */
		act = (struct act){ .by = c,
				    .action = "detach",
				    .probe = at->a.probe,
				    .rule = decision.rule,
				    .attachment = at->a.id };
		attached_no_such(q->id, &refusal);
		return request_deny(w, c, m->call, &act, &refusal);
	}
	return request_detach(w, c, m->call, at, decision.rule);
}

/* Who may not read the log, where all are, sees those that they may end. */
void status_rows(struct warden *w, struct connection *c, uint64_t call, bool all, uint64_t cost_since)
{
	bool log = all && may(w, c, POLICY_AUDIT_READ, "", NULL);

	for (struct attached *at = w->attached; at; at = at->next)
		if (at->a.uid == c->uid || log || (all && may_detach(w, c, at, NULL)))
			reply_attachment(w, c->number, call, at, cost_since);
	reply_end(w, c->number, call);
}

static int on_status(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_status *q = (const struct message_status *)(const void *)m;
	struct policy_decision decision;
	bool all = q->flags & MESSAGE_FLAG_ALL;

	(void)fds;
	(void)n_fds;
	if (all && !may(w, c, POLICY_AUDIT_READ, "", &decision) &&
	    !may(w, c, POLICY_DETACH_ANY, "*", &decision))
		return request_forbid(w, c, m->call, "status", "see the attachments of others", &decision);
	if (q->flags & MESSAGE_FLAG_COST)
		return cost_status(w, c, m->call, all);
	status_rows(w, c, m->call, all, COST_NOT_ASKED);
	return 0;
}

static int on_enroll(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	return request_enroll(w, c, (const struct message_enroll *)(const void *)m, fds, n_fds);
}

static int on_promote(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	return request_promote(w, c, (const struct message_bundle *)(const void *)m);
}

static int on_revoke(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	return request_revoke(w, c, (const struct message_revoke *)(const void *)m);
}

static int on_accept_clock(struct warden *w, struct connection *c, const struct message *m, int *fds,
			   size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	return request_accept_clock(w, c, (const struct message_flags *)(const void *)m);
}

static int on_policy_reload(struct warden *w, struct connection *c, const struct message *m, int *fds,
			    size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	return request_policy_reload(w, c, (const struct message_flags *)(const void *)m);
}

static int on_policy_mine(struct warden *w, struct connection *c, const struct message *m, int *fds,
			  size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	return request_policy_mine(w, c, m);
}

static int on_policy_explain(struct warden *w, struct connection *c, const struct message *m, int *fds,
			     size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	return request_policy_explain(w, c, (const struct message_explain *)(const void *)m);
}

static int on_policy_text(struct warden *w, struct connection *c, const struct message *m, int *fds,
			  size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	return request_policy_text(w, c, (const struct message_policy_text *)(const void *)m);
}

static int on_audit(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	return request_audit(w, c, m);
}

static int on_go_on(struct warden *w, struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	(void)fds;
	(void)n_fds;
	listing_go_on(w, c->number, m->call);
	return 0;
}

int request_handle(struct warden *w, const struct message *m, int *fds, size_t n_fds)
{
	static int (*const handlers[_MESSAGE_MAX])(struct warden *, struct connection *,
						   const struct message *, int *, size_t) = {
		[MESSAGE_CLOSED] = on_closed,
		[MESSAGE_LIST] = on_list,
		[MESSAGE_DESCRIBE] = on_describe,
		[MESSAGE_ATTACH] = on_attach,
		[MESSAGE_WATCH] = on_watch,
		[MESSAGE_READ] = on_read,
		[MESSAGE_DETACH] = on_detach,
		[MESSAGE_STATUS] = on_status,
		[MESSAGE_REGISTRY_LIST] = on_registry_list,
		[MESSAGE_REGISTRY_DESCRIBE] = on_registry_describe,
		[MESSAGE_ENROLL] = on_enroll,
		[MESSAGE_PROMOTE] = on_promote,
		[MESSAGE_REVOKE] = on_revoke,
		[MESSAGE_ACCEPT_CLOCK] = on_accept_clock,
		[MESSAGE_POLICY_RELOAD] = on_policy_reload,
		[MESSAGE_POLICY_MINE] = on_policy_mine,
		[MESSAGE_POLICY_EXPLAIN] = on_policy_explain,
		[MESSAGE_POLICY_TEXT] = on_policy_text,
		[MESSAGE_AUDIT_QUERY] = on_audit,
		[MESSAGE_AUDIT_HEAD] = on_audit,
		[MESSAGE_AUDIT_CHECKPOINTS] = on_audit,
		[MESSAGE_AUDIT_PROVE] = on_audit,
		[MESSAGE_AUDIT_TEXT] = on_audit,
		[MESSAGE_GO_ON] = on_go_on,
	};
	struct connection *c = client_find(w, m->connection);
	uint64_t number = m->connection, call = m->call;
	struct refusal refusal;
	int r;

	if (!c || !handlers[m->type])
		return -EPROTO;
	r = handlers[m->type](w, c, m, fds, n_fds);
	if (r >= 0 || r == -EPROTO)
		return r;
	/* Our own trouble is no fault of the gate's, and no reason to end everybody's connections. */
	refusal_set(&refusal, REFUSAL_UNAVAILABLE, "warden", "the request cannot be handled now: %s",
		    strerror(-r));
	reply_refusal(w, number, call, &refusal);
	return 0;
}
