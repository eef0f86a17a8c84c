/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which bundles there are: directories NAME/SERIAL below the shipped set and the registry, each with its
 * manifest, signatures and files, and in the registry a small file `state`. What a bundle may do is never
 * read here: the parser says it, from signed bytes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "loaderd/warden/warden.h"

static struct bundle *bundle_free(struct bundle *b)
{
	if (!b)
		return NULL;
	close_fd(b->enumerations);
	free(b->spec);
	free(b);
	return NULL;
}
DEFINE_CLEANUP(struct bundle *, bundle_free)

struct bundle *registry_free(struct bundle *list)
{
	while (list) {
		struct bundle *next = list->next;

		bundle_free(list);
		list = next;
	}
	return NULL;
}

void bundle_text(const struct bundle *b, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s-%" PRIu64, b->name, b->serial);
}

static int open_directory(const struct bundle *b, bool shipped)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%" PRIu64, shipped ? PATH_BUNDLES : PATH_REGISTRY, b->name,
		 b->serial);
	return fd_open_trusted_dir(AT_FDCWD, path, geteuid());
}

int registry_open_file(const struct bundle *b, const char *name)
{
	_cleanup_close_ int dir = open_directory(b, b->shipped), fd = -EBADF;
	_cleanup_free_ char *bytes = NULL;
	size_t size;
	int r;

	if (dir < 0)
		return dir;
	fd = fd_open_trusted(dir, name, geteuid());
	if (fd < 0)
		return fd;
	r = fd_read_all(fd, BUNDLE_FILE_SIZE_MAX, &bytes, &size);
	if (r < 0)
		return r;
	return fd_memfd_sealed(name, bytes, size);
}

static bool is_signature(const char *name)
{
	size_t n = strlen(name);

	return !strncmp(name, "manifest.json.", 14) && n > 4 && !strcmp(name + n - 4, ".p7s");
}

/* The manifest and up to SIGNATURES_MAX signatures, in that order; returns how many. */
static int open_signed(const struct bundle *b, int *fds)
{
	_cleanup_close_ int dir = open_directory(b, b->shipped);
	struct dirent *entry;
	DIR *d;
	int n = 0, r;

	if (dir < 0)
		return dir;
	r = registry_open_file(b, "manifest.json");
	if (r < 0)
		return r;
	fds[n++] = r;
	d = fdopendir(take_fd(dir));
	if (!d) {
		close_fd(fds[0]);
		return -errno;
	}
	while ((entry = readdir(d)) && n <= SIGNATURES_MAX)
		if (is_signature(entry->d_name)) {
			r = registry_open_file(b, entry->d_name);
			if (r >= 0)
				fds[n++] = r;
		}
	closedir(d);
	return n;
}

int registry_verify(struct warden *w, struct bundle *b, struct order *order)
{
	struct message_verify m = { .m = { .type = MESSAGE_VERIFY } };
	int fds[1 + SIGNATURES_MAX], n, r;

	(void)w;
	n = open_signed(b, fds);
	if (n < 2) {
		refusal_set(&b->refusal, REFUSAL_SIGNATURE_INVALID, "S0", "the bundle %s",
			    n < 0 ? "cannot be read" : "has no signature");
		b->answered = true;
		if (n == 1)
			close_fd(fds[0]);
		(void)order->done(order, NULL, NULL, 0);
		free(order);
		return 0;
	}
	m.n_signatures = (uint32_t)n - 1;
	r = order_send(order, &m.m, sizeof(m), fds, (size_t)n);
	while (n)
		close_fd(fds[--n]);
	return r;
}

