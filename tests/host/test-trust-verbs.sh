#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a security team does with trust before any daemon hears of it: make it, look at it, verify bundles by it,
# revoke. Done by somebody without any privilege; root installs once, with the commands that were printed.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/outside.sh
. "$(dirname "$0")/outside.sh"
outside_begin
cd "$work/mine" || exit 1
bw() { as $carol bpfwarden "$@"; }

# says NAME CODE REGEX COMMAND…: both streams together.
says() {
	local name=$1 want=$2 regex=$3 output code=0
	shift 3
	output=$("$@" 2>&1) || code=$?
	check_equal "$name: exit code" $code "$want"
	check_match "$name: text" "$output" "$regex"
}

# ---- init ----
bw trust init shop --role release --names 'shop.* tcp.own' --signer alice --signer bob --threshold 2 >steps
check_equal "init: keys are for their owner only" "$(stat -c %a:%U shop/*.key | sort -u)" "600:$carol"
check_equal "init: no more than these" "$(ls shop | tr '\n' ' ')" "alice.key alice.pem bob.key bob.pem release-ca.key release-ca.pem release.conf "
check "init: nothing was installed" test ! -e "$etc"
check "init: openssl agrees on the chain" openssl verify -x509_strict -purpose any -CAfile shop/release-ca.pem shop/alice.pem shop/bob.pem
check_match "init: the authority's key is not for hosts" "$(cat steps)" 'Keep shop/release-ca.key'
says "init: not where something is" 1 'shop is not empty' bw trust init shop
says "init: more signers than there are" 2 '2 must sign and there is 1' bw trust init other --threshold 2
says "init: no such name" 1 "other/site.conf:[0-9]+:[0-9]+: 'Tcp' is not the name" bw trust init other --names Tcp
says "init: no object to print" 2 '-o json is for' bw trust init other -o json
says "init: an authority that is none" 1 '^bpfwarden: shop/alice.pem: the certificate is not that of a CA' bw trust init other --ca shop/alice.pem
cat shop/release-ca.pem shop/release-ca.key >both.pem
says "init: a private key is not copied" 1 '^bpfwarden: both.pem: there is a block PRIVATE KEY' bw trust init other --ca both.pem
says "init: no such authority" 4 'nosuch.pem: No such file' bw trust init other --ca nosuch.pem
check "init: nothing is left of what failed" test ! -e other
as $carol mkdir empty
says "init: nor in a directory that was there" 1 "'Tcp' is not the name" bw trust init empty --names Tcp
check_equal "init: which stays" "$(ls -A empty && echo there)" there
chmod 777 empty
says "init: not where others may write" 1 'empty is not yours alone' bw trust init empty
chmod 755 empty && chown root empty
says "init: not in somebody else's" 1 'empty is not yours alone' bw trust init empty
check_equal "init: where nothing is written" "$(ls -A empty && echo there)" there
printf 'openssl_conf = a\n[a]\nproviders = b\n[b]\nnull = c\n[c]\nactivate = 1\n' >openssl.cnf
check "init: whatever openssl.cnf says" as $carol env OPENSSL_CONF="$PWD/openssl.cnf" bpfwarden -q trust init unconfigured
says "init: no such right" 1 'none of enroll-production' bw trust init other --may sudo
says "init: no path for a role" 2 'not a short name' bw trust init other --role ../x
says "init: no path for a signer" 2 'not a short name' bw trust init other --signer a/b
says "init: two of one name" 2 'there twice' bw trust init other --signer a --signer a
says "init: a certificate that is no authority's" 1 'is not that of a CA' bw trust init other --ca shop/alice.pem
says "init: own authority and new signer" 2 'yours .--ca. makes its own' bw trust init other --ca "$work/ca.pem" --signer a
check "init: none of them left anything" test ! -e other
check "init: with an authority that is there" bw -q trust init given --role given --ca "$work/ca.pem"
check_equal "init: then there is no key" "$(ls given | tr '\n' ' ')" "ca.pem given.conf "

