#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Inside a virtual machine: the package from installation to removal, on a real systemd, as its users see it.
#
#   tests/vm/run 12 "$(tests/vm/build-deb)" tests/vm/test-package.sh
# shellcheck disable=SC2016 source=tests/vm/lib.sh
. /payload/lib.sh

processes=(warden gate parser loader)
declare -A unit=([warden]=bpfwardend [gate]=bpfwardend-gate [parser]=bpfwardend-parser [loader]=bpfwardend-loader)
declare -A user=([warden]=bpfwarden [gate]=bpfwarden-gate [parser]=bpfwarden-parser [loader]=bpfwarden-loader)
# CAP_NET_ADMIN is bit 12, CAP_PERFMON bit 38, CAP_BPF bit 39.
declare -A capabilities=([warden]=0000000000000000 [gate]=0000000000000000 [parser]=0000000000000000
	[loader]=000000c000001000)
declare -A exposure=([warden]=0.6 [gate]=0.6 [parser]=0.6 [loader]=1.5)
socket=/run/bpfwarden/io.bpfwarden
credential=/etc/credstore.encrypted/bpfwarden.audit-key

as() { runuser -l "$1" -c "$2"; } # a fresh login, so that groups count

install_package() {
	check "install: without a network" dpkg -i "$DEB"
	local name
	for name in bpfwarden bpfwarden-gate bpfwarden-parser bpfwarden-loader; do
		check_equal "install: $name's groups" "$(id -Gn "$name" 2>&1)" bpfwarden
	done
	for name in bpfwarden-users bpfwarden-admin bpfwarden-audit; do
		check_match "install: group $name exists and is empty" "$(getent group "$name")" "^$name:.*:$"
	done
	check_equal "install: state is private" "$(stat -c '%a %U %G' /var/lib/bpfwarden)" "700 bpfwarden bpfwarden"
	check_equal "install: the last checkpoint has a directory of the warden's" \
		"$(stat -c '%a %U' /run/bpfwarden/audit)" "755 bpfwarden"
	check_equal "install: no client may write where the socket is" \
		"$(stat -c '%a %U %G' /run/bpfwarden)" "755 root root"
}

