/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "common/refusal.h"
#include "tests/trust/vectors.h"

/* A directory for trust.conf with all certificates and CRLs of the test PKI in it; end removes it. */
void judge_begin(void);
void judge_end(void);

/* Everything that the daemon asks about a bundle before it is in the registry: its roles and lists of
 * revocations are loaded, it is verified, it is enrolled. Returns what the first of them said that does not
 * accept it. */
int judge(const struct vector *v, struct refusal *refusal);
