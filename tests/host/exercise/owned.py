# SPDX-License-Identifier: LGPL-2.1-or-later
# "owned.py dns|http UID COUNT", root, in a network namespace of its own: so many queries, or requests, of that uid, each
# answered by the same uid's server.
import fcntl
import os
import socket
import struct
import sys
import threading

QUERY = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04here\x04test\x00\x00\x01\x00\x01"
REQUEST = b"GET /here HTTP/1.1\r\nHost: here\r\n\r\n"
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x1))  # SIOCSIFFLAGS, IFF_UP


def dns(count):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(("127.0.0.1", 53))
    for number in range(count):
        client.send(struct.pack(">H", number) + QUERY)
        query, whom = server.recvfrom(512)
        server.sendto(query[:2] + b"\x81\x80" + query[4:], whom)
        client.recv(512)


def http(count):
    listener = socket.create_server(("127.0.0.1", 8080))
    client = socket.create_connection(("127.0.0.1", 8080))
    server, _ = listener.accept()

    def serve():
        for _ in range(count):
            pending = len(REQUEST)
            while pending:
                pending -= len(server.recv(pending))
            server.sendall(ANSWER)

    thread = threading.Thread(target=serve)
    thread.start()
    for _ in range(count):
        client.sendall(REQUEST)
        pending = len(ANSWER)
        while pending:
            pending -= len(client.recv(pending))
    thread.join()


def main():
    what, uid, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    raise_loopback()
    open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w").write("0")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    {"dns": dns, "http": http}[what](count)


main()
