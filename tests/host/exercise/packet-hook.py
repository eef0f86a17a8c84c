# SPDX-License-Identifier: LGPL-2.1-or-later
"""packet-hook.py UID: root, in a network namespace of its own; queries of DNS and requests of HTTP between sockets of that
uid, which stay pending until they are to be answered. It reads what to do from its input, a line each, and says "done":

ask COUNT       so many queries, each of another id
answer COUNT    answers so many of them, the oldest ones, and takes the answers
request         a request on each of CONNECTIONS connections
respond         answers them all and takes the answers
renew LIMIT     other connections, whose sockets may have so many bytes of memory for options, as the kernel calls it
"""
import collections
import fcntl
import os
import socket
import struct
import sys

CONNECTIONS = 5
QUESTION = b"\x04here\x04test\x00\x00\x01\x00\x01"
REQUEST = b"GET /here HTTP/1.1\r\nHost: here\r\n\r\n"
RESPONSE = b"HTTP/1.1 204 No Content\r\n\r\n"


def raise_loopback():
    siocsifflags, iff_up = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, siocsifflags, struct.pack("16sh14x", b"lo", iff_up))


def become(uid):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w", encoding="ascii") as f:
        f.write("0")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, 0)


def receive(sock, length):
    while length:
        part = sock.recv(length)
        if not part:
            sys.exit("a connection has ended")
        length -= len(part)


class Names:
    """A client and its server, which has taken every query that is not answered yet."""

    def __init__(self):
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 53))
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.connect(("127.0.0.1", 53))
        self.asked, self.pending = 0, collections.deque()

    def ask(self, count):
        for _ in range(count):
            self.asked += 1
            self.client.send(struct.pack("!6H", self.asked, 0x0100, 1, 0, 0, 0) + QUESTION)
            self.pending.append(self.server.recvfrom(512))

    def answer(self, count):
        for _ in range(count):
            query, whom = self.pending.popleft()
            self.server.sendto(query[:2] + b"\x81\x80" + query[4:], whom)
            if self.client.recv(512)[:2] != query[:2]:
                sys.exit("this answer is another query's")


class Pages:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 8080))
        self.connect()

    def connect(self):
        self.pairs = []
        for _ in range(CONNECTIONS):
            client = socket.create_connection(("127.0.0.1", 8080))
            self.pairs.append((client, self.listener.accept()[0]))

    def renew(self, limit):
        uid = os.geteuid()
        os.seteuid(0)
        with open("/proc/sys/net/core/optmem_max", "w", encoding="ascii") as f:
            f.write(str(limit))
        os.seteuid(uid)
        self.connect()

    def request(self):
        for client, server in self.pairs:
            client.sendall(REQUEST)
            receive(server, len(REQUEST))

    def respond(self):
        for client, server in self.pairs:
            server.sendall(RESPONSE)
            receive(client, len(RESPONSE))


def main():
    raise_loopback()
    become(int(sys.argv[1]))
    names, pages = Names(), Pages()
    acts = {"ask": names.ask, "answer": names.answer, "request": pages.request, "respond": pages.respond, "renew": pages.renew}
    for line in sys.stdin:
        act, *count = line.split()
        acts[act](*map(int, count))
        print("done", flush=True)


main()
