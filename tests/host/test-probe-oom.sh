#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proc.oom: every process that the kernel killed for want of memory, exactly once, as often as the kernel itself counts.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

# What the exercise said: victims as "KIND PID OOM_SCORE_ADJ".
said() { sed -n "s/^$2 //p" "$work/$1"; }             # USER KEY
of() { jq -r "select(.tgid == ${1%% *}) | $2" "$work/events"; } # VICTIM JQ
counted() { jq -c '[.counts[]? | [.labels.cgroup, .count]] | sort'; }

code=0
"$exercise/exercise-oom" "$alice_uid" exits >"$work/trial" 2>&1 || code=$?
if [ $code = 77 ]; then
	skip "proc.oom" "$(cat "$work/trial")"
	host_finish
fi

alice_id=$(attach $alice proc.oom)
bob_id=$(attach $bob proc.oom)
host_id=$(attach root proc.oom --host)
stream $alice bpfwarden -o json watch "$alice_id"
check "alice's processes run out of memory" sh -c '"$1" "$2" shmem anon thread exits anon >"$3"' - "$exercise/exercise-oom" "$alice_uid" "$work/alice"
check "bob's, too" sh -c '"$1" "$2" anon anon >"$3"' - "$exercise/exercise-oom" "$bob_uid" "$work/bob"
stream_lines 4 >"$work/events"

check_equal "the kernel killed four of alice's" "$(said alice oom_kill)" 4
check_equal "events: those four, by process, and nobody who was killed otherwise" "$(jq .tgid "$work/events" | sort | xargs)" \
	"$(sed -nE 's/^(anon|shmem|thread) ([0-9]+) .*/\2/p' "$work/alice" | sort | xargs)"
check_equal "events: the victims' uid and cgroup" "$(jq -c '[.uid, .cgroup]' "$work/events" | sort -u)" "[$alice_uid,$(said alice cgroup)]"
check_equal "events: the process's name, also where a thread of another name was chosen" "$(jq -r .command "$work/events" | sort -u)" exercise-oom
check "events: of the thread" test "$(of "$(said alice thread)" '.tid != .tgid')" = true
for kind in shmem thread; do
	victim=$(said alice $kind)
	check_equal "events: oom_score_adj of $kind" "$(of "$victim" .oom_score_adj)" "${victim##* }"
done
# The limit is 16 MiB; the counters are not exact.
mega=1048576
for kind in thread:anon shmem:shmem; do
	bytes=$(of "$(said alice ${kind%:*})" .rss_${kind#*:})
	check "events: ${kind%:*} had ${bytes:-no} bytes of ${kind#*:}" test "${bytes:-0}" -ge $((10 * mega)) -a "${bytes:-0}" -le $((18 * mega))
done

answer=$(read_as $alice "$alice_id")
check_equal "counts: as many as the kernel's oom_kill, of that cgroup" "$(counted <<<"$answer")" "[[$(said alice cgroup),$(said alice oom_kill)]]"
cross proc.oom "processes killed" "$(jq '[.counts[].count] | add' <<<"$answer")" "oom_kill of the memory cgroup" "$(said alice oom_kill)"
reconciles "alice's counters reconcile" "$(jq .counters <<<"$answer")"
check_equal "alice's were all submitted" "$(jq -c '.counters | [.seen, .submitted]' <<<"$answer")" "[4,4]"
answer=$(read_as $bob "$bob_id")
check_equal "bob has his two and nothing of alice's" "$(jq -c '.counters | [.seen, .submitted]' <<<"$answer")$(counted <<<"$answer")" \
	"[2,2][[$(said bob cgroup),2]]"
answer=$(read_as root "$host_id")
reconciles "the host's counters reconcile" "$(jq .counters <<<"$answer")"
for who in alice bob; do
	check_equal "the host's: $who's" "$(jq "[.counts[] | select(.labels.cgroup == $(said $who cgroup)) | .count] | add" <<<"$answer")" "$(said $who oom_kill)"
done
host_finish
