#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The power switch of a virtual machine, and the witness outside of it of what was acknowledged before each cut.

power.py QMP PORT CUTS SEED: sockets of qemu's control protocol and of the port bpfwarden.power. The guest writes lines:

  cuts?             answered with how often the power was cut so far
  acks?             answered with every acknowledgement that ever left the machine, one a line, then "end"
  armed             after some more acknowledgements, a number drawn from SEED, the power is cut
  ack ACT ID        an act that was acknowledged to its client

A cut is qemu's system_reset: the machine forgets its memory and starts again, at whatever instruction it was; what it had
handed to its disks, the host still has.
"""
import json
import random
import re
import socket
import sys


class Machine:
    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(path)
        self.lines = self.connection.makefile("r")
        self.lines.readline()  # the greeting
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self.connection.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        self.until("return", "error")

    def until(self, *keys):
        for line in self.lines:
            message = json.loads(line)
            if any(key in message or message.get("event") == key for key in keys):
                if "error" in message:
                    sys.exit(f"power: {message['error']}")
                return
        sys.exit("power: the machine ended")

    def may_start_again(self, may):
        """Otherwise a machine that does so has panicked, and ends. The firmware starts again once more by itself."""
        self.command("set-action", reboot="reset" if may else "shutdown")

    def reset(self):
        self.may_start_again(True)
        self.command("system_reset")


def main(qmp, port_path, cuts, seed):
    drawn = random.Random(seed)
    machine = Machine(qmp)
    port = socket.socket(socket.AF_UNIX)
    port.connect(port_path)
    acks, done, left = [], 0, None
    for line in port.makefile("r", errors="replace", newline="\n"):
        line = line.rstrip("\n")
        if line == "cuts?":
            left = None
            machine.may_start_again(False)
            port.sendall(b"%d\n" % done)
        elif line == "acks?":
            port.sendall("".join(ack + "\n" for ack in acks + ["end"]).encode())
        elif line == "armed" and done < cuts:
            left = drawn.randrange(10, 80)
        elif re.fullmatch("ack [a-z]+ [0-9a-f]{16}", line):
            acks.append(line[4:])
            if left is not None:
                left -= 1
                if left == 0:
                    machine.reset()
                    done += 1
                    print(f"vm: power cut {done} of {cuts}, {len(acks)} acts acknowledged so far", file=sys.stderr)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
