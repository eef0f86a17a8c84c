/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/glob.h"

#include <string.h>

/* The character at p, of which there is at least one byte. */
static size_t character(const char *p, const char *end)
{
	const char *next = p + 1;

	while (next < end && ((unsigned char)*next & 0xc0) == 0x80)
		next++;
	return (size_t)(next - p);
}

bool glob_match(const char *pattern, const char *text, size_t n)
{
	const char *end = text + n, *star = NULL, *resume = NULL;

	/* Only the last star ever needs another try: what an earlier one took can be left as short as it is.
	 */
	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (text < end && *pattern == '?') {
			pattern++;
			text += character(text, end);
		} else if (text < end && *pattern && *pattern == *text) {
			pattern++;
			text++;
		} else if (text == end && !*pattern) {
			return true;
		} else if (star && resume < end) {
			resume += character(resume, end);
			text = resume;
			pattern = star;
		} else {
			return false;
		}
	}
}
