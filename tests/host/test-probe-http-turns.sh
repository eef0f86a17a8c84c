#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# http.status: what ends HTTP on a connection, what is said before its turn, and answers below the threshold.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

prepare() { cp "$(dirname "$0")/exercise/http-turns.py" "$work/"; }
host_begin prepare

# turns CASE:COUNT…: alice is the server, bob the client.
turns() { /usr/bin/python3 "$work/http-turns.py" "$alice_uid" "$bob_uid" "$@" || not_ok "$*" "the exercise failed"; }

# The counts of an answer of that side as "METHOD STATUS COUNT, …"; all of it is of that side.
counts() { jq -r --arg side "$1" '[.counts[]? | if .labels.side == $side then "\(.labels.method) \(.labels.status) \(.count)" else "another side" end] | sort | join(", ")'; }

# each NAME CASE EXPECTED: both sides, after ten such connections; CONNECT is that method's.
each() {
	local mine his
	mine=$(attach $alice http.status) his=$(attach $bob http.status)
	turns "$2:10"
	check_equal "$1: the client" "$(read_as $bob "$his" | counts client)" "$3"
	check_equal "$1: the server" "$(read_as $alice "$mine" | counts server)" "$3"
	reconciles "$1: the counters reconcile" "$(read_as $bob "$his" | jq .counters)"
	as $alice bpfwarden -q detach "$mine" && as $bob bpfwarden -q detach "$his"
}

each "CONNECT: nothing of what the tunnel carries" connect "CONNECT 200 10"
each "CONNECT refused: the connection goes on" refused "CONNECT 403 10, GET 204 10"
each "101: nothing of what the other protocol says" upgrade "GET 101 10"
each "no upgrade: the connection goes on" stays "GET 200 10, GET 426 10"
each "two requests in one segment" together "GET 200 10, GET 500 10"
each "two requests before the first answer" ahead "GET 200 10, GET 500 10"
each "two answers in one segment" answered "GET 200 10, GET 500 10"
each "a request between two segments of an answer" begun "GET 200 10"

# with_threshold THRESHOLD: counters in $counters, aggregates in $answer, bob's events in $work/events.
attached() { [ -n "$(as $bob bpfwarden -o json ps | jq -r .attachment.id)" ]; }
with_threshold() {
	local id
	stream $bob bpfwarden -o json run http.status --set "threshold=$1" --set path=path
	wait_until 30 attached || { cat "$work/stream.err"; return; }
	id=$(as $bob bpfwarden -o json ps | jq -r .attachment.id)
	turns quick:20 slow:3
	answer=$(read_as $bob "$id")
	counters=$(jq .counters <<<"$answer")
	stream_lines "$(jq .submitted <<<"$counters")" >"$work/events"
	check_equal "threshold $1: no event more" "$(stream_end | jq -c 'select(.time)' | wc -l)" 0
	check_equal "threshold $1: each answer is counted" "$(counts client <<<"$answer")" "GET 200 23"
	check_equal "threshold $1: each is in the histogram" "$(jq '[.histograms[].count] | add' <<<"$answer")" 23
	check_equal "threshold $1: an event or sampled out" "$(jq '.submitted + .sampled_out' <<<"$counters")" 23
	reconciles "threshold $1: the counters reconcile" "$counters"
}

with_threshold 0
check_equal "threshold 0: all" "$(jq .submitted <<<"$counters")" 23
with_threshold 60s
check_equal "threshold 60s: none" "$(jq .sampled_out <<<"$counters")" 23
with_threshold 50ms # as long as the slow ones are held back; a busy machine may make quick ones as slow
check_equal "threshold 50ms: the slow ones" "$(jq -s '[.[] | select(.path == "/slow")] | length' "$work/events")" 3
check_equal "threshold 50ms: nothing faster" "$(jq -s '[.[] | select(.latency < 50000000)] | length' "$work/events")" 0
host_finish
