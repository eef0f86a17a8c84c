/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/verdicts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "loaderd/peer.h"
#include "loaderd/process.h"

#define VERDICTS_MAX 64

struct verdicts {
	sd_event *event;
	sd_event_source *accept;
	int listener;
	uid_t uid; /* the parser's */
	struct peer *parser;
	struct message_verdict *kept[VERDICTS_MAX];
	size_t next; /* where the next one goes: over the oldest */
};

struct verdicts *verdicts_free(struct verdicts *v)
{
	if (!v)
		return NULL;
	for (size_t i = 0; i < VERDICTS_MAX; i++)
		free(v->kept[i]);
	peer_free(v->parser);
	sd_event_source_disable_unref(v->accept);
	close_fd(v->listener);
	free(v);
	return NULL;
}

static uint64_t now_boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void forget(struct verdicts *v, const uint8_t digest[DIGEST_SIZE])
{
	for (size_t i = 0; i < VERDICTS_MAX; i++)
		if (v->kept[i] && !memcmp(v->kept[i]->digest, digest, DIGEST_SIZE)) {
			free(v->kept[i]);
			v->kept[i] = NULL;
		}
}

static int on_record(struct peer *peer, const struct message *m, int *fds, size_t n_fds, void *userdata)
{
	const struct message_verdict *verdict = (const struct message_verdict *)m;
	struct verdicts *v = userdata;
	size_t i;

	(void)peer;
	(void)fds;
	(void)n_fds;
	if (m->type == MESSAGE_FORGET) {
		forget(v, ((const struct message_forget *)m)->digest);
		return 0;
	}
	if (m->type != MESSAGE_VERDICT || !spec_check(&verdict->spec) || !MESSAGE_TEXT_OK(verdict->signers))
		return -EPROTO;
	for (i = 0; i < VERDICTS_MAX; i++)
		if (v->kept[i] && !memcmp(v->kept[i]->digest, verdict->digest, DIGEST_SIZE))
			break;
	if (i == VERDICTS_MAX) {
		i = v->next;
		v->next = (v->next + 1) % VERDICTS_MAX;
	}
	if (!v->kept[i])
		v->kept[i] = malloc(sizeof(*verdict));
	if (!v->kept[i])
		return -ENOMEM;
	*v->kept[i] = *verdict;
	return 0;
}

static void on_closed(struct peer *peer, const char *reason, void *userdata)
{
	/* It comes back by itself. Freed when the next one is accepted: we may be inside its own call. */
	(void)peer;
	(void)userdata;
	process_log(5, "the parser is gone (%s)", reason);
}

static int accept_parser(struct verdicts *v)
{
	struct peer_options options = { .self = SIDE_LOADER,
					.other = SIDE_PARSER,
					.record = on_record,
					.closed = on_closed,
					.userdata = v,
					.uid = v->uid };
	struct peer *parser = NULL;
	int fd, r;

	fd = accept4(v->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = peer_new(v->event, fd, true, &options, &parser);
	if (r < 0) {
		process_log(4, "refused a connection to the verdict socket: %s", strerror(-r));
		return 0;
	}
	v->parser = peer_free(v->parser);
	v->parser = parser;
	return 0;
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	(void)accept_parser(userdata);
	return 0;
}

int verdicts_new(sd_event *event, int listener, struct verdicts **ret)
{
	struct verdicts *v = calloc(1, sizeof(*v));
	int r;

	if (!v) {
		close_fd(listener);
		return -ENOMEM;
	}
	v->event = event;
	v->listener = listener;
	r = process_uid(SIDE_PARSER, &v->uid);
	if (r >= 0)
		r = sd_event_add_io(event, &v->accept, listener, EPOLLIN, on_accept, v);
	if (r < 0) {
		verdicts_free(v);
		return r;
	}
	*ret = v;
	return 0;
}

void verdicts_drain(struct verdicts *v)
{
	/* A parser that has just come back may still wait at the listening socket. */
	while (accept_parser(v) == 0)
		;
	if (v->parser)
		(void)peer_drain(v->parser);
}

const struct message_verdict *verdicts_find(const struct verdicts *v, const uint8_t digest[DIGEST_SIZE])
{
	uint64_t now = now_boottime();

	for (size_t i = 0; i < VERDICTS_MAX; i++)
		if (v->kept[i] && !memcmp(v->kept[i]->digest, digest, DIGEST_SIZE))
			return now <= v->kept[i]->until ? v->kept[i] : NULL;
	return NULL;
}
