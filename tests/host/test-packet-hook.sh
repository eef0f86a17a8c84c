#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The probes at the hook for packets: their programs stand at the root of cgroup2 from the first subscriber to the last, a
# killed loader changes nothing about them, what they have no room for is counted, and no policy grants them that does not say
# may-modify.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

host_cleanup() { jobs -p | xargs -r kill 2>/dev/null; }
prepare() { cp "$(dirname "$0")/exercise/packet-hook.py" "$work/"; }
host_begin prepare
root=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
connections=5 # of exercise/packet-hook.py

# Bash keeps a coprocess's descriptors from subshells, not these.
coproc packets { unshare -n /usr/bin/python3 "$work/packet-hook.py" "$alice_uid" 2>"$work/packets.err"; }
exec {to_packets}>&"${packets[1]}" {from_packets}<&"${packets[0]}"
act() { # WORD [COUNT]: returns when it has been done
	local reply
	echo "$*" >&"$to_packets"
	read -r -t 60 -u "$from_packets" reply && [ "$reply" = done ] || not_ok "$*" "the exercise failed: $(cat "$work/packets.err")"
}

# What is attached anywhere below the root of the programs that the daemon holds or has ever held: "CGROUP ID TYPE FLAGS NAME" a
# line. Whoever else attaches some on this host is not counted.
attached() {
	local pid
	for pid in $(daemon_tree); do cat "/proc/$pid/fdinfo/"* 2>/dev/null; done | sed -n 's/^prog_id:[[:space:]]*//p' >>"$work/held"
	bpftool -j cgroup tree "$root" | jq -r '.[] | .cgroup as $where | .programs[]
		| "\($where) \(.id) \(.attach_type) \(.attach_flags) \(.name)"' | awk -v held="$work/held" '
		BEGIN { while ((getline id <held) > 0) is_held[id] }
		$2 in is_held' | sort
}
names() { attached | awk '{ print $1, $NF }' | sort | xargs; }
is_clear() { [ -z "$(attached)" ]; }

is_new() { # OLD: another loader runs
	local pid
	pid=$(process_of loader)
	[ -n "$pid" ] && [ "$pid" != "$1" ]
}
attachments() { as $alice bpfwarden -o json ps 2>/dev/null | jq -r .attachment.id | sort | xargs; }
are() { [ "$(attachments)" = "$1" ]; }
counted() { [ "$(read_as $alice "$1" | jq '[.counts[].count] | add')" = "$2" ]; } # ID COUNT
outcome() { jq -c '[.counters.seen, .counters.submitted, ([.counts[].count] | add)]'; }
by_rcode() { jq -c '[.counts[] | [.labels.rcode, .count]]'; }

# kill_loader ACT…: it is stopped, so that it cannot take part in what is done meanwhile, and then ends.
kill_loader() {
	local old
	old=$(process_of loader)
	kill -STOP "$old"
	act "$@"
	kill -KILL "$old"
	killed=$old
}
loader_is_back() { # NAME IDS
	check "$1: the loader comes back" wait_until 30 is_new "$killed"
	check "$1: the attachments are the same" wait_until 30 are "$2"
	check_equal "$1: the programs are the same" "$(attached)" "$first"
}

# Queries and requests whose beginning, or end, or both nobody of the daemon could see.
killed_twice() {
	local dns http round ids first answer
	dns=$(attach $alice dns.latency --set timeout=60s) http=$(attach $alice http.status)
	ids=$(printf '%s\n' "$dns" "$http" | sort | xargs)
	first=$(attached)
	check_equal "attached: two programs each, at the root alone" "$(names)" "$root dns_in $root dns_out $root http_in $root http_out"
	check_equal "attached: beside whatever others attach" "$(awk '{ print $4 }' <<<"$first" | sort -u)" multi
	act ask 20
	act answer 20
	for round in first second; do
		act ask 5
		act request
		kill_loader ask 7
		act answer 9
		loader_is_back "$round kill" "$ids"
		act answer 3
		act respond
		act ask 6
		act answer 6
	done
	answer=$(read_as $alice "$dns")
	check_equal "dns.latency: no query is lost and none counts twice" "$(outcome <<<"$answer")" "[56,56,56]"
	check_equal "dns.latency: each has its answer" "$(by_rcode <<<"$answer")" '[["NOERROR",56]]'
	reconciles "dns.latency: the counters reconcile" "$(jq .counters <<<"$answer")"
	answer=$(read_as $alice "$http")
	check_equal "http.status: likewise requests, at both ends" "$(outcome <<<"$answer")" \
		"[$((4 * connections)),$((4 * connections)),$((4 * connections))]"
	check_equal "http.status: each answer belongs to its request" "$(jq -c '[.counts[] | [.labels.side, .labels.method, .labels.status]] | sort' <<<"$answer")" \
		'[["client","GET",204],["server","GET",204]]'
	reconciles "http.status: the counters reconcile" "$(jq .counters <<<"$answer")"
	as $alice bpfwarden -q detach "$dns" && as $alice bpfwarden -q detach "$http"
	check "detached: no program is left" wait_until 30 is_clear
}

