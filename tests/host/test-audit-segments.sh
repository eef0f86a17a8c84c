#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# bpfwarden.conf: small segments, of which one log is made that nobody sees the seams of; old ones that go as was meant,
# and who is told; a file that is wrong, which removes nothing.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

conf=$etc/bpfwarden.conf
log_dir=$state/audit

configure() { printf '[audit]\n%s\n' "$@" >"$conf"; }
# A policy of 600 KB, most of it comments: each other one is stored with the record that says so.
make_policy() { # WORD
	local file
	for file in 1 2 3; do
		python3 -c 'print(("# " + "x" * 997 + "\n") * 200 + "# %s" % __import__("sys").argv[1])' "$1" >"$etc/policy.d/9$file-long.policy"
	done
}
prepare() {
	mkdir -p "$etc/policy.d"
	configure 'segment-size = 1M'
	make_policy first
}
host_begin prepare
ensure_person $carol bpfwarden-audit
mkdir "$work/carol" "$work/new" && chown $carol "$work/carol" "$work/new"
export XDG_STATE_HOME=$work/root # what root has seen of other logs is none of this one's
cp "$(dirname "$0")/reader.py" "$work/reader.py"

verify() { as $carol env XDG_STATE_HOME="$work/carol" bpfwarden audit verify "$@"; }
verify_anew() { rm -rf "$work/new/"*; as $carol env XDG_STATE_HOME="$work/new" bpfwarden audit verify "$@"; }
reader() { as $carol /usr/bin/python3 "$work/reader.py" "$@"; }
segments() { find "$log_dir" -name 'log-*.sqlite' -printf '%f\n' | sort; }
first_of() { sed 's/^log-0*\([0-9]*\).sqlite$/\1/'; }
configurations() { audit '.kind == "change" and .action == "configuration"' --action configuration; }
last_configuration() { configurations | tail -n 1 | jq -c '[.verdict, .detail, .requester.user, .refusal.reason]'; }
count_is() { [ "$(configurations | wc -l)" = "$1" ]; }
hup() { kill -HUP "$(process_of warden)"; }

# --- rotation ---------------------------------------------------------------------------------------------------

check_equal "start: what holds is in the log" "$(last_configuration)" \
	"[\"ok\",\"keep = forever, segment-size = 1M, of $conf\",null,null]"
check_match "start: the doctor tells" "$(bpfwarden doctor)" "^ok +the daemon's configuration: keep = forever, segment-size = 1M, of $conf\$"
check_equal "start: one segment" "$(segments)" log-000000000001.sqlite
ids=()
for word in second third fourth; do
	ids+=("$(attach $alice tcp.state)")
	as $alice bpfwarden detach "${ids[-1]}" >/dev/null
	make_policy $word
	check "rotation: another policy, $word" bpfwarden policy reload
done
check "rotation: several segments" test "$(segments | wc -l)" -ge 3
check_equal "list: no number is missing" "$(audit true | jq -s -c 'map(.seq) | . == [range(1; length + 1)]')" true
check_equal "list: backwards" "$(audit true --reverse | jq -s -c 'map(.seq) | . == (sort | reverse) and last == 1')" true
for id in "${ids[@]}"; do
	check_equal "list: what happened in each segment" "$(audit true --attachment "$id" | jq -s -c 'map([.kind, .action])')" \
		'[["decision","attach"],["outcome","attach"],["decision","detach"],["outcome","detach"]]'
done
for first in $(segments | first_of) $(($(segments | tail -n 1 | first_of) - 1)); do
	check_equal "show: record $first is proved" "$(bpfwarden -o json audit show "$first" | jq -c '[.record.seq, .proof.verified]')" \
		"[$first,true]"
done
check_match "verify: across the segments" "$(verify)" '^verified: records 1 to [0-9]+ are consistent; first visit$'
check_equal "verify: no finding" "$(verify -o json | jq -c '[.verified, .findings, .first]')" '[true,[],1]'

# --- a file that is wrong -----------------------------------------------------------------------------------------

