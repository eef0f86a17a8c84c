/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <spawn.h>
#include <sys/wait.h>

#include "client/cli/cli.h"
#include "common/limits.h"
#include "common/paths.h"

extern char **environ;

enum finding {
	FINDING_OK = 0,
	FINDING_WARN,
	FINDING_FAIL,
};

struct doctor {
	const struct cli *cli;
	unsigned int n[FINDING_FAIL + 1];
};

/* One line: what was found, and what next. */
static void tell(struct doctor *doctor, enum finding finding, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void tell(struct doctor *doctor, enum finding finding, const char *format, ...)
{
	static const char *const names[] = { "ok", "warn", "fail" };
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	doctor->n[finding]++;
	if (doctor->cli->json) {
		_cleanup_json_ json_t *line =
			json_pack("{s:s, s:s}", "finding", names[finding], "text", text);
		_cleanup_free_ char *dump = line ? json_dumps(line, JSON_COMPACT) : NULL;

		printf("%s\n", dump ? dump : "{}");
	} else if (finding != FINDING_OK || !doctor->cli->quiet) {
		printf("%-4s  %s\n", names[finding], text);
	}
}

static bool read_text(const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n < 0)
		return false;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return true;
}

static void check_kernel(struct doctor *doctor)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (uname(&name) < 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		tell(doctor, FINDING_FAIL, "the kernel does not tell its version");
	else if (major < 6 || (major == 6 && minor < 1))
		tell(doctor, FINDING_FAIL, "kernel %s: probes need 6.1 or newer", name.release);
	else
		tell(doctor, FINDING_OK, "kernel %s", name.release);
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		tell(doctor, FINDING_FAIL,
		     "no /sys/kernel/btf/vmlinux: the kernel needs CONFIG_DEBUG_INFO_BTF");
	else
		tell(doctor, FINDING_OK, "the kernel has type information (BTF)");
}

/* The mount point of the first cgroup2 file system, from proc_pid_mounts(5). */
static bool find_cgroup2(char *path, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;
	bool found = false;

	if (!mounts)
		return false;
	while (!found && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2")) {
			snprintf(path, size, "%s", entry->mnt_dir);
			found = true;
		}
	endmntent(mounts);
	return found;
}

static void check_cgroup(struct doctor *doctor)
{
	char path[256];

	if (!find_cgroup2(path, sizeof(path)))
		tell(doctor, FINDING_FAIL,
		     "the unified cgroup hierarchy is not mounted: targets by unit, cgroup and -p "
		     "do not work; mount it with: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	else if (strcmp(path, "/sys/fs/cgroup") && strcmp(path, "/sys/fs/cgroup/unified"))
		tell(doctor, FINDING_WARN,
		     "the unified cgroup hierarchy is at %s, not at /sys/fs/cgroup: boot with "
		     "systemd.unified_cgroup_hierarchy=1 for targets by unit",
		     path);
	else
		tell(doctor, FINDING_OK, "the unified cgroup hierarchy is at %s", path);
}

static void check_perf(struct doctor *doctor)
{
	char text[32];

	if (!read_text("/proc/sys/kernel/perf_event_paranoid", text, sizeof(text)))
		return;
	if (atoi(text) > 2)
		tell(doctor, FINDING_WARN,
		     "kernel.perf_event_paranoid is %s: sampling probes are refused; at 2 they work "
		     "(sysctl kernel.perf_event_paranoid=2); all others do not care",
		     text);
	else
		tell(doctor, FINDING_OK, "kernel.perf_event_paranoid is %s", text);
}

static void check_groups(struct doctor *doctor)
{
	if (getuid() == 0) {
		tell(doctor, FINDING_OK, "you are root and administer");
		return;
	}
	switch (membership_of("bpfwarden-users")) {
	case MEMBERSHIP_ACTIVE:
		tell(doctor, FINDING_OK, "you are in bpfwarden-users");
		break;
	case MEMBERSHIP_STALE:
		tell(doctor, FINDING_WARN,
		     "you are in bpfwarden-users since your last login: log in again or run: newgrp "
		     "bpfwarden-users");
		break;
	case MEMBERSHIP_NONE:
		tell(doctor, FINDING_WARN,
		     "you are not in bpfwarden-users: ask an administrator for: adduser %s "
		     "bpfwarden-users",
		     cli_user_name());
		break;
	}
}

/* 0 with the one reply of a call, or -errno. */
static int ask(const char *method, const char *parameters, bool more, struct bpfwarden_reply **ret)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	int r = bpfwarden_connect(NULL, &connection);

	if (r == 0)
		r = bpfwarden_call(connection, method, parameters, more ? BPFWARDEN_CALL_MORE : 0, NULL, 0);
	if (r == 0)
		r = bpfwarden_receive(connection, CLIENT_CALL_TIMEOUT, ret);
	return r == -EAGAIN ? -ETIMEDOUT : r;
}

