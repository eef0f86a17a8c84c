#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The loader wants two yeses: an owned warden loads nothing that is not signed, an owned parser loads nothing, and
# neither does an owned process that looks at one bundle.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
ensure_users
! bpfwarden list >/dev/null 2>&1 || die "a daemon answers at $BPFWARDEN_SOCKET already"

"$build/tests/host/confine/two-yeses" "$prefix/sbin/bpfwardend" "$prefix/lib/bpfwarden/bundles/tcp.state/1" || exit 1
"$build/tests/host/confine/parser-child" || exit 1
