#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The signer's and the auditor's way: a bundle enters both channels, is used, and is revoked under its users;
# dry runs change nothing; the log has each decision before its outcome.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/bundles.sh
. "$(dirname "$0")/bundles.sh"

prepare() {
	make_signer tester 'test.*' 'enroll-production enroll-experimental revoke'
	make_signer preview 'test.*' 'enroll-experimental'
	make_bundle test.a 1 tester
	make_bundle test.a 2 tester
	make_bundle test.b 1 preview
	mkdir -p "$etc/policy.d"
	cat >"$etc/policy.d/60-tests.policy" <<-END
		[allow tests]
		group = bpfwarden-users
		probe = test.*
		target = self
		data = aggregates events
		channel = production
		[allow preview]
		user = $alice
		probe = test.*
		target = self
		data = aggregates events
		channel = experimental
	END
}
host_begin prepare

registered() { (cd "$state/registry" 2>/dev/null && find . -type f -exec sha256sum {} + | sort); }
listed() { bpfwarden -o json registry list | jq -r '.bundle | select(.name | startswith("test.")) |
	"\(.name)-\(.serial) \(.channel) \(.revoked)"' | sort; }
everything() { registered; listed; bpfwarden -o json ps --all | jq -r .attachment.id; programs tcp_state; }

# dry_run NAME REGEX COMMAND…
dry_run() {
	local name=$1 regex=$2 before output code=0
	shift 2
	before=$(everything)
	output=$("$@" --dry-run 2>&1) || code=$?
	check_equal "dry run, $name: exit code" $code 0
	check_match "dry run, $name: says what would be" "$output" "$regex"
	check_equal "dry run, $name: changes nothing" "$(everything)" "$before"
}

error_of() { # the typed error of alice's attaching, with these parameters; "" if she may
	call $alice io.bpfwarden.Probe.Attach "$1" | jq -r '.error // "" | sub("io.bpfwarden."; "")'
}
dry() { error_of "$(jq -c '.dry_run = true' <<<"$1")"; }

enrolling() {
	dry_run enroll "^would enroll test.a-1 \\(production\\), signed by tester" bpfwarden registry enroll "$work/test.a-1.bpfw"
	check_equal "not enrolled yet" "$(dry '{"probe":"test.a"}')" NoSuchProbe
	check_code "enroll: alice may not" 3 as $alice bpfwarden registry enroll "$work/test.a-1.bpfw"
	check_match "enroll: production" "$(bpfwarden registry enroll "$work/test.a-1.bpfw")" "^enrolled test.a-1 \\(production\\)"
	check_code "enroll: the same again" 1 bpfwarden registry enroll "$work/test.a-1.bpfw"
	check_code "enroll: a role that may not sign for production" 3 bpfwarden registry enroll "$work/test.b-1.bpfw"
	check_match "enroll: experimental" "$(bpfwarden registry enroll --experimental "$work/test.b-1.bpfw")" \
		"^enrolled test.b-1 \\(experimental\\), signed by preview"
	check_match "enroll: a newer serial" "$(bpfwarden registry enroll "$work/test.a-2.bpfw")" "^enrolled test.a-2"
	check_equal "list" "$(listed | xargs)" \
		"test.a-1 production false test.a-2 production false test.b-1 experimental false"
	check_equal "show: the newest serial" "$(bpfwarden -o json registry show test.a | jq .bundle.serial)" 2
	check_equal "show: another one" "$(bpfwarden -o json registry show test.a-1 | jq .bundle.serial)" 1
	check_code "show: one that is not there" 3 bpfwarden registry show test.a-9
	check_code "show: a name that is not there" 4 bpfwarden registry show test.z
	check_equal "show: the digest is the manifest's" \
		"$(bpfwarden -o json registry show test.b | jq -r .bundle.digest)" \
		"$(tar -xOf "$work/test.b-1.bpfw" manifest.json | sha256sum | cut -d' ' -f1)"
}

channels() {
	check_equal "experimental: not unasked" "$(dry '{"probe":"test.b"}')" NotEnrolled
	check_equal "experimental: alice may" "$(dry '{"probe":"test.b","experimental":true}')" ""
	check_code "experimental: bob may not" 3 as $bob bpfwarden attach test.b --experimental --for 1m --dry-run
	check_equal "production: the newest serial is taken" \
		"$(as $bob bpfwarden -o json attach test.a --for 1m --dry-run | jq .attachment.serial)" 2
	dry_run attach "test.a-2" as $alice bpfwarden attach test.a --for 1m
	dry_run run "^would attach test.a-2 on self" as $alice bpfwarden run test.a --for 1s
	dry_run "policy reload" "" bpfwarden policy reload
}

# seq, kind, decision of the records of an action on a bundle, oldest first.
trail() { audit ".action == \"$1\" and .probe == \"$2\" and .serial == $3 and .detail != \"dry run\" and .verdict != \"deny\""; }

ordered() { # NAME RECORDS: one decision, then its one outcome with its number, which is later in sequence
	check_equal "audit, $1: the decision, then its outcome" "$(jq -s -c '[length, .[0].kind, .[1].kind,
		.[0].seq < .[1].seq, .[1].decision == .[0].seq, .[1].verdict]' <<<"$2")" '[2,"decision","outcome",true,true,"ok"]'
}

