#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Trust as a security team lives with it: CAs that roll over, thresholds, two persons, serials that never go back,
# promotion; and everything that can take trust away while somebody is attached, with the time that it took.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

prepare() {
	# shellcheck source=tests/host/pki.sh
	. "$(dirname "$0")/pki.sh"
	local ca
	for ca in old new listed office; do pki_ca $ca; done
	pki_signer old ann
	pki_signer new nina
	pki_signer listed leo
	pki_signer office paul
	pki_signer office pia
	pki_signer office per
	pki_signer office paul-again paul
	pki_signer office kim
	pki_signer office kurt
	pki_signer office cora
	pki_signer office rob
	pki_signer office gus
	pki_signer office security
	pki_crl listed
	local file
	for file in old.pem new.pem listed.pem listed.crl office.pem {paul,pia,per,paul-again,kim,kurt,cora,rob,gus,security}.pem; do
		trust $file
	done
	role shop "certificates = old.pem" "names = shop.*" "may = enroll-production"
	role listed "certificates = listed.pem" "crl = listed.crl" "names = listed.*" "may = enroll-production"
	role pair "pinned = paul.pem pia.pem per.pem paul-again.pem" "threshold = 2" "names = pair.*" "may = enroll-production"
	role kim "pinned = kim.pem" "names = kim.*" "may = enroll-production enroll-experimental"
	role preview "pinned = kim.pem" "names = preview.*" "may = enroll-experimental"
	role kurt "pinned = kurt.pem" "names = kurt.*" "may = enroll-production"
	role cora "pinned = cora.pem" "names = cora.*" "may = enroll-production"
	role rob "pinned = rob.pem" "names = rob.*" "may = enroll-production"
	role gus "pinned = gus.pem" "names = gus.*" "may = enroll-production"
	role security "pinned = security.pem" "names = *" "may = revoke"
	mkdir -p "$etc/policy.d"
	cat >"$etc/policy.d/60-tests.policy" <<-END
		[allow tests]
		group = bpfwarden-users
		probe = shop.* listed.* pair.* kim.* preview.* kurt.* cora.* rob.* gus.*
		target = self
		data = aggregates events
		channel = production
		[allow shop-administrator]
		user = $bob
		action = revoke
		probe = shop.*
	END
	bundle shop.a 1 shop ann
	bundle shop.a 2 shop nina
	bundle listed.a 1 listed leo
	bundle pair.a 1 pair paul
	bundle pair.a 2 pair paul paul-again
	bundle pair.a 3 pair paul pia
	bundle pair.a 4 pair paul pia per
	bundle kim.a 1 kim kim
	bundle kim.a 2 kim kim
	bundle kim.a 3 kim kim
	bundle kim.a 4 kim kim
	bundle kim.a 5 kim kim
	bundle kim.b 1 kim kim
	bundle kim.b 2 kim kim
	bundle kim.c 7 kim kim
	bundle kim.d 1 kim kim -- '.version = "another file"'
	bundle preview.a 1 preview kim
	bundle kurt.a 1 kurt kurt
	bundle cora.a 1 cora cora
	bundle rob.a 1 rob rob
	bundle gus.a 1 gus gus
}
host_begin prepare

enroll() { bpfwarden registry enroll "$@"; }
error_of() { # the typed error of alice's attaching a probe, or a serial of it; "" if she may
	call $alice io.bpfwarden.Probe.Attach \
		"$(jq -cn --arg probe "$1" --argjson serial "${2:-0}" '{probe: $probe, serial: $serial, dry_run: true}')" |
		jq -r '.error // "" | sub("io.bpfwarden."; "")'
}
is() { [ "$(error_of "$1" "$2")" = "$3" ]; } # PROBE SERIAL ERROR
attached() { # PROBE SERIAL: its id
	as $alice bpfwarden -o json ps | jq -r --arg probe "$1" --argjson serial "$2" \
		'.attachment | select(.probe == $probe and .serial == $serial) | .id'
}
is_detached() { [[ "$(why_ended "$1")" = *"$2"* ]]; }
is_attached() { [ -n "$(attached "$1" "$2")" ]; }
everything() {
	(cd "$state" && find registry revoked -type f -exec sha256sum {} + 2>/dev/null | sort)
	bpfwarden -o json registry list | jq -c .bundle | sort
	bpfwarden -o json ps --all | jq -r .attachment.id
}

