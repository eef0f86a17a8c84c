/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a failing disk or a killed process leaves of the log: every acknowledged record, no half batch, no
 * gap, and a handle that works again as soon as the disk does.
 */
#include "audit-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * A VFS in front of the real one, whose fsync or write fails on demand: the only way to see EIO without a
 * broken disk. It is the default one, so the log opens through it without knowing.
 */
struct faulty_file {
	sqlite3_file base;
	sqlite3_file *real;
};

static struct {
	sqlite3_vfs vfs, *real;
	sqlite3_io_methods methods;
	int sync_error, write_error; /* SQLite codes; 0: pass on */
	int syncs;
} faulty;

static sqlite3_file *real_file(sqlite3_file *file)
{
	return ((struct faulty_file *)file)->real;
}

static int faulty_close(sqlite3_file *file)
{
	return real_file(file)->pMethods->xClose(real_file(file));
}

static int faulty_read(sqlite3_file *file, void *buffer, int n, sqlite3_int64 offset)
{
	return real_file(file)->pMethods->xRead(real_file(file), buffer, n, offset);
}

static int faulty_write(sqlite3_file *file, const void *buffer, int n, sqlite3_int64 offset)
{
	/* Half of it reaches the disk, as it does in life. */
	if (faulty.write_error) {
		real_file(file)->pMethods->xWrite(real_file(file), buffer, n / 2, offset);
		return faulty.write_error;
	}
	return real_file(file)->pMethods->xWrite(real_file(file), buffer, n, offset);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return real_file(file)->pMethods->xTruncate(real_file(file), size);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
	faulty.syncs++;
	return faulty.sync_error ? faulty.sync_error
				 : real_file(file)->pMethods->xSync(real_file(file), flags);
}

static int faulty_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return real_file(file)->pMethods->xFileSize(real_file(file), ret);
}

static int faulty_lock(sqlite3_file *file, int level)
{
	return real_file(file)->pMethods->xLock(real_file(file), level);
}

static int faulty_unlock(sqlite3_file *file, int level)
{
	return real_file(file)->pMethods->xUnlock(real_file(file), level);
}

static int faulty_reserved(sqlite3_file *file, int *ret)
{
	return real_file(file)->pMethods->xCheckReservedLock(real_file(file), ret);
}

static int faulty_control(sqlite3_file *file, int op, void *arg)
{
	return real_file(file)->pMethods->xFileControl(real_file(file), op, arg);
}

static int faulty_sector(sqlite3_file *file)
{
	return real_file(file)->pMethods->xSectorSize(real_file(file));
}

static int faulty_device(sqlite3_file *file)
{
	return real_file(file)->pMethods->xDeviceCharacteristics(real_file(file));
}

static int faulty_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return real_file(file)->pMethods->xShmMap(real_file(file), page, size, extend, ret);
}

static int faulty_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_file(file)->pMethods->xShmLock(real_file(file), offset, n, flags);
}

static void faulty_shm_barrier(sqlite3_file *file)
{
	real_file(file)->pMethods->xShmBarrier(real_file(file));
}

static int faulty_shm_unmap(sqlite3_file *file, int delete)
{
	return real_file(file)->pMethods->xShmUnmap(real_file(file), delete);
}

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct faulty_file *f = (struct faulty_file *)file;
	int code;

	(void)vfs;
	f->real = (sqlite3_file *)(f + 1);
	code = faulty.real->xOpen(faulty.real, name, f->real, flags, ret_flags);
	f->base.pMethods = code == SQLITE_OK ? &faulty.methods : NULL;
	return code;
}

static int faulty_install(void **state)
{
	(void)state;
	faulty.real = sqlite3_vfs_find(NULL);
	faulty.vfs = *faulty.real;
	faulty.vfs.zName = "faulty";
	faulty.vfs.pNext = NULL;
	faulty.vfs.szOsFile += (int)sizeof(struct faulty_file);
	faulty.vfs.xOpen = faulty_open;
	faulty.methods = (sqlite3_io_methods){
		2,
		faulty_close,
		faulty_read,
		faulty_write,
		faulty_truncate,
		faulty_sync,
		faulty_size,
		faulty_lock,
		faulty_unlock,
		faulty_reserved,
		faulty_control,
		faulty_sector,
		faulty_device,
		faulty_shm_map,
		faulty_shm_lock,
		faulty_shm_barrier,
		faulty_shm_unmap,
		NULL,
		NULL,
	};
	return sqlite3_vfs_register(&faulty.vfs, 1) == SQLITE_OK ? 0 : -1;
}

