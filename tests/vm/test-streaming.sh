#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Inside a virtual machine: streams and attachments outlive restarts, of what they look at and of the daemon.
#
#   tests/vm/run 12 "$(tests/vm/build-deb)" tests/vm/test-streaming.sh tests/vm/connections.py
# shellcheck disable=SC2317 source=tests/vm/lib.sh
. /payload/lib.sh

processes=(gate parser loader warden)
declare -A unit=([warden]=bpfwardend [gate]=bpfwardend-gate [parser]=bpfwardend-parser [loader]=bpfwardend-loader)
work=/var/tmp/streaming
first=20000        # the local port of the first numbered connection
many=10000         # bob's connections
long=90            # seconds that anything may take: the machine may be emulated
section=/etc/bpfwarden/policy.d/50-bob.policy
export LC_ALL=C

# become USER COMMAND…: with the user's groups and nothing else. In the background, $! is the command's.
become() {
	local who=$1
	shift
	exec setpriv --reuid "$who" --regid "$who" --init-groups --inh-caps=-all -- "$@"
}

as() { (become "$@"); }

# ends_well NAME PROCESS: a child's status, which only this shell can wait for.
ends_well() {
	local code=0
	wait "$2" || code=$?
	check_equal "$1" "$code" 0
}

connections() { python3 /payload/connections.py "$@"; }

# stream NAME USER OPTION…: starts a run of tcp.state whose lines go to $work/NAME; $stream is its process.
stream() {
	local name=$1 who=$2
	shift 2
	become "$who" bpfwarden run tcp.state "$@" -o json >"$work/$name" 2>"$work/$name.err" </dev/null &
	stream=$!
}

# of NAME FILTER: from the events of a stream.
of() { jq -r "select(.side) | $2" "$work/$1"; }
count() { of "$1" .side | wc -l; }
has_events() { [ "$(count "$1")" -ge "$2" ]; }

ids_of() { as "$1" bpfwarden ps -o json | jq -r .attachment.id; }
has_attached() { [ -n "$(ids_of "$1")" ]; }
attached() { as "$1" bpfwarden read "$2" -o json; }
submitted() { attached "$1" "$2" | jq .counters.submitted; }
submitted_is() { [ "$(submitted "$1" "$2")" = "$3" ]; }
stored() { systemctl show -P NFileDescriptorStore bpfwardend-loader; }
stored_is() { [ "$(stored)" = "$1" ]; }

set_up() {
	check "install" dpkg -i "$DEB"
	mkdir -m 755 "$work"
	adduser --quiet --disabled-password --gecos '' alice
	adduser --quiet --disabled-password --gecos '' bob
	adduser --quiet alice bpfwarden-users
	printf '[allow bob-nginx]\nuser = bob\nprobe = tcp.state\ntarget = unit:nginx.service\ndata = aggregates events\n' \
		>$section
	check "policy: a section for bob" bpfwarden policy reload
	python3 -m http.server 8000 --bind 127.0.0.1 --directory "$work" >/dev/null 2>&1 &
	connections serve 7000 &
	check "servers: nginx" wait_until $long curl -sf -o /dev/null http://127.0.0.1/
	check "servers: python" wait_until $long curl -sf -o /dev/null http://127.0.0.1:8000/
	check "servers: the numbered connections'" wait_until $long connections client 7000 1
	empty=$(stored)
}

# --- a unit ---------------------------------------------------------------------------------------------

cgroup_of() { stat -c %i "/sys/fs/cgroup/system.slice/$1"; }

# Five requests to nginx and five to another server of root's.
requests() {
	local i
	for ((i = 0; i < 5; i++)); do
		curl -s -o /dev/null http://127.0.0.1/ && curl -s -o /dev/null http://127.0.0.1:8000/ || return 1
	done
}

# One request, and whether the stream knows nginx's new cgroup by now.
followed() {
	curl -s -o /dev/null http://127.0.0.1/
	of unit .cgroup | grep -qx "$1"
}

# All connections to nginx have the same client, so what came before an event is not lost behind it.
drained() {
	local n=-1
	until [ "$n" = "$(count "$1")" ]; do
		n=$(count "$1")
		curl -s -o /dev/null http://127.0.0.1/
		wait_until $long has_events "$1" $((n + 1)) || return 1
		n=$((n + 1))
	done
}