# refused NAME CODE REGEX COMMAND…
refused() {
	local name=$1 want=$2 regex=$3 output code=0
	shift 3
	output=$("$@" 2>&1) || code=$?
	check_equal "$name: exit code" $code "$want"
	check_match "$name: says why" "$output" "$regex"
}

# unchanged NAME REGEX COMMAND…: a dry run
unchanged() {
	local name=$1 regex=$2 before
	shift 2
	before=$(everything)
	check_match "dry run, $name: says what would be" "$("$@" --dry-run 2>&1)" "$regex"
	check_equal "dry run, $name: changes nothing" "$(everything)" "$before"
}

# ended NAME PROBE SERIAL ERROR REGEX COMMAND…: alice is attached; the command takes it from her (the time is printed),
# and she is told why; the log has it; and nobody gets it any more.
ended() {
	local name=$1 probe=$2 serial=$3 error=$4 regex=$5 id from ms
	shift 5
	: >"$work/stream.err"
	stream $alice bpfwarden -o json run "$probe" --events --serial "$serial"
	check "$name: attached before" wait_until 30 is_attached "$probe" "$serial"
	id=$(attached "$probe" "$serial")
	from=$(date +%s%N)
	"$@" >"$work/act" 2>&1
	timeout 60 cat <&"$stream_fd" >/dev/null
	ms=$((($(date +%s%N) - from) / 1000000))
	exec {stream_fd}<&-
	echo "# $name: the client's stream ended after $ms ms"
	check_match "$name: the client is told why" "$(cat "$work/stream.err")" "$regex"
	check_equal "$name: nobody gets it any more" "$(error_of "$probe" "$serial")" "$error"
	check_match "$name: the end is recorded" "$(why_ended "$id")" "$regex"
}

# changed NAME REGEX: the change of trust is in the log.
changed() {
	check_match "$1: the change is in the log" "$(audit '.kind == "change" and .action == "trust"' | tail -n 1 | jq -r .detail)" "$2"
}

rolling_over() {
	local old_and_new
	check "roll-over: the old CA" enroll "$work/shop.a-1.bpfw"
	refused "roll-over: the new CA, not yet" 3 "signature not valid \\(S9\\)" enroll "$work/shop.a-2.bpfw"
	role shop "certificates = old.pem new.pem" "names = shop.*" "may = enroll-production"
	check "roll-over: both" wait_until 20 enroll "$work/shop.a-2.bpfw"
	check_equal "roll-over: overlap, signed under the old one" "$(error_of shop.a 1)" ""
	check_equal "roll-over: overlap, signed under the new one" "$(error_of shop.a 2)" ""
	old_and_new=$(attach $alice shop.a --serial 2)
	ended "roll-over, the old CA is taken out" shop.a 1 SignatureInvalid "not trusted any more" \
		role shop "certificates = new.pem" "names = shop.*" "may = enroll-production"
	changed "roll-over" "^shop.a-1 is refused \\(SignatureInvalid\\)"
	check_equal "roll-over: what the new one signed stays" "$(error_of shop.a 2)" ""
	check_equal "roll-over: and stays attached" "$(attached shop.a 2)" "$old_and_new"
	as $alice bpfwarden -q detach "$old_and_new"
}

