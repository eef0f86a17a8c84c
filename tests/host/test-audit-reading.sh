#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who may read the log, what of that is written down, what follows over a restart, and whether a record that was
# changed on disk is still shown as if nothing were.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
followers=() # they would wait for the daemon for ever
host_cleanup() { [ ${#followers[@]} = 0 ] || kill "${followers[@]}" 2>/dev/null; }
host_begin
ensure_person $carol bpfwarden-audit
cp "$(dirname "$0")/reader.py" "$work/reader.py"

reader() { # USER METHOD PARAMETERS…
	local who=$1
	shift
	as "$who" /usr/bin/python3 "$work/reader.py" "$@"
}
readings_of() { audit '.kind == "read"' --user "$1" --kind read; }
error_of() { jq -c '[.error, .parameters.rule // .parameters.argument // .parameters.parameter]'; }

# --- who may, and what is written down -------------------------------------------------------------------------

id=$(attach $alice tcp.state)
as $alice bpfwarden detach "$id" >/dev/null

for call in 'Query {}' 'Query {"follow":true}' 'Head {}' 'Checkpoints {}' 'Prove {"seq":1,"size":1}' \
	"Text {\"digest\":\"$(printf '%064d' 0)\"}"; do
	check_equal "alice: $call" "$(reader $alice "${call%% *}" "${call#* }")" \
		'{"error":"io.bpfwarden.PolicyDenied","parameters":{"rule":"default","reason":"the policy does not allow you to read the audit log (rule default)"}}'
done
check_code "alice: audit list" 3 as $alice bpfwarden audit list
check_code "alice: audit show" 3 as $alice bpfwarden audit show 1
check_code "alice: audit checkpoint" 3 as $alice bpfwarden audit checkpoint
check_equal "alice: is in the log" "$(audit '.verdict == "deny"' --user $alice --action audit-read | jq -s -c 'map([.kind, .rule])')" \
	'[["decision","default"]]'
check_equal "alice: read nothing" "$(readings_of $alice)" ""

check_equal "carol: her own reading is the last row" "$(reader $carol Query '{}' | tail -n 2 | head -n 1 |
	jq -c '.parameters.record | [.kind, .requester.user, .action, .rule, .detail]')" \
	'["read","warden-carol","audit-read","audit","Query"]'
before=$(readings_of $carol | wc -l)
reader $carol Query '{"limit":2}' Query '{"from":2,"limit":2}' Query '{"from":3}' Query '{"kind":"start"}' Query '{"from":1}' \
	Query '{"kind":"start","limit":1}' Head '{}' Head '{}' >/dev/null
check_equal "carol: once a connection, method and filter" "$(readings_of $carol | tail -n +$((before + 1)) | jq -s -c 'map(.detail)')" \
	'["Query, at most 2","Query, kind start","Head"]'
reader $carol Query '{"uid":0,"probe":"tcp.*","verdict":"deny","action":"attach","attachment":"1f","since":1000000000,"until":2000000000,"reverse":true,"kind":"decision"}' >/dev/null
check_equal "carol: what was asked for" "$(readings_of $carol | tail -n 1 | jq -r .detail)" \
	"Query, since 1970-01-01T00:00:01Z, until 1970-01-01T00:00:02Z, uid 0, probe tcp.*, kind decision, verdict deny, action attach, attachment 000000000000001f, newest first"

# --- filters ----------------------------------------------------------------------------------------------------

list() { as $carol bpfwarden -o json audit list "$@" | jq -c .record; }
check_equal "filter: attachment" "$(list --attachment "$id" | jq -s -c 'map([.kind, .action])')" \
	'[["decision","attach"],["outcome","attach"],["decision","detach"],["outcome","detach"]]'
# The sequences of those four.
read -r attached outcome detached ended < <(list --attachment "$id" | jq .seq | xargs)
check_equal "filter: user, action, kind" "$(list --user $alice --action attach --kind decision | jq -s -c 'map(.verdict)')" '["allow"]'
check_equal "filter: probe, verdict" "$(list --probe tcp.state --verdict ok | jq -s -c 'map(.action)')" '["attach","detach"]'
check_equal "filter: time" "$(list --since 1h --kind start | wc -l) $(list --until 1h --kind start | wc -l)" "1 0"
check_equal "wrong kind" "$(reader $carol Query '{"kind":"x"}' | error_of)" '["io.bpfwarden.InvalidArgument","kind"]'
check_equal "wrong verdict" "$(reader $carol Query '{"verdict":"x"}' | error_of)" '["io.bpfwarden.InvalidArgument","verdict"]'
check_match "text: columns" "$(as $carol bpfwarden audit list --kind decision)" \
	"^ +$attached  [-0-9]{10} [:0-9]{8}  decision  allow    warden-alice  attach tcp\.state-1 on self \[users\]\$"

# --- checkpoints, proofs, texts ---------------------------------------------------------------------------------

note=$(as $carol bpfwarden audit checkpoint)
check_match "checkpoint: a signed note" "$note" '^— bpfwarden/[^ ]+ [A-Za-z0-9+/=]+$'
check_match "checkpoint: its key" "$(as $carol bpfwarden audit checkpoint --key)" "^$(sed 1q <<<"$note")\\+[0-9a-f]{8}\\+[A-Za-z0-9+/=]+$"
size=$(sed -n 2p <<<"$note")
check_equal "checkpoint: reaches to its own reading" "$(list --kind read | jq -s -c "map(select(.seq == $size)) | map(.detail)")" '["Head"]'
check_equal "checkpoint: is among those that are listed" \
	"$(reader $carol Checkpoints "{\"above\":$((size - 1))}" | jq -r '.parameters.checkpoint // empty' | sed -n 2p)" "$size"
check_equal "head" "$(reader $carol Head '{}' | jq -c '.parameters | [.base, .first, has("removed")]')" '[0,1,false]'
for call in "seq {\"seq\":$((size + 1)),\"size\":$size}" "size {\"seq\":1,\"size\":1000000}" "from {\"from\":$((size + 1)),\"size\":$size}"; do
	check_equal "proof: ${call#* }" "$(reader $carol Prove "${call#* }" | error_of)" "[\"io.bpfwarden.InvalidArgument\",\"${call%% *}\"]"
done
policy=$(list --kind decision | jq -s -r '.[0].policy')
check_equal "text: the policy" "$(reader $carol Text "{\"digest\":\"$policy\"}" | jq -j '.parameters.part // empty' | sha256sum)" "$policy  -"
check_equal "text: none" "$(reader $carol Text "{\"digest\":\"$(printf '%064d' 0)\"}" | error_of)" '["io.bpfwarden.InvalidArgument","digest"]'

shown=$(as $carol bpfwarden -o json audit show "$outcome")
check_equal "show: proved" "$(jq -c '[.proof.verified, .proof.leaf_index, .record.seq]' <<<"$shown")" "[true,$((outcome - 1)),$outcome]"
check_equal "show: what belongs to it" "$(jq -c '.see_also | map([.record.seq, .record.kind, .record.action])' <<<"$shown")" \
	"[[$attached,\"decision\",\"attach\"],[$detached,\"decision\",\"detach\"],[$ended,\"outcome\",\"detach\"]]"
check_match "show: in words" "$(as $carol bpfwarden audit show "$outcome")" "^  record $outcome is leaf $((outcome - 1)) of [0-9]+, root [0-9a-f]{64}\$"
export XDG_STATE_HOME=$work/carol
install -d -o $carol "$XDG_STATE_HOME"
check_match "show: the key is not known yet" "$(as $carol bpfwarden audit show "$outcome")" '^  whether the key is the right one is not known yet: bpfwarden audit verify$'
check_code "show: a visit is remembered" 0 as $carol bpfwarden audit verify
check_match "show: it is the key, and the log grew" "$(as $carol bpfwarden audit show "$outcome")" \
	'^  the key is the one you know; the log grew from the [0-9]+ leaves of your visit on '
check_code "show: no such record" 4 as $carol bpfwarden audit show 100000

# --- follow -----------------------------------------------------------------------------------------------------

stream $carol bpfwarden -q -o json audit list --follow
follow_fd=$stream_fd follow_pid=$stream_pid
followers+=("$stream_pid")
followed=$work/followed
until_record() { # FILTER: reads on until one satisfies it
	local line
	while read -r -t 60 -u "$follow_fd" line; do
		echo "$line" >>"$followed"
		[ "$(jq ".record | $1" <<<"$line")" != true ] || return 0
	done
	echo "it did not come"
	return 1
}
id=$(attach $bob tcp.state)
check "follow: sees an attach" until_record ".attachment == \"$id\" and .kind == \"outcome\""

warden=$(process_of warden)
is_new() {
	local pid
	pid=$(process_of warden)
	[ -n "$pid" ] && [ "$pid" != "$warden" ]
}
kill -KILL "$warden"
check "follow: the warden comes back" wait_until 30 is_new
check "follow: it answers" wait_until 30 bpfwarden list
as $bob bpfwarden detach "$id" >/dev/null
check "follow: goes on after the warden was killed" until_record ".attachment == \"$id\" and .action == \"detach\" and .kind == \"outcome\""

stop_daemon
start_daemon "$prefix" "$log"
id=$(attach $bob tcp.state)
check "follow: goes on after the daemon was away" until_record ".attachment == \"$id\" and .kind == \"outcome\""
check_equal "follow: nothing twice, nothing left out" "$(jq -s -c 'map(.record.seq) == [range(1; length + 1)]' "$followed")" true

stream $carol bpfwarden -q -o json audit list --follow -n 1 --user $bob --action attach --kind outcome
followers+=("$stream_pid")
check_equal "follow: the newest first" "$(stream_lines 1 | jq -r .record.attachment)" "$id"
id=$(attach $bob tcp.state)
check_equal "follow: and what comes" "$(stream_lines 1 | jq -r .record.attachment)" "$id"
stream_end >/dev/null

# Who is not allowed any more hears nothing more.
stream $carol bpfwarden -q audit list --follow --user $bob --action detach
denied=$!
followers+=("$stream_pid")
check "policy: somebody follows" wait_until 30 sh -c "bpfwarden -o json audit list --kind read | grep -q 'action detach, and what follows'"
mkdir -p "$etc/policy.d"
printf '[deny carol]\nuser = %s\naction = audit-read\n' $carol >"$etc/policy.d/70-carol.policy"
bpfwarden policy reload >/dev/null
as $bob bpfwarden detach "$id" >/dev/null
wait "$denied"
ended=$?
check_match "policy: whoever follows is denied then" "$(cat "$work/stream.err")" \
	'^bpfwarden: denied by policy \(carol\): the policy does not allow you to read the audit log \(rule carol\)$'
check_equal "policy: and it ends" "$ended" 3
check "policy: the other one, too" wait_until 30 sh -c "! kill -0 $follow_pid 2>/dev/null"
rm "$etc/policy.d/70-carol.policy"
bpfwarden policy reload >/dev/null
exec {follow_fd}<&-

# --- more than a page, and who does not read --------------------------------------------------------------------

coproc SLOW { as $carol /usr/bin/python3 "$work/reader.py" slow 3000; }
exec {slow_out}<&"${SLOW[0]}" {slow_in}>&"${SLOW[1]}" # a coprocess's own are closed in subshells
followers+=("$SLOW_PID")
read -r -t 60 -u "$slow_out" line
check_equal "slow: asks" "$line" asked
gate=$(process_of gate)
memory() { sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$gate/status"; }
before=$(memory)
check "many records" reader root readings 3100
after=$(memory)
check "slow: nobody queues for it" [ $((after - before)) -lt 2048 ]
check_equal "pages: all records, in order" \
	"$(list | jq -s -c 'map(.seq) == [range(1; length + 1)] and length > 3100')" true
check_equal "pages: backwards" "$(list --reverse | jq -s -c 'map(.seq) | . == (sort | reverse) and length > 3100 and last == 1')" true
check_equal "pages: so many" "$(list -n 1500 | jq -s -c 'map(.seq) == [range(1; 1501)]')" true
check_equal "a page is of 1024" "$(reader $carol Query '{}' | jq -s -c '[length, last]')" '[1025,{"parameters":{"next":1025}}]'
check_equal "a page is of as many as are wanted" "$(reader $carol Query '{"from":5,"limit":2}' | jq -s -c '[length, last]')" '[3,{"parameters":{"next":7}}]'
check_equal "the last page says nothing of another" "$(reader $carol Query '{"reverse":true,"from":5}' | jq -s -c '[length, last]')" '[6,{"parameters":{}}]'
echo >&"$slow_in"
check_equal "slow: gets all of it when it reads" "$(timeout 60 head -n 3000 <&"$slow_out" | jq -s -c '. == [range(1; 3001)]')" true

# --- a log that was changed -------------------------------------------------------------------------------------

stop_daemon
check "changed: as root" /usr/bin/python3 - "$state/audit" "$attached" <<-'END'
	import glob, sqlite3, sys
	db = sqlite3.connect(glob.glob(sys.argv[1] + '/log-*.sqlite')[0])
	trigger, = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'record_update'").fetchone()
	db.execute('DROP TRIGGER record_update')
	db.execute("UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), 'warden-alice', 'warden-carol') AS BLOB) WHERE seq = ?", (int(sys.argv[2]),))
	db.execute(trigger)
	db.commit()
	db.close()
END
chown -R bpfwarden: "$state/audit"
start_daemon "$prefix" "$log"
changed=$(as $carol bpfwarden audit show "$attached" 2>&1)
check_code "changed: show fails" 1 as $carol bpfwarden audit show "$attached"
check_match "changed: it is named" "$changed" \
	"^bpfwarden: record $attached cannot be proved: the record is not the one that is in the signed tree: it was changed, or the log was; next: bpfwarden audit verify\$"
check_match "changed: where one looks" "$changed" '^  NOT PROVED: '
check_code "changed: the next one is proved" 0 as $carol bpfwarden audit show "$outcome"
host_finish
