/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Loading that the kernel itself verifies: from Linux 7.3 on BPF_PROG_LOAD checks a detached PKCS#7 over the
 * instructions of a light skeleton followed by its data (Documentation/bpf/signing.rst). 6.18 to 7.2 take a
 * signature over the instructions alone and leave the data to a check inside the skeleton; that is not used.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/refusal.h"
#include "format/spec.h"

/* What the kernel verified, from nothing to the strongest keyring. */
enum verified {
	VERIFIED_UNSUPPORTED = 0, /* this kernel cannot */
	VERIFIED_NO,              /* it could: the bundle carries no signature, or no keyring has its key */
	VERIFIED_SESSION,         /* by a key that whoever started the daemon put there: the weakest */
	VERIFIED_SECONDARY, /* .secondary_trusted_keys: vouched for by builtin ones, or enrolled (MOK) */
	VERIFIED_BUILTIN,   /* .builtin_trusted_keys */
	VERIFIED_BPF,       /* .bpf, filled and sealed at boot; not in 7.3 yet */
	_VERIFIED_MAX,
};
const char *verified_name(uint32_t verified); /* "yes (builtin)" */

/* Finds out, once and without any key, whether the running kernel has the contract of 7.3 and can check a
 * PKCS#7 at all. Needs CAP_BPF. */
void verify_start(void);
bool verify_supported(void);

/* REFUSAL_NOT_KERNEL_VERIFIED of the bundle, with what is missing. */
int verify_refuse(const struct spec *spec, const struct spec_variant *variant, struct refusal *refusal);

/* Loads the skeleton with its signature: each keyring is asked, the narrowest first, whether it has the key.
 * Returns the program and by which keyring; -ENOKEY if none has it. Whatever else is wrong, such as a
 * signature that does not fit (-EKEYREJECTED, -EBADMSG), ends the search with that error. */
int verify_load(const void *insns, size_t insns_size, int data_map, const void *signature,
		size_t signature_size, uint32_t *ret_verified);
