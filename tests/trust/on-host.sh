#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What of the suite needs the installed daemon, a real user and real revocation: on-host.sh BUILD SCRIPT. Skipped
# where that is not to be had; ./check runs the same scripts in its group "host".
set -u
build=$1 script=$2
skip() { echo "skip $script: $*"; exit 77; }

[ "$(id -u)" = 0 ] || skip "it needs root: a daemon under its four users"
prefix=$(python3 - "$build" <<'END'
import json, sys
rows = json.load(open(sys.argv[1] + "/meson-info/intro-buildoptions.json"))
print(next(row["value"] for row in rows if row["name"] == "prefix"))
END
)
case "$prefix" in
/opt/bpfwarden-?*) ;;
*) skip "the prefix $prefix is not one for tests, whose state is thrown away" ;;
esac
[ -x "$prefix/sbin/bpfwardend" ] || skip "nothing is installed in $prefix: meson install -C $build"
exec bash "$(dirname "$0")/../host/$script" "$build"
