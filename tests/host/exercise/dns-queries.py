#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queries of DNS over UDP with known ends.

dns-queries.py serve DIRECTORY: for root, in a network namespace of its own: dnsmasq at 127.0.0.1 and ::1, whose log and
pid go into the directory.
dns-queries.py ask WHAT COUNT: so many queries, each of which has come to its end, or never will, when this returns.
dns-queries.py alone WHAT COUNT: the same in a new network namespace without a server.
dns-queries.py asked DIRECTORY: ends dnsmasq and prints what it logged: "TYPE COUNT" a line.
"""
import collections
import fcntl
import re
import os
import signal
import socket
import struct
import subprocess
import sys

TYPES = {"A": 1, "AAAA": 28, "MX": 15}
NOERROR, NXDOMAIN = 0, 3


def interface_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 1
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(s, siocgifflags, request))[1]
        fcntl.ioctl(s, siocsifflags, struct.pack("16sh14x", b"lo", flags | iff_up))


def serve(directory):
    interface_up()
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w", encoding="ascii") as f:
        f.write("0")  # whoever asks nobody binds that port himself
    # It returns when its sockets are bound.
    subprocess.run(
        ["dnsmasq", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--local=/test/", "--log-queries",
         "--bind-interfaces", "--listen-address=127.0.0.1,::1", "--host-record=here.test,127.0.0.9,::9",
         f"--pid-file={directory}/dnsmasq.pid", f"--log-facility={directory}/dnsmasq.log", "--user=root"],
        check=True)


def query(identity, name, kind):
    question = b"".join(struct.pack("B", len(label)) + label.encode() for label in name.split(".")) + b"\0"
    return struct.pack("!6H", identity, 0x0100, 1, 0, 0, 0) + question + struct.pack("!2H", kind, 1)


def answer(sock, identity, rcode):
    reply = sock.recv(4096)
    got, flags = struct.unpack("!2H", reply[:4])
    if got != identity or not flags & 0x8000 or flags & 15 != rcode:
        sys.exit(f"the answer {reply!r} is not the expected one")


def ask_and_wait(count, name, kind, rcode, family=socket.AF_INET):
    for identity in range(1, count + 1):
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1" if family == socket.AF_INET else "::1", 53))
            s.send(query(identity, name, TYPES[kind]))
            answer(s, identity, rcode)


def ask_one_socket(count):
    """All from one socket without a peer, before the first answer is read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for identity in range(1, count + 1):
            s.sendto(query(identity, "here.test", TYPES["A"]), ("127.0.0.1", 53))
        waiting = set(range(1, count + 1))
        while waiting:
            waiting.remove(struct.unpack("!H", s.recv(4096)[:2])[0])


def ask_nobody(count):
    """A port that is bound and never answers. Each query is sent twice."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.2", 53))
        for identity in range(1, count + 1):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for _ in range(2):
                    s.sendto(query(identity, "here.test", TYPES["A"]), ("127.0.0.2", 53))


def send_noise(count):
    """What is no query: too short, an answer, no question, two questions; and one to another port."""
    whole = query(7, "here.test", TYPES["MX"])
    messages = [whole[:11], whole[:2] + b"\x81\x80" + whole[4:], whole[:4] + b"\0\0" + whole[6:],
                whole[:4] + b"\0\2" + whole[6:]]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        deaf.bind(("127.0.0.2", 53))
        other.bind(("127.0.0.2", 54))
        for _ in range(count):
            for message in messages:
                s.sendto(message, ("127.0.0.2", 53))
            s.sendto(whole, ("127.0.0.2", 54))


ASK = {
    "address": lambda n: ask_and_wait(n, "Here.TEST", "A", NOERROR),
    "address6": lambda n: ask_and_wait(n, "here.test", "AAAA", NOERROR, socket.AF_INET6),
    "mail": lambda n: ask_and_wait(n, "here.test", "MX", NOERROR),
    "absent": lambda n: ask_and_wait(n, "absent.test", "A", NXDOMAIN),
    "together": ask_one_socket,
    "nobody": ask_nobody,
    "noise": send_noise,
}


def asked(directory):
    with open(f"{directory}/dnsmasq.pid", encoding="ascii") as f:
        os.kill(int(f.read()), signal.SIGTERM)
    with open(f"{directory}/dnsmasq.log", encoding="utf-8") as f:
        kinds = collections.Counter(re.findall(r" query\[(\w+)\] ", f.read()))
    for kind, count in sorted(kinds.items()):
        print(kind, count)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", where]:
            serve(where)
        case ["asked", where]:
            asked(where)
        case ["alone", what, number]:
            interface_up()
            ASK[what](int(number))
        case ["ask", what, number]:
            ASK[what](int(number))
        case _:
            sys.exit(__doc__)
