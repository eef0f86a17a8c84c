/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the registry remembers beside signed bytes, in small text files that are replaced as a whole:
 *
 *	NAME/SERIAL/state   channel, revoked or not, by whom and when
 *	NAME/highest        the highest serials that were ever enrolled or promoted
 *	../revoked          files, keys and certificates that were revoked by command
 *
 * A file that says anything unexpected is taken for the worst that it could have said.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "loaderd/warden/warden.h"

#define STATE_SIZE_MAX   4096
#define REVOKED_NAME     "revoked"
#define REVOKED_SIZE_MAX (REVOCATIONS_OWN_MAX * 512U)

static int write_whole(int dir, const char *name, const char *text, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char temporary[64];
	int r;

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text, size);
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || renameat(dir, temporary, dir, name) < 0 || fsync(dir) < 0)
		return -errno;
	return 0;
}

static int read_whole(int dir, const char *name, size_t max, char **ret_text, size_t *ret_size)
{
	_cleanup_close_ int fd = fd_open_trusted(dir, name, geteuid());

	return fd < 0 ? fd : fd_read_all(fd, max, ret_text, ret_size);
}

/* The next line without its newline, which it must have; NULL at the end. *ok turns false if there is more
 * that is no line. */
static char *next_line(char **text, const char *end, bool *ok)
{
	char *line = *text, *newline = memchr(line, '\n', (size_t)(end - line));

	if (line == end)
		return NULL;
	if (!newline) {
		*ok = false;
		return NULL;
	}
	*newline = '\0';
	*text = newline + 1;
	*ok = *ok && message_text_ok(line, (size_t)(newline - line) + 1) &&
	      strlen(line) == (size_t)(newline - line);
	return line;
}

static bool parse_number(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

static bool copy_text(char *to, size_t size, const char *text)
{
	return snprintf(to, size, "%s", text) < (int)size;
}

/* --- state -------------------------------------------------------------------------------------------- */

static bool state_line(struct bundle *b, const char *key, const char *value)
{
	if (!strcmp(key, "channel")) {
		b->channel = !strcmp(value, "production") ? POLICY_CHANNEL_PRODUCTION
							  : POLICY_CHANNEL_EXPERIMENTAL;
		return b->channel == POLICY_CHANNEL_PRODUCTION || !strcmp(value, "experimental");
	}
	if (!strcmp(key, "revoked")) {
		b->revoked = strcmp(value, "no") != 0;
		return !b->revoked || !strcmp(value, "yes");
	}
	if (!strcmp(key, "by"))
		return copy_text(b->enrolled_by, sizeof(b->enrolled_by), value);
	if (!strcmp(key, "at"))
		return parse_number(value, &b->enrolled_at);
	if (!strcmp(key, "revoked-by"))
		return copy_text(b->revoked_by, sizeof(b->revoked_by), value);
	if (!strcmp(key, "revoked-at"))
		return parse_number(value, &b->revoked_at);
	return !strcmp(key, "reason") && copy_text(b->revoked_why, sizeof(b->revoked_why), value);
}

static bool parse_state(struct bundle *b, char *text, size_t size)
{
	const char *end = text + size;
	bool ok = true, channel = false, revoked = false;
	char *line;

	while ((line = next_line(&text, end, &ok)) && ok) {
		char *value = strchr(line, '=');

		if (!value)
			return false;
		*value++ = '\0';
		if (!state_line(b, line, value))
			return false;
		channel = channel || !strcmp(line, "channel");
		revoked = revoked || !strcmp(line, "revoked");
	}
	return ok && channel && revoked;
}

int registry_read_state(struct bundle *b)
{
	_cleanup_close_ int dir = registry_open_directory(b, false);
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = dir;

	if (r == -ENOENT)
		return 0; /* a shipped bundle that nobody said anything about */
	if (r >= 0)
		r = read_whole(dir, "state", STATE_SIZE_MAX, &text, &size);
	if (fd_is_shortage(r))
		return r;
	if (r >= 0 && parse_state(b, text, size))
		return 0;
	/* An entry without a readable state is not offered to anybody. */
	b->revoked = true;
	b->revoked_by[0] = '\0';
	snprintf(b->revoked_why, sizeof(b->revoked_why), "its state in the registry cannot be read");
	return 0;
}

int registry_write_state_at(const struct bundle *b, int dir)
{
	char text[1024];
	int n;

	n = snprintf(text, sizeof(text), "channel=%s\nrevoked=%s\nby=%s\nat=%" PRIu64 "\n",
		     policy_channel_names[b->channel], b->revoked ? "yes" : "no", b->enrolled_by,
		     b->enrolled_at);
	if (b->revoked)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "revoked-by=%s\nrevoked-at=%" PRIu64 "\nreason=%s\n", b->revoked_by,
			      b->revoked_at, b->revoked_why);
	return write_whole(dir, "state", text, (size_t)n);
}

