#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What must be refused is refused with its own error and exit code, is in the audit log, and loads nothing.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/bundles.sh
. "$(dirname "$0")/bundles.sh"

bundles=$prefix/lib/bpfwarden/bundles
host_cleanup() {
	[ ! -d "$work/bundles" ] || { rm -rf "$bundles" && mv "$work/bundles" "$bundles"; }
}

# Each kind of damage in a bundle of its own, done while no daemon runs.
damage() {
	cp -a "$bundles" "$work/bundles"
	flip "$bundles/net.drop/1/manifest.json"
	# The last bytes of a signature file are those of the signature itself.
	flip_at "$bundles/proc.lifecycle/1/manifest.json.standard.p7s" -3
	flip "$(echo "$bundles"/sched.runqlat/1/*.insns)"
	flip "$(echo "$bundles"/tcp.state/1/*.data)"
	make_signer tester 'test.*' 'enroll-production revoke'
	make_signer other 'other.*' 'enroll-production'
	make_bundle test.good 1 tester
	make_bundle test.bad 1 tester
	make_bundle test.stray 1 other
	register test.good 1
	register test.bad 1
	register test.stray 1
	mkdir -p "$etc/policy.d"
	cat >"$etc/policy.d/60-tests.policy" <<-'END'
		[allow tests]
		group = bpfwarden-users
		probe = test.*
		target = self
		data = aggregates events
		channel = production
	END
}
host_begin damage

declare -A says=([PolicyDenied]="denied by policy" [SignatureInvalid]="signature not valid"
	[BundleInvalid]="bundle not valid" [NotEnrolled]="not enrolled" [Revoked]="revoked"
	[NoSuchProbe]="no such probe" [NoSuchTarget]="no such target" [InvalidArgument]="argument not valid")
uid=62300 # one for each case, so that each has a record of its own in the log

run_as() { # WAY COMMAND…; a way to be somebody without an account
	local way=$1
	shift
	case "$way" in
	user) as $uid "$@" ;;
	admin) setpriv --reuid $uid --regid bpfwarden-admin --clear-groups -- "$@" ;;
	outsider) setpriv --reuid $uid --regid $uid --clear-groups -- "$@" ;;
	overflow) setpriv --reuid 65534 --regid bpfwarden-users --clear-groups -- "$@" ;;
	userns) as $uid unshare --user --map-root-user "$@" ;;
	pidns) unshare --pid --fork setpriv --reuid $uid --regid bpfwarden-users --clear-groups -- "$@" ;;
	esac
}

# refused NAME WAY ERROR SUBJECT CODE PROBE OPTION…
refused() {
	local name=$1 way=$2 error=$3 subject=$4 want=$5 output code=0 who
	shift 5
	uid=$((uid + 1))
	who=$uid
	[ "$way" != overflow ] || who=65534
	output=$(run_as "$way" bpfwarden attach "$@" --for 10m 2>&1) || code=$?
	check_equal "$name: exit code" $code "$want"
	check_match "$name: $error, $subject" "$output" "^bpfwarden: ${says[$error]} \\($subject\\)"
	check "$name: nothing is loaded" loads_nothing run_as "$way" bpfwarden attach "$@" --for 10m
	check_equal "$name: in the log" "$(audit 'has("refusal")' --user $who | jq -r .refusal.name | sort -u)" "$error"
}

damaged() {
	refused "a bit of the manifest" user SignatureInvalid S14 3 net.drop
	refused "a bit of the signature" user SignatureInvalid S14 3 proc.lifecycle
	refused "a bit of the instructions" user BundleInvalid F2 3 sched.runqlat
	refused "a bit of the data" user BundleInvalid F2 3 tcp.state
	refused "signed, not enrolled" user NotEnrolled test.good-9 3 test.good --serial 9
	refused "signed by another role" user SignatureInvalid T11 3 test.stray
	check "a good bundle beside them" as $alice bpfwarden run test.good --for 1s
	attempts=3 check_code "a good bundle is seen to be loaded" 1 loads_nothing as $alice bpfwarden run test.good --for 1s
	check "revoke" bpfwarden registry revoke test.bad-1 --reason "a test"
	refused "revoked" user Revoked test.bad-1 3 test.bad
}

denied() {
	refused "nobody's group" outsider PolicyDenied default 3 test.good
	refused "the host" user PolicyDenied default 3 test.good --host
	refused "another user" user PolicyDenied default 3 test.good --user root
	refused "uid 65534" overflow PolicyDenied overflow-uid 3 test.good
	if as $uid unshare --user --map-root-user true 2>/dev/null; then
		refused "a user namespace" userns PolicyDenied containers 3 test.good
	else
		skip "a user namespace" "users may not make user namespaces here"
	fi
	refused "a pid namespace" pidns PolicyDenied containers 3 test.good
}

not_there() {
	refused "unknown probe" user NoSuchProbe no.such 4 no.such
	refused "unknown parameter" user InvalidArgument nosuch 2 test.good --set nosuch=1
	refused "parameter out of range" user InvalidArgument transitions 2 test.good --set transitions=2
	refused "unknown user" user NoSuchTarget no-such-user 4 test.good --user no-such-user
	refused "unknown unit" admin NoSuchTarget no-such.service 4 test.good --unit no-such.service
	refused "a unit that one may not name, there or not" user PolicyDenied default 3 test.good --unit no-such.service
	refused "unknown cgroup" admin NoSuchTarget /no/such 4 test.good --cgroup /no/such
	refused "a cgroup with a way up" admin InvalidArgument target 2 test.good --cgroup /../..
}

# A policy with an error is refused as a whole and the old one stays; without the error it counts.
policy() {
	local file=$etc/policy.d/70-broken.policy output code=0
	printf '[deny everybody]\nprobe = *\nprobes = *\n' >"$file"
	output=$(bpfwarden policy reload 2>&1) || code=$?
	check_equal "policy: an unknown key, exit code" $code 1
	check_match "policy: an unknown key, its place" "$output" "^bpfwarden: policy not valid \\($file:3:1\\)"
	check "policy: the old one is in force" as $alice bpfwarden run test.good --for 1s
	check "policy: the failure is in the log" test -n \
		"$(audit '.kind == "change" and .verdict == "failed" and .refusal.name == "PolicyInvalid"')"
	printf '[deny everybody]\nprobe = *\n' >"$file"
	check "policy: without the error it is taken" bpfwarden policy reload
	refused "the new policy" user PolicyDenied everybody 3 test.good
	rm "$file"
	check "policy: and back" bpfwarden policy reload
	check "policy: allowed again" as $alice bpfwarden run test.good --for 1s
}

damaged
denied
not_there
policy
host_finish
