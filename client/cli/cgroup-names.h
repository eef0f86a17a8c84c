/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Names of cgroups by their ids, as far as this process sees them in the unified hierarchy. A name that
 * was found is known for good, also after the cgroup has gone; the hierarchy is walked only for ids that are
 * new, and not all the time.
 */
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define CGROUP_TEXT_MAX 64

struct cgroup_names;

struct cgroup_names *cgroup_names_new(void); /* NULL: out of memory */
struct cgroup_names *cgroup_names_free(struct cgroup_names *names);
DEFINE_CLEANUP(struct cgroup_names *, cgroup_names_free)

/* The name of a cgroup for people, printable; "id 4711" if there is none of that id here. Returns buffer, of
 * CGROUP_TEXT_MAX bytes. names may be NULL: none is known. */
const char *cgroup_name(struct cgroup_names *names, uint64_t id, char *buffer);

/* A path from the root of the hierarchy, short: from its innermost systemd unit on, else its last two parts.
 * Returns buffer, of CGROUP_TEXT_MAX bytes; the text is printable. */
const char *cgroup_shorten(const char *path, char *buffer);
