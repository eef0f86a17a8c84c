/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

/* The leaf hash of RFC 6962, section 2.1: SHA-256(0x00 ‖ bytes). -EIO if OpenSSL fails. */
int audit_leaf(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE]);

/* Plain SHA-256, for policy texts. -EIO if OpenSSL fails. */
int audit_digest(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE]);

/* Lower-case hexadecimal with NUL. */
void audit_hex(const uint8_t digest[DIGEST_SIZE], char ret[DIGEST_HEX_MAX]);
