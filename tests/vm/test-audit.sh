#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Inside a virtual machine: the audit log as an operator meets it. Its sealed key, its copies in the journal whatever
# becomes of journald, the kernel's own records, and checkpoints that leave the host.
#
#   tests/vm/run 12 "$(tests/vm/build-deb)" tests/vm/test-audit.sh tests/vm/acts.py
# shellcheck disable=SC2317 source=tests/vm/lib.sh
. /payload/lib.sh

audit=/var/lib/bpfwarden/audit
published=/run/bpfwarden/audit/checkpoint
credential=/etc/credstore.encrypted/bpfwarden.audit-key
hooks=/etc/bpfwarden/anchor.d
anchored=/var/lib/private/bpfwarden-anchor
export LC_ALL=C

as() { runuser -l "$1" -c "$2"; } # a fresh login, so that groups count
acts() { python3 /payload/acts.py "$1" >/dev/null; }

# Of all segments, while the daemon writes.
log() { # SQL
	local segment
	for segment in "$audit"/log-*.sqlite; do
		sqlite3 -readonly -cmd '.timeout 2000' "$segment" "$1"
	done
}
last() { log 'SELECT max(seq) FROM record' | sort -n | tail -n 1; }

# What journald stored. Copies may come twice after a crash; they are the same then.
journal() { # SELECTION…: sequences
	journalctl -q --no-pager -o json --output-fields=BPFWARDEN_SEQ _UID="$(id -u bpfwarden)" "$@" |
		jq -r '.BPFWARDEN_SEQ | strings' | sort -nu
}
journal_has_all() { [ "$(journal)" = "$(log 'SELECT seq FROM record' | sort -n)" ]; }
missing_in_journal() { comm -3 <(journal | sort) <(log 'SELECT seq FROM record' | sort) | head -n 5; }

# check_copies NAME: everything that is in the log gets into the journal, 64 records a second. Looking adds nothing.
check_copies() {
	if wait_until 120 journal_has_all; then ok "$1"; else not_ok "$1" "not in both: $(missing_in_journal)"; fi
}

set_up() {
	check "install" dpkg -i "$DEB"
	adduser --quiet --disabled-password --gecos '' alice
	adduser --quiet --disabled-password --gecos '' bob
	adduser --quiet alice bpfwarden-users
	check "the daemon answers" wait_until 60 bpfwarden list
}

# --- the key ---------------------------------------------------------------------------------------------------

# The verification key that a seed on standard input gives: RFC 8410's prefix makes it a private key for openssl.
public_of_seed() {
	{ printf '\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20' && cat; } |
		openssl pkey -inform DER -pubout -outform DER | tail -c 32 | base64
}
# A verifier key is NAME+HASH+BASE64 of one byte, the algorithm, and the public key.
public_of_log() { log "SELECT value FROM meta WHERE name = 'key'" | sed 's/^[^+]*+[^+]*+//' | base64 -d | tail -c +2 | base64; }

sealed_key() {
	check_equal "key: sealed, root's alone" "$(stat -c '%a %U' "$credential")" "600 root"
	check_code "key: the warden has no file of it" 1 test -e "$audit/key"
	check_equal "key: it opens under its name" "$(systemd-creds decrypt --name=bpfwarden.audit-key "$credential" - | wc -c)" 32
	check_code "key: and under no other" 1 systemd-creds decrypt --name=other "$credential" -
	check_equal "key: the log is signed with it" "$(public_of_log)" \
		"$(systemd-creds decrypt --name=bpfwarden.audit-key "$credential" - | public_of_seed)"
	check_equal "key: nothing else may see it" "$(find /run/credentials/bpfwardend.service -perm /007 | wc -l)" 0
	check_code "key: alice may not" 1 as alice "cat /run/credentials/bpfwardend.service/*"
}

# --- the journal -----------------------------------------------------------------------------------------------

explained() { # MESSAGE_ID REGEX
	journalctl -q -x --no-pager -n 1 MESSAGE_ID="$1" | grep -E -- "$2"
}

copies() {
	as alice "bpfwarden attach tcp.state --for 10m" >/dev/null
	as bob "bpfwarden attach tcp.state --for 1m" >/dev/null 2>&1
	as alice "bpfwarden attach tcp.state --host --for 1m" >/dev/null 2>&1
	check_copies "journal: has every record"
	check "journal: verify finds each copy to be the record" bpfwarden audit verify --journal
	check_equal "journal: BPFWARDEN_VERDICT=deny shows what sqlite3 shows" "$(journal BPFWARDEN_VERDICT=deny)" \
		"$(log "SELECT seq FROM record WHERE verdict = 'deny' ORDER BY seq")"
	check "journal: and that is bob and alice" test "$(journal BPFWARDEN_VERDICT=deny | wc -l)" -ge 2
	check_equal "journal: the copies are the records, byte for byte" \
		"$(journalctl -q --no-pager -o json BPFWARDEN_VERDICT=deny | jq -r .BPFWARDEN_RECORD | sort -u)" \
		"$(log "SELECT CAST(bytes AS TEXT) FROM record WHERE verdict = 'deny'" | sort -u)"
	check "catalog: a denial says who and what next" explained 256b0ef8101545adbd3525cb52675290 \
		'bpfwarden policy explain --as (alice|bob) --probe tcp.state'
	check "catalog: a decision" explained c227301854954149aaa86562be6704c9 'journalctl BPFWARDEN_DECISION=[0-9]+'
	check "catalog: a start" explained e10871ddb50a489691ebfd8a235ac641 'Subject: The eBPF warden started'
}

