/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enrolment. A bundle comes as descriptors, is copied into sealed memfds before anything looks at it, judged
 * by the parser, and written to the registry under a name that only signed bytes chose.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "loaderd/warden/warden.h"
#include "signing/trust.h"

#define ENROLL_SIZE_MAX (32U << 20) /* all files of one enrolment together */

struct enrolling {
	struct pending pending;
	struct enrolling *next; /* of all */
	struct warden *w;
	uid_t uid;
	uint64_t connection, call;
	struct connection *by;
	struct message_enroll request;
	struct bundle *bundle; /* not in the registry yet */
	int fds[PEER_FDS_MAX]; /* sealed copies: manifest, signatures, files */
	size_t n_fds;
	uint64_t decision;
	char rule[OBJECT_NAME_MAX];
};

static struct enrolling *under_way;

static struct enrolling *enrolling_free(struct enrolling *e)
{
	struct enrolling **p = &under_way;

	if (!e)
		return NULL;
	while (*p && *p != e)
		p = &(*p)->next;
	if (*p)
		*p = e->next;
	while (e->n_fds)
		close_fd(e->fds[--e->n_fds]);
	registry_free(e->bundle);
	connection_unref(e->by);
	free(e);
	return NULL;
}
DEFINE_CLEANUP(struct enrolling *, enrolling_free)

static void refuse(struct enrolling *e, struct act *act, const struct refusal *refusal)
{
	struct connection *c = client_find(e->w, e->connection);

	if (c)
		(void)request_deny(e->w, c, e->call, act, refusal);
	enrolling_free(e);
}

/* --- write -------------------------------------------------------------------------------------------- */

static int write_file(int dir, const char *name, int from)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *bytes = NULL;
	size_t size;
	int r;

	if (strchr(name, '/') || name[0] == '.')
		return -EINVAL;
	r = fd_read_all(from, BUNDLE_FILE_SIZE_MAX, &bytes, &size);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, bytes, size);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_all(struct enrolling *e, int dir)
{
	const struct spec *spec = e->bundle->spec;
	char name[64];
	int r;

	r = write_file(dir, "manifest.json", e->fds[0]);
	for (uint32_t i = 0; i < e->request.n_signatures && r >= 0; i++) {
		snprintf(name, sizeof(name), "manifest.json.%u.p7s", i + 1);
		r = write_file(dir, name, e->fds[1 + i]);
	}
	for (uint32_t i = 0; i < spec->n_files && r >= 0; i++)
		r = write_file(dir, spec->files[i].name, e->fds[1 + e->request.n_signatures + i]);
	return r < 0 ? r : registry_write_state_at(e->bundle, dir);
}

/* A directory with one level of files; what an earlier attempt left behind. */
static void remove_directory(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		close_fd(fd);
		return;
	}
	while ((entry = readdir(dir)))
		(void)unlinkat(fd, entry->d_name, 0);
	closedir(dir);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

/* Everything under another name first, then one rename(2): a power cut leaves all or nothing. */
static int write_bundle(struct enrolling *e)
{
	const struct bundle *b = e->bundle;
	_cleanup_close_ int parent = registry_open_name(b->name, true), dir = -EBADF;
	char serial[24], temporary[32];
	int r;

	if (parent < 0)
		return parent;
	snprintf(serial, sizeof(serial), "%" PRIu64, b->serial);
	snprintf(temporary, sizeof(temporary), ".%" PRIu64 ".new", b->serial);
	remove_directory(parent, temporary);
	if (mkdirat(parent, temporary, 0700) < 0)
		return -errno;
	dir = fd_open_trusted_dir(parent, temporary, geteuid());
	r = dir < 0 ? dir : write_all(e, dir);
	if (r >= 0 && renameat(parent, temporary, parent, serial) < 0)
		r = -errno;
	if (r < 0) {
		remove_directory(parent, temporary);
		return r;
	}
	return fsync(parent) < 0 ? -errno : 0;
}

static int check_serial(const struct enrolling *e, struct refusal *refusal);

