#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# One record of each kind and action is provoked, and held against the tables of docs/AUDIT.md: what is in the log is
# documented, and what is documented is there.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/bundles.sh
. "$(dirname "$0")/bundles.sh"

prepare() {
	make_signer tester 'test.*' 'enroll-production enroll-experimental revoke'
	make_bundle test.a 1 tester
	make_bundle test.b 1 tester
	make_names_bundle 1 tester
	mkdir -p "$etc/policy.d"
	cat >"$etc/policy.d/60-tests.policy" <<-END
		[allow tests]
		group = bpfwarden-users
		probe = test.*
		target = self
		data = aggregates events
		channel = production
		[limit no-names]
		user = $bob
		set = names:none
		[limit demanding]
		user = $alice
		probe = test.b
		kernel-verified = required
	END
}
host_begin prepare

answers() { bpfwarden list; }
is_new() { # PROCESS OLD
	local pid
	pid=$(process_of "$1")
	[ -n "$pid" ] && [ "$pid" != "$2" ]
}
id_of() { as "$1" bpfwarden -o json ps | jq -r '.attachment.id // empty'; }
gone() { [ -z "$(id_of "$1")" ]; }
seen() { [ -n "$(audit "$1")" ]; }

registry() {
	check "enroll" bpfwarden registry enroll "$work/test.a-1.bpfw"
	check "enroll: one with named parameters" bpfwarden registry enroll "$work/test.names-1.bpfw"
	check "enroll: experimental" bpfwarden registry enroll --experimental "$work/test.b-1.bpfw"
	check "promote" bpfwarden registry promote test.b-1
	check "accept-clock" bpfwarden registry accept-clock
	touch "$etc/trust/tester.conf"
	check "a change of trust" wait_until 60 seen '.kind == "change" and .action == "trust"'
}

attaching() {
	local id
	id=$(attach $alice test.a)
	check "detach" as $alice bpfwarden detach "$id"
	check "attach: with a parameter that policy moves" test -n "$(attach $bob test.names --events)"
	as $bob bpfwarden detach "$(id_of $bob)" >/dev/null
	as $alice bpfwarden attach test.b --for 1m >"$work/demanded" 2>&1
	attach $alice test.a >/dev/null
	check "revoke: ends what runs" bpfwarden registry revoke test.a-1 --reason "kinds"
	check "revoke: a key" bpfwarden registry revoke --key "$(printf 'ab%.0s' {1..32})" --reason "kinds"
	check "revoke: nothing runs" wait_until 30 gone $alice
}

# The second denial of the first one is counted; the others are each somebody else's.
denied() {
	local id groups
	id=$(attach $alice tcp.state)
	check_code "denied: attach" 3 as $carol bpfwarden attach tcp.state --for 1m
	check_code "denied: attach again" 3 as $carol bpfwarden attach tcp.state --for 1m
	check_code "denied: another's detach, as if it were not there" 4 as $bob bpfwarden detach "$id"
	check_code "denied: enroll" 3 as 62507 bpfwarden registry enroll "$work/test.a-1.bpfw"
	check_code "denied: promote" 3 as 62508 bpfwarden registry promote test.b-1
	check_code "denied: revoke" 3 as 62509 bpfwarden registry revoke test.b-1
	check_code "denied: accept-clock" 3 as 62501 bpfwarden registry accept-clock
	check_code "denied: audit-read" 3 as 62502 bpfwarden audit list
	check_code "denied: policy-reload" 3 as 62503 bpfwarden policy reload
	check_code "denied: policy-explain" 3 as 62504 bpfwarden policy explain tcp.state --as $bob
	check_match "denied: policy-text" "$(as 62506 bpfwarden policy show --at 1 2>&1)" 'does not allow you to read the policy'
	check_code "denied: status" 3 as 62505 bpfwarden ps --all
	groups=$(seq -s, 70000 71100)
	check_code "denied: somebody in 1102 groups" 3 setpriv --reuid $carol --regid "$(id -g $carol)" --groups "$groups" \
		--inh-caps=-all -- bpfwarden attach tcp.state --for 1m --unit init.scope
	as $alice bpfwarden detach "$id" >/dev/null
}