thresholds() {
	refused "threshold: 1 of 2" 3 "signature not valid \\(T10\\)" enroll "$work/pair.a-1.bpfw"
	refused "threshold: one key twice, in two certificates" 3 "signature not valid \\(T10\\).*needs 2 distinct keys.*only 1" \
		enroll "$work/pair.a-2.bpfw"
	rm -rf "$work/twice"
	mkdir "$work/twice"
	tar -xf "$work/pair.a-1.bpfw" -C "$work/twice"
	cp "$work/twice/manifest.json.paul.p7s" "$work/twice/manifest.json.somebody.p7s"
	refused "threshold: one signature twice" 3 "signature not valid \\(T10\\)" enroll "$work/twice"
	check "threshold: 2 of 2" enroll "$work/pair.a-3.bpfw"
	check "threshold: 3 of 2" enroll "$work/pair.a-4.bpfw"
	check_equal "show: who signed" "$(bpfwarden -o json registry show pair.a-4 | jq -r '.signatures[].key' | sort | xargs)" \
		"$(for signer in paul pia per; do digest_of_key $signer; done | sort | xargs)"
	check_equal "show: the certificates" "$(bpfwarden -o json registry show pair.a-3 | jq -r '.signatures[].certificate' | sort | xargs)" \
		"$(for signer in paul pia; do digest_of_certificate $signer; done | sort | xargs)"
	check_match "show: for people" "$(bpfwarden registry show pair.a-4)" "signature by CN=pia"
}

# Signing is not enrolling, and enrolling is not signing.
two_persons() {
	refused "two persons: whoever signs, but may not enroll" 3 "denied by policy" as $alice bpfwarden registry enroll "$work/kim.a-1.bpfw"
	refused "two persons: whoever may enroll, but was not given enough signatures" 3 "\\(T10\\)" enroll "$work/pair.a-1.bpfw"
	check "two persons: both" enroll "$work/kim.a-1.bpfw"
}

serials() {
	check "serial: 3 after 1" enroll "$work/kim.a-3.bpfw"
	refused "serial: 2 after 3" 3 "^bpfwarden: older than what was there before \\(kim.a-2\\): serial 3 was in the production channel before; to go back" \
		enroll "$work/kim.a-2.bpfw"
	refused "serial: 2 after 3, a dry run" 3 "kim.a-2" enroll --dry-run "$work/kim.a-2.bpfw"
	check "serial: another channel has its own" enroll --experimental "$work/kim.a-2.bpfw"
	refused "serial: 2 after 3, by promotion" 3 "older than what was there before \\(kim.a-2\\)" bpfwarden registry promote kim.a-2
	check_equal "serial: show tells the highest" \
		"$(bpfwarden -o json registry show kim.a | jq -c '[.highest_production, .highest_experimental]')" "[3,2]"
	check_equal "serial: refusals are in the log" \
		"$(audit '.verdict == "deny" and .refusal.name == "SerialRollback"' | jq -r .action | sort -u | xargs)" "enroll promote"
	stop_daemon
	rm -rf "${state:?}/registry/kim.a/3" "${state:?}/registry/kim.a/2"
	start_daemon "$prefix" "$log.2"
	refused "serial: 2 after 3, which was removed" 3 "serial 3 was in the production channel before" enroll "$work/kim.a-2.bpfw"
	mkdir "$state/registry/kim.a/.3.new"
	echo half >"$state/registry/kim.a/.3.new/another.data"
	chown -R bpfwarden: "$state/registry/kim.a/.3.new"
	check "serial: the same again, which was removed, over what an enrolment left that broke off" enroll "$work/kim.a-3.bpfw"
	check_equal "serial: which is all of it" "$(ls -A "$state/registry/kim.a" | xargs)" "1 3 highest"
	stop_daemon
	echo "production=x" >"$state/registry/kim.a/highest"
	chown bpfwarden: "$state/registry/kim.a/highest"
	start_daemon "$prefix" "$log.3"
	refused "serial: what was there before cannot be read" 1 "which serials of kim.a were there before cannot be read" \
		enroll "$work/kim.a-4.bpfw"
	printf 'production=3\nexperimental=2\n' >"$state/registry/kim.a/highest"
	check "serial: and then it can" enroll "$work/kim.a-4.bpfw"
}