void registry_answered(struct bundle *b, const struct message_verified *v, int *fds, size_t n_fds)
{
	b->answered = true;
	/* No word about the bundle: what was known of it goes on to hold. */
	if (v->refusal.code == REFUSAL_UNAVAILABLE && b->spec)
		return;
	b->refusal = v->refusal;
	if (b->refusal.code) {
		refusal_sanitize(&b->refusal);
		return;
	}
	if (!spec_check(&v->spec) || !MESSAGE_TEXT_OK(v->signers) || n_fds != 1 ||
	    strcmp(v->spec.name, b->name) || v->spec.serial != b->serial) {
		refusal_set(&b->refusal, REFUSAL_BUNDLE_INVALID, "M0",
			    "the manifest names %.40s-%" PRIu64 ", the registry %s-%" PRIu64, v->spec.name,
			    v->spec.serial, b->name, b->serial);
		return;
	}
	if (!b->spec)
		b->spec = malloc(sizeof(*b->spec));
	if (!b->spec)
		return;
	*b->spec = v->spec;
	memcpy(b->digest, v->digest, DIGEST_SIZE);
	memcpy(b->signers, v->signers, sizeof(b->signers));
	b->may = v->may;
	b->variant = v->variant;
	b->unsupported = v->unsupported;
	if (b->unsupported.code)
		refusal_sanitize(&b->unsupported);
	else if (b->variant >= b->spec->n_variants)
		refusal_set(&b->unsupported, REFUSAL_KERNEL_UNSUPPORTED, "variant",
			    "no variant fits this kernel");
	close_fd(b->enumerations);
	b->enumerations = take_fd(fds[0]);
}

/* state: "channel=production", "revoked=no", "by=alice", "at=NANOSECONDS", a line each. */
static void read_state(struct bundle *b)
{
	_cleanup_close_ int dir = open_directory(b, false), fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	char value[64];
	size_t size;

	if (dir == -ENOENT)
		return; /* a shipped bundle that nobody said anything about */
	fd = dir < 0 ? dir : fd_open_trusted(dir, "state", geteuid());
	if (fd < 0 || fd_read_all(fd, 4096, &text, &size) < 0) {
		/* An entry without a readable state is not offered to anybody. */
		b->revoked = true;
		return;
	}
	if (!strstr(text, "channel=production\n"))
		b->channel = CHANNEL_EXPERIMENTAL;
	b->revoked = !strstr(text, "revoked=no\n");
	if (strstr(text, "by=") && sscanf(strstr(text, "by="), "by=%63[^\n]", value) == 1)
		snprintf(b->enrolled_by, sizeof(b->enrolled_by), "%s", value);
	if (strstr(text, "at="))
		b->enrolled_at = strtoull(strstr(text, "at=") + 3, NULL, 10);
}

int registry_write_state(const struct bundle *b)
{
	char path[256], text[256];
	_cleanup_close_ int dir = -EBADF, fd = -EBADF;
	int n, r;

	(void)mkdir(PATH_REGISTRY, 0700);
	snprintf(path, sizeof(path), "%s/%s", PATH_REGISTRY, b->name);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/%" PRIu64, PATH_REGISTRY, b->name, b->serial);
	(void)mkdir(path, 0700);
	dir = open_directory(b, false);
	if (dir < 0)
		return dir;
	n = snprintf(text, sizeof(text), "channel=%s\nrevoked=%s\nby=%s\nat=%" PRIu64 "\n",
		     b->channel == CHANNEL_PRODUCTION ? "production" : "experimental",
		     b->revoked ? "yes" : "no", b->enrolled_by, b->enrolled_at);
	fd = openat(dir, "state.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text, (size_t)n);
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || renameat(dir, "state.new", dir, "state") < 0 || fsync(dir) < 0)
		return -errno;
	return 0;
}

void registry_add(struct warden *w, struct bundle *b)
{
	b->next = w->bundles;
	w->bundles = b;
}

static struct bundle *find_exact(struct warden *w, const char *name, uint64_t serial)
{
	struct bundle *b = w->bundles;

	while (b && (b->serial != serial || strcmp(b->name, name)))
		b = b->next;
	return b;
}

static int scan_serial(struct warden *w, const char *name, const char *serial, bool shipped)
{
	struct bundle *b;
	uint64_t number;
	char *end;

	errno = 0;
	number = strtoull(serial, &end, 10);
	if (errno || *end || *serial < '1' || *serial > '9' || strlen(name) >= PROBE_NAME_MAX)
		return 0;
	/* A state in the registry beside a shipped bundle: it was revoked. */
	if (find_exact(w, name, number))
		return 0;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->serial = number;
	b->shipped = shipped;
	b->enumerations = -EBADF;
	strcpy(b->name, name);
	snprintf(b->enrolled_by, sizeof(b->enrolled_by), "package");
	read_state(b);
	registry_add(w, b);
	return 0;
}