/* In this order: whatever a power cut leaves, no lower serial can come in again. */
static int write_registry(struct enrolling *e)
{
	int r = registry_raise_highest(e->bundle);

	return r < 0 ? r : write_bundle(e);
}

static void on_enroll_durable(struct pending *pending, const struct refusal *failed)
{
	struct enrolling *e = (struct enrolling *)(void *)pending;
	struct warden *w = e->w;
	struct connection *c = client_find(w, e->connection);
	struct act act = {
		.by = e->by, .action = "enroll", .bundle = e->bundle, .decision = e->decision, .rule = e->rule
	};
	struct message_probe row;
	struct refusal refusal;
	int r = 0;

	if (failed) {
		reply_refusal(w, e->connection, e->call, failed);
		enrolling_free(e);
		return;
	}
	/* Another enrolment of the same name may have come first. */
	r = check_serial(e, &refusal);
	if (!r)
		r = audit_admit(w->audit, &refusal);
	if (!r && !(e->request.flags & MESSAGE_FLAG_DRY_RUN))
		r = write_registry(e);
	if (r < 0)
		refusal_set(&refusal, REFUSAL_UNAVAILABLE, "registry", "the registry cannot be written: %s",
			    strerror(-r));
	if (r) {
		act.refusal = &refusal;
		if (!(e->request.flags & MESSAGE_FLAG_DRY_RUN))
			record_outcome(w, &act, false);
		reply_refusal(w, e->connection, e->call, &refusal);
		enrolling_free(e);
		return;
	}
	/* A dry run is a decision without an outcome, as with attach. */
	if (!(e->request.flags & MESSAGE_FLAG_DRY_RUN))
		record_outcome(w, &act, true);
	if (c && w->gate) {
		bundle_row(w, e->bundle, c, &row);
		row.m.connection = c->number;
		row.m.call = e->call;
		(void)PEER_SEND(w->gate, &row, NULL, 0);
		reply_end(w, c->number, e->call);
	}
	if (!(e->request.flags & MESSAGE_FLAG_DRY_RUN)) {
		struct bundle *b = take_ptr(e->bundle);

		registry_add(w, b);
		verification_enrolled(w, b);
	}
	enrolling_free(e);
}

/* --- judge -------------------------------------------------------------------------------------------- */

static int check_file(int fd, const struct spec_file *file, struct refusal *refusal)
{
	_cleanup_free_ char *bytes = NULL;
	uint8_t digest[DIGEST_SIZE];
	size_t size;

	if (fd_read_all(fd, BUNDLE_FILE_SIZE_MAX, &bytes, &size) < 0 || size != file->size ||
	    !EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) ||
	    memcmp(digest, file->digest, DIGEST_SIZE))
		return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, "F2",
				   "%s is not the file that was signed: its SHA-256 differs", file->name);
	return 0;
}

static int check_files(const struct enrolling *e, struct refusal *refusal)
{
	const struct spec *spec = e->bundle->spec;
	int r = 0;

	if (spec->n_files != e->request.n_files)
		return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, "F3",
				   "the manifest lists %u files and %u were given", spec->n_files,
				   e->request.n_files);
	for (uint32_t i = 0; i < spec->n_files && !r; i++)
		r = check_file(e->fds[1 + e->request.n_signatures + i], &spec->files[i], refusal);
	return r;
}

/* Not there yet, and not older than what was there. */
static int check_serial(const struct enrolling *e, struct refusal *refusal)
{
	const struct bundle *b = registry_named(e->w, e->bundle->name, e->bundle->serial);
	char text[PROBE_NAME_MAX + 24];
	struct trust_enrolment enrolment = { .bundle = text,
					     .signers = e->bundle->signers,
					     .may = e->bundle->may,
					     .production = e->bundle->channel == POLICY_CHANNEL_PRODUCTION,
					     .serial = e->bundle->serial };
	int r;

	bundle_text(e->bundle, text, sizeof(text));
	if (b)
		return refusal_set(refusal, b->revoked ? REFUSAL_REVOKED : REFUSAL_ALREADY_ENROLLED, text,
				   "%s is in the registry already%s", text, b->revoked ? ", revoked" : "");
	r = registry_highest(e->w, e->bundle->name, e->bundle->channel, &enrolment.highest);
	if (r < 0)
		return refusal_set(refusal, REFUSAL_UNAVAILABLE, "registry",
				   "which serials of %s were there before cannot be read: %s",
				   e->bundle->name, strerror(-r));
	return trust_check_enrolment(&enrolment, refusal);
}

