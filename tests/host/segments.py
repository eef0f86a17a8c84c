# SPDX-License-Identifier: LGPL-2.1-or-later
"""TCP segments that no full socket is there for; root.

segments.py syn COUNT FROM TO UID           a listener of this uid at TO gets SYNs from FROM, and answers each
segments.py late COUNT ADDRESS UID          a connection of this uid, over at ADDRESS, gets resets that are out of its
                                            window: one of its ends is in TIME_WAIT, which throws them away
"""
import os
import socket
import struct
import sys

SYN, RST = 2, 4


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def segment(source, destination, sequence, flags):
    tcp = struct.pack("!HHIIBBHHH", source[1], destination[1], sequence, 0, 5 << 4, flags, 1024, 0, 0)
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    pseudo = addresses + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    # The kernel fills in the length, the identification and the checksum.
    return struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_TCP, 0) + addresses + tcp


def as_user(uid, function, *arguments):
    # A socket belongs to whom its maker, or who accepts it, was at that moment.
    os.seteuid(uid)
    try:
        return function(*arguments)
    finally:
        os.seteuid(0)


def listen(address, uid, backlog):
    listener = as_user(uid, socket.socket)
    listener.bind((address, 0))
    listener.listen(backlog)
    return listener


def syn(raw, count, source, destination, uid):
    listener = listen(destination, uid, count)
    for i in range(count):
        raw.sendto(segment((source, 20000 + i), listener.getsockname(), 1000 * i, SYN), (destination, 0))


def late(raw, count, address, uid):
    listener = listen(address, uid, 1)
    client = as_user(uid, socket.socket)
    client.connect(listener.getsockname())
    server = as_user(uid, listener.accept)[0]
    source, destination = client.getsockname(), server.getsockname()
    # Who closes first waits.
    server.close()
    client.recv(1)
    client.close()
    for i in range(count):
        raw.sendto(segment(source, destination, 7 << 28 | i, RST), (address, 0))


def main():
    what, count, *addresses, uid = sys.argv[1:]
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    {"syn": syn, "late": late}[what](raw, int(count), *addresses, int(uid))


main()
