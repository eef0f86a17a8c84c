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

# What comes back in place of a thread that the kernel hides is not seen. What the exercise says of itself has a file of its own,
# because it would come in the middle of a line of the stream's.
exercised() {
	bob_before=$(read_as $bob "$bob_id" | jq .counters.seen)
	install -o $alice -m 600 /dev/null "$work/said"
	stream $alice bpfwarden -o json run sched.offcpu --events --set threshold=0 -- \
		sh -c 'exec "$@" >"$0"' "$work/said" "$exercise/exercise-offcpu" 100 20 300
	timeout 600 cat <&"$stream_fd" >"$work/events"
	bob_answer=$(read_as $bob "$bob_id")
	bob_saw=$(($(jq .counters.seen <<<"$bob_answer") - bob_before))
	read -r tid began slept waited ended sleeps waits involuntary < <(sed -n \
		's/^tid=\(.*\) began=\(.*\) slept=\(.*\) waited=\(.*\) ended=\(.*\) sleeps=\(.*\) waits=\(.*\) involuntary=\(.*\)$/\1 \2 \3 \4 \5 \6 \7 \8/p' "$work/said")
	if [ -z "$tid" ]; then
		not_ok "the exercise" "it did not end: $(cat "$work/stream.err")"
		host_finish
	fi
	asleep="map(select(.time <= $slept))" waiting="map(select(.time > $slept and .time <= $waited))"
	seen=$(of preempted "map(select(.time <= $ended)) | length")
}
accord() { echo $(($(of sleep "$1 | length") + $(of disk "$1 | length"))); } # JQ: how often it left the CPU of its own accord
complete() { [ "$(accord "$asleep")" = "$sleeps" ] && [ "$(accord "$waiting")" = "$waits" ] && [ "$seen" -ge $((involuntary - 2)) ]; }
bob_id=$(attach $bob sched.offcpu)
host_id=$(attach root sched.offcpu --host)
exercised
for attempt in 1 2 3 4; do
	{ ! complete && hides_process_1; } || break
	echo "# once more, attempt $attempt was not shown whole"
	exercised
done
check "sleep: some of a hundred times it left the CPU ($sleeps)" test "$sleeps" -gt 0
check_equal "sleep: as often as the kernel says" "$(accord "$asleep")" "$sleeps"
check "disk: some children of vfork() were waited for" test "$(of disk "$waiting | length")" -gt 0
check_equal "disk: as often as the kernel says" "$(accord "$waiting")" "$waits"
check "preempted: it shared its CPU" test "${involuntary:-0}" -gt 0
# It may also lose the CPU between asking the kernel and noting the time.
check "preempted: as often as the kernel says ($seen, $involuntary)" test "$seen" -ge $((involuntary - 2)) -a "$seen" -le $((involuntary + 2))
echo "# cross|sched.offcpu|times preempted|$seen|/proc/PID/status nonvoluntary_ctxt_switches|$involuntary"
answer=$(read_as root "$host_id")
reconciles "the host's counters reconcile" "$(jq .counters <<<"$answer")"
check "the host's: sleepers of all" test "$(jq '[.histograms[] | select(.labels.class == "sleep") | .count] | add' <<<"$answer")" -ge "$sleeps"
reconciles "bob's counters reconcile" "$(jq .counters <<<"$bob_answer")"
# His own client is off the CPU now and then, between the two looks.
check "bob sees nothing of alice's ($bob_saw)" test "$bob_saw" -lt $(((sleeps + waits + involuntary) / 2))
as $bob bpfwarden -q detach "$bob_id" && bpfwarden -q detach "$host_id"

# In an emulated machine with 6.12 this showed 202 once, where 201 are expected.
if [ -n "${BPFWARDEN_PACKAGE-}" ]; then
	skip "one place for two" "a machine that is not emulated, where its count is exact"
	host_finish
fi

# Two tasks of one place: each time that one comes back, the other one has it. The last one is let go by its end.
pid_max=$(cat /proc/sys/kernel/pid_max)
host_cleanup() { echo "$pid_max" >/proc/sys/kernel/pid_max; }
lost_once() {
	mine=$(attach $alice sched.offcpu) his=$(attach $bob sched.offcpu)
	"$exercise/exercise-places" "$alice_uid" 100 >"$work/places" || not_ok "one place for two" "the exercise failed"
	hers=$(read_as $alice "$mine" | jq .counters)
	others=$(read_as $bob "$his" | jq .counters.map_full)
	as $alice bpfwarden -q detach "$mine" && as $bob bpfwarden -q detach "$his"
}
[ "$pid_max" -ge 131072 ] || echo 131072 >/proc/sys/kernel/pid_max
lost_once
for attempt in 1 2 3 4; do
	{ [ "$(jq .map_full <<<"$hers")" != 201 ] && hides_process_1; } || break
	echo "# places: once more, attempt $attempt showed $(jq .map_full <<<"$hers")"
	lost_once
done
check_equal "one place for two: what is not known is told to whom it was for" "$(jq .map_full <<<"$hers")" 201
reconciles "one place for two: the counters reconcile" "$hers"
check_equal "one place for two: bob is told nothing of it" "$others" 0
host_finish
