#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Any of the four processes may be killed at any time: who watches keeps the attachment, misses no event and
# gets none twice. The end of the launcher leaves nothing in the kernel.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

opened=0
connections() { # COUNT
	"$exercise/exercise-connections" "$1" 0 "$alice_uid" || not_ok "connections" "they failed"
	opened=$((opened + $1))
}

attachment() { as $alice bpfwarden -o json ps 2>/dev/null | jq -r '.attachment.id'; }
attached() { [ -n "$(attachment)" ]; }
same() { [ "$(attachment)" = "$id" ]; }
is_new() { # PROCESS OLD
	local pid
	pid=$(process_of "$1")
	[ -n "$pid" ] && [ "$pid" != "$2" ]
}

# Every connection is one event of alice's: as many lines as there were connections, and no two alike.
exact() { # NAME
	stream_lines $((opened - $(wc -l <"$work/events"))) >>"$work/events" 2>"$work/missing"
	check_equal "$1: every event came once" \
		"$(grep -c . "$work/events") $(sort -u "$work/events" | grep -c .) $(cat "$work/missing")" "$opened $opened "
}

kill_one() { # PROCESS
	local old
	connections 3
	old=$(process_of "$1")
	kill -KILL "$old"
	connections 3
	check "$1: it comes back" wait_until 30 is_new "$1" "$old"
	connections 3
	exact "$1"
	check "$1: the attachment is the same" wait_until 30 same
	check_equal "$1: the program is the same" "$(programs tcp_state | xargs)" "$program"
}

# In the middle of a stream: the first line of forty has come when the gate is killed.
kill_gates() { # COUNT
	local i connecting
	for ((i = 0; i < $1; i++)); do
		"$exercise/exercise-connections" 40 0 "$alice_uid" &
		connecting=$!
		opened=$((opened + 40))
		stream_lines 1 >>"$work/events"
		kill -KILL "$(process_of gate)"
		wait $connecting
		stream_lines 39 >>"$work/events" || break
	done
	check_equal "gate: killed $1 times" $i "$1"
	exact "gate: $1 kills"
	check "gate: after $1 kills the attachment is the same" wait_until 30 same
	check_equal "gate: after $1 kills the program is the same" "$(programs tcp_state | xargs)" "$program"
}

finish_stream() {
	stream_end >"$work/rest"
	check_equal "the sum: nothing else was shown" "$(jq -c 'select(.tgid or .lost)' "$work/rest")" ""
	check_equal "the sum: counters agree" "$(jq -c 'select(.counters) | .counters | [.seen, .submitted]' "$work/rest")" \
		"[$opened,$opened]"
}

# Who asks for a detach that the loader dies over is told so, and so is the log; the detach is made up for.
detach_dies() {
	local loader asking code=0
	id=$(attach $alice tcp.state)
	loader=$(process_of loader)
	kill -STOP "$loader"
	as $alice bpfwarden detach "$id" >"$work/detach" 2>&1 &
	asking=$!
	check "detach: it is decided" wait_until 30 decided
	kill -KILL "$loader"
	wait $asking || code=$?
	check_equal "detach: who asked is told" $code 1
	check_match "detach: and why" "$(cat "$work/detach")" 'the loader is starting again: try again'
	check "detach: it is made up for" wait_until 60 detached
	check_equal "detach: its decision has one outcome" "$(audit '.kind == "outcome" and .action == "detach" and .refusal.name == "Unavailable"' | jq -s length)" 1
}
decided() { [ -n "$(audit ".kind == \"decision\" and .action == \"detach\" and .attachment == \"$id\"")" ]; }
detached() { [ -z "$(attachment)" ]; }

gone() { [ -z "$(programs tcp_state)" ]; }

stop() {
	local tree pid
	attach $alice tcp.state >/dev/null
	check "stop: a program is there" test -n "$(programs tcp_state)"
	tree=$(daemon_tree)
	stop_daemon
	check "stop: no program is left" wait_until 20 gone
	check_equal "stop: no process is left" "$(for pid in $tree; do readlink "/proc/$pid/exe"; done)" ""
	check "stop: no socket is left" test ! -e "$BPFWARDEN_SOCKET"
}

stream $alice bpfwarden -o json run tcp.state --events
wait_until 30 attached
id=$(attachment) program=$(programs tcp_state | xargs)
: >"$work/events"
check_match "one attachment" "$id" '^[0-9a-f]{16}$'
check_match "one program" "$program" '^[0-9]+$'
for process in gate parser warden loader; do
	kill_one $process
done
kill_gates ${GATE_KILLS:-50}
finish_stream
one_outcome "the log"
detach_dies
stop
host_finish
