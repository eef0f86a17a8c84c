#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whose an event is where that is not plain: programs with somebody else's rights are not their caller's, packets and
# sockets without an owner are for who may see the whole host, and a probe that cannot filter by a target says so.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/bundles.sh
. "$(dirname "$0")/bundles.sh"
# shellcheck source=tests/host/targets.sh
. "$(dirname "$0")/targets.sh"
host_cleanup() {
	jobs -p | xargs -r kill 2>/dev/null
	remove_cgroups
}

narrow() { # a probe that filters by uid alone, and one that does by cgroup alone
	grant_carol
	make_signer tester 'test.*' enroll-production
	jq '.targets = ["self", "user"]' "$setup_tree/bpf/tcp.state/manifest.in" >"$work/by-uid"
	jq '.targets = ["unit", "cgroup"]' "$setup_tree/bpf/tcp.state/manifest.in" >"$work/by-cgroup"
	make_bundle test.uid 1 tester "$work/by-uid"
	make_bundle test.cgroup 1 tester "$work/by-cgroup"
	register test.uid 1
	register test.cgroup 1
}
host_begin narrow
make_cgroups
all_targets="alice bob unit host"
shop_id=${shops##* }

# What happened in the unit's cgroup: lines of a jq program on each event, equal ones counted. A unit has no clients.
in_shop() { # TARGET JQ-PROGRAM
	shown "$1" | jq -r "select(.cgroup == $shop_id) | $2" | sort | uniq -c | awk '{ $1 = $1; print }' | paste -sd,
}

# alice_in_shop COMMAND…
alice_in_shop() { in_cgroup "$shop" setpriv --reuid $alice --regid $alice --init-groups --inh-caps=-all -- "$@"; }

begin() { # PROBE OPTION…
	probe=$1
	attach_targets "$@"
}

end() {
	detach_targets
}

# --- programs with other rights than their caller's --------------------------------------------------------

# Alice's program does with root's rights what everybody's load does: it is the unit's, and not alice's.
install_programs() {
	install -d -m 755 "$work/bin"
	install -m 4755 "$exercise"/exercise-{connections,datagrams,switches} "$work/bin"
	install -m 4755 /bin/true "$work/bin/roots"
	install -m 711 /bin/true "$work/bin/unreadable"
	install -m 755 /bin/true "$work/bin/plain"
	install -o $alice -m 4755 /bin/true "$work/bin/alices"
}

setuid_sockets() {
	begin tcp.state
	alice_in_shop "$work/bin/exercise-connections" 12
	drain_targets
	check_equal "setuid: the unit has both ends of root's connections" "$(in_shop unit .uid)" "24 0"
	check_equal "setuid: alice has no connection of them" "$(in_shop alice .uid)" ""
	end
	begin net.drop
	if has_target net.drop self; then
		alice_in_shop "$work/bin/exercise-datagrams" 12 full >"$work/dropped"
		drain_targets
		check_equal "setuid: the unit has what root's socket dropped" "$(in_shop unit .uid)" \
			"$(sed 's/dropped=//' "$work/dropped") 0"
		check_equal "setuid: alice has no packet of them" "$(in_shop alice .uid)" ""
	fi
	end
}

setuid_tasks() {
	begin proc.lifecycle
	alice_in_shop sh -c "$work/bin/roots; $work/bin/unreadable; $work/bin/plain; :"
	in_cgroup "$shop" setpriv --reuid $bob --regid $bob --init-groups -- "$work/bin/alices"
	drain_targets
	check_equal "setuid: the unit has every program" "$(in_shop unit 'select(.what == "exec") | .command')" \
		"1 alices,1 plain,1 roots,2 setpriv,1 sh,1 unreadable"
	check_equal "setuid: alice has those that are hers and readable" "$(in_shop alice '"\(.what) \(.command)"')" \
		"1 exec plain,1 exec sh,1 exit plain,1 exit sh"
	check_equal "setuid: bob does not have one that runs as alice" "$(in_shop bob '"\(.what) \(.command)"')" ""
	end
	begin sched.runqlat --set threshold=0
	alice_in_shop "$work/bin/exercise-switches" 2000 >"$work/switches"
	drain_targets
	check "setuid: the unit has the waits of root's program" test "$(in_shop unit '"x"' | cut -d' ' -f1)" \
		-ge "$(sed -n 's/^runs=//p' "$work/switches")"
	# Between setpriv's change of uid and execve(2) a process is still alice's; a few waits, at most.
	check "setuid: alice has none of them" test "$(in_shop alice '"x"' | cut -d' ' -f1 | sed 's/^$/0/')" -le 50
	end
}

# --- nobody's ----------------------------------------------------------------------------------------------

# All in the unit's cgroup and by alice's sockets, in a network of its own that has a dead link.
network() {
	install -m 644 "$setup_tree/tests/host/segments.py" "$work"
	in_cgroup "$shop" unshare --net sh -e -c '
		ip link set lo up
		ip tuntap add dead mode tun
		ip addr add 198.51.100.1/24 dev dead
		ip link set dead up
		/usr/bin/python3 "$1/segments.py" late 11 127.0.0.1 "$2"
		/usr/bin/python3 "$1/segments.py" syn 13 198.51.100.2 198.51.100.1 "$2"
		setpriv --reuid "$2" --regid "$2" --clear-groups "$1/exercise/exercise-datagrams" 17 closed
		setpriv --reuid "$2" --regid "$2" --clear-groups "$1/exercise/exercise-datagrams" 19 away 198.51.100.2
		' - "$work" "$alice_uid"
}

# Of the packets that are told by their length those of an owner: late and syn, closed, away.
packets() { # TARGET
	shown "$1" | jq -r 'select(.length == (20, 44, 1008, 1028) and (.reason != "QUEUE_PURGE")) |
		"\(.length) \(.uid) \(.cgroup)"' | sort | uniq -c | awk '{ $1 = $1; print }' | paste -sd,
}

no_owner() {
	local target all
	begin net.drop
	check "no owner: packets" network
	drain_targets
	for target in $targets; do
		case $target in
		alice | unit)
			check_equal "no owner: $target has what left her sockets and nothing else" "$(packets "$target")" \
				"19 1028 $alice_uid $shop_id"
			;;
		bob) check_equal "no owner: bob has nothing" "$(packets bob)" "" ;;
		esac
	done
	# An answer to a SYN is sent again when nobody acknowledges it; others on this machine drop packets, too.
	all=$(shown host | jq -r 'select(.cgroup == 0 and .uid == 0) | "\(.reason) \(.length)"' | sort | uniq -c | awk '{ $1 = $1; print }')
	check_match "no owner: the host has what TIME_WAIT threw away" "$all" "^11 NOT_SPECIFIED 20$"
	check_match "no owner: and the answers of request sockets" "$all" "^(1[3-9]|[2-9][0-9]) [A-Z_]+ 44$"
	check_match "no owner: and packets to closed ports" "$all" "^[0-9]+ NO_SOCKET 1008$"
	end
	begin tcp.state
	check "no owner: segments" network
	drain_targets
	for target in alice unit host; do
		check_equal "no owner: to $target a connection ends once, a request is none" \
			"$(in_shop $target '"\(.uid) \(.side) \(.new_state)"')" \
			"1 $alice_uid client CLOSE,1 $alice_uid server CLOSE"
	done
	check_equal "no owner: alice's probe has seen no more" "$(counter alice seen)" 2
	end
}

