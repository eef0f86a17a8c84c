/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/sandbox.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "loaderd/sandbox-lists.h"

static void sandbox_release_p(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
	*filter = NULL;
}

/* Denies every access to files by path from now on. A kernel without Landlock keeps the other fences. */
static int landlock_deny_files(void)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = (1ULL << 13) - 1 }; /* ABI 1, Linux 5.13 */
	_cleanup_close_ int fd = -EBADF;

	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return 0;
}

static int allow_names(scmp_filter_ctx filter, const char *const *names)
{
	for (; *names; names++) {
		int number = seccomp_syscall_resolve_name(*names), r;

		/* A name that this libseccomp or architecture does not know cannot be called either. */
		if (number == __NR_SCMP_ERROR)
			continue;
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

static int allow_bpf(scmp_filter_ctx filter, const int *commands)
{
	for (; commands && *commands >= 0; commands++) {
		int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
					 SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)*commands, 0));

		if (r < 0)
			return r;
	}
	return 0;
}

/* To whom CAP_NET_ADMIN belongs, a netlink socket would be the whole network. */
static int allow_unix_sockets(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX, 0));
}

static int enter(const struct sandbox_list *list)
{
	const struct rlimit no_core = { 0, 0 };
	_cleanup_(sandbox_release_p) scmp_filter_ctx filter = NULL;
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -errno;
	if (list->no_files) {
		r = landlock_deny_files();
		if (r < 0)
			return r;
	}
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	r = allow_names(filter, list->calls);
	if (r >= 0 && list->with_common)
		r = allow_names(filter, sandbox_common);
	if (r >= 0)
		r = allow_names(filter, sandbox_instrumentation);
	if (r >= 0)
		r = allow_bpf(filter, list->bpf_commands);
	if (r >= 0 && list->unix_sockets)
		r = allow_unix_sockets(filter);
	if (r >= 0)
		r = seccomp_load(filter);
	return r;
}

int sandbox_enter(enum message_side side)
{
	sd_id128_t boot;

	/* sd-event wants the boot id for its first timer, and keeps it: now is when the file can still be
	 * read. */
	(void)sd_id128_get_boot(&boot);
	return enter(side == SIDE_WARDEN   ? &sandbox_warden
		     : side == SIDE_GATE   ? &sandbox_gate
		     : side == SIDE_PARSER ? &sandbox_parser
					   : &sandbox_loader);
}

int sandbox_enter_runner(void)
{
	return enter(&sandbox_runner);
}

int sandbox_enter_parser_child(void)
{
	return enter(&sandbox_parser_child);
}
