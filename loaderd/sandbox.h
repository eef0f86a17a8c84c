/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What each process gives up before it reads its first byte of input: new privileges, core dumps and being
 * traced (PR_SET_DUMPABLE), every system call that is not in its list (libseccomp; default: kill). The lists
 * with a reason for each entry: docs/PRIVSEP.md.
 */
#include "format/message.h"

/* Called once after start-up, by the process of that side. */
int sandbox_enter(enum message_side side);

/* In the loader's fork that runs a light skeleton: five bpf(2) commands, sendmsg, memory, exit. */
int sandbox_enter_runner(void);

/* In the parser's fork that looks at one bundle, after it has read the trust directories. */
int sandbox_enter_parser_child(void);
