# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Signers and bundles of the tests' own: keys made by openssl, trusted in $etc, the probes' own objects under
# other names.

# make_signer ROLE NAMES MAY: a key that the role pins and trusts for these names.
make_signer() {
	mkdir -p "$etc/trust"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
		-keyout "$work/$1.key" -out "$etc/trust/$1.pem" -addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=critical,codeSigning 2>"$work/openssl" ||
		die "openssl made no key: $(cat "$work/openssl")"
	printf '[role %s]\npinned = %s.pem\nnames = %s\nmay = %s\n' "$1" "$1" "$2" "$3" >"$etc/trust/$1.conf"
}

# make_bundle NAME SERIAL ROLE [TEMPLATE OBJECTS]: $work/NAME-SERIAL.bpfw, the programs of tcp.state unless others are
# named, signed by the role's key.
make_bundle() {
	local out=$work/$1-$2.bpfw
	jq --arg name "$1" --argjson serial "$2" --arg role "$3" '.name = $name | .serial = $serial | .roles = [$role]' \
		"${4:-$setup_tree/bpf/tcp.state/manifest.in}" >"$work/manifest.in"
	bpfwarden bundle build -o "$out" --objects "${5:-$build/bpf}" "$work/manifest.in" >"$work/build" 2>&1 &&
		bpfwarden bundle sign "$out" --key "$work/$3.key" --cert "$etc/trust/$3.pem" >>"$work/build" 2>&1 ||
		die "no bundle $1-$2: $(cat "$work/build")"
}

# make_names_bundle SERIAL ROLE: $work/test.names-SERIAL.bpfw, whose parameter "names" is none, domain or full (initially).
make_names_bundle() {
	make_bundle test.names "$1" "$2" "$setup_tree/tests/host/objects/test.names.in" "$build/tests/host/objects"
}

# register NAME SERIAL: puts a bundle into the registry behind the daemon's back, as if it had been enrolled.
register() {
	local to=$state/registry/$1/$2
	mkdir -p "$to"
	tar -xf "$work/$1-$2.bpfw" -C "$to"
	printf 'channel=production\nrevoked=no\nby=root\nat=1\n' >"$to/state"
	chown -R bpfwarden: "$state"
	chmod -R go= "$state"
}

# flip_at FILE OFFSET: one bit, counted from the end if the offset is negative.
flip_at() {
	python3 - "$1" "$2" <<-'END'
		import sys
		offset = int(sys.argv[2])
		with open(sys.argv[1], "r+b") as f:
		    f.seek(offset, 2 if offset < 0 else 0)
		    byte = f.read(1)[0]
		    f.seek(-1, 1)
		    f.write(bytes([byte ^ 1]))
	END
}

# flip FILE: one bit in the middle.
flip() { flip_at "$1" $(($(stat -c %s "$1") / 2)); }