# ---- verify: as a directory ----
unsigned shop.probe 1
sign() { bw bundle sign "$1" --key "shop/$2.key" --cert "shop/$2.pem" "${@:3}"; }
says "verify: nobody signed" 3 'between 1 and 8 signatures, this one 0.*T9' bw bundle verify shop.probe-1.bpfw --trust shop
sign shop.probe-1.bpfw alice >out 2>&1
says "verify: one is too few" 3 '1 of 2 signatures for role release: too few' bw bundle verify shop.probe-1.bpfw --trust shop
says "verify: and that is rule T10" 3 'SignatureInvalid, T10' bw bundle verify shop.probe-1.bpfw --trust shop
sign shop.probe-1.bpfw alice --signer again >out 2>&1
check_match "sign: a key's second signature is pointed out" "$(cat out)" 'is by the same key'
says "verify: a key counts once" 3 'manifest.json.alice.p7s does not count: .*by the same key as manifest.json.again.p7s' bw bundle verify shop.probe-1.bpfw --trust shop
key_pem erin
issue erin -force_pubkey erin.pub
bw bundle sign shop.probe-1.bpfw --key erin.key --cert erin.pem >out
says "verify: a stranger does not count, by rule" 3 'manifest.json.erin.p7s does not count: .*\(S9\)' bw bundle verify shop.probe-1.bpfw --trust shop
bw -q bundle verify shop.probe-1.bpfw --trust shop -o json >json 2>&1
check_equal "verify: JSON of a refusal" "$(jq -c '[.accepted, .refusal.check, (.roles[] | [.role, .signatures, .threshold, .met]), (.signatures[] | [.file, .counts, .refusal.check, .same_key_as])]' json)" \
	'[false,"T10",["release",1,2,false],["manifest.json.again.p7s",true,null,null],["manifest.json.alice.p7s",false,null,"manifest.json.again.p7s"],["manifest.json.erin.p7s",false,"S9",null]]'
sign shop.probe-1.bpfw bob >out
says "verify: two are enough" 0 '2 of 2 signatures for role release$' bw bundle verify shop.probe-1.bpfw --trust shop
says "verify: for what" 0 'may be enrolled for production and experimental' bw bundle verify shop.probe-1.bpfw --trust shop
bw bundle verify shop.probe-1.bpfw --trust shop -o json >json
check_equal "verify: JSON of a verdict" "$(jq -c '[.bundle, .serial, .accepted, .enroll, .refusal, (.digest == $d)]' --arg d "$(tar -xOf shop.probe-1.bpfw manifest.json | sha256sum | cut -c1-64)" json)" \
	'["shop.probe",1,true,["production","experimental"],null,true]'
check_equal "verify: -o json in front" "$(bw -o json bundle verify shop.probe-1.bpfw --trust shop)" "$(cat json)"
unsigned foreign.probe 1
sign foreign.probe-1.bpfw alice >out && sign foreign.probe-1.bpfw bob >out
says "verify: a name that the role does not list" 3 'may not sign foreign.probe \(SignatureInvalid, T11\)' bw bundle verify foreign.probe-1.bpfw --trust shop
says "verify: no such bundle" 4 'No such file' bw bundle verify nosuch.bpfw --trust shop
says "verify: no such trust" 4 'No such file' bw bundle verify shop.probe-1.bpfw --trust nosuch
cp shop.probe-1.bpfw cut.bpfw && truncate -s -2000 cut.bpfw
says "verify: trust that is no directory" 1 '^bpfwarden: shop/release.conf: Not a directory' bw bundle verify shop.probe-1.bpfw --trust shop/release.conf
says "check: nor there" 1 '^bpfwarden: shop/release.conf: Not a directory' bw trust check shop/release.conf
says "verify: a bundle that is none" 3 'BundleInvalid, C' bw bundle verify cut.bpfw --trust shop
says "verify: usage" 2 'text or json' bw bundle verify shop.probe-1.bpfw --trust shop -o yaml

# ---- verify: as the host's ----
says "verify: the host trusts nobody yet" 3 'SignatureInvalid, ' bw bundle verify shop.probe-1.bpfw
check "install, as printed" bash -ec "$(sed -n 's/^  install/install/p' steps)"
says "verify: the host's trust by default" 0 'shop.probe-1: accepted' bw bundle verify shop.probe-1.bpfw
check "check: the host's trust by default" bw trust check --strict

