#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What attachments cost: told to whom, shown by ps and top; what costs more than max-cpu ends.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

policy=$etc/policy.d/70-cost.policy
write_policy() {
	mkdir -p "$etc/policy.d"
	printf '[allow reader]\nuser = %s\naction = audit-read\n' $carol >"$policy"
}
host_begin write_policy

costs() { # USER OPTION…: the costs of what USER sees, by id
	local who=$1
	shift
	as "$who" bpfwarden -o json ps "$@" | jq -s -c 'map(.attachment | select(.) | {key: .id, value: .cost}) | from_entries'
}
of() { jq -c --arg id "$1" ".[\$id] | $2"; }
switch() { as "$1" "$exercise/exercise-switches" "$2" >/dev/null; }
host_cleanup() {
	[ -z "${busy:-}" ] || { kill -- "-$busy" && wait "$busy"; } 2>/dev/null
	busy=
}
keep_busy() { # USER; a session of its own: both processes of it end with it.
	setsid setpriv --reuid "$1" --regid "$1" --init-groups "$exercise/exercise-switches" 100000000 >/dev/null &
	busy=$!
}
is_new() { # OLD
	local pid
	pid=$(process_of warden)
	[ -n "$pid" ] && [ "$pid" != "$1" ]
}

# --- what is told ---
own=$(attach $alice sched.runqlat --aggregates)
other=$(attach $bob sched.runqlat --aggregates)
switch $alice 200000
told=$(costs $alice)
check_equal "the owner: the cost of one attachment is told" "$(jq length <<<"$told")" 1
check "the owner: it has seen what was done" test "$(of "$own" .counters.seen <<<"$told")" -ge 200000
reconciles "the owner: the counters reconcile" "$(of "$own" .counters <<<"$told")"
check_equal "the owner: CPU time is its events, at a power of two each" \
	"$(of "$own" '(.cpu / .counters.seen) as $ns | $ns >= 1 and ($ns | log2 | . == floor)' <<<"$told")" true
check_equal "the owner: nothing of the whole program" "$(of "$own" 'has("program")' <<<"$told")" false
check_equal "others: what alice did costs bob nothing" "$(costs $bob | of "$other" '.counters.seen < 200000')" true
told=$(costs $carol --all)
check_equal "who reads the log: both attachments" "$(jq length <<<"$told")" 2
check_equal "who reads the log: but no costs without target host" "$(jq -c '[.[]] | unique' <<<"$told")" '[null]'
told=$(costs root --all)
check_equal "host: of the whole program, shared by two" "$(of "$own" '.program.attachments' <<<"$told")" 2
check_equal "host: its time is that of its runs" \
	"$(of "$own" '.program | (.cpu - .runs * .timed / .timed_runs | fabs) <= 1 + .cpu / 1e9' <<<"$told")" true
check_equal "host: one run in 1024 is timed" \
	"$(of "$own" '.program | .runs / .timed_runs | . > 900 and . < 1150' <<<"$told")" true
reconciles "host: the program's counters reconcile" "$(of "$own" .program.counters <<<"$told")"
check_equal "without asking, Status tells no cost" \
	"$(call $alice io.bpfwarden.Probe.Status '{}' | jq 'has("error") or (.parameters.attachment | has("cost"))')" true
check_match "ps: has the columns" "$(as $alice bpfwarden ps | head -n 1)" 'MEMORY +CPU +LOST +RULE$'
check_match "ps: shows a share" "$(as $alice bpfwarden ps | tail -n 1)" ' [0-9.]+% +[0-9]+ +[a-z-]+$'

# --- top ---
keep_busy $alice
line=$(bpfwarden -o json top --all --once)
check_equal "top: a line of both attachments" "$(jq '.attachments | length' <<<"$line")" 2
check_equal "top: who did something comes first" "$(jq -r '.attachments[0].attachment.id' <<<"$line")" "$own"
check_equal "top: it is more than nothing, and not more than the CPUs" \
	"$(jq --argjson cpus "$(nproc)" '.attachments[0].cpu_percent | . > 0 and . <= 100 * $cpus' <<<"$line")" true
check_equal "top: the program for who may see the host" "$(jq '.attachments[0] | has("program_cpu_percent")' <<<"$line")" true
check_equal "top: and for nobody else" \
	"$(as $alice bpfwarden -o json top --once | jq '.attachments | map(has("program_cpu_percent"))' -c)" '[false]'
check_match "top: a table" "$(as $alice bpfwarden top --once)" "CPU +PROGRAM +EVENTS/S +LOST/S +MEMORY +USER +PROBE +TARGET +ID
[0-9.]+% +- .* $alice +sched.runqlat-[0-9]+ +self +$own"
check_code "top: everybody's is not for everybody" 3 as $bob bpfwarden top --once --all

# --- max-cpu ---
as $alice bpfwarden watch "$own" >"$work/watched" 2>&1 &
watching=$!
cat >>"$policy" <<END
[limit cost]
user    = $alice
max-cpu = 0.001%
[limit generous]
max-cpu = 3200%
END
check "max-cpu: the policy is taken" bpfwarden policy reload
check_match "max-cpu: explain shows it" "$(as $alice bpfwarden policy explain sched.runqlat)" 'max-cpu.* 0\.001%.*cost'
code=0
wait $watching || code=$?
host_cleanup
check_equal "max-cpu: whoever watches is told the limit and its section" "$(grep ended "$work/watched")" \
	"bpfwarden: the attachment ended: max-cpu: it cost more than 0.001% of a CPU (limit cost)"
check_equal "max-cpu: the exit code of who watches" $code 0
check_match "max-cpu: the log has it with what was measured" "$(why_ended "$own")" \
	'^max-cpu: it cost more than 0\.001% of a CPU \(limit cost\): [0-9]+\.[0-9]{4}%$'
check_equal "max-cpu: one record, of the daemon itself" \
	"$(audit ".kind == \"end\" and .attachment == \"$own\"" | jq -c '[.verdict, .action, .user // "none"]')" '["ok","detach","none"]'
check_equal "max-cpu: what stays below its own limit stays attached" \
	"$(as $bob bpfwarden -o json ps | jq -r '.attachment.id')" "$other"
id=$(attach $alice sched.runqlat --aggregates)
check "max-cpu: what was ended may be attached again" test -n "$id"

# The limit is kept with the attachment, over an end of the warden.
old=$(process_of warden)
kill -KILL "$old"
check "restart: the warden starts again" wait_until 30 is_new "$old"
check "restart: and answers" wait_until 30 bpfwarden list
keep_busy $alice
as $alice bpfwarden watch "$id" >"$work/watched" 2>&1
host_cleanup
check_match "restart: the limit still holds" "$(why_ended "$id")" '^max-cpu: it cost more than 0\.001% of a CPU \(limit cost\): '
check_equal "restart: and does not reach others" "$(as $bob bpfwarden -o json ps | jq -r '.attachment.id')" "$other"
host_finish
