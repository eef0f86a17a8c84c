/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The seed of the audit key: a file `key` of 32 bytes in the log's directory, made when it is first wanted,
 * or what systemd unsealed for us (systemd-creds(1)) in the directory of credentials, which then counts
 * alone.
 */
#include <stdint.h>

#include "audit/store/directory.h"
#include "audit/tree/note.h"

#define KEY_CREDENTIAL "bpfwarden.audit-key"

/* credentials may be NULL. A seed that is there but cannot be one is refused, subject "key": only one that is
 * gone is replaced. */
int key_load(const struct directory *directory, const char *credentials, uint8_t ret[NOTE_SEED_SIZE],
	     struct refusal *refusal);

/* A new name for a log, "bpfwarden/HOSTNAME/16 random digits", fit for a key's name. -EIO: no random bytes.
 */
int key_make_origin(char ret[NOTE_NAME_MAX]);
