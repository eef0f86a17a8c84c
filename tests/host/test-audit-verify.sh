#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An auditor verifies the log of a running daemon, visit after visit; then somebody with root changes it behind the
# daemon's back, or puts an older one in its place.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin
ensure_person $carol bpfwarden-audit

log_dir=$state/audit
mkdir "$work/carol" "$work/new" && chown $carol "$work/carol" "$work/new"

verify() { as $carol env XDG_STATE_HOME="$work/carol" bpfwarden audit verify "$@"; }
verify_anew() { rm -rf "$work/new/"*; as $carol env XDG_STATE_HOME="$work/new" bpfwarden audit verify "$@"; }
findings() { jq -c '[.findings[] | .kind]'; }
act() { as $alice bpfwarden detach "$(attach $alice tcp.state)" >/dev/null; }
copy() { # NAME: the log as it is, for the auditor; only while no daemon runs
	cp -a "$log_dir" "$work/$1"
	chown -R $carol "$work/$1"
}
restart() { start_daemon "$prefix" "$log"; }

# --- visits -----------------------------------------------------------------------------------------------------

act
output=$(verify)
check_match "first visit: the verdict" "$output" '^verified: records 1 to [0-9]+ are consistent; first visit$'
check_match "first visit: what is taken on trust" "$output" \
	'^not proved: records 1 to [0-9]+: first visit: .* bpfwarden audit checkpoint --key: bpfwarden/[^ ]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$'
key=$(as $carol bpfwarden audit checkpoint --key)
as $carol bpfwarden audit checkpoint >"$work/anchor"
act
output=$(verify)
check_match "grown: the verdict" "$output" '^verified: grew from [0-9]+ to [0-9]+, consistent$'
check_match "grown: who could have rewritten what" "$output" '^not proved: records [0-9]+ to [0-9]+: until now nobody else vouched'
check_match "quick" "$(verify --quick)" '^verified: grew from [0-9]+ to [0-9]+, consistent$'
check_match "quick: no record was read" "$(verify --quick)" '^not proved: no record was read'
check_code "with a checkpoint that was kept elsewhere" 0 verify --checkpoint "$work/anchor" --key "$key"
check_equal "as JSON" "$(verify -o json | jq -c '[.verified, .remembered, .findings, (.grew_from < .size), .first, .key == $key]' --arg key "$key")" \
	'[true,true,[],true,1,true]'
check_equal "-q says the verdict alone" "$(verify -q | wc -l)" 1
check_equal "all of the log was read" "$(verify_anew -o json | jq '.records == .signed and .size == .signed')" true
check_equal "each visit is in the log" "$(audit '.kind == "read"' --user $carol | jq -s 'length > 8')" true

# --- the journal ------------------------------------------------------------------------------------------------

bpfwarden -o json audit list | jq -c 'select(.line) | {BPFWARDEN_SEQ: (.record.seq | tostring), BPFWARDEN_RECORD: .line}' >"$work/journal"
check_equal "journal: the same" "$(verify -o json --journal="$work/journal" | jq -c '[.verified, [.not_proved[] | select(.kind == "no-journal")] != []]')" '[true,true]'
jq -c 'if .BPFWARDEN_SEQ == "2" then .BPFWARDEN_RECORD |= sub("ok"; "ko") else . end' "$work/journal" >"$work/changed-journal"
check_equal "journal: other bytes" "$(verify -o json --journal=- <"$work/changed-journal" | jq -c '[.findings[] | [.kind, .first, .last]]')" \
	'[["journal",2,2]]'
check_code "journal: no such file" 4 verify --journal="$work/nowhere"

check_code "alice may not" 3 as $alice env XDG_STATE_HOME="$work/alice" bpfwarden audit verify
check_code "no such directory" 4 verify "$work/nowhere"
check_code "not a key" 2 verify --key x
check_equal "not the key" \
	"$(verify_anew -o json --key PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW | findings | jq -c unique)" '["checkpoint","key"]'
check_match "a directory without a log" "$(verify "$work/new" 2>&1)" 'there is no log in it'
check_match "the directory of a daemon that runs" \
	"$(XDG_STATE_HOME=$work/root bpfwarden audit verify "$log_dir" 2>&1)" 'a daemon is writing this log'

# --- copies -----------------------------------------------------------------------------------------------------

stop_daemon
copy early
check_match "a copy goes on from what the daemon showed" "$(verify "$work/early")" '^verified: grew from [0-9]+ to [0-9]+, consistent$'
check_equal "nothing is written beside it" "$(diff -r "$log_dir" "$work/early" 2>&1)" ""
restart
act
check_code "the daemon goes on" 0 verify
check_equal "the earlier copy is shorter" "$(verify -o json "$work/early" | findings)" '["shorter"]'

# --- somebody with root -----------------------------------------------------------------------------------------

stop_daemon
cp -a "$work/carol/bpfwarden" "$work/memory"
seq=$(python3 - "$log_dir/log-000000000001.sqlite" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
trigger, = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'record_update'").fetchone()
db.execute("DROP TRIGGER record_update")
seq, = db.execute("SELECT min(seq) FROM record WHERE action = 'attach'").fetchone()
db.execute("""UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), '"action":"attach"', '"action":"enroll"') AS BLOB)
	WHERE seq = ?""", (seq,))
assert db.execute("SELECT changes()").fetchone() == (1,)
db.execute(trigger)
db.close()
print(seq)
END
)
copy changed
restart
output=$(verify -o json)
check_equal "changed: found through the daemon" "$(jq -c '[.verified, .remembered]' <<<"$output")" '[false,false]'
check_equal "changed: the log's own checkpoint and memory tell" "$(findings <<<"$output" | jq -c 'unique')" '["rewritten","root"]'
check_equal "changed: where" "$(jq --argjson seq "$seq" 'all(.findings[]; .first <= $seq and $seq <= .last)' <<<"$output")" true
check_code "changed: the exit code" 1 verify
check_equal "changed: in the files, at the very record" \
	"$(verify -o json "$work/changed" | jq -c '[.findings[] | select(.kind == "leaf") | [.first, .last]]')" "[[$seq,$seq]]"

# older COMMAND…: the log as it was before, in place of what there is, and whatever the command takes away.
older() {
	stop_daemon
	rm -rf "${log_dir:?}"
	cp -a "$work/early" "$log_dir"
	chown -R bpfwarden "$log_dir"
	"$@"
	restart
}

older true
output=$(verify -o json)
check_equal "an older backup: the daemon begins anew, and the auditor is told" "$(findings <<<"$output")" '["begun-anew"]'
check_code "an older backup: until it is accepted" 1 verify
check_code "an older backup: with the key" 0 verify --key "$(as $carol bpfwarden audit checkpoint --key)"
check_match "an older backup: from then on" "$(verify)" '^verified: grew from [0-9]+ to [0-9]+, consistent$'

# Whoever takes away all that the daemon could notice it by has not the auditor's memory.
rm -rf "$work/carol/"*
cp -a "$work/memory" "$work/carol/bpfwarden"
older rm -f "$log_dir/checkpoint" "$rundir/audit/checkpoint"
output=$(verify -o json)
check_equal "an older backup without a trace: found" "$(jq -c '[.verified, .remembered]' <<<"$output")" '[false,false]'
check_equal "an older backup without a trace: as what" \
	"$(findings <<<"$output" | jq -c 'map(select(. == "shorter" or . == "rewritten")) | length > 0')" true
host_finish
