/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A segment has every text that its records refer to, so that it can be read alone. What was stored in an
 * older one is carried over with the first record that needs it.
 */
#include <errno.h>
#include <string.h>

#include "audit/store/segment-query.h"
#include "audit/store/store-private.h"
#include "common/digest.h"

static bool is_known(const struct known_texts *known, const uint8_t digest[DIGEST_SIZE])
{
	for (size_t i = 0; i < known->n; i++)
		if (!memcmp(known->digest[i], digest, DIGEST_SIZE))
			return true;
	return false;
}

static void remember(struct known_texts *known, const uint8_t digest[DIGEST_SIZE])
{
	memcpy(known->digest[known->next], digest, DIGEST_SIZE);
	known->next = (known->next + 1) % KNOWN_TEXTS;
	if (known->n < KNOWN_TEXTS)
		known->n++;
}

static bool is_in(const struct store_text *texts, size_t n, const uint8_t digest[DIGEST_SIZE])
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(texts[i].digest, digest, DIGEST_SIZE))
			return true;
	return false;
}

/* An old segment that cannot be read is the auditor's to find, like the text that is missing then. The log
 * has to go on. */
static int find(struct store *store, struct store_text *text, bool *ret_older, struct refusal *refusal)
{
	int r = segment_get_text(store->segment, text->digest, &text->text, &text->size, refusal);

	*ret_older = r == -ENOENT;
	if (r != -ENOENT)
		return r;
	r = store_get_text(store, text->digest, &text->text, &text->size, NULL);
	return r > 0 ? -ENOENT : r;
}

struct carrying {
	struct store *store;
	const struct store_batch *batch;
	struct store_text *texts;
	size_t n;
};

static int carry(struct carrying *c, const uint8_t digest[DIGEST_SIZE], struct refusal *refusal)
{
	struct store_text text = { 0 }, *grown;
	bool older;
	int r;

	if (is_known(&c->store->known, digest) || is_in(c->texts, c->n, digest) ||
	    is_in(c->batch->texts, c->batch->n_texts, digest))
		return 0;
	memcpy(text.digest, digest, DIGEST_SIZE);
	r = find(c->store, &text, &older, refusal);
	if (r == -ENOENT || (!r && !older)) {
		remember(&c->store->known, digest);
		free(text.text);
		return 0;
	}
	if (r)
		return r;
	grown = reallocarray(c->texts, c->n + 1, sizeof(*grown));
	if (!grown) {
		free(text.text);
		return -ENOMEM;
	}
	c->texts = grown;
	c->texts[c->n++] = text;
	return 0;
}

static int carry_named(struct carrying *c, json_t *object, const char *key, struct refusal *refusal)
{
	const char *hex = json_string_value(json_object_get(object, key));
	uint8_t digest[DIGEST_SIZE];

	return hex && digest_from_hex(hex, digest) ? carry(c, digest, refusal) : 0;
}

int store_carry_texts(struct store *store, const struct store_batch *batch, struct store_text **ret,
		      size_t *ret_n, struct refusal *refusal)
{
	struct carrying c = { .store = store, .batch = batch };
	int r = 0;

	/* All that there are were stored in the first one. */
	for (size_t i = 0; !r && store->n_firsts > 1 && i < batch->n_records; i++) {
		json_t *json = batch->records[i].json;

		r = carry_named(&c, json, "policy", refusal);
		if (!r)
			r = carry_named(&c, json_object_get(json, "requester"), "gids_digest", refusal);
	}
	if (r) {
		store_free_texts(c.texts, c.n);
		return r;
	}
	*ret = c.texts;
	*ret_n = c.n;
	return 0;
}

void store_free_texts(struct store_text *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i].text);
	free(texts);
}
