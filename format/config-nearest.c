/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/config.h"

#include <string.h>

#define WORD_MAX 32 /* longer words are not mistyped keywords */

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits between two words by Damerau and Levenshtein, in the form where no part is edited twice ("optimal
 * string alignment"). Row i holds the distances of a's first i characters to every beginning of b. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], n = strlen(a), m = strlen(b);

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = smaller(smaller(above[j], row[j - 1]) + 1,
					 above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = smaller(row[j], above2[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

const char *config_nearest(const char *word, const char *const *names, size_t n)
{
	const char *nearest = NULL;
	size_t best = 3;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t edits;

		if (strlen(names[i]) > WORD_MAX)
			continue;
		edits = distance(word, names[i]);
		if (edits < best && 2 * edits < strlen(word)) {
			best = edits;
			nearest = names[i];
		}
	}
	return nearest;
}
