#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The disk of the audit log is full, then broken: nothing new is attached, and what is attached can be read, watched
# and ended; once there is room, all is as before, without a restart and without a request. On a real file system.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

audit_directory=$state/audit
disk=/var/tmp/bpfwarden-host-disk.$$
mount_disk() { mount -o loop "$disk" "$audit_directory" || die "the log's disk cannot be mounted"; }
make_disk() {
	truncate -s 32M "$disk"
	# No blocks kept back for root: the warden does not run as root, but this script fills the disk as root.
	mkfs.ext4 -q -m 0 "$disk" || die "mkfs.ext4 failed"
	mkdir -p "$audit_directory"
	mount_disk
	rmdir "$audit_directory/lost+found"
	chown bpfwarden:bpfwarden "$state" "$audit_directory"
	chmod 700 "$audit_directory"
}
host_cleanup() {
	stop_daemon
	mountpoint -q "$audit_directory" && umount "$audit_directory"
	rm -f "$disk"
}

truncate -s 8M "$disk"
mkfs.ext4 -q "$disk" && mkdir -p "$disk.d" && mount -o loop "$disk" "$disk.d" 2>/dev/null
mounted=$?
umount "$disk.d" 2>/dev/null
rm -rf "$disk" "$disk.d"
if [ "$mounted" != 0 ]; then
	skip "the log on a disk of its own" "a loop device and ext4"
	vm_finish
	exit
fi
host_begin make_disk

# To the last block of the log's own disk, never of another one.
fill() {
	mountpoint -q "$audit_directory" || die "the log's disk is not mounted"
	dd if=/dev/zero of="$audit_directory/filler" bs=4k count=8192 oflag=append conv=notrunc status=none 2>/dev/null
}
empty() { rm -f "$audit_directory/filler"; }
reserve_size() { stat -c %s "$audit_directory/reserve" 2>/dev/null || echo none; }
has_reserve() { [ "$(reserve_size)" = $((4 << 20)) ]; }
says=$work/says
try_attach() { as $alice bpfwarden attach sched.runqlat --for 10m >"$work/tried" 2>"$says"; }
# The write-ahead log has room for a few records that it held before.
refused() { # REASON
	if try_attach; then
		as $alice bpfwarden -q detach "$(cat "$work/tried")"
		return 1
	fi
	grep -q "^bpfwarden: audit log not available (.*): .*$1" "$says"
}
recorded() { [ -n "$(audit "$1")" ]; } # FILTER; who reads the log makes the daemon write down what waits
connections() { "$exercise/exercise-connections" "$1" 0 "$alice_uid" || not_ok "connections" "they failed"; }

# goes_on WHEN: what must work without a log.
goes_on() {
	connections 2
	check_equal "$1: watching goes on" "$(stream_lines 2 | wc -l)" 2
	check_equal "$1: reading goes on" "$(read_as $alice "$id" | jq -e 'has("counters")')" true
	check_match "$1: ps goes on" "$(as $alice bpfwarden -o json ps | jq -r .attachment.id)" "$id"
	check "$1: the log can be read" test -n "$(audit '.kind == "decision"')"
}

id=$(attach $alice tcp.state --events)
other=$(attach $alice sched.runqlat)
stream $alice bpfwarden -o json watch "$id"
connections 1
check_equal "before: events come" "$(stream_lines 1 | wc -l)" 1
check_equal "before: the reserve is there" "$(reserve_size)" $((4 << 20))

# Full: the reserve is given up for what must be written, and nothing new is allowed any more.
fill
check "full: attach is refused" wait_until 60 refused "the disk is full"
check_match "full: and it says what to do" "$(cat "$says")" "until 8 MiB are free in .*/audit"
check_equal "full: the reserve is given up" "$(reserve_size)" none
check_match "full: doctor says so" "$(bpfwarden doctor)" "fail  the disk of the audit log is full: "
goes_on "full"
check "full: detach goes on" as $alice bpfwarden detach "$other"
check "full: a detach is recorded" recorded ".action == \"detach\" and .kind == \"decision\" and .attachment == \"$other\""
check "full: who was refused is recorded" recorded '.refusal.name == "AuditUnavailable" and .action == "attach"'

# Not a request has to come for the way back.
empty
check "room: the reserve is made again by itself" wait_until 30 has_reserve
check "room: attach works" try_attach
check "room: and detach" as $alice bpfwarden detach "$(cat "$work/tried")"
check_match "room: the log says when it was full, and when there was room" \
	"$(audit '.action == "audit-reserve"' | jq -r .verdict | xargs)" "^failed ok$"

# Full to the last block, the reserve's included.
other=$(attach $alice sched.runqlat)
fill
check "no block: attach is refused" wait_until 60 refused "the disk is full"
fill
exhausted() {
	fill
	audit true >/dev/null
	grep -q "the audit log cannot be written" "$log"
}
check "no block: not a record can be written" wait_until 60 exhausted
goes_on "no block"
check "no block: detach goes on" as $alice bpfwarden detach "$other"
empty
check "room again: the reserve is made again by itself" wait_until 30 has_reserve
check "room again: attach works" try_attach
check "room again: and detach" as $alice bpfwarden detach "$(cat "$work/tried")"

# An error after which ext4 writes nothing more. Who has files open there must end before it can be mounted again.
mount -o remount,abort "$audit_directory"
check "read-only: attach is refused" refused "Read-only file system"
goes_on "read-only"
check "read-only: detach goes on" as $alice bpfwarden detach "$id"
stream_end >/dev/null
stop_daemon
umount "$audit_directory"
e2fsck -fy "$disk" >/dev/null 2>&1
mount_disk
start_daemon "$prefix" "$log.2"
check "mounted again: attach works" try_attach
check_equal "mounted again: the log has no gap" "$(audit true | jq -s 'map(.seq) | . == [range(1; length + 1)]')" true
host_finish
