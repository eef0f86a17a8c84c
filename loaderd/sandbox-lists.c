/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/sandbox-lists.h"

#include <linux/bpf.h>
#include <stddef.h>

/* The event loop, memory, time and the sockets that a process already has. */
const char *const sandbox_common[] = {
	"brk", "clock_gettime", "clock_nanosleep", "close", "dup", "epoll_create1", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "exit", "exit_group", "fcntl", "fstat", "futex", "getpid", "getrandom",
	"getegid", "geteuid", "getgid", "getsockopt", "gettid", "gettimeofday", "getuid", "lseek", "madvise", "mmap", "mprotect", "mremap", "munmap",
	"newfstatat", "poll", "ppoll", "pread64", "read", "recvfrom", "recvmsg", "restart_syscall", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "sched_yield", "sendmsg", "sendto", "setsockopt", "tgkill",
	"timerfd_create", "timerfd_settime", "write", "writev", NULL,
};

static const char *const warden_calls[] = {
	/* clients and peers */
	"accept4", "getpeername", "getsockname", "socket", "connect", "shutdown", "pidfd_open", "memfd_create",
	/* the registry and the audit log */
	"access", "faccessat", "faccessat2", "fallocate", "fchmod", "fchown", "fdatasync", "fsync", "ftruncate",
	"getdents64", "geteuid", "getegid", "getgid", "ioctl", "link", "lstat", "mkdir", "mkdirat", "open", "openat",
	"pwrite64", "readlink", "readlinkat", "rename", "renameat", "renameat2", "rmdir", "stat", "statfs",
	"fstatfs", "statx", "symlink", "sysinfo", "umask", "uname", "unlink", "unlinkat", "utimensat", "fadvise64",
	"getcwd", "chmod", "flock",
	/* the one-shot helper that asks the name service, and the library code that it runs */
	"clone", "clone3", "fork", "vfork", "wait4", "waitid", "kill", "pipe2", "socketpair", "close_range", "dup2",
	"dup3", "set_robust_list", "rseq", "prlimit64", "bind", "sendmmsg", "getrlimit", "setrlimit", "prctl",
	/* signals arrive by descriptor; units are followed over restarts */
	"signalfd4", "eventfd2", "inotify_init1", "inotify_add_watch",
	NULL,
};
const struct sandbox_list sandbox_warden = { .calls = warden_calls, .with_common = true };

static const char *const gate_calls[] = { "shutdown", NULL };
const struct sandbox_list sandbox_gate = { .calls = gate_calls, .with_common = true, .no_files = true };

static const char *const parser_calls[] = {
	/* to the loader, again after it has restarted */
	"connect", "socket",
	/* the one-shot children and their trust directories */
	"clone", "clone3", "fork", "wait4", "waitid", "kill", "socketpair", "pipe2", "close_range", "dup2",
	"set_robust_list", "rseq", "prctl", "seccomp", "setrlimit", "prlimit64", "openat", "open", "getdents64",
	"readlink", "readlinkat", "statx", "geteuid", "getegid", "getgid", "memfd_create", "ftruncate", "sysinfo",
	"landlock_create_ruleset", "landlock_restrict_self", "signalfd4", "uname", "access",
	NULL,
};
const struct sandbox_list sandbox_parser = { .calls = parser_calls, .with_common = true };

static const char *const parser_child_calls[] = {
	"brk", "clock_gettime", "close", "exit", "exit_group", "fcntl", "fstat", "futex", "getpid", "getrandom",
	"gettid", "gettimeofday", "lseek", "madvise", "memfd_create", "mmap", "mprotect", "mremap", "munmap",
	"newfstatat", "pread64", "read", "rt_sigprocmask", "rt_sigreturn", "sendmsg", "sendto", "tgkill", "write",
	NULL,
};
const struct sandbox_list sandbox_parser_child = { .calls = parser_child_calls, .no_files = true };

static const char *const loader_calls[] = {
	/* the parser's connection; the descriptor store and its barrier */
	"accept4", "connect", "memfd_create", "pipe2", "socket",
	/* runners, and the threads of slot.c */
	"clone", "clone3", "close_range", "dup2", "kill", "prctl", "rseq", "seccomp", "set_robust_list", "setrlimit",
	"prlimit64", "socketpair", "wait4", "landlock_create_ruleset", "landlock_restrict_self",
	NULL,
};
static const int loader_commands[] = {
	BPF_MAP_CREATE, BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_FREEZE, BPF_OBJ_GET_INFO_BY_FD, BPF_RAW_TRACEPOINT_OPEN,
	/* The filter of a runner is stacked upon this one. */
	BPF_PROG_LOAD, BPF_PROG_TEST_RUN, -1,
};
const struct sandbox_list sandbox_loader = { .calls = loader_calls, .bpf_commands = loader_commands,
					     .with_common = true, .no_files = true };

static const char *const runner_calls[] = {
	"exit", "exit_group", "rt_sigreturn", "sendmsg", NULL,
};
static const int runner_commands[] = {
	BPF_MAP_CREATE, BPF_MAP_UPDATE_ELEM, BPF_PROG_LOAD, BPF_PROG_TEST_RUN, -1,
};
const struct sandbox_list sandbox_runner = { .calls = runner_calls, .bpf_commands = runner_commands,
					     .no_files = true };
