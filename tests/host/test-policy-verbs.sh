#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the command line says about the policy is what the daemon does: explain, who, diff, show, reload, list.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
host_begin

policy=$etc/policy.d/60-shop.policy
mkdir -p "$etc/policy.d"
shop() { # PROBES: alice's policy
	cat <<-END >"$policy"
		[allow shop]
		user = $alice
		probe = $1
		target = unit:shop*.service
		data = aggregates events

		[limit shop]
		user = $alice
		max-memory = 16M
	END
}
explain() { bpfwarden policy explain "$@"; }
field() { jq -r "select(.decision) | .decision | $1"; } # of Explain as JSON
columns() { awk '{ if (length($0) > n) n = length($0) } END { print n }'; }
first_seq() { bpfwarden -o json audit list | jq -s 'map(.record | select(.policy)) | .[0].seq'; }
ended() { [ -z "$(as $alice bpfwarden -o json ps)" ]; }

shop 'tcp.*'
check "reload: the policy is taken" bpfwarden policy reload
check_match "reload: again, it is the same" "$(bpfwarden policy reload)" 'is the one in force$'

# About oneself everybody may ask, and hears nothing about others.
check_code "explain: alice on herself" 0 as $alice bpfwarden policy explain tcp.state
check_code "explain: on a unit that the policy gives her" 0 as $alice bpfwarden policy explain tcp.state -U shop1.service
check_code "explain: on one that it does not" 3 as $alice bpfwarden policy explain tcp.state -U pay.service
check_code "explain: on the host" 3 as $alice bpfwarden policy explain tcp.state -H
check_code "explain: carol, who is in no group" 3 as $carol bpfwarden policy explain tcp.state
check_code "explain: alice about bob" 3 as $alice bpfwarden policy explain tcp.state --as $bob
check_code "explain: alice, who names herself" 0 as $alice bpfwarden policy explain tcp.state --as $alice
check_code "explain: alice by number" 0 as $alice bpfwarden policy explain tcp.state --as $alice_uid
check_code "explain: alice about one whom there is not" 3 as $alice bpfwarden policy explain tcp.state --as no-such-user
check_code "explain: alice about another policy" 3 as $alice bpfwarden policy explain tcp.state --on-disk
check_equal "explain: alice sees no section about others" \
	"$(as $alice bpfwarden -o json policy explain tcp.state | jq -r 'select(.section.name == "admin")')" ""

# Root about others.
output=$(explain tcp.state --as $alice -U shop1.service)
check_match "explain: the verdict" "$output" "^allowed: $alice \($alice_uid\), attach tcp.state-[0-9]+ \(production\) on unit:shop1.service"
check_match "explain: the rule and its place" "$output" "rule +\[allow shop\]  $policy:1"
check_match "explain: the limit and who set it" "$output" 'max-memory = 16\.0 MiB  \[limit shop\]'
check_match "explain: a section that does not match" "$output" 'no +\[allow audit\] +50-default\.policy:[0-9]+ +'
# The place is shown whole, so it is measured where a package has it.
check "explain: 100 columns" [ "$(columns <<<"${output//"$etc"//etc/bpfwarden}")" -le 100 ]
check_code "explain: alice without her groups" 3 explain tcp.state --as $alice --groups ''
check_code "explain: carol in the group" 0 explain tcp.state --as $carol --groups bpfwarden-users
check_equal "explain: from a container" \
	"$(explain -o json tcp.state --as $alice --namespace container | field .rule)" containers
check_equal "explain: root reads the log" "$(explain -o json --as root --action audit-read | field .allowed)" true
check_code "explain: alice does not" 3 explain --as $alice --action audit-read
check_code "explain: a probe that there is not" 3 explain no.probe --as $alice
# What is left open and would be reduced without a word is no reason for a denial.
check_match "explain: the condition that denies" "$(explain tcp.state --as $alice -H)" \
	'no +\[allow shop\] +[^ ]+ +target = unit:shop\*\.service'
check_match "explain: no target" "$(explain tcp.state --target shop.service 2>&1)" \
	'argument not valid \(target\): it is self, user:NAME, unit:NAME, cgroup:PATH or host'

# A denial says how to learn why, and of whom to ask what.
check_match "denied: why" "$(as $alice bpfwarden run tcp.state -H 2>&1)" 'why: bpfwarden policy explain'
check_match "denied: a limit, as policies write it" "$(as $alice bpfwarden run tcp.state --for 9h --dry-run 2>&1)" \
	'max-duration of section \[limit users\] is 8h and would become 9h'
check_match "denied: who may look" "$(as $alice bpfwarden policy who tcp.state 2>&1)" "adduser $alice bpfwarden-audit"
check_match "denied: who may change" "$(as $alice bpfwarden policy diff 2>&1)" "adduser $alice bpfwarden-admin"

# Explain and the daemon ask the same function.
# Users by number: on a busy machine a name may not be looked up in time.
for target in self "user:$(id -u $bob)" "user:$(id -u $alice)" unit:shop1.service unit:pay.service cgroup:/x host; do
	for user in root $alice $carol; do
		asked=0 did=0
		case "$target" in
		self) option=() ;;
		host) option=(-H) ;;
		*) option=("--${target%%:*}" "${target#*:}") ;;
		esac
		explain -q tcp.state --as $user --target "$target" >/dev/null || asked=$?
		as $user bpfwarden attach tcp.state "${option[@]}" --for 1m --dry-run >/dev/null 2>&1 || did=$?
		# What cannot be found is found out before the policy is asked.
		[ $did != 4 ] || continue
		check_equal "agrees: $user on $target" $asked $did
	done