static int judge(struct enrolling *e, const struct connection *c, struct policy_decision *decision,
		 struct refusal *refusal)
{
	struct policy_request request;
	char text[PROBE_NAME_MAX + 24];
	int r;

	if (e->bundle->refusal.code) {
		*refusal = e->bundle->refusal;
		return (int)refusal->code;
	}
	bundle_text(e->bundle, text, sizeof(text));
	question_by(c, POLICY_ENROLL, &request);
	question_about(&request, e->bundle);
	policy_decide(e->w->policy, &request, decision);
	if (!decision->allowed)
		return refusal_set(refusal, REFUSAL_POLICY_DENIED, decision->rule,
				   "the policy does not allow you to enroll %s (rule %s)", text,
				   decision->rule);
	r = check_serial(e, refusal);
	return r ? r : check_files(e, refusal);
}

/* The bundle's name and serial are what the signed manifest says: only now are they known. */
static void adopt(struct bundle *b, const struct message_verified *v)
{
	if (!v->refusal.code && spec_check(&v->spec)) {
		memcpy(b->name, v->spec.name, sizeof(b->name));
		b->serial = v->spec.serial;
	}
}

static bool on_judged(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct enrolling *e = order->userdata;
	struct warden *w = e->w;
	struct connection *c = client_find(w, e->connection);
	struct policy_decision decision = { .rule = "" };
	struct act act = { .by = c, .action = "enroll" };
	struct refusal refusal = { 0 };
	int r;

	if (!m || !c) {
		refusal_set(&refusal, REFUSAL_UNAVAILABLE, "parser",
			    "the parser is starting again: try again");
		reply_refusal(w, e->connection, e->call, &refusal);
		enrolling_free(e);
		return true;
	}
	adopt(e->bundle, (const struct message_verified *)(const void *)m);
	registry_answered(e->bundle, order, m, fds, n_fds);
	r = judge(e, c, &decision, &refusal);
	act.bundle = e->bundle->spec ? e->bundle : NULL;
	act.rule = decision.rule[0] ? decision.rule : refusal_name(refusal.code);
	memcpy(e->rule, decision.rule, sizeof(e->rule));
	act.detail = e->request.flags & MESSAGE_FLAG_DRY_RUN ? "dry run" : NULL;
	if (!r) {
		r = record_decision(w, &act, true, &e->decision, &refusal);
		if (r)
			act.rule = refusal_name(refusal.code);
	}
	if (r) {
		refuse(e, &act, &refusal);
		return true;
	}
	pending_add(w, &e->pending);
	return true;
}

static int copy_descriptors(struct enrolling *e, const int *fds, size_t n_fds, struct refusal *refusal)
{
	size_t total = 0;

	for (size_t i = 0; i < n_fds; i++) {
		struct stat st;
		size_t max = i == 0                         ? MANIFEST_SIZE_MAX
			     : i <= e->request.n_signatures ? SIGNATURE_SIZE_MAX
							    : BUNDLE_FILE_SIZE_MAX;
		int fd = fd_copy_sealed(fds[i], "enroll", max);

		if (fd < 0)
			return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "files",
					   "descriptor %zu is not a readable memfd of at most %zu bytes: %s",
					   i, max, strerror(-fd));
		e->fds[e->n_fds++] = fd;
		total += fstat(fd, &st) == 0 ? (size_t)st.st_size : 0;
		if (total > ENROLL_SIZE_MAX)
			return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "files",
					   "more than %u MiB in all", ENROLL_SIZE_MAX >> 20);
	}
	return 0;
}

