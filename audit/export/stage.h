/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Where an export is written before it is one: a directory beside the place that it is for or, if that is
 * there already, within it. What is staged becomes durable first, and then appears at its place with the
 * checkpoint last, which alone makes a directory an export. A stage that is freed before leaves nothing
 * behind.
 */
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/refusal.h"

struct export_stage;

/* Refuses what is not a directory, one that holds something else than an earlier export, and one into which
 * somebody else exports right now: subject "directory". */
int export_stage_new(const char *directory, struct export_stage **ret, struct refusal *refusal);
struct export_stage *export_stage_free(struct export_stage *stage);
DEFINE_CLEANUP(struct export_stage *, export_stage_free)

/* The directory of the earlier export; -EBADF: there is none. */
int export_stage_earlier(const struct export_stage *stage);

/* A new file at a path like "tile/0/000", with all folders on the way. Negative -errno. */
int export_stage_open(struct export_stage *stage, const char *path);
int export_stage_put(struct export_stage *stage, const char *path, const void *bytes, size_t size);

int export_stage_commit(struct export_stage *stage);
