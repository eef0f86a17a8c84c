#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# block.latency: each request to a loop device exactly once, as the kernel's own statistics of the disk count them, and as
# many as the exercise made. The device lies on a tmpfs, so that no other disk has part in it.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/targets.sh
. "$(dirname "$0")/targets.sh"

install_packages e2fsprogs

loop='' mounted='' enabled=''
host_cleanup() {
	[ -z "$mounted" ] || umount "$work/disk"
	[ -z "$loop" ] || losetup -d "$loop"
	# Whoever looks at the disk at this moment keeps the file below it.
	[ ! -d "$work/memory" ] || wait_until 30 umount "$work/memory"
	remove_cgroups
	[ -z "$enabled" ] || echo -io >"$(cgroup_root)/cgroup.subtree_control"
}
host_begin make_cgroups

# The device begins with what it has counted before it is ours; whoever else wants the same one first, gets it.
take_loop() {
	local attempt
	mkdir "$work/memory" "$work/disk"
	mount -t tmpfs -o size=64M none "$work/memory" && truncate -s 48M "$work/memory/image" || return
	[ -e /dev/loop-control ] || modprobe loop 2>/dev/null
	for attempt in $(seq 20); do
		loop=$(losetup -f 2>/dev/null) || return
		disk=$(basename "$loop")
		before=$(cat "/sys/block/$disk/stat" 2>/dev/null)
		losetup "$loop" "$work/memory/image" 2>/dev/null && return
	done
	loop=
	return 1
}

# As in Documentation/block/stat.rst: reads, writes, discards and flushes since the device is ours.
statistics() {
	awk '{ split($0, now); getline; print now[1] - $1, now[5] - $5, now[12] - $12, now[16] - $16 }' \
		<(cat "/sys/block/$disk/stat"; echo "$before")
}
# sum OP…: how many of them on this device an answer has: those with a time are in the histograms, the others are counts.
sum() {
	jq --arg device "$disk" '[(.histograms, .counts)[]? | select(.labels.device == $device and (.labels.op | IN($ARGS.positional[]))) | .count] |
		add // 0' --args "$@"
}
# The kernel has a request for a flush among the writes, and writes of zeroes, which here are `other`.
counted() {
	local answer
	answer=$(read_as root "$all")
	echo "$(sum read <<<"$answer") $(sum write flush other <<<"$answer") $(sum discard <<<"$answer") $(sum flush_command <<<"$answer")"
}
agree() { [ "$(counted)" = "$(statistics)" ]; } # whoever else looks at a new disk may just be reading it
agrees() { # NAME
	wait_until 30 agree
	cross block.latency "$1: reads, writes, discards, flushes" "$(counted)" "/sys/block/DISK/stat" "$(statistics)"
}
made() { read_as root "$all" | sum "$@"; }

