/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Looks at one bundle, in a process that is made for it and ends with it: reads the trust directories, closes
 * its sandbox (sandbox_enter_parser_child()), then reads what came from outside: signatures first, the manifest
 * only once they were found good.
 */
#include <stddef.h>

#include "format/message.h"

/* All descriptors are sealed memfds and stay the caller's. Fills in refusal, or digest, signers, may and spec;
 * not variant and unsupported. Returns refusal.code, or -errno, which it has put into refusal, too. */
int verify_bundle(int manifest, const int *signatures, size_t n_signatures, struct message_verified *ret);
