#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Nobody sees what is somebody else's, and every number is exact.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

# Client sockets belong to the named user, the server's to root.
connections() { # COUNT UID
	"$exercise/exercise-connections" "$1" 0 "$2"
}

# Bob's ten thousand connections run while alice opens her seven.
tcp() {
	local mine answer busy
	mine=$(attach $alice tcp.state --events)
	connections 10000 "$bob_uid" &
	busy=$!
	connections 7 "$alice_uid" || not_ok "tcp.state: alice's connections" "they failed"
	wait $busy || not_ok "tcp.state: bob's connections" "they failed"
	answer=$(read_as $alice "$mine")
	check_equal "tcp.state: alice has exactly seven events" "$(jq .counters.submitted <<<"$answer")" 7
	check_equal "tcp.state: and none that was lost" "$(jq .counters.seen <<<"$answer")" 7
	reconciles "tcp.state: alice's counters reconcile" "$(jq .counters <<<"$answer")"
	check_equal "tcp.state: alice learns nothing of the others' numbers" "$(jq 'has("total")' <<<"$answer")" false
	watch "$mine"
	totals
	as $alice bpfwarden detach "$mine" >/dev/null
}

watch() { # ID
	stream $alice bpfwarden -o json watch "$1"
	stream_lines 7 >"$work/watched"
	check_equal "tcp.state: every event is alice's, and an eighth does not come" \
		"$(stream_end | cat "$work/watched" - | jq -r 'select(.tgid) | .uid' | sort | uniq -c | xargs)" "7 $alice_uid"
}

# The program's own counters since it was loaded: only who may see the whole host is told.
totals() {
	local all answer
	all=$(bpfwarden -o json attach tcp.state --host --for 1m | jq -r .attachment.id)
	answer=$(bpfwarden -o json read "$all")
	check "tcp.state: bob's ten thousand were filtered" test "$(jq .total.filtered <<<"$answer")" -ge 10000
	check "tcp.state: nothing else was delivered" test "$(jq .total.submitted <<<"$answer")" = 7
	reconciles "tcp.state: the program's counters reconcile" "$(jq .total <<<"$answer")"
	bpfwarden detach "$all" >/dev/null
}

# A user who names another user, or everybody, is refused, whatever the way to say it.
others() {
	check_code "targets: another user" 3 as $alice bpfwarden run tcp.state --user $bob --for 1s
	check_code "targets: another user by number" 3 as $alice bpfwarden run tcp.state --user "$bob_uid" --for 1s
	check_code "targets: the host" 3 as $alice bpfwarden run tcp.state --host --for 1s
	check_code "targets: the root of the cgroups" 3 as $alice bpfwarden run tcp.state --cgroup / --for 1s
	local mine
	mine=$(attach $alice tcp.state)
	check_code "attachments: bob cannot read alice's" 4 read_as $bob "$mine"
	check_code "attachments: bob cannot watch alice's" 4 as $bob bpfwarden watch "$mine"
	check_code "attachments: bob cannot detach alice's" 4 as $bob bpfwarden detach "$mine"
	check_equal "attachments: bob does not see alice's" "$(as $bob bpfwarden -o json ps)" ""
	check_code "attachments: bob may not ask for everybody's" 3 as $bob bpfwarden ps --all
	check "attachments: alice's still lives" read_as $alice "$mine"
	as $alice bpfwarden detach "$mine" >/dev/null
}

# What runs with root's rights is not hers, though she started it: su fails, passwd tells her own entry.
setuid() {
	as $alice bpfwarden -o json run proc.lifecycle -- sh -c '
		ls / >/dev/null; passwd -S >/dev/null; su -c true; ls / >/dev/null; :' \
		>"$work/lifecycle" 2>/dev/null </dev/null
	check_equal "setuid: alice sees her own programs" \
		"$(jq -r 'select(.what == "exec") | .command' "$work/lifecycle" | xargs)" "sh ls ls"
	check_equal "setuid: and their ends, nothing of su and passwd" \
		"$(jq -r 'select(.what == "exit") | .command' "$work/lifecycle" | xargs)" "ls ls sh"
	check_equal "setuid: no event of another uid" \
		"$(jq -r 'select(.tgid) | .uid' "$work/lifecycle" | sort -u)" "$alice_uid"
}

# Two processes of alice hand a byte to and fro: what they waited for a CPU is what the kernel counted.
waits() {
	local mine answer ours theirs
	mine=$(attach $alice sched.runqlat --aggregates)
	theirs=$(setpriv --reuid $alice --regid $alice --init-groups "$exercise/exercise-switches" 100000 |
		sed -n 's/^run_delay=//p')
	answer=$(read_as $alice "$mine")
	ours=$(jq '[.histograms[].sum] | add * 1000000000 | round' <<<"$answer")
	check "sched.runqlat: the sum ($ours ns) is within 5 % of run_delay ($theirs ns)" \
		test $((ours * 100)) -ge $((theirs * 95)) -a $((ours * 100)) -le $((theirs * 105))
	echo "# cross|sched.runqlat|ms waited|$((ours / 1000000))|/proc/PID/schedstat run_delay, both processes|$((theirs / 1000000))"
	reconciles "sched.runqlat: alice's counters reconcile" "$(jq .counters <<<"$answer")"
	as $alice bpfwarden detach "$mine" >/dev/null
}

tcp
others
setuid
waits
host_finish
