/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/runner.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/control.h"
#include "loaderd/loader/bpfcall.h"
#include "loaderd/loader/verify.h"
#include "loaderd/sandbox.h"

#define RUNNER_FDS_MAX (SPEC_MAPS_MAX + SPEC_PROGRAMS_MAX)
#define RUNNER_SOCKET  3
#define LOG_MAX        (16U << 20) /* what the verifier may write; pages come as they are used */
#define CTX_SIZE_MAX   4096

/* Head of the context that gen_loader's program reads; skel_internal.h of libbpf, struct bpf_loader_ctx. The
 * verifier's log of the programs that it loads is written to log_buf. */
struct loader_ctx {
	uint32_t size, flags, log_level, log_size;
	uint64_t log_buf;
};

static bool answer(int socket, const struct runner_result *result, const int *fds, size_t n_fds)
{
	CONTROL_FDS(RUNNER_FDS_MAX) control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)result, .iov_len = sizeof(*result) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	control_put_fds(&mh, control.bytes, fds, n_fds);
	return sendmsg(socket, &mh, MSG_NOSIGNAL) == sizeof(*result);
}

/* Reads descriptor i of a table in the context; the layout is the manifest's and was checked with the spec.
 */
static int ctx_fd(const uint8_t *ctx, uint32_t table, uint32_t stride, uint32_t offset, uint32_t i)
{
	int fd;

	memcpy(&fd, ctx + table + (size_t)stride * i + offset, sizeof(fd));
	return fd;
}

/* Runs once more with a log, in a fresh context, only to learn why: a log that is full would itself be an
 * error, so the first run has none. */
static void explain_run(const struct runner_job *job, int prog, char *log, struct runner_result *result)
{
	const struct spec_variant *v = job->variant;
	static uint8_t ctx[CTX_SIZE_MAX];
	struct loader_ctx *head = (struct loader_ctx *)(void *)ctx;
	int32_t value;
	size_t n;

	*head = (struct loader_ctx){ .size = v->ctx_size,
				     .log_level = 1,
				     .log_size = LOG_MAX - 1,
				     .log_buf = (uint64_t)(uintptr_t)log };
	(void)bpfcall_run(prog, ctx, v->ctx_size, &value);
	n = strnlen(log, LOG_MAX - 1);
	if (n >= sizeof(result->log))
		log += n - sizeof(result->log) + 1;
	memcpy(result->log, log, strnlen(log, sizeof(result->log) - 1));
}

/* Makes the data map and loads the skeleton; with its signature where there is one that the kernel takes. */
static int load_skeleton(const struct runner_job *job, struct runner_result *result)
{
	bool sign = job->can_verify && job->ksig;
	struct bpfcall_map data_map = { .type = BPF_MAP_TYPE_ARRAY,
					.key_size = 4,
					.max_entries = 1,
					.value_size = (uint32_t)job->data_size,
					.name = "bw_skeleton",
					.exclusive = sign ? job->insns_digest : NULL };
	const uint32_t zero = 0;
	int map, r;

	result->step = RUNNER_DATA_MAP;
	result->verified = job->can_verify ? VERIFIED_NO : VERIFIED_UNSUPPORTED;
	map = bpfcall_map_create(&data_map);
	if (map < 0)
		return map;
	r = bpfcall_map_update(map, &zero, job->data);
	if (r >= 0 && sign)
		r = bpfcall_map_freeze(map);
	if (r < 0)
		return r;
	if (sign) {
		result->step = RUNNER_SIGNATURE;
		r = verify_load(job->insns, job->insns_size, map, job->ksig, job->ksig_size,
				&result->verified);
		if (r != -ENOKEY)
			return r;
	}
	if (job->must_verify) {
		result->step = RUNNER_SIGNATURE;
		return -ENOKEY;
	}
	result->step = RUNNER_LOADER_PROGRAM;
	return bpfcall_loader_prog(job->insns, job->insns_size, map, NULL);
}

static int run_skeleton(const struct runner_job *job, uint8_t *ctx, char *log, struct runner_result *result)
{
	struct loader_ctx *head = (struct loader_ctx *)(void *)ctx;
	int32_t value = 0;
	int prog, r;

	prog = load_skeleton(job, result);
	if (prog < 0)
		return prog;
	result->step = RUNNER_RUN;
	/* If the loader did not hear the first record, it would take one that the skeleton wrote for it. */
	if (!answer(RUNNER_SOCKET, result, NULL, 0))
		_exit(1);
	head->size = job->variant->ctx_size;
	r = bpfcall_run(prog, ctx, job->variant->ctx_size, &value);
	if (r >= 0 && value < 0)
		explain_run(job, prog, log, result);
	return r < 0 ? r : value < 0 ? value : 0;
}

/* A skeleton loads, and attaches nothing: CAP_NET_ADMIN is for attaching at a cgroup. */
static int give_up_net_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	data[1].permitted = data[1].effective = CAP_TO_MASK(CAP_BPF) | CAP_TO_MASK(CAP_PERFMON);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