static void refuse_commit(struct audit *audit, const char *subject, const char *in_reason)
{
	struct refusal refusal = { 0 };

	assert_int_equal(audit_commit(audit, &refusal), REFUSAL_AUDIT_UNAVAILABLE);
	assert_string_equal(refusal.subject, subject);
	if (!strstr(refusal.reason, in_reason))
		fail_msg("reason is: %s", refusal.reason);
	assert_false(audit_pending(audit));
}

/* Three good records, one batch that fails, and then the same numbers again. */
static void fail_and_recover(const char *directory, int *fault, int code, const char *reason)
{
	struct audit *audit = fixture_open(directory);

	for (int i = 0; i < 3; i++)
		fixture_append(audit, 1000, "good");
	fixture_commit(audit);
	for (int round = 0; round < 3; round++) {
		*fault = code;
		assert_int_equal(fixture_append(audit, 1000, "lost"), 4);
		assert_int_equal(fixture_append(audit, 1000, "lost"), 5);
		refuse_commit(audit, "commit", reason);
		assert_int_equal(fixture_check_log(audit), 3);
	}
	*fault = 0;
	assert_int_equal(fixture_append(audit, 1000, "again"), 4);
	fixture_commit(audit);
	assert_int_equal(fixture_check_log(audit), 4);
	audit = audit_close(audit);
	audit = fixture_open(directory);
	assert_int_equal(fixture_check_log(audit), 4);
	assert_non_null(strstr(fixture_record(audit, 4), "\"probe\":\"again\""));
	audit_close(audit);
}

static void test_fsync_fails(void **state)
{
	fail_and_recover(*state, &faulty.sync_error, SQLITE_IOERR_FSYNC, "disk I/O error");
}

static void test_write_fails(void **state)
{
	fail_and_recover(*state, &faulty.write_error, SQLITE_IOERR_WRITE, "disk I/O error");
}

static void test_disk_full_code(void **state)
{
	fail_and_recover(*state, &faulty.write_error, SQLITE_FULL, "database or disk is full");
}

static void test_one_fsync_a_commit(void **state)
{
	struct audit *audit = fixture_open(*state);

	fixture_append(audit, 0, "warm");
	fixture_commit(audit);
	faulty.syncs = 0;
	for (int i = 0; i < 50; i++)
		fixture_append(audit, 0, "p");
	assert_int_equal(faulty.syncs, 0);
	fixture_commit(audit);
	assert_int_equal(faulty.syncs, 1);
	audit_close(audit);
}

static void test_denials_survive_a_failing_commit(void **state)
{
	struct audit_requester requester = AUDIT_REQUESTER_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DECISION);
	struct audit *audit = fixture_open(*state);
	uint64_t later = fixture_now() + SECONDS(61);
	uint64_t seq;

	requester.uid = 7;
	record.requester = &requester;
	record.verdict = AUDIT_DENY;
	record.rule = "r";
	record.action = "attach";
	for (int i = 0; i < 3; i++)
		assert_int_equal(audit_append_denial(audit, &record, &seq, NULL), 0);
	faulty.sync_error = SQLITE_IOERR_FSYNC;
	refuse_commit(audit, "commit", "disk I/O error");
	assert_int_equal(audit_tick(audit, later, NULL), REFUSAL_AUDIT_UNAVAILABLE);
	/* It does not spin on the broken disk. */
	assert_true(audit_next_tick(audit) > later);
	faulty.sync_error = 0;
	assert_int_equal(audit_tick(audit, audit_next_tick(audit), NULL), 0);
	assert_int_equal(fixture_check_log(audit), 1);
	assert_non_null(strstr(fixture_record(audit, 1), "\"count\":3,"));
	assert_null(strstr(fixture_record(audit, 1), "\"decision\":"));
	audit_close(audit);
}

