/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "audit/verify/source.h"

/* A copy of the daemon's directory, or that itself while no daemon runs. Nothing is written into it.
 * -ENODATA: there is no segment in it; -ENOENT: no such directory. */
int source_database_open(const char *directory, struct audit_source **ret, struct refusal *refusal);