units() {
	local process name
	for name in bpfwardend.socket bpfwardend-peers.socket bpfwardend-loader.socket bpfwardend.service; do
		check "units: $name is enabled" systemctl is-enabled "$name"
	done
	for process in "${processes[@]}"; do
		check "units: $process is active" wait_until 60 systemctl is-active "${unit[$process]}.service"
	done
	check_equal "units: systemd finds nothing to say" "$(systemd-analyze verify --man=no "${unit[@]/%/.service}" \
		bpfwardend.socket bpfwardend-peers.socket bpfwardend-loader.socket bpfwarden-audit-key.service \
		bpfwarden-anchor.path bpfwarden-anchor.service bpfwarden-anchor.timer 2>&1 | grep bpfwarden)" ""
	check_equal "units: the socket is everybody's" "$(stat -c '%a %U' $socket)" "666 root"
	check_equal "units: peers are the group's" \
		"$(stat -c '%a %U %G' /run/bpfwarden/peers)" "660 root bpfwarden"
	check_equal "units: verdicts are the parser's" \
		"$(stat -c '%a %U' /run/bpfwarden/verdicts)" "600 bpfwarden-parser"
	check_equal "units: varlink's registry knows the socket" \
		"$(readlink /run/varlink/registry/io.bpfwarden)" "$socket"
	for process in "${processes[@]}"; do
		local level
		level=$(systemd-analyze security --no-pager "${unit[$process]}.service" |
			sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
		check "units: $process is exposed by $level, at most ${exposure[$process]}" \
			awk -v a="$level" -v b="${exposure[$process]}" 'BEGIN { exit !(a != "" && a + 0 <= b + 0) }'
	done
}

status_of() { # PID FIELD
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

slice_pids() {
	find /sys/fs/cgroup/bpfwarden.slice -name cgroup.procs -exec cat {} + | paste -sd,
}

rights() {
	local process pid
	for process in "${processes[@]}"; do
		pid=$(systemctl show -P MainPID "${unit[$process]}.service")
		[ "$pid" -gt 0 ] 2>/dev/null || { not_ok "rights: $process" "it does not run"; continue; }
		check_equal "rights: $process's real, effective, saved uid" \
			"$(status_of "$pid" Uid | tr '\t' '\n' | sort -u)" "$(id -u "${user[$process]}")"
		check_equal "rights: $process's capabilities" \
			"$(status_of "$pid" CapEff)" "${capabilities[$process]}"
		check_equal "rights: $process's bounding set" \
			"$(status_of "$pid" CapBnd)" "${capabilities[$process]}"
		check_equal "rights: $process has no new privileges" "$(status_of "$pid" NoNewPrivs)" 1
		check_equal "rights: $process is filtered" "$(status_of "$pid" Seccomp)" 2
	done
	check_equal "rights: the slice's users" "$(slice_pids | xargs -r ps -o user:32= -p | sort -u | paste -sd' ')" \
		"bpfwarden bpfwarden-gate bpfwarden-loader bpfwarden-parser"
}

people() {
	adduser --quiet --disabled-password --gecos '' alice
	adduser --quiet --disabled-password --gecos '' bob
	adduser --quiet alice bpfwarden-users
}

# One request to nginx while the probe is attached; -o json prints one object a line.
run_probe() { # USER OPTIONS
	as "$1" "bpfwarden run tcp.state $2 --for 10s -o json -- curl -s -o /dev/null http://127.0.0.1/"
}

events() { # of a stream, those with the fields that every event has
	jq -c '.event // . | objects | select((.uid | numbers) >= 0 and (.tgid | numbers) > 0 and (.time | numbers) > 0)'
}

# A run outlives its last connection by ten seconds.
verified_by_the_kernel() { # of alice's attachment, while it lives
	local id
	id=$(as alice "bpfwarden -o json attach tcp.state --for 1m" | jq -r .attachment.id)
	as alice "bpfwarden -o json ps" | jq -r .attachment.kernel_verified
	as alice "bpfwarden detach $id" >/dev/null
}

nothing_attached() {
	local output
	output=$(bpfwarden ps -o json) && [ -z "$(jq -c '.. | objects | select(has("probe"))' <<<"$output")" ]
}

probing() {
	local output code
	check "run: nginx serves" wait_until 60 curl -sf -o /dev/null http://127.0.0.1/
	check "run: alice may list" as alice "bpfwarden list"
	code=0
	output=$(run_probe alice "" 2>/tmp/run.err) || code=$?
	if [ "$code" -eq 0 ]; then
		ok "run: alice may look at her own connections"
	else
		not_ok "run: alice may look at her own connections" "exit code $code: $(cat /tmp/run.err)"
	fi
	check_equal "run: alice sees events of her own and of nobody else" \
		"$(events <<<"$output" | jq .uid | sort -u)" "$(id -u alice)"
	check_code "run: bob is denied" 3 run_probe bob ""
	check_code "run: alice is denied the host" 3 run_probe alice --host
	check_code "run: a probe that is not there" 4 as alice "bpfwarden run no.such --for 1s"
	check "run: root may see the host" run_probe root --host
	check_equal "run: this kernel verifies no programs" "$(verified_by_the_kernel)" unsupported
	check "run: nothing stays attached" wait_until 30 nothing_attached
}

# An outcome comes with the next commit.
detached_because() { # REGEX
	bpfwarden audit list -o json --action detach | jq -r .record.detail | grep -Eq -- "$1"
}

# The role of the standard set is masked, and later comes back: the daemon sees it by itself, behind its unit's fences.
distrust() {
	check "distrust: attached before" as alice "bpfwarden attach tcp.state --for 10m"
	mkdir -p /etc/bpfwarden/trust
	: >/etc/bpfwarden/trust/standard.conf
	check "distrust: what runs is ended" wait_until 30 nothing_attached
	check "distrust: the log says why" wait_until 30 detached_because 'not trusted any more'
	check_code "distrust: nobody gets it any more" 3 as alice "bpfwarden attach tcp.state --for 10m"
	rm /etc/bpfwarden/trust/standard.conf
	check "distrust: trusted again" wait_until 30 as alice "bpfwarden attach tcp.state --for 10m"
	as alice "bpfwarden -o json ps" | jq -r .attachment.id | xargs -r bpfwarden detach >/dev/null
	check "distrust: nothing stays attached" wait_until 30 nothing_attached
}

journal_numbers() {
	journalctl -o json --no-pager | jq -r 'select(.BPFWARDEN_SEQ and ._UID == $uid) | .BPFWARDEN_SEQ' \
		--arg uid "$(id -u bpfwarden)" | sort -n
}

# On a copy, with its write-ahead log: the daemon's own is not to be touched.
store() { # SQL
	rm -rf /tmp/audit
	cp -a /var/lib/bpfwarden/audit /tmp/audit
	sqlite3 /tmp/audit/log-000000000001.sqlite "$1"
}

same_sequence() {
	[ -n "$(journal_numbers)" ] && [ "$(journal_numbers)" = "$(store 'SELECT seq FROM record ORDER BY seq')" ]
}

gaps() { store 'SELECT min(seq), max(seq) - count(*) FROM record'; }

auditing() {
	check "audit: the journal has what the log has" wait_until 60 same_sequence
	check_equal "audit: without gaps from 1" "$(gaps)" "1|0"
	check "audit: alice's decision was to allow, under a rule of the standard policy" test -n \
		"$(store "SELECT seq FROM record WHERE kind = 'decision' AND verdict = 'allow'
			AND uid = $(id -u alice) AND json_extract(bytes, '\$.rule') LIKE '%users%'")"
	check "audit: bob's was to deny" test -n \
		"$(store "SELECT seq FROM record WHERE verdict = 'deny' AND uid = $(id -u bob)")"
	check_equal "audit: it says that the kernel verified no programs" "$(store "SELECT DISTINCT
		json_extract(bytes, '\$.kernel_verified') FROM record
		WHERE kind = 'outcome' AND action = 'attach' AND verdict = 'ok'")" unsupported
	check "audit: root may read it" sh -c 'bpfwarden audit list -o json | jq -e "select(.kind? // .record?.kind)" | grep -q .'
	check_code "audit: alice may not read it" 3 as alice "bpfwarden audit list"
	check "audit: the catalog explains a record" sh -c \
		'journalctl -x --no-pager _UID=$(id -u bpfwarden) | grep -q "^░░ Subject:"'
}

varlink() {
	if ! command -v varlinkctl >/dev/null; then
		skip "varlink: varlinkctl" "systemd before 257"
		return
	fi
	check_match "varlink: info" "$(as alice "varlinkctl info $socket" 2>&1)" 'io\.bpfwarden\.Probe'
	check_match "varlink: introspect" "$(as alice "varlinkctl introspect $socket io.bpfwarden.Probe" 2>&1)" \
		'method Run'
	check_match "varlink: introspect the policy's" \
		"$(as alice "varlinkctl introspect $socket io.bpfwarden.Policy" 2>&1)" 'method Explain'
	check_match "varlink: call --more" \
		"$(as alice "varlinkctl call --more $socket io.bpfwarden.Probe.List '{}'" 2>&1)" 'tcp\.state'
	check_match "varlink: by the registry's link" \
		"$(as alice "varlinkctl info /run/varlink/registry/io.bpfwarden" 2>&1)" 'io\.bpfwarden'
}

new_main_pid() { # UNIT OLD
	local pid
	pid=$(systemctl show -P MainPID "$1")
	[ "$pid" -gt 0 ] && [ "$pid" != "$2" ] && systemctl is-active "$1"
}

answers() { [ -n "$(run_probe alice "" | events)" ]; }

dying() {
	local process pid
	for process in "${processes[@]}"; do
		pid=$(systemctl show -P MainPID "${unit[$process]}.service")
		[ "$pid" -gt 0 ] 2>/dev/null || { not_ok "die: $process" "it does not run"; continue; }
		kill -KILL "$pid"
		check "die: $process comes back" wait_until 30 new_main_pid "${unit[$process]}.service" "$pid"
		check "die: probes work after $process died" wait_until 60 answers
	done
}

upgrade() {
	local key
	key=$(sha256sum <"$credential")
	check "upgrade: the same package again" dpkg -i "$DEB"
	check_equal "upgrade: the audit key is the same" "$(sha256sum <"$credential")" "$key"
	check "upgrade: probes work" wait_until 60 answers
	check_equal "upgrade: the log goes on without a gap" "$(gaps)" "1|0"
}

# The build's own certificates are valid for twenty years. What expires ends, and is trusted again when an administrator says
# that the clock was wrong; more of that in test-audit-time.sh.
clock() {
	check "clock: attached before" as alice "bpfwarden attach tcp.state --for 10m"
	date -s '+21 years' >/dev/null
	check "clock: what has expired is ended" wait_until 60 nothing_attached
	check "clock: the log says why" wait_until 30 detached_because 'not trusted any more.*expired'
	date -s '-21 years' >/dev/null
	check "clock: that it was wrong can be said" bpfwarden registry accept-clock
	check "clock: trusted again" wait_until 60 as alice "bpfwarden attach tcp.state --for 10m"
}

removal() {
	check "remove" dpkg --remove bpfwarden
	check_equal "remove: no process is left" "$(pgrep -c bpfwardend)" 0
	check "remove: no socket is left" test ! -e "$socket"
	check "purge" dpkg --purge bpfwarden
	check "purge: the audit log stays" test -e /var/lib/bpfwarden/audit/log-000000000001.sqlite
	check "purge: and its key" test -e "$credential"
}

# Without the four processes every further check would only wait.
stop_if_failed() {
	[ "$vm_failed" -gt 0 ] || return 0
	journalctl --no-pager -o short-monotonic -u 'bpfwardend*' | tail -n 100 | sed 's/^/# /'
	[ "${1-}" = go-on ] || { vm_finish; exit 1; }
}

install_package
units
stop_if_failed
rights
people
probing
distrust
stop_if_failed
auditing
varlink
dying
upgrade
clock
stop_if_failed go-on
removal
vm_finish
