/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parser process: answers the warden's VERIFY, each in a one-shot child (verify.h), and tells the loader,
 * first and over a connection of their own, what it may load. It adds what only the running kernel's BTF
 * knows (facts.h): which variant fits, the ids of hooks, the names of enumerations.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <openssl/evp.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "common/fd.h"
#include "loaderd/parser/facts.h"
#include "loaderd/parser/verify.h"
#include "loaderd/peer.h"
#include "loaderd/process.h"
#include "loaderd/sandbox.h"

struct parser {
	sd_event *event;
	struct peer *warden, *loader;
	uid_t loader_uid;
	struct facts *facts;
	struct child *children;
};

/* One request under way. */
struct child {
	struct child *next;
	struct parser *parser;
	uint64_t call;
	uint8_t digest[DIGEST_SIZE]; /* of the manifest that it looks at; all 0 if that cannot be read */
	bool trial;
	int64_t known; /* of the question */
	pid_t pid;
	int fd;
	sd_event_source *io, *deadline;
};

static int on_nothing(struct peer *peer, const struct message *m, int *fds, size_t n_fds, void *userdata)
{
	(void)peer;
	(void)m;
	(void)fds;
	(void)n_fds;
	(void)userdata;
	return -EPROTO; /* the loader never answers */
}

static void on_loader_closed(struct peer *peer, const char *reason, void *userdata)
{
	struct parser *parser = userdata;

	(void)reason;
	(void)peer;
	parser->loader = peer_free(parser->loader);
}

static int connect_loader(struct parser *parser)
{
	struct peer_options options = { .self = SIDE_PARSER,
					.other = SIDE_LOADER,
					.record = on_nothing,
					.closed = on_loader_closed,
					.userdata = parser,
					.uid = parser->loader_uid };

	if (parser->loader)
		return 0;
	return peer_connect(parser->event, SOCKET_VERDICTS, &options, &parser->loader);
}

/* --- what the kernel knows ---------------------------------------------------------------------------- */

static void choose_variant(struct parser *parser, struct message_verified *v)
{
	v->variant = UINT32_MAX;
	for (uint32_t i = 0; i < v->spec.n_variants; i++)
		if (facts_fit(parser->facts, &v->spec.variants[i], &v->unsupported)) {
			v->variant = i;
			memset(&v->unsupported, 0, sizeof(v->unsupported));
			return;
		}
}

/* --- what the loader is told -------------------------------------------------------------------------- */

static int send_loader(struct parser *parser, struct message *m, size_t size)
{
	int r = connect_loader(parser);

	if (r >= 0)
		r = peer_send(parser->loader, m, size, NULL, 0);
	if (r != -EPIPE && r != -ECONNRESET)
		return r;
	/* That one has ended, and we had not heard of it. The next one listens on the same socket. */
	parser->loader = peer_free(parser->loader);
	r = connect_loader(parser);
	return r < 0 ? r : peer_send(parser->loader, m, size, NULL, 0);
}

/* Until when the loader may believe it: what was said before trust changed must not live on in the hands of a
 * warden that asks no more. Nor does it outlive the certificates, by the time that they were judged by. */
static uint64_t believed_until(const struct message_verified *v, int64_t known)
{
	struct timespec boot, real;
	uint64_t life = VERDICT_LIFE / 1000;
	int64_t now;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &real);
	now = real.tv_sec > known ? real.tv_sec : known;
	if (v->valid_until - now < (int64_t)life)
		life = v->valid_until > now ? (uint64_t)(v->valid_until - now) : 0;
	/* The second that valid_until names is a valid one. */
	return ((uint64_t)boot.tv_sec + life + 1) * 1000000000;
}

static int tell_loader(struct parser *parser, const struct message_verified *v, int64_t known)
{
	_cleanup_free_ struct message_verdict *verdict = calloc(1, sizeof(*verdict));

	if (!verdict)
		return -ENOMEM;
	verdict->m.type = MESSAGE_VERDICT;
	verdict->until = believed_until(v, known);
	memcpy(verdict->digest, v->digest, DIGEST_SIZE);
	memcpy(verdict->signers, v->signers, sizeof(verdict->signers));
	verdict->spec = v->spec;
	for (uint32_t i = 0; i < v->spec.n_variants; i++)
		for (uint32_t j = 0; j < v->spec.variants[i].n_programs; j++)
			(void)facts_hook(parser->facts, &v->spec.variants[i].programs[j],
					 &verdict->attach_btf_id[i][j], NULL);
	return send_loader(parser, &verdict->m, sizeof(*verdict));
}

