#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares docs/PRIVSEP.md's table of system calls with loaderd/sandbox-lists.c. --write brings the page up to date."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
source = (root / "loaderd/sandbox-lists.c").read_text()
page_path = root / "docs/PRIVSEP.md"
page = page_path.read_text()


def names(array):
    match = re.search(r"\b" + array + r"\[\] = \{(.*?)\};", source, re.S)
    return re.findall(r'"([a-z0-9_]+)"', match.group(1))


def commands(array):
    match = re.search(r"\b" + array + r"\[\] = \{(.*?)\};", source, re.S)
    return re.findall(r"BPF_([A-Z_]+)", match.group(1)) if match else []


problems = []
for process, title in [("warden", "warden"), ("gate", "gate"), ("parser", "parser"),
                       ("parser_child", "parser's child"), ("loader", "loader"), ("runner", "runner")]:
    calls = set(names(f"{process}_calls"))
    if re.search(r"sandbox_" + process + r" = \{[^}]*with_common = true", source, re.S):
        calls |= set(names("sandbox_common"))
    if re.search(r"sandbox_" + process + r" = \{[^}]*unix_sockets = true", source, re.S):
        calls.add("socket(AF_UNIX)")
    bpf = commands(f"{process}_commands")
    row = f"| {title} | {len(calls)}: {' '.join(sorted(calls))} | {' '.join(bpf) if bpf else 'none'} |"
    found = re.findall(r"^\| " + re.escape(title) + r" \| [0-9@][^|]*\|[^|]*\|$", page, re.M)
    if len(found) != 1:
        problems.append(f"docs/PRIVSEP.md has {len(found)} rows of system calls for {title}")
        continue
    if found[0] != row:
        problems.append(f"docs/PRIVSEP.md, {title}: the row is not what sandbox-lists.c says; tests/privsep.py --write")
        page = page.replace(found[0], row)

if "--write" in sys.argv:
    page_path.write_text(page)
    sys.exit(0)
print("\n".join(problems))
sys.exit(1 if problems else 0)
