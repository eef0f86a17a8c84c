/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A light skeleton is code that acts in its caller's process: it may close, update and link any descriptor
 * number and write into its caller's memory. So it runs in a runner, a fork of the loader with an empty
 * descriptor table but for one socket, its own seccomp filter and a deadline. What it hands back is a number
 * of descriptors that the loader believes nothing about (inspect.h).
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/refusal.h"
#include "format/spec.h"

#define RUNNER_LOG_MAX 4096

/* The runner's answer, one record with the descriptors of all maps, then all programs. */
struct runner_result {
	int32_t error;            /* -errno of the failing step; 0: it ran */
	uint32_t step;            /* enum runner_step */
	char log[RUNNER_LOG_MAX]; /* the verifier's last words */
};

enum runner_step {
	RUNNER_DATA_MAP = 0,
	RUNNER_LOADER_PROGRAM,
	RUNNER_RUN,
	RUNNER_HAND_OVER,
	_RUNNER_STEP_MAX,
};

struct runner_job {
	const struct spec_variant *variant;
	const void *insns, *data;
	size_t insns_size, data_size;
};

/* Forks a runner. *ret_fd is the socket on which exactly one record comes, or end of file if the runner died;
 * *ret_pid is to be waited for, and killed at the deadline. */
int runner_start(const struct runner_job *job, pid_t *ret_pid, int *ret_fd);

/* Reads the runner's record from its socket into fds (n_fds of them are expected). Returns 0, or
 * REFUSAL_LOAD_FAILED with what went wrong; then no descriptor is kept. */
int runner_collect(int fd, int *fds, size_t n_fds, struct refusal *refusal);
