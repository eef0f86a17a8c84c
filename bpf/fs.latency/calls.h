/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/* Which system calls count as which operation, by their numbers: those of include/uapi/asm-generic/unistd.h,
 * but on x86. */
#include "bpfwarden/abi.h"

enum fs_op { FS_NONE, FS_READ, FS_WRITE, FS_FSYNC, FS_OPEN };

#define FS_CALLS 448

static const __u8 fs_calls[FS_CALLS] = {
#if defined(__TARGET_ARCH_x86)
	[0] = FS_READ,    /* read */
	[1] = FS_WRITE,   /* write */
	[2] = FS_OPEN,    /* open */
	[17] = FS_READ,   /* pread64 */
	[18] = FS_WRITE,  /* pwrite64 */
	[19] = FS_READ,   /* readv */
	[20] = FS_WRITE,  /* writev */
	[74] = FS_FSYNC,  /* fsync */
	[75] = FS_FSYNC,  /* fdatasync */
	[85] = FS_OPEN,   /* creat */
	[257] = FS_OPEN,  /* openat */
	[295] = FS_READ,  /* preadv */
	[296] = FS_WRITE, /* pwritev */
	[327] = FS_READ,  /* preadv2 */
	[328] = FS_WRITE, /* pwritev2 */
#else
	[56] = FS_OPEN,   /* openat */
	[63] = FS_READ,   /* read */
	[64] = FS_WRITE,  /* write */
	[65] = FS_READ,   /* readv */
	[66] = FS_WRITE,  /* writev */
	[67] = FS_READ,   /* pread64 */
	[68] = FS_WRITE,  /* pwrite64 */
	[69] = FS_READ,   /* preadv */
	[70] = FS_WRITE,  /* pwritev */
	[82] = FS_FSYNC,  /* fsync */
	[83] = FS_FSYNC,  /* fdatasync */
	[286] = FS_READ,  /* preadv2 */
	[287] = FS_WRITE, /* pwritev2 */
#endif
	[437] = FS_OPEN, /* openat2 */
};

static __always_inline __u32 fs_op_of(__u32 number)
{
	return number < FS_CALLS ? fs_calls[number] : FS_NONE;
}