static uint64_t append_of(struct audit *audit, enum audit_kind kind, uint64_t decision, uint64_t cause)
{
	struct audit_record record = AUDIT_RECORD_INIT(kind);
	uint64_t seq;

	record.verdict = AUDIT_OK;
	record.action = "detach";
	record.decision = decision;
	record.cause = cause;
	assert_int_equal(audit_append(audit, &record, &seq, NULL), 0);
	return seq;
}

static uint64_t append_policy(struct audit *audit, const char *text, uint8_t digest[DIGEST_SIZE])
{
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_CHANGE);
	uint64_t seq;

	assert_int_equal(audit_put_text(audit, text, strlen(text), digest, NULL), 0);
	record.verdict = AUDIT_OK;
	record.action = "policy-reload";
	record.policy_digest = digest;
	assert_int_equal(audit_append(audit, &record, &seq, NULL), 0);
	return seq;
}

static void check_record(struct audit *audit, uint64_t seq, const char *has)
{
	if (!strstr(fixture_record(audit, seq), has))
		fail_msg("record %d has no %s: %s", (int)seq, has, fixture_record(audit, seq));
}

/* What was decided is refused, and its number given again; what has happened is written once that is
 * possible, under a number of its own, and refers to what it did. */
static void test_what_has_happened_survives_a_failing_commit(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint8_t digest[DIGEST_SIZE], other[DIGEST_SIZE];
	char *text;
	size_t size;

	fixture_append(audit, 1, "before");
	fixture_commit(audit);
	assert_int_equal(fixture_append(audit, 1, "not.done"), 2);
	assert_int_equal(append_of(audit, AUDIT_OUTCOME, 1, 0), 3);
	append_of(audit, AUDIT_END, 1, append_policy(audit, "[allow x]", digest));
	append_of(audit, AUDIT_END, 1, fixture_append(audit, 1, "not.done.either"));
	assert_int_equal(audit_put_text(audit, "of nobody", 9, other, NULL), 0);
	faulty.sync_error = SQLITE_IOERR_FSYNC;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(audit_commit(audit, NULL), REFUSAL_AUDIT_UNAVAILABLE);
		assert_true(audit_pending(audit));
		assert_int_equal(fixture_append(audit, 1, "new"), 6);
	}
	faulty.sync_error = 0;
	fixture_commit(audit);
	assert_int_equal(fixture_check_log(audit), 6);
	check_record(audit, 2, "\"kind\":\"outcome\"");
	check_record(audit, 2, "\"decision\":1,");
	check_record(audit, 3, "\"action\":\"policy-reload\"");
	check_record(audit, 4, "\"kind\":\"end\"");
	check_record(audit, 4, "\"cause\":3");
	check_record(audit, 5, "\"kind\":\"end\"");
	assert_null(strstr(fixture_record(audit, 5), "\"cause\""));
	check_record(audit, 6, "\"probe\":\"new\"");
	assert_int_equal(audit_get_text(audit, digest, &text, &size, NULL), 0);
	assert_string_equal(text, "[allow x]");
	free(text);
	assert_int_equal(audit_get_text(audit, other, &text, &size, NULL), -ENOENT);
	audit_close(audit);
}

/* Appends until the disk says no; the last acknowledged number. */
static uint64_t fill(struct audit *audit)
{
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DECISION);
	struct refusal refusal;
	char detail[3000];
	uint64_t acknowledged = 0, seq;

	memset(detail, 'x', sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = '\0';
	record.verdict = AUDIT_ALLOW;
	record.detail = detail;
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(audit_append(audit, &record, &seq, NULL), 0);
		if (audit_commit(audit, &refusal) != 0) {
			assert_int_equal(refusal.code, REFUSAL_AUDIT_UNAVAILABLE);
			return acknowledged;
		}
		acknowledged = seq;
	}
	fail_msg("the disk did not fill");
	return 0;
}

static void check_filled(const char *directory, struct audit *audit, uint64_t acknowledged)
{
	assert_int_equal(fixture_append(audit, 0, "after"), acknowledged + 1);
	fixture_commit(audit);
	assert_int_equal(fixture_check_log(audit), acknowledged + 1);
	audit = audit_close(audit);
	audit = fixture_open(directory);
	assert_int_equal(fixture_check_log(audit), acknowledged + 1);
	audit_close(audit);
}