gone() { [ -z "$(programs tcp_state)" ]; }
alive() { [ -n "$(as $alice bpfwarden -o json ps | jq -r .attachment.id)" ]; }

revoking() {
	local id revoke end
	stream $alice bpfwarden -o json run test.a --events
	wait_until 30 alive
	id=$(as $alice bpfwarden -o json ps | jq -r .attachment.id)
	"$exercise/exercise-connections" 1 0 "$alice_uid"
	check_equal "revoke: there is a stream" "$(stream_lines 1 | jq .uid)" "$alice_uid"
	dry_run "detach" "$id" as $alice bpfwarden detach "$id"
	dry_run "revoke" "would detach 1 attachment of $alice \\(1\\)" bpfwarden registry revoke test.a-2
	check_equal "audit: dry runs are decisions without outcome" "$(audit '.detail == "dry run" and .probe == "test.a" and
		(.action == "enroll" or .action == "revoke" or .action == "attach")' | jq -r '.action + " " + .kind' | sort | uniq | xargs)" \
		"attach decision enroll decision revoke decision"
	check_code "revoke: alice may not" 3 as $alice bpfwarden registry revoke test.a-2
	check_match "revoke" "$(bpfwarden registry revoke test.a-2 --reason "found a flaw")" "detached 1 attachment of $alice \\(1\\) in [0-9]+ ms"
	timeout 60 cat <&"$stream_fd" >"$work/rest"
	check_equal "revoke: the stream ends by itself" $? 0
	check_match "revoke: and says why" "$(cat "$work/stream.err")" "test.a-2 was revoked by root: found a flaw"
	revoke=$(trail revoke test.a 2) end=$(audit ".kind == \"end\" and .attachment == \"$id\"")
	ordered revoke "$revoke"
	check_equal "audit, revoke: what it ended names its decision, and who revoked" \
		"$(jq -c '[.cause, .requester.uid, .verdict]' <<<"$end")" "$(jq -s -c '[.[0].seq, 0, "ok"]' <<<"$revoke")"
	check_equal "audit, revoke: and the decision that allowed it" "$(jq .decision <<<"$end")" \
		"$(audit ".kind == \"decision\" and .action == \"attach\" and .attachment == \"$id\"" | jq .seq)"
	check "revoke: within a second" \
		test $(($(jq .time_ns <<<"$end") - $(jq -s '.[0].time_ns' <<<"$revoke"))) -lt 1000000000
	check "revoke: the program is gone" wait_until 20 gone
	check_equal "revoke: nobody gets it any more" "$(dry '{"probe":"test.a","serial":2}')" Revoked
	check_code "revoke: once is enough" 3 bpfwarden registry revoke test.a-2
	check_code "revoke: it cannot be enrolled again" 3 bpfwarden registry enroll "$work/test.a-2.bpfw"
}

remembering() {
	local before
	before=$(listed)
	stop_daemon
	start_daemon "$prefix" "$log.2"
	check_equal "after a restart: the registry is the same" "$(listed)" "$before"
	check_equal "after a restart: revoked stays revoked" "$(dry '{"probe":"test.a","serial":2}')" Revoked
	check_equal "after a restart: the rest is used" "$(dry '{"probe":"test.a","serial":1}')" ""
}

enrolling
channels
ordered "enroll" "$(trail enroll test.a 1)"
ordered "enroll, experimental" "$(trail enroll test.b 1)"
revoking
remembering
host_finish
