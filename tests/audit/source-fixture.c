/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"

static int describe(struct audit_source *source, struct audit_source_log *ret, struct refusal *refusal)
{
	(void)refusal;
	*ret = ((struct fixture_log *)source)->log;
	return 0;
}

static int rows(struct audit_source *source, uint64_t from, audit_source_row_fn fn, void *userdata,
		struct refusal *refusal)
{
	struct fixture_log *log = (struct fixture_log *)source;

	(void)refusal;
	for (uint64_t i = 0; i < log->n; i++) {
		struct audit_source_row row = {
			.seq = log->log.base + i + 1,
			.bytes = log->records[i].bytes,
			.size = log->records[i].size,
			.place = "memory",
		};
		int r;

		if (row.seq < log->log.first || row.seq < from || !row.bytes)
			continue;
		if (row.seq == log->fail_at)
			return -EIO;
		log->rows_given++;
		r = fn(&row, userdata);
		if (r)
			return r < 0 ? r : 0;
	}
	return 0;
}

static int edge(struct audit_source *source, uint64_t size, struct tree_edge *ret)
{
	struct fixture_log *log = (struct fixture_log *)source;

	if (size != log->log.first - log->log.base - 1)
		return -ENOENT;
	*ret = log->edges[size];
	return 0;
}

static int checkpoints(struct audit_source *source, uint64_t above, audit_source_note_fn fn, void *userdata,
		       struct refusal *refusal)
{
	struct fixture_log *log = (struct fixture_log *)source;

	(void)refusal;
	(void)above; /* all of them: readers must cope with that */
	for (size_t i = 0; i < log->n_notes; i++) {
		int r = fn(log->notes[i], strlen(log->notes[i]), userdata);

		if (r)
			return r < 0 ? r : 0;
	}
	return 0;
}

static int text(struct audit_source *source, const uint8_t digest[DIGEST_SIZE], char **ret, size_t *ret_size,
		struct refusal *refusal)
{
	struct fixture_log *log = (struct fixture_log *)source;
	uint8_t known[DIGEST_SIZE];

	(void)refusal;
	assert_int_equal(tree_hash_text(FIXTURE_POLICY, strlen(FIXTURE_POLICY), known), 0);
	if (log->no_text || memcmp(known, digest, DIGEST_SIZE))
		return -ENOENT;
	*ret = strdup(FIXTURE_POLICY);
	assert_non_null(*ret);
	*ret_size = strlen(FIXTURE_POLICY);
	return 0;
}

static void close_log(struct audit_source *source)
{
	(void)source;
}

static char *make_record(uint64_t i, uint64_t seq)
{
	char *bytes, hex[DIGEST_HEX_MAX], policy[128] = "";
	uint8_t digest[DIGEST_SIZE];

	assert_int_equal(tree_hash_text(FIXTURE_POLICY, strlen(FIXTURE_POLICY), digest), 0);
	if (i % 3 == 0)
		snprintf(policy, sizeof(policy), ",\"policy\":\"%s\"", digest_to_hex(digest, hex));
	assert_true(asprintf(&bytes,
			     "{\"v\":1,\"seq\":%" PRIu64 ",\"kind\":\"decision\"%s,\"detail\":\"%.*s\"}", seq,
			     policy, (int)(i % 50),
			     "a sentence of some length, as records have them at their end") > 0);
	return bytes;
}

static void build_tree(struct fixture_log *log)
{
	for (uint64_t i = 0; i < log->n; i++) {
		uint8_t leaf[DIGEST_SIZE];

		assert_int_equal(tree_hash_leaf(log->records[i].bytes, log->records[i].size, leaf), 0);
		log->edges[i + 1] = log->edges[i];
		assert_int_equal(tree_append(&log->edges[i + 1], leaf, NULL, NULL), 0);
	}
}

struct fixture_log *fixture_log_new(uint64_t n, uint64_t base, uint8_t key)
{
	static const struct audit_source_calls calls = {
		.describe = describe,
		.rows = rows,
		.edge = edge,
		.checkpoints = checkpoints,
		.text = text,
		.close = close_log,
	};
	struct fixture_log *log = calloc(1, sizeof(*log));
	uint8_t seed[NOTE_SEED_SIZE] = { key };

	assert_non_null(log);
	log->source.calls = &calls;
	log->n = n;
	strcpy(log->log.origin, FIXTURE_ORIGIN);
	log->log.base = base;
	log->log.first = base + 1;
	log->log.last = base + n;
	assert_int_equal(note_signer_new(FIXTURE_ORIGIN, seed, &log->signer), 0);
	note_signer_vkey(log->signer, log->log.key);
	log->records = calloc(n + 1, sizeof(*log->records));
	log->edges = calloc(n + 1, sizeof(*log->edges));
	assert_true(log->records && log->edges);
	for (uint64_t i = 0; i < n; i++) {
		log->records[i].bytes = make_record(i, base + i + 1);
		log->records[i].size = strlen(log->records[i].bytes);
	}
	build_tree(log);
	return log;
}

struct fixture_log *fixture_log_free(struct fixture_log *log)
{
	if (!log)
		return NULL;
	for (uint64_t i = 0; i < log->n; i++)
		free(log->records[i].bytes);
	note_signer_free(log->signer);
	free(log->records);
	free(log->edges);
	free(log->notes);
	free(log);
	return NULL;
}

void fixture_log_sign(struct fixture_log *log, uint64_t size)
{
	struct checkpoint checkpoint = { .origin = FIXTURE_ORIGIN, .size = size };
	char body[NOTE_SIZE_MAX];

	assert_int_equal(tree_root(&log->edges[size], checkpoint.root), 0);
	assert_int_equal(checkpoint_format(&checkpoint, body), 0);
	log->notes = reallocarray(log->notes, log->n_notes + 1, sizeof(*log->notes));
	assert_non_null(log->notes);
	assert_int_equal(note_sign(log->signer, body, log->notes[log->n_notes++]), 0);
}

void fixture_log_remove(struct fixture_log *log, uint64_t records)
{
	struct stub stub = { .origin = FIXTURE_ORIGIN, .size = records, .time = 1790000000000000000 };
	char body[NOTE_SIZE_MAX];

	assert_int_equal(tree_root(&log->edges[records], stub.root), 0);
	assert_int_equal(stub_format(&stub, body), 0);
	assert_int_equal(note_sign(log->signer, body, log->log.stub), 0);
	log->log.first = log->log.base + records + 1;
}
