#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What each kind of rule does to a real request: conditions on the caller, the bundle, what it does and the
# time; parameters and fields that a policy takes away; limits of what is loaded; what the daemon says about
# its policy.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/bundles.sh
. "$(dirname "$0")/bundles.sh"

ensure_group() { getent group "$1" >/dev/null || groupadd "$1"; }

prepare() {
	ensure_group warden-team
	gpasswd -d $carol warden-team >/dev/null 2>&1
	make_signer test 'test.*' 'enroll-production'
	make_names_bundle 1 test
	register test.names 1
	make_bundle test.a 1 test
	mkdir -p "$etc/policy.d"
	policy=$etc/policy.d/70-rules.policy
	: >"$policy"
	cat >"$etc/policy.d/60-tests.policy" <<-END
		[allow tests]
		group = bpfwarden-users
		probe = test.*
		target = self
		data = aggregates events
	END
}
host_begin prepare

unified=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
host_cleanup() {
	gpasswd -d $carol warden-team >/dev/null 2>&1
	[ -n "$unified" ] && rmdir "$unified"/warden-rules.s*/*/* "$unified"/warden-rules.s*/* "$unified"/warden-rules.s* 2>/dev/null
}

# rules: takes what it reads as the policy of this test besides the shipped one.
rules() {
	cat >"$policy"
	bpfwarden policy reload >"$work/reload" 2>&1 || not_ok "reload" "$(cat "$work/reload")"
}

