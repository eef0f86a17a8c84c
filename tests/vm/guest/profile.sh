# SPDX-License-Identifier: LGPL-2.1-or-later
# The shell of `tests/vm/run RELEASE DEB --shell`.
if [ "$(tty)" = /dev/ttyS0 ] && [ -e /payload/package.deb ] && [ ! -e /run/bpfwarden-vm-installed ]; then
	touch /run/bpfwarden-vm-installed
	dpkg -i /payload/package.deb
	echo "The other files are in /payload. End with: poweroff (or Ctrl-a x)."
fi
