/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/paths.h"
#include "client/cli/cli.h"

#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/refusal.h"

#define GROUPS_MAX 1024

/* One call of fprintf() is one write() on standard error: two commands that share it do not mix their lines.
 */
void cli_say(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int r;

	fflush(stdout);
	va_start(ap, format);
	r = vasprintf(&text, format, ap);
	va_end(ap);
	if (r < 0)
		text = NULL;
	fprintf(stderr, "bpfwarden: %s\n", text ? text : format);
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("bpfwarden: ", stderr);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nTry: bpfwarden %s%s--help\n", cli->verb ? cli->verb->name : "",
		cli->verb ? " " : "");
	return CLI_USAGE;
}

int cli_broken(int r)
{
	const char *path = secure_getenv("BPFWARDEN_SOCKET");

	if (!path || !*path)
		path = PATH_CLIENT_SOCKET;
	switch (r) {
	case -ENOENT:
	case -ECONNREFUSED:
		cli_say("the daemon does not run: nothing listens at %s\n"
			"Start it with: systemctl enable --now bpfwardend.socket\n"
			"or in the foreground, as root: bpfwardend launch",
			path);
		return CLI_NO_DAEMON;
	case -EACCES:
		cli_say("you may not connect to %s; its mode should be 0666, see: bpfwarden doctor", path);
		return CLI_DENIED;
	case -ETIMEDOUT:
		cli_say("the daemon does not answer; look at: journalctl -u 'bpfwardend*' -n 20");
		return CLI_FAILED;
	case -ECONNRESET:
	case -EPIPE:
		cli_say("the daemon closed the connection; try again, or look at: journalctl -u "
			"'bpfwardend*' -n 20");
		return CLI_FAILED;
	case -EBADMSG:
		cli_say("what listens at %s does not speak bpfwarden's protocol", path);
		return CLI_FAILED;
	default:
		cli_say("%s", strerror(-r));
		return CLI_FAILED;
	}
}

enum membership membership_compare(gid_t gid, const gid_t *database, size_t n_database, const gid_t *process,
				   size_t n_process)
{
	for (size_t i = 0; i < n_process; i++)
		if (process[i] == gid)
			return MEMBERSHIP_ACTIVE;
	for (size_t i = 0; i < n_database; i++)
		if (database[i] == gid)
			return MEMBERSHIP_STALE;
	return MEMBERSHIP_NONE;
}

enum membership membership_of(const char *group)
{
	gid_t database[GROUPS_MAX], process[GROUPS_MAX + 1];
	const struct group *entry = getgrnam(group);
	const struct passwd *user;
	int n_database = GROUPS_MAX, n_process;
	gid_t gid;

	if (!entry)
		return MEMBERSHIP_NONE;
	gid = entry->gr_gid;
	user = getpwuid(getuid());
	if (!user || getgrouplist(user->pw_name, user->pw_gid, database, &n_database) < 0)
		n_database = 0;
	n_process = getgroups(GROUPS_MAX, process);
	if (n_process < 0)
		n_process = 0;
	process[n_process++] = getegid();
	return membership_compare(gid, database, (size_t)n_database, process, (size_t)n_process);
}

const char *cli_user_name(void)
{
	const struct passwd *user = getpwuid(getuid());

	return user ? user->pw_name : "YOU";
}

/* Who may call a method out of the box: see docs/man/bpfwarden.policy.5. To look takes less than to change.
 */
