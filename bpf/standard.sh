#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# standard.sh TOOL BUNDLES TRUST [OPTION…] BUNDLE…: makes the directory BUNDLES anew, so that no bundle stays in
# it whose key was thrown away, TRUST/standard.pem, and TRUST/standard.der for the kernel.
set -eu
tool=$1 bundles=$2 trust=$3
shift 3
rm -rf "$bundles"
exec "$tool" standard --out "$bundles" --trust "$trust" --kernel "$trust" "$@"