promoting() {
	check "promote: experimental first" enroll --experimental "$work/kim.b-1.bpfw"
	check "promote: one that must not be" enroll --experimental "$work/preview.a-1.bpfw"
	check_equal "promote: not in production yet" "$(error_of kim.b)" NotEnrolled
	unchanged promote "^would promote kim.b-1 to production" bpfwarden registry promote kim.b-1
	refused "promote: alice may not" 3 "denied by policy" as $alice bpfwarden registry promote kim.b-1
	refused "promote: what is not there" 3 "not enrolled \\(kim.b-9\\)" bpfwarden registry promote kim.b-9
	refused "promote: a role that may not" 3 "signature not valid \\(E1\\): role .*preview may not sign for the production channel" \
		bpfwarden registry promote preview.a-1
	check_match "promote" "$(bpfwarden registry promote kim.b-1)" "^promoted kim.b-1 to production"
	check_equal "promote: in production" "$(error_of kim.b)" ""
	refused "promote: twice" 1 "enrolled already \\(kim.b-1\\)" bpfwarden registry promote kim.b-1
	check_equal "promote: a decision and its outcome" \
		"$(audit '.action == "promote" and .probe == "kim.b" and .serial == 1 and .verdict != "deny" and .detail != "dry run"' |
			jq -r '.kind + " " + .verdict' | xargs)" "decision allow outcome ok"
	stop_daemon
	start_daemon "$prefix" "$log.4"
	check_equal "promote: after a restart" "$(error_of kim.b)" ""
}

by_command() {
	local id file key
	check "by command: others" enroll "$work/kurt.a-1.bpfw"
	check "by command: others" enroll "$work/cora.a-1.bpfw"
	check "by command: another version" enroll "$work/kim.d-1.bpfw"

	unchanged "revoke a bundle" "would detach 0 attachments" bpfwarden registry revoke kim.a-4
	ended "registry revoke NAME-SERIAL" kim.a 4 Revoked "kim.a-4 was revoked by root: a flaw" \
		bpfwarden registry revoke kim.a-4 --reason "a flaw"
	check_match "registry revoke NAME-SERIAL: says who and how long" "$(cat "$work/act")" "detached 1 attachment of $alice \\(1\\) in [0-9]+ ms"

	key=$(digest_of_key kurt)
	refused "revoke a key: alice may not" 3 "denied by policy" as $alice bpfwarden registry revoke --key "$key"
	refused "revoke a key: bob, for other names than his" 3 "does not allow you to revoke kurt.a" as $bob bpfwarden registry revoke --key "$key"
	refused "revoke a key that nobody used: bob may not" 3 "does not allow you to revoke key 00" \
		as $bob bpfwarden registry revoke --key "$(printf '%064d' 7)"
	unchanged "revoke a key" "^would stop kurt.a-1" bpfwarden registry revoke --key "$key"
	ended "registry revoke --key" kurt.a 1 SignatureInvalid "key of its signers was revoked by root: stolen" \
		bpfwarden registry revoke --key "$key" --reason stolen
	check_match "registry revoke --key: says what and who" "$(cat "$work/act")" "^stopped kurt.a-1"
	changed "registry revoke --key" "^kurt.a-1 is refused \\(SignatureInvalid\\).*stolen"
	refused "revoke a key: twice" 3 "key $key was revoked before" bpfwarden registry revoke --key "$key"
	refused "revoke a key: nothing of it comes in" 3 "signature not valid \\(T14\\)" enroll "$work/kurt.a-1.bpfw"
	check_equal "revoke a key: decision and outcome say which" \
		"$(audit ".action == \"revoke\" and .verdict != \"deny\" and (.detail // \"\" | startswith(\"key $key\"))" | jq -r .kind | xargs)" "decision outcome"

	ended "registry revoke --certificate" cora.a 1 SignatureInvalid "certificate of its signers was revoked by root" \
		bpfwarden registry revoke --certificate "$pki/cora.pem"
	check_equal "registry revoke --certificate: of the PEM file's DER form" \
		"$(tail -n 1 "$state/revoked" | cut -d' ' -f1,2)" "certificate $(digest_of_certificate cora)"

	# One of three keys with a threshold of two: what all three signed stays, what two of them signed ends.
	id=$(attach $alice pair.a --serial 4)
	unchanged "revoke one key of three" "^would stop pair.a-3" bpfwarden registry revoke --key "$(digest_of_key pia)"
	ended "registry revoke --key, one of two" pair.a 3 SignatureInvalid "needs 2 distinct keys and only 1" \
		bpfwarden registry revoke --key "$(digest_of_key pia)"
	check_equal "registry revoke --key: two others are enough" "$(error_of pair.a 4)" ""
	check_equal "registry revoke --key: and it stays attached" "$(attached pair.a 4)" "$id"
	as $alice bpfwarden -q detach "$id"

	file=$(digest_of_file kim.d-1 .data)
	unchanged "revoke a file" "^would stop kim.d-1" bpfwarden registry revoke --file "$file"
	ended "registry revoke --file" kim.d 1 Revoked "was revoked: copied" \
		bpfwarden registry revoke --file "$file" --reason copied
	changed "registry revoke --file" "^kim.d-1 is refused \\(Revoked\\).*copied"

	mknod "$state/revoked.new" c 1 7 # /dev/full
	chown bpfwarden: "$state/revoked.new"
	refused "registry revoke, and the disk is full" 1 "until the daemon restarts, but the registry cannot be written: No space left" \
		bpfwarden registry revoke --key "$(printf '%064d' 9)"
	refused "registry revoke, and the disk is full: it holds" 3 "was revoked before" bpfwarden registry revoke --key "$(printf '%064d' 9)"
	rm "$state/revoked.new"
}

