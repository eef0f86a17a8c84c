/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What the verbs of `bpfwarden trust` share: loading as the daemon would, and words for what is in it.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "format/revocation.h"
#include "signing/trust.h"

/* Like load_trust() of client/bundle/verbs.h, but CLI_CONTINUE is what goes on. */
int trust_open(const char *directory, struct trust **ret);

/* "enroll-production revoke"; "nothing". */
#define TRUST_MAY_TEXT_MAX 64
const char *trust_may_text(uint32_t may, char buffer[TRUST_MAY_TEXT_MAX]);
json_t *trust_may_json(uint32_t may);

/* "tcp.state-3", "tcp.state below 5", "key …". */
#define REVOCATION_TEXT_MAX 128
const char *revocation_text(const struct revocation *revocation, char buffer[REVOCATION_TEXT_MAX]);
json_t *revocation_json(const struct revocation *revocation);

/* True if some name is matched by both globs, in which '*' matches any characters and '?' one. */
bool globs_overlap(const char *a, const char *b);
