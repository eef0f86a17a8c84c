/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/* For programs at tp_btf/sys_enter and tp_btf/sys_exit: what a system call's registers mean. */
#include "bpfwarden/kernel.h"

#include <bpf/bpf_helpers.h>

/* Negative: none. At the exit it is still that of the call, but after rt_sigreturn(2). */
static __always_inline int bw_syscall_number(const struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	return regs->syscallno;
#else
#error "the registers of this architecture are not known here"
#endif
}

/* The first argument, at the entry. */
static __always_inline unsigned long bw_syscall_argument(const struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->di;
#else
	return regs->orig_x0;
#endif
}

/* A call by the numbers of 32-bit programs, which mean other calls. */
static __always_inline bool bw_syscall_is_compat(const struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 0x2; /* TS_COMPAT: this call, not this task */
#else
	return task->thread_info.flags >> 22 & 1; /* TIF_32BIT */
#endif
}
