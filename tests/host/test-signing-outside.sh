#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Signing where bpfwarden does not hold the key: in a PKCS#11 token, and by openssl(1) alone. No daemon is needed;
# everything is done by somebody without any privilege.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/outside.sh
. "$(dirname "$0")/outside.sh"
outside_begin
install_packages softhsm2 libengine-pkcs11-openssl opensc

module=/usr/lib/softhsm/libsofthsm2.so
export SOFTHSM2_CONF=$work/softhsm2.conf
mkdir "$work/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$work/tokens" >"$SOFTHSM2_CONF"
chown $carol "$work/tokens"
# The PIN is one that is found nowhere else in what is printed.
pin=73904418
token() { as $carol pkcs11-tool --module $module --login --pin $pin --token-label "release team" "$@" >>"$work/token" 2>&1; }
as $carol softhsm2-util --init-token --free --label "release team" --so-pin 12345678 --pin $pin >"$work/token" 2>&1 &&
	token --keypairgen --key-type EC:prime256v1 --label alice --id 01 &&
	token --keypairgen --key-type EC:secp384r1 --label dora --id 04 &&
	token --keypairgen --key-type rsa:3072 --label bob --id 02 || die "no token: $(cat "$work/token")"

# issue_token NAME: the certificate of the token's key, by the test's authority.
issue_token() {
	as $carol env PKCS11_MODULE_PATH=$module openssl pkey -engine pkcs11 -inform engine -pubin \
		-in "pkcs11:token=release%20team;object=$1;type=public" -out "$work/mine/$1.pub" 2>"$work/err" ||
		die "no public key: $(cat "$work/err")"
	issue "$1" -force_pubkey "$work/mine/$1.pub"
}
issue_token alice
issue_token bob
issue_token dora
trust_ca 2 'outside.*'
cd "$work/mine" || exit 1
echo $pin >pin && chown $carol pin && chmod 600 pin

uri="pkcs11:token=release%20team;object"
query="module-path=$module&pin-source=$work/mine/pin"

# agrees BUNDLE NAME: what stock openssl says of one signature.
agrees() {
	rm -rf "$work/unpacked" && mkdir "$work/unpacked" && tar -xf "$1" -C "$work/unpacked" &&
		openssl cms -verify -binary -inform DER -in "$work/unpacked/manifest.json.$2.p7s" \
			-content "$work/unpacked/manifest.json" -CAfile "$work/ca.pem" -purpose any -out /dev/null
}

# The key in the token.
unsigned outside.token 1
check "token: EC P-256 key signs" as $carol bpfwarden bundle sign outside.token-1.bpfw --key "$uri=alice?$query" --cert alice.pem
check_code "token: one of two does not do" 3 as $carol bpfwarden bundle verify outside.token-1.bpfw --trust trust
check "token: RSA key, PIN in the URI" as $carol bpfwarden bundle sign outside.token-1.bpfw \
	--key "$uri=bob?module-path=$module&pin-value=$pin" --cert bob.pem
check "token: EC P-384 key by its id, PIN from the terminal or what stands for it" setsid -w bash -c \
	"$(declare -f as); echo $pin | as $carol bpfwarden bundle sign outside.token-1.bpfw --key 'pkcs11:id=%04?module-path=$module' --cert dora.pem"
cat >terminal.py <<'END'
import os, pty, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
while True:
    try:
        part = os.read(fd, 4096)
    except OSError: # the other end is closed
        break
    if not part:
        break
    asked = b"PIN" not in seen and b"PIN" in seen + part
    seen += part
    if asked: # the prompt comes before the echo goes, and nothing tells of that
        while termios.tcgetattr(fd)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(fd, sys.argv[1].encode() + b"\n")
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
unsigned outside.pty 1
check_code "token: PIN at a terminal" 0 as $carol /usr/bin/python3 terminal.py $pin bpfwarden bundle sign outside.pty-1.bpfw \
	--key "$uri=alice?module-path=$module" --cert alice.pem