# ---- show ----
bw -o json trust show shop >json
check_equal "show: JSON" "$(jq -c '.roles[0] | [.name, .threshold, .names, .may, .crl, .certificates[0].pinned]' json)" \
	'["release",2,["shop.*","tcp.own"],["enroll-production","enroll-experimental","revoke"],false,false]'
check_equal "show: the key is the one that openssl has" "$(jq -r '.roles[0].certificates[0].key' json)" \
	"$(openssl x509 -in shop/release-ca.pem -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64)"
check_equal "show: the certificate too" "$(jq -r '.roles[0].certificates[0].certificate' json)" \
	"$(openssl x509 -in shop/release-ca.pem -outform DER | sha256sum | cut -c1-64)"
says "show: text" 0 'threshold +2 distinct keys' bw trust show shop
check_equal "show: the host's" "$(bw -o json trust show | jq -r '[.roles[].name] | sort | join(" ")')" "release standard"

# ---- check ----
mkdir check
pin() { # NAME DAYS: a pinned leaf
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$2" -subj "/CN=$1" -keyout /dev/null -out "check/$1.pem" \
		-addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=critical,codeSigning 2>"$work/err"
}
role() { printf '[role %s]\n%s\n' "$1" "$2" >"check/$1.conf"; }
pin fine 400
pin soon 80
role fine $'pinned = fine.pem\nnames = fine.*\nmay = enroll-production'
chown -R $carol check
says "check: nothing to say" 0 '^1 role, 0 revocations, 0 warnings$' bw trust check check
role fine $'pinned = fine.pem soon.pem\nnames = fine.*\nmay = enroll-production'
says "check: a certificate that ends soon" 0 '^check/fine.conf:1: role fine: CN=soon expires on 20' bw trust check check
says "check: which fails when strict" 1 '1 warning$' bw trust check check --strict
role fine $'pinned = fine.pem\nnames = fine.*\nthreshold = 2\nmay = enroll-production'
says "check: a threshold that nobody can meet" 0 '2 distinct keys must sign, but only 1 are pinned' bw trust check check
role fine $'pinned = fine.pem\nnames = fine.*'
says "check: a role without rights" 0 'may do nothing by itself' bw trust check check
role fine $'pinned = fine.pem\nnames = fine.*\nmay = enroll-production enroll-experimental\nthreshold = 1'
pin second 400
role high $'pinned = fine.pem second.pem\nnames = other.x f?ne.tcp\nmay = enroll-production\nthreshold = 2'
chown -R $carol check
says "check: a role that undercuts another" 0 'role high: of what is f\?ne.tcp here, role fine may sign fine.\* as well, for enroll-production, with 1 key instead of 2' bw trust check check
role fine $'pinned = fine.pem\nnames = fine.*\nmay = enroll-experimental'
says "check: which it does not with other rights" 0 ' 0 warnings$' bw trust check check
bw -o json trust check check >json
check_equal "check: JSON" "$(jq -c . json)" '{"roles":2,"revoked":0,"warnings":[]}'
rm check/high.conf
mkdir past && : >past/index && echo 01 >past/serial
printf '[ca]\ndefault_ca = db\n[db]\ndatabase = past/index\nserial = past/serial\nnew_certs_dir = past\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n' >past/cnf
# issued_for NAME FROM UNTIL: a pinned leaf of these dates
issued_for() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj "/CN=$1" -out past/csr 2>"$work/err" &&
		openssl ca -batch -notext -config past/cnf -in past/csr -cert "$work/ca.pem" -keyfile "$work/ca.key" -startdate "$2" -enddate "$3" \
			-extfile "$work/ca.cnf" -extensions leaf -out "check/$1.pem" 2>"$work/err"
}
issued_for over 20200101000000Z 20210101000000Z && issued_for early 20700101000000Z 20710101000000Z || not_ok "openssl ca" "$(cat "$work/err")"
role fine $'pinned = over.pem early.pem\nnames = fine.*\nmay = enroll-production'
says "check: a certificate that has expired" 0 'CN=over has expired on 2021-01-01: what it signed counts no more' bw trust check check
says "check: a certificate that is not valid yet" 0 'CN=early is not valid before 2070-01-01' bw trust check check
check_equal "check: kinds of warnings" "$(bw -o json trust check check | jq -c '[.warnings[].kind]')" '["certificate-expired","certificate-not-yet-valid"]'
role fine $'pinned = fine.pem\nnames = fine.*\nmay = enrol'
says "check: an error has a place" 1 "^bpfwarden: check/fine.conf:4:7: 'enrol' is none of" bw trust check check
role fine $'pinned = gone.pem\nnames = fine.*'
says "check: a file that is missing" 1 'check/fine.conf:2:10: there is no file gone.pem' bw trust check check
role fine $'pinned = fine.pem\nnames = fine.*\nmay = revoke'
chmod 666 check/fine.pem
says "check: a file that others may write" 1 'check/fine.conf:2:10: ' bw trust check check
chmod 644 check/fine.pem
says "check: no such directory" 4 'nosuch: No such file' bw trust check nosuch

