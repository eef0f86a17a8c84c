# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the host tests share: bash tests/host/test-NAME.sh BUILD_DIR runs one against what the build has
# installed, with a daemon of its own on this kernel. Results are the lines of tests/vm/lib.sh. Inside a virtual machine,
# with BPFWARDEN_PACKAGE=1, those of the suite "probes" run against the installed package under systemd: see package.sh.
# shellcheck source=tests/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
# shellcheck source=tests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../vm/lib.sh"

build=$(realpath "${1:?usage: bash $0 BUILD_DIR}")

build_option() {
	python3 - "$build" "$1" <<-'END'
		import json, sys
		rows = json.load(open(sys.argv[1] + "/meson-info/intro-buildoptions.json"))
		print(next(row["value"] for row in rows if row["name"] == sys.argv[2]))
	END
}

if [ -n "${BPFWARDEN_PACKAGE-}" ]; then
	prefix=/usr rundir=/run/bpfwarden state=/var/lib/bpfwarden etc=/etc/bpfwarden
else
	prefix=${BPFWARDEN_PREFIX:-$(build_option prefix)}
	rundir=$(build_option rundir)
	state=$prefix/var/lib/bpfwarden
	etc=$prefix/etc/bpfwarden
fi
export PATH=$prefix/bin:$PATH BPFWARDEN_SOCKET=$rundir/io.bpfwarden LC_ALL=C
alice=warden-alice bob=warden-bob carol=warden-carol

# as USER|UID COMMAND…: a number is somebody without an account who is in bpfwarden-users.
as() {
	local who=$1 group groups
	shift
	case "$who" in
	[0-9]*) group=$(getent group bpfwarden-users | cut -d: -f3) groups=--clear-groups ;;
	*) group=$(id -g "$who") groups=--init-groups ;;
	esac
	setpriv --reuid "$who" --regid "$group" "$groups" --inh-caps=-all --ambient-caps=-all -- "$@"
}

host_cleanup() { :; } # of the test itself, before the daemon ends

# Without a daemon: its configuration and state.
forget_everything() { rm -rf "${etc:?}" "${state:?}"; }

host_end() {
	host_cleanup
	stop_daemon
	forget_everything
	rm -rf "$work"
}

# Dies where configuration and state are not to be thrown away.
must_be_for_tests() {
	case "$prefix" in
	/opt/bpfwarden-?*) ;;
	*) die "the prefix $prefix is not one for tests" ;;
	esac
	! bpfwarden version >/dev/null 2>&1 || [ ! -S "$BPFWARDEN_SOCKET" ] || ! bpfwarden list >/dev/null 2>&1 ||
		die "a daemon answers at $BPFWARDEN_SOCKET already"
	ensure_users
}

# host_begin [COMMAND…]: people, an empty registry, log and configuration, whatever the command prepares, the
# daemon. $work is a directory that everybody may enter.
host_begin() {
	need_root
	must_be_for_tests
	ensure_person $alice bpfwarden-users
	ensure_person $bob bpfwarden-users
	ensure_person $carol
	alice_uid=$(id -u $alice) bob_uid=$(id -u $bob)
	work=$(mktemp -d /var/tmp/bpfwarden-host-XXXXXX)
	chmod 755 "$work"
	exercise=$work/exercise # a build directory need not be one that everybody may enter
	cp -r "$build/tests/host/exercise" "$exercise"
	log=$work/daemon.log
	forget_everything
	trap host_end EXIT
	"$@"
	start_daemon "$prefix" "$log"
}

daemon_said() { tail -n 30 "$log"; }

host_finish() {
	[ "$vm_failed" = 0 ] || daemon_said | sed 's/^/# daemon: /'
	vm_finish
	exit
}

# attach USER PROBE OPTION…: prints the attachment's id.
attach() {
	local who=$1
	shift
	as "$who" bpfwarden -o json attach "$@" --for 10m | jq -r .attachment.id
}

# read_as USER ID: counters and aggregates as JSON.
read_as() { as "$1" bpfwarden -o json read "$2"; }

# stream USER COMMAND…: starts it; its lines come from $stream_fd, $stream_pid is its process.
stream() {
	local who=$1
	shift
	exec {stream_fd}< <(as "$who" sh -c 'echo $$; exec "$@"' - "$@" 2>>"$work/stream.err")
	read -r -u "$stream_fd" stream_pid
}

# stream_lines COUNT: so many lines, each waited for.
stream_lines() {
	local i line
	for ((i = 0; i < $1; i++)); do
		read -r -t 60 -u "$stream_fd" line || { echo "only $i lines came" >&2; return 1; }
		printf '%s\n' "$line"
	done
}

# stream_end: interrupts it, as Ctrl-C does, and prints what it still says.
stream_end() {
	kill -INT "$stream_pid" 2>/dev/null
	cat <&"$stream_fd"
	exec {stream_fd}<&-
}

# cross PROBE WHAT OURS SOURCE THEIRS: the same figure from somewhere else; tests/host/cross-table makes a table of them.
cross() {
	check_equal "$1: $2, as $4 has it" "$3" "$5"
	echo "# cross|$1|$2|$3|$4|$5"
}

