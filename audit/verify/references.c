/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/references.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "audit/tree/tree.h"
#include "common/digest.h"

/* Members whose value is the digest of a text. In a record a quotation mark inside of a string is an escape,
 * so these bytes are nowhere but at such a member. */
static const char *const members[] = { "\"policy\":\"", "\"gids_digest\":\"" };

void references_clear(struct references *references)
{
	free(references->table);
	*references = (struct references){ 0 };
}

/* The place of a digest, or the free one where it belongs. */
static size_t find(const struct references *references, const uint8_t digest[DIGEST_SIZE])
{
	const struct reference *table = references->table;
	size_t mask = references->capacity - 1, i;
	uint64_t words[2];

	memcpy(words, digest, sizeof(words));
	i = ((words[0] ^ references->secret[0]) * ((words[1] ^ references->secret[1]) | 1)) >> 32;
	for (i &= mask; table[i].first; i = (i + 1) & mask)
		if (!memcmp(table[i].digest, digest, DIGEST_SIZE))
			break;
	return i;
}

static int grow(struct references *references)
{
	struct references grown = *references;

	if (references->n == REFERENCES_MAX)
		return -E2BIG;
	grown.capacity = references->capacity ? 2 * references->capacity : 64;
	if (!references->capacity &&
	    getrandom(grown.secret, sizeof(grown.secret), 0) != (ssize_t)sizeof(grown.secret))
		return -EIO;
	grown.table = calloc(grown.capacity, sizeof(*grown.table));
	if (!grown.table)
		return -ENOMEM;
	for (size_t i = 0; i < references->capacity; i++)
		if (references->table[i].first)
			grown.table[find(&grown, references->table[i].digest)] = references->table[i];
	free(references->table);
	grown.recent = 0;
	*references = grown;
	return 0;
}

static int note(struct references *references, uint64_t seq, const uint8_t digest[DIGEST_SIZE])
{
	struct reference *recent;
	size_t i;
	int r;

	if (references->capacity) {
		recent = &references->table[references->recent];
		if (recent->first && !memcmp(recent->digest, digest, DIGEST_SIZE)) {
			recent->last = seq;
			return 0;
		}
	}
	if (references->n >= references->capacity / 2) {
		r = grow(references);
		if (r)
			return r;
	}
	i = find(references, digest);
	if (!references->table[i].first) {
		memcpy(references->table[i].digest, digest, DIGEST_SIZE);
		references->table[i].first = seq;
		references->n++;
	}
	references->table[i].last = seq;
	references->recent = i;
	return 0;
}

int references_note(struct references *references, uint64_t seq, const char *bytes, size_t size)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		size_t length = strlen(members[i]);
		const char *at = memmem(bytes, size, members[i], length);
		char hex[DIGEST_HEX_MAX];
		uint8_t digest[DIGEST_SIZE];
		int r;

		if (!at || size - (size_t)(at - bytes) - length < DIGEST_HEX_MAX)
			continue;
		memcpy(hex, at + length, DIGEST_HEX_MAX - 1);
		hex[DIGEST_HEX_MAX - 1] = '\0';
		if (!digest_from_hex(hex, digest))
			continue;
		r = note(references, seq, digest);
		if (r)
			return r;
	}
	return 0;
}

static int check(const struct reference *reference, struct audit_source *source, struct findings *findings,
		 struct refusal *refusal)
{
	_cleanup_free_ char *text = NULL;
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_MAX];
	size_t size = 0;
	int r = source->calls->text(source, reference->digest, &text, &size, refusal);

	digest_to_hex(reference->digest, hex);
	if (r == -ENOENT) {
		findings_add(
			findings, FINDING_TEXT_GONE, reference->first, reference->last,
			"the text %.16s…, to which these records refer, is not in the log: somebody took "
			"it away; a backup has it",
			hex);
		return 0;
	}
	if (!r)
		r = tree_hash_text(text, size, digest);
	if (!r && memcmp(digest, reference->digest, DIGEST_SIZE))
		findings_add(findings, FINDING_TEXT, reference->first, reference->last,
			     "the text %.16s…, to which these records refer, was changed: it does not match "
			     "its digest; a backup has the true one",
			     hex);
	return r;
}

static int by_first(const void *a, const void *b)
{
	const struct reference *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

int references_check(const struct references *references, struct audit_source *source,
		     struct findings *findings, struct refusal *refusal)
{
	_cleanup_free_ struct reference *sorted = calloc(references->n + 1, sizeof(*sorted));
	size_t n = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < references->capacity; i++)
		if (references->table[i].first)
			sorted[n++] = references->table[i];
	qsort(sorted, n, sizeof(*sorted), by_first);
	for (size_t i = 0; i < n; i++) {
		int r = check(&sorted[i], source, findings, refusal);

		if (r)
			return r;
	}
	return 0;
}
