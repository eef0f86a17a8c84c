# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the standard probes show, in numbers that are known: load.py LOAD COUNT, or load.py serve FIFO, which does
what is written into the FIFO, a line "LOAD COUNT DONE" each, and creates the file DONE afterwards.

Each load is added to DIRECTORY/LOAD.UID as a line "UID CGROUP COUNT".
"""
import os
import socket
import struct
import subprocess
import sys

DIRECTORY = "/var/tmp/policy/done"
DEAD_LINK = ("198.51.100.2", 9)  # see test-policy.sh
SO_MEMINFO, SK_MEMINFO_DROPS = 55, 8


def connections(count):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(count):
            client = socket.create_connection(listener.getsockname())
            server = listener.accept()[0]
            server.shutdown(socket.SHUT_WR)
            client.recv(1)
            client.close()
            server.recv(1)
            server.close()
    return 2 * count  # both ends


def programs(count):
    for _ in range(count):
        subprocess.run(["/bin/true"], check=True)
    return count


def received(count):
    # A packet that finds no room belongs to its receiver, whose buffer is as small as can be.
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    receiver.bind(("127.0.0.1", 0))
    receiver.setblocking(False)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(count):
        sender.sendto(bytes(1000), receiver.getsockname())
    taken = 0
    while taken + dropped(receiver) < count:
        taken += take(receiver)
    while take(receiver):
        pass
    return dropped(receiver)


def take(receiver):
    try:
        receiver.recv(1000)
        return 1
    except BlockingIOError:
        return 0


def dropped(receiver):
    return struct.unpack("9I", receiver.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))[SK_MEMINFO_DROPS]


def sent(count):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(count):
        sender.sendto(bytes(1000), DEAD_LINK)
    return count


def waits(count):
    # Two processes hand one byte to and fro: how often they came to run is what the kernel counted.
    there, back, held = os.pipe(), os.pipe(), os.pipe()
    before = runs()
    child = os.fork()
    if child == 0:
        for _ in range(count):
            os.write(back[1], os.read(there[0], 1))
        os.read(held[0], 1)
        os._exit(0)
    for _ in range(count):
        os.write(there[1], b"x")
        os.read(back[0], 1)
    ran = runs() - before + runs(child)
    os.write(held[1], b"x")
    os.waitpid(child, 0)
    return ran


def runs(pid="self"):
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[2])


def cgroup():
    with open("/proc/self/cgroup") as f:
        path = next(line for line in f if line.startswith("0::"))[3:].rstrip("\n")
    return os.stat("/sys/fs/cgroup" + path).st_ino


def perform(load, count):
    loads = {f.__name__: f for f in (connections, programs, received, sent, waits)}
    done = loads[load](int(count))
    with open(f"{DIRECTORY}/{load}.{os.getuid()}", "a") as f:
        f.write(f"{os.getuid()} {cgroup()} {done}\n")


def serve(fifo):
    while True:
        with open(fifo) as orders:
            for order in orders:
                load, count, done = order.split()
                perform(load, count)
                open(done, "w").close()


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    perform(sys.argv[1], sys.argv[2])
