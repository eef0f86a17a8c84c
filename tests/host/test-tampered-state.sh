#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An attacker rewrites everything below /var/lib/bpfwarden while no daemon runs. Nothing is loaded that no role of
# trust/ signed, nothing past its not-after, nothing that revocations.json names; each is refused for its own reason.
# What the attacker does get is shown, too: docs/SECURITY.md says it.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

prepare() {
	# shellcheck source=tests/host/pki.sh
	. "$(dirname "$0")/pki.sh"
	# shellcheck source=tests/host/bundles.sh
	. "$(dirname "$0")/bundles.sh"
	local name
	pki_ca office
	for name in tester stolen preview security stranger; do
		pki_signer office $name
		[ $name = stranger ] || trust $name.pem
	done
	role tester "pinned = tester.pem" "names = test.*" "may = enroll-production enroll-experimental"
	role stolen "pinned = stolen.pem" "names = stolen.*" "may = enroll-production"
	role preview "pinned = preview.pem" "names = preview.*" "may = enroll-experimental"
	role security "pinned = security.pem" "names = *" "may = revoke"
	mkdir -p "$etc/policy.d"
	cat >"$etc/policy.d/60-tests.policy" <<-'END'
		[allow tests]
		group = bpfwarden-users
		probe = test.* stolen.* preview.*
		target = self
		data = aggregates events
		channel = production
	END
	for name in good byname listed file edited swapped insns data missing link writable state; do
		bundle test.$name 1 tester tester
	done
	bundle test.unsigned 1 tester
	bundle test.old 1 tester tester
	bundle test.old 2 tester tester
	bundle test.expired 1 tester tester -- '.issued = 1000000000 | ."not-after" = 1000000001'
	bundle test.foreign 1 tester stranger
	bundle stolen.key 1 stolen stolen
	bundle preview.a 1 preview preview
}
host_begin prepare

registry=$state/registry
own() { chown -R bpfwarden: "$state" && chmod -R go= "$state"; }

# Everything that a careful team does: enrolled, revoked in three ways.
team() {
	local name
	for name in good byname listed file old; do
		check "enroll test.$name-1" bpfwarden registry enroll "$work/test.$name-1.bpfw"
	done
	check "enroll test.old-2" bpfwarden registry enroll "$work/test.old-2.bpfw"
	check "enroll stolen.key-1" bpfwarden registry enroll "$work/stolen.key-1.bpfw"
	check "enroll preview.a-1" bpfwarden registry enroll --experimental "$work/preview.a-1.bpfw"
	cp -a "$state" "$work/older"
	check "revoke a bundle" bpfwarden registry revoke test.byname-1
	check "revoke a key" bpfwarden registry revoke --key "$(digest_of_key stolen)"
	revocations security '{"bundle":"test.listed","serial":1,"reason":"a leak"}' \
		"{\"file\":\"$(digest_of_file test.file-1 .data)\"}"
}

put() { # NAME [SERIAL]: the files of a bundle as if it had been enrolled
	local to=$registry/$1/${2:-1}
	mkdir -p "$to"
	tar -xf "$work/$1-${2:-1}.bpfw" -C "$to"
	printf 'channel=production\nrevoked=no\nby=root\nat=1\n' >"$to/state"
}

