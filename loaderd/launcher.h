/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The foreground form of the daemon: what the units do, without a service manager. A small root process makes
 * the listening sockets, starts the four processes under their users, starts again what ends, and keeps the
 * loader's file descriptors (the FDSTORE part of sd_notify(3)). It reads nothing from clients.
 *
 * --ready-fd=N: writes one byte to descriptor N and closes it once all four processes are ready.
 */
int launcher_main(int argc, char **argv);