static void tell_loader_to_forget(struct parser *parser, const struct child *child)
{
	struct message_forget m = { .m = { .type = MESSAGE_FORGET } };

	memcpy(m.digest, child->digest, DIGEST_SIZE);
	(void)send_loader(parser, &m.m, sizeof(m));
}

/* --- children ----------------------------------------------------------------------------------------- */

static void child_end(struct child *child)
{
	struct child **p = &child->parser->children;

	while (*p != child)
		p = &(*p)->next;
	*p = child->next;
	(void)kill(child->pid, SIGKILL);
	(void)waitpid(child->pid, NULL, 0);
	sd_event_source_disable_unref(child->io);
	sd_event_source_disable_unref(child->deadline);
	close_fd(child->fd);
	free(child);
}

static void answer(struct child *child, struct message_verified *v)
{
	struct parser *parser = child->parser;
	_cleanup_close_ int enumerations = -EBADF;

	v->m = (struct message){ .type = MESSAGE_VERIFIED, .call = child->call };
	if (!v->refusal.code && (!spec_check(&v->spec) || v->n_signers > SIGNATURES_MAX))
		refusal_set(&v->refusal, REFUSAL_BUNDLE_INVALID, "spec",
			    "the child's answer is out of shape");
	/* A child can lie about the manifest that it was given, and about no other. */
	memcpy(v->digest, child->digest, DIGEST_SIZE);
	if (!v->refusal.code) {
		choose_variant(parser, v);
		enumerations = facts_enumerations(parser->facts, &v->spec);
		if (enumerations < 0)
			refusal_set(&v->refusal, REFUSAL_UNAVAILABLE, "parser", "enumerations: %s",
				    strerror(-enumerations));
	}
	/* Whoever may connect can ask for a trial of any bytes: what it comes to is no word to the loader. */
	if (!v->refusal.code && !child->trial && tell_loader(parser, v, child->known) < 0)
		refusal_set(&v->refusal, REFUSAL_UNAVAILABLE, "loader",
			    "the loader is starting again: try again");
	if (v->refusal.code && v->refusal.code != REFUSAL_UNAVAILABLE && !child->trial)
		tell_loader_to_forget(parser, child);
	(void)PEER_SEND(parser->warden, v, &enumerations, enumerations >= 0 && !v->refusal.code ? 1 : 0);
	child_end(child);
}

static void answer_failure(struct child *child, const char *reason)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));

	if (!v) {
		child_end(child);
		return;
	}
	refusal_set(&v->refusal, REFUSAL_BUNDLE_INVALID, "child", "%s", reason);
	answer(child, v);
}

static int on_child(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));
	struct child *child = userdata;

	(void)source;
	(void)revents;
	if (!v)
		return -ENOMEM;
	if (recv(fd, v, sizeof(*v), MSG_DONTWAIT) == sizeof(*v))
		answer(child, v);
	else
		answer_failure(child, "the process that looked at it died");
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	answer_failure(userdata, "the process that looked at it did not end in time");
	return 0;
}

/* What a hostile bundle could reach beside its own descriptors: the parser's connections, other children. */
static int close_others(int to, const int *fds, size_t n_fds)
{
	for (unsigned from = STDERR_FILENO + 1;;) {
		unsigned next = ~0U;

		if ((unsigned)to >= from)
			next = (unsigned)to;
		for (size_t i = 0; i < n_fds; i++)
			if ((unsigned)fds[i] >= from && (unsigned)fds[i] < next)
				next = (unsigned)fds[i];
		if (next > from && close_range(from, next == ~0U ? next : next - 1, 0) < 0)
			return -errno;
		if (next == ~0U)
			return 0;
		from = next + 1;
	}
}

_Noreturn static void run_child(int to, const struct message_verify *verify, const int *fds, size_t n_fds)
{
	struct verify_request request = { .manifest = fds[0],
					  .signatures = fds + 1,
					  .n_signatures = n_fds - 1,
					  .revoked = verify->revoked,
					  .n_revoked = verify->n_revoked,
					  .known = verify->known };
	struct message_verified *v = calloc(1, sizeof(*v));

	if (!v || close_others(to, fds, n_fds) < 0)
		_exit(1);
	(void)verify_bundle(&request, v);
	_exit(send(to, v, sizeof(*v), MSG_NOSIGNAL) == sizeof(*v) ? 0 : 1);
}

/* What cannot be read keeps no digest: the child will say what is wrong with it. */
static void hash_manifest(int fd, uint8_t digest[DIGEST_SIZE])
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	if (fd_check_sealed(fd) < 0 || fd_read_all(fd, MANIFEST_SIZE_MAX, &bytes, &size) < 0 ||
	    !EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL))
		memset(digest, 0, DIGEST_SIZE);
}

