/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A light skeleton is code that acts in its caller's process: it may close, update and link any descriptor
 * number and write into its caller's memory. So it runs in a runner, a fork of the loader with an empty
 * descriptor table but for one socket, its own seccomp filter and a deadline. What it hands back is a number
 * of descriptors that the loader believes nothing about (inspect.h).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/refusal.h"
#include "format/spec.h"

#define RUNNER_LOG_MAX 4096

/* What the runner says, in at most two records. The first comes before the skeleton runs: how the kernel took
 * it (step RUNNER_RUN), or why it did not. The second comes after it ran, with the descriptors of all maps,
 * then all programs. By then the skeleton may have written what it likes into the runner's memory, so what
 * the kernel verified is believed of the first record only. */
struct runner_result {
	int32_t error;            /* -errno of the failing step; 0: none failed */
	uint32_t step;            /* enum runner_step */
	uint32_t verified;        /* enum verified */
	char log[RUNNER_LOG_MAX]; /* the verifier's last words */
};

enum runner_step {
	RUNNER_DATA_MAP = 0,
	RUNNER_LOADER_PROGRAM,
	RUNNER_SIGNATURE,
	RUNNER_RUN,
	RUNNER_HAND_OVER,
	_RUNNER_STEP_MAX,
};

struct runner_job {
	const struct spec_variant *variant;
	const void *insns, *data, *ksig;
	size_t insns_size, data_size, ksig_size;
	const uint8_t *insns_digest; /* SHA-256 */
	bool can_verify;             /* verify_supported() */
	bool must_verify;            /* what the kernel did not verify is not run */
};

/* Forks a runner. *ret_fd is the socket on which its records come, or end of file if the runner died;
 * *ret_pid is to be waited for, and killed at the deadline. */
int runner_start(const struct runner_job *job, pid_t *ret_pid, int *ret_fd);

/* Reads the first record: by what the kernel verified the skeleton, which runs now unless it had to be
 * verified and was not. Returns 0, or REFUSAL_LOAD_FAILED with what went wrong. */
int runner_verified(int fd, uint32_t *ret_verified, struct refusal *refusal);

/* Reads the second record into fds (n_fds of them are expected). Returns 0, or REFUSAL_LOAD_FAILED with what
 * went wrong; then no descriptor is kept. */
int runner_collect(int fd, int *fds, size_t n_fds, struct refusal *refusal);