# The kernel gives a query up, whoever lives.
given_up() {
	local id first
	id=$(attach $alice dns.latency --set timeout=1s)
	first=$(attached)
	kill_loader ask 4
	loader_is_back "given up" "$id"
	wait_until 30 counted "$id" 4
	check_equal "given up: once each" "$(read_as $alice "$id" | by_rcode)" '[["timeout",4]]'
	act answer 4
	check_equal "given up: a late answer is none" "$(read_as $alice "$id" | outcome)" "[4,4,4]"
	as $alice bpfwarden -q detach "$id"
	check "given up: no program is left" wait_until 30 is_clear
}

# More queries at once than are remembered: whichever is not, is counted when it is sent.
full_table() {
	local id asked=10000 lost answer
	id=$(attach $alice dns.latency --aggregates --set timeout=60s) # so many events would not fit into a ring
	act ask $asked
	answer=$(read_as $alice "$id")
	lost=$(jq .counters.map_full <<<"$answer")
	check "a full table: some queries are not remembered, some are" test "$lost" -gt 0 -a "$lost" -lt $asked
	check_equal "a full table: of the others nothing is seen yet" "$(jq -c '[.counters.seen, .counters.submitted]' <<<"$answer")" "[$lost,0]"
	act answer $asked
	answer=$(read_as $alice "$id")
	check_equal "a full table: what was remembered is answered, and nothing else" "$(by_rcode <<<"$answer")" "[[\"NOERROR\",$((asked - lost))]]"
	check_equal "a full table: each query has one outcome" "$(jq -c '.counters | [.seen, .submitted, .map_full]' <<<"$answer")" \
		"[$asked,$((asked - lost)),$lost]"
	act ask 100
	act answer 100
	check_equal "a full table: then there is room again" "$(read_as $alice "$id" | jq -c '.counters | [.seen, .submitted, .map_full]')" \
		"[$((asked + 100)),$((asked - lost + 100)),$lost]"
	as $alice bpfwarden -q detach "$id"
}

# Sockets that have no memory left for the state of their connection: both ends lose each answer.
no_state() {
	local id
	if ! unshare -n test -e /proc/sys/net/core/optmem_max; then
		skip "no state" "sockets' memory for options is not limited by network namespace"
		return
	fi
	id=$(attach $alice http.status)
	act renew 0
	for _ in 1 2 3; do
		act request
		act respond
	done
	check_equal "no state: each answer is lost at both ends" "$(read_as $alice "$id" | jq -c '[.counters.seen, .counters.map_full, (.counts // [] | length)]')" \
		"[$((6 * connections)),$((6 * connections)),0]"
	act renew 131072
	act request
	act respond
	check_equal "no state: other sockets have it" "$(read_as $alice "$id" | jq -c '[.counters.seen, .counters.map_full, ([.counts[].count] | add)]')" \
		"[$((8 * connections)),$((6 * connections)),$((2 * connections))]"
	as $alice bpfwarden -q detach "$id"
}

# Two subscribers share two programs.
last_subscriber() { # PROBE
	local hers all first
	hers=$(attach $alice "$1") all=$(attach root "$1" --host)
	first=$(attached)
	check_equal "$1: two subscribers, two programs" "$(wc -l <<<"$first")" 2
	as $alice bpfwarden -q detach "$hers"
	check_equal "$1: one subscriber left: the same two" "$(attached)" "$first"
	bpfwarden -q detach "$all"
	check "$1: no subscriber left: none" wait_until 30 is_clear
}

stopped() {
	attach $alice dns.latency >/dev/null && attach $alice http.status >/dev/null
	check_equal "stop: four programs before" "$(attached | wc -l)" 4
	stop_daemon
	check "stop: no program is left" wait_until 30 is_clear
}

# refused NAME USER EDIT CONDITION SECTION OPTION…: with the default policy, edited, what its section does not cover.
refused() {
	local name=$1 who=$2 probe denied="denied by policy (default): no allow section of the policy matches this request (rule default)"
	sed "$3" "$prefix/lib/bpfwarden/policy.d/50-default.policy" >"$etc/policy.d/50-default.policy"
	bpfwarden policy reload >/dev/null || not_ok "$name" "the policy is refused"
	for probe in dns.latency http.status; do
		check_code "$name: $probe is refused" 3 as "$who" bpfwarden attach "$probe" --for 10m "${@:6}"
		check_equal "$name: $probe: the reason" "$(as "$who" bpfwarden attach "$probe" --for 10m "${@:6}" 2>&1 | head -n 1)" "bpfwarden: $denied"
		check_equal "$name: $probe: the condition" "$(as "$who" bpfwarden policy explain "$probe" "${@:6}" |
			sed -n "s/^ *no *\[allow $5\] *[^ ]* *//p")" "$4"
	done
	check "$name: nothing is attached" is_clear
	rm "$etc/policy.d/50-default.policy"
	bpfwarden policy reload >/dev/null
}

killed_twice
given_up
full_table
no_state
last_subscriber dns.latency
last_subscriber http.status
mkdir -p "$etc/policy.d"
refused "may-modify = no" $alice '/^\[allow users-packets\]/,/^$/s/^may-modify = yes$/may-modify = no/' "may-modify = no" users-packets
refused "no may-modify" $alice '/^\[allow users-packets\]/,/^$/{/^may-modify/d}' "may-modify = no (default)" users-packets
refused "root" root '/^\[allow root\]/,/^$/{/^may-modify/d}' "may-modify = no (default)" root --host
stopped
host_finish
