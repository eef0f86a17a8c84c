/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/config-index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64

/* FNV-1a over both texts with their ends. Who writes policy is root: nobody has a reason to make collisions.
 */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	} while (*text++);
	return hash;
}

/* The slot of the section, or the free one where it belongs. */
static uint32_t *find_slot(const struct config_index *index, const struct config_section *sections,
			   const char *kind, const char *name)
{
	uint64_t at = hash_text(hash_text(0xcbf29ce484222325ULL, kind), name);

	for (;; at++) {
		uint32_t *slot = &index->slots[at & (index->n_slots - 1)];
		const struct config_section *section = *slot ? &sections[*slot - 1] : NULL;

		if (!section || (!strcmp(section->name, name) && !strcmp(section->kind, kind)))
			return slot;
	}
}

void config_index_done(struct config_index *index)
{
	free(index->slots);
	*index = (struct config_index){};
}

const struct config_section *config_index_find(const struct config_index *index,
					       const struct config_section *sections, const char *kind,
					       const char *name)
{
	uint32_t position = index->n_slots ? *find_slot(index, sections, kind, name) : 0;

	return position ? &sections[position - 1] : NULL;
}

int config_index_reserve(struct config_index *index, const struct config_section *sections, size_t n)
{
	struct config_index larger = { .n_slots = index->n_slots ? 2 * index->n_slots : SLOTS_MIN };

	if (2 * (n + 1) < index->n_slots)
		return 0;
	larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		config_index_add(&larger, sections, i);
	config_index_done(index);
	*index = larger;
	return 0;
}

void config_index_add(struct config_index *index, const struct config_section *sections, size_t n)
{
	*find_slot(index, sections, sections[n].kind, sections[n].name) = (uint32_t)n + 1;
}