restarting() {
	stop_daemon
	start_daemon "$prefix" "$log.5"
	check_equal "after a restart: the key is revoked" "$(error_of kurt.a)" SignatureInvalid
	check_equal "after a restart: the certificate is revoked" "$(error_of cora.a)" SignatureInvalid
	check_equal "after a restart: the file is revoked" "$(error_of kim.d 1)" Revoked
	check_equal "after a restart: the bundle is revoked" "$(error_of kim.a 4)" Revoked
}

# What is attached outlives the warden, and so does what was taken away while there was none.
without_warden() {
	local id
	check "no warden: enrolled" enroll "$work/kim.a-5.bpfw"
	id=$(attach $alice kim.a --serial 5)
	check_equal "no warden: attached before" "$(attached kim.a 5)" "$id"
	kill -STOP "$(process_of warden)" # it shall not notice
	revocations security '{"bundle":"kim.a","serial":5,"reason":"at night"}'
	kill -KILL "$(process_of warden)"
	check "no warden: its successor ends what is attached" wait_until 60 is_detached "$id" "kim.a-5 was revoked: at night"
	check_equal "no warden: nobody gets it any more" "$(error_of kim.a 5)" Revoked
	rm "$etc/trust/revocations.json"
	check "no warden: and then it is accepted again" wait_until 20 is kim.a 5 ""
}

expired_crl() {
	pki_crl listed -crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z
	trust listed.crl
}

