# SPDX-License-Identifier: LGPL-2.1-or-later
"""noise.py dns|http SEED: root, in a network namespace of its own; messages of that protocol, whole and damaged, and garbage,
over sockets and as raw packets. It fails if one does not come where it was sent, or may not be sent."""
import fcntl
import random
import socket
import struct
import sys

ROUNDS = 1000
UNANSWERED = 20000  # queries
QUERY = b"\0\1\1\0\0\1\0\0\0\0\0\0\4Here\4TEST\0\0\1\0\1"
REPLY = b"\0\1\x81\x83\0\1\0\0\0\0\0\0\4here\4test\0\0\1\0\1"
REQUESTS = [b"GET /here?x HTTP/1.1\r\nHost: here\r\n\r\n", b"POST / HTTP/1.0\r\n\r\n", b"CONNECT here:1 HTTP/1.1\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\3\1\2\0\1\0\1\xfc\3\3aaaaaaaaaaaa", b"SSH-2.0-somebody\r\n\r\n"]
ANSWERS = [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 404 Not Found\r\n\r\n",
           b"HTTP/1.1 101 Switching Protocols\r\n\r\n"]
ENDS = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
PATIENCE = 60  # seconds, after which a packet is lost


def raise_loopback():
    siocsifflags, iff_up = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, siocsifflags, struct.pack("16sH14x", b"lo", iff_up))


def damaged(message):
    kind = random.choice([0, 0, 0, 1, 2, 3])
    if kind == 0:
        return message
    if kind == 1:
        return random.randbytes(random.randrange(1, 3000))
    if kind == 2:
        return message[:random.randrange(1, len(message))]
    changed = bytearray(message)
    for _ in range(random.randrange(1, 5)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed) + random.randbytes(random.choice([0, 0, 2000]))


def receive(sock, wanted):
    """From a stream."""
    got = b""
    while len(got) < len(wanted):
        part = sock.recv(65536)
        if not part:
            sys.exit("a connection has ended")
        got += part
    if got != wanted:
        sys.exit("what came is not what was sent")


def datagrams(family, host):
    server, client = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
    server.bind((host, 53))
    client.connect((host, 53))
    for s in server, client:
        s.settimeout(PATIENCE)
    for _ in range(ROUNDS):
        identity = random.randbytes(2)
        for sender, receiver, message in (client, server, QUERY), (server, client, REPLY):
            message = identity + damaged(message)[2:]
            sender.sendto(message, receiver.getsockname())
            if receiver.recv(65536) != message:
                sys.exit("what came is not what was sent")


def unanswered():
    """One socket has fewer ids than these, and each comes before the next."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.2", 53))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(("127.0.0.2", 53))
    for s in server, client:
        s.settimeout(PATIENCE)
    for number in range(UNANSWERED):
        client.send(struct.pack("!H", number) + QUERY[2:])
        server.recv(512)


def connection(family, host):
    listener = socket.create_server((host, 8080), family=family)
    client = socket.create_connection((host, 8080))
    server = listener.accept()[0]
    for s in client, server:
        s.settimeout(PATIENCE)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(random.randrange(1, 6)):
        for sender, receiver, messages in (client, server, REQUESTS), (server, client, ANSWERS):
            message = damaged(random.choice(messages))
            cut = random.randrange(len(message))
            sender.sendall(message[:cut])
            sender.sendall(message[cut:])
            receive(receiver, message)
    for s in client, server, listener:
        s.close()


def connections(family, host):
    for _ in range(ROUNDS):
        connection(family, host)


def raw_packets(protocol, port, messages):
    """With options, and as fragments; the socket is none of the protocol's."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for _ in range(ROUNDS):
        words = random.randrange(5, 16)
        head = bytes([0x40 | words, 0]) + struct.pack("!HHH", 0, random.randrange(65536), random.choice([0, 0x2000, 1, 0x2001]))
        head += bytes([64, protocol]) + b"\0\0" + socket.inet_aton("127.0.0.1") * 2 + b"\1" * (words * 4 - 20)
        ports = struct.pack("!HH", *random.sample([port, random.randrange(65536)], 2))
        sock.sendto(head + ports + random.randbytes(random.choice([4, 16])) + damaged(random.choice(messages)), ("127.0.0.1", 0))


def main():
    what, seed = sys.argv[1:]
    random.seed(int(seed))
    raise_loopback()
    if what == "dns":
        for end in ENDS:
            datagrams(*end)
        raw_packets(socket.IPPROTO_UDP, 53, [QUERY, REPLY])
        unanswered()
    else:
        for end in ENDS:
            connections(*end)
        raw_packets(socket.IPPROTO_TCP, 8080, REQUESTS + ANSWERS)


main()
