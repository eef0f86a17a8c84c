/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "common/utf8.h"
#include "loaderd/warden/warden.h"

#define CACHE_SIZE     256
#define CACHE_LIFETIME 60          /* s */
#define SLOW_PAUSE     5           /* s */
#define GROUPS_MAX     1024        /* PIPE_BUF bytes */
#define NO_GROUP       ((gid_t)-1) /* no group has this number */

struct answer {
	int32_t result; /* 0 found, 1 not there */
	uint32_t id;
	char name[64];
};

static struct cached {
	time_t until;
	uid_t uid;
	char name[64];
} cache[CACHE_SIZE];

/* A name service that did not answer in time is left alone until then, so that nobody who asks for names can
 * hold the daemon up by more than one deadline in that time. */
static time_t slow_until;

enum kind { USER_BY_NAME, GROUP_BY_NAME, USER_BY_ID };

struct question {
	enum kind kind;
	const char *name;
	uid_t uid;
};

/* True if it is known that there is no such user or group: a service that cannot be asked does not say so. */
static bool is_absent(int error)
{
	return error == 0 || error == ENOENT || error == ESRCH;
}

_Noreturn static void answer_question(int to, const struct question *question)
{
	enum kind q = question->kind;
	struct answer a = { .result = 1 };

	errno = 0;
	if (q == GROUP_BY_NAME) {
		struct group *gr = getgrnam(question->name);

		if (gr)
			a = (struct answer){ .id = gr->gr_gid };
	} else {
		struct passwd *pw = q == USER_BY_NAME ? getpwnam(question->name) : getpwuid(question->uid);

		if (pw) {
			a = (struct answer){ .id = pw->pw_uid };
			snprintf(a.name, sizeof(a.name), "%s", pw->pw_name);
		}
	}
	if (a.result && !is_absent(errno))
		_exit(1);
	_exit(write(to, &a, sizeof(a)) == sizeof(a) ? 0 : 1);
}

/* Asks in a process of its own and waits for its one write, which arrives whole below PIPE_BUF. Returns the
 * bytes read, 0 if it ended without a word, -ETIMEDOUT or another -errno. */
static ssize_t ask_helper(void (*helper)(int to, const struct question *question),
			  const struct question *question, int timeout, void *buffer, size_t size)
{
	_cleanup_close_ int from = -EBADF;
	ssize_t n = -ETIMEDOUT;
	struct pollfd p;
	int pipe[2];
	pid_t pid;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	from = pipe[0];
	pid = fork();
	if (pid < 0) {
		close_fd(pipe[1]);
		return -errno;
	}
	if (pid == 0) {
		helper(pipe[1], question);
		_exit(1);
	}
	close_fd(pipe[1]);
	p = (struct pollfd){ .fd = from, .events = POLLIN };
	if (poll(&p, 1, timeout) == 1) {
		n = read(from, buffer, size);
		n = n < 0 ? -errno : n;
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return n;
}

static int ask(enum kind kind, const char *name, uid_t uid, int timeout, struct answer *ret)
{
	const struct question question = { .kind = kind, .name = name, .uid = uid };
	struct timespec now;
	ssize_t n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (timeout == NAME_LOOKUP_TIMEOUT && now.tv_sec < slow_until)
		return -ETIMEDOUT;
	n = ask_helper(answer_question, &question, timeout, ret, sizeof(*ret));
	if (n == -ETIMEDOUT)
		slow_until = now.tv_sec + SLOW_PAUSE;
	if (n < 0)
		return (int)n;
	return n == sizeof(*ret) ? ret->result : -EIO;
}

/* What the helper writes instead of groups: a number that no group has, and why. */
enum no_groups { NO_USER = 1, TOO_MANY };

/* Whether a name is this uid's: 1, 0, or -1 if that cannot be known. */
static int name_is_of(const char *name, uid_t uid)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(name);
	if (!pw && !is_absent(errno))
		return -1;
	return pw && pw->pw_uid == uid;
}

