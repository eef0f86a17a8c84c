/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-proof.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit/verify/memory.h"
#include "client/cli/units.h"
#include "common/digest.h"

/* False: no list of hashes that a proof may have. */
static bool proof_from(const json_t *hashes, struct tree_proof *ret)
{
	const json_t *hash;
	size_t i;

	if (!json_is_array(hashes) || json_array_size(hashes) > sizeof(ret->hash) / sizeof(ret->hash[0]))
		return false;
	json_array_foreach (hashes, i, hash) {
		const char *text = json_string_value(hash);

		if (!text || !digest_from_hex(text, ret->hash[i]))
			return false;
	}
	ret->n = json_array_size(hashes);
	return true;
}

static int ask(struct bpfwarden *connection, const char *what, uint64_t number, uint64_t size,
	       struct tree_proof *ret, const char **ret_problem)
{
	_cleanup_json_ json_t *reply = NULL;
	int r = audit_ask(connection, "Prove",
			  json_pack("{s:I, s:I}", what, (json_int_t)number, "size", (json_int_t)size),
			  &reply);

	if (r == CLI_CONTINUE && !proof_from(json_object_get(reply, "hashes"), ret))
		*ret_problem = "what the daemon calls a proof is no list of hashes";
	return r;
}

static int prove_inclusion(struct bpfwarden *connection, uint64_t seq, struct audit_inclusion *in)
{
	const struct checkpoint *c = &in->head.checkpoint;
	bool proved = false;
	int r = ask(connection, "seq", seq, c->size, &in->proof, &in->problem);

	if (r != CLI_CONTINUE || in->problem)
		return r;
	r = tree_check_inclusion(in->leaf, in->index, c->size, &in->proof, c->root, &proved);
	if (r < 0)
		return cli_broken(r);
	if (!proved)
		in->problem = "the record is not the one that is in the signed tree: it was changed, or the "
			      "log was";
	return CLI_CONTINUE;
}

/* --- what the auditor remembers ------------------------------------------------------------------------ */

static void say(struct audit_inclusion *in, bool bad, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct audit_inclusion *in, bool bad, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(in->remembered, sizeof(in->remembered), format, ap);
	va_end(ap);
	if (bad)
		in->problem = in->remembered;
}

static int prove_growth(struct bpfwarden *connection, const struct memory *m, struct audit_inclusion *in)
{
	const struct checkpoint *c = &in->head.checkpoint;
	struct tree_proof proof = { .n = 0 };
	char time[UNIT_TEXT_MAX];
	bool grew = m->base == in->head.base && m->size <= c->size;
	int r = CLI_CONTINUE;

	unit_realtime(m->visited, time);
	if (grew && m->size < c->size)
		r = ask(connection, "from", m->size, c->size, &proof, &in->problem);
	if (r != CLI_CONTINUE || in->problem)
		return r;
	if (grew) {
		r = tree_check_consistency(m->size, m->root, c->size, c->root, &proof, &grew);
		if (r < 0)
			return cli_broken(r);
	}
	if (grew) {
		in->remembered_size = m->size;
		say(in, false,
		    "the key is the one you know; the log grew from the %llu leaves of your visit on %s",
		    (unsigned long long)m->size, time);
	} else {
		say(in, true,
		    "the log did not grow from the %llu leaves that it had when you visited it on %s",
		    (unsigned long long)m->size, time);
	}
	return CLI_CONTINUE;
}

static int compare_memory(struct bpfwarden *connection, struct audit_inclusion *in)
{
	_cleanup_free_ char *directory = NULL, *path = NULL;
	struct memory memory = MEMORY_INIT;
	char time[UNIT_TEXT_MAX];
	int r = memory_directory(&directory);

	if (r >= 0)
		r = memory_load(directory, in->head.vkey, NULL, &memory, &path);
	if (r == -ENOENT) {
		say(in, false, "whether the key is the right one is not known yet: bpfwarden audit verify");
		return CLI_CONTINUE;
	}
	if (r < 0) {
		say(in, false, "what was remembered of the log cannot be read%s%s: %s", path ? ": " : "",
		    path ? path : "", strerror(-r));
		return CLI_CONTINUE;
	}
	r = CLI_CONTINUE;
	if (strcmp(memory.key, in->head.vkey))
		say(in, true,
		    "the key is not the one of your visit on %s: the log was begun anew, or replaced",
		    unit_realtime(memory.visited, time));
	else if (memory.size)
		r = prove_growth(connection, &memory, in);
	memory_clear(&memory);
	return r;
}

int audit_inclusion_read(struct bpfwarden *connection, uint64_t seq, const char *line, size_t size,
			 struct audit_inclusion *ret)
{
	struct audit_inclusion *in = ret;
	int r;

	*in = (struct audit_inclusion){ .problem = NULL };
	r = audit_head_read(connection, &in->head);
	if (r != CLI_CONTINUE)
		return r;
	in->index = seq - in->head.base - 1;
	in->problem = in->head.problem;
	if (!in->problem && (seq <= in->head.base || in->index >= in->head.checkpoint.size))
		in->problem =
			"the newest checkpoint does not reach to this record: its signed tree is shorter";
	if (tree_hash_leaf(line, size, in->leaf) < 0)
		r = cli_broken(-ENOMEM);
	if (r == CLI_CONTINUE && !in->problem)
		r = prove_inclusion(connection, seq, in);
	if (r == CLI_CONTINUE && !in->problem)
		r = compare_memory(connection, in);
	if (r != CLI_CONTINUE)
		audit_inclusion_clear(in);
	return r;
}

void audit_inclusion_clear(struct audit_inclusion *inclusion)
{
	audit_head_clear(&inclusion->head);
}
