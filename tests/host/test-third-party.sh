#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs that nobody wrote for bpfwarden: the BPF objects of Debian's libbpf-tools, exactly as Debian built
# them, taken out of the package that the configured mirror has now. Nothing of them is in this tree.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

# object TOOL: the object inside the tool's executable, where libbpf's skeleton keeps it.
object() {
	python3 - "$work/deb/usr/sbin/$1" "$work/$1.bpf.o" <<-'END'
		import struct, sys
		data, at = open(sys.argv[1], "rb").read(), 0
		while True:
		    at = data.index(b"\x7fELF\x02\x01\x01", at + 1)
		    if struct.unpack_from("<H", data, at + 18)[0] == 247: # EM_BPF
		        break
		sections, = struct.unpack_from("<Q", data, at + 40)
		size, count = struct.unpack_from("<HH", data, at + 58)
		open(sys.argv[2], "wb").write(data[at:at + sections + size * count])
	END
}

# The site's own signer, who may sign what comes from elsewhere.
trust_site() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=site" \
		-keyout "$work/site.key" -out "$work/site.pem" -addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=critical,codeSigning 2>"$work/req.err" ||
		die "openssl req failed"
	install -d -m 755 "$etc" "$etc/trust"
	install -m 644 "$work/site.pem" "$etc/trust/site.pem"
	printf '[role site]\npinned = site.pem\nnames = debian.*\nmay = enroll-experimental\n' >"$etc/trust/site.conf"
}
host_begin trust_site

(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download libbpf-tools >"$work/apt" 2>&1 &&
	dpkg-deb -x libbpf-tools_*.deb deb) || {
	skip "third party" "the package libbpf-tools of the configured mirror"
	host_finish
}
for tool in wakeuptime offcputime mountsnoop; do
	object $tool || die "no object in $tool"
done

# template TOOL MAPS LABELS: what `bundle init` cannot know of the object.
template() {
	bpfwarden bundle init "$work/$1.bpf.o" >"$work/$1.init" || return 1
	python3 - "$@" "$work" <<-'END'
		import json, sys
		tool, maps, labels, work = sys.argv[1:]
		t = json.load(open(f"{work}/{tool}.init"))
		t.update(name="debian." + tool, roles=["site"], summary=f"{tool} of Debian's libbpf-tools")
		t["variants"][0].update(object=tool + ".bpf.o", skip=[])
		if maps:
		    t["maps"].update(json.loads(maps))
		    t["labels"] = {"struct": "key_t", "fields": json.loads(labels)}
		json.dump(t, open(f"{work}/{tool}.json", "w"))
	END
}

# enroll TOOL MAPS LABELS
enroll() {
	check "$1: init writes a template" template "$@"
	check "$1: build" bpfwarden bundle build -o "$work/$1/" "$work/$1.json"
	check "$1: sign" bpfwarden bundle sign "$work/$1" --key "$work/site.key" --cert "$work/site.pem" --signer site
	check "$1: enroll" bpfwarden registry enroll --experimental "$work/$1"
}

# attach_root TOOL
attach_root() { bpfwarden -o json attach "debian.$1" --host --experimental --for 10m | jq -r .attachment.id; }

stackmap='"stackmap": {"kind": "other", "entries": 1024, "value-size": 1016}'

# Who woke whom, and how long the woken had slept: bash writes into a pipe from which a program of a name of its
# own reads.
enroll wakeuptime "{\"counts\": \"table\", $stackmap}" \
	'{"waker": {"type": "chars"}, "target": {"type": "chars"}, "w_k_stack_id": {}}'
id=$(attach_root wakeuptime)
check "wakeuptime: attached" test -n "$id";
cp "$(command -v cat)" "$work/wd-waiter"
{ sleep 0.2; for _ in 1 2 3 4 5; do sleep 0.05; echo line; done; } | "$work/wd-waiter" >"$work/lines"
bpfwarden -o json read "$id" >"$work/read"
slept=$(jq '[.counts[] | select(.labels.target == "wd-waiter") | .count] | add' "$work/read")
check "wakeuptime: the waiter slept 0.2 s, in ns" test "${slept:-0}" -ge 190000000
check_equal "wakeuptime: it is bash who woke it" \
	"$(jq '[.counts[].labels | select(.target == "wd-waiter" and .waker == "bash")] | length > 0' "$work/read")" true
check_code "wakeuptime: which ordinary users may not have" 3 \
	as $alice bpfwarden attach debian.wakeuptime --host --experimental --for 1m
check "wakeuptime: detach" bpfwarden detach "$id"

# How long a process was off the CPU.
enroll offcputime "{\"info\": \"table\", $stackmap}" '{"pid": {}, "tgid": {}, "user_stack_id": {}, "kern_stack_id": {}}'
id=$(attach_root offcputime)
check "offcputime: attached" test -n "$id"
sleep 0.5 &
sleeper=$!
wait $sleeper
slept=$(bpfwarden -o json read "$id" | jq "[.counts[] | select(.labels.tgid == $sleeper) | .count] | add")
check "offcputime: sleep 0.5 was off the CPU for as long, in µs" test "${slept:-0}" -ge 490000
check "offcputime: detach" bpfwarden detach "$id"

# What cannot be served is said when the bundle is built.
template mountsnoop '' '' || not_ok "mountsnoop: init writes a template" "$(cat "$work/mountsnoop.init")"
output=$(bpfwarden bundle build -o "$work/mountsnoop/" "$work/mountsnoop.json" 2>&1)
check_match "mountsnoop: build names the hooks that are not served" "$output" "not: tracepoint/syscalls/sys_enter_mount"
check_equal "mountsnoop: and makes nothing" "$(ls "$work/mountsnoop" 2>/dev/null)" ""
host_finish
