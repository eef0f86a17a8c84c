#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fs.latency: each call on a regular file exactly once, by what it did and on which file system; nothing of pipes, sockets,
# directories and devices.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/targets.sh
. "$(dirname "$0")/targets.sh"

host_cleanup() { remove_cgroups; }
host_begin make_cgroups

disk_type=$(findmnt -n -o FSTYPE -T /var/tmp)
made() { sed -n "s/^calls .*\<$1=\([^ ]*\).*/\1/p" "$work/said"; } # what the exercise says of itself
# of OP JQ: over the events of the exercise's calls since it said that it begins.
of() {
	jq -s --argjson tid "$tid" --argjson began "$began" --argjson ended "$ended" --arg op "$1" \
		"map(select(.tid == \$tid and .op == \$op and .time >= \$began and .time <= \$ended)) | $2" "$work/events"
}
# counted OP FSTYPE: in the histograms of an answer.
counted() {
	jq --arg op "$1" --arg fstype "$2" \
		'[.histograms[]? | select(.labels.op == $op and .labels.fstype == $fstype) | .count] | add // 0'
}

events() {
	local op plural type line
	# What the exercise says of itself would come in the middle of a line of the stream's.
	install -o $alice -m 600 /dev/null "$work/said"
	stream $alice bpfwarden -o json run fs.latency --events --set threshold=0 -- \
		sh -c 'exec "$@" >"$0"' "$work/said" "$exercise/exercise-files" 10 /var/tmp /dev/shm
	timeout 600 cat <&"$stream_fd" >"$work/events"
	read -r tid began ended < <(sed -n 's/^tid=\(.*\) began=\(.*\) ended=\(.*\)$/\1 \2 \3/p' "$work/said")
	for type in "$disk_type" tmpfs; do
		for op in read write fsync open; do
			plural=${op}s
			check_equal "$type: each $op" "$(of $op "map(select(.fstype == \"$type\" and .error == 0)) | length")" "$(made $plural)"
		done
		check_equal "$type: reads that fail" "$(of read "map(select(.fstype == \"$type\" and .error == 9)) | length")" "$(made failed)"
	done
	check_equal "nothing that is no regular file" "$(of read 'map(.fstype) | unique | .[]' | xargs)" \
		"$(printf '%s\n' "$disk_type" tmpfs | sort | xargs)"
	check_equal "the bytes of reads and writes" "$(of read 'map(select(.error == 0) | .bytes) | unique')$(of write 'map(.bytes) | unique')" \
		"$(printf '[\n  100\n]%.0s' 1 2)"
	check_equal "an fsync or an open has none" "$(of fsync 'map(.bytes) | add')$(of open 'map(.bytes) | add')" 00
	check_equal "each took some time" "$(of write 'map(select(.latency == 0)) | length')" 0
}

# getpid() of a 32-bit program has the number of another's writev().
compat() {
	if [ "$(made compat)" = yes ]; then
		check_equal "calls by 32-bit numbers are not taken for others" \
			"$(jq -s --argjson began "$began" --argjson ended "$ended" --argjson tid "$tid" \
				'map(select(.op == "write" and .tid != $tid and .time >= $began and .time <= $ended)) | length' "$work/events")" 0
	else
		skip "calls by 32-bit numbers" "a kernel and processor that have them"
	fi
}

# Whose calls they were; fsync() is what nobody else here calls.
owners() {
	local answer type
	in_cgroup "$shop" setpriv --reuid $alice --regid $alice --init-groups "$exercise/exercise-files" 15 /var/tmp /dev/shm |
		grep -q '^calls ' || not_ok "the exercise" "it failed"
	for type in "$disk_type" tmpfs; do
		check_equal "$type: alice's fsyncs" "$(read_as $alice "$mine" | counted fsync "$type")" 30
		check_equal "$type: the unit's" "$(read_as root "$units" | counted fsync "$type")" 30
		check_equal "$type: the unit's writes" "$(read_as root "$units" | counted write "$type")" 75
	done
	check_equal "another cgroup sees nothing of it" "$(read_as root "$others" | jq -c '[.counters.seen, (.histograms // [] | length)]')" "[0,0]"
	answer=$(read_as $bob "$his")
	check_equal "bob sees nothing of it" "$(counted fsync "$disk_type" <<<"$answer")$(counted fsync tmpfs <<<"$answer")" 00
	reconciles "bob's counters reconcile" "$(jq .counters <<<"$answer")"
	answer=$(read_as root "$all")
	reconciles "the host's counters reconcile" "$(jq .counters <<<"$answer")"
	check "the host's has them, by their cgroup" test "$(jq "[.histograms[] |
		select(.labels.cgroup == $(stat -c %i "$shop") and .labels.op == \"fsync\") | .count] | add" <<<"$answer")" = 60
	check_equal "nothing was lost" "$(jq .counters.map_full <<<"$answer")" 0
}

events
compat
mine=$(attach $alice fs.latency) his=$(attach $bob fs.latency) all=$(attach root fs.latency --host)
units=$(attach root fs.latency --unit $unit) others=$(attach root fs.latency --cgroup "/$slice/batch.scope")
owners
host_finish
