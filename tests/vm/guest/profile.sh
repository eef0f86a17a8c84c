# SPDX-License-Identifier: LGPL-2.1-or-later
# The shell of `tests/vm/run RELEASE DEB --shell`.
if [ "$(tty)" = /dev/ttyS0 ] && [ ! -e /run/bpfwarden-vm ]; then
	touch /run/bpfwarden-vm
	[ ! -e /payload/package.deb ] || dpkg -i /payload/package.deb
	echo "The other files are in /payload. End with: poweroff (or Ctrl-a x)."
fi
