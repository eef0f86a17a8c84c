#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the anchor service takes for a checkpoint of the warden's: a small regular file, and nothing else.
# Usage: anchor.sh SOURCE-ROOT
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/hooks" "$dir/state"
export STATE_DIRECTORY="$dir/state" TMPDIR="$dir"
sed -e "s,/run/bpfwarden/audit/checkpoint,$dir/published," -e "s,/etc/bpfwarden/anchor.d,$dir/hooks," \
	"$1/systemd/anchor-checkpoint" >"$dir/anchor"
printf '#!/bin/sh\ncat "$1" >>%s/taken\n' "$dir" >"$dir/hooks/take"
chmod +x "$dir/hooks/take"

expect() { # STATUS [--new]
	wanted=$1
	shift
	status=0
	sh "$dir/anchor" "$@" 2>"$dir/said" || status=$?
	[ "$status" = "$wanted" ] || { echo "status $status, not $wanted: $(cat "$dir/said")" >&2; exit 1; }
}

printf 'log\n3\nroot\n' >"$dir/published"
expect 0 --new
expect 0
expect 1 --new
cmp "$dir/published" "$dir/taken"

ln -sf /etc/passwd "$dir/published"
expect 255 --new
expect 255
rm "$dir/published"
mkfifo "$dir/published"
expect 255 --new
expect 255
rm "$dir/published"
head -c 5000 /dev/zero >"$dir/published"
expect 255
[ "$(wc -c <"$dir/taken")" = 11 ]

# The example must not let a checkpoint choose an address.
printf 'log\n../other\nroot\n' >"$dir/bad"
! ANCHOR_URL=file://"$dir/out" sh "$1/systemd/anchor-examples/web-server" "$dir/bad" 2>"$dir/said"
grep -q 'is no checkpoint' "$dir/said"
