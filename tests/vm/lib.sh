# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Check helpers for scripts that run inside a virtual machine; bash. Results are lines of the form
#
#   ok NAME
#   not ok NAME: why
#   skip NAME: missing kernel feature
#
# A script ends with vm_finish, whose status says whether everything passed.

vm_passed=0 vm_failed=0 vm_skipped=0

ok() { # NAME
	vm_passed=$((vm_passed + 1))
	echo "ok $1"
}

not_ok() { # NAME WHY
	vm_failed=$((vm_failed + 1))
	echo "not ok $1: $(printf '%s' "${2:-no reason}" | tail -n 5 | tr '\n' ' ')"
}

skip() { # NAME WHAT-IS-MISSING
	vm_skipped=$((vm_skipped + 1))
	echo "skip $1: $2"
}

# check NAME COMMAND…: passes if the command succeeds; its output is the reason if not.
check() {
	local name=$1 output code
	shift
	code=0
	output=$("$@" 2>&1) || code=$?
	if [ "$code" -eq 0 ]; then ok "$name"; else not_ok "$name" "exit code $code: $output"; fi
}

# check_code NAME CODE COMMAND…: passes if the command ends with exactly this exit code.
check_code() {
	local name=$1 want=$2 output code
	shift 2
	code=0
	output=$("$@" 2>&1) || code=$?
	if [ "$code" -eq "$want" ]; then ok "$name"; else not_ok "$name" "exit code $code, not $want: $output"; fi
}

# check_equal NAME GOT WANTED
check_equal() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', wanted '$3'"; fi
}

# check_match NAME TEXT REGEX: some line matches the extended regular expression.
check_match() {
	if grep -Eq -- "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "no line matches '$3' in: $2"; fi
}

# wait_until SECONDS COMMAND…: for states that send no event; looks again until the command succeeds.
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

# The release's number, 12 or 13.
vm_release() {
	(. /etc/os-release && echo "$VERSION_ID")
}

vm_finish() {
	echo "# $vm_passed passed, $vm_failed failed, $vm_skipped skipped"
	[ "$vm_failed" -eq 0 ]
}