# ask USER PARAMETERS: the typed error of such an attach as a dry run, "" if it is allowed.
ask() { call "$1" io.bpfwarden.Probe.Attach "$(jq -c '.dry_run = true' <<<"$2")" | jq -r '.error // "" | sub("io.bpfwarden."; "")'; }
# denied NAME USER PARAMETERS RULE
denied() {
	local reply
	reply=$(call "$2" io.bpfwarden.Probe.Attach "$(jq -c '.dry_run = true' <<<"$3")")
	check_equal "$1" "$(jq -r '"\(.error // "allowed" | sub("io.bpfwarden."; "")) \(.parameters.rule // "")"' <<<"$reply")" "PolicyDenied $4"
}
allowed() { check_equal "$1" "$(ask "$2" "$3")" ""; }

rows_program='
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(200)
s.connect(os.environ["BPFWARDEN_SOCKET"])
s.sendall(json.dumps({"method": sys.argv[1], "parameters": json.loads(sys.argv[2]), "more": True}).encode() + b"\0")
data = b""
while True:
    while b"\0" not in data:
        part = s.recv(65536)
        if not part:
            sys.exit("the daemon closed the connection")
        data += part
    reply, data = data.split(b"\0", 1)
    reply = json.loads(reply)
    if "error" in reply:
        print(json.dumps({"error": reply["error"].removeprefix("io.bpfwarden."), **reply["parameters"]}))
        break
    if reply.get("parameters"):
        print(json.dumps(reply["parameters"]))
    if not reply.get("continues"):
        break
'
# rows USER METHOD PARAMETERS: the parameters of each reply, one a line; of an error its name and parameters.
rows() {
	local who=$1
	shift
	as "$who" /usr/bin/python3 -c "$rows_program" "$@"
}

# reply USER METHOD PARAMETERS FILTER: what the filter makes of the one reply.
reply() { call "$1" "$2" "$3" | jq -r "$4"; }
refusal='"\(.error | sub("io.bpfwarden."; "")) \(.parameters.limit) \(.parameters.used) \(.parameters.max): \(.parameters.reason)"'
attach_with() { reply "$1" io.bpfwarden.Probe.Attach "$2" '.parameters.attachment.id // .error'; }
status() { as "$1" bpfwarden -o json ps | jq -c ".attachment | select(.id == \"$2\")"; }
detach() { as "$1" bpfwarden -q detach "$2"; }
decision_of() { audit ".kind == \"decision\" and .attachment == \"$1\""; }

parameters() {
	local id
	rules <<-END
		[limit names]
		group = bpfwarden-users
		probe = test.names
		set = names:none
		[limit threshold]
		group = bpfwarden-users
		probe = sched.runqlat
		set = threshold:20000000-30000000
	END
	id=$(attach_with $alice '{"probe":"test.names","duration":600}')
	check_equal "parameters: the default is moved" "$(status $alice "$id" | jq -c .parameters)" '{"names":0}'
	check_equal "parameters: the log says what is in force and what was forced" \
		"$(decision_of "$id" | jq -c '[.params, .forced]')" '[{"names":0},["names"]]'
	stream $alice bpfwarden -o json watch "$id"
	cp /bin/true "$work/host.dom"
	# Until one is seen: the stream may begin after the first.
	while ! read -r -t 1 -u "$stream_fd" line || ! jq -e 'has("names")' <<<"$line" >/dev/null; do as $alice "$work/host.dom"; done
	check_equal "parameters: the programs are told" "$(jq -c '[.names, .name // ""]' <<<"$line")" '[0,""]'
	stream_end >/dev/null
	detach $alice "$id"
	check_equal "parameters: what is named outside the bounds is refused" \
		"$(reply $alice io.bpfwarden.Probe.Attach '{"probe":"test.names","parameters":{"names":2}}' "$refusal")" \
		"LimitExceeded set names 2 0: set names of section [limit names] is none and would become full"
	allowed "parameters: what is named within them is not" $alice '{"probe":"test.names","parameters":{"names":0}}'
	allowed "parameters: the limit is of its group" root '{"probe":"test.names","parameters":{"names":2}}'
	id=$(attach_with $alice '{"probe":"sched.runqlat","duration":600}')
	check_equal "parameters: moved to the nearest bound" "$(status $alice "$id" | jq -c .parameters)" '{"threshold":20000000}'
	detach $alice "$id"
	check_equal "parameters: above the bounds" \
		"$(reply $alice io.bpfwarden.Probe.Attach '{"probe":"sched.runqlat","parameters":{"threshold":40000000}}' "$refusal")" \
		"LimitExceeded set threshold 40000000 30000000: set threshold of section [limit threshold] is 20000000 to 30000000 and would become 40000000"
	check_equal "parameters: below the bounds" \
		"$(reply $alice io.bpfwarden.Probe.Attach '{"probe":"sched.runqlat","parameters":{"threshold":5}}' "$refusal")" \
		"LimitExceeded set threshold 5 20000000: set threshold of section [limit threshold] is 20000000 to 30000000 and would become 5"
	rules <<-END
		[limit a]
		user = $alice
		set = names:none
		[limit b]
		user = $alice
		set = names:full
	END
	check_match "parameters: bounds that contradict each other leave nothing" \
		"$(reply $alice io.bpfwarden.Probe.Attach '{"probe":"test.names"}' "$refusal")" \
		"^LimitExceeded set names .*: section \\[limit [ab]\\] leaves no value of names$"
	rules <<-END
		[deny full]
		user = $alice
		parameter = names:full
	END
	denied "parameters: a deny of a value, which is the default" $alice '{"probe":"test.names"}' full
	allowed "parameters: another value" $alice '{"probe":"test.names","parameters":{"names":1}}'
	allowed "parameters: a probe without that parameter" $alice '{"probe":"tcp.state"}'
}

# What the kernel's programs were told to show: enum spec_privacy of the slots in use.
slots_show() { # PROGRAM
	local map
	for map in $(bpftool -j prog show id "$(programs "$1" | head -n 1)" | jq '.map_ids[]'); do
		bpftool -j map show id "$map" | jq -e '.name | test("slots")' >/dev/null || continue
		bpftool -j map dump id "$map" | jq -c '[.[].formatted.value.privacy_max] | max'
	done
}

shown() { # USER ID: which of the three classes the event of a connection has
	local uid
	uid=$(id -u "$1")
	"$exercise/exercise-connections" 1 0 "$uid"
	stream "$1" bpfwarden -o json watch "$2"
	stream_lines 1 | jq -c '[has("duration"), has("remote_port"), has("remote_address")]'
	stream_end >/dev/null
}

privacy() {
	local id
	rules <<-END
		[allow all-fields]
		user = $bob
		probe = tcp.state
		data = aggregates events
		privacy = pii
		[deny addresses]
		user = $alice
		privacy = pii
	END
	id=$(attach_with $alice '{"probe":"tcp.state","duration":600}')
	check_equal "privacy: the highest class that is allowed" "$(status $alice "$id" | jq -r .privacy)" bound
	check_equal "privacy: the log says which" "$(decision_of "$id" | jq -c '[.data, .privacy]')" '[["aggregates","events"],"bound"]'
	check_equal "privacy: the kernel zeroes the others" "$(slots_show tcp_state)" 1
	check_equal "privacy: bound without addresses" "$(shown $alice "$id")" '[true,true,false]'
	detach $alice "$id"
	check_equal "privacy: asked for more is no more" "$(reply $alice io.bpfwarden.Probe.Attach \
		'{"probe":"tcp.state","privacy":"pii","dry_run":true}' .parameters.attachment.privacy)" bound
	id=$(attach_with $bob '{"probe":"tcp.state","duration":600}')
	check_equal "privacy: with pii" "$(status $bob "$id" | jq -r .privacy)" pii
	check_equal "privacy: with addresses" "$(shown $bob "$id")" '[true,true,true]'
	check_equal "privacy: the kernel shows them" "$(slots_show tcp_state)" 2
	detach $bob "$id"
	id=$(attach_with $bob '{"probe":"tcp.state","privacy":"safe","duration":600}')
	check_equal "privacy: less than is allowed" "$(shown $bob "$id")" '[true,false,false]'
	detach $bob "$id"
}

# Whatever this kernel can: what the policy wants stands in the decision.
demands() {
	local name condition
	while read -r name condition; do
		rules <<-END
			[$name verified]
			user = $alice
			probe = proc.lifecycle
			$condition
		END
		as $alice bpfwarden -q attach proc.lifecycle --for 1m >/dev/null 2>&1 && as $alice bpfwarden -q detach proc.lifecycle 2>/dev/null
		check_equal "kernel-verified, $name: the decision demands it" \
			"$(audit '.kind == "decision" and .probe == "proc.lifecycle"' | tail -n 1 | jq -c '[.verdict, .demand]')" '["allow","kernel-verified"]'
	done <<-END
		limit kernel-verified = required
		deny kernel-verified = no
	END
}

loads() {
	local uid=62400 ids
	rules <<-END
		[limit rate]
		user = $uid
		max-loads-per-minute = 2
	END
	ids=("$(attach $uid tcp.state)" "$(attach $uid tcp.state)" "$(attach $uid proc.lifecycle)")
	check_equal "loads: only what is loaded counts, not each attachment" "$(printf '%s\n' "${ids[@]}" | grep -Ec '^[0-9a-f]{16}$')" 3
	check_equal "loads: one too many in a minute" \
		"$(reply $uid io.bpfwarden.Probe.Attach '{"probe":"sched.runqlat"}' "$refusal")" \
		"LimitExceeded max-loads-per-minute 3 2: max-loads-per-minute of section [limit rate] is 2 and would become 3"
	as $uid bpfwarden -q detach "${ids[2]}"
	check_equal "loads: detaching gives none back" "$(ask $uid '{"probe":"proc.lifecycle"}')" LimitExceeded
	allowed "loads: what is in the kernel already" $uid '{"probe":"tcp.state"}'
	allowed "loads: another user" $((uid + 1)) '{"probe":"sched.runqlat"}'
	as $uid bpfwarden -q detach "${ids[0]}"
	as $uid bpfwarden -q detach "${ids[1]}"
}

hooks() {
	local id other
	bpfwarden -q registry enroll "$work/test.a-1.bpfw"
	rules <<-END
		[limit hooks]
		group = bpfwarden-users
		max-programs-per-hook = 1
	END
	id=$(attach $alice tcp.state)
	check_equal "hooks: another program on the same hook" \
		"$(reply $bob io.bpfwarden.Probe.Attach '{"probe":"test.a"}' "$refusal")" \
		"LimitExceeded max-programs-per-hook 2 1: max-programs-per-hook of section [limit hooks] is 1 and would become 2 on tp_btf/inet_sock_set_state"
	allowed "hooks: the same program" $bob '{"probe":"tcp.state"}'
	allowed "hooks: another hook" $bob '{"probe":"sched.runqlat"}'
	allowed "hooks: somebody without the limit" root '{"probe":"test.a"}'
	detach $alice "$id"
	other=$(attach $bob test.a)
	check_equal "hooks: the place is free again" "$(status $bob "$other" | jq -r .probe)" test.a
	check_equal "hooks: and taken" "$(ask $alice '{"probe":"tcp.state"}')" LimitExceeded
	detach $bob "$other"
}

# in_cgroup PATH USER PARAMETERS: the typed error of an attach from there.
in_cgroup() {
	local cgroup=$1
	shift
	mkdir -p "$unified$cgroup"
	(echo "$BASHPID" >"$unified$cgroup/cgroup.procs" && ask "$@")
}

from() {
	[ -n "$unified" ] || { skip "from-unit, from-cgroup" "the unified cgroup hierarchy"; return; }
	rules <<-END
		[allow unit]
		user = $carol
		probe = tcp.state
		from-unit = warden-rules.service
		[allow slice]
		user = $carol
		probe = sched.runqlat
		from-cgroup = /warden-rules.slice
		[deny unit]
		user = $alice
		from-unit = warden-rules.*
	END
	check_equal "from-unit: in the unit" "$(in_cgroup /warden-rules.service $carol '{"probe":"tcp.state"}')" ""
	check_equal "from-unit: below it" "$(in_cgroup /warden-rules.service/below $carol '{"probe":"tcp.state"}')" ""
	check_equal "from-unit: from elsewhere" "$(ask $carol '{"probe":"tcp.state"}')" PolicyDenied
	check_equal "from-unit: a cgroup of that name in another unit" \
		"$(in_cgroup /warden-rules.scope/warden-rules.service $carol '{"probe":"tcp.state"}')" PolicyDenied
	check_equal "from-unit: a deny" "$(in_cgroup /warden-rules.service/below $alice '{"probe":"tcp.state"}')" PolicyDenied
	check_equal "from-unit: which is of the unit" "$(ask $alice '{"probe":"tcp.state"}')" ""
	check_equal "from-cgroup: below it" \
		"$(in_cgroup /warden-rules.slice/warden-team.service $carol '{"probe":"sched.runqlat"}')" ""
	check_equal "from-cgroup: from elsewhere" \
		"$(in_cgroup /warden-rules.service $carol '{"probe":"sched.runqlat"}')" PolicyDenied
}

bundles() {
	local key
	key=$(openssl x509 -in "$etc/trust/test.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)
	while read -r name condition; do
		rules <<-END
			[deny it]
			user = $alice
			$condition
		END
		denied "bundle, $name: denied" $alice '{"probe":"test.names"}' it
	done <<-END
		role role = other te?t
		signer signer = key:$key
		subject signer = *CN*test
		version version = 1.*
		hook hook = tp_btf/sched_process_*
		helper helper = bpf_get_stackid bpf_probe_read_kernel bpf_ktime_get_*
		program-type program-type = tracing
		channel channel = production
		may-modify may-modify = no
	END
	while read -r name condition; do
		rules <<-END
			[deny it]
			user = $alice
			$condition
		END
		allowed "bundle, $name: another" $alice '{"probe":"test.names"}'
	done <<-END
		role role = standard
		signer signer = key:$(printf '%064d' 0)
		version version = 2.*
		hook hook = tp_btf/inet_*
		helper helper = bpf_override_return
		program-type program-type = lsm cgroup_skb
		may-modify may-modify = yes
	END
}

containers() {
	: | rules
	if ! as $alice unshare --user true 2>/dev/null; then
		skip "containers" "user namespaces for everybody"
		return
	fi
	check_equal "containers: the same uid in a user namespace" "$(as $alice unshare --user --map-current-user \
		/usr/bin/python3 -c "$call_program" io.bpfwarden.Probe.Attach '{"probe":"tcp.state","dry_run":true}' |
		jq -r '"\(.error) \(.parameters.rule)"')" "io.bpfwarden.PolicyDenied containers"
}

enrolling() {
	make_bundle test.b 1 test
	rules <<-END
		[allow enroll]
		user = $alice
		probe = test.*
		action = enroll
		role = other
	END
	check_match "enroll: nothing is looked at for who may not" \
		"$(as $bob bpfwarden registry enroll "$work/test.b-1.bpfw" 2>&1)" "you to enroll bundles \\(rule default\\)"
	check_match "enroll: by a role that is not its own" \
		"$(as $alice bpfwarden registry enroll "$work/test.b-1.bpfw" 2>&1)" "you to enroll test.b-1 \\(rule default\\)"
	sed -i 's/^role = .*/role = test/' "$policy"
	bpfwarden -q policy reload
	check "enroll: by its role" as $alice bpfwarden registry enroll "$work/test.b-1.bpfw"
}

groups() {
	local id before after reload
	gpasswd -a $carol warden-team >/dev/null
	rules <<-END
		[allow team]
		group = warden-team
		probe = tcp.state
	END
	id=$(attach $carol tcp.state)
	check_equal "group: attached" "$(status $carol "$id" | jq -r .rule)" team
	gpasswd -d $carol warden-team >/dev/null
	reload=$(call root io.bpfwarden.Policy.Reload '{"dry_run":true}')
	check_equal "group: a dry run says what would end" "$(jq -c '[.parameters.changed, .parameters.ended[].attachment]' <<<"$reload")" "[false,\"$id\"]"
	check_equal "group: and ends nothing" "$(status $carol "$id" | jq -r .id)" "$id"
	before=$(date +%s%3N)
	reload=$(call root io.bpfwarden.Policy.Reload '{}')
	after=$(date +%s%3N)
	check_equal "group: the reload says what it has ended" \
		"$(jq -c '.parameters.ended[] | [.attachment, .user, .probe, .serial, .target, .reason]' <<<"$reload")" \
		"[\"$id\",\"$carol\",\"tcp.state\",1,\"self\",\"the policy does not allow it any more (rule default)\"]"
	check_equal "group: nothing is attached when it replies" "$(status $carol "$id")" ""
	check "group: within a second ($((after - before)) ms)" test $((after - before)) -lt 1000
	check_equal "group: the log counts it" "$(audit '.kind == "change" and .action == "policy-reload"' | tail -n 1 | jq .ended)" 1
}

windows() {
	local id now start end
	now=$(date +%s)
	start=$((now / 60 * 60 + (now % 60 < 40 ? 60 : 120)))
	rules <<-END
		[deny window]
		user = $bob
		time = $(date -u -d "@$start" +%H:%M)-$(date -u -d "@$((start + 1200))" +%H:%M)
	END
	id=$(attach $bob tcp.state)
	check_equal "time: it ends when the window opens" \
		"$(rows $bob io.bpfwarden.Probe.Watch "{\"attachment\":\"$id\"}" | jq -r '.ended // empty')" \
		"the policy does not allow it any more (rule window)"
	end=$(audit ".kind == \"end\" and .attachment == \"$id\"" | jq .time_ns)
	check "time: not before that ($((end / 1000000 - start * 1000)) ms after)" test $((end / 1000000000)) -ge $start
	denied "time: nothing is attached in it" $bob '{"probe":"tcp.state"}' window
	allowed "time: others are" $alice '{"probe":"tcp.state"}'
}

questions() {
	local text digest seq
	rules <<-END
		[deny alice]
		user = $alice
		probe = proc.*
		[allow bob]
		user = $bob
		probe = tcp.state
		target = host
		[limit alice]
		user = $alice
		max-attachments = 3
	END
	check_equal "explain: oneself" "$(rows $alice io.bpfwarden.Policy.Explain '{"probe":"tcp.state","brief":true}' |
		jq -c '.decision | [.allowed, .rule, .user, .target, .data, .limits["max-attachments"], .limit_sections["max-attachments"]]')" \
		"[true,\"users\",\"$alice\",\"self\",[\"aggregates\",\"events\"],3,\"alice\"]"
	check_equal "explain: what is denied" "$(rows $alice io.bpfwarden.Policy.Explain '{"probe":"proc.lifecycle","brief":true}' |
		jq -c '.decision | [.allowed, .rule]')" '[false,"alice"]'
	check_equal "explain: a probe that is not there" "$(rows root io.bpfwarden.Policy.Explain '{"probe":"no.such","brief":true}' |
		jq -r .decision.refusal.error)" NoSuchProbe
	check_equal "explain: sections of others are not for everybody" \
		"$(rows $alice io.bpfwarden.Policy.Explain '{"probe":"tcp.state"}' | jq -r '.section // empty | "\(.kind) \(.name)"' | grep -c 'allow bob')" 0
	check_equal "explain: others are not for everybody" \
		"$(rows $alice io.bpfwarden.Policy.Explain "{\"user\":\"$bob\",\"probe\":\"tcp.state\"}" | jq -r .error)" PolicyDenied
	check_equal "explain: nor is oneself elsewhere" \
		"$(rows $alice io.bpfwarden.Policy.Explain '{"groups":[0],"probe":"tcp.state"}' | jq -r .error)" PolicyDenied
	check_equal "explain: each section, and why not" \
		"$(rows root io.bpfwarden.Policy.Explain "{\"user\":\"$alice\",\"probe\":\"tcp.state\",\"target\":\"host\",\"data\":[\"aggregates\"]}" |
			jq -c '.section // empty | select(.name == "bob") | [.kind, .matched, .key, .value]')" "[\"allow\",false,\"user\",\"$bob\"]"
	check_equal "explain: by other groups" "$(rows root io.bpfwarden.Policy.Explain "{\"user\":\"$carol\",
		\"groups\":[$(getent group bpfwarden-users | cut -d: -f3)],\"probe\":\"tcp.state\",\"brief\":true}" | jq -c '.decision | [.allowed, .rule]')" '[true,"users"]'
	check_equal "explain: on disk, when nothing was read" \
		"$(rows root io.bpfwarden.Policy.Explain '{"probe":"tcp.state","on_disk":true}' | jq -r .error)" InvalidArgument
	seq=$(bpfwarden -o json audit list | jq -s 'map(.record.seq) | max')
	text=$(rows root io.bpfwarden.Policy.Text '{}' | jq -rj '.text // ""')
	digest=$(rows root io.bpfwarden.Policy.Text '{}' | jq -r '.digest // empty')
	check_equal "text: its digest" "$(rows root io.bpfwarden.Policy.Text '{}' | jq -rj '.text // ""' | sha256sum | cut -d' ' -f1)" "$digest"
	check_match "text: is the policy" "$text" '^\[deny alice\]$'
	check_equal "text: not for everybody" "$(rows $alice io.bpfwarden.Policy.Text '{}' | jq -r .error)" PolicyDenied
	printf '[deny everybody]\nprobe = *\n' >"$policy"
	check_equal "dry run: keeps the policy on disk for questions" "$(call root io.bpfwarden.Policy.Reload '{"dry_run":true}' | jq .parameters.changed)" true
	check_equal "explain: on disk" "$(rows root io.bpfwarden.Policy.Explain \
		"{\"user\":\"$alice\",\"probe\":\"tcp.state\",\"brief\":true,\"on_disk\":true}" | jq -c '.decision | [.allowed, .rule]')" '[false,"everybody"]'
	allowed "explain: the one in force goes on" $alice '{"probe":"tcp.state"}'
	check_match "text: on disk" "$(rows root io.bpfwarden.Policy.Text '{"on_disk":true}' | jq -r '.text // ""')" '^\[deny everybody\]$'
	: | rules
	check_equal "text: at a record" "$(rows root io.bpfwarden.Policy.Text "{\"at\":$seq}" | jq -r '.digest // empty')" "$digest"
	check_equal "text: at no record" "$(rows root io.bpfwarden.Policy.Text '{"at":999999}' | jq -r '"\(.error) \(.argument)"')" "InvalidArgument at"
	check_equal "text: on disk, after a reload" "$(rows root io.bpfwarden.Policy.Text '{"on_disk":true}' | jq -r .error)" InvalidArgument
	check_equal "may: what a list says" "$(call_rows_may $alice tcp.state)" "self"
}
call_rows_may() { rows "$1" io.bpfwarden.Probe.List '{}' | jq -r ".probe | select(.name == \"$2\") | .may | join(\" \")"; }

parameters
privacy
demands
loads
hooks
from
bundles
containers
enrolling
groups
questions
windows
host_finish
