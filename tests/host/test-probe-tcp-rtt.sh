#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# tcp.rtt: the round-trip times at the end of each connection are what TCP_INFO, and so `ss -ti`, says of the same end,
# and while it lives there is a sample for each segment if one is asked for.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

prepare() { cp "$(dirname "$0")/exercise/tcp-rtt.py" "$work/"; }
host_begin prepare

# tell COMMAND: what the exercise answers, an array of both ends of each connection.
tell() {
	local line
	echo "$*" >&"$to" && read -r -u "$from" line && echo "$line"
}
coproc talker { as $alice /usr/bin/python3 "$work/tcp-rtt.py"; }
exec {from}<&"${talker[0]}" {to}>&"${talker[1]}" # a subshell has no others of a coprocess

old=3 new=40
tell open $old >/dev/null
ends=$(attach $alice tcp.rtt --set interval=0) samples=$(attach $alice tcp.rtt --set interval=1) seldom=$(attach $alice tcp.rtt --set interval=3600000000000)
his=$(attach $bob tcp.rtt) all=$(attach root tcp.rtt --host)
stream $alice bpfwarden -o json run tcp.rtt --events --set interval=0
attachments() { bpfwarden -o json ps | jq -s 'map(select(.attachment)) | length'; }
streaming() { [ "$(attachments)" = 6 ]; }
wait_until 30 streaming || cat "$work/stream.err"

# of SIDE ID: how many times of this side an attachment of alice's has.
of() { read_as $alice "$2" | jq --arg side "$1" '[.histograms[]? | select(.labels.side == $side) | .count] | add // 0'; }
# marked: ends with their side as the probe sees it: it did not see the first pairs begin.
marked() { jq -c --argjson old $old --argjson new $new 'to_entries | map(.value + {side: (if .key % ($old + $new) < $old then "unknown" else .value.side end)})'; }
# segments SIDE: how many the ends of this side have received since all were open, but for the first one each, which only
# starts the interval.
segments() {
	jq -n --arg side "$1" --argjson opened "$opened" --argjson talked "$talked" \
		'def received: map(select(.side == $side) | .segments); ($talked | received | add - length) - ($opened | received | add)'
}

opened=$(tell open $new | marked)
talked=$(tell talk 25 | marked)
for side in client server unknown; do
	check "samples, $side: several" test "$(segments $side)" -ge $((24 * old))
	check_equal "samples, $side: each segment" "$(of $side "$samples")" "$(segments $side)"
done
check_equal "an interval that has not passed: no sample" "$(of client "$seldom") $(of server "$seldom") $(of unknown "$seldom")" "0 0 0"
check_equal "interval 0: no sample" "$(of client "$ends") $(of server "$ends") $(of unknown "$ends")" "0 0 0"

last=$(tell end)
events=$(stream_lines $((2 * (old + new))))
stream_end >/dev/null
check_equal "the end: srtt, variation and minimum of every connection are TCP_INFO's" \
	"$(jq -s -c 'map([.side, .srtt, .variation, .minimum]) | sort' <<<"$events")" \
	"$(marked <<<"$last" | jq -c 'map([.side, .srtt, .variation, .minimum]) | sort')"
cross tcp.rtt "srtt of $((2 * (old + new))) ends, added up" "$(jq -s 'map(.srtt) | add' <<<"$events")" "TCP_INFO" \
	"$(marked <<<"$last" | jq 'map(.srtt) | add')"
check_equal "the end: alice's connections" "$(jq -s -c 'map(.uid) | unique' <<<"$events")" "[$alice_uid]"
check_equal "the end: who connected is known, who accepted is not" \
	"$(jq -s -c 'map([.side, .tgid > 0]) | unique' <<<"$events")" '[["client",true],["server",false],["unknown",false]]'
for id in "$ends" "$seldom"; do
	check_equal "the end: each connection once" "$(of client "$id") $(of server "$id") $(of unknown "$id")" "$new $new $((2 * old))"
done
# A tick is 2^-30 s.
check_equal "the end: the histogram's sum is that of TCP_INFO, to a tick for each" \
	"$(read_as $alice "$ends" | jq --argjson last "$last" '(([.histograms[].sum] | add) * 1000000 - ([$last[].srtt] | add)) | fabs <= 86 / 1000')" true
check "samples: the end is one more" test "$(of client "$samples")" -ge $(($(segments client) + new))
reconciles "the counters reconcile" "$(read_as $alice "$samples" | jq .counters)"
check_equal "what was seen" "$(read_as $alice "$ends" | jq .counters.seen)" $((2 * (old + new)))
check_equal "bob sees nothing of it" "$(read_as $bob "$his" | jq -c '[.counters.seen, (.histograms // [] | length)]')" "[0,0]"
answer=$(read_as root "$all")
check "the host's has them, too" test "$(jq '[.histograms[] | select(.labels.side == "client") | .count] | add' <<<"$answer")" -ge $new
reconciles "the host's counters reconcile" "$(jq .counters <<<"$answer")"
host_finish