reading() {
	check "read: the log" bpfwarden audit list
	check "read: what policy says of others" bpfwarden policy explain tcp.state --as $bob
	check "read: the policy's text" bpfwarden policy show
	check_equal "read: about oneself is none" "$(as $alice bpfwarden policy explain tcp.state >/dev/null; \
		audit '.kind == "read" and .requester.user == "'$alice'"')" ""
	check_equal "read: once a connection and filter" "$(audit '.kind == "read" and .action == "policy-explain"' | jq -r .detail)" \
		"Explain, about $bob (uid $bob_uid)"
}

crashing() {
	local process old
	attach $bob tcp.state >/dev/null
	for process in gate parser loader warden; do
		old=$(process_of $process)
		kill -KILL "$old"
		check "crash: the $process comes back" wait_until 60 is_new $process "$old"
		check "crash: the daemon answers" wait_until 60 answers
		check "crash: of the $process is recorded" wait_until 60 seen ".kind == \"crash\" and .action == \"$process\""
	done
}

stopping() {
	stop_daemon
	start_daemon "$prefix" "$log.2"
	check "stop: what was attached is known to be lost" wait_until 60 \
		seen '.kind == "end" and .verdict == "failed" and .detail == "it was lost while no warden was there"'
	check_equal "stop: in good order, so no crash of the warden" "$(audit '.kind == "crash" and .action == "warden"' | jq -s length)" 1
	check "stop: denials that were counted are written" seen '.kind == "denials"'
}

compare='
import json, re, sys
page = open(sys.argv[1]).read()
def table(head):
    rows = re.search(r"^\| %s \|.*\n\|---\|---\|\n((?:\|.*\n)+)" % head, page, re.M).group(1).splitlines()
    return [[re.findall(r"`([^`]+)`", cell) for cell in row.split(" | ", 1)] for row in rows]
members = {m: words for names, words in table("member") for m in names}
pairs = {(kind, action) for kinds, actions in table("kind") for kind in kinds for action in actions
         if len(kinds) == 1 or kind == action}
records = [json.loads(line) for line in sys.stdin]
pairs.add(("denials", "attach"))
order = list(members)
absent = set(sys.argv[2].split())
nested = ("requester", "target", "refusal")
for r in records:
    for m in r:
        if m not in members:
            print("seq %s: %s is not documented" % (r["seq"], m))
    if [m for m in order if m in r] != list(r):
        print("seq %s: not in the order of the page" % r["seq"])
    for n in nested:
        for m in r.get(n, {}):
            if m not in members[n]:
                print("seq %s: %s.%s is not documented" % (r["seq"], n, m))
    if (r["kind"], r.get("action")) not in pairs:
        print("seq %s: %s of %s is not documented" % (r["seq"], r["kind"], r.get("action")))
for m in members:
    if not any(m in r for r in records) and m not in absent:
        print("%s is documented and in no record" % m)
for m in members["requester"]:
    if m not in ("yes", "no", "unknown", "loginuid", "pidfd_inode", "end") and not any(m in r.get("requester", {}) for r in records):
        print("requester.%s is documented and in no record" % m)
for k, a in sorted(pairs, key=str):
    if not any((r["kind"], r.get("action")) == (k, a) for r in records) and "%s:%s" % (k, a) not in absent:
        print("%s of %s is documented and was not provoked" % (k, a))
'

registry
attaching
reading
crashing
denied
stopping
one_outcome "in the end"
# A kernel that verifies, a load that fails (test-hostile-skeleton.sh), a log that is damaged or retired have tests of
# their own.
check_equal "the page and the log agree" "$(audit true | python3 -c "$compare" "$setup_tree/docs/AUDIT.md" \
	'keyring errno change:audit change:audit-retention change:audit-reserve')" ""
host_finish
