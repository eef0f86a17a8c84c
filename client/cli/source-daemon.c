/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/source-daemon.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/audit-client.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/paths.h"

struct daemon_source {
	struct audit_source source;
	struct bpfwarden *connection;
	struct audit_source_log log;
	char checkpoint[NOTE_SIZE_MAX]; /* of Head: over all that is shown */
	bool edge_asked;
	int edge_result;
	struct tree_edge edge; /* where the log begins */
	int failed;
};

static struct daemon_source *of(struct audit_source *source)
{
	return (struct daemon_source *)source;
}

/* The daemon has refused, or does not answer: told by whoever found out. */
static int fail(struct daemon_source *daemon, int code, struct refusal *refusal)
{
	daemon->failed = code;
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "daemon",
			   "the daemon did not answer as it should");
}

static int fail_protocol(struct daemon_source *daemon, struct refusal *refusal)
{
	return fail(daemon, cli_broken(-EBADMSG), refusal);
}

static int source_daemon_describe(struct audit_source *source, struct audit_source_log *ret,
				  struct refusal *refusal)
{
	(void)refusal;
	*ret = of(source)->log;
	return 0;
}

/* ---- many replies ---- */

struct each {
	struct daemon_source *daemon;
	const char *method, *member;
	json_t *parameters; /* taken */
	int (*fn)(struct each *each, const char *text, size_t size);
	void *userdata;
	struct refusal *refusal;
	uint64_t n;    /* replies that had the member */
	bool may_lack; /* what is asked for need not be there: -ENOENT */
};

static int handle(struct each *each, const struct bpfwarden_reply *reply)
{
	_cleanup_json_ json_t *parameters = NULL;
	const json_t *member;

	if (bpfwarden_reply_error(reply) == BPFWARDEN_ERROR_INVALID_ARGUMENT && each->may_lack)
		return -ENOENT;
	if (bpfwarden_reply_error_name(reply))
		return fail(each->daemon, cli_refused(reply, each->method), each->refusal);
	parameters = json_loads(bpfwarden_reply_parameters(reply), JSON_ALLOW_NUL, NULL);
	member = json_object_get(parameters, each->member);
	if (!member)
		return 0;
	if (!json_is_string(member))
		return fail_protocol(each->daemon, each->refusal);
	each->n++;
	return each->fn(each, json_string_value(member), json_string_length(member));
}

static int ask_each(struct each *each)
{
	_cleanup_json_ json_t *parameters = each->parameters;
	_cleanup_free_ char *text = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
	int r;

	if (!text)
		return -ENOMEM;
	r = bpfwarden_call(each->daemon->connection, each->method, text, BPFWARDEN_CALL_MORE, NULL, 0);
	for (bool more = r >= 0; more;) {
		_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;

		r = bpfwarden_receive(each->daemon->connection, CLIENT_CALL_TIMEOUT, &reply);
		if (r < 0)
			break;
		r = handle(each, reply);
		if (r)
			return r;
		more = bpfwarden_reply_continues(reply);
	}
	return r < 0 ? fail(each->daemon, cli_broken(r == -EAGAIN ? -ETIMEDOUT : r), each->refusal) : 0;
}

/* ---- rows ---- */

struct rows {
	struct daemon_source *daemon;
	audit_source_row_fn fn;
	void *userdata;
	struct refusal *refusal;
	uint64_t last;
	int r;
	bool over;
};

static int on_row(void *data, const struct bpfwarden_reply *reply)
{
	_cleanup_json_ json_t *parameters =
		json_loads(bpfwarden_reply_parameters(reply), JSON_ALLOW_NUL, NULL);
	const json_t *line = json_object_get(parameters, "line");
	struct audit_source_row row = { .place = "the daemon" };
	struct rows *rows = data;

	if (rows->over) /* the rest of a page that nobody wants any more */
		return CLI_CONTINUE;
	if (!json_is_string(line)) {
		rows->r = fail_protocol(rows->daemon, rows->refusal);
		return CLI_FAILED;
	}
	row.seq = cli_number(json_object_get(parameters, "record"), "seq");
	row.bytes = json_string_value(line);
	row.size = json_string_length(line);
	if (row.seq > rows->daemon->log.last) {
		rows->over = true;
		return CLI_CONTINUE;
	}
	rows->last = row.seq;
	rows->r = rows->fn(&row, rows->userdata);
	if (rows->r < 0)
		return CLI_FAILED;
	rows->over = rows->r > 0;
	rows->r = 0;
	return CLI_CONTINUE;
}