static int start_child(struct parser *parser, const struct message_verify *verify, const int *fds,
		       size_t n_fds)
{
	struct child *child;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	child = calloc(1, sizeof(*child));
	if (!child) {
		close_fd(pair[0]);
		close_fd(pair[1]);
		return -ENOMEM;
	}
	*child = (struct child){ .next = parser->children,
				 .parser = parser,
				 .call = verify->m.call,
				 .trial = verify->flags & MESSAGE_FLAG_TRIAL,
				 .known = verify->known,
				 .fd = pair[0] };
	hash_manifest(fds[0], child->digest);
	child->pid = fork();
	if (child->pid == 0)
		run_child(pair[1], verify, fds, n_fds);
	close_fd(pair[1]);
	if (child->pid < 0) {
		close_fd(pair[0]);
		free(child);
		return -errno;
	}
	parser->children = child;
	r = sd_event_add_io(parser->event, &child->io, child->fd, EPOLLIN, on_child, child);
	if (r >= 0)
		r = sd_event_add_time_relative(parser->event, &child->deadline, CLOCK_MONOTONIC,
					       PARSER_CHILD_TIMEOUT * 1000ULL, 0, on_deadline, child);
	if (r < 0)
		child_end(child);
	return r;
}

/* --- the process -------------------------------------------------------------------------------------- */

/* Out of processes or memory: that is no reason to leave the others' requests. */
static void refuse_request(struct parser *parser, uint64_t call)
{
	_cleanup_free_ struct message_verified *v = calloc(1, sizeof(*v));

	if (!v)
		return;
	v->m = (struct message){ .type = MESSAGE_VERIFIED, .call = call };
	refusal_set(&v->refusal, REFUSAL_UNAVAILABLE, "parser", "no process can be made now: try again");
	(void)PEER_SEND(parser->warden, v, NULL, 0);
}

static bool revocations_ok(const struct message_verify *verify)
{
	if (verify->n_revoked > REVOCATIONS_OWN_MAX)
		return false;
	for (uint32_t i = 0; i < verify->n_revoked; i++)
		if (!revocation_check(&verify->revoked[i]))
			return false;
	return true;
}

static int on_warden_record(struct peer *peer, const struct message *m, int *fds, size_t n_fds,
			    void *userdata)
{
	const struct message_verify *verify = (const struct message_verify *)(const void *)m;
	struct parser *parser = userdata;

	(void)peer;
	if (m->type != MESSAGE_VERIFY || verify->n_signatures + 1 != n_fds || verify->known < 0 ||
	    !revocations_ok(verify))
		return -EPROTO;
	if (start_child(parser, verify, fds, n_fds) < 0)
		refuse_request(parser, m->call);
	return 0;
}

static void on_warden_closed(struct peer *peer, const char *reason, void *userdata)
{
	struct parser *parser = userdata;

	(void)peer;
	process_log(5, "the warden is gone (%s): starting again", reason);
	(void)sd_event_exit(parser->event, 0);
}

static int startup(struct parser *parser)
{
	struct peer_options warden = { .self = SIDE_PARSER,
				       .other = SIDE_WARDEN,
				       .record = on_warden_record,
				       .closed = on_warden_closed,
				       .userdata = parser };
	int r;

	r = verify_prepare();
	if (r >= 0)
		r = facts_new(&parser->facts);
	if (r >= 0)
		r = sd_event_default(&parser->event);
	if (r >= 0)
		r = process_uid(SIDE_LOADER, &parser->loader_uid);
	if (r >= 0)
		r = connect_loader(parser);
	if (r >= 0)
		r = process_uid(SIDE_WARDEN, &warden.uid);
	if (r >= 0)
		r = peer_connect(parser->event, SOCKET_PEERS, &warden, &parser->warden);
	if (r >= 0)
		r = sandbox_enter(SIDE_PARSER);
	return r;
}

int parser_main(void)
{
	struct parser parser = { 0 };
	int r;

	r = startup(&parser);
	if (r >= 0) {
		(void)sd_notify(0, "READY=1\nSTATUS=Ready");
		r = sd_event_loop(parser.event);
	}
	if (r < 0)
		process_log(3, "cannot go on: %s", strerror(-r));
	while (parser.children)
		child_end(parser.children);
	peer_free(parser.warden);
	peer_free(parser.loader);
	facts_free(parser.facts);
	sd_event_unref(parser.event);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
