/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cmd-bundle.h"

#define ATTACH_OPTIONS                                                                      \
	"  -p, --pid PID          the cgroup in which this process is\n"                    \
	"  -U, --unit UNIT        a systemd unit, over its restarts\n"                      \
	"  -u, --user USER        all that belongs to a user\n"                             \
	"  -g, --cgroup PATH      a cgroup and all below it, \"/system.slice/x.service\"\n" \
	"  -H, --host             everything\n"                                             \
	"                         without any of these: your own processes and sockets\n"   \
	"  -s, --set KEY=VALUE    a parameter of the probe (see: bpfwarden show PROBE)\n"   \
	"      --privacy CLASS    fields up to safe, bound or pii; all others are zero\n"   \
	"      --aggregates       counters and histograms only\n"                           \
	"      --events           events only\n"                                            \
	"      --serial N         this serial instead of the newest\n"                      \
	"      --experimental     from the experimental channel, too\n"

#define VIEW_HELP                                                                                  \
	"      --top KEY          instead: one table of the values of a label or an event field\n" \
	"      --schema           with -o json: a first line that says what the fields are\n"

/* The verbs of bundle parse for themselves; "-o json" in front of them must not get lost. */
static int run_bundle(struct cli *cli, int argc, char **argv)
{
	static char option[] = "--output=json";
	_cleanup_free_ char **with = NULL;

	if (!cli->json)
		return cmd_bundle(argc, argv);
	if (argc < 2 || (strcmp(argv[1], "verify") != 0 && strcmp(argv[1], "inspect") != 0))
		return cli_usage(cli, "-o json is for bundle verify and bundle inspect");
	with = calloc((size_t)argc + 2, sizeof(*with));
	if (!with)
		return cli_broken(-ENOMEM);
	memcpy(with, argv, 2 * sizeof(*with));
	with[2] = option;
	memcpy(with + 3, argv + 2, ((size_t)argc - 2) * sizeof(*with));
	return cmd_bundle(argc + 1, with);
}