# reconciles NAME COUNTERS: every event that was seen has exactly one outcome.
reconciles() {
	check_equal "$1" "$(jq '.seen == .submitted + .ring_full + .map_full + .filtered + .sampled_out' <<<"$2")" true
}

# switches PID: how often the process's threads were switched.
switches() { cat "/proc/$1/task/"*/status 2>/dev/null | awk '/ctxt_switches/ { n += $2 } END { print n }'; }
switched() { [ "$(switches "$1")" -ge "$2" ]; }

# The kernels of some hosts run no tracing program while a thread of process 1 is current, because that is the host's
# own agent. A softirq that interrupts such a thread is then shown to nobody, so an exact count may lack what happened in it.
# Here process 1 is switched twenty times under a program that would see it.
hides_process_1() {
	local until
	if [ -z "${hidden:-}" ]; then
		until=$(($(switches 1) + 20)) hidden=no
		export -f switches switched wait_until
		if [ -x "$build/tests/bench/bench-demux" ] &&
			"$build/tests/bench/bench-demux" "$build/bpf/sched.offcpu.bpf.o" host params=0 events=sched_offcpu_event -- \
				bash -c "wait_until 30 switched 1 $until" >"$work/hidden" 2>&1 && ! grep -q 'tgid = (__u32)1,' "$work/hidden" &&
			grep -q 'tgid = ' "$work/hidden"; then
			hidden=yes
			echo "# this kernel shows programs nothing that happens on top of process 1"
		fi
	fi
	[ "$hidden" = yes ]
}

# The processes of the daemon under test: launcher, its four children, their children.
daemon_tree() {
	local parent children=$daemon_pid
	while [ -n "$children" ]; do
		echo "$children"
		children=$(for parent in $children; do cat "/proc/$parent/task/"*/children 2>/dev/null; done | xargs -n 1 2>/dev/null)
	done
}

# process_of NAME: the pid of the daemon's warden, gate, parser or loader.
process_of() {
	local pid
	for pid in $(cat "/proc/$daemon_pid/task/$daemon_pid/children"); do
		[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" != "bpfwardend $1 " ] || echo "$pid"
	done
}

# What the programs and links of other daemons on this machine are.
programs_of_others() {
	local exe
	for exe in /proc/[0-9]*/exe; do
		case "$(readlink "$exe")" in
		"$prefix"/*) ;;
		*/bpfwardend) cat "${exe%exe}fdinfo/"* 2>/dev/null ;;
		esac
	done | sed -n 's/^prog_id:[[:space:]]*//p' | sort -u
}

# programs NAME: ids of the programs of that name in the kernel, but those of other daemons.
programs() {
	comm -23 <(bpftool -j prog show | jq -r --arg name "$1" '.[] | select(.name == $name) | .id' | sort) \
		<(programs_of_others)
}

# Whoever else loads programs on this host disturbs an attempt, not all of them; who loads one at each is found.
# loads_nothing COMMAND…
loads_nothing() {
	local attempt before
	for ((attempt = 0; attempt < ${attempts:-20}; attempt++)); do
		before=$("$build/tests/host/sentinel")
		"$@" >/dev/null 2>&1
		[ "$("$build/tests/host/sentinel")" != $((before + 1)) ] || return 0
	done
	return 1
}

# audit FILTER [OPTION…]: the records of the log that satisfy the jq filter, one a line.
audit() {
	local filter=$1
	shift
	bpfwarden -o json audit list "$@" | jq -c ".record | select($filter)"
}

# one_outcome NAME: every allowed decision in the log has exactly one outcome, dry runs have none, and there is no
# outcome without its decision.
one_outcome() {
	check_equal "$1: each decision has one outcome" "$(audit true | jq -s -c '
		(map(select(.kind == "decision" and .verdict == "allow" and (.detail // "" | startswith("dry run") | not)) | .seq)) as $decided |
		(map(select(.kind == "outcome") | .decision // "none")) as $outcomes |
		[$decided - $outcomes, $outcomes - $decided, ($outcomes | group_by(.) | map(select(length > 1) | .[0]))]')" "[[],[],[]]"
}

# why_ended ID: what the log says of how the attachment ended without a request to detach it.
why_ended() { audit ".kind == \"end\" and .attachment == \"$1\"" | jq -r .detail; }

call_program='
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["BPFWARDEN_SOCKET"])
s.sendall(b"{\"method\":\"%s\",\"parameters\":%s}\0" % tuple(map(os.fsencode, sys.argv[1:])))
reply = b""
while not reply.endswith(b"\0"):
    part = s.recv(65536)
    if not part:
        sys.exit("the daemon closed the connection")
    reply += part
print(reply.rstrip(b"\0").decode())
'
# call USER METHOD PARAMETERS: the reply as the daemon sent it, with the name of a typed error.
call() {
	local who=$1
	shift
	as "$who" /usr/bin/python3 -c "$call_program" "$@"
}

if [ -n "${BPFWARDEN_PACKAGE-}" ]; then
	# shellcheck source=tests/host/package.sh
	. "$(dirname "${BASH_SOURCE[0]}")/package.sh"
fi