# --- sockets that are handed over ---------------------------------------------------------------------------

# A listener keeps the cgroup in which it was made, and what it accepts has that, too, with the uid of who accepts. So does
# what a service manager listens for on behalf of a unit.
handed_over() {
	local people_id
	people_id=$(stat -c %i "$people")
	begin tcp.state
	in_cgroup "$people" /usr/bin/python3 - "$shop" "$alice_uid" "$bob_uid" <<-'END'
		import os, socket, sys
		shop, alice, bob = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		os.seteuid(alice)
		listener = socket.socket()
		listener.bind(("127.0.0.1", 0))
		listener.listen()
		os.seteuid(0)
		with open(shop + "/cgroup.procs", "w") as f:
		    f.write(str(os.getpid()))
		client = socket.socket()
		client.connect(listener.getsockname())
		os.seteuid(bob)
		server = listener.accept()[0]
		server.close()
		client.recv(1)
		client.close()
	END
	drain_targets
	check_equal "handed over: to the cgroup of the listener, and to who accepts" "$(shown host |
		jq -r "select(.cgroup == ($people_id, $shop_id)) | \"\(.side) \(.uid) \(.cgroup)\"" | sort | paste -sd,)" \
		"client 0 $shop_id,server $bob_uid $people_id"
	check_equal "handed over: bob shows it" "$(shown bob | jq -r .side)" server
	check_equal "handed over: the unit shows its own" "$(in_shop unit .side)" "1 client"
	check_equal "handed over: alice, who listened, does not" "$(shown alice | jq -r "select(.cgroup == $people_id) | .side")" ""
	end
}

# --- a probe that cannot -------------------------------------------------------------------------------------

cannot() { # PROBE KIND OPTION…
	local probe=$1 kind=$2 output code=0
	shift 2
	output=$(bpfwarden attach "$probe" "$@" --for 1m 2>&1) || code=$?
	check_equal "unsupported: $probe by $kind" "$code $(head -n 1 <<<"$output")" \
		"5 bpfwarden: target not supported by the probe ($kind): $probe cannot filter by target $kind"
	check "unsupported: $probe by $kind loads nothing" loads_nothing bpfwarden attach "$probe" "$@" --for 1m
}

unsupported() {
	check "unsupported: test.uid by user" bpfwarden run test.uid --user $bob --for 1s
	cannot test.uid unit --unit $unit
	cannot test.uid cgroup --cgroup "/$slice"
	cannot test.uid host --host
	check "unsupported: test.cgroup by unit" bpfwarden run test.cgroup --unit $unit --for 1s
	cannot test.cgroup self
	cannot test.cgroup user --user $bob
	cannot test.cgroup host --host
	check_equal "unsupported: what lists say" "$(bpfwarden -o json list | jq -c '(.probe // .) |
		select(.name | startswith("test.")) | [.name, .targets]' | sort | xargs)" \
		"[test.cgroup,[unit,cgroup]] [test.uid,[self,user]]"
	check_equal "unsupported: the log has the reason" "$(audit 'has("refusal")' --user root --action attach |
		jq -r .refusal.name | sort -u)" TargetUnsupported
}

install_programs
setuid_sockets
setuid_tasks
if [ -e /dev/net/tun ]; then no_owner; else skip "no owner" "CONFIG_TUN"; fi
handed_over
unsupported
host_finish
