#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An auditor exports the log of a running daemon, again and again into the same directory, and tools that know nothing
# of bpfwarden read it: the transparency log packages of the Go project.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
install_packages gccgo-12 golang-golang-x-mod-dev
host_begin
ensure_person $carol bpfwarden-audit
cp "$(dirname "$0")/reader.py" "$work/reader.py"
mkdir "$work/carol" && chown $carol "$work/carol"
out=$work/carol/out

export_log() { as $carol bpfwarden audit export "$@"; }
verify() { as $carol env XDG_STATE_HOME="$work/carol" bpfwarden audit verify "$@"; }
GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$work/go go-12 build -o "$work/tlog" \
	"$(dirname "$0")/../audit/tlog/tlog.go" || not_ok "the Go program" "it cannot be built"

# --- what others read of it -------------------------------------------------------------------------------------

as $alice bpfwarden detach "$(attach $alice tcp.state)" >/dev/null
check_match "export: says what it is" "$(export_log "$out")" "^$out: records 1 to [0-9]+ of bpfwarden/"
cp "$out/checkpoint" "$work/old"
size=$(sed -n 2p "$work/old")
check_equal "tlog: every entry is proved" "$("$work/tlog" "$out" 2>&1)" "$(head -n 1 "$out/checkpoint"): $size entries"
check_equal "lines: sequences" "$(jq -s -c 'map(.seq) == [range(1; length + 1)]' "$out/records.jsonl")" true
policy=$(jq -r 'select(.policy) | .policy' "$out/records.jsonl" | head -n 1)
check_equal "texts: the policy under its digest" "$(sha256sum "$out/texts/$policy" | cut -d' ' -f1)" "$policy"
check_equal "key" "$(cat "$out/key")" "$(as $carol bpfwarden audit checkpoint --key)"
check_code "verify: an export" 0 verify "$out"

as $carol /usr/bin/python3 "$work/reader.py" readings 600 >/dev/null
grown=$(export_log -o json "$out")
check_equal "extended: from what was there" "$(jq -c '[.grown_from, .missing, .tiles]' <<<"$grown")" "[$size,0,true]"
check_equal "tlog: grew from the first export" "$("$work/tlog" "$out" "$work/old" 2>&1 | tail -n 1)" "grew from $size"
check_equal "tlog: complete and partial tiles" "$(cd "$out" && find tile -type f -size 16 | sort | xargs)" "tile/0/000 tile/0/001"
check_code "verify: an extended export" 0 verify "$out"

# --- other forms ------------------------------------------------------------------------------------------------

records=$(jq .size <<<"$grown")
check_equal "json: the same lines" "$(export_log --format json - | head -n "$records" | sha256sum)" "$(sha256sum <"$out/records.jsonl")"
check_equal "ocsf: the record itself is in it" "$(export_log --format ocsf - | head -n 1 | jq -r .raw_data)" "$(head -n 1 "$out/records.jsonl")"
check_match "ocsf: into a directory" "$(export_log --format ocsf "$work/carol/ocsf")" 'records as events.ocsf.jsonl, which nothing signs$'
check_equal "from an export" "$(export_log --from-dir "$out" "$work/carol/copy" >/dev/null && cat "$work/carol/copy/checkpoint")" "$(cat "$out/checkpoint")"

# --- what is refused --------------------------------------------------------------------------------------------

chmod 777 "$work/carol"
check_code "alice: denied" 3 as $alice bpfwarden audit export "$work/carol/alice"
check_code "alice: nothing was made" 1 test -e "$work/carol/alice"
check_code "tiles on standard output" 2 export_log -
check_code "no such directory" 4 export_log --from-dir "$work/none" "$work/carol/none"
check_match "not an export" "$(export_log "$work/carol" 2>&1)" 'it is not empty, and not an export of a log'

stop_daemon
printf 'x' | dd of="$out/tile/entries/000" bs=1 seek=3000 conv=notrunc status=none
check_code "verify: a changed export" 1 verify "$out"
check_match "tlog: a changed export" "$("$work/tlog" "$out" 2>&1)" '^tlog: '
start_daemon "$prefix" "$log"
host_finish
