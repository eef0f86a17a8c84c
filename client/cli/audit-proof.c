/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-proof.h"

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

static int ask(struct bpfwarden *connection, uint64_t seq, struct audit_inclusion *in)
{
	_cleanup_json_ json_t *reply = NULL;
	int r = audit_ask(
		connection, "Prove",
		json_pack("{s:I, s:I}", "seq", (json_int_t)seq, "size", (json_int_t)in->head.checkpoint.size),
		&reply);

	if (r == CLI_CONTINUE && !proof_from(json_object_get(reply, "hashes"), &in->proof))
		in->problem = "what the daemon calls a proof is no list of hashes";
	return r;
}

static int check(struct audit_inclusion *in)
{
	bool proved;
	int r = tree_check_inclusion(in->leaf, in->index, in->head.checkpoint.size, &in->proof,
				     in->head.checkpoint.root, &proved);

	if (r < 0)
		return cli_broken(r);
	if (!proved)
		in->problem = "the record is not the one that is in the signed tree: it was changed, or the "
			      "log was";
	return CLI_CONTINUE;
}

int audit_inclusion_read(struct bpfwarden *connection, uint64_t seq, const char *line, size_t size,
			 struct audit_inclusion *ret)
{
	struct audit_inclusion in = { .problem = NULL };
	int r = audit_head_read(connection, &in.head);

	if (r != CLI_CONTINUE)
		return r;
	in.index = seq - in.head.base - 1;
	in.problem = in.head.problem;
	if (!in.problem && (seq <= in.head.base || in.index >= in.head.checkpoint.size))
		in.problem =
			"the newest checkpoint does not reach to this record: its signed tree is shorter";
	if (tree_hash_leaf(line, size, in.leaf) < 0)
		r = cli_broken(-ENOMEM);
	if (r == CLI_CONTINUE && !in.problem)
		r = ask(connection, seq, &in);
	if (r == CLI_CONTINUE && !in.problem)
		r = check(&in);
	if (r == CLI_CONTINUE)
		*ret = in;
	else
		audit_inclusion_clear(&in);
	return r;
}

void audit_inclusion_clear(struct audit_inclusion *inclusion)
{
	audit_head_clear(&inclusion->head);
}
