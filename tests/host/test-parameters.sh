#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Parameters whose values have names: what one asks for by name, what a limit makes of it, and that the events are those of
# the value in force.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/bundles.sh
. "$(dirname "$0")/bundles.sh"

prepare() {
	make_signer test 'test.*' 'enroll-production'
	make_names_bundle 1 test
	mkdir -p "$etc/policy.d"
	cat >"$etc/policy.d/70-names.policy" <<-END
		[allow enrolling]
		user = root
		action = enroll
		probe = test.*
		[allow names]
		user = $alice $bob
		probe = test.names
		data = events
		[allow domains]
		user = $carol
		probe = test.names
		data = events
		parameter = names:none names:domain
		[limit no-names]
		user = $bob
		set = names:none
	END
}
host_begin prepare
check "enroll" bpfwarden registry enroll "$work/test.names-1.bpfw"
cp /bin/true "$work/host.dom"

attached() { [ -n "$(as "$1" bpfwarden -o json ps | jq -r .attachment.id)" ]; }
# shown USER OPTION…: [names, name] of the event of a program host.dom that the user starts, by a shell: so it is the second
# of its process. Others of the user's are there, too.
shown() {
	local who=$1 pid line n=0
	shift
	stream "$who" bpfwarden -o json run test.names --events "$@"
	wait_until 30 attached "$who" || { cat "$work/stream.err"; return; }
	pid=$(as "$who" sh -c 'echo $$; exec "$1"' sh "$work/host.dom")
	while [ $n -lt 2 ] && read -r -t 60 -u "$stream_fd" line; do
		[ "$(jq .tgid <<<"$line")" != "$pid" ] || n=$((n + 1))
	done
	jq -c '[.names, .name]' <<<"$line"
	stream_end >/dev/null
	wait_until 30 eval "! attached $who"
}

check_equal "the initial value" "$(shown $alice)" '[2,"host.dom"]'
check_equal "by name: domain" "$(shown $alice --set names=domain)" '[1,"dom"]'
check_equal "by name: none" "$(shown $alice --set names=none)" '[0,""]'
check_equal "by number" "$(shown $alice --set names=1)" '[1,"dom"]'
check_code "no such name" 2 as $alice bpfwarden run test.names --events --set names=some --for 1s

check_equal "set: a value that was not asked for is moved" "$(shown $bob)" '[0,""]'
check_equal "set: the one that it leaves may be asked for" "$(shown $bob --set names=none)" '[0,""]'
check_code "set: another one is refused" 3 as $bob bpfwarden run test.names --events --set names=full --for 1s
check_match "set: and the refusal names limit and section" \
	"$(as $bob bpfwarden run test.names --events --set names=full --for 1s 2>&1)" 'names.*no-names'

check_code "parameter: the initial value is not covered" 3 as $carol bpfwarden run test.names --events --for 1s
check_equal "parameter: a value that is" "$(shown $carol --set names=domain)" '[1,"dom"]'

one_outcome "audit"
host_finish
