#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A policy that changes reaches everything: what is attached when the warden starts with it, what is on its way
# when it is reloaded, how long, with which parameters and fields it runs.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

policy=$etc/policy.d/70-change.policy
mkdir -p "$etc/policy.d"

id_of() { as "$1" bpfwarden -o json ps | jq -r .attachment.id; }
attached() { [ -n "$(id_of "$1")" ]; }
gone() { as "$1" bpfwarden -o json ps >"$work/ps" && [ ! -s "$work/ps" ]; }
records() { bpfwarden -o json audit list | jq -c "select(.record) | .record | select($1)"; }
is_new() { # OLD
	local pid
	pid=$(process_of warden)
	[ -n "$pid" ] && [ "$pid" != "$1" ]
}
restart_warden() {
	local old
	old=$(process_of warden)
	kill -KILL "$old"
	wait_until 30 is_new "$old" && wait_until 30 bpfwarden list
}
no_programs() { [ -z "$(programs tcp_state)" ]; }

attach $alice tcp.state >/dev/null
id=$(attach $bob tcp.state)
# Somebody without an account, who has the group only by the process that asks.
attach 62499 tcp.state >/dev/null
check "restart with the same policy: the warden starts again" restart_warden
check "restart with the same policy: what is attached stays" attached $alice
check "restart with the same policy: also that of who has no account" attached 62499
as 62499 bpfwarden detach "$(id_of 62499)" >/dev/null
printf '[deny' >"$policy"
check "refused policy: the warden starts again" restart_warden
check "refused policy: what is attached stays" attached $alice
printf '[deny change]\nuser = %s\nprobe = *\n' $alice >"$policy"
check "restart: the warden starts again" restart_warden
check "restart: what the new policy denies ends" wait_until 30 gone $alice
check_equal "restart: what it allows stays" "$(id_of $bob)" "$id"
check_match "restart: the log says why" "$(records '.kind == "end"' | jq -r .detail)" \
	'^the policy does not allow it any more \(rule change\)$'
as $bob bpfwarden detach "$id" >/dev/null

# The loader sleeps, so that a request stays on its way for as long as we like.
overtaken() { # NAME POLICY: alice's request, which this policy overtakes; sets $code, its output is in $work/reply
	local loader asking before
	rm -f "$policy"
	bpfwarden policy reload >/dev/null
	before=$(records '.kind == "decision" and .action == "attach"' | wc -l)
	decided() { [ "$(records '.kind == "decision" and .action == "attach"' | wc -l)" -gt "$before" ]; }
	loader=$(process_of loader)
	kill -STOP "$loader"
	as $alice bpfwarden attach tcp.state --for 1m >"$work/reply" 2>&1 &
	asking=$!
	check "$1: the request is on its way" wait_until 30 decided
	printf '%s\n' "$2" >"$policy"
	check "$1: the policy is taken" bpfwarden policy reload
	kill -CONT "$loader"
	code=0
	wait $asking || code=$?
}
refused() { # NAME POLICY PATTERN
	overtaken "$1" "$2"
	check_equal "$1: exit code" $code 3
	check_match "$1: the reason" "$(cat "$work/reply")" "$3"
	check "$1: nothing stays attached" wait_until 30 gone $alice
	check "$1: nothing is left in the kernel" wait_until 30 no_programs
}
refused "overtaken by a deny" "[deny change]
user = $alice
probe = *" 'the policy does not allow it any more \(rule change\)'
refused "overtaken by a demand" "[limit change]
user = $alice
kernel-verified = required" 'the policy wants the kernel to verify it now \(limit change\), and it did not'
overtaken "overtaken by what concerns others" "[deny change]
user = $bob
probe = *"
check_equal "overtaken by what concerns others: exit code" $code 0
check "overtaken by what concerns others: attached" attached $alice
as $alice bpfwarden detach "$(id_of $alice)" >/dev/null

overtaken "overtaken by a shorter time" "[limit change]
user = $alice
max-duration = 40s"
check_equal "overtaken by a shorter time: exit code" $code 0
check "overtaken by a shorter time: the deadline is that" test "$(as $alice bpfwarden -o json ps | jq -r .attachment.remaining)" -le 40
as $alice bpfwarden detach "$(id_of $alice)" >/dev/null

take() { # what is read here, as the policy of this test
	cat >"$policy"
	bpfwarden policy reload >"$work/reload" 2>&1 || not_ok "reload" "$(cat "$work/reload")"
}
remaining() { as "$1" bpfwarden -o json ps | jq -r .attachment.remaining; }
is_below() { [ "$(remaining "$1")" -le "$2" ]; }
ended() { # NAME ID REASON
	check "$1: it ends" wait_until 30 gone $alice
	check_equal "$1: the reason" "$(why_ended "$2")" "$3"
	check_equal "$1: it names the change" "$(records ".kind == \"end\" and .attachment == \"$2\"" | jq .cause)" \
		"$(records '.kind == "change" and .action == "policy-reload"' | tail -n 1 | jq .seq)"
}

: | take
id=$(attach $alice tcp.state)
check "a shorter time: ten minutes before" test "$(remaining $alice)" -gt 500
take <<-END
	[limit change]
	user = $alice
	max-duration = 2m
END
check "a shorter time: the deadline moves" is_below $alice 120
check "a shorter time: the warden starts again" restart_warden
check "a shorter time: it stays where it was moved to" wait_until 30 is_below $alice 120
check_equal "a shorter time: still attached" "$(id_of $alice)" "$id"
# a time can be over only for what is older: two of its 120 seconds have to be gone
check "a time that is over: it has run for longer" wait_until 30 is_below $alice 118
take <<-END
	[limit change]
	user = $alice
	max-duration = 1s
END
ended "a time that is over" "$id" "the policy lets it run for 1 s now (limit change), and they are over"

: | take
id=$(attach $alice sched.runqlat)
take <<-END
	[limit change]
	user = $alice
	probe = sched.runqlat
	set = threshold:20000000-30000000
END
ended "bounds of a parameter" "$id" "the policy does not allow its parameters any more: set threshold of section [limit change] is 20000000 to 30000000 and would become 10000000"

take <<-END
	[allow change]
	user = $alice
	probe = tcp.state
	data = aggregates events
	privacy = pii
END
id=$(attach $alice tcp.state)
take <<-END
	[allow change]
	user = $alice
	probe = tcp.state
	data = aggregates events
	privacy = pii
	[deny change-addresses]
	user = $alice
	privacy = pii
END
ended "fields that are shown no more" "$id" "the policy does not allow it any more (rule change-addresses)"

# An account that is renamed: its number could be another's next.
host_cleanup() { usermod -l $bob warden-renamed 2>/dev/null || :; }
: | take
id=$(attach $bob tcp.state)
check "a name that is given up: it is" usermod -l warden-renamed $bob
check "a name that is given up: policy reload" bpfwarden policy reload
check "a name that is given up: and taken back" usermod -l $bob warden-renamed
check "a name that is given up: it ends" wait_until 30 gone $bob
check_equal "a name that is given up: the reason" "$(why_ended "$id")" "uid $(id -u $bob) is not $bob's any more"
host_finish
