#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# tcp.retransmit and tcp.reset: every segment that the kernel sent again, every reset that it sent or took, exactly once.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

install_packages nftables
if ! unshare -n nft list tables 2>/dev/null; then
	skip "tcp.retransmit and tcp.reset" "this kernel has no nf_tables, which is to drop segments"
	vm_finish
	exit
fi

prepare() { cp "$(dirname "$0")/exercise/tcp-faults.py" "$work/"; }
host_begin prepare

# faults USER WHAT: what the kernel counted in the namespace is left in $work/kernel.
faults() {
	unshare -n sh -c '/usr/bin/python3 "$1" prepare && exec setpriv --reuid "$2" --regid "$3" --clear-groups -- /usr/bin/python3 "$1" "$4"' - \
		"$work/tcp-faults.py" "$(id -u "$1")" "$(id -g "$1")" "$2" >"$work/kernel" || not_ok "$2" "the exercise failed"
}
kernel() { sed -n "s/^$1 //p" "$work/kernel"; }
sum() { jq "[.counts[] | select($1) | .count] | add // 0"; } # FILTER: over the counts of an answer

# What is sent again is sent by timers, on top of whoever runs.
retransmit_once() {
	mine=$(attach $alice tcp.retransmit) his=$(attach $bob tcp.retransmit) all=$(attach root tcp.retransmit --host)
	faults $alice retransmit
	answer=$(read_as $alice "$mine")
}
some_hidden() { [ "$(sum true <<<"$answer")" -lt "$(kernel RetransSegs)" ] && hides_process_1; }

retransmit() {
	local mine his all answer try
	retransmit_once
	for try in 1 2 3 4; do
		some_hidden || break
		echo "# retransmit: once more, attempt $try showed $(sum true <<<"$answer") of $(kernel RetransSegs)"
		bpfwarden -q detach "$mine" "$his" "$all"
		retransmit_once
	done
	check "retransmit: there were some of each kind" test "$(kernel TCPFastRetrans)" -gt 0 -a "$(kernel TCPSynRetrans)" -gt 10
	cross tcp.retransmit "segments" "$(sum true <<<"$answer")" "/proc/net/snmp RetransSegs" "$(kernel RetransSegs)"
	check "retransmit: an event is a buffer, of several segments" test "$(jq .counters.submitted <<<"$answer")" -gt 0 \
		-a "$(jq .counters.submitted <<<"$answer")" -lt "$(kernel RetransSegs)"
	cross tcp.retransmit "SYN and SYN-ACK" "$(sum '.labels.kind == "syn" or .labels.kind == "synack"' <<<"$answer")" \
		"/proc/net/netstat TCPSynRetrans" "$(kernel TCPSynRetrans)"
	check "retransmit: the second and the third SYN-ACK" test "$(sum '.labels.kind == "synack"' <<<"$answer")" -ge 2
	cross tcp.retransmit "in recovery" "$(sum '.labels.kind == "fast"' <<<"$answer")" "/proc/net/netstat TCPFastRetrans" "$(kernel TCPFastRetrans)"
	# A probe may also be new data, which is no retransmission.
	check "retransmit: tail loss probes" test "$(sum '.labels.kind == "tlp"' <<<"$answer")" -le "$(kernel TCPLossProbes)"
	reconciles "retransmit: the counters reconcile" "$(jq .counters <<<"$answer")"
	check_equal "retransmit: bob sees nothing of it" "$(read_as $bob "$his" | jq -c '[.counters.seen, (.counts // [] | length)]')" "[0,0]"
	check "retransmit: the host's has them, too" test "$(read_as root "$all" | sum true)" -ge "$(kernel RetransSegs)"
	as $alice bpfwarden -q detach "$mine" && as $bob bpfwarden -q detach "$his" && bpfwarden -q detach "$all"
}

reset() {
	local mine his all answer reasons
	mine=$(attach $alice tcp.reset) his=$(attach $bob tcp.reset) all=$(attach root tcp.reset --host)
	faults $alice reset
	answer=$(read_as $alice "$mine")
	check_equal "reset: a hundred refused connects, fifty aborted connections" "$(kernel OutRsts)" 150
	# The fifty that abort send one each; so does the closed port, from no socket.
	cross tcp.reset "sent, with the hundred of a closed port" $((100 + $(sum '.labels.direction == "sent"' <<<"$answer"))) \
		"/proc/net/snmp OutRsts" "$(kernel OutRsts)"
	check_equal "reset: received by alice's clients and servers" "$(sum '.labels.direction == "recv"' <<<"$answer")" 150
	check_equal "reset: sent by alice's sockets" "$(sum '.labels.direction == "sent"' <<<"$answer")" 50
	reconciles "reset: the counters reconcile" "$(jq .counters <<<"$answer")"
	check_equal "reset: bob sees nothing of it" "$(read_as $bob "$his" | jq -c '[.counters.seen, (.counts // [] | length)]')" "[0,0]"
	answer=$(read_as root "$all")
	# What answers a segment to a closed port has no socket. Kernels before 6.10 do not report it, nor any reason.
	reasons=$(jq -c '[.counts[] | select(.labels.direction == "sent") | .labels.reason | tostring] | unique' <<<"$answer")
	case "$reasons" in
	'["0"]') check "reset: the host's: of sockets" test "$(sum '.labels.direction == "sent"' <<<"$answer")" -ge 50 ;;
	*)
		check "reset: the host's: of no socket" test "$(sum '.labels.direction == "sent" and .labels.reason == "NO_SOCKET"' <<<"$answer")" -ge 100
		check_match "reset: reasons have names" "$reasons" '^\["[A-Z_]+"(,"[A-Z_0-9]+")*\]$'
		;;
	esac
	as $alice bpfwarden -q detach "$mine" && as $bob bpfwarden -q detach "$his" && bpfwarden -q detach "$all"
}

retransmit
reset
host_finish