done

# Who.
output=$(bpfwarden -q policy who tcp.state)
check_match "who: alice" "$output" "^$alice +unit:shop\*\.service +aggregates, events +bound +shop$"
check_match "who: bob" "$output" "^$bob +self +aggregates, events +pii +users$"
check_equal "who: carol may not" "$(grep -c $carol <<<"$output")" 0
check_equal "who: one target" "$(bpfwarden -o json policy who tcp.state --target unit:shop7.service |
	jq -r 'select(.user | startswith("warden-")) | .user + " " + .grants[0].rule')" "$alice shop"
check_equal "who: another action" "$(bpfwarden -o json policy who tcp.state --action enroll | jq -r .user | xargs)" root
check_code "who: a probe that there is not" 4 bpfwarden policy who no.probe
check_code "who: not for everybody" 3 as $alice bpfwarden policy who tcp.state

# Show.
check_match "show: all of it" "$(bpfwarden policy show)" '\[allow admin\]'
check_match "show: alice sees what concerns her" "$(as $alice bpfwarden policy show)" '\[allow users\]'
check_equal "show: and not the rest" "$(as $alice bpfwarden policy show | grep -c admin)" 0
check_equal "show: before the first reload" "$(bpfwarden policy show --at "$(first_seq)" | grep -c 'allow shop')" 0
check_code "show: a record that there is not" 2 bpfwarden policy show --at 999999999
check_match "list: what alice may name" "$(as $alice bpfwarden list tcp.state)" '^tcp\.state-[0-9]+  unit:shop\*\.service, self  '

# Privacy, and what is in force.
id=$(attach $alice tcp.state --privacy safe)
check_equal "privacy: what was asked for is what there is" \
	"$(as $alice bpfwarden -o json ps | jq -c '.attachment | [.privacy, (.parameters | type)]')" '["safe","object"]'
as $alice bpfwarden detach "$id" >/dev/null

# Who may end some attachments sees those, and not what else others do.
cat >>"$policy" <<-END
	[allow ops]
	user = $carol
	action = detach-any
	probe = *
	target = host

	[deny ops]
	user = $carol
	action = detach-any
	probe = sched.*
END
seen() { as $carol bpfwarden -o json ps --all | jq -r .attachment.probe | xargs; }
check "ps: the policy is taken" bpfwarden policy reload
attach $alice tcp.state >/dev/null
attach $alice sched.runqlat >/dev/null
check_equal "ps: carol sees what she may end" "$(seen)" tcp.state
check_equal "ps: root sees all" "$(bpfwarden -o json ps --all | jq -r .attachment.probe | sort | xargs)" "sched.runqlat tcp.state"
as $alice bpfwarden -o json ps | jq -r .attachment.id | while read -r id; do as $alice bpfwarden detach "$id" >/dev/null; done
shop 'tcp.*'
check "ps: the policy is as before" bpfwarden policy reload

# Diff, then what it said comes true.
check_equal "diff: none" "$(bpfwarden policy diff)" "no difference"
id=$(attach $alice tcp.state)
shop 'sched.*'
printf '\n[deny tcp]\nuser = %s\nprobe = tcp.*\n' $alice >>"$policy"
output=$(bpfwarden policy diff)
check_match "diff: the attachment that would end" "$output" "$id +tcp\.state-[0-9]+ +self +$alice"
check_match "diff: a section that changes" "$output" '~ \[allow shop\]'
check_match "diff: a section that is new" "$output" '\+ \[deny tcp\]'
check_match "diff: what alice loses" "$output" '  - attach on self: .*tcp\.state'
check_equal "diff: nobody else changes" "$(grep -cE "^($bob|$carol|root) " <<<"$output")" 0
check_equal "diff: as JSON" "$(bpfwarden -o json policy diff | jq -r 'select(.decision and .decision.target == "self" and
	.decision.probe == "tcp.state") | .decision | [.user, .now.allowed, .then.allowed] | @csv')" "\"$alice\",true,false"
check_code "diff: not for everybody" 3 as $alice bpfwarden policy diff
check_code "explain: by what is on disk" 3 explain tcp.state --as $alice --on-disk
check_code "explain: by what is in force" 0 explain tcp.state --as $alice
check_match "reload: a dry run says what would end" "$(bpfwarden policy reload --dry-run)" "$id"
check_equal "reload: a dry run ends nothing" "$(as $alice bpfwarden -o json ps | jq -r .attachment.id)" "$id"
check_match "reload: says what ended" "$(bpfwarden policy reload)" "$id +tcp\.state-[0-9]+ +self +$alice +.*tcp"
check "reload: it has" ended
check_match "show: and before" "$(bpfwarden policy show --at "$(first_seq)")" '\[allow admin\]'
host_finish
