/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "audit/verify/verify.h"
#include "client/cli/cli.h"

/* What a verification has found: a line each, the verdict last; in JSON mode one object. */
void audit_verdict_print(const struct cli *cli, const struct verify *verify, bool remembered);

/* The object; the caller's. NULL: out of memory. Part of the stable output: bpfwarden-audit(1). */
json_t *audit_verdict_json(const struct verify *verify, bool remembered);
