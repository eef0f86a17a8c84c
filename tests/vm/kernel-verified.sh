#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Inside a virtual machine with Linux 7.3 or later: the package, a policy that wants the kernel to verify what runs,
# without and with the key in a keyring, and what the log says of it.
#
#   tests/vm/run 13-backports "$(tests/vm/build-deb)" tests/vm/kernel-verified.sh
# shellcheck source=tests/vm/lib.sh
. /payload/lib.sh

policy=/etc/bpfwarden/policy.d/70-kernel.policy

as() { runuser -l "$1" -c "$2"; } # a fresh login, so that groups count
attach() { as alice "bpfwarden -o json attach tcp.state --for 5m"; }
verified() { as alice "bpfwarden -o json ps" | jq -r .attachment.kernel_verified; }
nothing_attached() { [ -z "$(as alice "bpfwarden -o json ps")" ]; }
outcomes() { # the members of each outcome of an attach, oldest first
	bpfwarden -o json audit list |
		jq -c "select(.record) | .record | select(.kind == \"outcome\" and .action == \"attach\") | [$1]"
}

# The loader's session keyring is the one with which the daemon was started: add_key(2) and execve(2).
launch_with_key() {
	python3 - <<-'END'
		import ctypes, os
		libc = ctypes.CDLL(None, use_errno=True)
		add_key, keyctl, join, session = 248, 250, 1, -3
		der = open("/usr/lib/bpfwarden/kernel/standard.der", "rb").read()
		if libc.syscall(keyctl, join, None) < 0 or libc.syscall(add_key, b"asymmetric", b"", der, len(der), session) < 0:
		    raise OSError(ctypes.get_errno(), "the session keyring")
		os.execv("/usr/sbin/bpfwardend", ["bpfwardend", "launch"])
	END
}

check "install" dpkg -i "$DEB"
adduser --quiet --disabled-password --gecos '' alice
adduser --quiet alice bpfwarden-users
check "units: the daemon answers" wait_until 60 bpfwarden list

check "units: alice attaches" attach
check_equal "units: no keyring has the key" "$(verified)" no
mkdir -p "${policy%/*}"
printf '[limit verified]\nkernel-verified = required\n' >"$policy"
check "required: the policy is taken" bpfwarden policy reload
check "required: what runs unverified ends" wait_until 30 nothing_attached
check_code "required: nothing new is attached" 3 attach
check_match "required: and why" "$(attach 2>&1)" 'no keyring of the kernel has the key'

systemctl stop bpfwardend{,-peers,-loader}.socket bpfwardend{,-gate,-parser,-loader}.service
mkdir -p /run/bpfwarden
# The launcher hands no credentials on: the key goes where a warden without them looks. Without it, another log would begin.
key=/var/lib/bpfwarden/audit/key
systemd-creds decrypt --name=bpfwarden.audit-key /etc/credstore.encrypted/bpfwarden.audit-key "$key"
chown bpfwarden: "$key" && chmod 600 "$key"
launch_with_key 2>/tmp/launch.log &
check "launched: the daemon answers" wait_until 60 bpfwarden list
check "launched: alice attaches" attach
check_equal "launched: the session keyring has the key" "$(verified)" "yes (session)"
check_equal "the log has each" "$(outcomes '.verdict, .kernel_verified, .keyring, .refusal.name' | paste -sd' ')" \
	'["ok","no",null,null] ["failed",null,null,"NotKernelVerified"] ["failed",null,null,"NotKernelVerified"] ["ok","yes","session",null]'
vm_finish
