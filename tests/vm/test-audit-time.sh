#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Inside a virtual machine: the clock is turned, years ahead and back, while the daemon runs and while it does not.
# What has expired stays expired until an administrator says that the clock was wrong; every jump is in the log;
# sequence, not time, is the order. The build's own certificates are valid for twenty years.
#
#   tests/vm/run 12 "$(tests/vm/build-deb)" tests/vm/test-audit-time.sh
# shellcheck source=tests/vm/lib.sh
. /payload/lib.sh

as() { runuser -l "$1" -c "$2"; } # a fresh login, so that groups count
records() { bpfwarden -o json audit list "${@:2}" | jq -c ".record // empty | select($1)"; }
last_clock() { records '.kind == "change"' --action clock | tail -n 1; }
try_attach() { as alice "bpfwarden attach tcp.state --for 10m --dry-run"; }
refused_because() { ! try_attach >/tmp/try 2>&1 && grep -Eq -- "$1" /tmp/try; }
nothing_attached() { [ -z "$(bpfwarden ps --all -o json | jq -r '.attachment.id // empty')" ]; }
answers() { bpfwarden list; }
later() { [ "$(last_clock | jq .seq)" -gt "$1" ]; }
turn() { # NAME DIFFERENCE: and what the log makes of it
	local before
	before=$(last_clock | jq .seq)
	date -s "$2" >/dev/null
	check "$1: it is recorded" wait_until 60 later "${before:-0}"
}
restart() {
	systemctl restart bpfwardend.service
	check "$1: the daemon is back" wait_until 60 answers
}
year() { date -d "$1" +%Y; }
behind='by the latest time that is known; the clock is behind it'

set_up() {
	check "install" dpkg -i "$DEB"
	adduser --quiet --disabled-password --gecos '' alice
	adduser --quiet alice bpfwarden-users
	check "the daemon answers" wait_until 120 answers
	check "alice may attach" wait_until 60 try_attach
	check_equal "no clock was set yet" "$(last_clock)" ""
}

# Certificates of today are of the future then; the clock alone says so, and what has begun once may not have begun.
ten_years_back_and_forth() {
	local now record remaining
	now=$(date +%s)
	check "ten years: attached before" as alice "bpfwarden attach tcp.state --for 10m"
	turn "ten years back" '-10 years'
	record=$(last_clock)
	check_match "ten years back: both times" "$(jq -r .detail <<<"$record")" \
		"^the clock was set from $(year '+10 years')-[^ ]+Z to $(year now)-[^ ]+Z: what had expired by $(year '+10 years')-[^ ]+Z stays expired"
	check "ten years back: what is known stays" test "$(jq '.known_ns / 1000000000 | floor' <<<"$record")" -ge "$now"
	check "ten years back: time is not the order" test "$(jq .time_ns <<<"$record")" -lt $((now * 1000000000))
	check "ten years back: not yet valid" wait_until 60 refused_because 'is not yet valid'
	check "ten years back: what is not valid ends" wait_until 60 nothing_attached
	turn "ten years forth" '+10 years'
	check_equal "ten years forth: nothing is behind" "$(last_clock | jq -r .detail | grep -c stays)" 0
	check "ten years forth: alice may attach" wait_until 60 try_attach
	check "a year ahead: attached before" as alice "bpfwarden attach tcp.state --for 10m"
	turn "a year ahead" '+1 year'
	remaining=$(bpfwarden ps --all -o json | jq '.attachment.remaining // empty')
	check "a year ahead: a deadline does not come sooner" test "$remaining" -gt 300 -a "$remaining" -le 600
	turn "a year ahead, and back" '-1 year'
	check "a year ahead, and back: what has not expired is as before" try_attach
}

expired() {
	turn "twenty-one years" '+21 years'
	check "twenty-one years: what has expired ends" wait_until 60 nothing_attached
	check_match "twenty-one years: the end says why" "$(records '.kind == "end"' | tail -n 1 | jq -r .detail)" \
		'not trusted any more.*has expired'
	turn "turned back" '-21 years'
	check_match "turned back: the log says what to do" "$(last_clock | jq -r .detail)" \
		'stays expired; if it was never that late: bpfwarden registry accept-clock$'
	check "turned back: it stays expired" wait_until 60 refused_because "has expired \\($behind\\)"
	restart "turned back, and started again"
	check_match "turned back, and started again: so the log says" "$(last_clock | jq -r .detail)" \
		"^the clock says $(year now)-[^ ]+Z: what had expired by $(year '+21 years')-"
	check "turned back, and started again: it stays expired" wait_until 60 refused_because "has expired \\($behind\\)"
	systemctl stop bpfwardend.service
	date -s '-5 years' >/dev/null
	date -s '+5 years' >/dev/null
	systemctl kill --signal=KILL bpfwardend.service 2>/dev/null || :
	systemctl start bpfwardend.service
	check "turned while nobody looked: it stays expired" wait_until 60 refused_because "has expired \\($behind\\)"
}

accepted() {
	local seq
	check_code "accept: alice may not" 3 as alice "bpfwarden registry accept-clock"
	seq=$(last_clock | jq .seq)
	check_match "accept: a dry run says what it would do" "$(bpfwarden registry accept-clock --dry-run)" 'would be judged anew'
	check_equal "accept: and does nothing" "$(last_clock | jq .seq)" "$seq"
	check "accept: still expired" refused_because 'has expired'
	check_match "accept" "$(bpfwarden registry accept-clock)" "expired by $(year '+21 years')-.* is judged anew"
	check "accept: alice may attach" wait_until 60 try_attach
	check_equal "accept: the log has the decision, the change and the outcome, by whom" \
		"$(records '.requester.uid == 0 and .verdict != "deny" and .detail != "dry run"' |
			jq -r 'select(.action == "accept-clock" or .action == "clock") | .kind + " " + .action' | paste -sd,)" \
		"decision accept-clock,change clock,outcome accept-clock"
	check_equal "accept: what is known then" "$(last_clock | jq '.known_ns / 1000000000 | floor' | xargs -I{} date -d @{} +%Y)" "$(year now)"
	seq=$(last_clock | jq .seq)
	restart "accepted, and started again"
	check "accepted, and started again: alice may attach" wait_until 60 try_attach
	check_equal "accepted, and started again: nothing to say of the clock" "$(last_clock | jq .seq)" "$seq"
}

in_order() {
	check_equal "the sequence has no gap" "$(records true | jq .seq | awk '$1 != NR { n++ } END { print n + 0 }')" 0
	check "times do go back" test "$(records true | jq .time_ns | awk 'NR > 1 && $1 < last { n++ } { last = $1 } END { print n + 0 }')" -gt 1
	skip "suspend" "this machine has no state to suspend to; deadlines are on CLOCK_BOOTTIME"
}

set_up
ten_years_back_and_forth
expired
accepted
in_order
[ "$vm_failed" = 0 ] || journalctl --no-pager -o short-monotonic -u 'bpfwardend*' | tail -n 60 | sed 's/^/# /'
vm_finish