static void test_file_size_limit(void **state)
{
	struct audit *audit = fixture_open(*state);
	struct rlimit old, small;
	uint64_t acknowledged;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 1 << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	acknowledged = fill(audit);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(acknowledged > 10);
	check_filled(*state, audit, acknowledged);
}

/* A real full disk: a tmpfs of 1 MiB, in a mount namespace of this test's own, made larger afterwards. */
static void test_disk_full(void **state)
{
	struct audit *audit;
	uint64_t acknowledged;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", *state, "tmpfs", 0, "size=1m,mode=0700") < 0) {
		print_message("cannot mount a tmpfs: %s\n", strerror(errno));
		skip();
	}
	audit = fixture_open(*state);
	acknowledged = fill(audit);
	assert_true(acknowledged > 10);
	assert_int_equal(mount("tmpfs", *state, "tmpfs", MS_REMOUNT, "size=8m"), 0);
	check_filled(*state, audit, acknowledged);
	assert_int_equal(umount2(*state, MNT_DETACH), 0);
}

static void test_file_removed_underneath(void **state)
{
	static const char *const names[] = { FIXTURE_LOG, FIXTURE_LOG "-wal" };

	for (size_t i = 0; i < 2; i++) {
		struct audit *audit = fixture_open(*state);
		uint64_t head = audit_head(audit) + 1;
		char away[4096];

		fixture_append(audit, 0, "p");
		fixture_commit(audit);
		snprintf(away, sizeof(away), "%s/away", (char *)*state);
		assert_int_equal(rename(fixture_path(*state, names[i]), away), 0);
		assert_int_equal(fixture_append(audit, 0, "p"), head + 1);
		refuse_commit(audit, "file", names[i]);
		assert_int_equal(audit_head(audit), head);
		assert_int_equal(rename(away, fixture_path(*state, names[i])), 0);
		assert_int_equal(fixture_append(audit, 0, "p"), head + 1);
		fixture_commit(audit);
		assert_int_equal(fixture_check_log(audit), head + 1);
		audit_close(audit);
	}
}

/* Writes batches of 1 to 5 records until killed, and says each number once its commit has returned. */
static void write_until_killed(const char *directory, int pipe_fd)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct audit *audit = NULL;
	uint64_t seq = 0;

	options.directory = directory;
	if (audit_open(&options, &audit, NULL) != 0)
		_exit(1);
	for (unsigned batch = 0;; batch++) {
		struct audit_record record = AUDIT_RECORD_INIT(AUDIT_READ);

		for (unsigned i = 0; i <= batch % 5; i++)
			if (audit_append(audit, &record, &seq, NULL) != 0)
				_exit(1);
		if (audit_commit(audit, NULL) != 0 || write(pipe_fd, &seq, sizeof(seq)) != sizeof(seq))
			_exit(1);
	}
}

static void test_killed_writer(void **state)
{
	uint64_t head = 0;
	unsigned seed = 42;

	for (int round = 0; round < 12; round++) {
		uint64_t acknowledged = 0;
		int fds[2], wanted = rand_r(&seed) % 60, delay = rand_r(&seed) % 3000, status;
		struct audit *audit;
		pid_t child;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		child = fork();
		if (child == 0)
			write_until_killed(*state, fds[1]);
		close(fds[1]);
		for (int i = 0; i <= wanted; i++)
			assert_int_equal(read(fds[0], &acknowledged, sizeof(acknowledged)), 8);
		/* Not a wait for anything: it only moves the kill to some other instruction. */
		usleep((useconds_t)delay);
		kill(child, SIGKILL);
		while (read(fds[0], &acknowledged, sizeof(acknowledged)) == 8)
			continue;
		close(fds[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));

		audit = fixture_open(*state);
		assert_true(acknowledged > head);
		assert_true(audit_head(audit) >= acknowledged);
		head = fixture_check_log(audit);
		audit_close(audit);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fsync_fails),
		TEST(test_write_fails),
		TEST(test_disk_full_code),
		TEST(test_one_fsync_a_commit),
		TEST(test_denials_survive_a_failing_commit),
		TEST(test_what_has_happened_survives_a_failing_commit),
		TEST(test_file_size_limit),
		TEST(test_file_removed_underneath),
		TEST(test_killed_writer),
		TEST(test_disk_full),
	};

	return cmocka_run_group_tests(tests, faulty_install, NULL);
}
