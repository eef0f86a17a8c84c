# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A PKI of the tests' own, made by openssl: issuing CAs, signers, certificate revocation lists, and bundles signed by
# several. Everything lies in $pki; what the daemon shall see is put into $etc/trust by `trust`.
pki=$work/pki

pki_run() { "$@" >"$work/openssl" 2>&1 || die "${*:1:2} failed: $(cat "$work/openssl")"; }

# pki_ca CA: $pki/CA.pem
pki_ca() {
	mkdir -p "$pki/$1.db"
	: >"$pki/$1.db/index.txt"
	echo 1000 >"$pki/$1.db/serial"
	echo 01 >"$pki/$1.db/crlnumber"
	cat >"$pki/$1.cnf" <<-END
		[ca]
		default_ca = db
		[db]
		database = $pki/$1.db/index.txt
		serial = $pki/$1.db/serial
		crlnumber = $pki/$1.db/crlnumber
		new_certs_dir = $pki/$1.db
		default_md = sha256
		default_days = 30
		policy = any
		unique_subject = no
		[any]
		commonName = supplied
		[leaf]
		basicConstraints = critical,CA:FALSE
		keyUsage = critical,digitalSignature
		extendedKeyUsage = critical,codeSigning
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid
	END
	pki_run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
		-keyout "$pki/$1.key" -out "$pki/$1.pem" -addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign
}

# pki_signer CA NAME [KEY]: $pki/NAME.key and .pem, for a new key or that of another signer.
pki_signer() {
	if [ -n "${3:-}" ]; then cp "$pki/$3.key" "$pki/$2.key"; else
		pki_run openssl ecparam -name prime256v1 -genkey -noout -out "$pki/$2.key"
	fi
	pki_run openssl req -new -key "$pki/$2.key" -subj "/CN=$2" -out "$pki/$2.csr"
	pki_run openssl ca -batch -notext -config "$pki/$1.cnf" -cert "$pki/$1.pem" -keyfile "$pki/$1.key" -extensions leaf \
		-in "$pki/$2.csr" -out "$pki/$2.pem"
}

# pki_crl CA [OPTION…]: $pki/CA.crl
pki_crl() {
	pki_run openssl ca -gencrl -config "$pki/$1.cnf" -cert "$pki/$1.pem" -keyfile "$pki/$1.key" -crldays 30 -out "$pki/$1.crl" \
		"${@:2}"
}

# pki_revoke CA NAME: the next list names that signer.
pki_revoke() {
	pki_run openssl ca -config "$pki/$1.cnf" -cert "$pki/$1.pem" -keyfile "$pki/$1.key" -revoke "$pki/$2.pem"
}

# trust FILE [NAME]: puts $pki/FILE, or standard input for -, into the trust directory as a whole.
trust() {
	local name=${2:-$1}
	mkdir -p "$etc/trust"
	if [ "$1" = - ]; then cat >"$work/trust.new"; else cp "$pki/$1" "$work/trust.new"; fi
	chmod 644 "$work/trust.new"
	mv "$work/trust.new" "$etc/trust/$name"
}

# role NAME LINE…: a file of its own for the role.
role() {
	local name=$1
	shift
	{ echo "[role $name]"; printf '%s\n' "$@"; } | trust - "$name.conf"
}

# bundle NAME SERIAL ROLE SIGNER… [-- JQ]: $work/NAME-SERIAL.bpfw, the programs of tcp.state, signed by these; JQ
# changes what the manifest says.
bundle() {
	local out=$work/$1-$2.bpfw name=$1 serial=$2 role=$3 change=. signers=()
	shift 3
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		signers+=("$1")
		shift
	done
	[ $# -eq 0 ] || change=$2
	jq --arg name "$name" --argjson serial "$serial" --arg role "$role" \
		".name = \$name | .serial = \$serial | .roles = [\$role] | $change" "$setup_tree/bpf/tcp.state/manifest.in" \
		>"$work/manifest.in"
	bpfwarden bundle build -o "$out" --objects "$build/bpf" "$work/manifest.in" >"$work/build" 2>&1 ||
		die "no bundle $name-$serial: $(cat "$work/build")"
	for signer in "${signers[@]}"; do
		bpfwarden bundle sign "$out" --key "$pki/$signer.key" --cert "$pki/$signer.pem" >"$work/build" 2>&1 ||
			die "$name-$serial is not signed by $signer: $(cat "$work/build")"
	done
}

# revocations SIGNER JSON…: a signed list of these entries in the trust directory.
revocations() {
	local signer=$1
	shift
	printf '{"type":"bpfwarden-revocations/v1","issued":%s,"revoked":[%s]}' "$(date +%s)" "$(IFS=,; echo "$*")" \
		>"$pki/revocations.json"
	pki_run openssl cms -sign -binary -md sha256 -outform DER -in "$pki/revocations.json" -signer "$pki/$signer.pem" \
		-inkey "$pki/$signer.key" -out "$pki/revocations.json.$signer.p7s"
	trust "revocations.json.$signer.p7s"
	trust revocations.json
}

digest_of_key() { openssl x509 -in "$pki/$1.pem" -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1; }
digest_of_certificate() { openssl x509 -in "$pki/$1.pem" -outform DER | sha256sum | cut -d' ' -f1; }
# digest_of_file BUNDLE SUFFIX: of its file that ends so.
digest_of_file() {
	tar -xOf "$work/$1.bpfw" manifest.json | jq -r --arg suffix "$2" '.files[] | select(.name | endswith($suffix)).sha256'
}
