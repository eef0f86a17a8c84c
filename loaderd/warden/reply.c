/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the gate is told. Nothing is sent for a client that has gone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

void reply_refusal(struct warden *w, uint64_t connection, uint64_t call, const struct refusal *refusal)
{
	struct message_refusal m = {
		.m = { .type = MESSAGE_REPLY_REFUSAL, .connection = connection, .call = call },
		.refusal = *refusal
	};

	if (w->gate && client_find(w, connection))
		(void)PEER_SEND(w->gate, &m, NULL, 0);
}

void reply_end(struct warden *w, uint64_t connection, uint64_t call)
{
	struct message m = { .type = MESSAGE_REPLY_END, .connection = connection, .call = call };

	if (w->gate && client_find(w, connection))
		(void)peer_send(w->gate, &m, sizeof(m), NULL, 0);
}

int reply_text(struct warden *w, uint64_t connection, uint64_t call, const char *text, size_t size)
{
	struct message_text *m;
	int r;

	if (!w->gate || !client_find(w, connection))
		return -ENOTCONN;
	if (size > MESSAGE_TEXT_MAX)
		return -EMSGSIZE;
	m = malloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->m = (struct message){ .type = MESSAGE_REPLY_TEXT, .connection = connection, .call = call };
	m->length = (uint32_t)size;
	m->reserved = 0;
	memcpy(m->text, text, size);
	r = peer_send(w->gate, &m->m, offsetof(struct message_text, text) + size, NULL, 0);
	free(m);
	return r < 0 ? r : 0;
}

void reply_attachment(struct warden *w, uint64_t connection, uint64_t call, const struct attached *at,
		      uint64_t cost_since)
{
	const struct bundle *b = registry_by_digest(w, at->a.digest);
	const struct connection *c = client_find(w, connection);
	struct message_attachment m = {
		.m = { .type = MESSAGE_REPLY_ATTACHMENT, .connection = connection, .call = call }, .a = at->a
	};

	memcpy(m.kernel_verified, at->instance->kernel_verified, sizeof(m.kernel_verified));
	if (b)
		m.n_parameters = b->spec->n_params;
	for (uint32_t i = 0; i < m.n_parameters; i++)
		memcpy(m.parameter_names[i], b->spec->params[i].name, sizeof(m.parameter_names[i]));
	if (!w->gate || !c)
		return;
	if (at->cost.read >= cost_since)
		cost_tell(at, c, &m);
	(void)PEER_SEND(w->gate, &m, NULL, 0);
}

int reply_stream(struct warden *w, uint64_t connection, uint64_t call, const struct attached *at, int ring)
{
	struct bundle *b = registry_by_digest(w, at->a.digest);
	struct message_stream *m;
	int fds[2], r;

	if (!b || !w->gate || !client_find(w, connection))
		return -ENOTCONN;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->m = (struct message){ .type = MESSAGE_REPLY_STREAM, .connection = connection, .call = call };
	m->a = at->a;
	memcpy(m->kernel_verified, at->instance->kernel_verified, sizeof(m->kernel_verified));
	m->spec = *b->spec;
	fds[0] = b->enumerations;
	fds[1] = ring;
	r = PEER_SEND(w->gate, m, fds, ring >= 0 ? 2 : 1);
	free(m);
	return r;
}

/* A denial waits for its record, too, and takes nothing else with it. */
struct denying {
	struct pending pending;
	struct warden *w;
	uint64_t connection, call;
	struct refusal refusal;
};

static void on_denial_durable(struct pending *pending, const struct refusal *failed)
{
	struct denying *d = (struct denying *)(void *)pending;

	/* Refused either way: that the log has a problem is for administrators. */
	(void)failed;
	reply_refusal(d->w, d->connection, d->call, &d->refusal);
	free(d);
}

int request_deny(struct warden *w, const struct connection *c, uint64_t call, struct act *act,
		 const struct refusal *refusal)
{
	struct denying *d = calloc(1, sizeof(*d));
	struct refusal ignored;

	if (!d)
		return -ENOMEM;
	*d = (struct denying){ .pending = { .go = on_denial_durable },
			       .w = w,
			       .connection = c->number,
			       .call = call,
			       .refusal = *refusal };
	act->refusal = refusal;
	(void)record_decision(w, act, false, NULL, &ignored);
	pending_add(w, &d->pending);
	return 0;
}