# Revocation lists of an authority.
mkdir db && : >db/index && echo 01 >db/crl
printf '[ca]\ndefault_ca = db\n[db]\ndatabase = db/index\ncrlnumber = db/crl\ndefault_md = sha256\ndefault_crl_days = 60\n' >db/cnf
crl() { openssl ca -config db/cnf -gencrl -cert "$work/ca.pem" -keyfile "$work/ca.key" -out check/ca.crl "$@" 2>"$work/err"; }
cp "$work/ca.pem" check/
role fine $'certificates = ca.pem\nnames = fine.*\nmay = revoke\ncrl = ca.crl'
says "check: a CRL that is missing" 0 'there is no CRL of CN=Test CA' bw trust check check
crl -crl_lastupdate 20200101000000Z -crl_nextupdate 20210101000000Z
says "check: a CRL that is over" 0 'the CRL of CN=Test CA was to be replaced by 2021-01-01' bw trust check check
crl -crldays 3
says "check: a CRL that is over soon" 0 'the CRL of CN=Test CA must be replaced by' bw trust check check
crl
says "check: a CRL that is good" 0 '^1 role, 0 revocations, 0 warnings$' bw trust check check --strict
check_equal "show: CRL" "$(bw -o json trust show check | jq -c '.roles[0].crls[0] | [.issuer, .revoked]')" '["CN=Test CA",0]'

# ---- revoke ----
list=shop/revocations.json
says "revoke: what" 2 'what\? say' bw trust revoke $list
says "revoke: one serial" 0 'shop.probe-7 added, 1 in all' bw trust revoke $list shop.probe-7 --reason 'it "leaks"'
says "revoke: says how openssl signs" 0 'openssl cms -sign -binary -in shop/revocations.json ' bw trust revoke $list shop.probe --below 1
says "revoke: not twice" 1 'is in it already' bw trust revoke $list shop.probe-7
says "revoke: no serial" 2 'which serials' bw trust revoke $list shop.probe
says "revoke: no name" 2 'is not the name of a bundle' bw trust revoke $list 'Shop-1'
says "revoke: a name that no bundle has" 1 'TrustInvalid, L9' bw trust revoke $list 9-1
says "revoke: a reason that cannot be shown" 1 'not printable .TrustInvalid, L9' bw trust revoke $list a-1 --reason $'a\tb'
says "revoke: no digest" 2 'not a SHA-256' bw trust revoke $list --file 12
says "revoke: no certificate" 2 'certificate' bw trust revoke $list --certificate shop/bob.key
says "revoke: no object to print" 2 '-o json is for' bw trust revoke $list a-1 -o json
says "revoke: two at once" 2 'one thing at a time' bw trust revoke $list a-1 --file 12
before=$(sha256sum <$list)
says "revoke: dry run shows it" 0 '"bundle":"shop.other","serial":1}' bw trust revoke $list shop.other-1 --dry-run
check_equal "revoke: and writes nothing" "$(sha256sum <$list)" "$before"
says "unsigned, it refuses all of trust" 1 'revocations.json: no role that may revoke has signed it' bw trust check shop
as $carol bash -c "cd $work/mine && $(bw trust revoke $list --file "$(sha256sum <"$build/bpf/tcp.state.bpf.o" | cut -c1-64)" | sed -n 's/^  openssl/openssl/p' | sed "s/CERT/shop\/alice/; s/KEY\.pem/shop\/alice.key/; s/$carol\.p7s/alice.p7s/")"
says "one of two signed" 1 'needs 2 distinct keys and only 1' bw trust check shop
says "revoke: the second signs what is there" 0 'revocations.json.bob.p7s: good' bw trust revoke $list --key-file shop/bob.key --cert shop/bob.pem
says "both signed" 0 '1 role, 3 revocations, 0 warnings' bw trust check shop
says "show: with reasons" 0 '^  shop.probe-7: it "leaks"$' bw trust show shop
says "verify: a file of it is revoked" 3 'Revoked, shop.probe-1' bw bundle verify shop.probe-1.bpfw --trust shop
# revoked NAME CODE REGEX OPTION…: a list of this entry alone, signed by both.
revoked() {
	rm -f shop/revocations.json*
	bw -q trust revoke $list "${@:4}" --key-file shop/alice.key --cert shop/alice.pem &&
		bw -q trust revoke $list --key-file shop/bob.key --cert shop/bob.pem || not_ok "$1" "no list"
	says "$1" "$2" "$3" bw bundle verify shop.probe-1.bpfw --trust shop
}
revoked "verify: another serial is revoked" 0 'accepted' shop.probe-2
revoked "verify: this serial is" 3 'Revoked, shop.probe-1' shop.probe-1 --reason why
revoked "verify: all before this serial are" 0 'accepted' shop.probe --below 1
revoked "verify: all before the next are" 3 'Revoked, shop.probe-1' shop.probe --below 2
revoked "verify: a certificate is" 3 "manifest.json.bob.p7s does not count: .*CN=bob: the signer's certificate was revoked: bob left \(T14\)" \
	--certificate shop/bob.pem --reason 'bob left'