/* Of a shipped bundle, the directory may not be there yet. */
int registry_write_state(const struct bundle *b)
{
	_cleanup_close_ int parent = registry_open_name(b->name, true), dir = -EBADF;
	char serial[24];

	if (parent < 0)
		return parent;
	snprintf(serial, sizeof(serial), "%" PRIu64, b->serial);
	if (mkdirat(parent, serial, 0700) == 0 && fsync(parent) < 0)
		return -errno;
	dir = registry_open_directory(b, false);
	return dir < 0 ? dir : registry_write_state_at(b, dir);
}

/* --- highest serials ---------------------------------------------------------------------------------- */

int registry_open_name(const char *name, bool create)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", PATH_REGISTRY, name);
	if (create && ((mkdir(PATH_REGISTRY, 0700) < 0 && errno != EEXIST) ||
		       (mkdir(path, 0700) < 0 && errno != EEXIST)))
		return -errno;
	return fd_open_trusted_dir(AT_FDCWD, path, geteuid());
}

/* -ENOENT, -EBADMSG: damaged. */
static int read_highest(const char *name, uint64_t ret[2])
{
	_cleanup_close_ int dir = registry_open_name(name, false);
	_cleanup_free_ char *text = NULL;
	uint64_t production, experimental;
	size_t size;
	int r, n = -1;

	if (dir < 0)
		return dir;
	r = read_whole(dir, "highest", STATE_SIZE_MAX, &text, &size);
	if (r < 0)
		return r;
	if (sscanf(text, "production=%" SCNu64 "\nexperimental=%" SCNu64 "%n", &production, &experimental,
		   &n) != 2 ||
	    n < 0 || (size_t)n + 1 != size || text[n] != '\n')
		return -EBADMSG;
	ret[POLICY_CHANNEL_PRODUCTION] = production;
	ret[POLICY_CHANNEL_EXPERIMENTAL] = experimental;
	return 0;
}

/* What is there counts, too, shipped or enrolled, even if the file is gone. */
int registry_highest(struct warden *w, const char *name, enum policy_channel channel, uint64_t *ret)
{
	uint64_t highest[2] = { 0 };
	int r = read_highest(name, highest);

	if (r < 0 && r != -ENOENT)
		return r;
	for (const struct bundle *b = w->bundles; b; b = b->next)
		if (!strcmp(b->name, name) && b->channel == channel && b->serial > highest[channel])
			highest[channel] = b->serial;
	*ret = highest[channel];
	return 0;
}

int registry_raise_highest(const struct bundle *b)
{
	_cleanup_close_ int dir = -EBADF;
	uint64_t highest[2] = { 0 };
	char text[128];
	int n, r = read_highest(b->name, highest);

	if (r < 0 && r != -ENOENT)
		return r;
	if (b->serial <= highest[b->channel])
		return 0;
	highest[b->channel] = b->serial;
	dir = registry_open_name(b->name, true);
	if (dir < 0)
		return dir;
	n = snprintf(text, sizeof(text), "production=%" PRIu64 "\nexperimental=%" PRIu64 "\n",
		     highest[POLICY_CHANNEL_PRODUCTION], highest[POLICY_CHANNEL_EXPERIMENTAL]);
	return write_whole(dir, "highest", text, (size_t)n);
}

/* --- revoked files, keys and certificates ------------------------------------------------------------- */