n=$(configurations | wc -l)
check "unchanged: reload" bpfwarden policy reload
hup
check "unchanged: SIGHUP" wait_until 60 bpfwarden list
check "unchanged: is no record" count_is "$n"
wrong() { # NAME PLACE REASON: the file is refused
	check "wrong: $1: the policy is accepted nevertheless" bpfwarden policy reload
	check_equal "wrong: $1: in the log" "$(last_configuration)" "$(jq -n -c '["failed", $ARGS.positional[0], "root", $ARGS.positional[1]]' --args "$2" "$3")"
	check_match "wrong: $1: the doctor tells" "$(bpfwarden doctor)" "^fail +bpfwarden.conf is refused, so that no record is removed: $2: "
}
configure 'kepe = 1s'
wrong "a key" "$conf:2:1" "unknown key 'kepe', did you mean 'keep'?"
configure 'keep = 0'
wrong "a value" "$conf:2:8" "'0' is not what keep can be: forever, or a number with s, m, h or d behind it, 36500d at most: 400d"
configure 'keep = 1s' && chmod 664 "$conf"
wrong "mode" "$conf" 'it or a directory above it belongs to somebody else, has a second name, or may be written by others: cannot be trusted'
configure 'keep = 1s' && chmod 600 "$conf"
wrong "not to be read by the daemon" "$conf" 'cannot be read: Permission denied'
rm "$conf" && ln -s /etc/hostname "$conf"
wrong "a link" "$conf" 'links are not followed'
rm "$conf"
n=$(configurations | wc -l)
hup
check "no file: SIGHUP is enough" wait_until 60 count_is $((n + 1))
check_equal "no file: the defaults" "$(last_configuration)" '["ok","keep = forever, segment-size = 64M, as there is no file",null,null]'
python3 - "$setup_tree/docs/man/bpfwarden.conf.5" >"$conf" <<'END'
import re, sys
print(re.search(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", open(sys.argv[1]).read(), re.M | re.S).group(1), end="")
END
check "the manual page's example: reload" bpfwarden policy reload
check_equal "the manual page's example: holds" "$(last_configuration)" "[\"ok\",\"keep = 400d, segment-size = 16M, of $conf\",\"root\",null]"
before=$(segments)
configure 'keep = 1s'
check "keep: reload" bpfwarden policy reload
check_equal "keep: holds" "$(last_configuration)" "[\"ok\",\"keep = 1s, segment-size = 64M, of $conf\",\"root\",null]"
check_equal "keep: a reload alone removes nothing" "$(segments)" "$before"

# --- retention ----------------------------------------------------------------------------------------------------

newest=$(segments | tail -n 1 | first_of)
end=$(audit ".seq == $((newest - 1))" | jq -r '.time_ns / 1000000000 | floor')
is_old() { [ "$(date +%s)" -gt $((end + 2)) ]; }
check "retention: the closed segments are old enough" wait_until 60 is_old
stop_daemon
start_daemon "$prefix" "$log"
check_equal "retention: the segment that is written stays" "$(segments | first_of)" "$newest"
check "retention: the stub is there" test -s "$log_dir/removed"
check_equal "retention: in the log" "$(audit '.action == "audit-retention"' | jq -c '[.kind, .verdict, .detail]')" \
	"[\"change\",\"ok\",\"records up to $((newest - 1)) are removed, as they are older than is to be kept\"]"
check_equal "retention: no crash is made of it" "$(audit '.kind == "crash"')" ""
check_equal "list: begins behind it" "$(audit true | jq -s -c '[.[0].seq, (map(.seq) | . == [range(.[0]; .[-1] + 1)])]')" "[$newest,true]"
check_code "show: what is gone" 4 bpfwarden audit show $((newest - 1))
check_code "show: what is left" 0 bpfwarden audit show "$newest"
output=$(verify)
check_match "verify: who knows the log" "$output" '^verified: grew from [0-9]+ to [0-9]+, consistent$'
check_match "verify: says what is gone, and that it was meant" "$output" \
	"^not proved: records 1 to $((newest - 1)): retention removed these records, as the log's key has signed"
output=$(verify_anew)
check_match "verify: a first visit" "$output" "^not proved: records 1 to $((newest - 1)): retention removed these records"
check_code "verify: is content" 0 verify_anew
check_equal "follow: from a removed record" "$(reader Query '{"from":1,"follow":true}' |
	jq -c '[.error, .parameters.step, .parameters.reason]')" \
	"[\"io.bpfwarden.AuditUnavailable\",\"removed\",\"the records before $newest were removed before you read them, from 1 on\"]"
check_equal "follow: from one that is left" "$(reader Query "{\"from\":$newest,\"follow\":true,\"limit\":1}" | jq -s ".[0].parameters.record.seq")" "$newest"
check_equal "from a removed record, without following: what is left" "$(reader Query '{"from":1,"limit":1}' | jq -s ".[0].parameters.record.seq")" "$newest"

# A stub that somebody else has made, or none, is no excuse.
stop_daemon
cp -a "$log_dir" "$work/copy" && chown -R $carol "$work/copy"
check_code "a copy: is whole" 0 verify "$work/copy"
rm "$work/copy/removed"
check_equal "a copy without the stub: found" "$(verify -o json "$work/copy" | jq -c '[.findings[].kind] | unique')" '["removed"]'
start_daemon "$prefix" "$log"
host_finish