static int source_daemon_rows(struct audit_source *source, uint64_t from, audit_source_row_fn fn,
			      void *userdata, struct refusal *refusal)
{
	struct rows rows = { .daemon = of(source), .fn = fn, .userdata = userdata, .refusal = refusal };
	const uint64_t last = rows.daemon->log.last;

	while (!rows.over && from && from <= last) {
		struct audit_page page = {
			.connection = rows.daemon->connection,
			.parameters = json_pack("{s:I, s:i}", "from", (json_int_t)from, "limit",
						last - from < AUDIT_QUERY_MAX ? (int)(last - from) + 1
									      : AUDIT_QUERY_MAX),
			.row = on_row,
			.data = &rows,
		};
		int r = page.parameters ? audit_page_read(&page) : cli_broken(-ENOMEM);

		if (rows.r)
			return rows.r;
		if (page.lost)
			r = cli_broken(page.lost);
		if (r != CLI_CONTINUE)
			return fail(rows.daemon, r, refusal);
		/* A page that does not lead on would be asked for again for ever. */
		from = page.next > from ? page.next : 0;
	}
	return 0;
}

/* ---- notes, proofs, texts ---- */

struct notes {
	audit_source_note_fn fn;
	void *userdata;
	uint64_t size; /* of the last one, as it says */
	bool over;
};

static int on_note(struct each *each, const char *text, size_t size)
{
	struct notes *notes = each->userdata;
	struct checkpoint checkpoint;
	int r;

	if (notes->over)
		return 0;
	if (checkpoint_parse(text, size, &checkpoint) == 0 && checkpoint.size > notes->size)
		notes->size = checkpoint.size;
	r = notes->fn(text, size, notes->userdata);
	notes->over = r > 0;
	return r > 0 ? 0 : r;
}

static int source_daemon_checkpoints(struct audit_source *source, uint64_t above, audit_source_note_fn fn,
				     void *userdata, struct refusal *refusal)
{
	struct notes notes = { .fn = fn, .userdata = userdata, .size = above };
	struct daemon_source *daemon = of(source);
	struct checkpoint head;
	int r = 0;

	/* No more than Head has signed: what came since belongs to the next visit. */
	if (checkpoint_parse(daemon->checkpoint, strlen(daemon->checkpoint), &head) < 0)
		return *daemon->checkpoint ? fn(daemon->checkpoint, strlen(daemon->checkpoint), userdata) : 0;
	while (!r && !notes.over && notes.size + 1 < head.size) {
		struct each each = {
			.daemon = daemon,
			.method = "io.bpfwarden.Audit.Checkpoints",
			.member = "checkpoint",
			.parameters = json_pack("{s:I}", "above", (json_int_t)notes.size),
			.fn = on_note,
			.userdata = &notes,
			.refusal = refusal,
		};
		uint64_t before = notes.size;

		r = ask_each(&each);
		if (notes.size == before)
			break;
	}
	if (!r && !notes.over && head.size > notes.size)
		r = fn(daemon->checkpoint, strlen(daemon->checkpoint), userdata);
	return r > 0 && !notes.over && !daemon->failed ? 0 : r;
}

static int read_proof(const json_t *reply, struct tree_proof *ret)
{
	const json_t *hashes = json_object_get(reply, "hashes"), *hash;
	struct tree_proof proof = { 0 };
	size_t i;

	if (!json_is_array(hashes) || json_array_size(hashes) > sizeof(proof.hash) / sizeof(proof.hash[0]))
		return -EBADMSG;
	json_array_foreach (hashes, i, hash)
		if (!json_is_string(hash) || !digest_from_hex(json_string_value(hash), proof.hash[i]))
			return -EBADMSG;
	proof.n = i;
	*ret = proof;
	return 0;
}

static int prove(struct daemon_source *daemon, const char *what, uint64_t number, uint64_t size,
		 struct tree_proof *ret, struct refusal *refusal)
{
	_cleanup_json_ json_t *reply = NULL;
	json_t *parameters = json_pack("{s:I, s:I}", what, (json_int_t)number, "size", (json_int_t)size);
	int r = parameters ? audit_ask(daemon->connection, "Prove", parameters, &reply) : cli_broken(-ENOMEM);

	if (r != CLI_CONTINUE)
		return fail(daemon, r, refusal);
	return read_proof(reply, ret) < 0 ? fail_protocol(daemon, refusal) : 0;
}

static int source_daemon_prove(struct audit_source *source, uint64_t from, uint64_t to,
			       struct tree_proof *ret, struct refusal *refusal)
{
	return prove(of(source), "from", from, to, ret, refusal);
}