by_trust() {
	check "by trust: listed" enroll "$work/listed.a-1.bpfw"
	check "by trust: rob" enroll "$work/rob.a-1.bpfw"
	check "by trust: kim" enroll "$work/kim.c-7.bpfw"

	ended "a CRL that has expired" listed.a 1 SignatureInvalid "not trusted any more" expired_crl
	refused "a CRL that has expired: nothing comes in" 3 "signature not valid \\(S13\\)" enroll "$work/listed.a-1.bpfw"
	pki_crl listed
	trust listed.crl
	check "a CRL that is fresh again" wait_until 20 is listed.a 1 ""

	pki_revoke listed leo
	pki_crl listed
	ended "a CRL that lists the signer" listed.a 1 SignatureInvalid "not trusted any more" trust listed.crl
	changed "a CRL that lists the signer" "^listed.a-1 is refused \\(SignatureInvalid\\)"

	ended "a role that is removed" rob.a 1 SignatureInvalid "not trusted any more" rm "$etc/trust/rob.conf"
	role rob "pinned = rob.pem" "names = rob.*" "may = enroll-production"
	check "a role that comes back" wait_until 20 is rob.a 1 ""
	changed "a role that comes back" "^rob.a-1 is accepted again"

	ended "a role that may not enroll any more" rob.a 1 SignatureInvalid "not trusted any more: role rob may not" \
		role rob "pinned = rob.pem" "names = rob.*" "may = enroll-experimental"

	ended "revocations.json, a serial" kim.c 7 Revoked "kim.c-7 was revoked: a leak" \
		revocations security '{"bundle":"kim.c","serial":7,"reason":"a leak"}'
	changed "revocations.json" "^kim.c-7 is refused \\(Revoked\\).*a leak"
	ended "revocations.json, all below" kim.b 1 Revoked "kim.b-1 was revoked" \
		revocations security '{"bundle":"kim.c","serial":7}' '{"bundle":"kim.b","below":2}'
	ended "revocations.json, a key" pair.a 4 SignatureInvalid "needs 2 distinct keys and only 1" \
		revocations security "{\"key\":\"$(digest_of_key per)\"}"
	check_equal "revocations.json: what it does not name any more is accepted again" "$(error_of kim.c 7)" ""
	ended "revocations.json, a file" kim.c 7 Revoked "was revoked" \
		revocations security "{\"file\":\"$(digest_of_file kim.c-7 .data)\"}"
	rm "$etc/trust/revocations.json"
	check "revocations.json: removed" wait_until 20 is kim.c 7 ""
}

# A mistake in a trust file lets nobody in, and throws nobody out.
broken() {
	local id
	id=$(attach $alice kim.b)
	echo "[role" | trust - broken.conf
	check "a broken trust file: nothing new" wait_until 20 is kim.b 1 TrustInvalid
	check "a broken trust file: the failure is in the log" test -n \
		"$(audit '.kind == "change" and .action == "trust" and .verdict == "failed" and .refusal.name == "TrustInvalid"')"
	revocations rob '{"bundle":"kim.b","serial":1}'
	check_equal "a broken trust file: what runs stays" "$(attached kim.b 1)" "$id"
	rm "$etc/trust/broken.conf"
	# Signed by a role that may not revoke.
	check "a list that nobody may sign: nothing new" wait_until 20 is kim.b 1 TrustInvalid
	check_equal "a list that nobody may sign: what runs stays" "$(attached kim.b 1)" "$id"
	rm "$etc/trust/revocations.json" "$etc/trust/revocations.json.rob.p7s"
	check "without it" wait_until 20 is kim.b 1 ""
	check_equal "without it: what ran still does" "$(attached kim.b 1)" "$id"
	as $alice bpfwarden -q detach "$id"
}

# A revocation that meets a parser that has just died waits for the next one.
without_parser() {
	check "no parser: enrolled" enroll "$work/gus.a-1.bpfw"
	revoke_over_its_dead_body() {
		kill -KILL "$(process_of parser)"
		bpfwarden registry revoke --key "$(digest_of_key gus)" --reason gone
	}
	ended "registry revoke --key, and the parser dies" gus.a 1 SignatureInvalid "key of its signers was revoked by root: gone" \
		revoke_over_its_dead_body
	check_match "registry revoke --key, and the parser dies: it is told who" "$(cat "$work/act")" "detached 1 attachment of $alice"
}

