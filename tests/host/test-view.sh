#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What people see: the text of run and read has the numbers of the JSON, --top regroups exactly, lines have a schema, a
# terminal gets headers again and nothing that others wrote moves its cursor.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

unified=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
host_cleanup() { [ -z "$unified" ] || rmdir "$unified"/bpfwarden-view.slice/{shop.service/worker,shop.service,} 2>/dev/null; }
host_begin

# Root watches alice's processes, so that looking at the numbers does not change them.
processes='i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done'
refused='
import socket
for i in range(30):
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", 1))
'
opened='
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    for i in range(20):
        client = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        client.close()
        peer.close()
'
# Two of one CPU: each waits for the other.
contention='for i in 1 2; do taskset -c 0 sh -c "n=0; while [ \$n -lt 300000 ]; do n=\$((n + 1)); done" & done; wait'

numbers() { jq -c '[.counters, .counts, .histograms]' "$1"; }
read_twice() {
	bpfwarden -o json read "$@" >"$work/json" && bpfwarden read "$@" >"$work/text" && bpfwarden -o json read "$@" >"$work/json.after" &&
		[ "$(numbers "$work/json")" = "$(numbers "$work/json.after")" ]
}
# both ID [OPTION…]: the same moment in $work/json and $work/text. The kernel may still close connections.
both() { wait_until 60 read_twice "$@" || not_ok "read $*" "the numbers do not come to rest"; }

# column VALUE: of the table's row that ends so, the count.
column() { awk -v value="$1" '$NF == value { n += $1 } END { print n + 0 }' "$work/text"; }
# regrouped KEY: [value, count] of the JSON's counts, the largest first.
regrouped() { jq -c --arg key "$1" '[.counts | group_by(.labels[$key])[] | [.[0].labels[$key], (map(.count) | add)]] | sort_by(-.[1], .[0])' "$work/json"; }

counts() {
	local id plain
	id=$(attach root proc.lifecycle --user $alice)
	as $alice sh -c "$processes"
	both "$id"
	# The shell is started too, and nobody of alice's forked it.
	check_equal "counts: what happened" "$(regrouped what)" '[["exec",101],["exit",101],["fork",100]]'
	check_equal "counts: the text has the same" "$(column exec) $(column exit) $(column fork)" "101 101 100"
	check_match "counts: a heading" "$(head -n 1 "$work/text")" '^COUNT +RATE +SHARE +CGROUP +WHAT$'
	check_match "counts: a share" "$(grep 'fork$' "$work/text")" '^ *100 +[0-9.]+/s +33\.1% +#######  '
	plain=$(regrouped what)
	both "$id" --top what
	check_equal "top: regrouped by what, the largest first" "$(jq -c '[.counts[] | [.labels.what, .count]]' "$work/json")" "$plain"
	check_equal "top: no other label" "$(jq -c '[.counts[].labels | keys[]] | unique' "$work/json")" '["what"]'
	check_equal "top: the text is in order" "$(awk 'NR > 1 && NR < 5 { print $1, $NF }' "$work/text" | paste -sd ,)" "101 exec,101 exit,100 fork"
	check_equal "top: the counters are those of all" "$(jq -c .counters "$work/json")" "$(bpfwarden -o json read "$id" | jq -c .counters)"
	both "$id" --top cgroup
	check_equal "top: all in one cgroup" "$(jq -c '[.counts[].count]' "$work/json")" "[302]"
	check_code "top: an unknown key is an error of use" 2 bpfwarden read "$id" --top colour
	check_match "top: it says what there is" "$(bpfwarden read "$id" --top colour 2>&1)" 'no "colour" here; it has labels cgroup, what$'
	check_equal "read: the schema comes first" "$(bpfwarden -o json read "$id" --schema | jq -r 'keys | join(" ")' | paste -sd ' ')" \
		"schema attachment counters counts histograms total"
	bpfwarden -q detach "$id"
}

# What the run says of events: alice's command in $1 while root watches her.
run_over() {
	local command=$1
	shift
	bpfwarden "$@" -- setpriv --reuid $alice --regid "$(id -g $alice)" --clear-groups -- sh -c "$command" 2>"$work/run.err"
}

events() {
	run_over "$processes" -o json run proc.lifecycle --user $alice --top command >"$work/lines"
	check_equal "events: counted by command" "$(jq -c 'select(.count.labels.command == "true") | .count.count' "$work/lines")" 200
	check_equal "events: none of them is shown" "$(jq -c 'select(.time)' "$work/lines" | wc -l)" 0
	run_over "$processes" run proc.lifecycle --user $alice --top command >"$work/text"
	check_equal "events: the text has the same" "$(column true)" 200
	run_over "$processes" -o json run proc.lifecycle --user $alice --events --schema >"$work/lines"
	check_equal "schema: the first line" "$(head -n 1 "$work/lines" | jq -c '[.schema.version, .schema.probe, (.schema.event[] | select(.name == "duration") | .unit, .privacy)]')" \
		'[1,"proc.lifecycle","ns","safe"]'
	check_equal "schema: names are those of every event" "$(jq -s -c '(.[0].schema.event | map(.name)) as $names | [.[] | select(.time) | keys_unsorted] | unique | . == [$names]' "$work/lines")" true
	check_equal "schema: there were events" "$(jq -c 'select(.command == "true")' "$work/lines" | wc -l)" 200
	run_over "$processes" -o json run proc.lifecycle --user $alice --events --privacy safe --schema >"$work/lines"
	check_equal "schema: without what the attachment does not give" "$(head -n 1 "$work/lines" | jq -c '[.schema.event[] | select(.privacy != "safe")]')" '[]'
	check_equal "schema: nor have the events" "$(jq -s -c '(.[0].schema.event | map(.name)) as $names | [.[] | select(.time) | keys_unsorted] | unique | . == [$names]' "$work/lines")" true
}

