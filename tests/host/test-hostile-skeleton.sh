#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A light skeleton is code that runs in the process that holds the capabilities. Somebody whose key is trusted
# signed ones that attack it: each attempt ends in a typed refusal, and nobody else notices.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

# A key that the host trusts for what it should not.
trust_attacker() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=attacker" \
		-keyout "$work/attacker.key" -out "$work/attacker.pem" -addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=critical,codeSigning 2>"$work/req.err" ||
		die "openssl req failed"
	install -d -m 755 "$etc" "$etc/trust"
	install -m 644 "$work/attacker.pem" "$etc/trust/attacker.pem"
	printf '[role attacker]\npinned = attacker.pem\nnames = hostile.*\nmay = enroll-experimental\n' \
		>"$etc/trust/attacker.conf"
}
host_begin trust_attacker

# hostile NAME ATTACK [ARGUMENT…]: a bundle with the manifest of tcp.state and another skeleton. `bundle sign`
# would not sign it, so openssl does.
hostile() {
	local name=$1 from dir=$work/$1
	shift
	from=$(echo "$prefix"/lib/bpfwarden/bundles/tcp.state/*)
	mkdir -p "$dir"
	"$build/tests/attack/hostile-skeleton" "$dir/v1.insns" "$dir/v1.data" "$@" || die "hostile-skeleton failed"
	python3 - "$from/manifest.json" "$dir" "$name" <<-'END' || die "no manifest"
		import hashlib, json, os, sys
		m = json.load(open(sys.argv[1]))
		directory, m["name"], m["serial"], m["roles"] = sys.argv[2], sys.argv[3], 1, ["attacker"]
		m["variants"] = m["variants"][:1]
		m["variants"][0].update(insns="v1.insns", data="v1.data")
		m["variants"][0].pop("ksig")
		m["files"] = []
		for name in ["v1.insns", "v1.data"]:
		    data = open(os.path.join(directory, name), "rb").read()
		    m["files"].append({"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
		open(os.path.join(directory, "manifest.json"), "w").write(json.dumps(m, separators=(",", ":")))
	END
	openssl cms -sign -binary -in "$dir/manifest.json" -signer "$work/attacker.pem" -inkey "$work/attacker.key" \
		-md sha256 -outform DER -out "$dir/manifest.json.attacker.p7s" || die "openssl cms failed"
	check "$name: what is signed is enrolled" bpfwarden registry enroll --experimental "$dir"
}

loader_pid() { process_of loader; }
loader_fds() { find "/proc/$(loader_pid)/fd" -mindepth 1 | wc -l; }
maps_of_loader() { cat "/proc/$(loader_pid)/fdinfo/"* 2>/dev/null | sed -n 's/^map_id:[[:space:]]*//p' | sort -nu; }
no_runner() { [ -z "$(cat "/proc/$(loader_pid)/task/"*/children)" ]; }
program_named() { bpftool -j prog show | jq -r --arg name "$1" '.[] | select(.name == $name) | .id'; }

alices_maps() {
	maps_of_loader | while read -r id; do bpftool -j map show id "$id"; done |
		jq -c '[.id, .name, .frozen]' | sort
}

# unharmed NAME: alice's attachment counts exactly, its maps are what they were, the loader is the same.
unharmed() {
	local before after
	before=$(read_as $alice "$mine" | jq .counters.submitted)
	"$exercise/exercise-connections" 3 0 "$alice_uid" || not_ok "$1: alice's connections" "they failed"
	after=$(read_as $alice "$mine" | jq .counters.submitted)
	check_equal "$1: alice's probe counts exactly" "$after" $((before + 3))
	check_equal "$1: its maps are the same, none is frozen that was not" "$(alices_maps)" "$maps_before"
	check_equal "$1: the loader is the same process" "$(loader_pid)" "$pid_before"
	check_equal "$1: and has no descriptor more" "$(loader_fds)" "$fds_before"
}

# attempt NAME WORDS: attaching ends in LoadFailed and WORDS, which the log says, too.
attempt() {
	local output code=0
	output=$(bpfwarden -o json attach "$1" --experimental --host --for 1m 2>&1) || code=$?
	check_equal "$1: the attempt fails" "$code" 1
	check_match "$1: as a failed load" "$output" "$2"
	check_equal "$1: and is in the log" \
		"$(audit ".kind == \"outcome\" and .probe == \"$1\" and .refusal.name == \"LoadFailed\"" --action attach | wc -l)" 1
}

mine=$(attach $alice tcp.state)
wait_until 10 no_runner
maps_before=$(alices_maps) pid_before=$(loader_pid) fds_before=$(loader_fds)
heap=$(awk '/\[heap\]/ { sub("-.*", "", $1); print "0x" $1; exit }' "/proc/$pid_before/maps")

hostile hostile.descriptors descriptors "$heap"
attempt hostile.descriptors "ended its runner"
unharmed hostile.descriptors

first=$(maps_of_loader | head -n 1) last=$(maps_of_loader | tail -n 1)
hostile hostile.ids ids "$first" "$((last < first + 300 ? last : first + 300))"
attempt hostile.ids "inspect|hand over"
unharmed hostile.ids

hostile hostile.hide hide 24 16 11
attempt hostile.hide "the kernel reports map bw_counters with another type"
check_equal "hostile.hide: the hidden program is gone" "$(wait_until 20 test -z "$(program_named vile)"; program_named vile)" ""
unharmed hostile.hide

hostile hostile.allocate allocate
maps_count=$(bpftool -j map show | jq length)
attempt hostile.allocate "inspect|hand over"
gone() { [ "$(bpftool -j map show | jq length)" -le "$((maps_count + 8))" ]; }
check "hostile.allocate: what it made is freed" wait_until 30 gone
unharmed hostile.allocate

# A skeleton that stays in the kernel for seconds, where no signal ends it: neither its neighbours nor the loader
# wait for it.
hostile hostile.linger linger 400
attempt hostile.linger "ended its runner" >"$work/attempt" &
lingering=$!
wait_until 10 eval '! no_runner'
runner=$(cat "/proc/$pid_before/task/"*/children)
check "hostile.linger: another user attaches meanwhile" test -n "$(attach $bob tcp.state)"
# shellcheck disable=SC2086 # one process, if any
kill -KILL $runner
check "hostile.linger: and again while it is dying" test -n "$(attach $bob tcp.state)"
# shellcheck disable=SC2086
check "hostile.linger: all that before it ended" kill -0 $runner
wait $lingering
cat "$work/attempt"
! grep -q '^not ok' "$work/attempt" || vm_failed=$((vm_failed + 1))
check "hostile.linger: in the end nothing is left of it" wait_until 120 no_runner
check_equal "hostile.linger: the loader is the same process" "$(loader_pid)" "$pid_before"
host_finish