const struct cli_verb cli_verbs[] = {
	{ "list", cmd_list, "[PROBE]", "probes, and on what you may use each", NULL, false },
	{ "show", cmd_show, "PROBE", "all that was signed about a probe",
	  "      --serial N         this serial instead of the newest\n", false },
	{ "run", cmd_run, "PROBE [OPTION…] [-- COMMAND…]", "attach a probe and see what it sees until Ctrl-C",
	  ATTACH_OPTIONS "  -f, --for TIME         stop after this long: 30s, 5m, 8h\n" VIEW_HELP
			 "  COMMAND is started once the probe is attached; the run ends with it.\n",
	  true },
	{ "attach", cmd_attach, "PROBE --for TIME [OPTION…]", "attach a probe and leave it",
	  ATTACH_OPTIONS "  -f, --for TIME         until when: 30s, 5m, 8h\n", true },
	{ "ps", cmd_ps, "", "attachments that live",
	  "  -a, --all              everybody's, if policy allows\n", false },
	{ "top", cmd_top, "", "what attachments cost, every second until Ctrl-C",
	  "  -a, --all              everybody's, if policy allows\n"
	  "      --once             once, after one second\n",
	  false },
	{ "watch", cmd_watch, "ID [OPTION…]", "see the events of an attachment until Ctrl-C", VIEW_HELP,
	  false },
	{ "read", cmd_read, "ID [OPTION…]", "counters and histograms of an attachment", VIEW_HELP, false },
	{ "detach", cmd_detach, "ID…", "end attachments", NULL, true },
	{ "doctor", cmd_doctor, "", "look for what keeps bpfwarden from working", NULL, false },
	{ "registry list", cmd_registry_list, "", "bundles that the daemon knows", NULL, false },
	{ "registry show", cmd_registry_show, "NAME | NAME-SERIAL",
	  "one bundle in full: signers, files, how long it is valid", NULL, false },
	{ "registry enroll", cmd_registry_enroll, "BUNDLE",
	  "hand a signed bundle (directory or .bpfw) to the daemon",
	  "      --experimental     into the experimental channel\n", true },
	{ "registry promote", cmd_registry_promote, "NAME-SERIAL",
	  "from the experimental channel to production", NULL, true },
	{ "registry revoke", cmd_registry_revoke,
	  "NAME-SERIAL | --file SHA256 | --key SHA256 | --certificate SHA256|FILE",
	  "stop something for good and end what runs of it",
	  "      --file SHA256      every bundle with this file\n"
	  "      --key SHA256       signatures by this key (of its SubjectPublicKeyInfo)\n"
	  "      --certificate SHA256|FILE\n"
	  "                         signatures by this certificate, named by its SHA-256 or in a PEM file\n"
	  "      --reason TEXT      for the audit log, and for those whose attachments end\n",
	  true },
	{ "registry accept-clock", cmd_registry_accept_clock, "",
	  "the clock was ahead by mistake: judge expiry by what it says now", NULL, true },
	{ "policy show", cmd_policy_show, "", "the policy, or the sections of it that concern you",
	  "      --at SEQ           as it was when this record of the audit log was written\n"
	  "      --mine             only what concerns you, also if you may see all of it\n",
	  false },
	{ "policy explain", cmd_policy_explain, "PROBE [OPTION…]", "what would be decided, and why",
	  "      --as USER          about somebody else than you\n"
	  "      --groups G,…       as if in these groups and no others\n"
	  "      --namespace WHERE  as if in host or container\n"
	  "      --from-cgroup PATH as if called from there\n"
	  "      --at DAY/HH:MM     as if it were then, UTC: mon/09:30\n"
	  "      --action ACTION    attach by default; detach-any, enroll, promote, revoke, audit-read,\n"
	  "                         policy-reload\n"
	  "      --probe PROBE      the same as PROBE\n"
	  "      --target TARGET    self, user:NAME, unit:NAME, cgroup:PATH, host; or as with "
	  "run:\n" ATTACH_OPTIONS "      --data WHAT        aggregates, events or both\n"
	  "      --persist          without a deadline\n"
	  "      --on-disk          by what the last policy diff or reload --dry-run read\n"
	  "  Ends with 0 if it is allowed, with 3 if it is denied.\n",
	  false },
	{ "policy who", cmd_policy_who, "PROBE [OPTION…]", "who may use a probe, and on what",
	  "      --target TARGET    on this; by default on self, host and whatever the policy names\n"
	  "      --action ACTION    who may enroll it, revoke it …\n"
	  "  -a, --all              ask about all users, not only people and whom the policy names\n",
	  false },
	{ "policy diff", cmd_policy_diff, "",
	  "what a reload would change: sections, attachments, who may what", NULL, false },
	{ "policy reload", cmd_policy_reload, "", "read policy.d again, and say which attachments it ended",
	  NULL, true },
	{ "policy check", cmd_policy_check, "[DIR|FILE…]",
	  "would the daemon take it, and what in it is odd; without the daemon",
	  "      --strict           fail if there is a warning\n"
	  "      --assume-names     as if every user and group that it names were there\n"
	  "  Without arguments, the layers of this host.\n",
	  false },
	{ "policy test", cmd_policy_test, "[--policy DIR|FILE]… FILE…",
	  "does it decide as the [test NAME] sections of a file expect; without the daemon",
	  "      --policy DIR|FILE  this instead of the layers of this host; of several, the first has\n"
	  "                         precedence\n"
	  "      --assume-names     as if every user and group that is named were there\n",
	  false },
	{ "audit list", cmd_audit_list, "[OPTION…]", "records of the audit log, oldest first",
	  "      --since TIME       2026-01-31, \"2026-01-31 10:00[:00]\", today, 2h (ago), @SECONDS\n"
	  "      --until TIME\n"
	  "      --user USER        name or uid\n"
	  "      --probe NAME\n"
	  "      --kind KIND        decision, outcome, end, change, start, stop, crash, read, denials\n"
	  "      --verdict VERDICT  allow, deny, ok, failed\n"
	  "      --action ACTION\n"
	  "      --attachment ID\n"
	  "  -n, --lines N          at most N records; with --follow, the newest N first\n"
	  "  -r, --reverse          newest first\n"
	  "  -f, --follow           go on with what is recorded from now on, until Ctrl-C\n",
	  false },
	{ "audit show", cmd_audit_show, "SEQ",
	  "one record, what belongs to it, and the proof that it is in the signed log", NULL, false },
	{ "audit checkpoint", cmd_audit_checkpoint, "", "the log's signed checkpoint, to be kept elsewhere",
	  "      --key              the public key that its signature is checked with\n", false },
	{ "audit verify", cmd_audit_verify, "[DIR]",
	  "was the log only added to, is all of it there, and what about that cannot be proved",
	  "      --checkpoint FILE  it must match this checkpoint that was kept elsewhere; also several\n"
	  "      --key VKEY         it must be signed by this key; also accepts a log that was begun anew\n"
	  "      --journal[=FILE]   compare with the journal's copies; FILE: lines of journalctl -o json, -: "
	  "stdin\n"
	  "      --quick            read no records: let the daemon prove that its log grew\n"
	  "  DIR is a copy of /var/lib/bpfwarden/audit, or what audit export wrote; without it, the daemon's "
	  "log.\n"
	  "  Ends with 0 if nothing is wrong, with 1 if something is.\n",
	  false },
	{ "audit report", cmd_audit_report, "[OPTION…] > FILE",
	  "one page for people: who attached what, denials, changes, and whether the log is sound",
	  "      --since TIME       2026-01-31, \"2026-01-31 10:00[:00]\", today, 2h (ago), @SECONDS\n"
	  "      --until TIME\n"
	  "      --from-dir DIR     from a copy of the daemon's directory, or an export\n",
	  false },
	{ "audit export", cmd_audit_export, "[OPTION…] DIR",
	  "the log as files that other tools read: signed tiles and lines of JSON",
	  "      --from-dir DIR2    of a copy of /var/lib/bpfwarden/audit, or of an earlier export; without "
	  "it, the\n"
	  "                         daemon's log\n"
	  "      --format FORMAT    tiles (C2SP tlog-tiles, with its checkpoint), or all records as lines "
	  "that\n"
	  "                         nothing signs: json, or ocsf (events of OCSF 1.5.0); DIR may then be -\n"
	  "  DIR is made, or is empty, or is an earlier export of this log, which is then extended.\n",
	  false },
	{ "bundle", run_bundle, "…", "build, sign, verify and inspect bundles: see bpfwarden bundle --help",
	  NULL, false },
	{ "trust show", cmd_trust_show, "[DIR]", "who may sign which bundles, and what is revoked", NULL,
	  false },
	{ "trust check", cmd_trust_check, "[DIR]", "would the daemon take it, and what will go wrong soon",
	  "      --strict           fail if there is a warning\n", false },
	{ "trust init", cmd_trust_init, "DIR",
	  "a role to begin with, in a directory of yours; installs nothing",
	  "      --role NAME        site by default\n"
	  "      --names 'GLOB…'    bundles that it may sign; NAME.* by default\n"
	  "      --threshold N      how many must sign; 1 by default\n"
	  "      --may 'WHAT…'      enroll-production, enroll-experimental, revoke; all by default\n"
	  "      --ca FILE          an issuing certificate of yours (PEM); may be there more than once\n"
	  "      --signer NAME      without --ca: make an authority, and a key for each NAME; you by "
	  "default\n",
	  false },
	{ "trust revoke", cmd_trust_revoke, "revocations.json [NAME-SERIAL | NAME --below SERIAL]",
	  "add an entry to a revocations.json of yours, sign it; installs nothing",
	  "      --below SERIAL     every serial of NAME before this one\n"
	  "      --file HEX         bundles with a file of this SHA-256\n"
	  "      --key HEX          signatures by a key: SHA-256 of its SubjectPublicKeyInfo\n"
	  "      --certificate HEX  signatures by a certificate: SHA-256 of its DER form, or the PEM file\n"
	  "      --reason TEXT      for those whose attachments end\n"
	  "      --key-file KEY     sign at once: PEM, or pkcs11:URI; without an entry, sign what is there\n"
	  "      --cert CERT        its certificate, PEM\n"
	  "      --signer NAME      the signature becomes FILE.NAME.p7s\n",
	  true },
	{ "version", cmd_version, "", "version of this program", NULL, false },
	{ "help", cmd_help, "[VERB]", "this page, or that of a verb", NULL, false },
	{},
};
