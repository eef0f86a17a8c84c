#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the .varlink files given as arguments as the C array of format/interface.h to standard output."""
import os
import sys


def name(path):
    return os.path.basename(path)[:-len('.varlink')]


sys.stdout.reconfigure(encoding='utf-8')
print('/* Made from format/interfaces/ by format/embed-interfaces.py. */')
print('#include "format/interface.h"\n')
print('const struct interface interfaces[] = {')
for path in sorted(sys.argv[1:], key=name):
    print('\t{ "%s",' % name(path))
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            text = line.rstrip('\n').replace('\\', '\\\\').replace('"', '\\"')
            print('\t  "%s\\n"' % text)
    print('\t},')
print('};')
print('const size_t n_interfaces = %d;' % (len(sys.argv) - 1))
