# SPDX-License-Identifier: LGPL-2.1-or-later
# Connections that go wrong, in a network namespace of their own: as root "tcp-faults.py prepare", which raises the
# loopback interface and drops some segments, then as anybody "tcp-faults.py retransmit" or "reset". Prints what the
# kernel counted in this namespace meanwhile, a line "NAME VALUE" each.
import fcntl
import socket
import struct
import subprocess
import sys
import threading
import time

SILENT, LOSSY, SLOW, CLOSED = 7001, 7002, 7003, 7004
RULES = f"""
table ip faults {{
	chain input {{
		type filter hook input priority 0;
		tcp dport {SILENT} drop
		tcp dport {LOSSY} tcp flags & psh != 0 numgen inc mod 4 == 0 drop
		tcp sport {SLOW} tcp flags & (syn | ack) == (syn | ack) numgen inc mod 3 != 2 drop
	}}
}}
"""


def prepare():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x1))  # SIOCSIFFLAGS, IFF_UP
    subprocess.run(["nft", "-f", "-"], input=RULES.encode(), check=True)


def counters():
    values = {}
    for path in "/proc/self/net/snmp", "/proc/self/net/netstat":
        lines = open(path).read().splitlines()
        for names, numbers in zip(lines[::2], lines[1::2]):
            values.update(zip(names.split()[1:], map(int, numbers.split()[1:])))
    return values


def until(name, value):
    deadline = time.monotonic() + 120
    while counters()[name] < value:
        if time.monotonic() > deadline:
            sys.exit(f"{name} did not reach {value}")
        time.sleep(0.05)


def listen(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)  # a buffer is several segments
    s.bind(("127.0.0.1", port))
    s.listen(128)
    return s


def retransmit():
    silent = [socket.socket() for _ in range(5)]
    for s in silent:
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", SILENT))
    slow = listen(SLOW)  # the third answer to its first segment arrives
    socket.create_connection(("127.0.0.1", SLOW)).close()
    slow.accept()[0].close()
    lossy = listen(LOSSY)
    client = socket.create_connection(("127.0.0.1", LOSSY))
    server, _ = lossy.accept()
    reader = threading.Thread(target=lambda: all(iter(lambda: server.recv(65536), b"")))
    reader.start()
    for _ in range(300):
        client.sendall(b"x" * 3000)
    client.shutdown(socket.SHUT_WR)
    reader.join()
    server.close()
    until("TCPSynRetrans", 10)
    for s in silent + [client]:
        s.close()


def reset():
    for _ in range(100):
        if socket.socket().connect_ex(("127.0.0.1", CLOSED)) == 0:
            sys.exit("a closed port took a connection")
    listener = listen(SLOW + 10)
    for _ in range(50):
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        try:
            server.recv(1)
        except ConnectionResetError:
            pass
        server.close()


def main():
    if sys.argv[1] == "prepare":
        prepare()
        return
    before = counters()
    {"retransmit": retransmit, "reset": reset}[sys.argv[1]]()
    for name in "RetransSegs", "TCPSynRetrans", "TCPFastRetrans", "TCPTimeouts", "TCPLossProbes", "OutRsts", "EstabResets":
        print(name, counters()[name] - before[name])


main()
