/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What the verbs of the command line share: options that are everywhere, calls to the daemon, errors that say
 * what, why and what next. Functions that return an exit code have already told the user.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/lib/bpfwarden.h"
#include "common/cleanup.h"

enum cli_exit {
	CLI_CONTINUE = -1, /* nothing is decided yet: go on */
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_DENIED = 3,
	CLI_NOT_FOUND = 4,
	CLI_UNSUPPORTED = 5,
	CLI_NO_DAEMON = 6,
};

struct cli_verb;

struct cli {
	const struct cli_verb *verb;
	bool json, quiet, dry_run;
};

struct cli_verb {
	const char *name;                                   /* "registry enroll" */
	int (*run)(struct cli *cli, int argc, char **argv); /* argv[0] is the last word of the name */
	const char *arguments;
	const char *summary;
	const char *details; /* further lines of help; may be NULL */
	bool changes;        /* takes --dry-run */
};

DEFINE_CLEANUP(struct bpfwarden *, bpfwarden_disconnect)
DEFINE_CLEANUP(struct bpfwarden_reply *, bpfwarden_reply_free)
DEFINE_CLEANUP(struct bpfwarden_stream *, bpfwarden_stream_free)

static inline void json_decref_p(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ _cleanup_(json_decref_p)

/* The whole program; main() is nothing but this, and tests call it in a child. */
int cli_main(int argc, char **argv);

/* NULL-named entry ends the table. */
extern const struct cli_verb cli_verbs[];
void cli_help(const struct cli_verb *verb);

/* Parses options: the verb's own (may be NULL; val is the short form if it is a character) by handle(), which
 * returns false after telling why a value is wrong; and those that are everywhere. *ret_first is the index of
 * the first positional argument, of which there must be min to max. CLI_CONTINUE or an exit code. */
typedef bool (*cli_option_fn)(void *data, int option, const char *value);
int cli_parse(struct cli *cli, int argc, char **argv, const struct option *own, cli_option_fn handle,
	      void *data, int min, int max, int *ret_first);

/* ---- report.c ---- */

/* "bpfwarden: …" on stderr. Text from the daemon must be printable already. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells why a call failed; r is a negative errno of the library. */
int cli_broken(int r);

/* Tells what the daemon refused of a method, why, and what next. */
int cli_refused(const struct bpfwarden_reply *reply, const char *method);

/* The caller's name, "YOU" if it has none. */
const char *cli_user_name(void);

/* Tells how to come into a group, or what one may do in it. */
void cli_hint_group(const char *group);

enum membership {
	MEMBERSHIP_NONE = 0, /* not in the group */
	MEMBERSHIP_STALE,    /* in the group since the last login */
	MEMBERSHIP_ACTIVE,
};
enum membership membership_compare(gid_t gid, const gid_t *database, size_t n_database, const gid_t *process,
				   size_t n_process);
/* Of the calling process in a group, by name; MEMBERSHIP_NONE if there is no such group. */
enum membership membership_of(const char *group);

/* ---- query.c ---- */

int cli_connect(struct bpfwarden **ret);

/* One call and all its replies. Text mode: each() gets the parameters, all strings in them printable, and
 * returns CLI_CONTINUE or an exit code that ends the query. JSON mode: every reply is printed as it came. */
struct cli_query {
	const char *method;
	json_t *parameters; /* taken */
	bool more;
	bool load; /* may take as long as loading a program */
	const int *fds;
	size_t n_fds;
	bool silent;   /* JSON mode calls each() too, and prints nothing */
	bool also;     /* JSON mode prints every reply, and calls each() too */
	bool exact;    /* each() gets all strings as they came: they are not for the terminal */
	bool may_deny; /* PolicyDenied is CLI_DENIED without a word */
	int (*each)(void *data, const json_t *parameters);
	void *data;
};
int cli_query(const struct cli *cli, const struct cli_query *query);

/* The reply's parameters with every string made printable; the caller frees. NULL: out of memory. */
json_t *cli_printable(const struct bpfwarden_reply *reply);
json_t *cli_printable_text(const char *json);

/* The same for one string; returns buffer. */
#define CLI_TEXT_MAX 512
const char *cli_printable_copy(const char *text, char *buffer, size_t size);

/* Member key as text, "" if it is none. */
const char *cli_string(const json_t *object, const char *key);
uint64_t cli_number(const json_t *object, const char *key);
/* An array of strings as "a, b"; buffer holds size bytes. Returns buffer. */
const char *cli_join(const json_t *array, char *buffer, size_t size);

/* The object as one line of JSON on standard output. */
void cli_print_json(const json_t *object);

/* Flushes standard output. CLI_OK, or CLI_FAILED: silently if the reader has gone, else told. */
int cli_flush(void);

/* ---- cmd-attachments.c ---- */

/* The full id of which `prefix` is the unique beginning among the caller's own attachments; if it is that of
 * none, a copy of it, since an administrator may name others' by the whole id. The caller frees *ret.
 * CLI_CONTINUE or an exit code. */
int attachment_resolve(const struct cli *cli, const char *prefix, char **ret);

/* Events that went to no ring or map: "12", or "-" if there are no counters. Returns buffer or "-". */
const char *attachment_lost(const json_t *counters, char *buffer);

/* ---- cmd-policy.c ---- */

/* The array `ended` of Reload as a table. */
void ended_print(const json_t *ended);

/* ---- cmd-registry.c ---- */

/* "tcp.state 3" or "tcp.state-3". */
bool cli_bundle_name(int n, char **words, char *name, size_t size, uint64_t *ret_serial);

/* ---- verbs ---- */
int cmd_overview(struct cli *cli, int argc, char **argv);
int cmd_list(struct cli *cli, int argc, char **argv);
int cmd_show(struct cli *cli, int argc, char **argv);
int cmd_run(struct cli *cli, int argc, char **argv);
int cmd_attach(struct cli *cli, int argc, char **argv);
int cmd_ps(struct cli *cli, int argc, char **argv);
int cmd_top(struct cli *cli, int argc, char **argv);
int cmd_watch(struct cli *cli, int argc, char **argv);
int cmd_read(struct cli *cli, int argc, char **argv);
int cmd_detach(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_registry_list(struct cli *cli, int argc, char **argv);
int cmd_registry_show(struct cli *cli, int argc, char **argv);
int cmd_registry_enroll(struct cli *cli, int argc, char **argv);
int cmd_registry_accept_clock(struct cli *cli, int argc, char **argv);
int cmd_registry_promote(struct cli *cli, int argc, char **argv);
int cmd_registry_revoke(struct cli *cli, int argc, char **argv);
int cmd_policy_diff(struct cli *cli, int argc, char **argv);
int cmd_policy_explain(struct cli *cli, int argc, char **argv);
int cmd_policy_show(struct cli *cli, int argc, char **argv);
int cmd_policy_check(struct cli *cli, int argc, char **argv);
int cmd_policy_test(struct cli *cli, int argc, char **argv);
int cmd_policy_reload(struct cli *cli, int argc, char **argv);
int cmd_policy_who(struct cli *cli, int argc, char **argv);
int cmd_trust_show(struct cli *cli, int argc, char **argv);
int cmd_trust_check(struct cli *cli, int argc, char **argv);
int cmd_trust_init(struct cli *cli, int argc, char **argv);
int cmd_trust_revoke(struct cli *cli, int argc, char **argv);
int cmd_audit_list(struct cli *cli, int argc, char **argv);
int cmd_audit_checkpoint(struct cli *cli, int argc, char **argv);
int cmd_audit_report(struct cli *cli, int argc, char **argv);
int cmd_audit_show(struct cli *cli, int argc, char **argv);
int cmd_audit_verify(struct cli *cli, int argc, char **argv);
int cmd_audit_export(struct cli *cli, int argc, char **argv);
int cmd_version(struct cli *cli, int argc, char **argv);
int cmd_help(struct cli *cli, int argc, char **argv);
