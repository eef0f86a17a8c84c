#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two hundred users of one probe are served by one program in the kernel; one user's limit is one user's.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

first=62000 users=200 # uids that no account has

# What the kernel has. It frees a program after its last user, in its own time.
has() { [ "$(programs tcp_state | wc -l)" = "$1" ]; }
# What the log says was used: the ids of programs in the outcomes of so many attachments.
used() {
	audit '.kind == "outcome" and .action == "attach" and .verdict == "ok"' --action attach |
		jq -r '.program_ids[]' | sort | uniq -c | sort -n | tail -n 1 | awk '{ print $1 }'
}

attach_all() {
	local i=0 uid pids=()
	for ((uid = first; uid < first + users; uid++)); do
		attach $uid tcp.state >"$work/$uid" 2>>"$work/refused" &
		pids+=($!)
		# Twenty at a time: more would only wait for the CPUs.
		((++i % 20)) || wait "${pids[@]}"
	done
	wait "${pids[@]}"
}

# Each is told of the connections of his own, however many others the program serves.
share() {
	local uid
	"$exercise/exercise-connections" 3 0 $first
	"$exercise/exercise-connections" 5 0 $((first + users - 1))
	for uid in $first $((first + 1)) $((first + users - 1)); do
		read_as $uid "$(cat "$work/$uid")" | jq .counters.submitted
	done | xargs
}

detach_all() {
	local uid
	for ((uid = first; uid < first + users; uid++)); do
		as $uid bpfwarden -q detach "$(cat "$work/$uid")" 2>/dev/null || echo "not detached: $uid"
	done
}

many() {
	check "many: no program before" has 0
	attach_all
	check_equal "many: nobody is refused" "$(sort "$work/refused" | uniq -c)" ""
	check_equal "many: two hundred users, two hundred attachments" "$(sort -u "$work"/62* | grep -c .)" $users
	check_equal "many: the daemon knows them all" \
		"$(bpfwarden -o json ps --all | jq -r .attachment.uid | sort -u | wc -l)" $users
	check "many: one program in the kernel" wait_until 20 has 1
	check_equal "many: one program for all, says the log" "$(used)" $users
	check_equal "many: each gets his own events" "$(share)" "3 0 5"
	check_equal "many: all detach" "$(detach_all)" ""
	check "many: no program after" wait_until 20 has 0
}

# What a call of a user's was answered: the error and its parameters.
refused() { # USER PARAMETER…
	local who=$1 name
	shift
	call "$who" io.bpfwarden.Probe.Attach '{"probe":"tcp.state","data":["events"]}' |
		jq -r "[.error, .parameters.$1, .parameters.$2, .parameters.$3] | join(\" \")"
}

limits() {
	local i ids=()
	for ((i = 0; i < 8; i++)); do
		ids+=("$(attach $alice tcp.state --events)")
	done
	check_equal "limits: alice's eight are eight" "$(printf '%s\n' "${ids[@]}" | sort -u | grep -c .)" 8
	check_code "limits: the ninth is refused with exit code 3" 3 as $alice bpfwarden attach tcp.state --for 10m
	check_equal "limits: it is LimitExceeded and says how far" "$(refused $alice limit used max)" \
		"io.bpfwarden.LimitExceeded max-attachments 9 8"
	check "limits: bob's number is his own" as $bob bpfwarden run tcp.state --for 1s
	check_match "limits: detaching says what" "$(as $alice bpfwarden detach "${ids[0]}")" "${ids[0]}"
	ids[0]=$(attach $alice tcp.state --events)
	check "limits: what was given back can be had again" as $alice bpfwarden read "${ids[0]}"
	check "limits: the refusal is in the log" test -n \
		"$(audit '.verdict == "deny" and .rule == "max-attachments"' --user $alice --action attach)"
	check "limits: one program serves all of hers" wait_until 20 has 1
	as $alice bpfwarden -q detach "${ids[@]}"
	check_code "limits: more than eight hours" 3 as $alice bpfwarden attach tcp.state --for 9h
}

many
limits
host_finish
