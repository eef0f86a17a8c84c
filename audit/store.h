/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The database under the log: one connection that writes whole batches, one that only reads and therefore
 * sees only what is durable. Functions refuse with REFUSAL_AUDIT_UNAVAILABLE and leave the store usable.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/audit.h"

struct store;

int store_open(const char *directory, struct store **ret, struct refusal *refusal);
struct store *store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close)

struct store_record {
	uint64_t seq;
	json_t *json; /* for the derived columns */
	const char *bytes;
	size_t size;
	uint8_t leaf[DIGEST_SIZE];
};

struct store_policy {
	uint8_t digest[DIGEST_SIZE];
	char *text;
	size_t size;
};

struct store_batch {
	const struct store_record *records;
	size_t n_records;
	const struct store_policy *policies;
	size_t n_policies;
	uint64_t journal_seq; /* what the journal has, written along */
};

/* All of the batch, durable, or nothing of it. */
int store_write(struct store *store, const struct store_batch *batch, struct refusal *refusal);

/* What was last committed; and the journal's progress as found when the store was opened. */
uint64_t store_head(const struct store *store);
uint64_t store_journal_seq(const struct store *store);

int store_query(struct store *store, const struct audit_filter *filter, audit_row_fn fn, void *userdata,
		struct refusal *refusal);
int store_get_policy(struct store *store, const uint8_t digest[DIGEST_SIZE], char **ret_text,
		     size_t *ret_size, struct refusal *refusal);
