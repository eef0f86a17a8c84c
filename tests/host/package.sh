# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What lib.sh does otherwise with BPFWARDEN_PACKAGE=1: the daemon is the installed package's, systemd's own four services, and
# begins anew for each script. Only inside a machine of tests/vm/run, which is thrown away; tests/vm/test-probes.sh.

package_sockets="bpfwardend.socket bpfwardend-peers.socket bpfwardend-loader.socket"
package_services="bpfwardend.service bpfwardend-gate.service bpfwardend-parser.service bpfwardend-loader.service"

must_be_for_tests() {
	[ -x /usr/lib/bpfwarden-vm/agent ] || die "this is no machine of tests/vm/run"
	stop_daemon
}

# The loader's descriptors go, too, and with them whatever the script before left attached.
stop_daemon() {
	# shellcheck disable=SC2086 # several
	systemctl stop $package_sockets $package_services || die "systemd does not stop the daemon"
}

forget_everything() {
	rm -rf "${etc:?}" "${state:?}" "$rundir/audit"
	systemd-tmpfiles --create bpfwarden.conf || die "systemd-tmpfiles did not make $etc"
}

# Each of the services says when it is ready.
start_daemon() {
	# shellcheck disable=SC2086
	systemctl start $package_sockets $package_services || die "systemd does not start the daemon"
}

daemon_said() { journalctl --no-pager -o cat -u 'bpfwardend*' | tail -n 30; }
