/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of io.bpfwarden.Audit. */
#include "loaderd/gate/connection.h"
#include "loaderd/gate/perform-internal.h"

static const char *put_range(struct message_audit_query *m, const struct method_input *in)
{
	if (!put_u64(&m->since, &in->since))
		return "since";
	if (!put_u64(&m->until, &in->until))
		return "until";
	if (!put_u64(&m->from, &in->from))
		return "from";
	if (!put_u64(&m->limit, &in->limit))
		return "limit";
	return NULL;
}

const char *perform_query(struct connection *c, const struct method_input *in)
{
	struct message_audit_query m = { .m.type = MESSAGE_AUDIT_QUERY, .uid = UINT32_MAX };
	const char *bad;

	bad = put_range(&m, in);
	if (bad)
		return bad;
	if (in->uid.present && (in->uid.value < 0 || in->uid.value >= UINT32_MAX))
		return "uid";
	if (in->uid.present)
		m.uid = (uint32_t)in->uid.value;
	if (in->attachment && !put_id(&m.attachment, in->attachment))
		return "attachment";
	if (!PUT_TEXT(m.probe, in->probe))
		return "probe";
	if (!PUT_TEXT(m.kind, in->kind))
		return "kind";
	if (!PUT_TEXT(m.verdict, in->verdict))
		return "verdict";
	if (!PUT_TEXT(m.action, in->action))
		return "action";
	/* From the newest on there is nothing to wait for. */
	if (in->reverse && in->follow)
		return "follow";
	m.flags = (in->reverse ? MESSAGE_FLAG_REVERSE : 0) | (in->follow ? MESSAGE_FLAG_FOLLOW : 0);
	return SEND_CALL(c, &m, in);
}

const char *perform_head(struct connection *c, const struct method_input *in)
{
	return send_plain(c, MESSAGE_AUDIT_HEAD, in);
}

const char *perform_checkpoints(struct connection *c, const struct method_input *in)
{
	struct message_audit_checkpoints m = { .m.type = MESSAGE_AUDIT_CHECKPOINTS };

	if (!put_u64(&m.above, &in->above))
		return "above";
	if (!put_u64(&m.limit, &in->limit))
		return "limit";
	return SEND_CALL(c, &m, in);
}

/* One of the two proofs. */
const char *perform_prove(struct connection *c, const struct method_input *in)
{
	struct message_audit_prove m = { .m.type = MESSAGE_AUDIT_PROVE };

	if (in->seq.present == in->from.present || !put_u64(&m.seq, &in->seq) || (in->seq.present && !m.seq))
		return "seq";
	if (!put_u64(&m.from, &in->from) || (in->from.present && !m.from))
		return "from";
	if (!put_u64(&m.size, &in->size) || !m.size)
		return "size";
	return SEND_CALL(c, &m, in);
}

const char *perform_audit_text(struct connection *c, const struct method_input *in)
{
	struct message_audit_text m = { .m.type = MESSAGE_AUDIT_TEXT };

	if (!put_digest(m.digest, in->digest))
		return "digest";
	return SEND_CALL(c, &m, in);
}
