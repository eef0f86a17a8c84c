/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A disk for tests that loses, refuses and stops on demand. Everything that changes one directory goes
 * through it: SQLite's calls by a VFS in front of the real one (vfs-sqlite.c), the log's own system calls by
 * the linker's --wrap (vfs-calls.c). The real files always have what was written; what a power cut would have
 * left of them is worked out from the journal of operations and written to another directory (vfs-cut.c).
 *
 * What is assumed of the disk, on purpose less than most file systems give:
 *  - fsync of a file makes its bytes and size durable, fsync of the directory its names; nothing else does;
 *  - what was not synced may be there or not, in pieces of 512 bytes, in any order, names and sizes included;
 *  - after a failed fsync of a file, what it should have made durable never is, whatever a later one says:
 *    that is what Linux does (https://wiki.postgresql.org/wiki/Fsync_Errors);
 *  - rename is atomic, and a write harms no byte beside it.
 * No call reaches the real disk's cache flush: the tests need none, and so they run at the speed of memory.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes the VFS SQLite's default one. */
void disk_install(void);

/* Begins to journal what happens to the files of this directory; what they hold now is durable. Ends what was
 * begun before. */
void disk_start(const char *directory);
void disk_stop(void);

/* The length of the journal: a moment at which the power can be cut. */
size_t disk_operations(void);

enum disk_loss {
	DISK_LOSE_ALL = 0, /* of what was not synced nothing is left */
	DISK_LOSE_NONE,    /* everything was written in time */
	DISK_LOSE_SOME,    /* each operation as a whole, or not at all */
	DISK_LOSE_PIECES,  /* each 512 bytes for themselves */
	_DISK_LOSS_MAX,
};
extern const char *const disk_loss_names[_DISK_LOSS_MAX];

/* Writes to the directory `target`, which must be empty, what is left if the power is cut after the first
 * `moment` operations. The same seed leaves the same. */
void disk_cut(size_t moment, enum disk_loss loss, uint64_t seed, const char *target);

/* What can be refused, or be the last thing that a process does. */
enum disk_act {
	DISK_OPEN = 0, /* for writing or creating */
	DISK_WRITE,
	DISK_TRUNCATE, /* and allocation of space */
	DISK_SYNC,
	DISK_DELETE,
	DISK_RENAME,
	DISK_MAP, /* SQLite's shared memory */
	_DISK_ACT_MAX,
};

struct disk_fault {
	uint64_t at;      /* the step that fails, from 1; 0: none */
	bool for_ever;    /* and all that follow */
	unsigned acts;    /* 1 << enum disk_act: what counts as a step; 0: everything */
	const char *name; /* only files whose name contains this; NULL: all */
	int error;        /* errno; 0: SIGKILL, in the middle of a write or before anything else */
};

/* NULL: none any more. Steps count from here, in the directory that is being journaled. */
void disk_fault(const struct disk_fault *fault);
uint64_t disk_steps(void);
/* While a test looks for itself: no step counts, none fails. Returns what was before. */
bool disk_suspend(bool suspend);
/* Whether a fault was met since journaling began. */
bool disk_faulted(void);

/* Numbers for tests, from a seed (splitmix64). */
uint64_t disk_random(uint64_t *seed);