journald_stops() {
	systemctl stop systemd-journald{,-dev-log,-audit}.socket systemd-journald.service
	check "journald stopped: acts are acknowledged" acts 20
	systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service
	check_copies "journald stopped: what it missed is sent again"
	kill -KILL "$(systemctl show -P MainPID systemd-journald)"
	check "journald killed: acts are acknowledged" acts 10
	wait_until 30 systemctl is-active systemd-journald
	check_copies "journald killed: nothing is missing"
}

# journald takes a message and drops it when its sender says too much; the warden's unit is exempt.
rate_limit() {
	mkdir -p /etc/systemd/journald.conf.d
	printf '[Journal]\nRateLimitIntervalSec=60s\nRateLimitBurst=10\n' >/etc/systemd/journald.conf.d/50-limit.conf
	systemctl restart systemd-journald
	systemd-run -q --wait --unit=chatty seq 2000
	check "rate limit: acts" acts 150
	check "rate limit: more records than any burst would let through" test "$(last)" -gt 600
	check_copies "rate limit: every record is there"
	check_equal "rate limit: though others are limited" \
		"$(test "$(journalctl -q --no-pager -o cat -u chatty | grep -cx '[0-9]*')" -lt 2000 && echo limited)" limited
	rm /etc/systemd/journald.conf.d/50-limit.conf
	systemctl restart systemd-journald
}

run_is_full() {
	local before
	before=$(last)
	fallocate -l "$(df --output=avail -B1 /run | tail -n 1)" /run/full 2>/dev/null
	cat /dev/zero >>/run/full 2>/dev/null
	check_equal "/run full: it is" "$(df --output=avail /run | tail -n 1 | tr -d ' ')" 0
	check "/run full: acts are acknowledged" acts 5
	check "/run full: and logged" test "$(last)" -ge $((before + 20))
	rm /run/full
	check_copies "/run full: nothing is missing"
}

# --- the kernel's own records ----------------------------------------------------------------------------------

kernel_loads() {
	journalctl -q --no-pager -o cat _TRANSPORT=audit _AUDIT_TYPE=1334 | sed -n 's/.*prog-id=\([0-9]*\) op=LOAD.*/\1/p' | sort -u
}
recorded_programs() { # of the last attach
	log "SELECT CAST(bytes AS TEXT) FROM record WHERE kind = 'outcome' AND action = 'attach' AND verdict = 'ok'
		ORDER BY seq DESC LIMIT 1" | jq -r '.program_ids[]' | sort
}
kernel_knows_all() { [ -n "$(recorded_programs)" ] && [ -z "$(comm -23 <(recorded_programs) <(kernel_loads))" ]; }

kernel_records() {
	printf '[Journal]\nAudit=yes\n' >/etc/systemd/journald.conf.d/50-audit.conf
	systemctl stop systemd-journald.service systemd-journald{,-dev-log}.socket
	systemctl start systemd-journald-audit.socket systemd-journald{,-dev-log}.socket systemd-journald.service
	as alice "bpfwarden run sched.runqlat --for 1s" >/dev/null 2>&1
	check "kernel: an AUDIT_BPF record for each program id of the outcome" wait_until 30 kernel_knows_all
	check "kernel: the program ids are there at all" test -n "$(recorded_programs)"
}

# --- checkpoints off the host ----------------------------------------------------------------------------------

head_of_log() { bpfwarden audit checkpoint; } # makes the daemon sign what there is
size_of() { sed -n 2p "$1" 2>/dev/null; }
all_anchored() { cmp "$published" "$anchored/checkpoint"; }
anchor_is() { [ "$(systemctl show -P ActiveState bpfwarden-anchor.service)" = "$1" ]; }

