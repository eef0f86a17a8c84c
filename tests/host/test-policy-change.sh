#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A policy that changes reaches everything: what is attached when the warden starts with it, and what is on its
# way when it is reloaded.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

policy=$etc/policy.d/70-change.policy
mkdir -p "$etc/policy.d"

id_of() { as "$1" bpfwarden -o json ps | jq -r .attachment.id; }
attached() { [ -n "$(id_of "$1")" ]; }
gone() { as "$1" bpfwarden -o json ps >"$work/ps" && [ ! -s "$work/ps" ]; }
records() { bpfwarden -o json audit list | jq -c "select(.record) | .record | select($1)"; }
is_new() { # OLD
	local pid
	pid=$(process_of warden)
	[ -n "$pid" ] && [ "$pid" != "$1" ]
}
restart_warden() {
	local old
	old=$(process_of warden)
	kill -KILL "$old"
	wait_until 30 is_new "$old" && wait_until 30 bpfwarden list
}
no_programs() { [ -z "$(programs tcp_state)" ]; }

attach $alice tcp.state >/dev/null
id=$(attach $bob tcp.state)
# Somebody without an account, who has the group only by the process that asks.
attach 62499 tcp.state >/dev/null
check "restart with the same policy: the warden starts again" restart_warden
check "restart with the same policy: what is attached stays" attached $alice
check "restart with the same policy: also that of who has no account" attached 62499
as 62499 bpfwarden detach "$(id_of 62499)" >/dev/null
printf '[deny' >"$policy"
check "refused policy: the warden starts again" restart_warden
check "refused policy: what is attached stays" attached $alice
printf '[deny change]\nuser = %s\nprobe = *\n' $alice >"$policy"
check "restart: the warden starts again" restart_warden
check "restart: what the new policy denies ends" wait_until 30 gone $alice
check_equal "restart: what it allows stays" "$(id_of $bob)" "$id"
check_match "restart: the log says why" "$(records '.kind == "outcome" and .action == "detach"' | jq -r .detail)" \
	'^the policy does not allow it any more \(rule change\)$'
as $bob bpfwarden detach "$id" >/dev/null

# The loader sleeps, so that a request stays on its way for as long as we like.
overtaken() { # NAME POLICY: alice's request, which this policy overtakes; sets $code, its output is in $work/reply
	local loader asking before
	rm -f "$policy"
	bpfwarden policy reload >/dev/null
	before=$(records '.kind == "decision" and .action == "attach"' | wc -l)
	decided() { [ "$(records '.kind == "decision" and .action == "attach"' | wc -l)" -gt "$before" ]; }
	loader=$(process_of loader)
	kill -STOP "$loader"
	as $alice bpfwarden attach tcp.state --for 1m >"$work/reply" 2>&1 &
	asking=$!
	check "$1: the request is on its way" wait_until 30 decided
	printf '%s\n' "$2" >"$policy"
	check "$1: the policy is taken" bpfwarden policy reload
	kill -CONT "$loader"
	code=0
	wait $asking || code=$?
}
refused() { # NAME POLICY PATTERN
	overtaken "$1" "$2"
	check_equal "$1: exit code" $code 3
	check_match "$1: the reason" "$(cat "$work/reply")" "$3"
	check "$1: nothing stays attached" wait_until 30 gone $alice
	check "$1: nothing is left in the kernel" wait_until 30 no_programs
}
refused "overtaken by a deny" "[deny change]
user = $alice
probe = *" 'the policy does not allow it any more \(rule change\)'
refused "overtaken by a demand" "[limit change]
user = $alice
kernel-verified = required" 'the policy wants the kernel to verify it now \(limit change\), and it did not'
overtaken "overtaken by what concerns others" "[deny change]
user = $bob
probe = *"
check_equal "overtaken by what concerns others: exit code" $code 0
check "overtaken by what concerns others: attached" attached $alice
host_finish
