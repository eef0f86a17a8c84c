/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* True if the pattern matches all n bytes of text. '*' is any run of characters, '/' and '.' among them, '?'
 * is any one UTF-8 character, everything else is itself: unit names contain backslashes, which fnmatch(3)
 * would take for escapes. Time is at most the product of the lengths, whatever the pattern. */
bool glob_match(const char *pattern, const char *text, size_t n);

/* True if the pattern matches a path from the root or one above it: "/a*" matches "/ab", and "/ab/c". In one
 * pass, because whoever makes cgroups decides how many are above. */
bool glob_match_path(const char *pattern, const char *path);
