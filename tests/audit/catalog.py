#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares the journal's catalog with the messages that are sent: identifiers, fields, and a command in each entry."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]
messages = dict((value, name) for name, value in re.findall(
    r'#define (AUDIT_MESSAGE_\w+)\s+"([0-9a-f]{32})"', (root / "audit/message-ids.h").read_text()))
fields = set(re.findall(r'\b(BPFWARDEN_[A-Z_]+)\b', " ".join(f.read_text() for f in (root / "audit").glob("*.c"))))
catalog = (root / "systemd/bpfwarden.catalog").read_text()
entries = re.findall(r"^-- ([0-9a-f]{32})\n(.*?)(?=^-- |\Z)", catalog, re.M | re.S)

problems = []
for identifier in {i for i, _ in entries if [j for j, _ in entries].count(i) > 1}:
    problems.append(f"{identifier} has more than one entry")
for identifier, name in messages.items():
    if identifier not in dict(entries):
        problems.append(f"{name} has no entry")
for identifier, text in entries:
    name = messages.get(identifier)
    if not name:
        problems.append(f"{identifier} is no message of audit/message-ids.h")
        continue
    head, _, body = text.partition("\n\n")
    for header in ("Subject: ", "Defined-By: bpfwarden", "Documentation: "):
        if not re.search("^" + header, head, re.M):
            problems.append(f"{name}: no line '{header.strip()}'")
    if not re.search(r"^    [a-z]", body, re.M):
        problems.append(f"{name}: no command that says what to do next")
    for field in sorted(set(re.findall(r"@(\w+)@", text)) - fields):
        problems.append(f"{name}: @{field}@ is no field of the journal's copies")
    for mentioned in set(re.findall(r"MESSAGE_ID=([0-9a-f]+)", body)) - set(messages):
        problems.append(f"{name}: refers to {mentioned}, which is no message")
print("\n".join(problems))
sys.exit(1 if problems else 0)
