#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls of io.bpfwarden.Audit on one connection, one after the other: reader.py METHOD PARAMETERS ... prints each
reply as the daemon sent it, one a line. reader.py readings COUNT makes so many records, each a reading that differs.
reader.py slow COUNT follows the log without reading anything until it gets a line on standard input, and then
prints the sequences of COUNT records."""
import json
import os
import socket
import sys


class Connection:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.environ['BPFWARDEN_SOCKET'])
        self.bytes = b''

    def send(self, method, parameters):
        more = method in ('Query', 'Checkpoints', 'Text')
        call = {'method': 'io.bpfwarden.Audit.' + method, 'parameters': parameters}
        if more:
            call['more'] = True
        self.socket.sendall(json.dumps(call).encode() + b'\0')

    def replies(self):
        """To one call, as text."""
        while True:
            while b'\0' not in self.bytes:
                part = self.socket.recv(65536)
                if not part:
                    sys.exit('the daemon closed the connection')
                self.bytes += part
            text, self.bytes = self.bytes.split(b'\0', 1)
            yield text.decode()
            if not json.loads(text).get('continues'):
                return


connection = Connection()
if sys.argv[1] == 'readings':
    for i in range(int(sys.argv[2])):
        connection.send('Query', {'until': i + 1, 'limit': 1})
        for reply in connection.replies():
            if 'error' in json.loads(reply):
                sys.exit(reply)
elif sys.argv[1] == 'slow':
    connection.send('Query', {'follow': True})
    print('asked', flush=True)
    sys.stdin.readline()
    for n, reply in enumerate(connection.replies(), 1):
        print(json.loads(reply)['parameters']['record']['seq'], flush=True)
        if n == int(sys.argv[2]):
            break
else:
    for method, parameters in zip(sys.argv[1::2], sys.argv[2::2]):
        connection.send(method, json.loads(parameters))
        for reply in connection.replies():
            print(reply)