/* False: there is nobody to ask further. */
static bool check_daemon(struct doctor *doctor)
{
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	_cleanup_json_ json_t *info = NULL;
	int r = ask("org.varlink.service.GetInfo", NULL, false, &reply);
	const char *version;

	if (r == -ENOENT || r == -ECONNREFUSED) {
		tell(doctor, FINDING_FAIL,
		     "the daemon does not run; start it with: systemctl enable --now "
		     "bpfwardend.socket");
		return false;
	}
	if (r < 0) {
		tell(doctor, FINDING_FAIL,
		     "the daemon does not answer: %s; look at: journalctl -u 'bpfwardend*' -n 20",
		     strerror(-r));
		return false;
	}
	tell(doctor, FINDING_OK, "the daemon answers");
	info = cli_printable(reply);
	version = cli_string(info, "version");
	if (!strcmp(version, BPFWARDEN_VERSION))
		tell(doctor, FINDING_OK, "the daemon's version is this program's, %s", version);
	else
		tell(doctor, FINDING_WARN,
		     "the daemon is of version %s, this program of %s: restart the daemon after an "
		     "upgrade",
		     *version ? version : "unknown", BPFWARDEN_VERSION);
	return true;
}

struct problems {
	struct doctor *doctor;
	unsigned int probes, problems;
};

static int problem_row(void *data, const json_t *parameters)
{
	const json_t *probe = json_object_get(parameters, "probe");
	struct problems *problems = data;

	problems->probes += json_is_object(probe);
	if (*cli_string(probe, "problem")) {
		problems->problems++;
		tell(problems->doctor, FINDING_WARN, "probe %s cannot be used here: %s",
		     cli_string(probe, "name"), cli_string(probe, "problem"));
	}
	return CLI_CONTINUE;
}

static void check_probes(struct doctor *doctor)
{
	struct problems problems = { .doctor = doctor };
	struct cli_query query = { .method = "io.bpfwarden.Probe.List",
				   .more = true,
				   .silent = true,
				   .each = problem_row,
				   .data = &problems };

	if (cli_query(doctor->cli, &query) != CLI_OK)
		tell(doctor, FINDING_FAIL, "the daemon does not list its probes");
	else if (!problems.probes)
		tell(doctor, FINDING_FAIL,
		     "no probe is enrolled, not even the standard set: is the package whole?");
	else
		tell(doctor, FINDING_OK, "%u of %u probes can be used on this kernel",
		     problems.probes - problems.problems, problems.probes);
}

/* The newest record of this action, fit to be shown; NULL: there is none that may be seen. */
static json_t *newest_record(const char *action)
{
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	_cleanup_json_ json_t *row = NULL;
	char query[128];

	snprintf(query, sizeof(query), "{\"limit\":1,\"reverse\":true,\"action\":\"%s\"}", action);
	if (ask("io.bpfwarden.Audit.Query", query, true, &reply) || bpfwarden_reply_error_name(reply))
		return NULL;
	row = cli_printable(reply);
	return json_incref(json_object_get(row, "record"));
}

/* It is a failure: then ret_detail says which. */
static bool last_failed(const char *action, char *ret_detail, size_t size)
{
	_cleanup_json_ json_t *record = newest_record(action);

	snprintf(ret_detail, size, "%s", cli_string(record, "detail"));
	return !strcmp(cli_string(record, "verdict"), "failed");
}

/* What the daemon made of bpfwarden.conf. */
static void check_configuration(struct doctor *doctor)
{
	_cleanup_json_ json_t *record = newest_record("configuration");

	if (!strcmp(cli_string(record, "verdict"), "failed"))
		tell(doctor, FINDING_FAIL,
		     "bpfwarden.conf is refused, so that no record is removed: %s: %s; correct it, then: "
		     "bpfwarden policy reload",
		     cli_string(record, "detail"), cli_string(json_object_get(record, "refusal"), "reason"));
	else if (record)
		tell(doctor, FINDING_OK, "the daemon's configuration: %s", cli_string(record, "detail"));
}

/* What the log says of itself. */
static void check_log(struct doctor *doctor)
{
	char detail[CLI_TEXT_MAX];

	if (last_failed("audit-reserve", detail, sizeof(detail)))
		tell(doctor, FINDING_FAIL, "the disk of the audit log is full: %s", detail);
	if (last_failed("audit", detail, sizeof(detail)))
		tell(doctor, FINDING_WARN,
		     "the audit log was begun anew (%s); what to do: \"What to do when\" in AUDIT.md",
		     detail);
	check_configuration(doctor);
}

