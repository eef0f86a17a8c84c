# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# For tests of what a signer does far from any daemon: an authority of openssl's, certificates of it, bundles.

outside_end() { rm -rf "$work" "${etc:?}"; }

# outside_begin: $work/mine belongs to carol, who is in no group of ours; $work/ca.pem is an authority.
outside_begin() {
	need_root
	case "$prefix" in
	/opt/bpfwarden-?*) ;; # its configuration is thrown away
	*) die "the prefix $prefix is not one for tests" ;;
	esac
	ensure_users
	ensure_person $carol
	work=$(mktemp -d /var/tmp/bpfwarden-host-XXXXXX)
	chmod 755 "$work"
	trap outside_end EXIT
	rm -rf "${etc:?}"
	mkdir "$work/mine"
	chown $carol "$work/mine"
	cat >"$work/ca.cnf" <<-'END'
		[leaf]
		basicConstraints = critical,CA:FALSE
		keyUsage = critical,digitalSignature
		extendedKeyUsage = critical,codeSigning
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid
	END
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 400 -subj "/CN=Test CA" -keyout "$work/ca.key" \
		-out "$work/ca.pem" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
		2>"$work/openssl" || die "openssl made no authority: $(cat "$work/openssl")"
}

# key_pem NAME: NAME.key and NAME.pub in carol's directory.
key_pem() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/mine/$1.key" 2>/dev/null &&
		openssl pkey -in "$work/mine/$1.key" -pubout -out "$work/mine/$1.pub" || die "openssl made no key"
	chown $carol "$work/mine/$1.key"
}

# issue NAME OPTION…: NAME.pem in carol's directory; the options say for which key.
issue() {
	local name=$1
	shift
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj "/CN=$name" 2>/dev/null |
		openssl x509 -req -CA "$work/ca.pem" -CAkey "$work/ca.key" -set_serial "0x$(openssl rand -hex 8)" -days "${days:-300}" \
			-extfile "$work/ca.cnf" -extensions leaf "$@" -out "$work/mine/$name.pem" 2>"$work/openssl" ||
		die "openssl issued no certificate: $(cat "$work/openssl")"
}

# trust_ca THRESHOLD NAMES: carol's directory `trust`, with role "release" of that authority.
trust_ca() {
	mkdir -p "$work/mine/trust"
	cp "$work/ca.pem" "$work/mine/trust"
	printf '[role release]\ncertificates = ca.pem\nthreshold = %s\nnames = %s\nmay = enroll-production revoke\n' "$1" "$2" \
		>"$work/mine/trust/release.conf"
	chown -R $carol "$work/mine/trust"
}

# unsigned NAME SERIAL: NAME-SERIAL.bpfw in carol's directory, for role "release", signed by nobody.
unsigned() {
	jq --arg name "$1" --argjson serial "$2" '.name = $name | .serial = $serial | .roles = ["release"]' \
		"$setup_tree/bpf/tcp.state/manifest.in" >"$work/mine/$1.in"
	(cd "$work/mine" && as $carol bpfwarden bundle build -o "$1-$2.bpfw" --objects "$build/bpf" "$1.in") >"$work/build" 2>&1 ||
		die "no bundle $1-$2: $(cat "$work/build")"
}