output=$(as $carol /usr/bin/python3 terminal.py $pin bpfwarden bundle sign outside.pty-1.bpfw --key "$uri=bob?module-path=$module" --cert bob.pem)
check_match "token: it asks by the token's name" "$output" 'PIN for release team'
check_equal "token: and shows nothing of the PIN" "$(grep -c $pin <<<"$output")" 0
check "token: verify accepts" as $carol bpfwarden bundle verify outside.token-1.bpfw --trust trust
for name in alice bob dora; do
	check "token: openssl agrees on $name" agrees outside.token-1.bpfw $name
done
unsigned outside.env 1
check "token: the module from PKCS11_MODULE_PATH" as $carol env PKCS11_MODULE_PATH=$module \
	bpfwarden bundle sign outside.env-1.bpfw --key "$uri=alice?pin-source=file:$work/mine/pin" --cert alice.pem

# refused NAME CODE REASON URI [CERT]: nothing of it prints the PIN.
refused() {
	local output code=0
	output=$(as $carol bpfwarden bundle sign outside.env-1.bpfw --signer x --key "$4" --cert "${5:-alice.pem}" 2>&1 </dev/null) || code=$?
	check_equal "token refused: $1: exit code" $code "$2"
	check_match "token refused: $1: reason" "$output" "$3"
	! grep -q $pin <<<"$output" || not_ok "token refused: $1" "the PIN is in: $output"
}
refused "wrong PIN" 2 'the PIN is wrong \(InvalidArgument, pkcs11-pin\)' "$uri=alice?module-path=$module&pin-value=99999999"
refused "no PIN" 2 'no PIN was entered \(InvalidArgument, pkcs11-pin\)' "$uri=alice?module-path=$module"
refused "no file with a PIN" 2 'cannot be read .* No such file .*pkcs11-pin' "$uri=alice?module-path=$module&pin-source=/nonexistent"
refused "no such token" 1 'no token is there .*\(Unavailable, pkcs11-token\)' "pkcs11:token=other;object=alice?$query"
refused "no such key" 2 'the token is there, but not this private key.*\(InvalidArgument, pkcs11-key\)' "$uri=nobody?$query"
refused "no such module" 1 'No such file .*\(Unavailable, pkcs11-module\)' "$uri=alice?module-path=/nonexistent.so&pin-value=$pin"
refused "a module that is none" 1 'is not a PKCS#11 module.*\(Unavailable, pkcs11-module\)' "$uri=alice?module-path=/lib/x86_64-linux-gnu/libc.so.6&pin-value=$pin"
refused "a key's name is missing" 2 'names no key.*pkcs11-uri' "pkcs11:token=release%20team?$query"
refused "an attribute that nobody knows" 2 '"slot-id" is not understood.*pkcs11-uri' "$uri=alice;slot-id=0?$query"
refused "an attribute twice" 2 'object is there twice.*pkcs11-uri' "$uri=alice;object=bob?$query"
refused "a blank" 2 'written as %20.*pkcs11-uri' "pkcs11:token=release team;object=alice?$query"
refused "a PIN that ends early" 2 'the value of pin-value is not valid.*pkcs11-uri' "$uri=alice?module-path=$module&pin-value=${pin}%0"
refused "two PINs" 2 'not both possible.*pkcs11-uri' "$uri=alice?$query&pin-value=$pin"
refused "a relative module" 2 'not an absolute path.*pkcs11-uri' "$uri=alice?module-path=x.so&pin-value=$pin"
refused "another key's certificate" 2 'that of another key' "$uri=alice?$query" bob.pem
check_equal "token refused: nothing was added" "$(tar -tf outside.env-1.bpfw | grep -c p7s)" 1

# The kernel's signature comes from a token as well; PKCS#1 v1.5 gives the same bytes twice.
check "ksig: build with a token's key" as $carol bpfwarden bundle build -o outside.ksig-1.bpfw --objects "$build/bpf" \
	outside.token.in --ksig-key "$uri=bob?$query" --ksig-cert bob.pem