/* Each holds dozens of descriptors and megabytes, and a child of the parser, before anybody can know whether
 * the user may enroll this one: what policy asks about stands in the bundle. */
static int check_room(uid_t uid, struct refusal *refusal)
{
	size_t n = 0, mine = 0;

	for (const struct enrolling *e = under_way; e; e = e->next, n++)
		mine += e->uid == uid;
	if (!mine && (n < ENROLMENTS_MAX || uid == 0))
		return 0;
	refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, "enrolments",
		    mine ? "an enrolment of yours is under way"
			 : "too many enrolments are under way: try again");
	refusal->used = mine ? mine : n;
	refusal->max = mine ? 1 : ENROLMENTS_MAX;
	return REFUSAL_LIMIT_EXCEEDED;
}

/* Who may enroll nothing at all is told before anything of theirs is copied or parsed. */
static int deny(struct warden *w, const struct connection *c, const struct message_enroll *m,
		const struct policy_decision *decision)
{
	struct act act = { .by = c,
			   .action = "enroll",
			   .rule = decision->rule,
			   .detail = m->flags & MESSAGE_FLAG_DRY_RUN ? "dry run" : NULL };
	struct refusal refusal;

	refusal_set(&refusal, REFUSAL_POLICY_DENIED, decision->rule,
		    "the policy does not allow you to enroll bundles (rule %s)", decision->rule);
	return request_deny(w, c, m->m.call, &act, &refusal);
}

int request_enroll(struct warden *w, struct connection *c, const struct message_enroll *m, int *fds,
		   size_t n_fds)
{
	_cleanup_(enrolling_free_p) struct enrolling *e = NULL;
	struct act act = { .by = c, .action = "enroll" };
	struct message_verify verify;
	struct policy_decision decision;
	struct refusal refusal = { 0 };
	struct order *order;

	if (!m->n_signatures || m->n_signatures > SIGNATURES_MAX || m->n_files > BUNDLE_FILES_MAX ||
	    n_fds != 1 + (size_t)m->n_signatures + m->n_files)
		return -EPROTO;
	if (!may_enroll(w, c,
			m->flags & MESSAGE_FLAG_EXPERIMENTAL ? POLICY_CHANNEL_EXPERIMENTAL
							     : POLICY_CHANNEL_PRODUCTION,
			&decision))
		return deny(w, c, m, &decision);
	if (check_room(c->uid, &refusal)) {
		act.rule = refusal.subject;
		return request_deny(w, c, m->m.call, &act, &refusal);
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->bundle = calloc(1, sizeof(*e->bundle));
	if (!e->bundle)
		return -ENOMEM;
	e->pending.go = on_enroll_durable;
	e->w = w;
	e->connection = c->number;
	e->by = connection_ref(c);
	e->call = m->m.call;
	e->uid = c->uid;
	e->next = under_way;
	under_way = e;
	e->request = *m;
	e->bundle->enumerations = -EBADF;
	e->bundle->channel = m->flags & MESSAGE_FLAG_EXPERIMENTAL ? POLICY_CHANNEL_EXPERIMENTAL
								  : POLICY_CHANNEL_PRODUCTION;
	e->bundle->enrolled_at = now_realtime();
	memcpy(e->bundle->enrolled_by, c->user, sizeof(e->bundle->enrolled_by));
	if (copy_descriptors(e, fds, n_fds, &refusal)) {
		act.rule = refusal_name(refusal.code);
		return request_deny(w, c, m->m.call, &act, &refusal);
	}
	order = order_new(w, SIDE_PARSER, on_judged, e);
	if (!order)
		return -ENOMEM;
	verification_question(w, m->n_signatures, MESSAGE_FLAG_TRIAL, &verify);
	(void)order_send(order, &verify.m, sizeof(verify), take_ptr(e)->fds, 1 + (size_t)m->n_signatures);
	return 0;
}
