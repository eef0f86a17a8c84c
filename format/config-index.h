/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Which section has a kind and a name: a hash table of positions, so that a policy of ten thousand sections
 * is read in time that grows with its size. Part of config.c.
 */
#include <stddef.h>
#include <stdint.h>

#include "format/config.h"

struct config_index {
	uint32_t *slots; /* position + 1 in the array of sections; 0: free */
	size_t n_slots;  /* a power of two, more than half of them free; 0: nothing was added yet */
};

void config_index_done(struct config_index *index);

/* The section among n that has this kind and name, or NULL. */
const struct config_section *config_index_find(const struct config_index *index,
					       const struct config_section *sections, const char *kind,
					       const char *name);

/* Room for the sections 0 to n - 1 and one more, all of which but that one are in it afterwards. 0 or
 * -ENOMEM. */
int config_index_reserve(struct config_index *index, const struct config_section *sections, size_t n);

/* Adds the section at position n, for which there is room. */
void config_index_add(struct config_index *index, const struct config_section *sections, size_t n);