mkdir ksig && tar -xf outside.ksig-1.bpfw -C ksig
cat ksig/*.insns ksig/*.data >both
as $carol env PKCS11_MODULE_PATH=$module openssl cms -sign -binary -noattr -nocerts -keyid -md sha256 -in both -signer bob.pem \
	-engine pkcs11 -keyform engine -inkey "$uri=bob;pin-value=$pin" -outform DER >theirs.ksig 2>"$work/err"
check "ksig: the same bytes as openssl's" cmp theirs.ksig ksig/*.ksig
code=0
output=$(as $carol bpfwarden bundle sign outside.ksig-1.bpfw --key "$uri=bob?$query" --cert bob.pem 2>&1) || code=$?
check_equal "ksig: the same key does not sign the manifest: exit code" $code 2
check_match "ksig: the same key does not sign the manifest: why" "$output" 'another one \(K4\)'
check "ksig: another key does" as $carol bpfwarden bundle sign outside.ksig-1.bpfw --key "$uri=alice?$query" --cert alice.pem

# With nothing but openssl. The commands are run as they were printed, but for the signer's own files.
key_pem erin
issue erin -force_pubkey erin.pub
unsigned outside.file 1
check "prepare" as $carol bash -c "bpfwarden bundle sign outside.file-1.bpfw --prepare 'to sign' --signer erin >steps"
check_equal "prepare: the exact bytes" "$(sha256sum <'to sign')" "$(tar -xOf outside.file-1.bpfw manifest.json | sha256sum)"
check_match "prepare: their digest" "$(cat steps)" "SHA-256: $(sha256sum <'to sign' | cut -c1-64)"
# step N: the Nth command of the printed ones.
step() { sed -n 's/^  //p' steps | sed -n "$1p"; }
command=$(step 1 | sed 's/CERT\.pem/erin.pem/; s/KEY\.pem/erin.key/')
check "openssl signs, as printed" as $carol bash -c "$command"
check "attach, as printed" as $carol bash -c "$(step 4)"
as $carol bpfwarden bundle sign outside.file-1.bpfw --prepare 'to sign' --signer alice >steps
command=$(step 2 | sed "s/CERT\.pem/alice.pem/; s/token=TOKEN;object=KEY/token=release%20team;object=alice;pin-value=$pin/")
check "openssl signs with the token, as printed" as $carol env PKCS11_MODULE_PATH=$module bash -c "$command"
check "attach that, as printed" as $carol bash -c "$(step 4)"
for name in erin alice; do
	check "attach: openssl agrees on $name" agrees outside.file-1.bpfw $name
	check "attach: $name's signature is what openssl made" cmp "to sign.$name.p7s" "$work/unpacked/manifest.json.$name.p7s"
done
check "attach: verify accepts" as $carol bpfwarden bundle verify outside.file-1.bpfw --trust trust

# by_openssl FILE [OPTION…]: erin signs `to sign`.
by_openssl() {
	local out=$1
	shift
	openssl cms -sign -binary -in "${content:-to sign}" -signer erin.pem -inkey erin.key -md sha256 -out "$out" "$@" 2>"$work/err"
	chmod 644 "$out"
}
# not_attached NAME CODE REASON FILE [OPTION…]; what else is said matches $hint.
hint=
not_attached() {
	local name=$1 want=$2 reason=$3 file=$4 output code=0
	shift 4
	output=$(as $carol bpfwarden bundle sign outside.again-1.bpfw --attach "$file" --signer y "$@" 2>&1) || code=$?
	check_equal "attach refused: $name: exit code" $code "$want"
	check_match "attach refused: $name: reason" "$output" "$reason"
	[ -z "$hint" ] || check_match "attach refused: $name: what to do" "$output" "$hint"
}
cp -p outside.file-1.bpfw outside.again-1.bpfw
by_openssl pem.p7s -outform PEM
hint='-outform DER' not_attached "PEM" 3 'SignatureInvalid, S1' pem.p7s
by_openssl attached.p7s -outform DER -nodetach
hint='without -nodetach' not_attached "attached content" 3 'SignatureInvalid, S2' attached.p7s
by_openssl noattr.p7s -outform DER -noattr
hint='without -noattr' not_attached "no signed attributes" 3 'SignatureInvalid, S5' noattr.p7s
by_openssl sha1.p7s -outform DER -md sha1
not_attached "SHA-1" 3 'SignatureInvalid, S6' sha1.p7s
by_openssl good.p7s -outform DER
head -c 100 good.p7s >cut.p7s
not_attached "cut off" 3 'SignatureInvalid, S1' cut.p7s
: >empty.p7s
not_attached "nothing" 3 'SignatureInvalid, S1' empty.p7s
by_openssl chain.p7s -outform DER -certfile "$work/ca.pem"
hint='without -certfile' not_attached "the CA as well" 3 'SignatureInvalid, S8' chain.p7s
(echo; cat 'to sign') >other
content=other by_openssl other.p7s -outform DER
hint="over other bytes than this bundle's manifest.json" not_attached "over other bytes" 3 'SignatureInvalid, S14' other.p7s
by_openssl nocert.p7s -outform DER -nocerts
not_attached "no certificate" 2 'InvalidArgument, certificate' nocert.p7s
not_attached "another's certificate" 3 'SignatureInvalid, S9' nocert.p7s --cert bob.pem
not_attached "a certificate that is none" 2 'InvalidArgument, certificate' nocert.p7s --cert erin.key
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=small -keyout small.key -out small.pem -days 2 -addext basicConstraints=critical,CA:FALSE \
	-addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=critical,codeSigning 2>"$work/err"
openssl cms -sign -binary -in 'to sign' -signer small.pem -inkey small.key -md sha256 -outform DER -out small.p7s
not_attached "a weak key" 3 'SignatureInvalid, S11' small.p7s
check_code "attach refused: the same name" 2 as $carol bpfwarden bundle sign outside.again-1.bpfw --attach good.p7s --signer erin
check_equal "attach refused: nothing was added" "$(tar -tf outside.again-1.bpfw | grep -c p7s)" 2
check "attach: no certificate inside, but beside" as $carol bpfwarden bundle sign outside.again-1.bpfw --attach nocert.p7s --cert erin.pem --signer later
output=$(as $carol bpfwarden bundle sign outside.again-1.bpfw --attach good.p7s --signer twice 2>&1)
check_match "attach: a key's second signature is pointed out" "$output" 'manifest.json.erin.p7s is by the same key'

# What the object does not give is not prepared either.
cp -p outside.file-1.bpfw outside.bad-1.bpfw
python3 - outside.bad-1.bpfw <<-'END'
	import hashlib, io, json, sys, tarfile
	path = sys.argv[1]
	with tarfile.open(path) as tar:
	    members = [(m.name, tar.extractfile(m).read()) for m in tar if not m.name.endswith(".p7s")]
	files = dict(members)
	name = next(n for n in files if n.endswith(".insns"))
	files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
	manifest = json.loads(files["manifest.json"])
	for entry in manifest["files"]:
	    if entry["name"] == name:
	        entry["sha256"] = hashlib.sha256(files[name]).hexdigest()
	files["manifest.json"] = json.dumps(manifest, separators=(",", ":")).encode()
	with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
	    for name, _ in members:
	        info = tarfile.TarInfo(name)
	        info.size = len(files[name])
	        tar.addfile(info, io.BytesIO(files[name]))
END
output=$(as $carol bpfwarden bundle sign outside.bad-1.bpfw --prepare never 2>&1)
check_match "prepare: not what the object does not give" "$output" 'BundleInvalid, B10'
check "prepare: and nothing is written" test ! -e never
before=$(sha256sum <outside.file-1.bpfw)
check_code "prepare: not over the bundle" 2 as $carol bpfwarden bundle sign outside.file-1.bpfw --prepare ./outside.file-1.bpfw
check_equal "prepare: which stays" "$(sha256sum <outside.file-1.bpfw)" "$before"
check_code "usage: prepare and key" 2 as $carol bpfwarden bundle sign outside.file-1.bpfw --prepare x --key erin.key --cert erin.pem
check_code "usage: nothing" 2 as $carol bpfwarden bundle sign outside.file-1.bpfw

# The daemon can do none of this.
check_equal "the daemon links nothing that signs" \
	"$(nm -D --undefined-only "$prefix/sbin/bpfwardend" | grep -cE '\<(CMS_(add1_signer|sign|final)|ENGINE_|OSSL_STORE_|X509_sign)')" 0
check_equal "nor anything that reaches a token" "$(grep -c pkcs11 "$prefix/sbin/bpfwardend")" 0
vm_finish
exit
