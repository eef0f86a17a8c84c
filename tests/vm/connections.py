# SPDX-License-Identifier: LGPL-2.1-or-later
"""TCP connections over the loopback, each of which both sides end in the same way.

connections.py serve PORT                       answers and closes, for ever
connections.py client PORT COUNT                so many connections, one after the other
connections.py numbered PORT FIRST PAUSE        from the local ports FIRST + 1, FIRST + 2, … until SIGTERM; after
                                                each, standard output, a file, holds its number
"""
import os
import signal
import socket
import sys
import time


def serve(port):
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    while True:
        peer, _ = listener.accept()
        peer.sendall(b"bpfward\n")
        peer.shutdown(socket.SHUT_WR)
        drain(peer)


def drain(peer):
    # Until the other side's FIN: the socket's own end is not left to chance.
    while peer.recv(64):
        pass
    peer.close()


def client(port, count):
    for _ in range(count):
        drain(socket.create_connection(("127.0.0.1", port)))


def numbered(port, first, pause):
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    number = 0
    while not stopping:
        drain(socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.1", first + number + 1)))
        number += 1
        os.pwrite(1, b"%d\n" % number, 0)
        time.sleep(pause)


def main(what, *arguments):
    {"serve": serve, "client": client, "numbered": numbered}[what](
        *(float(a) if "." in a else int(a) for a in arguments))


main(*sys.argv[1:])
