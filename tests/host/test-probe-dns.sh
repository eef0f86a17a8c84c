#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# dns.latency: every query of alice's exactly once, by what came of it, as dnsmasq logged it.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

install_packages dnsmasq-base

prepare() { cp "$(dirname "$0")/exercise/dns-queries.py" "$work/"; }
# A server outlives its network namespace's first process, so it is ended even if the test is not finished.
host_cleanup() { [ ! -s "$work/dnsmasq/dnsmasq.pid" ] || kill "$(cat "$work/dnsmasq/dnsmasq.pid")" 2>/dev/null; }
host_begin prepare

# ask USER WHAT:COUNT…: what dnsmasq logged is left in $work/asked.
ask() {
	mkdir "$work/dnsmasq"
	unshare -n sh -c '
		dns() { /usr/bin/python3 "$@"; }
		program=$1 directory=$2 uid=$3 gid=$4
		shift 4
		dns "$program" serve "$directory" || exit
		for what; do
			setpriv --reuid "$uid" --regid "$gid" --clear-groups -- \
				/usr/bin/python3 "$program" ask "${what%:*}" "${what#*:}" || failed=1
		done
		dns "$program" asked "$directory" && [ -z "${failed-}" ]' - \
		"$work/dns-queries.py" "$work/dnsmasq" "$(id -u "$1")" "$(id -g "$1")" "${@:2}" >"$work/asked" ||
		not_ok "ask ${*:2}" "the exercise failed"
	rm -r "$work/dnsmasq"
}
asked() { awk -v kind="$1" '$1 == kind { n = $2 } END { print n + 0 }' "$work/asked"; }
sum() { jq "[.counts[] | select($1) | .count] | add // 0"; }          # FILTER: over the counts of an answer
measured() { jq "[.histograms[] | select($1) | .count] | add // 0"; } # likewise over the histograms
nothing_of() { read_as "$1" "$2" | jq -c '[.counters.seen, (.counts // [] | length)]'; } # USER ID
seen() { [ "$(read_as "$1" "$2" | jq .counters.seen)" -ge "$3" ]; }          # USER ID COUNT

end_all() { as $alice bpfwarden -q detach "$mine" && as $bob bpfwarden -q detach "$his" && bpfwarden -q detach "$all"; }

# However slow this machine is, what is answered is no timeout.
answers() {
	local mine his all answer
	mine=$(attach $alice dns.latency --set timeout=60s) his=$(attach $bob dns.latency --set timeout=60s)
	all=$(attach root dns.latency --host --set timeout=60s)
	ask $alice address:20 address6:15 mail:5 absent:12 together:50
	answer=$(read_as $alice "$mine")
	check_equal "what dnsmasq was asked" "$(tr '\n' ' ' <"$work/asked")" "A 82 AAAA 15 MX 5 "
	check_equal "addresses" "$(sum '.labels.qtype == "A" and .labels.rcode == "NOERROR"' <<<"$answer")" 70
	check_equal "absent names" "$(sum '.labels.qtype == "A" and .labels.rcode == "NXDOMAIN"' <<<"$answer")" 12
	cross dns.latency "queries for A" "$(sum '.labels.qtype == "A"' <<<"$answer")" "dnsmasq's log" "$(asked A)"
	cross dns.latency "queries for AAAA over IPv6" "$(sum '.labels.qtype == "AAAA"' <<<"$answer")" "dnsmasq's log" "$(asked AAAA)"
	cross dns.latency "queries for MX" "$(sum '.labels.qtype == "MX"' <<<"$answer")" "dnsmasq's log" "$(asked MX)"
	check_equal "nothing else" "$(sum true <<<"$answer")" 102
	check_equal "the histogram has them all" "$(measured true <<<"$answer")" 102
	reconciles "the counters reconcile" "$(jq .counters <<<"$answer")"
	check_equal "one event each" "$(jq -c '.counters | [.seen, .submitted, .map_full]' <<<"$answer")" "[102,102,0]"
	check_equal "bob sees nothing of it" "$(nothing_of $bob "$his")" "[0,0]"
	check "the host's has them, too" test "$(read_as root "$all" | sum true)" -ge 102
	end_all
}

# What is no query comes first and would be the first to time out.
timeouts() {
	local mine his all answer
	mine=$(attach $alice dns.latency --set timeout=100ms) his=$(attach $bob dns.latency --set timeout=100ms)
	all=$(attach root dns.latency --host --set timeout=100ms)
	ask $alice noise:10 nobody:7
	wait_until 30 seen $alice "$mine" 7 || not_ok "timeouts" "they did not come"
	answer=$(read_as $alice "$mine")
	check_equal "timeouts: once for a query that is sent twice" \
		"$(jq -c '[.counts[] | [.labels.rcode, .labels.qtype, .count]]' <<<"$answer")" '[["timeout","A",7]]'
	check_equal "timeouts are in no histogram" "$(measured true <<<"$answer")" 0
	reconciles "timeouts: the counters reconcile" "$(jq .counters <<<"$answer")"
	check_equal "timeouts: bob sees nothing of it" "$(nothing_of $bob "$his")" "[0,0]"
	# In a user namespace of her own alice has bob's number, and nothing becomes bob's.
	if as $alice unshare -U -n --keep-caps --map-user="$bob_uid" /usr/bin/python3 "$work/dns-queries.py" alone nobody 3; then
		wait_until 30 seen $alice "$mine" 10 || not_ok "a user namespace" "alice does not see her own queries"
		check_equal "a user namespace: bob sees nothing of it" "$(nothing_of $bob "$his")" "[0,0]"
	else
		skip "a user namespace" "users may not make user namespaces here"
	fi
	check "timeouts: the host's has them, too" test "$(read_as root "$all" | sum '.labels.rcode == "timeout"')" -ge 7
	end_all
}

# shown NAME TIMEOUT COUNT WHAT…: the distinct [rcode, qtype, name, name_hash is 0, address, port] of so many events.
attached() { [ -n "$(as $alice bpfwarden -o json ps | jq -r .attachment.id)" ]; }
shown() {
	stream $alice bpfwarden -o json run dns.latency --events --set "timeout=$2" --set "name=$1"
	wait_until 30 attached || cat "$work/stream.err"
	ask $alice "${@:4}"
	stream_lines "$3" |
		jq -c '[.rcode, .qtype, .name, (.name_hash | tostring) == "0", .remote_address, .remote_port]' | sort -u
	stream_end >/dev/null
}

events() {
	check_equal "no name unless one is asked for" "$(shown none 60s 4 address:2 absent:2)" \
		'["NOERROR","A","",true,"127.0.0.1",53]
["NXDOMAIN","A","",true,"127.0.0.1",53]'
	check_equal "the name, in lower case" "$(shown full 60s 4 address:2 address6:2)" \
		'["NOERROR","A","here.test",true,"127.0.0.1",53]
["NOERROR","AAAA","here.test",true,"::1",53]'
	check_equal "who was asked in vain" "$(shown full 100ms 2 nobody:2)" '["timeout","A","here.test",true,"127.0.0.2",53]'
	check_equal "a hash of the name" "$(shown hash 60s 4 address:2 address6:2)" \
		'["NOERROR","A","",false,"127.0.0.1",53]
["NOERROR","AAAA","",false,"::1",53]'
}

answers
timeouts
events
host_finish
