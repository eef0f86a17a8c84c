/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What the four processes have in common: names, users, sockets, start-up.
 */
#include <sys/types.h>

#include "common/paths.h"
#include "format/message.h"

#define SOCKET_CLIENTS       PATH_RUNTIME "/io.bpfwarden"
#define SOCKET_PEERS         PATH_RUNTIME "/peers"    /* gate, parser and loader connect to the warden */
#define SOCKET_VERDICTS      PATH_RUNTIME "/verdicts" /* the parser connects to the loader */
#define LISTEN_NAME_CLIENTS  "clients"
#define LISTEN_NAME_PEERS    "peers"
#define LISTEN_NAME_VERDICTS "verdicts"

#define USER_WARDEN "bpfwarden"
#define USER_GATE   "bpfwarden-gate"
#define USER_PARSER "bpfwarden-parser"
#define USER_LOADER "bpfwarden-loader"

/* Entry points, one a process; each is `int main()` of its own folder and returns an exit status. Every
 * process ends when its connection to the warden ends: what restarts it (the service manager or the launcher)
 * leads it through the same start-up again, so there is one way to come up, not two. */
int warden_main(void);
int gate_main(void);
int parser_main(void);
int loader_main(void);

/* The uid of the process on that side; -ENOENT if the user does not exist. */
int process_uid(enum message_side side, uid_t *ret);

/* Log line to stderr with the journal's priority prefix ("<4>warden: …"). Only processes log, libraries
 * never. */
void process_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Name of the running process, for log lines. */
extern const char *process_name;
