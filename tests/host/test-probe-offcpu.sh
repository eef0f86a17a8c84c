#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# sched.offcpu: each time that a task left the CPU and came back, exactly once, and why it had left.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

# of CLASS JQ: over the exercise's times off the CPU, from when it said that it begins.
of() {
	jq -s --argjson tid "$tid" --argjson began "$began" --arg class "$1" \
		"map(select(.tid == \$tid and .class == \$class and .time >= \$began)) | $2" "$work/events"
}

# What comes back in place of a thread that the kernel hides is not seen.
exercised() {
	rm -f "$work/lines"
	stream $alice bpfwarden -o json run sched.offcpu --events --set threshold=0 -- "$exercise/exercise-offcpu" 100 20 300
	while line=$(stream_lines 1); do printf '%s\n' "$line" >>"$work/lines"; done 2>/dev/null
	read -r tid began slept involuntary < <(sed -n 's/^tid=\(.*\) began=\(.*\) slept=\(.*\) involuntary=\(.*\)$/\1 \2 \3 \4/p' "$work/lines")
	grep '^{' "$work/lines" >"$work/events"
	seen=$(of preempted length)
}
complete() {
	[ "$(of sleep "map(select(.time <= $slept)) | length")" = 100 ] && [ "$(of disk "map(select(.off >= 1000000)) | length")" = 20 ] &&
		[ "$seen" -ge $((involuntary - 2)) ]
}
bob_id=$(attach $bob sched.offcpu)
host_id=$(attach root sched.offcpu --host)
exercised
for attempt in 1 2 3 4; do
	{ ! complete && hides_process_1; } || break
	echo "# once more, attempt $attempt was not shown whole"
	exercised
done
check_equal "sleep: a hundred" "$(of sleep "map(select(.time <= $slept)) | length")" 100
check_equal "disk: twenty times a child of vfork()" "$(of disk "map(select(.off >= 1000000)) | length")" 20
check "preempted: it shared its CPU" test "${involuntary:-0}" -gt 0
# It may also lose the CPU just before it notes when it begins, and between asking the kernel and its end.
check "preempted: as often as the kernel says ($seen, $involuntary)" test "$seen" -ge $((involuntary - 2)) -a "$seen" -le $((involuntary + 2))
echo "# cross|sched.offcpu|times preempted|$seen|/proc/PID/status nonvoluntary_ctxt_switches|$involuntary"
check "sleep: none was shorter than was asked for" test "$(of sleep "map(select(.time <= $slept) | .off) | min")" -ge 1000000
answer=$(read_as root "$host_id")
reconciles "the host's counters reconcile" "$(jq .counters <<<"$answer")"
check "the host's: sleepers of all" test "$(jq '[.histograms[] | select(.labels.class == "sleep") | .count] | add' <<<"$answer")" -ge 100
answer=$(read_as $bob "$bob_id")
reconciles "bob's counters reconcile" "$(jq .counters <<<"$answer")"
check_equal "bob sees nothing of alice's" "$(jq '[.histograms[]? | select(.labels.class == "disk")] | length' <<<"$answer")" 0
host_finish
