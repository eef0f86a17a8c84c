// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Calls on a regular file, each so many times: files COUNT DIRECTORY…. In each directory reads, writes,
 *fsyncs and opens by every system call that does so, on a file of its own that is gone at the end. In between
 *there is what is no regular file: a pipe, a pair of sockets, a directory, /dev/null; and calls that fail.
 *
 * Prints how often it did what in each directory, and its id and the times of begin and end:
 *	calls reads=N writes=N fsyncs=N opens=N failed=N compat=yes|no
 *	tid=N began=NS ended=NS
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES 100

static struct {
	int reads, writes, fsyncs, opens, failed;
} done;

static uint64_t now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_BOOTTIME, &t) < 0)
		err(1, "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void expect(const char *what, long got, long wanted, int *counter)
{
	if (got != wanted)
		err(1, "%s: %ld, not %ld", what, got, wanted);
	*counter += 1;
}

static void write_all_ways(int fd)
{
	char bytes[BYTES] = "x";
	struct iovec vector = { .iov_base = bytes, .iov_len = BYTES };

	expect("write", write(fd, bytes, BYTES), BYTES, &done.writes);
	expect("pwrite", pwrite(fd, bytes, BYTES, 0), BYTES, &done.writes);
	expect("writev", writev(fd, &vector, 1), BYTES, &done.writes);
	expect("pwritev", pwritev(fd, &vector, 1, 0), BYTES, &done.writes);
	expect("pwritev2", pwritev2(fd, &vector, 1, 0, RWF_HIPRI), BYTES, &done.writes);
}

static void read_all_ways(int fd)
{
	char bytes[BYTES];
	struct iovec vector = { .iov_base = bytes, .iov_len = BYTES };

	if (lseek(fd, 0, SEEK_SET) < 0)
		err(1, "lseek");
	expect("read", read(fd, bytes, BYTES), BYTES, &done.reads);
	expect("pread", pread(fd, bytes, BYTES, 0), BYTES, &done.reads);
	expect("readv", readv(fd, &vector, 1), BYTES, &done.reads);
	expect("preadv", preadv(fd, &vector, 1, 0), BYTES, &done.reads);
	expect("preadv2", preadv2(fd, &vector, 1, 0, 0), BYTES, &done.reads);
}

static void keep_open(int fd, int *ret_fd)
{
	if (fd < 0)
		err(1, "open");
	done.opens++;
	if (*ret_fd >= 0)
		close(*ret_fd);
	*ret_fd = fd;
}

static int open_all_ways(const char *path)
{
	struct open_how how = { .flags = O_RDWR };
	int fd = -1;

	keep_open(openat(AT_FDCWD, path, O_RDWR | O_CREAT, 0600), &fd);
	keep_open((int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)), &fd);
#ifdef SYS_creat
	keep_open((int)syscall(SYS_creat, path, 0600), &fd);
	keep_open((int)syscall(SYS_open, path, O_RDWR), &fd);
#endif
	return fd;
}

/* None of it counts. */
static void disturb(const char *directory)
{
	int ends[2], null = open("/dev/null", O_WRONLY), folder = open(directory, O_RDONLY | O_DIRECTORY);
	char byte = 0;

	if (null < 0 || folder < 0 || write(null, &byte, 1) != 1 || fsync(folder) < 0)
		err(1, "a device or a directory");
	if (pipe(ends) < 0 || write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
		err(1, "a pipe");
	close(ends[0]);
	close(ends[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || write(ends[0], &byte, 1) != 1 ||
	    read(ends[1], &byte, 1) != 1)
		err(1, "sockets");
	close(ends[0]);
	close(ends[1]);
	close(null);
	close(folder);
	if (open("/nonexistent/file", O_RDONLY) >= 0 || read(-1, &byte, 1) >= 0 ||
	    write(1000000, &byte, 1) >= 0)
		errx(1, "what must fail did not");
}

/* A call on a regular file that fails is one. */
static void fail(const char *path)
{
	int fd = open(path, O_WRONLY);
	char byte;

	if (fd < 0)
		err(1, "%s", path);
	done.opens++;
	if (read(fd, &byte, 1) != -1 || errno != EBADF)
		errx(1, "what must fail did not");
	done.failed++;
	close(fd);
}

/* getpid() by its number of 32-bit programs, 20, which is writev()'s of others; the file stands where the
 * first argument of that would. In a child, which the kernel may kill for it. */
static int make_compat_calls(int fd, int count)
{
#if defined(__x86_64__)
	int status;
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		for (int i = 0; i < count; i++) {
			long result = 20;

			__asm__ volatile("int $0x80"
					 : "+a"(result)
					 : "D"((long)fd)
					 : "memory", "cc", "r8", "r9", "r10", "r11");
			if (result != getpid())
				_exit(1);
		}
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
#else
	return 0;
#endif
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[1]) : 0, compat = 0;
	uint64_t began;
	char path[256];

	if (count < 1)
		errx(2, "usage: files COUNT DIRECTORY...");
	began = now();
	for (char **directory = argv + 2; *directory; directory++) {
		snprintf(path, sizeof(path), "%s/bpfwarden-files-%d", *directory, (int)getpid());
		for (int i = 0; i < count; i++) {
			int fd = open_all_ways(path);

			write_all_ways(fd);
			read_all_ways(fd);
			expect("fsync", fsync(fd), 0, &done.fsyncs);
			expect("fdatasync", fdatasync(fd), 0, &done.fsyncs);
			disturb(*directory);
			fail(path);
			if (i == 0)
				compat = make_compat_calls(fd, count);
			close(fd);
		}
		unlink(path);
	}
	printf("calls reads=%d writes=%d fsyncs=%d opens=%d failed=%d compat=%s\n", done.reads / (argc - 2),
	       done.writes / (argc - 2), done.fsyncs / (argc - 2), done.opens / (argc - 2),
	       done.failed / (argc - 2), compat ? "yes" : "no");
	printf("tid=%d began=%" PRIu64 " ended=%" PRIu64 "\n", (int)getpid(), began, now());
	return 0;
}
