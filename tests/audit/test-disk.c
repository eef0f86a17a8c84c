/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The instrument itself: what the disk of the other tests keeps, loses and refuses. */
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[128], target[128];

static int setup(void **state)
{
	(void)state;
	workload_directory(home, "disk");
	workload_directory(target, "disk");
	disk_start(home);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_stop();
	workload_remove(home);
	workload_remove(target);
	return 0;
}

static const char *path(const char *directory, const char *name)
{
	static char buffer[256];

	snprintf(buffer, sizeof(buffer), "%s/%s", directory, name);
	return buffer;
}

static int create(const char *name)
{
	int fd = open(path(home, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void sync_names(void)
{
	int fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(fsync(fd), 0);
	close(fd);
}

/* What is in this file after a cut now; NULL: no such file. */
static const char *left(const char *name, enum disk_loss loss, uint64_t seed)
{
	static char content[4096];
	ssize_t n = -1;
	int fd;

	workload_remove(target);
	assert_int_equal(mkdir(target, 0700), 0);
	disk_cut(disk_operations(), loss, seed, target);
	fd = open(path(target, name), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, content, sizeof(content) - 1);
	assert_true(n >= 0);
	content[n] = '\0';
	close(fd);
	return content;
}

static void test_only_synced_bytes_stay(void **state)
{
	int fd = create("file");

	(void)state;
	assert_int_equal(write(fd, "old", 3), 3);
	assert_null(left("file", DISK_LOSE_ALL, 1));
	sync_names();
	assert_string_equal(left("file", DISK_LOSE_ALL, 1), "");
	assert_int_equal(fsync(fd), 0);
	assert_string_equal(left("file", DISK_LOSE_ALL, 1), "old");
	assert_int_equal(pwrite(fd, "new", 3, 0), 3);
	assert_string_equal(left("file", DISK_LOSE_ALL, 1), "old");
	assert_string_equal(left("file", DISK_LOSE_NONE, 1), "new");
	assert_int_equal(ftruncate(fd, 1), 0);
	assert_string_equal(left("file", DISK_LOSE_ALL, 1), "old");
	assert_string_equal(left("file", DISK_LOSE_NONE, 1), "n");
	close(fd);
}

static void test_failed_sync_is_for_ever(void **state)
{
	int fd = create("file");

	(void)state;
	sync_names();
	assert_int_equal(write(fd, "lost", 4), 4);
	disk_fault(&(struct disk_fault){ .at = 1, .acts = 1 << DISK_SYNC, .error = EIO });
	assert_int_equal(fsync(fd), -1);
	assert_int_equal(errno, EIO);
	assert_true(disk_faulted());
	assert_int_equal(fsync(fd), 0);
	assert_string_equal(left("file", DISK_LOSE_ALL, 1), "");
	assert_int_equal(pwrite(fd, "here", 4, 0), 4);
	assert_int_equal(fsync(fd), 0);
	assert_string_equal(left("file", DISK_LOSE_ALL, 1), "here");
	close(fd);
}

static void test_names_need_the_directory(void **state)
{
	int fd = create("a");
	char to[256];

	(void)state;
	assert_int_equal(write(fd, "a", 1), 1);
	assert_int_equal(fsync(fd), 0);
	sync_names();
	snprintf(to, sizeof(to), "%s", path(home, "b"));
	assert_int_equal(rename(path(home, "a"), to), 0);
	assert_string_equal(left("a", DISK_LOSE_ALL, 1), "a");
	assert_null(left("a", DISK_LOSE_NONE, 1));
	assert_string_equal(left("b", DISK_LOSE_NONE, 1), "a");
	sync_names();
	assert_null(left("a", DISK_LOSE_ALL, 1));
	assert_string_equal(left("b", DISK_LOSE_ALL, 1), "a");
	assert_int_equal(unlink(path(home, "b")), 0);
	assert_string_equal(left("b", DISK_LOSE_ALL, 1), "a");
	assert_null(left("b", DISK_LOSE_NONE, 1));
	close(fd);
}

static void test_pieces(void **state)
{
	static char bytes[2048];
	bool torn = false;
	int fd = create("file");

	(void)state;
	memset(bytes, 'o', sizeof(bytes));
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(fsync(fd), 0);
	sync_names();
	memset(bytes, 'n', sizeof(bytes));
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	for (uint64_t seed = 0; seed < 32; seed++) {
		const char *content = left("file", DISK_LOSE_PIECES, seed);

		assert_int_equal(strlen(content), sizeof(bytes));
		for (size_t i = 0; i < sizeof(bytes); i++)
			assert_int_equal(content[i], content[i / 512 * 512]);
		torn = torn || content[0] != content[1024];
		content = left("file", DISK_LOSE_SOME, seed);
		for (size_t i = 0; i < sizeof(bytes); i++)
			assert_int_equal(content[i], content[0]);
	}
	assert_true(torn);
	close(fd);
}

/* The same seed, the same disk. */
static void test_repeats(void **state)
{
	char first[4096];
	int fd = create("file");

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(write(fd, "0123456789", 10), 10);
	sync_names();
	snprintf(first, sizeof(first), "%s", left("file", DISK_LOSE_SOME, 7));
	assert_string_equal(left("file", DISK_LOSE_SOME, 7), first);
	assert_string_not_equal(left("file", DISK_LOSE_SOME, 8), first);
	close(fd);
}

/* SQLite on this disk: what it says is durable stays with FULL, and with OFF the disk shows the loss. */
static int rows_left(const char *synchronous)
{
	char sql[256];
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int rows = -1;

	assert_int_equal(sqlite3_open(path(home, "db"), &db), SQLITE_OK);
	snprintf(sql, sizeof(sql),
		 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (x);"
		 "PRAGMA synchronous = %s; INSERT INTO t VALUES (1)",
		 synchronous);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	workload_remove(target);
	assert_int_equal(mkdir(target, 0700), 0);
	disk_cut(disk_operations(), DISK_LOSE_ALL, 1, target);
	sqlite3_close(db);
	assert_int_equal(sqlite3_open(path(target, "db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		rows = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return rows;
}

static void test_sqlite_full(void **state)
{
	(void)state;
	assert_int_equal(rows_left("FULL"), 1);
}

static void test_sqlite_off(void **state)
{
	(void)state;
	assert_int_equal(rows_left("OFF"), 0);
}

static void test_faults(void **state)
{
	int fd = create("file");

	(void)state;
	disk_fault(&(struct disk_fault){ .at = 2, .acts = 1 << DISK_WRITE, .error = ENOSPC });
	assert_int_equal(write(fd, "ab", 2), 2);
	assert_int_equal(write(fd, "cd", 2), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(write(fd, "ef", 2), 2);
	assert_int_equal(disk_steps(), 3);
	disk_fault(&(struct disk_fault){ .at = 1, .for_ever = true, .error = EROFS });
	assert_int_equal(open(path(home, "new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(unlink(path(home, "file")), -1);
	assert_int_equal(errno, EROFS);
	disk_fault(NULL);
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
}

static void test_kill(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		int fd = open(path(home, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		disk_fault(&(struct disk_fault){ .at = 2 });
		if (write(fd, "abcd", 4) == 4)
			(void)!write(fd, "efgh", 4);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	disk_start(home);
	assert_string_equal(left("file", DISK_LOSE_ALL, 1), "abcdef");
}

static int install(void **state)
{
	(void)state;
	disk_install();
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_synced_bytes_stay),
		TEST(test_failed_sync_is_for_ever),
		TEST(test_names_need_the_directory),
		TEST(test_pieces),
		TEST(test_repeats),
		TEST(test_sqlite_full),
		TEST(test_sqlite_off),
		TEST(test_faults),
		TEST(test_kill),
	};

	return cmocka_run_group_tests(tests, install, NULL);
}