/* The proof of inclusion of the leaf that follows, as the last one of its tree, is this very edge. */
static int ask_edge(struct daemon_source *daemon, uint64_t size, struct tree_edge *ret)
{
	struct tree_edge edge = { .size = size };
	struct tree_proof proof;
	struct refusal refusal;
	size_t n = 0;

	if (prove(daemon, "seq", daemon->log.first, size + 1, &proof, &refusal))
		return -ENOENT;
	for (unsigned level = 0; level < TREE_LEVELS_MAX; level++)
		if ((size >> level) & 1) {
			if (n == proof.n)
				return -ENOENT;
			memcpy(edge.hash[level], proof.hash[n++], DIGEST_SIZE);
		}
	if (n != proof.n)
		return -ENOENT;
	*ret = edge;
	return 0;
}

/* Asked for once, before the rows: who asks again while they come would take a row for the answer. */
static int source_daemon_edge(struct audit_source *source, uint64_t size, struct tree_edge *ret)
{
	struct daemon_source *daemon = of(source);

	if (size != daemon->log.first - daemon->log.base - 1 || daemon->log.last < daemon->log.first)
		return -ENOENT;
	if (!daemon->edge_asked)
		daemon->edge_result = ask_edge(daemon, size, &daemon->edge);
	daemon->edge_asked = true;
	if (!daemon->edge_result)
		*ret = daemon->edge;
	return daemon->edge_result;
}

struct text {
	char *bytes;
	size_t size;
};

static int on_part(struct each *each, const char *part, size_t size)
{
	struct text *text = each->userdata;
	char *bytes;

	if (size > AUDIT_TEXT_MAX - text->size)
		return fail_protocol(each->daemon, each->refusal);
	bytes = realloc(text->bytes, text->size + size + 1);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes + text->size, part, size);
	text->bytes = bytes;
	text->size += size;
	bytes[text->size] = '\0';
	return 0;
}

static int source_daemon_text(struct audit_source *source, const uint8_t digest[DIGEST_SIZE], char **ret,
			      size_t *ret_size, struct refusal *refusal)
{
	char hex[DIGEST_HEX_MAX];
	struct text text = { 0 };
	struct each each = {
		.daemon = of(source),
		.method = "io.bpfwarden.Audit.Text",
		.member = "part",
		.parameters = json_pack("{s:s}", "digest", digest_to_hex(digest, hex)),
		.fn = on_part,
		.userdata = &text,
		.refusal = refusal,
		.may_lack = true,
	};
	int r = ask_each(&each);

	if (!r && !each.n)
		r = -ENOENT;
	if (r) {
		free(text.bytes);
		return r;
	}
	*ret = text.bytes;
	*ret_size = text.size;
	return 0;
}

/* ---- open ---- */

static void source_daemon_close(struct audit_source *source)
{
	bpfwarden_disconnect(of(source)->connection);
	free(source);
}

static const struct audit_source_calls calls = {
	.describe = source_daemon_describe,
	.rows = source_daemon_rows,
	.edge = source_daemon_edge,
	.checkpoints = source_daemon_checkpoints,
	.prove = source_daemon_prove,
	.text = source_daemon_text,
	.close = source_daemon_close,
};

static bool copy(char *to, size_t size, const json_t *reply, const char *key)
{
	return (size_t)snprintf(to, size, "%s", cli_string(reply, key)) < size;
}

static bool read_head(struct daemon_source *daemon, const json_t *reply)
{
	struct audit_source_log *log = &daemon->log;

	log->base = cli_number(reply, "base");
	log->first = cli_number(reply, "first");
	log->last = cli_number(reply, "last");
	return copy(log->origin, sizeof(log->origin), reply, "origin") &&
	       copy(log->key, sizeof(log->key), reply, "key") &&
	       copy(log->stub, sizeof(log->stub), reply, "removed") &&
	       copy(daemon->checkpoint, sizeof(daemon->checkpoint), reply, "checkpoint");
}

int source_daemon_open(struct audit_source **ret)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	_cleanup_json_ json_t *reply = NULL;
	struct daemon_source *daemon = calloc(1, sizeof(*daemon));
	int r;

	if (!daemon)
		return cli_broken(-ENOMEM);
	daemon->source.calls = &calls;
	source = &daemon->source;
	daemon->failed = CLI_FAILED;
	r = cli_connect(&daemon->connection);
	if (r == CLI_CONTINUE)
		r = audit_ask(daemon->connection, "Head", NULL, &reply);
	if (r == CLI_CONTINUE && !read_head(daemon, reply))
		r = cli_broken(-EBADMSG);
	if (r == CLI_CONTINUE)
		*ret = take_ptr(source);
	return r;
}

int source_daemon_failed(const struct audit_source *source)
{
	return ((const struct daemon_source *)source)->failed;
}

void source_daemon_place(char *buffer, size_t size)
{
	const char *path = secure_getenv("BPFWARDEN_SOCKET");
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(buffer, size, "%s:%s", host, path && *path ? path : PATH_CLIENT_SOCKET);
}
