#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A process is killed while six users attach. Each of them has an attachment or an error, never half of one; what
# was attached can be detached, and then nothing is left in the kernel.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

users="62401 62402 62403 62404 62405 62406" # uids that no account has
rounds=${STORM_ROUNDS:-12}

answers() { as $alice bpfwarden -o json ps; }
all_up() {
	local name
	for name in gate parser warden loader; do [ -n "$(process_of $name)" ] || return 1; done
	answers
}
gone() { [ -z "$(programs tcp_state)" ]; }
held() { as "$1" bpfwarden -o json ps | jq -r .attachment.id; }

try() { # UID: 0 and an id, or a code that says why not
	as "$1" bpfwarden -q attach tcp.state --events --for 10m >"$work/id.$1" 2>"$work/why.$1"
	echo $? >"$work/code.$1"
}

attach_and_kill() { # PROCESS
	local who pids=() victim
	victim=$(process_of "$1")
	for who in $users; do
		try "$who" &
		pids+=($!)
	done
	# No event tells how far they are, and every moment is to be hit some time.
	sleep 0.0$((RANDOM % 90 + 10))
	kill -KILL "$victim"
	wait "${pids[@]}"
}

# Who was given an id has that attachment; who was given an error knows why. Then all of it goes.
settle() {
	local who code ids
	for who in $users; do
		code=$(cat "$work/code.$who") ids=$(held "$who")
		case "$code" in
		0) grep -qxF "$(cat "$work/id.$who")" <<<"$ids" || echo "$who was told of an attachment that is not there" ;;
		1) [ -s "$work/why.$who" ] || echo "$who was not told why" ;;
		*) echo "$who: exit code $code: $(cat "$work/why.$who")" ;;
		esac
		# shellcheck disable=SC2086 # each is an argument
		[ -z "$ids" ] || as "$who" bpfwarden -q detach $ids || echo "$who cannot detach"
		[ -z "$(held "$who")" ] || echo "$who still holds something"
	done
}

for ((round = 0; round < rounds; round++)); do
	processes=(loader gate warden parser)
	process=${processes[round % 4]}
	attach_and_kill $process
	wait_until 60 all_up || { not_ok "round $round: all come back after $process" "not all answer"; break; }
	check_equal "round $round: $process is killed, nothing is half done" "$(settle)" ""
	check "round $round: nothing is left in the kernel" wait_until 20 gone
done
one_outcome storm
check_equal "the log has no gap" \
	"$(audit true | jq -s 'map(.seq) | . == [range(1; length + 1)]')" true
host_finish