unit_restart() {
	local old new n
	old=$(cgroup_of nginx.service)
	check "unit: nginx restarts" systemctl restart nginx
	new=$(cgroup_of nginx.service)
	check "unit: its cgroup is another one" test "$old" != "$new"
	check "unit: the stream follows nginx there" wait_until $long followed "$new"
	check "unit: what was on its way has come" drained unit
	n=$(count unit)
	check "unit: requests after the restart" requests
	check "unit: they are shown" wait_until $long has_events unit $((n + 5))
	check "unit: and come from the new cgroup" test \
		"$(of unit .cgroup | tail -n 5 | sort -u)" = "$new"
}

unit_stream() {
	check "unit: bob may do nothing else" denied bob --unit dbus.service
	check "unit: alice may not look at nginx" denied alice --unit nginx.service
	stream unit bob --unit nginx.service
	check "unit: bob's run is attached" wait_until $long has_attached bob
	stop_if_failed
	check "unit: requests to nginx and to another server" requests
	check "unit: those to nginx are shown" wait_until $long has_events unit 5
	unit_restart
	check_equal "unit: nothing else is ever shown" "$(of unit '"\(.side) \(.local_port)"' | sort -u)" "server 80"
	check_equal "unit: nothing was lost" "$(grep -c '"lost"' "$work/unit")" 0
}

denied() { # USER OPTION…
	local code=0
	as "$1" bpfwarden run tcp.state "${@:2}" --for 1s || code=$?
	[ "$code" = 3 ]
}

unit_withdrawn() {
	rm $section
	check "withdrawn: policy reload" bpfwarden policy reload
	check "withdrawn: bob's run ends" wait_until $long gone "$stream"
	check_match "withdrawn: and says why" "$(cat "$work/unit.err")" \
		'attachment ended: the policy does not allow it any more'
	check "withdrawn: bob may not start another" denied bob --unit nginx.service
	check "withdrawn: nothing is in the descriptor store" wait_until $long stored_is "$empty"
}

gone() { ! kill -0 "$1"; }

# --- restarts of the daemon -----------------------------------------------------------------------------

main_pid() { systemctl show -P MainPID "${unit[$1]}.service"; }

is_another() { # PROCESS OLD-PID
	local pid
	pid=$(main_pid "$1")
	[ "$pid" -gt 0 ] && [ "$pid" != "$2" ] && systemctl -q is-active "${unit[$1]}.service"
}

none_failed() { [ -z "$(systemctl list-units --failed --no-legend 'bpfwarden*')" ]; }

all_active() { systemctl -q is-active "${unit[@]/%/.service}"; }

