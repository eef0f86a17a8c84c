/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-report/tally.h"

#include <stdbool.h>
#include <string.h>

static void clear_item(struct tally *item)
{
	for (size_t i = 0; i < TALLY_PARTS_MAX; i++)
		free(item->part[i]);
	free(item->note);
}

void tally_clear(struct tally_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		clear_item(&table->items[i]);
	clear_item(&table->rest);
	free(table->items);
	free(table->slots);
	*table = (struct tally_table)TALLY_TABLE_INIT(table->max);
}

/* FNV-1a, with each name's NUL. Somebody who chooses names can make them collide: the table's limit bounds
 * what that costs. */
static uint32_t hash(const char *const part[TALLY_PARTS_MAX])
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < TALLY_PARTS_MAX && part[i]; i++)
		for (const char *p = part[i];; p++) {
			h = (h ^ (unsigned char)*p) * 16777619U;
			if (!*p)
				break;
		}
	return h;
}

static bool same(const struct tally *item, const char *const part[TALLY_PARTS_MAX])
{
	for (size_t i = 0; i < TALLY_PARTS_MAX && (item->part[i] || part[i]); i++)
		if (!item->part[i] || !part[i] || strcmp(item->part[i], part[i]) != 0)
			return false;
	return true;
}

static size_t slot_count(const struct tally_table *table)
{
	return 2 * table->max + 1;
}

static struct tally *add(struct tally_table *table, uint32_t *slot, const char *const part[TALLY_PARTS_MAX])
{
	struct tally item = { 0 };

	if (table->n == table->allocated) {
		size_t more = table->allocated ? 2 * table->allocated : 16;
		struct tally *items = reallocarray(table->items, more, sizeof(*items));

		if (!items)
			return NULL;
		table->items = items;
		table->allocated = more;
	}
	for (size_t i = 0; i < TALLY_PARTS_MAX && part[i]; i++)
		if (!(item.part[i] = strdup(part[i]))) {
			clear_item(&item);
			return NULL;
		}
	table->items[table->n] = item;
	*slot = (uint32_t)++table->n;
	return &table->items[table->n - 1];
}

struct tally *tally_get(struct tally_table *table, const char *const part[TALLY_PARTS_MAX])
{
	size_t slots = slot_count(table), i;

	if (!table->slots)
		table->slots = calloc(slots, sizeof(*table->slots));
	if (!table->slots)
		return NULL;
	for (i = hash(part) % slots; table->slots[i]; i = (i + 1) % slots)
		if (same(&table->items[table->slots[i] - 1], part))
			return &table->items[table->slots[i] - 1];
	return table->n < table->max ? add(table, &table->slots[i], part) : &table->rest;
}

struct tally *tally_get_one(struct tally_table *table, const char *name)
{
	return tally_get(table, (const char *const[TALLY_PARTS_MAX]){ name });
}

int tally_count(struct tally *item, uint64_t n, uint64_t seq, uint64_t time)
{
	if (!item)
		return -ENOMEM;
	if (!item->first_seq) {
		item->first_seq = seq;
		item->first_time = time;
	}
	item->last_seq = seq;
	item->last_time = time;
	if (__builtin_add_overflow(item->n, n, &item->n))
		item->n = UINT64_MAX;
	return 0;
}

int tally_note(struct tally *item, const char *note)
{
	char *copy = strdup(note);

	if (!copy)
		return -ENOMEM;
	free(item->note);
	item->note = copy;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct tally *a = left, *b = right;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->first_seq < b->first_seq ? -1 : a->first_seq > b->first_seq;
}

void tally_sort(struct tally_table *table)
{
	free(table->slots);
	table->slots = NULL;
	if (table->n)
		qsort(table->items, table->n, sizeof(*table->items), compare);
}
