/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Shared by the readers and writers of the two forms of a bundle. */
#include "client/bundle/bundle.h"

#define REFUSE(rule, ...) return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, rule, __VA_ARGS__)

/* Members as found, in any order, before they are held against the manifest. */
#define MEMBERS_MAX (1 + SIGNATURES_MAX + BUNDLE_FILES_MAX)
struct members {
	size_t n;
	struct bundle_file file[MEMBERS_MAX];
};
void members_done(struct members *members);

/* Rules C2 to C4 on a member before its bytes are read: name, size, number, duplicates. */
int members_check(const struct members *members, const char *name, uint64_t size, struct refusal *refusal);

/* Takes over bytes in any case. Only after members_check(). */
void members_add(struct members *members, const char *name, char *bytes, size_t size);

int bundle_read_directory(int fd, struct members *members, struct refusal *refusal);
int bundle_read_archive(const char *bytes, size_t size, struct members *members, struct refusal *refusal);

/* Calls each with every file of the bundle in its order on disk, until it does not return 0. */
int bundle_each_file(const struct bundle *bundle, int (*each)(const struct bundle_file *file, void *context),
		     void *context);
