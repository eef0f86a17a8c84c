/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of messages, held against a second copy of what it is meant to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/message.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define FDS_TRIED       (PEER_FDS_MAX + 2)

static const enum message_side sides[] = { SIDE_WARDEN, SIDE_GATE, SIDE_PARSER, SIDE_LOADER };

struct expected {
	const char *name;
	size_t min_size, max_size, min_fds, max_fds;
};

#define ROW(type, struct_, min_fds, max_fds) \
	[MESSAGE_##type] = { #type, sizeof(struct_), sizeof(struct_), min_fds, max_fds }

/* Who may say what to whom: a type stands in exactly one of these, HELLO in all. */
static const struct expected warden_to_gate[_MESSAGE_MAX] = {
	ROW(CONNECTION, struct message_connection, 1, 1),
	ROW(REPLY_PROBE, struct message_probe, 0, 0),
	ROW(REPLY_SPEC, struct message_reply_spec, 0, 0),
	ROW(REPLY_BUNDLE, struct message_reply_bundle, 0, 0),
	ROW(REPLY_ATTACHMENT, struct message_attachment, 0, 0),
	ROW(REPLY_STREAM, struct message_stream, 1, 2),
	ROW(REPLY_COUNTERS, struct message_counters, 0, 0),
	ROW(REPLY_HISTOGRAM, struct message_histogram, 0, 0),
	ROW(REPLY_COUNT, struct message_count, 0, 0),
	[MESSAGE_REPLY_TEXT] = { "REPLY_TEXT", offsetof(struct message_text, text),
				 sizeof(struct message_text), 0, 0 },
	ROW(REPLY_NEXT, struct message_next, 0, 0),
	ROW(REPLY_PAUSE, struct message, 0, 0),
	ROW(REPLY_REFUSAL, struct message_refusal, 0, 0),
	ROW(REPLY_END, struct message, 0, 0),
	ROW(ENDED, struct message_ended, 0, 0),
};
static const struct expected gate_to_warden[_MESSAGE_MAX] = {
	ROW(CLOSED, struct message, 0, 0),
	ROW(LIST, struct message, 0, 0),
	ROW(DESCRIBE, struct message_bundle, 0, 0),
	ROW(ATTACH, struct message_attach, 0, 0),
	ROW(WATCH, struct message_attachment_id, 0, 0),
	ROW(READ, struct message_attachment_id, 0, 0),
	ROW(DETACH, struct message_attachment_id, 0, 0),
	ROW(STATUS, struct message_status, 0, 0),
	ROW(REGISTRY_LIST, struct message, 0, 0),
	ROW(REGISTRY_DESCRIBE, struct message_bundle, 0, 0),
	ROW(ENROLL, struct message_enroll, 2, 1 + SIGNATURES_MAX + BUNDLE_FILES_MAX),
	ROW(PROMOTE, struct message_bundle, 0, 0),
	ROW(REVOKE, struct message_revoke, 0, 0),
	ROW(ACCEPT_CLOCK, struct message_flags, 0, 0),
	ROW(POLICY_RELOAD, struct message_flags, 0, 0),
	ROW(POLICY_MINE, struct message, 0, 0),
	ROW(POLICY_EXPLAIN, struct message_explain, 0, 0),
	ROW(POLICY_TEXT, struct message_policy_text, 0, 0),
	ROW(AUDIT_QUERY, struct message_audit_query, 0, 0),
	ROW(AUDIT_HEAD, struct message, 0, 0),
	ROW(AUDIT_CHECKPOINTS, struct message_audit_checkpoints, 0, 0),
	ROW(AUDIT_PROVE, struct message_audit_prove, 0, 0),
	ROW(AUDIT_TEXT, struct message_audit_text, 0, 0),
	ROW(GO_ON, struct message, 0, 0),
};
static const struct expected warden_to_parser[_MESSAGE_MAX] = {
	ROW(VERIFY, struct message_verify, 2, 1 + SIGNATURES_MAX),
};
static const struct expected parser_to_warden[_MESSAGE_MAX] = {
	ROW(VERIFIED, struct message_verified, 0, 1),
};
static const struct expected parser_to_loader[_MESSAGE_MAX] = {
	ROW(VERDICT, struct message_verdict, 0, 0),
	ROW(FORGET, struct message_forget, 0, 0),
};
static const struct expected warden_to_loader[_MESSAGE_MAX] = {
	ROW(LOAD, struct message_load, 2, 3),
	ROW(UNLOAD, struct message_instance_id, 0, 0),
	ROW(SUBSCRIBE, struct message_subscribe, 0, 0),
	ROW(RETARGET, struct message_retarget, 0, 0),
	ROW(UNSUBSCRIBE, struct message_attachment_id, 0, 0),
	ROW(READ_VALUES, struct message_attachment_id, 0, 0),
	ROW(READ_COSTS, struct message_read_costs, 0, 0),
	ROW(GET_RING, struct message_attachment_id, 0, 0),
	ROW(SURVEY, struct message, 0, 0),
};
static const struct expected loader_to_warden[_MESSAGE_MAX] = {
	ROW(LOADED, struct message_loaded, 0, 0),
	ROW(DONE, struct message_refusal, 0, 0),
	ROW(RING, struct message_attachment_id, 1, 1),
	ROW(INSTANCE, struct message_loaded, 0, 0),
	ROW(SUBSCRIPTION, struct message_subscribe, 0, 0),
	ROW(COUNTERS, struct message_counters, 0, 0),
	ROW(HISTOGRAM, struct message_histogram, 0, 0),
	ROW(COUNT, struct message_count, 0, 0),
	ROW(COST, struct message_cost, 0, 0),
	ROW(END, struct message, 0, 0),
};

static const struct {
	enum message_side from, to;
	const struct expected *rows;
} directions[] = {
	{ SIDE_WARDEN, SIDE_GATE, warden_to_gate },     { SIDE_GATE, SIDE_WARDEN, gate_to_warden },
	{ SIDE_WARDEN, SIDE_PARSER, warden_to_parser }, { SIDE_PARSER, SIDE_WARDEN, parser_to_warden },
	{ SIDE_PARSER, SIDE_LOADER, parser_to_loader }, { SIDE_WARDEN, SIDE_LOADER, warden_to_loader },
	{ SIDE_LOADER, SIDE_WARDEN, loader_to_warden },
};

static const struct expected *expected_row(uint32_t type, enum message_side from, enum message_side to)
{
	static const struct expected hello = { "HELLO", sizeof(struct message), sizeof(struct message), 0,
					       0 };

	if (type == MESSAGE_HELLO)
		return &hello;
	for (size_t i = 0; i < ELEMENTS(directions); i++)
		if (directions[i].from == from && directions[i].to == to && directions[i].rows[type].name)
			return &directions[i].rows[type];
	return NULL;
}

static bool fits(uint32_t type, size_t size, size_t n_fds, enum message_side from, enum message_side to)
{
	struct message m = { .type = type, .size = (uint32_t)size };

	return message_fits(&m, size, n_fds, from, to);
}

static void try_row(uint32_t type, enum message_side from, enum message_side to)
{
	const struct expected *e = expected_row(type, from, to);

	for (size_t n = 0; n <= FDS_TRIED; n++) {
		/* A type that this side may not say to that one is not let through in any shape. */
		if (!e) {
			for (size_t d = 0; d < ELEMENTS(directions); d++)
				assert_false(fits(type, directions[d].rows[type].max_size, n, from, to));
			assert_false(fits(type, sizeof(struct message), n, from, to));
			continue;
		}
		assert_int_equal(fits(type, e->min_size, n, from, to), n >= e->min_fds && n <= e->max_fds);
		assert_int_equal(fits(type, e->max_size, n, from, to), n >= e->min_fds && n <= e->max_fds);
	}
	if (!e)
		return;
	assert_string_equal(message_name(type), e->name);
	assert_true(e->max_size <= PEER_MESSAGE_MAX && e->max_fds <= PEER_FDS_MAX);
	assert_false(fits(type, e->min_size - 1, e->min_fds, from, to));
	assert_false(fits(type, e->max_size + 1, e->min_fds, from, to));
	assert_false(fits(type, 0, e->min_fds, from, to));
}

/* Every type in every direction: its own row lets it through, and nothing else does. */
static void test_every_direction(void **state)
{
	(void)state;
	for (uint32_t type = 0; type < _MESSAGE_MAX; type++)
		for (size_t from = 0; from < ELEMENTS(sides); from++)
			for (size_t to = 0; to < ELEMENTS(sides); to++)
				try_row(type, sides[from], sides[to]);
}

/* A type that somebody adds must be added here, too: each but NONE is said by exactly one side to one other.
 */
static void test_every_type(void **state)
{
	(void)state;
	for (uint32_t type = 0; type < _MESSAGE_MAX; type++) {
		size_t n = 0;

		for (size_t d = 0; d < ELEMENTS(directions); d++)
			n += directions[d].rows[type].name != NULL;
		assert_int_equal(n, type != MESSAGE_NONE && type != MESSAGE_HELLO);
	}
}

static void test_outside_the_enumeration(void **state)
{
	static const uint32_t types[] = {
		MESSAGE_NONE, _MESSAGE_MAX, _MESSAGE_MAX + 1, 255, 256, UINT32_MAX
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(types); i++) {
		assert_false(fits(types[i], sizeof(struct message), 0, SIDE_WARDEN, SIDE_GATE));
		assert_string_equal(message_name(types[i]), "?");
	}
}

/* The size in the record and the size of the record must agree. */
static void test_size_that_lies(void **state)
{
	struct message_text text = { .m = { .type = MESSAGE_REPLY_TEXT, .size = sizeof(text) } };
	struct message m = { .type = MESSAGE_LIST, .size = sizeof(m) + 1 };

	(void)state;
	assert_false(message_fits(&m, sizeof(m), 0, SIDE_GATE, SIDE_WARDEN));
	m.size = 0;
	assert_false(message_fits(&m, sizeof(m), 0, SIDE_GATE, SIDE_WARDEN));
	m.size = sizeof(m);
	assert_true(message_fits(&m, sizeof(m), 0, SIDE_GATE, SIDE_WARDEN));
	assert_true(message_fits(&text.m, sizeof(text), 0, SIDE_WARDEN, SIDE_GATE));
	assert_false(message_fits(&text.m, sizeof(text) - 1, 0, SIDE_WARDEN, SIDE_GATE));
}

/* The one rule that identity rests on: the gate can name connections that the warden gave it, and introduce
 * none. The only records with descriptors that it can send are the files of an enrolment. */
static void test_gate_introduces_nothing(void **state)
{
	(void)state;
	for (uint32_t type = 0; type < _MESSAGE_MAX; type++)
		for (size_t to = 0; to < ELEMENTS(sides); to++)
			for (uint32_t like = 0; like < _MESSAGE_MAX; like++)
				for (size_t n = 1; n <= 3; n++) {
					size_t size = warden_to_gate[like].name
							      ? warden_to_gate[like].max_size
							      : gate_to_warden[like].max_size;

					assert_true(!fits(type, size, n, SIDE_GATE, sides[to]) ||
						    (type == MESSAGE_ENROLL && sides[to] == SIDE_WARDEN));
				}
	assert_false(fits(MESSAGE_CONNECTION, sizeof(struct message_connection), 1, SIDE_GATE, SIDE_WARDEN));
}

/* Nobody but the parser can say that something is signed, nobody but the warden can order anything loaded. */
static void test_two_yeses_come_from_two_sides(void **state)
{
	(void)state;
	for (size_t from = 0; from < ELEMENTS(sides); from++) {
		assert_int_equal(
			fits(MESSAGE_VERDICT, sizeof(struct message_verdict), 0, sides[from], SIDE_LOADER),
			sides[from] == SIDE_PARSER);
		assert_int_equal(
			fits(MESSAGE_FORGET, sizeof(struct message_forget), 0, sides[from], SIDE_LOADER),
			sides[from] == SIDE_PARSER);
		assert_int_equal(fits(MESSAGE_LOAD, sizeof(struct message_load), 2, sides[from], SIDE_LOADER),
				 sides[from] == SIDE_WARDEN);
	}
}

static void test_texts(void **state)
{
	static const struct {
		char text[8];
		bool ok;
	} rows[] = {
		{ "", true },      { "abc", true },           { "7 chars", true },  { "8 chars!", false },
		{ "a\nb", false }, { "a\x7f", false },        { "\x1b[1m", false }, { "\xc3\xa9", true },
		{ "\xc3", false }, { "\xed\xa0\x80", false }, { "\xff", false },    { "ab\0\xff", true },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (MESSAGE_TEXT_OK(rows[i].text) != rows[i].ok)
			fail_msg("row %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_direction),
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_outside_the_enumeration),
		cmocka_unit_test(test_size_that_lies),
		cmocka_unit_test(test_gate_introduces_nothing),
		cmocka_unit_test(test_two_yeses_come_from_two_sides),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
