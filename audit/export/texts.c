/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/export/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/tree/tree.h"
#include "audit/export/files.h"
#include "common/digest.h"

/* Index of the digest, or of where it belongs. */
static size_t find(const struct export_texts *texts, const uint8_t digest[DIGEST_SIZE], bool *ret_found)
{
	size_t low = 0, high = texts->n;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(texts->digests[middle], digest, DIGEST_SIZE);

		if (!order) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert(struct export_texts *texts, size_t at, const uint8_t digest[DIGEST_SIZE])
{
	if (texts->n == texts->room) {
		size_t room = 2 * texts->room + 16;
		void *grown = reallocarray(texts->digests, room, DIGEST_SIZE);

		if (!grown)
			return -ENOMEM;
		texts->digests = grown;
		texts->room = room;
	}
	memmove(texts->digests + at + 1, texts->digests + at, (texts->n - at) * DIGEST_SIZE);
	memcpy(texts->digests[at], digest, DIGEST_SIZE);
	texts->n++;
	return 0;
}

/* Whether the record's own member is this digest, and not that of something within it. */
static bool is_member(const char *record, size_t size, const char *name, const char *hex)
{
	json_t *json = json_loadb(record, size, 0, NULL);
	const char *value = json_string_value(json_object_get(json, name));
	bool is = value && !strcmp(value, hex);

	json_decref(json);
	return is;
}

/* Digests repeat from record to record, and parsing takes longer than all the rest: only what looks like a
 * new one is looked at closely. */
static int note_member(struct export_texts *texts, const char *record, size_t size, const char *name)
{
	char key[32], hex[DIGEST_HEX_MAX] = "";
	int n = snprintf(key, sizeof(key), "\"%s\":\"", name);
	const char *at = memmem(record, size, key, (size_t)n);
	uint8_t digest[DIGEST_SIZE];
	size_t index;
	bool found;

	while (at) {
		const char *value = at + n;

		if ((size_t)(record + size - value) < sizeof(hex))
			return 0;
		memcpy(hex, value, sizeof(hex) - 1);
		if (value[sizeof(hex) - 1] == '"' && digest_from_hex(hex, digest)) {
			index = find(texts, digest, &found);
			if (found)
				return 0;
			if (is_member(record, size, name, hex))
				return insert(texts, index, digest);
		}
		at = memmem(value, (size_t)(record + size - value), key, (size_t)n);
	}
	return 0;
}

int export_texts_note(struct export_texts *texts, const char *record, size_t size)
{
	int r = note_member(texts, record, size, "policy");

	return r ? r : note_member(texts, record, size, "gids_digest");
}

static int write_text(struct audit_source *source, const uint8_t digest[DIGEST_SIZE], const char *path,
		      struct export_stage *stage, struct refusal *refusal)
{
	_cleanup_free_ char *text = NULL;
	uint8_t actual[DIGEST_SIZE];
	size_t size;
	int r;

	r = source->calls->text(source, digest, &text, &size, refusal);
	if (r)
		return r;
	r = tree_hash_text(text, size, actual);
	if (r)
		return r;
	return memcmp(actual, digest, DIGEST_SIZE) ? -ENOENT : export_stage_put(stage, path, text, size);
}

int export_texts_write(const struct export_texts *texts, struct audit_source *source,
		       struct export_stage *stage, uint64_t *ret_written, uint64_t *ret_missing,
		       struct refusal *refusal)
{
	uint64_t written = 0, missing = 0;

	for (size_t i = 0; i < texts->n; i++) {
		char path[EXPORT_PATH_MAX], hex[DIGEST_HEX_MAX];
		int earlier = export_stage_earlier(stage), r;

		snprintf(path, sizeof(path), EXPORT_TEXTS "/%s", digest_to_hex(texts->digests[i], hex));
		if (earlier >= 0 && faccessat(earlier, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		r = write_text(source, texts->digests[i], path, stage, refusal);
		if (r && r != -ENOENT)
			return r;
		if (r)
			missing++;
		else
			written++;
	}
	*ret_written = written;
	*ret_missing = missing;
	return 0;
}

void export_texts_release(struct export_texts *texts)
{
	free(texts->digests);
	*texts = (struct export_texts){ 0 };
}
