/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/walk.h"

#include <errno.h>
#include <string.h>

struct subtree {
	unsigned level;
	uint64_t index;
	uint8_t hash[DIGEST_SIZE], other[DIGEST_SIZE];
	bool known, doubtful;
};

static void tell_node(struct walk *walk, const struct subtree *subtree, const char *text)
{
	uint64_t first = walk_seq(walk, subtree->index << subtree->level);

	findings_add(walk->findings, FINDING_NODE, first, first + (1ULL << subtree->level) - 1, "%s", text);
}

/* What is stored decides how the walk goes on, and if it differs, that is a finding. */
static int settle(struct walk *walk, struct subtree *subtree)
{
	uint8_t stored[DIGEST_SIZE];
	int r = -ENODATA;

	if (subtree->level && walk->source->calls->node)
		r = walk->source->calls->node(walk->source, subtree->level, subtree->index, stored);
	if (r < 0 && r != -ENOENT && r != -ENODATA)
		return r;
	if (r == -ENOENT && subtree->known)
		tell_node(walk, subtree,
			  "the tree node over these records is not stored any more: somebody took it away; a "
			  "backup has it");
	if (r == 0) {
		subtree->doubtful = subtree->known && memcmp(stored, subtree->hash, DIGEST_SIZE);
		if (subtree->doubtful) {
			memcpy(subtree->other, subtree->hash, DIGEST_SIZE);
			tell_node(walk, subtree,
				  "the records do not match the tree node that was stored over them: a "
				  "record was "
				  "changed together with its hash, or the node was; compare with the journal "
				  "(--journal)");
		}
		memcpy(subtree->hash, stored, DIGEST_SIZE);
		subtree->known = true;
	}
	if (subtree->level == WALK_BLOCK_LEVEL && subtree->known && walk->block)
		return walk->block(subtree->index, subtree->hash, subtree->doubtful ? subtree->other : NULL,
				   walk->userdata);
	return 0;
}

/* Of the hashes that two children may have: those with which the stored node above them agrees, or the first
 * of each. */
static int join(struct walk *walk, struct subtree *right, const uint8_t stored[DIGEST_SIZE])
{
	unsigned level = right->level - 1;
	const uint8_t *lefts[] = { walk->edge.hash[level], walk->other[level] },
		      *rights[] = { right->hash, right->other };
	uint8_t first[DIGEST_SIZE], hash[DIGEST_SIZE];

	for (size_t i = 0; i < (walk->doubtful[level] ? 2U : 1U); i++)
		for (size_t j = 0; j < (right->doubtful ? 2U : 1U); j++) {
			int r = tree_hash_node(lefts[i], rights[j], hash);

			if (r)
				return r;
			if (!i && !j)
				memcpy(first, hash, DIGEST_SIZE);
			if (!memcmp(hash, stored, DIGEST_SIZE)) {
				memcpy(right->hash, hash, DIGEST_SIZE);
				return 0;
			}
		}
	memcpy(right->hash, first, DIGEST_SIZE);
	return 0;
}

/* Without a stored node above them, the doubt goes on upwards. */
static int carry_doubt(struct walk *walk, struct subtree *right)
{
	unsigned level = right->level - 1;
	const uint8_t *left = walk->doubtful[level] ? walk->other[level] : walk->edge.hash[level];
	int r = tree_hash_node(left, right->doubtful ? right->other : right->hash, right->other);

	if (!r)
		r = tree_hash_node(walk->edge.hash[level], right->hash, right->hash);
	right->doubtful = true;
	return r;
}

static int join_doubtful(struct walk *walk, struct subtree *right)
{
	uint8_t stored[DIGEST_SIZE];
	int r;

	if (!walk->source->calls->node ||
	    walk->source->calls->node(walk->source, right->level, right->index, stored) != 0)
		return carry_doubt(walk, right);
	r = join(walk, right, stored);
	right->doubtful = false;
	return r;
}

/* From a subtree to the one above it, of which it is the right half. */
static int rise(struct walk *walk, struct subtree *subtree)
{
	unsigned level = subtree->level++;
	bool doubtful = walk->doubtful[level] || subtree->doubtful;
	int r = 0;

	subtree->index >>= 1;
	subtree->known = subtree->known && !walk->unknown[level];
	if (!subtree->known)
		subtree->doubtful = false;
	else if (doubtful)
		r = join_doubtful(walk, subtree);
	else
		r = tree_hash_node(walk->edge.hash[level], subtree->hash, subtree->hash);
	return r ? r : settle(walk, subtree);
}

