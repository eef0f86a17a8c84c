#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vm: --cuts 5
# Inside a virtual machine whose power is cut five times while acts are acknowledged: after each boot the log verifies
# and holds every act whose acknowledgement had left the machine (tests/vm/power.py is the witness).
#
#   tests/vm/run --cuts 5 12 "$(tests/vm/build-deb)" tests/vm/test-power.sh tests/vm/acts.py
#
# What this shows: what the daemon, SQLite and the kernel had not handed to the disk is lost, at any instruction. What
# it does not show is a disk that loses what was handed to it and not yet flushed; tests/audit/test-power-cut.c does.
# The daemon's state and the auditor's memory lie on a file system of their own, because the machine's has no journal.
# shellcheck source=tests/vm/lib.sh
. /payload/lib.sh

audit=/var/lib/bpfwarden/audit
state=/srv/state
export XDG_STATE_HOME=$state/auditor
export LC_ALL=C

exec {power}<>/dev/virtio-ports/bpfwarden.power
ask() { # QUESTION: one line
	local answer
	printf '\n%s\n' "$1" >&"$power" # a line that the cut left unfinished ends here
	read -r answer <&"$power" && echo "$answer"
}

acknowledged() { # every act that ever left the machine
	local line
	printf 'acks?\n' >&"$power"
	while read -r line <&"$power" && [ "$line" != end ]; do echo "$line"; done
}

set_up() {
	mkdir -p /etc/systemd/journald.conf.d /var/lib/bpfwarden "$state"
	printf '[Journal]\nStorage=volatile\n' >/etc/systemd/journald.conf.d/50-volatile.conf
	printf 'LABEL=state %s ext4 rw 0 0\n%s/daemon /var/lib/bpfwarden none bind 0 0\n' "$state" "$state" >>/etc/fstab
	systemctl daemon-reload
	check "install: the state has a disk of its own" mount "$state"
	mkdir "$state/daemon" "$state/auditor"
	check "install: and the daemon's is there" mount /var/lib/bpfwarden
	check "install" dpkg -i "$DEB"
	sync
}

# Of all segments.
log() { # SQL with the table "record"
	local segment
	for segment in "$audit"/log-*.sqlite; do
		sqlite3 -readonly "$segment" "$1"
	done
}

missing() {
	comm -23 <(acknowledged | sort) <(log "SELECT action || ' ' || attachment FROM record
		WHERE kind = 'decision' AND verdict = 'allow' AND attachment IS NOT NULL" | sort)
}

after_cut() { # NUMBER
	check "cut $1: the daemon is back" wait_until 90 bpfwarden list
	check_equal "cut $1: every acknowledged act is in the log" "$(missing | head -n 5)" ""
	check_equal "cut $1: no number is missing" "$(log 'SELECT seq FROM record ORDER BY seq' | sort -n |
		awk 'NR > 1 && $1 != last + 1 { print last, $1 } { last = $1 }')" ""
	check "cut $1: the log verifies" bpfwarden audit verify
	check_equal "cut $1: the key is the same" "$(bpfwarden audit checkpoint --key)" "$(cat "$state/key")"
	check_equal "cut $1: it was not begun anew" "$(compgen -G "$audit/damaged-*")" ""
}

cuts=$(ask 'cuts?')
if [ "$cuts" = 0 ]; then
	set_up
	check "the daemon answers" wait_until 60 bpfwarden list
	check "the log verifies" bpfwarden audit verify
	bpfwarden audit checkpoint --key >"$state/key"
	sync
else
	after_cut "$cuts"
fi
[ "$vm_failed" -eq 0 ] || { ls -l "$audit"; journalctl --no-pager -b -u 'bpfwardend*' | tail -n 40 | sed 's/^/# /'; vm_finish; exit 1; }
if [ "$cuts" -lt 5 ]; then
	echo armed >&"$power"
	timeout 300 python3 /payload/acts.py >&"$power"
	not_ok "cut $((cuts + 1))" "the power was not cut"
fi
vm_finish
