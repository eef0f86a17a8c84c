#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds every #include of the tree to the arrows of docs/ARCHITECTURE.md. Prints each that breaks them."""
import pathlib
import re
import sys

# Folder: the folders, or single headers, that it may include. The longest matching folder counts.
ARROWS = {
    "common": ["common"],
    "format": ["common", "format", "bpf/include"],
    "signing": ["common", "format", "signing"],
    "policy": ["common", "format", "policy"],
    "audit": ["common", "format", "audit/", "audit/store", "audit/tree"],
    "audit/store": ["common", "audit/audit.h", "audit/schema.h", "audit/store", "audit/tree"],
    "audit/tree": ["common", "audit/tree"],
    "audit/export": ["common", "audit/tree", "audit/verify/source.h", "audit/export"],
    "audit/verify": ["common", "audit/schema.h", "audit/tree", "audit/export", "audit/verify"],
    "loaderd": ["common", "format", "loaderd/"],
    "loaderd/gate": ["common", "format", "loaderd/", "loaderd/gate", "bpf/include"],
    "loaderd/parser": ["common", "format", "signing", "loaderd/", "loaderd/parser"],
    "loaderd/warden": ["common", "format", "policy/policy.h", "audit", "signing", "loaderd/", "loaderd/warden"],
    "loaderd/loader": ["common", "format", "loaderd/", "loaderd/loader"],
    "client/lib": ["common", "format", "client/lib"],
    "client/bundle": ["common", "format", "signing", "client/bundle", "client/cli", "bpf/include"],
    "client/cli": ["common", "format", "signing", "policy/policy.h", "audit", "client", "bpf/include"],
    "bpf": ["bpfwarden"],
}


def folder_of(path):
    best = ""
    for folder in ARROWS:
        if path.startswith(folder + "/") and len(folder) > len(best):
            best = folder
    return best


def allowed(folder, target):
    for prefix in ARROWS[folder]:
        if prefix.endswith("/"):  # the folder's own files, not those of its sub-folders
            if target.startswith(prefix) and "/" not in target[len(prefix):]:
                return True
        elif target == prefix or target.startswith(prefix + "/"):
            return True
    return False


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    broken = checked = 0
    for source in sorted(root.rglob("*.[ch]")):
        path = str(source.relative_to(root))
        folder = folder_of(path)
        if not folder:
            continue
        for number, line in enumerate(source.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            # Programs include from bpf/ and bpf/include/, where nothing of user space is.
            if folder == "bpf" and (root / "bpf" / match.group(1)).exists():
                continue
            checked += 1
            if not allowed(folder, match.group(1)):
                print(f"{path}:{number}: {folder}/ may not include {match.group(1)}")
                broken += 1
    if not checked:
        print("no #include was found: is this the right tree?")
    return 1 if broken or not checked else 0


sys.exit(main())
