#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A policy that wants the kernel to verify what runs, on a kernel whose keyrings do not have the build's key, or
# that cannot verify: who it is for gets nothing, and loses what runs; nobody else notices. What such a kernel
# verifies is shown by tests/vm/bare.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

policy=$etc/policy.d/70-kernel.policy
mkdir -p "$etc/policy.d"

field_of_ps() { as "$1" bpfwarden -o json ps | jq -r ".attachment.$2"; }
attached() { [ -n "$(field_of_ps "$1" id)" ]; }
gone() { ! attached "$1"; }
is_new() { # PROCESS OLD
	local pid
	pid=$(process_of "$1")
	[ -n "$pid" ] && [ "$pid" != "$2" ]
}
no_programs() { [ -z "$(programs tcp_state)" ]; }
records() { bpfwarden -o json audit list | jq -c "select(.record) | .record | select($1)"; }

# refused NAME PATTERN: alice asks, and is refused with a reason like this.
refused() {
	local output code=0
	output=$(as $alice bpfwarden attach tcp.state --for 1m 2>&1) || code=$?
	check_equal "$1: exit code" $code 3
	check_match "$1: the reason" "$output" \
		"^bpfwarden: not verified by the kernel \\(tcp\\.state-1\\): policy wants the kernel to verify tcp\\.state-1, but $2"
}

stream $alice bpfwarden -o json run tcp.state --events
wait_until 30 attached $alice
id=$(field_of_ps $alice id)
verified=$(field_of_ps $alice kernel_verified)
check_match "without such a policy: attached, and the kernel did not verify it" "$verified" '^(unsupported|no)$'
case "$verified" in
unsupported) why="this kernel cannot: it takes Linux 7\\.3 or later" ;;
*) why="no keyring of the kernel has the key" ;;
esac
check_equal "the log says so" \
	"$(records ".kind == \"outcome\" and .attachment == \"$id\"" | jq -r .kernel_verified)" "$verified"

for process in loader warden; do
	old=$(process_of $process)
	kill -KILL "$old"
	check "$process: it comes back" wait_until 30 is_new $process "$old"
	check "$process: the attachment lives" wait_until 30 attached $alice
	check_equal "$process: it is remembered" "$(field_of_ps $alice kernel_verified)" "$verified"
	# An event that comes says that alice watches again: else she could only find out that it is gone.
	"$exercise/exercise-connections" 1 0 "$alice_uid"
	check "$process: the stream goes on" stream_lines 1
done

printf '[limit verified]\nuser = %s\nkernel-verified = required\n' $alice >"$policy"
check "reload: the policy is taken" bpfwarden policy reload
check "reload: what runs unverified ends" wait_until 30 gone $alice
stream_end >"$work/rest"
check_match "reload: its user is told why" "$(cat "$work/rest" "$work/stream.err")" \
	"the policy wants the kernel to verify it now \\(limit verified\\), and it did not: $verified"
check "reload: nothing is left in the kernel" wait_until 30 no_programs

refused "the first" "$why"
check "the first: nothing was loaded" no_programs
check_equal "the first: the log has it" \
	"$(records '.kind == "outcome" and .refusal.name == "NotKernelVerified"' | jq -r '.requester.uid' | xargs)" "$alice_uid"

id=$(attach $bob tcp.state)
check "another user attaches" attached $bob
refused "what runs for another" "it runs for others, who could do without \\($verified\\)"
check "what runs for another: goes on" attached $bob
as $bob bpfwarden detach "$id" >/dev/null
check "and is gone" wait_until 30 no_programs

# Both at once: whoever comes first, bob gets it and alice does not.
good=0
for ((i = 0; i < 10; i++)); do
	as $alice bpfwarden attach tcp.state --for 1m >/dev/null 2>"$work/alice" &
	asking=$!
	id=$(attach $bob tcp.state)
	code=0
	wait $asking || code=$?
	[ "$code" = 3 ] && grep -q 'not verified by the kernel' "$work/alice" && attached $bob && good=$((good + 1))
	as $bob bpfwarden detach "$id" >/dev/null
done
check_equal "both at once: only who may" $good 10

# bob waits for the load that alice's request began and that is refused to her alone: his begins again, but not of
# what was revoked meanwhile. The loader sleeps until all that has happened.
check "revoked: nothing is left of before" wait_until 30 no_programs
decisions() { records '.kind == "decision" and .action == "attach"' | wc -l; }
loaded_for_bob() { records '.kind == "outcome" and .action == "attach" and .verdict == "ok"' | jq .requester.uid |
	grep -cx "$bob_uid"; }
loaded_before=$(loaded_for_bob)
before=$(decisions)
decided() { [ "$(decisions)" -ge $((before + $1)) ]; }
loader=$(process_of loader)
kill -STOP "$loader"
as $alice bpfwarden attach tcp.state --for 1m >"$work/alice" 2>&1 &
asking=($!)
check "revoked: alice asks" wait_until 30 decided 1
as $bob bpfwarden attach tcp.state --for 1m >"$work/bob" 2>&1 &
asking+=($!)
check "revoked: bob asks" wait_until 30 decided 2
check "revoked: it is" bpfwarden registry revoke tcp.state-1
kill -CONT "$loader"
wait "${asking[@]}"
check_match "revoked: alice is refused for her own reason" "$(cat "$work/alice")" 'not verified by the kernel'
check_match "revoked: bob is refused" "$(cat "$work/bob")" '^bpfwarden: revoked '
check_equal "revoked: nothing was loaded for bob" "$(loaded_for_bob)" "$loaded_before"

rm "$policy"
check "without the policy again" bpfwarden policy reload
id=$(attach $alice sched.runqlat)
check "without the policy again: attached" attached $alice
host_finish
