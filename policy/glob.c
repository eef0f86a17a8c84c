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

/* Where a match may end. */
struct ends {
	const char *begin, *end;
	bool above; /* also where a path above this one ends */
};

static bool may_end(const struct ends *ends, const char *at)
{
	if (at == ends->end)
		return true;
	return ends->above && at > ends->begin && (*at == '/' || at == ends->begin + 1);
}

/* Only the last star ever needs another try: what an earlier one took can be left as short as it is. */
static bool match(const char *pattern, const struct ends *ends)
{
	const char *text = ends->begin, *end = ends->end, *star = NULL, *resume = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
			if (!*star)
				return true;
		} else if (text < end && *pattern == '?') {
			pattern++;
			text += character(text, end);
		} else if (text < end && *pattern && *pattern == *text) {
			pattern++;
			text++;
		} else if (!*pattern && may_end(ends, text)) {
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

bool glob_match(const char *pattern, const char *text, size_t n)
{
	return match(pattern, &(struct ends){ .begin = text, .end = text + n });
}

bool glob_match_path(const char *pattern, const char *path)
{
	return match(pattern, &(struct ends){ .begin = path, .end = path + strlen(path), .above = true });
}