static const char *group_of_method(const char *method)
{
	static const char *const groups[][2] = {
		{ "io.bpfwarden.Audit.", "bpfwarden-audit" },
		{ "io.bpfwarden.Probe.Status", "bpfwarden-audit" },
		{ "io.bpfwarden.Probe.Detach", "bpfwarden-admin" },
		{ "io.bpfwarden.Policy.Explain", "bpfwarden-audit" },
		{ "io.bpfwarden.Policy.Text", "bpfwarden-audit" },
		{ "io.bpfwarden.Policy.", "bpfwarden-admin" },
		{ "io.bpfwarden.Registry.", "bpfwarden-admin" },
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (!strncmp(method, groups[i][0], strlen(groups[i][0])))
			return groups[i][1];
	return "bpfwarden-users";
}

void cli_hint_group(const char *group)
{
	switch (membership_of(group)) {
	case MEMBERSHIP_STALE:
		cli_say("you are in %s since your last login: log in again or run: newgrp %s", group, group);
		break;
	case MEMBERSHIP_NONE:
		cli_say("ask an administrator for: adduser %s %s", cli_user_name(), group);
		break;
	case MEMBERSHIP_ACTIVE:
		cli_say("what you may do: bpfwarden policy show");
		break;
	}
}

/* Membership alone need not help who has rules of their team and asked for more than these give. */
static void hint_denied(const char *method)
{
	if (!strcmp(method, "io.bpfwarden.Probe.Attach") || !strcmp(method, "io.bpfwarden.Probe.Run")) {
		cli_say("why: bpfwarden policy explain, with the same probe and options");
		if (membership_of("bpfwarden-users") == MEMBERSHIP_NONE)
			cli_say("for standard probes on what is your own, ask an administrator for: adduser "
				"%s bpfwarden-users",
				cli_user_name());
		else
			cli_hint_group("bpfwarden-users");
		return;
	}
	cli_hint_group(group_of_method(method));
}

/* What brings a request below a limit differs with what is limited. */
static const char *next_of_limit(const char *limit)
{
	if (!strncmp(limit, "set ", 4))
		return "what the policy leaves of it: bpfwarden policy explain, without --set";
	if (!strcmp(limit, "max-duration"))
		return "ask for less: --for TIME";
	if (!strcmp(limit, "max-loads-per-minute"))
		return "try again in a minute";
	if (!strcmp(limit, "max-programs-per-hook"))
		return "the limit is for all users together: try again when others have ended theirs";
	return "what you hold: bpfwarden ps; end some with: bpfwarden detach ID";
}

static void hint(enum bpfwarden_error error, const char *subject, const char *method)
{
	static const char *const next[] = {
		[BPFWARDEN_ERROR_KERNEL_UNSUPPORTED] = "what this kernel has: bpfwarden doctor",
		[BPFWARDEN_ERROR_TARGET_UNSUPPORTED] = "what each probe can filter by: bpfwarden list",
		[BPFWARDEN_ERROR_NOT_ENROLLED] = "what is enrolled: bpfwarden registry list",
		[BPFWARDEN_ERROR_AUDIT_UNAVAILABLE] = "nothing new is attached until the log can be written; "
						      "what is attached goes on, and detach works",
		[BPFWARDEN_ERROR_NO_SUCH_ATTACHMENT] = "what lives: bpfwarden ps",
		[BPFWARDEN_ERROR_POLICY_INVALID] = "the policy in force stays",
		[BPFWARDEN_ERROR_TRUST_INVALID] =
			"nothing new is attached until that is right; what runs stays",
		[BPFWARDEN_ERROR_UNAVAILABLE] = "try again in a moment",
	};

	if (error == BPFWARDEN_ERROR_POLICY_DENIED && getuid() != 0)
		hint_denied(method);
	else if (error == BPFWARDEN_ERROR_LIMIT_EXCEEDED)
		cli_say("%s", next_of_limit(subject));
	else if (error < sizeof(next) / sizeof(next[0]) && next[error])
		cli_say("%s", next[error]);
}

/* An argument that the daemon cannot even read: which, and what it would take. */
static void tell_invalid(const struct bpfwarden_reply *reply)
{
	static const char *const takes[][2] = {
		{ "action", "attach, detach-any, enroll, promote, revoke, audit-read or policy-reload" },
		{ "from_cgroup", "a path from the root, such as /system.slice/shop.service" },
		{ "namespace", "host or container" },
		{ "target", "self, user:NAME, unit:NAME, cgroup:PATH or host" },
	};
	_cleanup_json_ json_t *parameters = cli_printable(reply);
	const char *name = parameters ? cli_string(parameters, "parameter") : "";

	for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++)
		if (!strcmp(name, takes[i][0])) {
			cli_say("argument not valid (%s): it is %s", name, takes[i][1]);
			return;
		}
	cli_say("argument not valid (%s)", name);
}

static int refused_by_protocol(const struct bpfwarden_reply *reply)
{
	const char *name = bpfwarden_reply_error_name(reply);

	if (!strcmp(name, "org.varlink.service.InvalidParameter")) {
		tell_invalid(reply);
		return CLI_USAGE;
	}
	if (!strncmp(name, "org.varlink.service.", strlen("org.varlink.service."))) {
		cli_say("the daemon does not know this call: it is of another version than this program (%s)",
			BPFWARDEN_VERSION);
		return CLI_UNSUPPORTED;
	}
	cli_say("the daemon refused: %s", name);
	return CLI_FAILED;
}

int cli_refused(const struct bpfwarden_reply *reply, const char *method)
{
	static const char *const what[] = {
		[BPFWARDEN_ERROR_POLICY_DENIED] = "denied by policy",
		[BPFWARDEN_ERROR_LIMIT_EXCEEDED] = "over the limit",
		[BPFWARDEN_ERROR_KERNEL_UNSUPPORTED] = "not supported by this kernel",
		[BPFWARDEN_ERROR_TARGET_UNSUPPORTED] = "target not supported by the probe",
		[BPFWARDEN_ERROR_SIGNATURE_INVALID] = "signature not valid",
		[BPFWARDEN_ERROR_BUNDLE_INVALID] = "bundle not valid",
		[BPFWARDEN_ERROR_NOT_ENROLLED] = "not enrolled",
		[BPFWARDEN_ERROR_ALREADY_ENROLLED] = "enrolled already",
		[BPFWARDEN_ERROR_REVOKED] = "revoked",
		[BPFWARDEN_ERROR_NOT_KERNEL_VERIFIED] = "not verified by the kernel",
		[BPFWARDEN_ERROR_SERIAL_ROLLBACK] = "older than what was there before",
		[BPFWARDEN_ERROR_AUDIT_UNAVAILABLE] = "audit log not available",
		[BPFWARDEN_ERROR_NO_SUCH_PROBE] = "no such probe",
		[BPFWARDEN_ERROR_NO_SUCH_ATTACHMENT] = "no such attachment",
		[BPFWARDEN_ERROR_NO_SUCH_TARGET] = "no such target",
		[BPFWARDEN_ERROR_INVALID_ARGUMENT] = "argument not valid",
		[BPFWARDEN_ERROR_LOAD_FAILED] = "loading failed",
		[BPFWARDEN_ERROR_POLICY_INVALID] = "policy not valid",
		[BPFWARDEN_ERROR_TRUST_INVALID] = "trust not valid",
		[BPFWARDEN_ERROR_UNAVAILABLE] = "a part of the daemon is starting again",
	};
	enum bpfwarden_error error = bpfwarden_reply_error(reply);
	const char *subject = bpfwarden_reply_subject(reply), *reason = bpfwarden_reply_reason(reply);

	if (error >= sizeof(what) / sizeof(what[0]))
		return refused_by_protocol(reply);
	cli_say("%s%s%s%s%s%s", what[error], *subject ? " (" : "", subject, *subject ? ")" : "",
		*reason ? ": " : "", reason);
	hint(error, subject, method);
	return refusal_exit_code(error);
}
