/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "loaderd/warden/warden.h"

struct order *order_new(struct warden *w, enum message_side to,
			bool (*done)(struct order *, const struct message *, int *, size_t), void *userdata)
{
	struct order *order = calloc(1, sizeof(*order));

	if (!order)
		return NULL;
	*order = (struct order){ .w = w,
				 .to = to,
				 .done = done,
				 .userdata = userdata,
				 .call = ++w->next_call,
				 .generation = w->verification.generation };
	return order;
}

static void unlink_order(struct warden *w, struct order *order)
{
	struct order **p = &w->orders;

	while (*p && *p != order)
		p = &(*p)->next;
	if (*p)
		*p = order->next;
}

static void fail(struct order *order)
{
	(void)order->done(order, NULL, NULL, 0);
	free(order);
}

int order_send(struct order *order, struct message *m, size_t size, const int *fds, size_t n_fds)
{
	struct warden *w = order->w;
	struct peer *peer = order->to == SIDE_PARSER ? w->parser : w->loader;
	int r = -ENOTCONN;

	m->call = order->call;
	if (peer)
		r = peer_send(peer, m, size, fds, n_fds);
	if (r < 0) {
		fail(order);
		return r;
	}
	order->next = w->orders;
	w->orders = order;
	return 0;
}

bool orders_answer(struct warden *w, enum message_side from, const struct message *m, int *fds, size_t n_fds)
{
	struct order *order = w->orders;

	while (order && (order->call != m->call || order->to != from))
		order = order->next;
	if (!order)
		return false;
	if (order->done(order, m, fds, n_fds)) {
		unlink_order(w, order);
		free(order);
	}
	return true;
}

void orders_fail(struct warden *w, enum message_side to)
{
	struct order *failed = NULL, **p = &w->orders;

	/* Taken out first: what a failing order starts anew must not be found here. */
	while (*p) {
		struct order *order = *p;

		if (order->to != to) {
			p = &order->next;
			continue;
		}
		*p = order->next;
		order->next = failed;
		failed = order;
	}
	while (failed) {
		struct order *next = failed->next;

		fail(failed);
		failed = next;
	}
}
