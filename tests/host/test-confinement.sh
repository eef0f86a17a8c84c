#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What each process holds, and what its attacker cannot do: the tables of docs/PRIVSEP.md, held by the running
# daemon and by programs that enter the same sandboxes.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr -s '\t ' ' '; }

four() { echo "$1 $1 $1 $1"; }

identity() { # PROCESS USER CAPABILITIES
	local pid gid
	pid=$(process_of "$1")
	gid=$(getent group bpfwarden | cut -d: -f3)
	check_equal "$1: runs as $2, all four uids" "$(field "$pid" Uid)" "$(four "$(id -u "$2")")"
	check_equal "$1: all four gids" "$(field "$pid" Gid)" "$(four "$gid")"
	check_equal "$1: no supplementary groups" "$(field "$pid" Groups | xargs)" ""
	check_equal "$1: capabilities inheritable, permitted, effective, bounding, ambient" \
		"$(for set in CapInh CapPrm CapEff CapBnd CapAmb; do field "$pid" $set; done | xargs)" "$3 $3 $3 $3 $3"
	check_equal "$1: no new privileges, seccomp filters" "$(field "$pid" NoNewPrivs) $(field "$pid" Seccomp)" "1 2"
	check_equal "$1: dumps no core" "$(sed -n 's/^Max core file size *//p' "/proc/$pid/limits" | xargs)" "0 0 bytes"
	check_equal "$1: cannot be traced by its own user" "$(stat -c %u "/proc/$pid/environ")" 0
}

# Kinds of descriptors above the log: "socket", "listener", "anon_inode:[x]" or a path; sorted, each with
# how many there are. Timers come and go with what is waited for.
descriptors() { # PROCESS
	local pid fd target inode
	pid=$(process_of "$1")
	for fd in "/proc/$pid/fd/"*; do
		[ "${fd##*/}" -gt 2 ] || continue
		target=$(readlink "$fd")
		case "$target" in
		socket:*)
			inode=$(tr -dc 0-9 <<<"$target")
			# Flags 00010000 (__SO_ACCEPTCON): somebody listens on it.
			awk -v inode="$inode" '$7 == inode { print $4 == "00010000" ? "listener" : "socket"; found = 1 }
				END { if (!found) print "a socket that is not a unix one" }' /proc/net/unix
			;;
		*) echo "$target" ;;
		esac
	done | grep -v '^anon_inode:\[timerfd\]$' | sort | uniq -c | sed 's/^ *\([0-9]*\) /\1 × /' | paste -sd , | sed 's/,/, /g'
}

cgroup_root() { findmnt -n -t cgroup2 -o TARGET | head -n 1; }

tables() {
	check_equal "gate: the warden, its loop, nothing else" "$(descriptors gate)" \
		"1 × anon_inode:[eventpoll], 1 × socket"
	check_equal "parser: the warden, the loader, its loop" "$(descriptors parser)" \
		"1 × anon_inode:[eventpoll], 2 × socket"
	check_equal "loader: the root of cgroup2, the warden, the parser and where it connects, its loop" "$(descriptors loader)" \
		"1 × $(cgroup_root), 1 × anon_inode:[eventpoll], 1 × listener, 2 × socket"
	# The names of enumerations of each bundle, the log, and the journal's socket, which is there or not.
	check_match "warden: two listeners, three processes, its loop, trust, its log, names of bundles" \
		"$(descriptors warden | sed "s#[0-9]* × \(/memfd:enumerations (deleted)\|$state/audit[^ ,]*\), ##g")" \
		'^1 × anon_inode:\[eventpoll\], 1 × anon_inode:\[signalfd\], 1 × anon_inode:inotify, 2 × listener, [34] × socket$'
}

# From the outside, by somebody without rights: nothing but the clients' socket can be connected to.
doors() {
	local name
	for name in peers verdicts notify; do
		check_code "$name: closed to users" 1 as $alice /usr/bin/python3 -c "
import socket, sys
for kind in socket.SOCK_SEQPACKET, socket.SOCK_DGRAM:
    try:
        socket.socket(socket.AF_UNIX, kind).connect('$rundir/$name')
        sys.exit(0)
    except PermissionError:
        pass
sys.exit(1)"
	done
	check_equal "the directory of the state is the warden's alone" "$(stat -c '%U %a' "$state")" "bpfwarden 700"
}

none=0000000000000000
identity warden bpfwarden $none
identity gate bpfwarden-gate $none
identity parser bpfwarden-parser $none
identity loader bpfwarden-loader 000000c000001000 # CAP_NET_ADMIN 12, CAP_PERFMON 38, CAP_BPF 39
tables
doors
"$build/tests/host/confine/captive" || vm_failed=1
"$build/tests/host/confine/landlocked" || vm_failed=1
host_finish
