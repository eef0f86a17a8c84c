#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# compile.sh CLANG STRIP OUTPUT DEPFILE SOURCE FLAGS…: one BPF object with BTF and without DWARF.
set -eu
clang=$1 strip=$2 output=$3 depfile=$4 source=$5
shift 5
"$clang" "$@" -MD -MF "$depfile" -MT "$output" -c "$source" -o "$output"
exec "$strip" -g "$output"