/* "KIND DIGEST NANOSECONDS REASON"; who it was stands in the audit log. */
static bool parse_revoked(const char *line, struct revocation *ret)
{
	struct revocation r = { .kind = REVOKED_FILE };
	char kind[16], hex[2 * DIGEST_SIZE + 1];
	uint64_t at;
	int n = -1;

	if (sscanf(line, "%15s %64[0-9a-f] %" SCNu64 "%n", kind, hex, &at, &n) != 3 || n < 0 ||
	    line[n] != ' ' || strlen(hex) != sizeof(hex) - 1)
		return false;
	while (r.kind < _REVOCATION_KIND_MAX && strcmp(kind, revocation_kind_name(r.kind)))
		r.kind++;
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		(void)sscanf(hex + 2 * i, "%2hhx", &r.digest[i]);
	if (!copy_text(r.reason, sizeof(r.reason), line + n + 1) || r.kind >= _REVOCATION_KIND_MAX)
		return false;
	*ret = r;
	return revocation_check(ret);
}

static bool parse_all_revoked(struct own_revocations *to, char *text, size_t size)
{
	const char *end = text + size;
	bool ok = true;
	char *line;

	while ((line = next_line(&text, end, &ok)) && ok)
		if (to->n == REVOCATIONS_OWN_MAX || !parse_revoked(line, &to->list[to->n++]))
			return false;
	return ok;
}

static int open_state(void)
{
	return fd_open_trusted_dir(AT_FDCWD, PATH_STATE, geteuid());
}

int registry_read_revoked(struct warden *w)
{
	_cleanup_close_ int dir = open_state();
	_cleanup_free_ struct own_revocations *own = calloc(1, sizeof(*own));
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	if (!own)
		return -ENOMEM;
	/* Those that could not be written are known only here. */
	if (w->revoked.unwritten)
		return 0;
	r = dir < 0 ? dir : read_whole(dir, REVOKED_NAME, REVOKED_SIZE_MAX, &text, &size);
	if (fd_is_shortage(r))
		return r;
	own->damaged = r < 0 ? r != -ENOENT : !parse_all_revoked(own, text, size);
	if (own->damaged) {
		process_log(2, "%s cannot be read, so no bundle is used that is not in use already",
			    PATH_REVOKED);
		own->n = 0;
	}
	w->revoked = *own;
	return 0;
}

static void print_revoked(FILE *f, const struct revocation *r, uint64_t at)
{
	fprintf(f, "%s ", revocation_kind_name(r->kind));
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		fprintf(f, "%02x", r->digest[i]);
	fprintf(f, " %" PRIu64 " %s\n", at, r->reason);
}

/* What is there stays as it is; the new one is its last line. */
static int append_revoked(const struct revocation *r)
{
	_cleanup_close_ int dir = open_state();
	_cleanup_free_ char *before = NULL, *text = NULL;
	size_t size_before = 0, size = 0;
	FILE *f;
	int e;

	if (dir < 0)
		return dir;
	e = read_whole(dir, REVOKED_NAME, REVOKED_SIZE_MAX, &before, &size_before);
	if (e < 0 && e != -ENOENT)
		return e;
	f = open_memstream(&text, &size);
	if (!f)
		return -ENOMEM;
	if (before)
		(void)fwrite(before, 1, size_before, f);
	print_revoked(f, r, now_realtime());
	if (fclose(f) != 0)
		return -ENOMEM;
	return write_whole(dir, REVOKED_NAME, text, size);
}

int registry_revoke(struct warden *w, const struct revocation *r)
{
	int e;

	if (w->revoked.n == REVOCATIONS_OWN_MAX)
		return -E2BIG;
	w->revoked.list[w->revoked.n++] = *r;
	e = w->revoked.damaged ? -EBADMSG : append_revoked(r);
	w->revoked.unwritten = w->revoked.unwritten || e < 0;
	return e;
}

const struct revocation *registry_find_revoked(const struct warden *w, const struct revocation *r)
{
	for (size_t i = 0; i < w->revoked.n; i++)
		if (w->revoked.list[i].kind == r->kind &&
		    !memcmp(w->revoked.list[i].digest, r->digest, DIGEST_SIZE))
			return &w->revoked.list[i];
	return NULL;
}
