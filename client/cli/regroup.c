/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/regroup.h"

#include <errno.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/histogram.h"

/* ---- order ---- */

/* Text that is the same for equal values, and for no others. */
static char *key_of(const char *name, const json_t *value)
{
	_cleanup_free_ char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
	char *key = NULL;

	/* A line break cannot be in the JSON text, so that the two parts cannot run into each other. */
	if (!text || asprintf(&key, "%s\n%s", text, name) < 0)
		return NULL;
	return key;
}

static int compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->key, y->key);
}

static char *row_key(const json_t *row)
{
	return key_of(cli_string(row, "name"), json_object_get(row, "labels"));
}

/* What earlier rows counted, by their keys. */
static json_t *counts_by_key(const json_t *rows)
{
	json_t *counts = json_object();
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		_cleanup_free_ char *key = row_key(row);

		if (key)
			json_object_set(counts, key, json_object_get(row, "count"));
	}
	return counts;
}

void ranked_free(struct ranked *ranked, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(ranked[i].key);
	free(ranked);
}

int rank(const json_t *rows, const json_t *before, struct ranked **ret, size_t *ret_n)
{
	struct ranked *ranked = calloc(json_array_size(rows) + 1, sizeof(*ranked));
	_cleanup_json_ json_t *counts = counts_by_key(before);
	const json_t *row;
	size_t i, n = 0;

	if (!ranked)
		return -ENOMEM;
	json_array_foreach (rows, i, row) {
		uint64_t count = cli_number(row, "count");

		if (!count || !json_is_object(json_object_get(row, "labels")))
			continue;
		ranked[n] = (struct ranked){ .row = row, .count = count, .key = row_key(row) };
		if (!ranked[n].key) {
			ranked_free(ranked, n);
			return -ENOMEM;
		}
		ranked[n].before = cli_number(counts, ranked[n].key);
		n++;
	}
	qsort(ranked, n, sizeof(*ranked), compare);
	*ret = ranked;
	*ret_n = n;
	return 0;
}

/* The rows in their order, those with nothing in them left out. Takes rows; NULL: out of memory. */
static json_t *ranked_rows(json_t *rows)
{
	_cleanup_json_ json_t *from = rows;
	json_t *result = json_array();
	struct ranked *ranked;
	size_t n;
	int r = 0;

	if (!from || rank(from, NULL, &ranked, &n) < 0) {
		json_decref(result);
		return NULL;
	}
	for (size_t i = 0; i < n && r == 0; i++)
		r = json_array_append(result, (json_t *)ranked[i].row);
	ranked_free(ranked, n);
	if (r == 0)
		return result;
	json_decref(result);
	return NULL;
}

/* ---- one label of many ---- */

/* The group of a row, made if it is the first of its value; borrowed. NULL: out of memory. */
static json_t *group_of(json_t *groups, const json_t *row, const char *label)
{
	const json_t *value = json_object_get(json_object_get(row, "labels"), label);
	_cleanup_json_ json_t *labels = NULL;
	_cleanup_free_ char *key = NULL;
	json_t *group;

	labels = json_pack("{s:o}", label, value ? json_deep_copy(value) : json_null());
	key = labels ? key_of(cli_string(row, "name"), labels) : NULL;
	if (!key)
		return NULL;
	group = json_object_get(groups, key);
	if (group)
		return group;
	group = json_copy((json_t *)row);
	if (json_object_set_new(groups, key, group) < 0 || json_object_set(group, "labels", labels) < 0 ||
	    json_object_set_new(group, "count", json_integer(0)) < 0)
		return NULL;
	/* What is counted comes from nothing, not from the first row. */
	json_object_del(group, "sum");
	json_object_del(group, "buckets");
	return group;
}

static int add_count(json_t *group, const json_t *row)
{
	return json_object_set_new(
		group, "count",
		json_integer((json_int_t)(cli_number(group, "count") + cli_number(row, "count"))));
}

static int add_histogram(json_t *group, const json_t *row)
{
	struct histogram sum = {}, more;
	json_t *buckets;

	if (!histogram_from_json(row, &more))
		return 0;
	if (histogram_from_json(group, &sum))
		histogram_add(&more, &sum);
	buckets = histogram_buckets(&more);
	if (json_object_set_new(group, "count", json_integer((json_int_t)more.count)) < 0 ||
	    json_object_set_new(group, "sum", json_real(more.sum)) < 0)
		return json_decref(buckets), -1;
	return json_object_set_new(group, "buckets", buckets);
}

static json_t *regroup_rows(const json_t *rows, const char *label, int (*add)(json_t *, const json_t *))
{
	_cleanup_json_ json_t *groups = json_object();
	json_t *result = json_array(), *group;
	const json_t *row;
	const char *key;
	size_t i;

	json_array_foreach (rows, i, row) {
		group = group_of(groups, row, label);
		if (!group || add(group, row) < 0) {
			json_decref(result);
			return NULL;
		}
	}
	json_object_foreach (groups, key, group)
		if (json_array_append(result, group) < 0) {
			json_decref(result);
			return NULL;
		}
	return ranked_rows(result);
}

json_t *regroup(const json_t *read, const char *label)
{
	json_t *result = json_copy((json_t *)read);

	if (!result ||
	    json_object_set_new(result, "histograms",
				regroup_rows(json_object_get(read, "histograms"), label, add_histogram)) <
		    0 ||
	    json_object_set_new(result, "counts",
				regroup_rows(json_object_get(read, "counts"), label, add_count)) < 0) {
		json_decref(result);
		return NULL;
	}
	return result;
}

/* ---- events ---- */

struct tally {
	const char *field;
	json_t *groups; /* by key: a row of counts */
};

struct tally *tally_new(const char *field)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		return NULL;
	tally->field = field;
	tally->groups = json_object();
	return tally->groups ? tally : tally_free(tally);
}

struct tally *tally_free(struct tally *tally)
{
	if (tally)
		json_decref(tally->groups);
	free(tally);
	return NULL;
}

int tally_add(struct tally *tally, const json_t *event)
{
	_cleanup_json_ json_t *value = json_incref(json_object_get(event, tally->field)), *row = NULL;
	_cleanup_free_ char *key = NULL;
	json_t *group;

	if (!value)
		value = json_null();
	key = key_of("", value);
	if (!key)
		return -ENOMEM;
	if (!json_object_get(tally->groups, key) && json_object_size(tally->groups) >= TALLY_VALUES_MAX) {
		json_decref(value);
		value = json_string(TALLY_OTHERS);
		free(key);
		key = key_of("others", value);
	}
	row = json_pack("{s:{s:O}, s:i}", "labels", tally->field, value, "count", 1);
	if (!row || !key)
		return -ENOMEM;
	group = json_object_get(tally->groups, key);
	if (group)
		return add_count(group, row) < 0 ? -ENOMEM : 0;
	return json_object_set(tally->groups, key, row) < 0 ? -ENOMEM : 0;
}

json_t *tally_read(const struct tally *tally)
{
	json_t *rows = json_array(), *group;
	const char *key;

	json_object_foreach (tally->groups, key, group)
		/* A copy: the tally goes on, and an answer does not change. */
		if (json_array_append_new(rows, json_copy(group)) < 0) {
			json_decref(rows);
			return NULL;
		}
	return json_pack("{s:o}", "counts", ranked_rows(rows));
}
