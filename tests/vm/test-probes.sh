#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Inside a virtual machine: meson's suite "probes", the very scripts that run on the host, against the installed package.
#
#	tests/vm/probes build-host /tmp/probes
#	tests/vm/run 12 "$(tests/vm/build-deb)" tests/vm/test-probes.sh /tmp/probes
# shellcheck source=tests/vm/lib.sh
. /payload/lib.sh

probes=/payload/probes
export LC_ALL=C BPFWARDEN_PACKAGE=1
check "install" dpkg -i "$DEB"
while read -r script; do
	echo "# $script"
	from=$SECONDS
	bash "$probes/tests/host/$script" "$probes/build" </dev/null || not_ok "$script" "it ended with status $?"
	echo "# $script: $((SECONDS - from)) s"
done <"$probes/suite"
vm_finish
