/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/message.h"

#include <string.h>

#include "common/utf8.h"

#define W SIDE_WARDEN
#define G SIDE_GATE
#define P SIDE_PARSER
#define L SIDE_LOADER

static const struct row {
	const char *name;
	uint8_t from, to;
	uint8_t min_fds, max_fds;
	uint32_t min_size, size;
} rows[_MESSAGE_MAX] = {
#define ROW(type_, from_, to_, struct_, min_fds_, max_fds_)                                      \
	[MESSAGE_##type_] = {                                                                    \
		#type_, (from_), (to_), (min_fds_), (max_fds_), sizeof(struct_), sizeof(struct_) \
	}
	ROW(HELLO, W | G | P | L, W | G | P | L, struct message, 0, 0),

	ROW(CONNECTION, W, G, struct message_connection, 1, 1),
	ROW(REPLY_PROBE, W, G, struct message_probe, 0, 0),
	ROW(REPLY_SPEC, W, G, struct message_reply_spec, 0, 0),
	ROW(REPLY_BUNDLE, W, G, struct message_reply_bundle, 0, 0),
	ROW(REPLY_ATTACHMENT, W, G, struct message_attachment, 0, 0),
	ROW(REPLY_STREAM, W, G, struct message_stream, 1, 2),
	ROW(REPLY_COUNTERS, W, G, struct message_counters, 0, 0),
	ROW(REPLY_HISTOGRAM, W, G, struct message_histogram, 0, 0),
	ROW(REPLY_COUNT, W, G, struct message_count, 0, 0),
	[MESSAGE_REPLY_TEXT] = { "REPLY_TEXT", W, G, 0, 0, offsetof(struct message_text, text),
				 sizeof(struct message_text) },
	ROW(REPLY_NEXT, W, G, struct message_next, 0, 0),
	ROW(REPLY_PAUSE, W, G, struct message, 0, 0),
	ROW(REPLY_REFUSAL, W, G, struct message_refusal, 0, 0),
	ROW(REPLY_END, W, G, struct message, 0, 0),
	ROW(ENDED, W, G, struct message_ended, 0, 0),

	ROW(CLOSED, G, W, struct message, 0, 0),
	ROW(LIST, G, W, struct message, 0, 0),
	ROW(DESCRIBE, G, W, struct message_bundle, 0, 0),
	ROW(ATTACH, G, W, struct message_attach, 0, 0),
	ROW(WATCH, G, W, struct message_attachment_id, 0, 0),
	ROW(READ, G, W, struct message_attachment_id, 0, 0),
	ROW(DETACH, G, W, struct message_attachment_id, 0, 0),
	ROW(STATUS, G, W, struct message_status, 0, 0),
	ROW(REGISTRY_LIST, G, W, struct message, 0, 0),
	ROW(REGISTRY_DESCRIBE, G, W, struct message_bundle, 0, 0),
	ROW(ENROLL, G, W, struct message_enroll, 2, 1 + SIGNATURES_MAX + BUNDLE_FILES_MAX),
	ROW(PROMOTE, G, W, struct message_bundle, 0, 0),
	ROW(REVOKE, G, W, struct message_revoke, 0, 0),
	ROW(ACCEPT_CLOCK, G, W, struct message_flags, 0, 0),
	ROW(POLICY_RELOAD, G, W, struct message_flags, 0, 0),
	ROW(POLICY_MINE, G, W, struct message, 0, 0),
	ROW(POLICY_EXPLAIN, G, W, struct message_explain, 0, 0),
	ROW(POLICY_TEXT, G, W, struct message_policy_text, 0, 0),
	ROW(AUDIT_QUERY, G, W, struct message_audit_query, 0, 0),
	ROW(AUDIT_HEAD, G, W, struct message, 0, 0),
	ROW(AUDIT_CHECKPOINTS, G, W, struct message_audit_checkpoints, 0, 0),
	ROW(AUDIT_PROVE, G, W, struct message_audit_prove, 0, 0),
	ROW(AUDIT_TEXT, G, W, struct message_audit_text, 0, 0),
	ROW(GO_ON, G, W, struct message, 0, 0),

	ROW(VERIFY, W, P, struct message_verify, 2, 1 + SIGNATURES_MAX),
	ROW(VERIFIED, P, W, struct message_verified, 0, 1),
	ROW(VERDICT, P, L, struct message_verdict, 0, 0),
	ROW(FORGET, P, L, struct message_forget, 0, 0),

	ROW(LOAD, W, L, struct message_load, 2, 3),
	ROW(UNLOAD, W, L, struct message_instance_id, 0, 0),
	ROW(SUBSCRIBE, W, L, struct message_subscribe, 0, 0),
	ROW(RETARGET, W, L, struct message_retarget, 0, 0),
	ROW(UNSUBSCRIBE, W, L, struct message_attachment_id, 0, 0),
	ROW(READ_VALUES, W, L, struct message_attachment_id, 0, 0),
	ROW(READ_COSTS, W, L, struct message_read_costs, 0, 0),
	ROW(GET_RING, W, L, struct message_attachment_id, 0, 0),
	ROW(SURVEY, W, L, struct message, 0, 0),

	ROW(LOADED, L, W, struct message_loaded, 0, 0),
	ROW(DONE, L, W, struct message_refusal, 0, 0),
	ROW(RING, L, W, struct message_attachment_id, 1, 1),
	ROW(INSTANCE, L, W, struct message_loaded, 0, 0),
	ROW(SUBSCRIPTION, L, W, struct message_subscribe, 0, 0),
	ROW(COUNTERS, L, W, struct message_counters, 0, 0),
	ROW(HISTOGRAM, L, W, struct message_histogram, 0, 0),
	ROW(COUNT, L, W, struct message_count, 0, 0),
	ROW(COST, L, W, struct message_cost, 0, 0),
	ROW(END, L, W, struct message, 0, 0),
};

_Static_assert(sizeof(struct message_text) <= PEER_MESSAGE_MAX, "a text record must fit");
_Static_assert(sizeof(struct message_verified) <= PEER_MESSAGE_MAX, "a verdict must fit");
_Static_assert(sizeof(struct message_stream) <= PEER_MESSAGE_MAX, "a stream record must fit");
_Static_assert(1 + SIGNATURES_MAX + BUNDLE_FILES_MAX <= PEER_FDS_MAX, "an enrolment's files must fit");

bool message_fits(const struct message *m, size_t size, size_t n_fds, enum message_side from,
		  enum message_side to)
{
	const struct row *row;

	if (size < sizeof(*m) || m->size != size || m->type >= _MESSAGE_MAX)
		return false;
	row = &rows[m->type];
	if (!row->name || !(row->from & from) || !(row->to & to))
		return false;
	return size >= row->min_size && size <= row->size && n_fds >= row->min_fds && n_fds <= row->max_fds;
}

const char *message_name(uint32_t type)
{
	return type < _MESSAGE_MAX && rows[type].name ? rows[type].name : "?";
}

bool message_text_ok(const char *array, size_t size)
{
	size_t n = strnlen(array, size);

	if (n == size || !utf8_valid(array, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)array[i] < 0x20 || array[i] == 0x7f)
			return false;
	return true;
}
