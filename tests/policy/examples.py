#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds every policy that the documentation shows to what it says of itself.

    examples.py company BPFWARDEN   the company's policy: check, its tests, and docs/POLICY.md showing just these files
    examples.py man BPFWARDEN       each example of bpfwarden.policy(5), with the cases of tests/policy/man/SECTION.test,
                                    where SECTION is the first of the example
"""
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
failed = 0


def fail(text):
    global failed
    failed += 1
    print(f"not ok {text}")


def run(what, *arguments):
    """Runs one command, shows what it printed if it fails, and returns its last line."""
    result = subprocess.run([sys.argv[2], *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        fail(f"{what}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    else:
        print(f"ok {what}")
    return (result.stdout.splitlines() or [""])[-1]


def run_tests(what, policy, test):
    result = run(what, "policy", "test", "--assume-names", "--policy", policy, test)
    if not re.match(r"[1-9][0-9]* passed, 0 failed$", result):
        fail(f"{what}: nothing passed")
    return result


def company():
    folder = HERE / "company"
    policies = sorted(folder.glob("*.policy"))
    tests = sorted(folder.glob("*.test"))
    results = {"check": run("check", "policy", "check", "--strict", "--assume-names", folder)}
    for test in tests:
        results[test.name] = run_tests(test.name, folder, test)
    page = (ROOT / "docs/POLICY.md").read_text()
    shown = dict(re.findall(r"^`(\S+\.policy)`:\n\n```ini\n(.*?)^```$", page, re.M | re.S))
    for policy in policies:
        if shown.pop(policy.name, None) != policy.read_text():
            fail(f"docs/POLICY.md does not show {policy.name} as it is")
    for name in shown:
        fail(f"docs/POLICY.md shows {name}, which is not there")
    for what in "check", "shop.test":
        if f"\n{results[what]}\n" not in page:
            fail(f"docs/POLICY.md does not show the result of {what}, {results[what]}")
    if not policies or not tests:
        fail("no policy or no test was found")
    quoted = [block for block in re.findall(r"^```ini\n(.*?)^```$", page, re.M | re.S) if block.startswith("[test ")]
    cases = [case for test in tests for case in re.split(r"\n\n+", test.read_text().strip())]
    for case in (case for block in quoted for case in re.split(r"\n\n+", block.strip())):
        if case not in cases:
            fail(f"docs/POLICY.md shows a test that is not there:\n{case}")


def man_blocks():
    """The literal displays of the page, as a reader sees them."""
    page = (ROOT / "docs/man/bpfwarden.policy.5").read_text()
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", page, re.M | re.S):
        yield block.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\")


def man():
    seen, policy = set(), None
    with tempfile.TemporaryDirectory() as folder:
        for block in man_blocks():
            kind, name = re.search(r"^\[(\S+) (\S+)\]$", block, re.M).groups()
            path = pathlib.Path(folder) / f"{name}.{'test' if kind == 'test' else 'policy'}"
            path.write_text(block)
            if kind == "test":  # the page's own test, of the policy above it
                run_tests(f"{name}, as the page shows it", policy, path)
                continue
            policy = path
            test = HERE / "man" / f"{name}.test"
            run(f"{name}, check", "policy", "check", "--assume-names", policy)
            if name in seen:
                fail(f"two examples begin with a section named {name}")
            elif not test.exists():
                fail(f"{test.name} is missing: an example without a test")
            else:
                run_tests(name, policy, test)
            seen.add(name)
    for test in (HERE / "man").glob("*.test"):
        if test.stem not in seen:
            fail(f"{test.name} is about no example")
    if not seen:
        fail("no example was found")


{"company": company, "man": man}[sys.argv[1]]()
sys.exit(1 if failed else 0)
