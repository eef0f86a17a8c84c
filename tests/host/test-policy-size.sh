#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A large policy is read and decides; one that is too large is refused with its place, and the old one stays.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

rules() { # FIRST LAST: a section each, in files that are small enough
	rm -f "$etc/policy.d/"*
	python3 - "$etc/policy.d" "$1" "$2" "$alice" <<-'END'
		import os, sys
		directory, first, last, alice = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
		lines = []
		for i in range(first, last + 1):
		    lines.append(f"[allow rule-{i}]\nuid = {100000 + i}\nprobe = team{i % 50}.*\n")
		    if i % 10 == 0:
		        lines.append(f"[deny never-{i}]\nuid = {100000 + i}\nprobe = team{i % 50}.secret\n")
		files, size = [[]], 0
		for line in lines:
		    if size + len(line) > 250000:
		        files.append([])
		        size = 0
		    files[-1].append(line)
		    size += len(line)
		for i, text in enumerate(files):
		    with open(os.path.join(directory, f"70-{i:03}.policy"), "w") as f:
		        f.write("".join(text))
	END
}
id_of() { as "$1" bpfwarden -o json ps | jq -r .attachment.id; }
attached() { [ -n "$id" ] && [ "$(id_of $alice)" = "$id" ]; }
attaches() { [ -n "$(attach "$1" tcp.state)" ]; }

mkdir -p "$etc/policy.d"
rules 1 10000
# The last of them: who has it has read all.
printf '[deny last]\nuser = %s\nprobe = tcp.*\n' $bob >"$etc/policy.d/99-last.policy"
check "11 000 rules: they are read" bpfwarden policy reload
id=$(attach $alice tcp.state)
check "11 000 rules: who is allowed elsewhere attaches" attached
check_code "11 000 rules: the last of them denies" 3 as $bob bpfwarden attach tcp.state --for 1m

rules 1 100000
rm -f "$etc/policy.d/99-last.policy"
refused() { ! bpfwarden policy reload >"$work/reload" 2>&1; }
check "110 000 rules: refused" refused
check_match "110 000 rules: the reason has a place" "$(cat "$work/reload")" \
	'70-[0-9]*\.policy:[0-9]+:[0-9]+.*more than 16384 sections'
check "110 000 rules: what is attached stays" attached
check_code "110 000 rules: the old policy still denies" 3 as $bob bpfwarden attach tcp.state --for 1m

rm -f "$etc/policy.d/"*
check "no rules of ours: read again" bpfwarden policy reload
check "no rules of ours: whom the last rule denied attaches" attaches $bob

host_finish
