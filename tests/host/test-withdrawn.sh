#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# For each probe: who is taken out of the group loses what he is looking at before the reload is answered (the milliseconds are printed), and a user in a
# container has nothing from the beginning.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_cleanup() { jobs -p | xargs -r kill 2>/dev/null; }
host_begin

probes="tcp.state proc.lifecycle net.drop sched.runqlat"
default="3 bpfwarden: denied by policy (default): no allow section of the policy matches this request (rule default)"
contained="3 bpfwarden: denied by policy (containers): rule containers of the policy denies this request"

now() { date +%s%3N; }
attached() { bpfwarden -o json ps --all | jq -r '.attachment | "\(.user) \(.probe)"' | sort; }
attached_are() { [ "$(attached | grep -c .)" = "$1" ]; }

said() { # COMMAND…: its exit code and first line
	local code=0 output
	output=$("$@" 2>&1) || code=$?
	echo "$code $(grep '^bpfwarden:' <<<"$output" | head -n 1)"
}

# The end is noted as soon as it comes.
look_on() { # PROBE
	as $alice bpfwarden -o json run "$1" >"$work/$1" 2>"$work/$1.err" </dev/null
	now >"$work/$1.end"
}

taken_away() {
	local probe act act_to_end
	for probe in $probes; do
		look_on "$probe" &
	done
	attach $bob tcp.state >/dev/null
	check "group: alice looks at each probe, bob at one" wait_until 60 attached_are 5
	check "group: alice leaves it" gpasswd -d $alice bpfwarden-users
	act=$(now)
	check "group: policy reload" bpfwarden policy reload
	check_equal "group: nothing is alice's at its reply" "$(attached)" "$bob tcp.state"
	for probe in $probes; do
		check "group: $probe ends" wait_until 60 test -s "$work/$probe.end"
		act_to_end=$(($(cat "$work/$probe.end") - act))
		echo "# $probe: ended $act_to_end ms after the reload was asked for"
		check_equal "group: $probe says why" "$(tail -n 1 "$work/$probe.err")" \
			"bpfwarden: the attachment ended: the policy does not allow it any more (rule default)"
		check_equal "group: $probe is refused" "$(said as $alice bpfwarden attach "$probe" --for 1m)" "$default"
	done
	check "group: alice comes back" gpasswd -a $alice bpfwarden-users
}

# The same uid and groups, in other namespaces.
containers() {
	local probe
	for probe in $probes; do
		check_equal "container: a pid namespace: $probe" "$(said unshare --pid --fork setpriv --reuid $alice \
			--regid $alice --init-groups -- bpfwarden attach "$probe" --for 1m)" "$contained"
		if as $alice unshare --user --map-root-user true 2>/dev/null; then
			check_equal "container: a user namespace: $probe" \
				"$(said as $alice unshare --user --map-root-user bpfwarden attach "$probe" --for 1m)" "$contained"
			check_equal "container: both, without a mapping: $probe" \
				"$(said as $alice unshare --user --pid --fork bpfwarden attach "$probe" --for 1m)" "$contained"
		else
			skip "container: a user namespace: $probe" "users may not make user namespaces here"
		fi
	done
	check "container: alice may, outside" as $alice bpfwarden run tcp.state --for 1s
}

taken_away
containers
host_finish
