#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# syscall.hotspots: each call of a program exactly once, how it ended and whether the task slept in it, as strace counts
# them in the same run; a part of them where only a part of the time counts.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

install_packages strace
host_begin

# of CALL [JQ]: how many of an answer's calls of this name, with these labels.
of() { jq --arg call "$1" "[.histograms[]? | select((.labels.syscall | tostring) == \$call and (${2:-true})) | .count] | add // 0"; }
# traced CALL COLUMN: what strace counted: 4 calls, 5 errors. Those by 32-bit numbers are in a table of their own.
traced() { awk -v call="$1" -v column="$2" '/ 32 bit / { exit } $NF == call { n = $column } END { print n + 0 }' "$work/traced"; }

count=50
all_of=$(attach $alice syscall.hotspots --set duty=100)
his=$(attach $bob syscall.hotspots --set duty=100)
everyones=$(attach root syscall.hotspots --host --set duty=100)
made=$(strace -f -c -u $alice -o "$work/traced" "$exercise/exercise-syscalls" $count) || not_ok "the exercise" "it failed"
answer=$(read_as $alice "$all_of")
for call in getppid close nanosleep rt_sigsuspend rt_sigreturn execveat 1000; do
	check "$call: is there" test "$(of $call <<<"$answer")" -gt 0
done
check_equal "getppid: each" "$(of getppid '.labels.error == null' <<<"$answer")" $count
cross syscall.hotspots "calls of getppid" "$(of getppid <<<"$answer")" "strace -c" "$(traced getppid 4)"
check_equal "getppid: none waited" "$(of getppid .labels.waited <<<"$answer")" 0
check_equal "close: each that failed" "$(of close '.labels.error == "EBADF"' <<<"$answer")" $count
cross syscall.hotspots "failing calls of close" "$(of close '.labels.error == "EBADF"' <<<"$answer")" "strace -c" "$(traced close 5)"
check_equal "nanosleep: each" "$(of nanosleep '.labels.error == null' <<<"$answer")" $count
cross syscall.hotspots "calls of nanosleep" "$(of nanosleep <<<"$answer")" "strace -c" "$(traced nanosleep 4)"
check_equal "nanosleep: those that slept" "$(of nanosleep .labels.waited <<<"$answer")" "$(sed -n 's/^slept=\([0-9]*\) .*/\1/p' <<<"$made")"
check_equal "nanosleep: none was shorter than it should be" \
	"$(jq "[.histograms[] | select(.labels.syscall == \"nanosleep\") | .sum] | add >= 0.02 * $count" <<<"$answer")" true
check_equal "a call that a signal ends" "$(of rt_sigsuspend '.labels.error == "EINTR"' <<<"$answer")" $count
check_equal "the end of a signal's handler has no error" "$(of rt_sigreturn '.labels.error == null' <<<"$answer")" $count
check_equal "a program that becomes another" "$(of execveat '.labels.error == null' <<<"$answer")" $count
check_equal "what never returns" "$(of exit_group <<<"$answer")" 0
check_equal "a call of which no name is known" "$(of 1000 '.labels.error == "ENOSYS"' <<<"$answer")" $count
check_equal "what is no call" "$(jq '[.histograms[] | select(.labels.syscall | type == "number" and . != 1000)] | length' <<<"$answer")" 0
if [[ "$made" == *compat=yes ]]; then
	check_equal "calls by 32-bit numbers are not taken for others" "$(of semget <<<"$answer")" 0
else
	skip "calls by 32-bit numbers" "a kernel and processor that have them"
fi
reconciles "alice's counters reconcile" "$(jq .counters <<<"$answer")"
check_equal "nothing was lost" "$(jq .counters.map_full <<<"$answer")" 0

answer=$(read_as $bob "$his")
check_equal "bob sees nothing of it" \
	"$(of getppid <<<"$answer") $(of close '.labels.error != null' <<<"$answer") $(of nanosleep <<<"$answer") $(of 1000 <<<"$answer")" "0 0 0 0"
answer=$(read_as root "$everyones")
check_equal "the host's has them, too" "$(of 1000 <<<"$answer")" $count
check "the host's has those of others" test "$(of read <<<"$answer")" -gt $count
reconciles "the host's counters reconcile" "$(jq .counters <<<"$answer")"
bpfwarden -q detach "$everyones"

# Longer than some twenty of the periods of which a part counts.
part=$(attach $alice syscall.hotspots)
called=$(as $alice "$exercise/exercise-syscalls" spin 3000 | sed -n 's/^called=//p')
check_equal "duty 100: each call" "$(read_as $alice "$all_of" | of getpgid)" "$called"
some=$(read_as $alice "$part" | of getpgid)
check "duty 10: a part ($some of $called)" test "$some" -gt 0 -a "$some" -lt $((called / 2))

# An event of each call that took at least the threshold.
stream $alice bpfwarden -o json run syscall.hotspots --events --set duty=100 --set threshold=1000000 -- "$exercise/exercise-syscalls" 5
while line=$(stream_lines 1); do printf '%s\n' "$line" >>"$work/lines"; done 2>/dev/null
grep '^{' "$work/lines" >"$work/events"
check "events: those that slept" test \
	"$(jq -s 'map(select(.syscall == "nanosleep" and .waited and .error == null and .latency >= 1000000)) | length' "$work/events")" -ge \
	"$(sed -n 's/^slept=\([0-9]*\) .*/\1/p' "$work/lines")"
check_equal "events: alice's, and none that was faster" "$(jq -s -c 'map(select(.latency) | [.uid, .latency >= 1000000]) | unique' "$work/events")" "[[$alice_uid,true]]"
host_finish
