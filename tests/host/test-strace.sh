#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the processes really do while somebody attaches: only the loader and its runner call bpf(2), nobody opens
# a path that a client named, nobody executes anything or becomes anybody else.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

if ! command -v strace >/dev/null; then
	skip strace "strace"
	vm_finish
	exit
fi
if ! strace -o /dev/null true 2>/dev/null; then
	skip strace "ptrace, which this host does not permit"
	vm_finish
	exit
fi
host_begin

# A file that everybody may read, and names that lead to it.
bait=$work/bait.service
odd=("$bait" "/../../../..$bait" "../../..$bait" "file://$bait" "$bait"$'\n' "/proc/self/fd/0")

calls='bpf, clone, clone3, fork, vfork, execve, execveat, ptrace, setuid, setresuid, capset, socket, mount, open, openat, openat2, creat, stat,
	lstat, newfstatat, statx, access, faccessat, faccessat2, readlink, readlinkat, statfs, unlink, unlinkat, rename,
	renameat, renameat2, mkdir, mkdirat, chdir, truncate, inotify_add_watch'

trace_start() {
	local pid pids=()
	for pid in $(daemon_tree); do pids+=(-p "$pid"); done
	strace -qq -f -y -s 4096 -e "trace=$(tr -d ' \n\t' <<<"$calls")" -o "$work/trace" "${pids[@]}" 2>"$work/strace.err" &
	tracer=$!
	for pid in $(daemon_tree); do
		wait_until 30 grep -q "^TracerPid:[[:space:]]*[1-9]" "/proc/$pid/status" || die "strace does not trace: $(cat "$work/strace.err")"
	done
}

trace_end() {
	kill -INT $tracer
	wait $tracer
	tracer=
}
host_cleanup() { [ -z "${tracer-}" ] || kill -INT "$tracer"; }

requests() {
	local name key
	check "a run" as $alice bpfwarden run tcp.state --for 1s -- "$exercise/exercise-connections" 2
	for name in "${odd[@]}"; do
		for key in unit cgroup user; do
			call $alice io.bpfwarden.Probe.Attach "$(jq -nc --arg t "$key:$name" '{probe: "tcp.state", target: $t}')"
		done
		call $alice io.bpfwarden.Probe.Attach "$(jq -nc --arg p "$name" '{probe: $p}')"
		call $alice io.bpfwarden.Probe.Describe "$(jq -nc --arg p "$name" '{probe: $p}')"
		call $alice io.bpfwarden.Probe.Detach "$(jq -nc --arg i "$name" '{id: $i}')"
		for key in Revoke Promote Describe; do
			call 0 io.bpfwarden.Registry.$key "$(jq -nc --arg n "$name" '{name: $n, serial: 1}')"
		done
	done >"$work/answers" 2>&1
	check_equal "odd names: each is answered with an error" \
		"$(grep -c '^{"error":"io.bpfwarden\.\|^{"error":"org.varlink' "$work/answers")" $((${#odd[@]} * 9))
}

# Those and what they started, by the trace.
family() { # PID
	awk -v first="$1" 'BEGIN { known[first] = 1; print first }
		/ (clone|clone3|fork|vfork)(\(|.* resumed>)|<\.\.\. (clone|clone3|fork|vfork) resumed>/ && $NF ~ /^[0-9]+$/ && known[$1] {
			known[$NF] = 1
			print $NF
		}' "$work/trace"
}

# by PID… REGEX: the system calls of those that match.
by() {
	local regex=${*: -1} pids
	pids=$(printf '%s|' "${@:1:$#-1}")
	grep -E "^(${pids%|}) +(<\.\.\. )?($regex)" "$work/trace"
}

judge() {
	local loader others runner name
	loader=$(process_of loader)
	others=$(for name in warden gate parser; do family "$(process_of $name)"; done)
	runner=$(grep -E ' bpf\(BPF_PROG_LOAD' "$work/trace" | cut -d' ' -f1 | sort -u)
	check "there is a trace" test "$(wc -l <"$work/trace")" -gt 100
	check_equal "only the loader and what it started call bpf()" \
		"$(grep ' bpf(' "$work/trace" | grep -vE "^($(family "$loader" | paste -sd'|')) ")" ""
	check_match "the loader does" "$(by "$loader" bpf)" 'bpf\((BPF_LINK_CREATE|BPF_RAW_TRACEPOINT_OPEN)'
	check_equal "one runner loads, and it is not the loader" "$(wc -w <<<"$runner") $(by "$loader" 'bpf\(BPF_PROG_LOAD')" "1 "
	check_equal "the runner opens nothing" "$(by $runner 'open|creat')" ""
	check_equal "the loader opens nothing" "$(by "$loader" 'open|creat')" ""
	check_equal "the gate opens nothing" "$(by "$(process_of gate)" 'open|creat|.*stat|readlink' |
		grep -v ', "", .*AT_EMPTY_PATH')" ""
	check "the warden opens something" test -n "$(by "$(process_of warden)" open)"
	check_equal "the others open, but only the state to write to" \
		"$(by $others open | grep -E 'O_(WRONLY|RDWR|CREAT)' | grep -v "$state/")" ""
	check_equal "nobody executes anything" "$(grep -E ' execve(at)?\(' "$work/trace")" ""
	check_equal "nobody becomes anybody else" "$(grep -E ' (setuid|setresuid|capset|mount|ptrace)\(' "$work/trace" |
		grep -vE "^$runner +capset\(")" ""
	check_equal "the runner gives up CAP_NET_ADMIN, for good" "$(by "$runner" capset | sed "s/^[0-9]* *//")" \
		'capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_PERFMON|1<<CAP_BPF, permitted=1<<CAP_PERFMON|1<<CAP_BPF, inheritable=0}) = 0'
	check_equal "no socket of a network" "$(grep -E 'socket\(AF_(INET|INET6|PACKET)' "$work/trace")" ""
	# That there is no cgroup of that name is seen by looking for one, below where the cgroups are.
	check_equal "nobody goes where a client points" "$(grep -F bait "$work/trace" |
		grep -vE ' newfstatat\([^"]*"/sys/fs/cgroup(/unified)?/var/tmp/bpfwarden-host-[^/]*/bait')" ""
	check_equal "and not by a link either" "$(grep -E '/(proc/self/fd/0)|AT_FDCWD[^,]*, "/sys/fs/cgroup[^"]*\.\.' "$work/trace" |
		grep -vE ' newfstatat\([^"]*"/sys/fs/cgroup(/unified)?/proc/self/fd/0", [^=]*AT_SYMLINK_NOFOLLOW')" ""
}

echo bait >"$bait"
trace_start
requests
trace_end
judge
host_finish