says "verify: and its signature is not counted" 3 '1 of 2 signatures for role release: too few' bw bundle verify shop.probe-1.bpfw --trust shop
revoked "verify: a certificate is, by its digest" 3 'SignatureInvalid, T14' --certificate "$(openssl x509 -in shop/bob.pem -outform DER | sha256sum | cut -c1-64)"
revoked "verify: a key is" 3 'SignatureInvalid, T14' --key "$(openssl pkey -in shop/bob.key -pubout -outform DER | sha256sum | cut -c1-64)"
bw -q trust revoke $list shop.other-1
says "revoke: signatures over an older list are pointed out" 0 'alice.p7s: of another version of the file' \
	bw trust revoke $list --key-file shop/bob.key --cert shop/bob.pem
printf '{"type":"bpfwarden-revocations/v1","issued":1,"revoked":[{"bundle":"a"}]}' >revocations.json
says "revoke: no entry in a list that is broken" 1 'TrustInvalid, L8' bw trust revoke revocations.json a-1
says "revoke: no file that the daemon does not read" 2 'reads revocations.json only' bw trust revoke shop/list.json a-1
check "revoke: nor is it made" test ! -e shop/list.json
before=$(cat shop/revocations.json* | sha256sum)
says "revoke: a key that cannot sign" 2 'that of another key' bw trust revoke $list a-1 --key-file shop/bob.key --cert shop/alice.pem
check_equal "revoke: changes nothing" "$(cat shop/revocations.json* | sha256sum)" "$before"
as $carol cp shop/revocations.json.bob.p7s $'shop/revocations.json.\e[31m.p7s'
output=$(bw trust revoke $list a-1)
check_match "revoke: a file's name does not reach the terminal as it is" "$output" 'shop/revocations.json.\?\[31m.p7s: of another version'
check_equal "revoke: really not" "$(grep -c $'\e' <<<"$output")" 0

# What is installed is replaced as a whole.
rm -f revocations.json shop/revocations.json*
printf '{"type":"bpfwarden-revocations/v1","issued":1,"revoked":[{"bundle":"a","serial":1},{"bundle":"b","serial":1}]}' >"$etc/trust/revocations.json"
says "revoke: what the host has and the list has not is pointed out" 0 '1 of the 2 entries of this host.s .*/trust/revocations.json is not in it' \
	bw trust revoke $list a-1
as $carol cp "$etc/trust/revocations.json" $list
output=$(bw trust revoke $list c-1 2>&1)
check_equal "revoke: and not if it begins with a copy" "$(grep -c "of this host's" <<<"$output")" 0
vm_finish
exit