/* Writes the groups or why there are none; nothing if that cannot be known. */
_Noreturn static void answer_groups(int to, const struct question *question)
{
	gid_t gids[GROUPS_MAX] = { NO_GROUP };
	char buffer[65536];
	struct passwd pw, *found = NULL;
	int n = GROUPS_MAX, r, same = question->name ? name_is_of(question->name, question->uid) : 1;

	if (same < 0)
		_exit(1);
	r = getpwuid_r(question->uid, &pw, buffer, sizeof(buffer), &found);
	if (!found && !is_absent(r))
		_exit(1);
	if (!same)
		found = NULL;
	if (!found || getgrouplist(pw.pw_name, pw.pw_gid, gids, &n) < 0) {
		gids[0] = NO_GROUP;
		gids[1] = found ? TOO_MANY : NO_USER;
		n = 2;
	}
	_exit(write(to, gids, (size_t)n * sizeof(*gids)) == n * (ssize_t)sizeof(*gids) ? 0 : 1);
}

int names_owner(uid_t uid, const char *name, int timeout, gid_t **ret, size_t *ret_n)
{
	const struct question question = { .uid = uid, .name = name };
	_cleanup_free_ gid_t *gids = calloc(GROUPS_MAX, sizeof(*gids));
	ssize_t n;

	if (!gids)
		return -ENOMEM;
	n = ask_helper(answer_groups, &question, timeout, gids, GROUPS_MAX * sizeof(*gids));
	if (n <= 0)
		return n == 0 ? -EIO : (int)n;
	if (gids[0] == NO_GROUP)
		return gids[1] == NO_USER ? 1 : -E2BIG;
	*ret = take_ptr(gids);
	*ret_n = (size_t)n / sizeof(*gids);
	return 0;
}

int names_groups(uid_t uid, gid_t **ret, size_t *ret_n)
{
	struct timespec now;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < slow_until)
		return -ETIMEDOUT;
	r = names_owner(uid, NULL, NAME_LOOKUP_TIMEOUT, ret, ret_n);
	if (r == -ETIMEDOUT)
		slow_until = now.tv_sec + SLOW_PAUSE;
	return r;
}

int names_user(const char *name, uid_t *ret)
{
	struct answer a;
	int r = ask(USER_BY_NAME, name, 0, NAME_LOOKUP_TIMEOUT, &a);

	if (r == 0)
		*ret = a.id;
	return r;
}

bool names_number(const char *text, uid_t *ret)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number >= UINT32_MAX)
		return false;
	*ret = (uid_t)number;
	return true;
}

int names_user_or_number(const char *text, uid_t *ret)
{
	return names_number(text, ret) ? 0 : names_user(text, ret);
}

/* Without one of its names the whole policy is refused, at the start for good: a host that is merely busy
 * while it boots gets more time. The first name that is not answered ends the reading, so this is waited for
 * once. */
static int resolve(enum kind q, const char *name, uint32_t *ret)
{
	struct answer a;
	int r = ask(q, name, 0, NAME_LOOKUP_POLICY_TIMEOUT, &a);

	if (r == 0)
		*ret = a.id;
	return r;
}

static int resolve_user(void *userdata, const char *name, uid_t *ret)
{
	(void)userdata;
	return resolve(USER_BY_NAME, name, ret);
}

static int resolve_group(void *userdata, const char *name, gid_t *ret)
{
	(void)userdata;
	return resolve(GROUP_BY_NAME, name, ret);
}

const struct policy_resolver names_resolver = { .user = resolve_user, .group = resolve_group };

void names_of_uid(uid_t uid, char *buffer, size_t size)
{
	struct cached *entry = &cache[uid % CACHE_SIZE];
	struct timespec now;
	struct answer a;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (entry->until <= now.tv_sec || entry->uid != uid) {
		*entry = (struct cached){ .uid = uid, .until = now.tv_sec + CACHE_LIFETIME };
		if (ask(USER_BY_ID, NULL, uid, NAME_LOOKUP_TIMEOUT, &a) == 0)
			memcpy(entry->name, a.name, sizeof(entry->name));
		else
			snprintf(entry->name, sizeof(entry->name), "%u", uid);
		utf8_make_printable(entry->name, sizeof(entry->name));
	}
	snprintf(buffer, size, "%s", entry->name);
}
