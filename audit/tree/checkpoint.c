/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/tree/note.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/tree/note-private.h"
#include "audit/tree/tree.h"

/* What both texts begin with. The suffix tells them apart, so no log's own name may end in it. */
#define REMOVED "/removed"

static bool is_removed(struct text origin)
{
	static const size_t n = sizeof(REMOVED) - 1;

	return origin.size >= n && !memcmp(origin.bytes + origin.size - n, REMOVED, n);
}

static bool is_origin(const char *origin)
{
	struct text text = { origin, strnlen(origin, NOTE_NAME_MAX) };

	return text_is_name(text) && text.size < NOTE_NAME_MAX && !is_removed(text);
}

int checkpoint_format(const struct checkpoint *checkpoint, char ret[NOTE_SIZE_MAX])
{
	char root[TEXT_BASE64_MAX(DIGEST_SIZE)];

	if (!is_origin(checkpoint->origin) || checkpoint->size > TREE_SIZE_MAX)
		return -EINVAL;
	text_from_bytes(checkpoint->root, DIGEST_SIZE, root);
	snprintf(ret, NOTE_SIZE_MAX, "%s\n%" PRIu64 "\n%s\n", checkpoint->origin, checkpoint->size, root);
	return 0;
}

int stub_format(const struct stub *stub, char ret[NOTE_SIZE_MAX])
{
	char root[TEXT_BASE64_MAX(DIGEST_SIZE)];

	if (!is_origin(stub->origin) || stub->size > TREE_SIZE_MAX)
		return -EINVAL;
	text_from_bytes(stub->root, DIGEST_SIZE, root);
	snprintf(ret, NOTE_SIZE_MAX, "%s" REMOVED "\n%" PRIu64 "\n%s\ntime %" PRIu64 "\n", stub->origin,
		 stub->size, root, stub->time);
	return 0;
}

/* Takes the three lines that both begin with; the origin's suffix, if it is to have one, is cut off. */
static bool take_head(struct text *text, bool removed, struct checkpoint *ret)
{
	struct text origin, size, root;
	struct checkpoint head = { 0 };

	if (!text_take(text, '\n', &origin) || !text_take(text, '\n', &size) ||
	    !text_take(text, '\n', &root) || is_removed(origin) != removed)
		return false;
	if (removed)
		origin.size -= sizeof(REMOVED) - 1;
	if (origin.size >= NOTE_NAME_MAX || !text_is_name(origin) || is_removed(origin) ||
	    !text_to_number(size, &head.size) || head.size > TREE_SIZE_MAX ||
	    !text_to_bytes(root, head.root, DIGEST_SIZE))
		return false;
	memcpy(head.origin, origin.bytes, origin.size);
	*ret = head;
	return true;
}

int checkpoint_parse(const char *text, size_t size, struct checkpoint *ret)
{
	struct text rest = { text, size }, line;
	struct checkpoint checkpoint;

	if (!note_is_clean(rest) || !take_head(&rest, false, &checkpoint))
		return -EINVAL;
	while (rest.size)
		if (!text_take(&rest, '\n', &line) || !line.size)
			return -EINVAL;
	*ret = checkpoint;
	return 0;
}

int stub_parse(const char *text, size_t size, struct stub *ret)
{
	static const char word[] = "time ";
	struct text rest = { text, size }, line;
	struct checkpoint head;
	uint64_t time;

	if (!note_is_clean(rest) || !take_head(&rest, true, &head) || !text_take(&rest, '\n', &line) ||
	    rest.size || line.size < sizeof(word) - 1 || memcmp(line.bytes, word, sizeof(word) - 1))
		return -EINVAL;
	line.bytes += sizeof(word) - 1;
	line.size -= sizeof(word) - 1;
	if (!text_to_number(line, &time))
		return -EINVAL;
	*ret = (struct stub){ .size = head.size, .time = time };
	memcpy(ret->origin, head.origin, sizeof(head.origin));
	memcpy(ret->root, head.root, DIGEST_SIZE);
	return 0;
}

int checkpoint_verify(const struct note_key *key, const char *note, size_t size, struct checkpoint *ret)
{
	struct checkpoint checkpoint;
	size_t text_size;
	int r = note_verify(key, note, size, &text_size);

	if (r)
		return r;
	if (checkpoint_parse(note, text_size, &checkpoint) || strcmp(checkpoint.origin, key->name))
		return NOTE_MALFORMED;
	*ret = checkpoint;
	return NOTE_GOOD;
}

int stub_verify(const struct note_key *key, const char *note, size_t size, struct stub *ret)
{
	struct stub stub;
	size_t text_size;
	int r = note_verify(key, note, size, &text_size);

	if (r)
		return r;
	if (stub_parse(note, text_size, &stub) || strcmp(stub.origin, key->name))
		return NOTE_MALFORMED;
	*ret = stub;
	return NOTE_GOOD;
}
