/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * An exported directory as a source. What counts are the tiles and the entry bundles, or the lines and the
 * edge of an export without tiles; nothing in it is believed: sizes are bounded and no link is followed.
 */
#include "audit/verify/source.h"

/* -ENODATA: it is no exported log; -ENOENT: no such directory. */
int source_export_open(const char *directory, struct audit_source **ret, struct refusal *refusal);
