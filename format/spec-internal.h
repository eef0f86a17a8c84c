/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Shared by the files that check a spec: each rule of docs/FORMAT-bundle.md that is broken ends the check
 * with its number.
 */
#include <stdbool.h>
#include <stddef.h>

#include "format/spec.h"

#define BROKEN(rule, ...) return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, rule, __VA_ARGS__)

/* Ends the caller with the verdict of a check unless it is 0. */
#define TRY(check)                 \
	do {                       \
		int r_ = (check);  \
		if (r_)            \
			return r_; \
	} while (0)

#define INTEGER_MAX INT64_MAX /* integers above it do not survive every JSON reader: rule M6 */

/* M9: terminated within its size bytes, printable UTF-8, and not empty unless empty is set. */
int spec_check_text(const char *what, const char *text, size_t size, bool empty, struct refusal *refusal);
#define CHECK_TEXT(what, member, empty) TRY(spec_check_text(what, member, sizeof(member), empty, refusal))

/* A name of C. */
bool spec_identifier(const char *text);

/* Rules M14 to M17 on one variant, whose counts were not looked at before. */
int spec_validate_variant(const struct spec *spec, const struct spec_variant *v, struct refusal *refusal);
