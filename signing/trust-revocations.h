/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "signing/trust.h"

/* Adds the entries of each directory's revocations.json, if it has one, once its signatures were found good.
 * For trust-load.c, after the roles. Returns 0, -errno or REFUSAL_TRUST_INVALID with the file as its subject.
 */
int trust_load_revocations(struct trust *trust, const char *const *directories, uid_t owner,
			   struct refusal *refusal);
