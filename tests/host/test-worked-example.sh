#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The worked example of docs/PROBES.md, block by block as it is printed there: written, built, signed, enrolled, run.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

# block N: the N-th block of code of the example.
block() {
	awk -v wanted="$1" '/^## /{inside = $0 == "## A worked example"} !inside {next}
		/^```/ {open = !open; n += open; next} open && n == wanted' "$setup_tree/docs/PROBES.md"
}

prepare() {
	cd "$work" || die "no $work"
	export CPATH=$prefix/include # where a package would have put them, clang looks by itself
	block 1 >demo.age.bpf.c
	block 2 >demo.age.json
	error=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=site" \
		-keyout site.key -out site.pem -addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=critical,codeSigning 2>&1) || die "$error"
	check "built and signed as the page says" bash -euc "$(block 3)"
	install -d -m 755 "$etc" "$etc/trust" "$etc/policy.d"
	install -m 644 site.pem "$etc/trust/site.pem"
	block 4 >"$etc/trust/site.conf"
	block 5 >"$etc/policy.d/60-demo.policy"
}
host_begin prepare

check "enrolled" bash -euc "$(block 6)"
as $alice bash -euc "$(block 7)" >"$work/text" 2>"$work/said"
check_match "its event, the age of what slept for a second" "$(cat "$work/text")" '^[0-9:.]+ .* [1-9][0-9.]* s'
check_match "its histogram" "$(cat "$work/text" "$work/said")" 'p50'
id=$(attach $alice demo.age)
as $alice sh -c 'for i in 1 2 3 4 5; do true & wait; done'
answer=$(read_as $alice "$id")
check_equal "six processes of alice's, with those who asked" "$(jq '.histograms | map(.count) | add >= 6' <<<"$answer")" true

reconciles "the counters reconcile" "$(jq .counters <<<"$answer")"
host_finish
