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
#include "signing/trust.h"

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

int registry_open_directory(const struct bundle *b, bool shipped)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%" PRIu64, shipped ? PATH_BUNDLES : PATH_REGISTRY, b->name,
		 b->serial);
	return fd_open_trusted_dir(AT_FDCWD, path, geteuid());
}

int registry_open_file(const struct bundle *b, const char *name)
{
	_cleanup_close_ int dir = registry_open_directory(b, b->shipped), fd = -EBADF;
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

int registry_open_signed(const struct bundle *b, int *fds)
{
	_cleanup_close_ int dir = registry_open_directory(b, b->shipped);
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
	while ((entry = readdir(d)) && n <= SIGNATURES_MAX) {
		if (!is_signature(entry->d_name))
			continue;
		r = registry_open_file(b, entry->d_name);
		if (r >= 0)
			fds[n++] = r;
		else if (fd_is_shortage(r))
			break;
	}
	closedir(d);
	if (r >= 0 || !fd_is_shortage(r))
		return n;
	/* One signature less could be one too few, and that would be a verdict. */
	while (n)
		close_fd(fds[--n]);
	return r;
}

/* What is written in the registry beside the signed bytes counts only as far as those allow. */
static void check_channel(struct bundle *b)
{
	char text[PROBE_NAME_MAX + 24];
	struct trust_enrolment enrolment = { .bundle = text,
					     .signers = b->signers,
					     .may = b->may,
					     .production = b->channel == POLICY_CHANNEL_PRODUCTION,
					     .serial = b->serial };

	bundle_text(b, text, sizeof(text));
	(void)trust_check_enrolment(&enrolment, &b->refusal);
}

static bool answer_ok(const struct bundle *b, const struct message_verified *v, size_t n_fds)
{
	if (!spec_check(&v->spec) || !MESSAGE_TEXT_OK(v->signers) || n_fds != 1 ||
	    v->n_signers > SIGNATURES_MAX || strcmp(v->spec.name, b->name) || v->spec.serial != b->serial)
		return false;
	for (uint32_t i = 0; i < v->n_signers; i++)
		if (!MESSAGE_TEXT_OK(v->signer[i].subject))
			return false;
	return true;
}

void registry_answered(struct bundle *b, const struct order *order, const struct message *m, int *fds,
		       size_t n_fds)
{
	const struct message_verified *v = (const struct message_verified *)(const void *)m;

	/* What was asked before trust changed may be answered after what was asked then. */
	if (order->generation < b->generation)
		return;
	/* No word about the bundle: what was known of it goes on to hold. */
	if (v->refusal.code == REFUSAL_UNAVAILABLE && b->answered)
		return;
	b->answered = v->refusal.code != REFUSAL_UNAVAILABLE;
	b->generation = order->generation;
	b->refusal = v->refusal;
	if (b->refusal.code) {
		refusal_sanitize(&b->refusal);
		/* It may be attached since before we started. */
		if (!b->spec)
			memcpy(b->digest, v->digest, DIGEST_SIZE);
		return;
	}
	if (!answer_ok(b, v, n_fds)) {
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
	b->n_signers = v->n_signers;
	memcpy(b->signer, v->signer, sizeof(b->signer));
	b->valid_until = v->valid_until;
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
	check_channel(b);
	if (!b->refusal.code && order->w->revoked.damaged)
		refusal_set(&b->refusal, REFUSAL_UNAVAILABLE, "registry",
			    "%s, which says what is revoked, cannot be read: nothing new is attached",
			    PATH_REVOKED);
}

bool bundle_accepted(const struct bundle *b)
{
	return b->answered && b->spec && !b->refusal.code && !b->revoked;
}

void registry_add(struct warden *w, struct bundle *b)
{
	b->next = w->bundles;
	w->bundles = b;
}

struct bundle *registry_named(struct warden *w, const char *name, uint64_t serial)
{
	struct bundle *b = w->bundles;

	while (b && (b->serial != serial || strcmp(b->name, name)))
		b = b->next;
	return b;
}

struct bundle *registry_newest(struct warden *w, const char *name)
{
	struct bundle *newest = NULL;

	for (struct bundle *b = w->bundles; b; b = b->next)
		if (!strcmp(b->name, name) && (!newest || b->serial > newest->serial))
			newest = b;
	return newest;
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
	if (registry_named(w, name, number))
		return 0;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->serial = number;
	b->shipped = shipped;
	b->enumerations = -EBADF;
	strcpy(b->name, name);
	snprintf(b->enrolled_by, sizeof(b->enrolled_by), "package");
	registry_add(w, b);
	return registry_read_state(b);
}

static int scan_name(struct warden *w, int root, const char *name, bool shipped)
{
	int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r = 0;
	struct dirent *entry;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		r = -errno;
		close_fd(fd);
		return fd_is_shortage(r) ? r : 0;
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
	/* Otherwise what is not seen this time would be forgotten, also that it was revoked. */
	if (fd_is_shortage(root))
		return root;
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

/* What was known of a bundle holds until the parser has looked at it again, so that reading the registry anew
 * takes nothing away from those who use it meanwhile. */
static void inherit(struct bundle *b, struct bundle *before)
{
	while (before && (before->serial != b->serial || before->shipped != b->shipped ||
			  strcmp(before->name, b->name)))
		before = before->next;
	if (!before)
		return;
	if (before->unwritten && !b->revoked) {
		b->revoked = b->unwritten = true;
		memcpy(b->revoked_by, before->revoked_by, sizeof(b->revoked_by));
		memcpy(b->revoked_why, before->revoked_why, sizeof(b->revoked_why));
	}
	b->before = bundle_accepted(before) ? BUNDLE_ACCEPTED
		    : before->answered      ? BUNDLE_REFUSED
					    : BUNDLE_UNKNOWN;
	b->code_before = before->refusal.code;
	b->answered = before->answered;
	b->generation = before->generation;
	b->refusal = before->refusal;
	b->unsupported = before->unsupported;
	memcpy(b->digest, before->digest, DIGEST_SIZE);
	memcpy(b->signers, before->signers, sizeof(b->signers));
	b->n_signers = before->n_signers;
	memcpy(b->signer, before->signer, sizeof(b->signer));
	b->valid_until = before->valid_until;
	b->may = before->may;
	b->variant = before->variant;
	b->spec = take_ptr(before->spec);
	b->enumerations = take_fd(before->enumerations);
}

int registry_scan(struct warden *w)
{
	struct bundle *before = take_ptr(w->bundles);
	int r = registry_read_revoked(w);

	if (r >= 0)
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

void bundle_why_revoked(const struct bundle *b, char *buffer, size_t size)
{
	if (b->refusal.code == REFUSAL_REVOKED && !b->revoked)
		snprintf(buffer, size, "%s", b->refusal.reason);
	else
		snprintf(buffer, size, "%s-%" PRIu64 " was revoked%s%s%s%s", b->name, b->serial,
			 b->revoked_by[0] ? " by " : "", b->revoked_by, b->revoked_why[0] ? ": " : "",
			 b->revoked_why);
}

int bundle_unusable(const struct bundle *b, struct refusal *refusal)
{
	char text[PROBE_NAME_MAX + 24], why[REFUSAL_REASON_MAX];

	bundle_text(b, text, sizeof(text));
	if (b->revoked) {
		bundle_why_revoked(b, why, sizeof(why));
		return refusal_set(refusal, REFUSAL_REVOKED, text, "%s", why);
	}
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
		if (bundle_unusable(b, NULL) == 0 && (!best || b->serial > best->serial))
			best = b;
	}
	if (best) {
		*ret = best;
		return 0;
	}
	if (fallback)
		return bundle_unusable(fallback, refusal);
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

const struct bundle *registry_judged(const struct warden *w, const uint8_t digest[DIGEST_SIZE])
{
	const struct bundle *b = w->bundles;

	while (b && (!b->answered || memcmp(b->digest, digest, DIGEST_SIZE)))
		b = b->next;
	return b;
}
