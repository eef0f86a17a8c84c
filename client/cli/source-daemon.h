/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The log as the daemon shows it over its socket: what it has at the moment of opening, and nothing later.
 */
#include "audit/verify/source.h"
#include "client/cli/cli.h"

/* CLI_CONTINUE or an exit code, already told; the caller closes *ret with audit_source_close(). */
int source_daemon_open(struct audit_source **ret);

/* After a function of the source has returned a refusal: the exit code of what the daemon refused, already
 * told. */
int source_daemon_failed(const struct audit_source *source);

/* Where it was read: names this host's daemon in the auditor's memory. */
void source_daemon_place(char *buffer, size_t size);