_Noreturn static void runner(const struct runner_job *job, int socket)
{
	const struct spec_variant *v = job->variant;
	struct runner_result result = { 0 };
	int fds[RUNNER_FDS_MAX];
	size_t n = 0;
	uint8_t *ctx;
	char *log;

	if (dup2(socket, RUNNER_SOCKET) < 0 || close_range(RUNNER_SOCKET + 1, ~0U, 0) < 0 ||
	    close_range(0, RUNNER_SOCKET - 1, 0) < 0)
		_exit(1);
	ctx = calloc(1, v->ctx_size);
	log = mmap(NULL, LOG_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!ctx || v->ctx_size > CTX_SIZE_MAX || log == MAP_FAILED || give_up_net_admin() < 0 ||
	    sandbox_enter_runner() < 0)
		_exit(1);
	result.error = run_skeleton(job, ctx, log, &result);
	if (!result.error) {
		uint32_t programs = v->ctx_header_size + v->ctx_map_size * v->n_maps;

		result.step = RUNNER_HAND_OVER;
		for (uint32_t i = 0; i < v->n_maps; i++)
			fds[n++] = ctx_fd(ctx, v->ctx_header_size, v->ctx_map_size, v->ctx_map_fd_offset, i);
		for (uint32_t i = 0; i < v->n_programs; i++)
			fds[n++] = ctx_fd(ctx, programs, v->ctx_prog_size, v->ctx_prog_fd_offset, i);
	}
	_exit(!answer(RUNNER_SOCKET, &result, fds, n));
}

int runner_start(const struct runner_job *job, pid_t *ret_pid, int *ret_fd)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		close_fd(pair[0]);
		close_fd(pair[1]);
		return r;
	}
	if (pid == 0)
		runner(job, pair[1]);
	close_fd(pair[1]);
	*ret_pid = pid;
	*ret_fd = pair[0];
	return 0;
}

/* The last line of the log that says something; the verifier's verdict stands there. */
static const char *last_line(char *log)
{
	char *end, *line;

	log[RUNNER_LOG_MAX - 1] = '\0';
	for (;;) {
		end = log + strlen(log);
		while (end > log && (end[-1] == '\n' || end[-1] == ' '))
			*--end = '\0';
		line = strrchr(log, '\n');
		line = line ? line + 1 : log;
		if (line == log || strncmp(line, "processed ", 10))
			return line;
		line[-1] = '\0';
	}
}

static int explain(struct runner_result *result, struct refusal *refusal)
{
	static const char *const steps[_RUNNER_STEP_MAX] = {
		[RUNNER_DATA_MAP] = "data map",          [RUNNER_LOADER_PROGRAM] = "skeleton",
		[RUNNER_SIGNATURE] = "kernel signature", [RUNNER_RUN] = "run",
		[RUNNER_HAND_OVER] = "hand over",
	};
	const char *step = result->step < _RUNNER_STEP_MAX ? steps[result->step] : "runner";
	const char *line = last_line(result->log);

	return refusal_set_error(refusal, result->error, REFUSAL_LOAD_FAILED, step,
				 "the kernel refused the light skeleton: %s%s%s", strerror(-result->error),
				 *line ? ": " : "", line);
}

/* One record, with up to RUNNER_FDS_MAX descriptors. False: none came, or none of ours. */
static bool receive(int fd, struct runner_result *result, int *fds, size_t *ret_n, bool *ret_ended)
{
	CONTROL_FDS(RUNNER_FDS_MAX) control;
	struct iovec iov = { .iov_base = result, .iov_len = sizeof(*result) };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     /* Not CMSG_SPACE(): the kernel would use its padding for one more. */
			     .msg_controllen = CMSG_LEN(sizeof(int) * RUNNER_FDS_MAX) };
	ssize_t size = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*ret_n = 0;
	*ret_ended = size <= 0;
	if (size <= 0)
		return false;
	*ret_n = control_get_fds(&mh, fds);
	return size == sizeof(*result) && result->error <= 0 && result->error > -4096 &&
	       !(mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
}

/* What is no success: its descriptors are closed, and somebody is told why. */
static int reject(bool ok, bool ended, struct runner_result *result, const int *fds, size_t n,
		  struct refusal *refusal)
{
	for (size_t i = 0; i < n; i++)
		close_fd(fds[i]);
	if (ended)
		return refusal_set(refusal, REFUSAL_LOAD_FAILED, "runner",
				   "the light skeleton ended its runner, or ran into its deadline");
	if (ok && result->error)
		return explain(result, refusal);
	return refusal_set(
		refusal, REFUSAL_LOAD_FAILED, "hand over",
		"the light skeleton did not hand over the maps and programs that its manifest lists");
}

int runner_verified(int fd, uint32_t *ret_verified, struct refusal *refusal)
{
	struct runner_result result = { 0 };
	int got[RUNNER_FDS_MAX];
	bool ended, ok;
	size_t n;

	ok = receive(fd, &result, got, &n, &ended);
	if (ok && !n && !result.error && result.step == RUNNER_RUN && result.verified < _VERIFIED_MAX) {
		*ret_verified = result.verified;
		return 0;
	}
	if (ok && !n && result.step == RUNNER_SIGNATURE && result.error == -ENOKEY) {
		*ret_verified = VERIFIED_NO;
		return 0;
	}
	return reject(ok, ended, &result, got, n, refusal);
}

int runner_collect(int fd, int *fds, size_t n_fds, struct refusal *refusal)
{
	struct runner_result result = { 0 };
	int got[RUNNER_FDS_MAX];
	bool ended, ok;
	size_t n;

	ok = receive(fd, &result, got, &n, &ended);
	if (!ok || result.error || n != n_fds)
		return reject(ok, ended, &result, got, n, refusal);
	memcpy(fds, got, n * sizeof(int));
	return 0;
}
