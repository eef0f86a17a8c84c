# SPDX-License-Identifier: LGPL-2.1-or-later
# Connections over the loopback interface, client and server both here. Lines on standard input say what to do, each is
# answered by a line of JSON: what TCP_INFO, which is what `ss -ti` shows, says of both ends of each connection.
#   open N       N connections, of which the handshake is complete
#   talk ROUNDS  so many requests and answers on each, all acknowledged
#   end          both ends of each are in state CLOSE, and still readable
import json
import os
import socket
import struct
import sys

CLOSE = 7
# struct tcp_info, linux/tcp.h: offsets of what is asked for.
STATE, UNACKNOWLEDGED, RTT, VARIATION, SEGMENTS_IN, MINIMUM = 0, 24, 68, 72, 140, 148


def info(s):
    raw = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)

    def word(at):
        return struct.unpack_from("I", raw, at)[0]

    return {"state": raw[STATE], "unacknowledged": word(UNACKNOWLEDGED), "segments": word(SEGMENTS_IN),
            "srtt": word(RTT), "variation": word(VARIATION), "minimum": word(MINIMUM)}


def until(s, what, value):
    while info(s)[what] != value:
        os.sched_yield()


def open_connections(n):
    pairs = []
    with socket.create_server(("127.0.0.1", 0), backlog=n) as listener:
        for _ in range(n):
            client = socket.create_connection(listener.getsockname())
            pairs.append((client, listener.accept()[0]))
            for s in pairs[-1]:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return pairs


def talk(pairs, rounds):
    for client, server in pairs:
        for _ in range(rounds):
            for sender, receiver in ((client, server), (server, client)):
                sender.sendall(b"x")
                receiver.recv(1)
        until(client, "unacknowledged", 0)
        until(server, "unacknowledged", 0)


# Neither end closes its descriptor, so that the socket outlives the connection and says what it knew at its end.
def end(pairs):
    for client, server in pairs:
        client.shutdown(socket.SHUT_WR)
        while server.recv(1):
            pass
        server.shutdown(socket.SHUT_WR)
        while client.recv(1):
            pass
        until(client, "state", CLOSE)
        until(server, "state", CLOSE)


def main():
    pairs = []
    for line in sys.stdin:
        verb, *argument = line.split()
        if verb == "open":
            pairs += open_connections(int(argument[0]))
        elif verb == "talk":
            talk(pairs, int(argument[0]))
        else:
            end(pairs)
        ends = [info(client) | {"side": "client"} for client, _ in pairs] + [info(server) | {"side": "server"} for _, server in pairs]
        print(json.dumps(ends), flush=True)


main()