write_blocks() { dd if=/dev/zero of="$loop" bs=4k count="$1" oflag=direct status=none; }
flush() { /usr/bin/python3 -c 'import os, sys
disk = os.open(sys.argv[1], os.O_WRONLY)
for i in range(int(sys.argv[2])): os.fsync(disk)' "$loop" "$1"; }

requests() {
	write_blocks 200
	check_equal "two hundred writes" "$(made write)" 200
	dd if="$loop" of=/dev/null bs=16k count=70 iflag=direct status=none
	check "seventy reads" test "$(made read)" -ge 70
	flush 25
	check_equal "twenty-five flushes that somebody asked for" "$(made flush)" 25
	check_equal "as many commands to flush" "$(made flush_command)" 25
	blkdiscard -o 0 -l 1M "$loop"
	check_equal "one discard" "$(made discard)" 1
	agrees "requests"
}

# The journal writes with flushes before and after, which end twice.
filesystem() {
	local writes flushes i
	mkfs.ext4 -q -F "$loop" && mount "$loop" "$work/disk" && mounted=yes
	writes=$(made write) flushes=$(made flush_command)
	for i in $(seq 30); do dd if=/dev/zero of="$work/disk/$i" bs=4k count=1 conv=fsync status=none; done
	umount "$work/disk" && mounted=
	check "a file system: at least two writes for each fsync" test $(($(made write) - writes)) -ge 60
	check "a file system: at least one flush for each" test $(($(made flush_command) - flushes)) -ge 30
	agrees "a file system"
}

# Beside the events of this device there may be those of others. watch COMMAND…: while a subscriber to all events is there.
watch() {
	stream root bpfwarden -o json run block.latency --host --events --set threshold=0
	wait_until 30 streaming || cat "$work/stream.err"
	"$@"
}
streaming() { [ "$(attachments)" = 2 ]; }
alone() { [ "$(attachments)" = 1 ]; }
attachments() { bpfwarden -o json ps | jq -s 'map(select(.attachment)) | length'; }
# shown COUNT JQ: what the next so many events of writes to the device are, equal ones counted.
shown() {
	local line found=0
	while [ "$found" -lt "$1" ] && line=$(stream_lines 1); do
		jq -e --arg device "$disk" 'select(.device == $device and .op == "write")' <<<"$line" || continue
		found=$((found + 1))
	done | jq -c "$2" | sort | uniq -c | awk '{ $1 = $1; print }'
	stream_end >/dev/null
	wait_until 30 alone || echo "# the stream does not end"
}

events() {
	watch write_blocks 3
	check_equal "events: what a write is" \
		"$(shown 3 '[.bytes, .error, .latency > 0, .queued <= .latency, .tgid, .uid]')" '3 [4096,"none",true,true,0,0]'
}

# Without statistics nobody notes when a request began, unless something else in the kernel wants to know.
unmeasured() {
	local queue=/sys/block/$disk/queue written counts
	echo none >"$queue/scheduler"
	[ ! -e "$queue/wbt_lat_usec" ] || echo 0 >"$queue/wbt_lat_usec"
	echo 0 >"$queue/iostats"
	written=$(made write)
	write_blocks 40
	check_equal "without statistics: not lost" "$(made write)" $((written + 40))
	counts=$(read_as root "$all" | jq -c --arg device "$disk" '[.counts[]? | select(.labels.device == $device and .labels.op == "write") | .count]')
	if [ "$counts" = "[]" ]; then
		skip "without statistics: counted" "a kernel that notes no times then"
	else
		check_equal "without statistics: counted, without a time" "$counts" "[40]"
	fi
	echo 1 >"$queue/iostats"
}

# The tmpfs is full, so the writes fail.
write_in_vain() {
	local i
	dd if=/dev/zero of="$work/memory/full" bs=1M status=none 2>/dev/null
	for i in 1 2 3 4 5; do dd if=/dev/zero of="$loop" bs=4k count=1 seek=$((8000 + i)) oflag=direct status=none 2>/dev/null; done
}
errors() {
	watch write_in_vain
	check_equal "errors: five writes that failed" "$(shown 5 '.error != "none"')" "5 true"
}

writes_of() { read_as root "$1" | sum write; } # ID; programs that begin in a cgroup read from other disks

# Data is a cgroup's only where it has the controller that the block layer knows it by.
owners() {
	local shop_id batch_id
	if ! grep -qw io "$(cgroup_root)/cgroup.controllers"; then
		skip "owners" "the io controller of cgroup v2"
		return
	fi
	if ! grep -qw io "$(cgroup_root)/cgroup.subtree_control"; then
		echo +io >"$(cgroup_root)/cgroup.subtree_control" && enabled=yes
	fi
	echo +io >"$cgroups/cgroup.subtree_control"
	shop_id=$(attach root block.latency --unit $unit) batch_id=$(attach root block.latency --cgroup "/$slice/batch.scope")
	in_cgroup "$shop" dd if=/dev/zero of="$loop" bs=4k count=60 oflag=direct status=none
	check_equal "a unit: its sixty writes" "$(writes_of "$shop_id")" 60
	check_equal "a unit: another cgroup sees nothing of it" "$(writes_of "$batch_id")" 0
	in_cgroup "$batch" dd if=/dev/zero of="$loop" bs=4k count=7 oflag=direct status=none
	check_equal "a cgroup: its seven writes" "$(writes_of "$batch_id")" 7
	check_equal "a cgroup: the unit sees nothing of it" "$(writes_of "$shop_id")" 60
	reconciles "a unit: its counters reconcile" "$(read_as root "$shop_id" | jq .counters)"
	bpfwarden -q detach "$shop_id" && bpfwarden -q detach "$batch_id"
	check_equal "the host's knows whose they were" \
		"$(read_as root "$all" |
		jq "[.histograms[] | select(.labels.cgroup == $(stat -c %i "$shop") and .labels.op == \"write\") | .count] | add")" 60
}

refused() {
	local output code=0
	output=$(as $alice bpfwarden attach block.latency --for 1m 2>&1) || code=$?
	check_equal "a user's own requests: no number of a user is in a request" "$code $(head -n 1 <<<"$output")" \
		"5 bpfwarden: target not supported by the probe (self): block.latency cannot filter by target self"
}

refused
all=$(attach root block.latency --host)
if ! take_loop; then
	skip "block.latency" "a loop device on a tmpfs"
	host_finish
fi
requests
filesystem
owners
events
unmeasured
errors
reconciles "the host's counters reconcile" "$(read_as root "$all" | jq .counters)"
host_finish
