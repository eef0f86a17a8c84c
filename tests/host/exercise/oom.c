// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Lets memory run out in a memory cgroup of its own, one victim after the other: oom UID KIND… Each is a
 * process of that user, killed before the next one begins:
 *
 *	anon     takes private memory, with an oom_score_adj of 321
 *	shmem    takes shared memory, with an oom_score_adj of −17 if root may lower it here
 *	thread   its first thread has ended; a second one of another name takes the memory
 *	exits    takes nothing, is killed by SIGKILL of this process: no victim
 *
 * Prints "KIND PID OOM_SCORE_ADJ" for each, then "cgroup NUMBER" (the unified one) and "oom_kill COUNT", as
 * the kernel counted. Root. Exit code 77: there is no memory controller to be had; it says why.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT        (16 << 20)
#define TAKES        (64 << 20)
#define EXIT_SKIPPED 77

/* The memory cgroup is the unified one itself, or on hosts of the older kind one of its own hierarchy. */
static char unified[128], memory[256];
static bool made_memory;

static int put(const char *directory, const char *file, const char *text)
{
	char path[512];
	int fd, r = 0;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

static void must_put(const char *directory, const char *file, const char *text)
{
	int r = put(directory, file, text);

	if (r < 0)
		errx(1, "%s/%s: %s", directory, file, strerror(-r));
}

static const char *unified_root(void)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs s;

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++)
		if (statfs(roots[i], &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC)
			return roots[i];
	return NULL;
}

static void remove_cgroups(void)
{
	if (made_memory)
		(void)rmdir(memory);
	(void)rmdir(unified);
}

static void skip(const char *why)
{
	printf("%s\n", why);
	exit(EXIT_SKIPPED);
}

/* Swap would take what does not fit; a kernel without swap accounting has no such files. */
static void limit(const char *file, const char *swap, const char *swap_limit)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", LIMIT);
	must_put(memory, file, text);
	(void)put(memory, swap, swap_limit ? swap_limit : text);
}

static void make_cgroups(void)
{
	const char *root = unified_root();

	if (!root)
		skip("no unified cgroup hierarchy is mounted");
	snprintf(unified, sizeof(unified), "%s/bpfwarden-oom-%d", root, getpid());
	(void)put(root, "cgroup.subtree_control", "+memory");
	if (mkdir(unified, 0755) < 0)
		err(1, "%s", unified);
	atexit(remove_cgroups);
	snprintf(memory, sizeof(memory), "%s/memory.max", unified);
	if (access(memory, W_OK) == 0) {
		snprintf(memory, sizeof(memory), "%s", unified);
		limit("memory.max", "memory.swap.max", "0");
		return;
	}
	snprintf(memory, sizeof(memory), "/sys/fs/cgroup/memory/bpfwarden-oom-%d", getpid());
	if (mkdir(memory, 0755) < 0)
		skip("no memory controller, neither in the unified hierarchy nor in one of its own");
	made_memory = true;
	limit("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", NULL);
}

/* From memory.events or memory.oom_control. */
static void print_count(void)
{
	char line[256], path[512];
	uint64_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", memory, made_memory ? "memory.oom_control" : "memory.events");
	f = fopen(path, "re");
	if (!f)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "oom_kill %" SCNu64, &n) == 1)
			printf("oom_kill %" PRIu64 "\n", n);
	fclose(f);
}

/* --- the victim ----------------------------------------------------------------------------------------- */

static void take(int flags)
{
	char *p = mmap(NULL, TAKES, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	/* Pages of the ordinary size, so that what it has is what it touched. */
	(void)madvise(p, TAKES, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < TAKES; i += 4096)
		p[i] = 1;
	_exit(1); /* it should not have come to this */
}

static void *work(void *first)
{
	(void)prctl(PR_SET_NAME, "a-thread");
	if (pthread_join(*(pthread_t *)first, NULL) == 0)
		take(MAP_PRIVATE);
	_exit(1);
}

static void take_in_thread(void)
{
	static pthread_t first, second;

	first = pthread_self();
	if (pthread_create(&second, NULL, work, &first) != 0)
		_exit(1);
	pthread_exit(NULL);
}

/* A process that has changed its user is nobody's to look at, unless it says otherwise. */
static void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1) < 0)
		_exit(1);
}

static void victim(uid_t uid, const char *kind)
{
	must_put(unified, "cgroup.procs", "0");
	if (made_memory)
		must_put(memory, "cgroup.procs", "0");
	become(uid);
	if (strcmp(kind, "anon") == 0)
		take(MAP_PRIVATE);
	else if (strcmp(kind, "shmem") == 0)
		take(MAP_SHARED);
	else if (strcmp(kind, "thread") == 0)
		take_in_thread();
	else
		for (;;)
			pause();
}

/* This process's own, which the next child inherits. Root without CAP_SYS_RESOURCE may raise it only. */
static const char *set_adj(const char *kind)
{
	const char *adj = strcmp(kind, "anon") == 0 ? "321" : strcmp(kind, "shmem") == 0 ? "-17" : "0";

	if (put("/proc/self", "oom_score_adj", adj) == 0)
		return adj;
	must_put("/proc/self", "oom_score_adj", "321");
	return "321";
}

static void one(uid_t uid, const char *kind)
{
	const char *adj = set_adj(kind);
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		victim(uid, kind);
		_exit(1);
	}
	if (strcmp(kind, "exits") == 0)
		(void)kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		errx(1, "%s was not killed: status %#x", kind, status);
	printf("%s %d %s\n", kind, pid, adj);
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc < 3)
		errx(2, "usage: oom UID anon|shmem|thread|exits…");
	make_cgroups();
	if (stat(unified, &st) < 0)
		err(1, "%s", unified);
	for (int i = 2; i < argc; i++)
		one((uid_t)strtoul(argv[1], NULL, 10), argv[i]);
	printf("cgroup %ju\n", (uintmax_t)st.st_ino);
	print_count();
	return 0;
}