static int scan_name(struct warden *w, int root, const char *name, bool shipped)
{
	int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r = 0;
	struct dirent *entry;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		close_fd(fd);
		return 0;
	}
	while (r >= 0 && (entry = readdir(d)))
		r = scan_serial(w, name, entry->d_name, shipped);
	closedir(d);
	return r;
}

static int scan(struct warden *w, const char *path, bool shipped)
{
	_cleanup_close_ int root = fd_open_trusted_dir(AT_FDCWD, path, geteuid());
	struct dirent *entry;
	DIR *d;
	int r = 0, copy;

	if (root == -ENOENT)
		return 0;
	if (root < 0) {
		process_log(3, "%s is not used: %s", path, strerror(-root));
		return 0;
	}
	copy = dup(root);
	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return -errno;
	while (r >= 0 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			r = scan_name(w, root, entry->d_name, shipped);
	closedir(d);
	return r;
}

static bool on_first_answer(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct warden *w = order->w;
	struct bundle *b = order->userdata;

	if (m)
		registry_answered(b, (const struct message_verified *)(const void *)m, fds, n_fds);
	else if (!b->answered)
		refusal_set(&b->refusal, REFUSAL_UNAVAILABLE, "parser",
			    "the parser ended before it had an answer");
	if (b->refusal.code)
		process_log(4, "%s-%" PRIu64 " is not used: %s (%s)", b->name, b->serial, b->refusal.reason,
			    refusal_name(b->refusal.code));
	if (--w->unanswered == 0)
		w->registry_done(w);
	return true;
}

/* What was known of a bundle holds until the parser has looked at it again, so that reading the registry anew
 * takes nothing away from those who use it meanwhile. */
static void inherit(struct bundle *b, struct bundle *before)
{
	while (before && (before->serial != b->serial || before->shipped != b->shipped ||
			  strcmp(before->name, b->name)))
		before = before->next;
	if (!before)
		return;
	b->revoked = b->revoked || before->revoked; /* also when that could not be written */
	b->answered = before->answered;
	b->refusal = before->refusal;
	b->unsupported = before->unsupported;
	memcpy(b->digest, before->digest, DIGEST_SIZE);
	memcpy(b->signers, before->signers, sizeof(b->signers));
	b->may = before->may;
	b->variant = before->variant;
	b->spec = take_ptr(before->spec);
	b->enumerations = take_fd(before->enumerations);
}

static int scan_all(struct warden *w)
{
	struct bundle *before = take_ptr(w->bundles);
	int r;

	r = scan(w, PATH_BUNDLES, true);
	if (r >= 0)
		r = scan(w, PATH_REGISTRY, false);
	if (r < 0) {
		registry_free(w->bundles);
		w->bundles = before;
		return r;
	}
	for (struct bundle *b = w->bundles; b; b = b->next)
		inherit(b, before);
	registry_free(before);
	return 0;
}

int registry_start(struct warden *w, void (*done)(struct warden *w))
{
	int r;

	r = scan_all(w);
	if (r < 0)
		return r;
	w->registry_done = done;
	/* One more than there are, so that `done` cannot come before all were asked. */
	w->unanswered = 1;
	for (struct bundle *b = w->bundles; b; b = b->next) {
		struct order *order = order_new(w, SIDE_PARSER, on_first_answer, b);

		if (!order)
			return -ENOMEM;
		w->unanswered++;
		(void)registry_verify(w, b, order);
	}
	if (--w->unanswered == 0)
		done(w);
	return 0;
}

static int unusable(const struct bundle *b, struct refusal *refusal)
{
	char text[PROBE_NAME_MAX + 24];

	bundle_text(b, text, sizeof(text));
	if (b->revoked)
		return refusal_set(refusal, REFUSAL_REVOKED, text, "%s was revoked", text);
	if (b->refusal.code) {
		if (refusal)
			*refusal = b->refusal;
		return (int)b->refusal.code;
	}
	if (!b->spec)
		return refusal_set(refusal, REFUSAL_UNAVAILABLE, "parser", "%s has not been verified yet",
				   text);
	if (b->unsupported.code) {
		if (refusal)
			*refusal = b->unsupported;
		return (int)b->unsupported.code;
	}
	return 0;
}

int registry_find(struct warden *w, const char *name, uint64_t serial, uint32_t channels, struct bundle **ret,
		  struct refusal *refusal)
{
	struct bundle *best = NULL, *fallback = NULL;
	char text[PROBE_NAME_MAX + 24];
	bool known = false;

	for (struct bundle *b = w->bundles; b; b = b->next) {
		if (strcmp(b->name, name))
			continue;
		known = true;
		if (serial ? b->serial != serial : !(channels & (1U << b->channel)))
			continue;
		if (!fallback || b->serial > fallback->serial)
			fallback = b;
		if (unusable(b, NULL) == 0 && (!best || b->serial > best->serial))
			best = b;
	}
	if (best) {
		*ret = best;
		return 0;
	}
	if (fallback)
		return unusable(fallback, refusal);
	if (!known)
		return refusal_set(refusal, REFUSAL_NO_SUCH_PROBE, name,
				   "no bundle of that name is enrolled: see bpfwarden list");
	snprintf(text, sizeof(text), "%s-%" PRIu64, name, serial);
	return refusal_set(refusal, REFUSAL_NOT_ENROLLED, serial ? text : name,
			   serial ? "that serial is not enrolled"
				  : "it is enrolled in the experimental channel only");
}

struct bundle *registry_by_digest(struct warden *w, const uint8_t digest[DIGEST_SIZE])
{
	struct bundle *b = w->bundles;

	while (b && (!b->spec || memcmp(b->digest, digest, DIGEST_SIZE)))
		b = b->next;
	return b;
}

static bool may_target(struct warden *w, const struct connection *c, const struct bundle *b, uint32_t kind,
		       uint32_t data)
{
	struct policy_request request = { .action = POLICY_ATTACH,
					  .uid = c->uid,
					  .gids = c->gids,
					  .n_gids = c->n_gids,
					  .namespace = c->namespace,
					  .channel = b->channel,
					  .data = data,
					  .target_kind = kind,
					  .target_uid = c->uid };
	struct policy_decision decision;

	snprintf(request.probe, sizeof(request.probe), "%s", b->name);
	/* "some unit", "some cgroup": whether a grant for one exists at all is told by its own section. */
	if (kind == TARGET_UNIT)
		strcpy(request.target_name, "*");
	if (kind == TARGET_CGROUP)
		strcpy(request.target_name, "/");
	policy_decide(w->policy, &request, &decision);
	return decision.allowed;
}

void bundle_row(struct warden *w, const struct bundle *b, const struct connection *c,
		struct message_probe *ret)
{
	struct message_probe row = { .m = { .type = MESSAGE_REPLY_PROBE },
				     .serial = b->serial,
				     .revoked = b->revoked,
				     .enrolled_at = b->enrolled_at };
	struct refusal problem;

	snprintf(row.name, sizeof(row.name), "%s", b->name);
	snprintf(row.channel, sizeof(row.channel), "%s",
		 b->channel == CHANNEL_PRODUCTION ? "production" : "experimental");
	snprintf(row.enrolled_by, sizeof(row.enrolled_by), "%s", b->enrolled_by);
	if (unusable(b, &problem))
		snprintf(row.problem, sizeof(row.problem), "%s", problem.reason);
	if (b->spec) {
		memcpy(row.version, b->spec->version, sizeof(row.version));
		memcpy(row.summary, b->spec->summary, sizeof(row.summary));
		memcpy(row.signers, b->signers, sizeof(row.signers));
		memcpy(row.digest, b->digest, DIGEST_SIZE);
		row.targets = b->spec->targets;
		for (uint32_t kind = 0; kind < _TARGET_KIND_MAX; kind++) {
			if (!(row.targets & (1U << kind)))
				continue;
			for (uint32_t data = 1; data <= 2; data <<= 1)
				if (may_target(w, c, b, kind, data)) {
					row.allowed |= 1U << kind;
					row.data |= data;
				}
		}
	}
	*ret = row;
}