# Changes that come while what came before is being looked at: the last one counts.
storm() {
	local i warden
	warden=$(process_of warden)
	for ((i = 0; i < 40; i++)); do
		role kim "pinned = kim.pem" "names = kim.a" "may = enroll-production"
		[ $((i % 4)) != 0 ] || kill -HUP "$warden"
		role kim "pinned = kim.pem" "names = kim.*" "may = enroll-production enroll-experimental"
		[ $((i % 7)) != 0 ] || as $alice bpfwarden -q attach kim.b --for 1s >/dev/null 2>&1
	done
	role kim "pinned = kim.pem" "names = kim.a" "may = enroll-production"
	check "a storm of changes: the last one takes away" wait_until 20 is kim.b 1 SignatureInvalid
	role kim "pinned = kim.pem" "names = kim.*" "may = enroll-production enroll-experimental"
	check "a storm of changes: the last one gives back" wait_until 20 is kim.b 1 ""
	check_equal "a storm of changes: the warden has lived through it" "$(process_of warden)" "$warden"
}

# No descriptors left: that says nothing about any bundle, and what cannot be read this time is not forgotten.
shortage() {
	local id warden limit
	warden=$(process_of warden)
	limits() { setpriv --reuid bpfwarden --regid bpfwarden --clear-groups prlimit --pid "$warden" "$@"; }
	id=$(attach $alice kim.b --serial 1)
	limit=$(limits --nofile --output SOFT --noheadings --raw)
	limits --nofile=3:
	kill -HUP "$warden"
	check "a shortage of descriptors: it is noticed" wait_until 20 grep -q "the registry cannot be read: Too many open files" "$log".*
	limits --nofile="$limit":
	check_equal "a shortage of descriptors: no bundle is forgotten" "$(error_of kim.b 1)" ""
	check_equal "a shortage of descriptors: what runs stays" "$(attached kim.b 1)" "$id"
	as $alice bpfwarden -q detach "$id"
	role kim "pinned = kim.pem" "names = kim.a" "may = enroll-production"
	check "a shortage of descriptors: changes of trust are still noticed" wait_until 20 is kim.b 1 SignatureInvalid
	role kim "pinned = kim.pem" "names = kim.*" "may = enroll-production enroll-experimental"
	check "a shortage of descriptors: both ways" wait_until 20 is kim.b 1 ""
}

# The directory itself goes and comes back.
vanishing() {
	mv "$etc/trust" "$work/trust.away"
	check "trust directory: without it nothing is trusted" wait_until 20 is kim.b 1 SignatureInvalid
	mv "$work/trust.away" "$etc/trust"
	check "trust directory: it comes back" wait_until 20 is kim.b 1 ""
	mv "$etc" "$etc.away"
	check "trust directory: nor without its parent" wait_until 20 is kim.b 1 SignatureInvalid
	mv "$etc.away" "$etc"
	check "trust directory: both come back" wait_until 20 is kim.b 1 ""
}

times() {
	local end ms
	end=$(($(date +%s) + 20)) # long enough for a slow machine to enroll and attach it
	bundle kim.e 2 kim kim -- ".\"not-after\" = $end"
	check "not-after: enrolled before" enroll "$work/kim.e-2.bpfw"
	check_equal "not-after: shown" "$(bpfwarden -o json registry show kim.e-2 | jq -c '[.not_after, .valid_until]')" "[$end,$end]"
	: >"$work/stream.err"
	stream $alice bpfwarden -o json run kim.e --events --serial 2
	timeout 60 cat <&"$stream_fd" >/dev/null
	ms=$((($(date +%s%N) - (end + 1) * 1000000000) / 1000000))
	exec {stream_fd}<&-
	echo "# not-after: the client's stream ended $ms ms after its last valid second"
	check "not-after: not before" test $ms -ge 0
	check_match "not-after: the client is told why" "$(cat "$work/stream.err")" "not trusted any more.*not-after"
	check_equal "not-after: nobody gets it any more" "$(error_of kim.e 2)" SignatureInvalid
	refused "not-after: nor does it come in" 3 "signature not valid \\(T13\\)" enroll --experimental "$work/kim.e-2.bpfw"
}

rolling_over
thresholds
two_persons
serials
promoting
by_command
restarting
without_warden
by_trust
without_parser
broken
storm
shortage
vanishing
times
one_outcome "in the end"
host_finish