attack() {
	local name
	stop_daemon
	sed -i 's/^revoked=.*/revoked=no/; s/^channel=.*/channel=production/' "$registry"/*/*/state
	rm "$registry"/*/highest
	: >"$state/revoked"
	for name in unsigned expired foreign edited swapped insns data missing link writable state; do put test.$name; done
	flip "$registry/test.edited/1/manifest.json"
	cp "$registry/test.good/1/manifest.json.1.p7s" "$registry/test.swapped/1/manifest.json.tester.p7s"
	flip "$(echo "$registry"/test.insns/1/*.insns)"
	flip "$(echo "$registry"/test.data/1/*.data)"
	rm "$registry"/test.missing/1/*.data
	cp -r "$registry/test.good/1" "$registry/test.good/2"
	mv "$registry/test.link/1/manifest.json" "$registry/test.link/1/elsewhere"
	ln -s elsewhere "$registry/test.link/1/manifest.json"
	echo "revoked=perhaps" >>"$registry/test.state/1/state"
	own
	chmod g+w "$registry/test.writable/1/manifest.json"
	start_daemon "$prefix" "$log.2"
}

declare -A says=([SignatureInvalid]="signature not valid" [BundleInvalid]="bundle not valid" [Revoked]="revoked"
	[Unavailable]="a part of the daemon is starting again")
# refused NAME ERROR SUBJECT PROBE [OPTION…]
refused() {
	local name=$1 error=$2 subject=$3 output code=0
	shift 3
	output=$(as $alice bpfwarden attach "$@" --for 10m 2>&1) || code=$?
	check_match "$name: $error, $subject" "$output" "^bpfwarden: ${says[$error]} \\($subject\\)"
	check "$name: refused" test $code -ne 0
	check "$name: nothing is loaded" loads_nothing as $alice bpfwarden attach "$@" --for 10m
}
allowed() { check "$1" as $alice bpfwarden attach "${@:2}" --for 10m --dry-run; }

gets_nothing() {
	refused "unsigned bytes" SignatureInvalid S0 test.unsigned
	refused "signed by a stranger" SignatureInvalid S9 test.foreign
	refused "past its not-after" SignatureInvalid T13 test.expired
	refused "an edited manifest" SignatureInvalid S14 test.edited
	refused "the signature of another bundle" SignatureInvalid S14 test.swapped
	refused "edited instructions" BundleInvalid F2 test.insns
	refused "edited data" BundleInvalid F2 test.data
	refused "a file that is gone" BundleInvalid F1 test.missing
	refused "a bundle under another serial" BundleInvalid M0 test.good --serial 2
	refused "a link" SignatureInvalid S0 test.link
	refused "a file that others may write" SignatureInvalid S0 test.writable
	refused "a state that says anything else" Revoked test.state-1 test.state
	refused "promoted by hand" SignatureInvalid E1 preview.a
	refused "named in revocations.json" Revoked test.listed-1 test.listed
	refused "a file named in revocations.json" Revoked test.file-1 test.file
	check "a good bundle beside them" as $alice bpfwarden run test.good --for 1s
}

# Not detected: docs/SECURITY.md.
gets_back() {
	allowed "what only registry revoke had stopped" test.byname
	allowed "what only a key revoked by command had stopped" stolen.key
	stop_daemon
	rm -r "$registry/test.old"
	start_daemon "$prefix" "$log.3"
	check "an older serial, where no trace of the newer one is left" bpfwarden registry enroll "$work/test.old-1.bpfw"
	stop_daemon
	rm -r "$state"
	cp -a "$work/older" "$state"
	start_daemon "$prefix" "$log.4"
	allowed "an older complete copy: what was revoked since" test.byname
	refused "an older complete copy: not what revocations.json names" Revoked test.listed-1 test.listed
}

# What cannot be understood is not taken for "nothing is revoked".
damaged() {
	local line
	for line in "key $(digest_of_key stolen)" "key xyz 1 " "bundle $(digest_of_key stolen) 1 " "no newline at the end"; do
		stop_daemon
		printf '%s\n' "$line" >"$state/revoked"
		[ "$line" != "no newline at the end" ] || printf 'key %s 1 ' "$(digest_of_key stolen)" >"$state/revoked"
		own
		start_daemon "$prefix" "$log.5"
		refused "a damaged list of what is revoked ($line)" Unavailable registry test.good
	done
	check_code "a damaged list: nothing comes in" 1 bpfwarden registry enroll "$work/test.edited-1.bpfw"
	stop_daemon
	printf 'key %s 1 \n' "$(digest_of_key stolen)" >"$state/revoked"
	own
	start_daemon "$prefix" "$log.6"
	allowed "a whole one" test.good
	refused "a whole one counts" SignatureInvalid T14 stolen.key
}

is_refused() { ! as $alice bpfwarden attach "$1" --dry-run; }
is_detached() { [ -n "$(why_ended "$1")" ]; }

# Nor does it keep anybody from taking away more.
damaged_while_attached() {
	local id
	id=$(attach $alice test.good)
	echo damage >"$state/revoked"
	kill -HUP "$(process_of warden)"
	check "damaged while attached: nothing new" wait_until 20 is_refused test.good
	check_match "damaged while attached: it stays" "$(as $alice bpfwarden ps)" "$id"
	check_match "damaged while attached: more can be revoked, but not for good" \
		"$(bpfwarden registry revoke --key "$(digest_of_key tester)" 2>&1)" "revoked until the daemon restarts"
	check "damaged while attached: and that ends it" wait_until 20 is_detached "$id"
}

team
attack
gets_nothing
gets_back
damaged
damaged_while_attached
host_finish