anchors() {
	check_equal "anchor: the checkpoint is for everybody to read, the warden's to write" \
		"$(stat -c '%a %U' "$published"; stat -c '%a %U' "${published%/*}")" $'644 bpfwarden\n755 bpfwarden'
	check_match "anchor: without a hook the doctor says so" "$(bpfwarden doctor)" '^ok +no hook in /etc/bpfwarden/anchor.d'
	cat >"$hooks/append" <<-'END'
		#!/bin/sh
		cat "$1" >>"$STATE_DIRECTORY/all"
		id -u >"$STATE_DIRECTORY/uid"
		for path in /run/bpfwarden/io.bpfwarden /var/lib/bpfwarden /etc/credstore.encrypted; do
			if [ -r "$path" ]; then echo "$path"; fi
		done >"$STATE_DIRECTORY/reached"
		for path in /etc /var/lib /run/bpfwarden /run/bpfwarden/audit /usr/lib/bpfwarden; do
			if touch "$path/hook" 2>/dev/null; then echo "$path"; fi
		done >>"$STATE_DIRECTORY/reached"
		exit 0
	END
	chmod 755 "$hooks/append"
	check_match "anchor: a hook that nobody calls is a failure" "$(bpfwarden doctor)" '^fail .*systemctl start bpfwarden-anchor.path'
	systemctl start bpfwarden-anchor.path
	for _ in 1 2 3; do
		acts 1
		head_of_log >/dev/null
		check "anchor: the newest checkpoint gets there" wait_until 90 all_anchored
	done
	check "anchor: under a user of its own" test "$(cat "$anchored/uid")" -gt 60000
	check_equal "anchor: with nothing of the daemon's in reach" "$(cat "$anchored/reached")" ""
	check_equal "anchor: each is one that the log has" "$(comm -23 <(grep -Ex '[0-9]+' "$anchored/all" | sort) \
		<(log 'SELECT size FROM checkpoint' | sort))" ""
	check "anchor: and verifies against the log" bpfwarden audit verify --checkpoint "$anchored/checkpoint"
	check_match "anchor: the doctor is content" "$(bpfwarden doctor)" '^ok +checkpoints of the audit log are handed to'

	printf '#!/bin/sh\necho the server is away\nexit 1\n' >"$hooks/broken"
	chmod 755 "$hooks/broken"
	acts 1
	head_of_log >/dev/null
	check "anchor: a hook that fails is a failed unit" wait_until 60 anchor_is failed
	check_match "anchor: with its words in the journal" "$(journalctl -q --no-pager -u bpfwarden-anchor)" 'the server is away'
	check_match "anchor: and the doctor says it" "$(bpfwarden doctor)" '^fail .*systemctl status bpfwarden-anchor.service'
	rm "$hooks/broken"
}

# A minute later: something else was tried meanwhile.
anchored_again() {
	check "anchor: it is tried again by itself" wait_until 120 anchor_is inactive
	check "anchor: and nothing is missing" all_anchored
}

# --- the key is lost -------------------------------------------------------------------------------------------

# What docs/AUDIT.md says. The log begins anew by itself.
key_lost() {
	local before file last_before
	before=$(public_of_log) last_before=$(last)
	systemctl stop bpfwarden.slice
	echo garbage >"$credential"
	check_code "key lost: one that does not open keeps the warden from starting" 1 timeout 60 systemctl start bpfwardend.service
	check_match "key lost: and the journal says why" "$(journalctl -q --no-pager -u bpfwardend)" 'Failed at step CREDENTIALS'
	systemctl stop bpfwarden.slice
	rm "$credential"
	systemctl start bpfwarden-audit-key.service bpfwardend.socket bpfwardend-peers.socket bpfwardend-loader.socket bpfwardend.service
	check "key lost: the daemon answers with a new one" wait_until 60 bpfwarden list
	check "key lost: it is another" test "$(public_of_log)" != "$before"
	check "key lost: numbers go on above the old ones" test "$(log 'SELECT min(seq) FROM record')" -gt "$last_before"
	check "key lost: the catalog says what to do" explained 77b01c607f8e46a89a1e16632560352b 'bpfwarden audit verify'
	check_match "key lost: whoever verified the old log is told" "$(bpfwarden audit verify 2>&1)" 'another log with another key'
	check "key lost: and accepts the new key" bpfwarden audit verify --key "$(bpfwarden audit checkpoint --key)"
	mkdir /root/evidence
	for file in "$audit"/damaged-*; do
		cp -a "$file" "/root/evidence/$(basename "$file" | sed -E 's/^damaged-([0-9]+)-[0-9TZ.]+(\.sqlite.*)$/log-\1\2/; s/^damaged-.*\.(checkpoint|removed)$/\1/')"
	done
	check "key lost: the old log verifies still" env XDG_STATE_HOME=/root/nobody bpfwarden audit verify /root/evidence
}

stop_if_failed() {
	[ "$vm_failed" -gt 0 ] || return 0
	journalctl --no-pager -o short-monotonic -u 'bpfwarden*' | tail -n 80 | sed 's/^/# /'
	[ "${1-}" = go-on ] || { vm_finish; exit 1; }
}

set_up
stop_if_failed
sealed_key
copies
anchors
journald_stops
anchored_again
rate_limit
run_is_full
kernel_records
key_lost
stop_if_failed go-on
vm_finish
