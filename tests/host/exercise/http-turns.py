# SPDX-License-Identifier: LGPL-2.1-or-later
# HTTP/1.x whose every turn is known, in a network namespace of its own: as root "http-turns.py SERVER_UID CLIENT_UID
# CASE:COUNT…", so many connections of each case, one after the other. What a side says in one turn is one segment, and
# all of it has come before the next turn.
import ctypes
import fcntl
import os
import socket
import struct
import sys
import time

PORT = 18090
SLOW = 0.05  # s


def get(path):
    return b"GET /%s HTTP/1.1\r\nHost: there\r\n\r\n" % path


def answer(status, body=b""):
    return b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


CONNECT = b"CONNECT there:443 HTTP/1.1\r\nHost: there:443\r\n\r\n"
UPGRADE = b"GET /upgrade HTTP/1.1\r\nHost: there\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"
CHANGED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"
OPENED = b"HTTP/1.1 200 Opened\r\n\r\n"

# Who sends what: ">" the client, "<" the server, "|" nobody, for so long.
CASES = {
    # What a tunnel carries is not looked at, not even HTTP.
    "connect": [(">", CONNECT), ("<", OPENED), (">", get(b"inside")), ("<", answer(200))],
    # Without a tunnel the connection goes on.
    "refused": [(">", CONNECT), ("<", answer(403)), (">", get(b"next")), ("<", answer(204))],
    # Nor is another protocol that looks like this one.
    "upgrade": [(">", UPGRADE), ("<", CHANGED), (">", get(b"other")), ("<", answer(200))],
    # The server does not want to: an answer as others.
    "stays": [(">", UPGRADE), ("<", answer(426)), (">", get(b"next")), ("<", answer(200))],
    # Two in one segment are one; what comes when both are answered counts again.
    "together": [(">", get(b"one") + get(b"two")), ("<", answer(200)), ("<", answer(404)), (">", get(b"three")),
                 ("<", answer(500))],
    # Likewise in two segments before the first answer.
    "ahead": [(">", get(b"one")), (">", get(b"two")), ("<", answer(200)), ("<", answer(404)), (">", get(b"three")),
              ("<", answer(500))],
    # Both answers in one segment.
    "answered": [(">", get(b"one") + get(b"two")), ("<", answer(200) + answer(404)), (">", get(b"three")),
                 ("<", answer(500))],
    # The second one when the first answer has begun, whose rest is in the way.
    "begun": [(">", get(b"one")), ("<", answer(200, b"0123456789")[:-5]), (">", get(b"two")), ("<", b"56789"),
              ("<", answer(404)), (">", get(b"three")), ("<", answer(500))],
    "quick": [(">", get(b"quick")), ("<", answer(200))],
    "slow": [(">", get(b"slow")), ("|", SLOW), ("<", answer(200))],
}


def of_user(uid, make):
    """What this makes is the user's: a socket belongs to whoever had the process when it was made or accepted."""
    os.setegid(uid)
    os.seteuid(uid)
    made = make()
    os.seteuid(0)
    os.setegid(0)
    return made


def receive(s, length):
    while length:
        part = s.recv(length)
        if not part:
            sys.exit("the other side hung up")
        length -= len(part)


def play(client, server, turns):
    for s in client, server:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for who, what in turns:
        if who == "|":
            time.sleep(what)
            continue
        sender, receiver = (client, server) if who == ">" else (server, client)
        sender.sendall(what)
        receive(receiver, len(what))


def main(server_uid, client_uid, orders):
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) < 0:  # CLONE_NEWNET
        sys.exit("unshare failed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x1))  # SIOCSIFFLAGS, IFF_UP
    os.setgroups([])
    listener = of_user(server_uid, lambda: socket.create_server(("127.0.0.1", PORT)))
    for case, count in orders:
        for _ in range(count):
            with of_user(client_uid, lambda: socket.create_connection(("127.0.0.1", PORT))) as client:
                with of_user(server_uid, listener.accept)[0] as server:
                    play(client, server, CASES[case])


if __name__ == "__main__":
    cases = [case.split(":") for case in sys.argv[3:]]
    main(int(sys.argv[1]), int(sys.argv[2]), [(case, int(count)) for case, count in cases])
