# SPDX-License-Identifier: LGPL-2.1-or-later
# Much traffic of one user with himself, in a network namespace of its own: as root "flood.py UID dns|http|retransmits
# COUNT". So many queries, or requests, all answered; or at least so many segments that are sent again. Prints how many
# events that is: of a request one at each end, of segments as many as the kernel counts.
import fcntl
import os
import resource
import socket
import struct
import sys
import threading
import time

QUESTION = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05flood\x04test\x00\x00\x01\x00\x01"
REQUEST = b"GET / HTTP/1.1\r\nHost: flood.test\r\n\r\n"
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
CONNECTIONS = 4000  # that nobody accepts
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def prepare():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w", encoding="ascii") as f:
        f.write("0")
    hard = max(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 2 * CONNECTIONS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def dns(count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 53))
        client.connect(("127.0.0.1", 53))
        for number in range(count):
            client.send(struct.pack(">H", number & 0xFFFF) + QUESTION)
            query, whom = server.recvfrom(512)
            server.sendto(query[:2] + b"\x81\x80" + query[4:], whom)
            client.recv(512)
    return count


def take(s, size):
    while size:
        size -= len(s.recv(size))


def http(count):
    def serve(s):
        for _ in range(count):
            take(s, len(REQUEST))
            s.sendall(ANSWER)

    with socket.create_server(("127.0.0.1", 80)) as listener:
        client = socket.socket()
        client.connect(("127.0.0.1", 80))
        server = listener.accept()[0]
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    for _ in range(count):
        client.sendall(REQUEST)
        take(client, len(ANSWER))
    thread.join()
    return 2 * count


def sent_again():
    with open("/proc/self/net/snmp", encoding="ascii") as f:
        names, values = (line.split() for line in f if line.startswith("Tcp:"))
    return int(values[names.index("RetransSegs")])


def retransmits(count):
    """A listener whose queue is full drops what wants to connect, which asks again each second or seldomer."""
    with socket.create_server(("127.0.0.1", 7), backlog=0):
        waiting = [socket.socket() for _ in range(min(CONNECTIONS, count + 3))]
        for s in waiting:
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", 7))
        deadline = time.monotonic() + 120
        while sent_again() < count:
            if time.monotonic() > deadline:
                sys.exit(f"only {sent_again()} segments were sent again")
            time.sleep(0.01)
        for s in waiting:
            s.close()
    return sent_again()


def main():
    uid, what, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    prepare()
    become(uid)
    print({"dns": dns, "http": http, "retransmits": retransmits}[what](count))


main()
