/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* bpfwarden bundle …; argv[0] is "bundle". Returns the exit code. */
int cmd_bundle(int argc, char **argv);
