#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Attaches and detaches a probe over the daemon's socket, for ever or COUNT times, and says each act that was
acknowledged: "ack ACT ID" on standard output, in one write.

acts.py [COUNT]
"""
import json
import os
import socket
import sys

connection = socket.socket(socket.AF_UNIX)
connection.connect("/run/bpfwarden/io.bpfwarden")
buffered = b""


def call(method, **parameters):
    global buffered
    connection.sendall(json.dumps({"method": "io.bpfwarden.Probe." + method, "parameters": parameters}).encode() + b"\0")
    while b"\0" not in buffered:
        got = connection.recv(65536)
        if not got:
            sys.exit("acts: the daemon closed the connection")
        buffered += got
    reply, _, buffered = buffered.partition(b"\0")
    reply = json.loads(reply)
    if "error" in reply:
        sys.exit(f"acts: {method}: {reply}")
    return reply["parameters"]


def attach():
    identifier = call("Attach", probe="tcp.state", duration=600)["attachment"]["id"]
    os.write(1, f"ack attach {identifier}\n".encode())
    return identifier


def detach(identifier):
    call("Detach", attachment=identifier)
    os.write(1, f"ack detach {identifier}\n".encode())


attach()  # the program stays loaded, so that the others are quick
done = 0
while len(sys.argv) < 2 or done < int(sys.argv[1]):
    detach(attach())
    done += 1
