#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every source file names its licence in its first lines: GPL-2.0-only below bpf/ (abi.h: either), LGPL elsewhere.
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
failed=0
while IFS= read -r file; do
	case "$file" in
	bpf/include/bpfwarden/abi.h | bpf/*.h | bpf/*.c | bpf/*.sh | tests/unit/data/*.bpf.c | tests/host/objects/*.bpf.c) wanted='GPL-2.0' ;;
	*) wanted='LGPL-2.1-or-later' ;;
	esac
	if ! head -n 3 "$file" | grep -q "SPDX-License-Identifier: .*$wanted"; then
		echo "$file: no SPDX line with $wanted"
		failed=1
	fi
done < <(find . -path ./.git -prune -o -path './build*' -prune -o \( -name '*.[ch]' -o -name '*.sh' \) -print | sed 's|^\./||')
exit $failed
