/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which system calls each process may make; everything else kills it. */
#include <stdbool.h>

struct sandbox_list {
	const char *const *calls; /* names, NULL at the end */
	const int *bpf_commands;  /* of bpf(2), -1 at the end; NULL: none */
	bool with_common;         /* sandbox_common as well */
	bool no_files;            /* Landlock: no access by path */
	bool unix_sockets;        /* socket(2), but of AF_UNIX only */
};

extern const char *const sandbox_common[];
extern const char *const sandbox_instrumentation[]; /* empty but in builds with sanitizers */
extern const struct sandbox_list sandbox_warden, sandbox_gate, sandbox_parser, sandbox_parser_child,
	sandbox_loader, sandbox_runner;
