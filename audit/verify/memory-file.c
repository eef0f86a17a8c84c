/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/memory-file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"

static void json_decref_p(json_t **json)
{
	json_decref(*json);
}

void memory_clear(struct memory *memory)
{
	free(memory->blocks);
	*memory = (struct memory)MEMORY_INIT;
}

static json_t *write_blocks(const struct memory *memory)
{
	json_t *blocks = json_array();

	for (size_t i = 0; blocks && i < memory->n_blocks; i++) {
		char hex[DIGEST_HEX_MAX];

		if (json_array_append_new(blocks, json_string(digest_to_hex(memory->blocks[i], hex))) < 0) {
			json_decref(blocks);
			return NULL;
		}
	}
	return blocks;
}

int memory_write(const struct memory *memory, char **ret, size_t *ret_size)
{
	_cleanup_(json_decref_p) json_t *object = NULL;
	json_t *blocks = write_blocks(memory);
	char root[DIGEST_HEX_MAX], *text;

	if (!blocks)
		return -ENOMEM;
	object = json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:o}", "v", 1, "key",
			   memory->key, "origin", memory->origin, "place", memory->place, "base",
			   (json_int_t)memory->base, "size", (json_int_t)memory->size, "root",
			   digest_to_hex(memory->root, root), "checkpoint", memory->checkpoint, "visited",
			   (json_int_t)memory->visited, "first_block", (json_int_t)memory->first_block,
			   "blocks", blocks);
	text = object ? json_dumps(object, JSON_INDENT(1)) : NULL;
	if (!text)
		return -ENOMEM;
	*ret = text;
	*ret_size = strlen(text);
	return 0;
}

static int read_blocks(const json_t *blocks, struct memory *memory)
{
	const json_t *block;
	size_t i;

	memory->blocks = calloc(json_array_size(blocks) + 1, sizeof(*memory->blocks));
	if (!memory->blocks)
		return -ENOMEM;
	json_array_foreach (blocks, i, block)
		if (!json_is_string(block) || !digest_from_hex(json_string_value(block), memory->blocks[i]))
			return -EBADMSG;
	memory->n_blocks = i;
	return 0;
}

static int copy(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size ? 0 : -EBADMSG;
}

static int read_members(const json_t *object, struct memory *memory)
{
	const char *key, *origin, *place, *root, *checkpoint;
	json_int_t base, size, visited, first_block;
	json_t *blocks;
	int version, r = 0;

	if (json_unpack((json_t *)object, "{s:i, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:o !}", "v",
			&version, "key", &key, "origin", &origin, "place", &place, "base", &base, "size",
			&size, "root", &root, "checkpoint", &checkpoint, "visited", &visited, "first_block",
			&first_block, "blocks", &blocks) < 0 ||
	    version != 1 || base < 0 || size <= 0 || visited < 0 || first_block < 0 ||
	    !json_is_array(blocks) || !digest_from_hex(root, memory->root))
		return -EBADMSG;
	r = copy(memory->key, sizeof(memory->key), key);
	if (!r)
		r = copy(memory->origin, sizeof(memory->origin), origin);
	if (!r)
		r = copy(memory->place, sizeof(memory->place), place);
	if (!r)
		r = copy(memory->checkpoint, sizeof(memory->checkpoint), checkpoint);
	memory->base = (uint64_t)base;
	memory->size = (uint64_t)size;
	memory->visited = (uint64_t)visited;
	memory->first_block = (uint64_t)first_block;
	if (!r)
		r = read_blocks(blocks, memory);
	if (!r && memory->first_block + memory->n_blocks > memory->size / MEMORY_BLOCK)
		r = -EBADMSG;
	return r;
}

int memory_read(const char *text, size_t size, struct memory *ret)
{
	_cleanup_(json_decref_p) json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	struct memory memory = MEMORY_INIT;
	int r = object ? read_members(object, &memory) : -EBADMSG;

	if (r)
		memory_clear(&memory);
	else
		*ret = memory;
	return r;
}
