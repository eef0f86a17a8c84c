/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Looks at one bundle, in a process that is made for it and ends with it: reads the trust directories, closes
 * its sandbox (sandbox_enter_parser_child()), then reads what came from outside: signatures first, the
 * manifest only once they were found good.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "format/message.h"

/* Once, in the parser before its own sandbox: has libcrypto, jansson and the C library do now what they do at
 * their first use (configuration, hash seed, time zone), because a child's sandbox lets nobody open a file.
 */
int verify_prepare(void);

/* What is asked. All descriptors are sealed memfds and stay the caller's. */
struct verify_request {
	int manifest;
	const int *signatures;
	size_t n_signatures;
	const struct revocation *revoked; /* by the registry's own command */
	size_t n_revoked;
	int64_t known; /* seconds since the epoch: what was over by then stays over, whatever the clock says
			*/
};

/* Fills in refusal, or digest, signers, may, valid_until and spec; not variant and unsupported. Returns
 * refusal.code, or -errno, which it has put into refusal, too. */
int verify_bundle(const struct verify_request *request, struct message_verified *ret);

/* The same with the choices that verify_bundle() makes for the parser. */
struct verify_options {
	const char *const *directories; /* of trust, NULL at the end */
	uid_t owner;                    /* of trust files, beside root */
	int64_t now;                    /* seconds since the epoch */
	int (*confine)(void);           /* called between trust and input */
};
int verify_bundle_with(const struct verify_options *options, const struct verify_request *request,
		       struct message_verified *ret);