/* Reading the log is itself written down, and so is a denial: either answer shows that records are taken. */
static void check_audit(struct doctor *doctor)
{
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	int r = ask("io.bpfwarden.Audit.Query", "{\"limit\":1}", true, &reply);

	if (r < 0)
		tell(doctor, FINDING_FAIL, "the audit log cannot be asked: %s", strerror(-r));
	else if (bpfwarden_reply_error(reply) == BPFWARDEN_ERROR_AUDIT_UNAVAILABLE)
		tell(doctor, FINDING_FAIL,
		     "the audit log cannot be written (%s): nothing new is attached; is the disk full?",
		     bpfwarden_reply_reason(reply));
	else if (bpfwarden_reply_error(reply) == BPFWARDEN_ERROR_POLICY_DENIED)
		tell(doctor, FINDING_OK, "the audit log takes records (you may not read them)");
	else if (bpfwarden_reply_error_name(reply))
		tell(doctor, FINDING_WARN, "the audit log answers: %s", bpfwarden_reply_error_name(reply));
	else
		tell(doctor, FINDING_OK, "the audit log can be read, and reading it is written down");
	if (r == 0 && !bpfwarden_reply_error_name(reply))
		check_log(doctor);
}

/* The first line that a program prints; false: it could not be run. Its exit status does not matter. */
static bool run_program(const char *const *argv, char *text, size_t size)
{
	posix_spawn_file_actions_t actions;
	int pipes[2], r;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	n = r == 0 ? read(pipes[0], text, size - 1) : -1;
	close(pipes[0]);
	if (r == 0)
		waitpid(pid, NULL, 0);
	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return n > 0;
}

static void check_units(struct doctor *doctor)
{
	static const char *const units[] = { "bpfwardend.socket", "bpfwardend.service",
					     "bpfwardend-gate.service", "bpfwardend-parser.service",
					     "bpfwardend-loader.service" };
	char state[64];

	/* sd_booted(3): systemd is PID 1 exactly if this directory is there. */
	if (access("/run/systemd/system", F_OK) < 0) {
		tell(doctor, FINDING_OK, "systemd is not PID 1 here: no units to look at");
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const char *const argv[] = { "systemctl", "is-active", units[i], NULL };

		if (!run_program(argv, state, sizeof(state)))
			tell(doctor, FINDING_WARN, "systemctl does not tell the state of %s", units[i]);
		else if (!strcmp(state, "active"))
			tell(doctor, FINDING_OK, "%s is active", units[i]);
		else
			tell(doctor, !strcmp(state, "failed") ? FINDING_FAIL : FINDING_WARN,
			     "%s is %s; see: systemctl status %s", units[i], state, units[i]);
	}
}

/* True if somebody put a hook there, or a file that is meant to be one. */
static bool anchor_hooks(void)
{
	DIR *directory = opendir(PATH_ANCHOR_HOOKS);
	const struct dirent *entry;
	bool any = false;

	while (directory && !any && (entry = readdir(directory)))
		any = entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	return any;
}

/* Whether checkpoints of the audit log get to other places: nobody notices by himself that they stopped. */
static void check_anchors(struct doctor *doctor)
{
	static const char path[] = "bpfwarden-anchor.path", service[] = "bpfwarden-anchor.service";
	const char *const watches[] = { "systemctl", "is-active", path, NULL };
	const char *const failed[] = { "systemctl", "is-failed", service, NULL };
	char state[64];

	if (access("/run/systemd/system", F_OK) < 0)
		return;
	if (!anchor_hooks())
		tell(doctor, FINDING_OK,
		     "no hook in " PATH_ANCHOR_HOOKS " takes checkpoints of the audit log off this host");
	else if (!run_program(watches, state, sizeof(state)) || strcmp(state, "active"))
		tell(doctor, FINDING_FAIL,
		     "there are hooks in " PATH_ANCHOR_HOOKS
		     ", and nothing calls them; start it with: systemctl start %s",
		     path);
	else if (run_program(failed, state, sizeof(state)) && !strcmp(state, "failed"))
		tell(doctor, FINDING_FAIL,
		     "checkpoints of the audit log do not leave this host: a hook fails; see: systemctl "
		     "status %s",
		     service);
	else
		tell(doctor, FINDING_OK, "checkpoints of the audit log are handed to " PATH_ANCHOR_HOOKS);
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	struct doctor doctor = { .cli = cli };
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first);

	if (r != CLI_CONTINUE)
		return r;
	check_kernel(&doctor);
	check_cgroup(&doctor);
	check_perf(&doctor);
	check_groups(&doctor);
	check_units(&doctor);
	check_anchors(&doctor);
	if (check_daemon(&doctor)) {
		check_probes(&doctor);
		check_audit(&doctor);
	}
	if (!cli->json && !cli->quiet)
		printf("%u ok, %u warnings, %u failures\n", doctor.n[FINDING_OK], doctor.n[FINDING_WARN],
		       doctor.n[FINDING_FAIL]);
	return doctor.n[FINDING_FAIL] ? CLI_FAILED : CLI_OK;
}
