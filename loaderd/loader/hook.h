/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Where programs are attached: the hooks of rule M16.
 */
#include "format/spec.h"

/* Opens the root of the cgroup2 hierarchy, at which programs of packets are attached, while the process can
 * still open files. A host without cgroup2 serves no such hooks; the others need nothing. */
void hook_start(void);

/* Attaches a loaded program at its hook. Returns the link: closing the last descriptor of it detaches. */
int hook_attach(const struct spec_program *program, int fd);
