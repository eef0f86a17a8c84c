/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/sandbox-lists.h"

#include <stddef.h>

/* What the run-time of AddressSanitizer and UndefinedBehaviorSanitizer calls beyond our lists: it maps shadow
 * memory, reports on stderr and looks at its own threads at exit. Never part of an installed build. */
const char *const sandbox_instrumentation[] = {
	"brk",
	"clock_gettime",
	"clone",
	"close",
	"fcntl",
	"fstat",
	"futex",
	"getpid",
	"getrandom",
	"gettid",
	"getrlimit",
	"ioctl",
	"lseek",
	"madvise",
	"mmap",
	"mprotect",
	"munmap",
	"newfstatat",
	"open",
	"openat",
	"prctl",
	"pread64",
	"prlimit64",
	"ptrace",
	"read",
	"readlink",
	"rt_sigaction",
	"rt_sigprocmask",
	"sched_getaffinity",
	"sched_yield",
	"sigaltstack",
	"statx",
	"tgkill",
	"uname",
	"wait4",
	"write",
	NULL,
};

/* The search for leaks stops all threads by ptrace(2) from a thread of its own, which waits for ever in a
 * process that is not dumpable. Found by the run-time by its name. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
