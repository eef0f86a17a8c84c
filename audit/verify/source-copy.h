/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stdint.h>

/* Copies a database and its write-ahead log into a new directory for us alone, below $TMPDIR or /var/tmp; the
 * caller frees both and calls source_copy_remove(). -errno. */
int source_copy(const char *path, char **ret_directory, char **ret_path);
void source_copy_remove(const char *directory);

/* The size of the write-ahead log beside the database; 0: there is none, or nothing is in it. -errno. */
int source_copy_wal(const char *path, uint64_t *ret_size);

/* The path as "file:…?immutable=1" for SQLite; NULL: out of memory. */
char *source_copy_uri(const char *path);