# The links that the loader holds: the kernel's numbers of the link and of its program.
links() {
	awk '/^link_type/ { link = $2 } /^link_id/ { id = $2 } /^prog_id/ && link { print link, id, $2; link = "" }' \
		/proc/"$(main_pid loader)"/fdinfo/* 2>/dev/null | sort
}
links_are() { [ "$(links)" = "$1" ]; }

numbered() { cat "$work/number"; }
shown() { grep -q "\"local_port\":$((first + $1))[,}]" "$work/numbers"; }

# The connections go on all the time; one that began after the process was back has to be shown.
interrupt() { # PROCESS restart|kill
	local pid name="$2: $1"
	pid=$(main_pid "$1")
	case $2 in
	restart) check "$name is restarted" systemctl restart "${unit[$1]}.service" ;;
	kill) check "$name is killed" kill -KILL "$pid" ;;
	esac
	check "$name is another process" wait_until $long is_another "$1" "$pid"
	check "$name is back and the stream goes on" wait_until $long shown $(($(numbered) + 2))
	check_equal "$name: the attachment is the same" "$(ids_of alice)" "$id"
	check "$name: so are link and program" wait_until $long links_are "$kernel"
	check "$name: no unit failed" none_failed
}

interrupt_all() {
	local how process
	for how in restart kill; do
		for process in "${processes[@]}"; do
			interrupt "$process" $how
		done
	done
}

restarts() {
	local connector total
	stream numbers alice
	check "restarts: alice's run is attached" wait_until $long has_attached alice
	stop_if_failed
	id=$(ids_of alice)
	kernel=$(links)
	check_match "restarts: by a link of the kernel" "$kernel" '^[a-z_]+ [0-9]+ [0-9]+$'
	check "restarts: the descriptor store holds it" test "$(stored)" -gt "$empty"
	become alice python3 /payload/connections.py numbered 7000 $first 0.05 </dev/null >"$work/number" &
	connector=$!
	check "restarts: numbered connections are shown" wait_until $long shown 3
	interrupt_all
	kill -TERM "$connector"
	ends_well "restarts: every connection was made" "$connector"
	total=$(numbered)
	check "restarts: the last one is shown" wait_until $long shown "$total"
	check_equal "restarts: the counters know as many" "$(submitted alice "$id")" "$total"
	kill -INT "$stream"
	ends_well "restarts: the run ends well" "$stream"
	once "$total"
	check "restarts: nothing is in the descriptor store" wait_until $long stored_is "$empty"
}

# Every one of the numbered connections exactly once, in whatever order two CPUs tell of them.
once() { # TOTAL
	check_equal "restarts: all $1 connections are shown exactly once" \
		"$(of numbers .local_port | sort -n | uniq -c | awk -v first=$first -v n="$1" '
			$1 != 1 { print $1 " times " $2 - first } { seen[$2 - first] = 1 }
			END { for (i = 1; i <= n; i++) if (!(i in seen)) print "never " i; if (NR != n) print NR " of " n }')" ""
	check_equal "restarts: nothing was lost" "$(grep -c '"lost"' "$work/numbers")" 0
	check_equal "restarts: says the summary too" \
		"$(jq -c 'select(.counters) | .counters | [.submitted, .ring_full]' "$work/numbers")" "[$1,0]"
}

# --- what a client could do to the gate, at its worst -----------------------------------------------------

# As soon as there is a gate, it dies.
kill_gates() { # HOW-OFTEN
	local pid old=0 n=0 end=$((SECONDS + 300))
	while [ $n -lt "$1" ] && [ $SECONDS -lt $end ]; do
		pid=
		read -r pid </sys/fs/cgroup/bpfwarden.slice/bpfwardend-gate.service/cgroup.procs
		[ -n "$pid" ] && [ "$pid" != $old ] || { sleep 0.02; continue; }
		kill -KILL "$pid" && old=$pid n=$((n + 1))
	done 2>/dev/null
	[ $n = "$1" ]
}

attach() { # USER OPTION…
	as "$1" bpfwarden attach tcp.state --for 1h -o json "${@:2}" | jq -r .attachment.id
}

gates() {
	local mine from
	mine=$(attach alice --events)
	check "gates: alice is attached" attached alice "$mine"
	as alice python3 /payload/connections.py client 7000 3
	check "gates: three connections count" wait_until $long submitted_is alice "$mine" 3
	from=$SECONDS
	check "gates: fifty die" kill_gates 50
	echo "# fifty gates died in $((SECONDS - from)) s"
	as alice python3 /payload/connections.py client 7000 4
	check "gates: a gate is there" wait_until $long attached alice "$mine"
	check "gates: all four are active" wait_until $long all_active
	check "gates: no unit failed" none_failed
	check "gates: alice's probe counted on" wait_until $long submitted_is alice "$mine" 7
	check "gates: a new run works" as alice bpfwarden run tcp.state -- python3 /payload/connections.py client 7000 1
	check "gates: detach" as alice bpfwarden detach "$mine"
}

# --- isolation --------------------------------------------------------------------------------------------

isolation() {
	local mine others
	mine=$(attach alice --events)
	become bob python3 /payload/connections.py client 7000 $many &
	others=$!
	check "isolation: alice connects" as alice python3 /payload/connections.py client 7000 7
	ends_well "isolation: bob connects $many times" $others
	check_equal "isolation: alice's probe has her seven" "$(submitted alice "$mine")" 7
	check_equal "isolation: and saw no other" "$(attached alice "$mine" | jq .counters.seen)" 7
	check "isolation: detach" as alice bpfwarden detach "$mine"
	check "isolation: nothing is in the descriptor store" wait_until $long stored_is "$empty"
}

finish() {
	if [ "$vm_failed" -gt 0 ]; then
		journalctl --no-pager -o short-monotonic -u 'bpfwardend*' | tail -n 150 | sed 's/^/# /'
		tail -n 5 "$work"/*.err | sed 's/^/# /'
	fi
	jobs -p | xargs -r kill 2>/dev/null
	vm_finish
	exit
}

# Where waiting for what comes next is in vain.
stop_if_failed() { [ "$vm_failed" = 0 ] || finish; }

timed() {
	local from=$SECONDS
	"$1"
	echo "# $1: $((SECONDS - from)) s"
}

timed set_up
stop_if_failed
timed unit_stream
timed unit_withdrawn
timed restarts
timed gates
timed isolation
finish
