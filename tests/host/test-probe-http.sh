#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# http.status: what nginx has logged, by method and status, on its side and on its client's, exactly once.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

install_packages nginx-light

prepare() { cp "$(dirname "$0")/exercise/http-requests.py" "$work/"; }
host_begin prepare

# requests NAME: alice is nginx, bob its client; what it logged is left in $work/NAME.json.
requests() {
	mkdir "$work/$1"
	/usr/bin/python3 "$work/http-requests.py" "$alice_uid" "$bob_uid" "$work/$1" >"$work/$1.json" || not_ok "$1" "the exercise failed"
}

# The counts of an answer as {"SIDE METHOD STATUS": count}, and what the log asks for.
counts() { jq -cS '[.counts[] | {key: "\(.labels.side) \(.labels.method) \(.labels.status)", value: .count}] | from_entries'; }
of_client() { jq -cS '.log | with_entries(.key |= "client " + .) + {"client h2 0": 1, "client tls 0": 1}' "$1"; }
# What is behind nginx is alice's, too, and nginx its client.
of_server() {
	jq -cS '.log["POST 200"] as $posts | (.log | with_entries(.key |= "server " + .))
		+ {"server h2 0": 1, "server tls 0": 1, "client POST 200": $posts, "client GET 200": 1}
		| .["server POST 200"] += $posts | .["server GET 200"] += 1' "$1"
}
sum() { jq '[.counts[] | select(.labels.status > 0) | .count] | add'; }

gone() { [ -z "$(programs http_out; programs http_in)" ]; }
counted() {
	local status
	local mine his all answer hers
	mine=$(attach $alice http.status) his=$(attach $bob http.status) all=$(attach root http.status --host)
	requests counted
	answer=$(read_as $bob "$his")
	check_equal "the client: all that nginx logged" "$(counts <<<"$answer")" "$(of_client "$work/counted.json")"
	check_equal "the client: an event for each" "$(jq .counters.submitted <<<"$answer")" "$(jq '.log | add' "$work/counted.json")"
	for status in $(jq -r '.log | keys[]' "$work/counted.json" | cut -d' ' -f2 | sort -u); do
		cross http.status "answers $status, the client" "$(jq "[.counts[] | select(.labels.status == $status) | .count] | add" <<<"$answer")" \
			"nginx's log" "$(jq --arg s " $status" '[.log | to_entries[] | select(.key | endswith($s)) | .value] | add' "$work/counted.json")"
	done
	reconciles "the client: the counters reconcile" "$(jq .counters <<<"$answer")"
	hers=$(read_as $alice "$mine")
	check_equal "nginx and the server behind it" "$(counts <<<"$hers")" "$(of_server "$work/counted.json")"
	reconciles "nginx: the counters reconcile" "$(jq .counters <<<"$hers")"
	check "the host's: all of it" test "$(read_as root "$all" | sum)" -ge $(($(sum <<<"$answer") + $(sum <<<"$hers")))
	as $alice bpfwarden -q detach "$mine" && as $bob bpfwarden -q detach "$his" && bpfwarden -q detach "$all"
	check "detached: no program is left" wait_until 30 gone # the kernel frees them after a grace period
}

attached() { [ "$(as $bob bpfwarden -o json ps | jq -r .attachment.id | wc -l)" = 1 ]; }
# events NAME OPTION…: bob's, in $work/NAME.events, one a line. Until they are read they wait in his ring.
events() {
	local name=$1
	shift
	stream $bob bpfwarden -o json run http.status --events "$@"
	wait_until 30 attached || { cat "$work/stream.err"; return; }
	requests "$name"
	stream_lines "$(jq '.log | add' "$work/$name.json")" >"$work/$name.events"
	check_equal "$name: no event more" "$(stream_end | jq -c 'select(.time)' | wc -l)" 0
}
# each NAME EXPRESSION: its values, each once.
each() { jq -r "$2" "$work/$1.events" | sort -u | paste -sd ' '; }

shown() {
	events plain
	check_equal "events: one for each line of the log" "$(wc -l <"$work/plain.events")" "$(jq '.log | add' "$work/plain.json")"
	check_equal "events: no path unless it was asked for" "$(each plain .path)" ""
	check_equal "events: of nginx's port" "$(each plain .remote_port)" 18080
	check_equal "events: both families" "$(each plain .remote_address)" "127.0.0.1 ::1"
	check_equal "events: the slow answer took as long as it was held back" \
		"$(jq -s --argjson held "$(jq .held_ns "$work/plain.json")" '[.[] | select(.latency >= $held)] | length' "$work/plain.events")" 1
	events paths --set path=path
	check_equal "paths: without queries" "$(each paths .path)" "/behind/slow /behind/take /error /large /missing /moved /small"
}

counted
shown
host_finish