/* Adds a complete subtree, for whose level the size is aligned. */
static int append(struct walk *walk, struct subtree *subtree)
{
	uint64_t added = 1ULL << subtree->level;
	int r = settle(walk, subtree);

	while (!r && (walk->edge.size >> subtree->level) & 1)
		r = rise(walk, subtree);
	if (r)
		return r;
	memcpy(walk->edge.hash[subtree->level], subtree->hash, DIGEST_SIZE);
	memcpy(walk->other[subtree->level], subtree->other, DIGEST_SIZE);
	walk->doubtful[subtree->level] = subtree->doubtful;
	walk->unknown[subtree->level] = !subtree->known;
	walk->edge.size += added;
	return 0;
}

int walk_append(struct walk *walk, const uint8_t leaf[DIGEST_SIZE])
{
	struct subtree subtree = { .index = walk->edge.size, .known = leaf };

	if (leaf)
		memcpy(subtree.hash, leaf, DIGEST_SIZE);
	return append(walk, &subtree);
}

int walk_skip(struct walk *walk, uint64_t n)
{
	if (n > 1ULL << (TREE_LEVELS_MAX - 1) || walk->edge.size > (1ULL << (TREE_LEVELS_MAX - 1)) - n)
		return -EINVAL;
	while (n) {
		struct subtree subtree = { 0 };
		int r;

		while (!((walk->edge.size >> subtree.level) & 1) && 2ULL << subtree.level <= n)
			subtree.level++;
		n -= 1ULL << subtree.level;
		subtree.index = walk->edge.size >> subtree.level;
		r = append(walk, &subtree);
		if (r)
			return r;
	}
	return 0;
}

int walk_meet(struct walk *walk, const struct tree_edge *stored, const char *place)
{
	uint64_t first = walk_seq(walk, 0);

	if (stored->size != walk->edge.size)
		return -EINVAL;
	for (unsigned level = TREE_LEVELS_MAX; level-- > 0;) {
		if (!((stored->size >> level) & 1))
			continue;
		if (!walk->unknown[level] && memcmp(stored->hash[level], walk->edge.hash[level], DIGEST_SIZE))
			findings_add(walk->findings, FINDING_EDGE, first, first + (1ULL << level) - 1,
				     "%s continues other records than these: they were changed after it was "
				     "begun, or it is not of this log; compare with a backup",
				     place);
		memcpy(walk->edge.hash[level], stored->hash[level], DIGEST_SIZE);
		walk->unknown[level] = false;
		walk->doubtful[level] = false;
		first += 1ULL << level;
	}
	return 0;
}

int walk_root(const struct walk *walk, uint8_t ret[DIGEST_SIZE], bool *ret_known)
{
	uint8_t root[DIGEST_SIZE];
	int r;

	for (unsigned level = 0; level < TREE_LEVELS_MAX; level++)
		if ((walk->edge.size >> level) & 1 && walk->unknown[level]) {
			*ret_known = false;
			return 0;
		}
	r = tree_root(&walk->edge, root);
	if (r)
		return r;
	memcpy(ret, root, DIGEST_SIZE);
	*ret_known = true;
	return 0;
}

int walk_matches(struct walk *walk, const uint8_t root[DIGEST_SIZE], bool *ret_known, bool *ret_matches)
{
	struct tree_edge edge = walk->edge;
	uint8_t mine[DIGEST_SIZE];
	bool doubtful = false;
	int r = walk_root(walk, mine, ret_known);

	*ret_matches = false;
	if (r || !*ret_known)
		return r;
	*ret_matches = !memcmp(mine, root, DIGEST_SIZE);
	for (unsigned level = 0; level < TREE_LEVELS_MAX; level++)
		if ((edge.size >> level) & 1 && walk->doubtful[level]) {
			memcpy(edge.hash[level], walk->other[level], DIGEST_SIZE);
			doubtful = true;
		}
	if (*ret_matches || !doubtful)
		return 0;
	r = tree_root(&edge, mine);
	if (r || memcmp(mine, root, DIGEST_SIZE) != 0)
		return r;
	walk->edge = edge;
	memset(walk->doubtful, 0, sizeof(walk->doubtful));
	*ret_matches = true;
	return 0;
}