histograms() {
	local id
	id=$(attach root sched.runqlat --user $alice)
	as $alice sh -c "$contention"
	both "$id"
	check "histograms: there were waits" test "$(jq '[.histograms[].count] | add' "$work/json")" -gt 0
	check "histograms: the text has the numbers of the JSON" python3 "$(dirname "$0")/view.py" "$work/json" "$work/text"
	both "$id" --top cgroup
	check_equal "histograms: a table of cgroups" "$(awk '/^ *[0-9]/ { n += $1 } END { print n }' "$work/text")" \
		"$(bpfwarden -o json read "$id" | jq '[.histograms[].count] | add')"
	bpfwarden -q detach "$id"
}

connections() {
	local id port=1
	id=$(attach root tcp.state --user $alice)
	as $alice /usr/bin/python3 -c "$refused" && as $alice /usr/bin/python3 -c "$opened"
	both "$id"
	check "connections: the text has the numbers of the JSON" python3 "$(dirname "$0")/view.py" "$work/json" "$work/text"
	both "$id" --top outcome
	check_equal "connections: refused" "$(jq -c '[.counts[] | select(.labels.outcome == "refused") | .count]' "$work/json")" "[30]"
	check_equal "connections: refused, in text" "$(sed -n '/^COUNT.*OUTCOME$/,$p' "$work/text" | awk '$NF == "refused" { print $1; exit }')" 30
	bpfwarden -q detach "$id"
	! getent services 1/tcp >/dev/null || port=1/$(getent services 1/tcp | awk '{ print $1 }')
	run_over "exec /usr/bin/python3 -c '$refused'" run tcp.state --user $alice --events >"$work/text"
	check_equal "connections: a row each" "$(grep -c " ECONNREFUSED .* $port " "$work/text")" 30
	check_match "connections: families and states have names" "$(grep -m 1 ECONNREFUSED "$work/text")" ' SYN_SENT +CLOSE +ECONNREFUSED +IPv4 +client '
}

cgroups() {
	local id worker=$unified/bpfwarden-view.slice/shop.service/worker
	[ -n "$unified" ] || { skip "cgroups have names" "the unified cgroup hierarchy"; return; }
	mkdir -p "$worker"
	id=$(attach root proc.lifecycle --cgroup /bpfwarden-view.slice)
	(echo "$BASHPID" >"$worker/cgroup.procs" && eval "$processes")
	both "$id" --top cgroup
	check_equal "cgroups: named from their unit on" "$(column shop.service/worker)" "$(jq '[.counts[].count] | add' "$work/json")"
	check_equal "cgroups: by their ids in JSON" "$(jq -c '[.counts[].labels.cgroup]' "$work/json")" "[$(stat -c %i "$worker")]"
	wait_until 60 rmdir "$worker"
	check_equal "cgroups: those that have gone by their ids" "$(bpfwarden read "$id" --top cgroup | awk 'NR == 2 { print $(NF - 1), $NF }')" \
		"id $(jq '.counts[0].labels.cgroup' "$work/json")"
	bpfwarden -q detach "$id"
}

# on_terminal COMMAND: of 12 lines and 120 columns.
on_terminal() {
	TERM=xterm script -qefc "stty rows 12 cols 120; $1" /dev/null </dev/null | tr -d '\r'
}

terminal() {
	local name run
	run="bpfwarden run proc.lifecycle --user $alice --events -- setpriv --reuid $alice --regid $(id -g $alice) --clear-groups -- sh -c '$processes'"
	on_terminal "$run" >"$work/text"
	# 201 rows, 10 below each header.
	check_equal "terminal: the header comes again" "$(grep -c 'COMMAND' "$work/text")" 21
	check "terminal: and stands out" grep -q $'\e\\[1mTIME' "$work/text"
	NO_COLOR=1 on_terminal "$run" >"$work/text"
	check_code "terminal: not with NO_COLOR" 1 grep -q $'\e\\[1m' "$work/text"
	eval "$run" >"$work/text" 2>/dev/null
	check_equal "no terminal: one header" "$(grep -c 'COMMAND' "$work/text")" 1
	check_code "no terminal: no escape" 1 grep -q $'\e' "$work/text"

	name=$'\e]0;x\e[2J'
	cp /bin/true "$work/$name"
	chmod 755 "$work/$name"
	hostile=$work/$name
	export hostile
	# shellcheck disable=SC2016 # alice's shell expands it
	run_over 'exec "$hostile"' run proc.lifecycle --user $alice --events >"$work/text"
	check "hostile: the program's name is shown" grep -q '?\]0;x?\[2J' "$work/text"
	check_code "hostile: without its escapes" 1 grep -q $'\e' "$work/text"
	# shellcheck disable=SC2016
	run_over 'exec "$hostile"' run proc.lifecycle --user $alice --top command >"$work/text"
	check "hostile: nor are they in a table" grep -q '?\]0;x?\[2J' "$work/text"
	check_code "hostile: of which there is nothing" 1 grep -q $'\e' "$work/text"
}

counts
events
histograms
connections
cgroups
terminal
host_finish
