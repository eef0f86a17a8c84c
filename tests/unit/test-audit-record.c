/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A record's exact bytes, and what does not fit into one. */
#include "audit-fixture.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"

static void test_complete_record(void **state)
{
	static const uint8_t digest[DIGEST_SIZE] = { 0xab, [31] = 0xcd };
	static const gid_t gids[] = { 100, 4294967294U };
	static const char *const signers[] = { "release", "security" };
	static const struct audit_param params[] = { { "min", 7 }, { "max", UINT64_MAX } };
	static const char *const forced[] = { "min" }, *const data[] = { "aggregates", "events" };
	static const uint32_t ids[] = { 41, 42 };
	static const uint64_t ended = 0;
	struct audit_requester requester = {
		.uid = 1000,
		.user = "alice",
		.gids = gids,
		.n_gids = 2,
		.loginuid = 1000,
		.pid = 77,
		.pidfd_inode = 12345,
		.comm = "cu\x1b[2Jrl\n\x7f\"\xff",
		.cgroup = "/user.slice/\xc3\xa4",
		.container = AUDIT_NO,
	};
	struct audit_record record = {
		.kind = AUDIT_OUTCOME,
		.verdict = AUDIT_FAILED,
		.decision = 9,
		.cause = 8,
		.requester = &requester,
		.action = "attach",
		.probe = "tcp.state",
		.serial = 3,
		.digest = digest,
		.signers = signers,
		.n_signers = 2,
		.target_kind = "unit",
		.target = "shop.service",
		.params = params,
		.n_params = 2,
		.forced = forced,
		.n_forced = 1,
		.data = data,
		.n_data = 2,
		.privacy = "bound",
		.demand = "kernel-verified",
		.rule = "shop",
		.policy_digest = digest,
		.refusal_code = REFUSAL_LOAD_FAILED,
		.refusal_reason = "no",
		.error = EACCES,
		.program_ids = ids,
		.n_program_ids = 2,
		.kernel_verified = AUDIT_KERNEL_VERIFIED_YES,
		.keyring = ".k",
		.attachment = "a1",
		.ended = &ended,
		.known = 5,
		.detail = "d",
	};
	static const char expected[] =
		"\"verdict\":\"failed\",\"decision\":9,\"cause\":8,\"requester\":{\"uid\":1000,\"user\":"
		"\"alice\","
		"\"n_gids\":2,\"gids\":[100,4294967294],\"loginuid\":1000,\"pid\":77,\"pidfd_inode\":12345,"
		"\"comm\":\"cu\\u001B[2Jrl\\n\\u007F\\\"\\uFFFD\",\"cgroup\":\"/user.slice/\\u00E4\","
		"\"container\":\"no\"},\"action\":\"attach\",\"probe\":\"tcp.state\",\"serial\":3,\"digest\":"
		"\"ab000000000000000000000000000000000000000000000000000000000000cd\","
		"\"signers\":[\"release\",\"security\"],\"target\":{\"kind\":\"unit\",\"name\":\"shop."
		"service\"},"
		"\"params\":{\"min\":7,\"max\":\"18446744073709551615\"},\"forced\":[\"min\"],"
		"\"data\":[\"aggregates\",\"events\"],\"privacy\":\"bound\",\"demand\":\"kernel-verified\","
		"\"rule\":\"shop\",\"policy\":"
		"\"ab000000000000000000000000000000000000000000000000000000000000cd\","
		"\"refusal\":{\"name\":\"LoadFailed\",\"reason\":\"no\"},\"errno\":13,\"program_ids\":[41,42]"
		","
		"\"kernel_verified\":\"yes\",\"keyring\":\".k\",\"attachment\":\"a1\",\"ended\":0,"
		"\"known_ns\":5,"
		"\"detail\":\"d\"}";
	struct audit *audit = fixture_open(*state);
	const char *text, *verdict;

	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	fixture_commit(audit);
	text = fixture_record(audit, 1);
	verdict = strstr(text, "\"verdict\"");
	assert_non_null(verdict);
	assert_string_equal(verdict, expected);
	for (const char *c = text; *c; c++)
		assert_in_range(*c, ' ', '~');
	fixture_check_log(audit);
	audit_close(audit);
}

static void test_absent_members_are_left_out(void **state)
{
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_START);
	struct audit *audit = fixture_open(*state);
	json_t *json;

	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	fixture_commit(audit);
	json = json_loads(fixture_record(audit, 1), 0, NULL);
	assert_int_equal(json_object_size(json), 6); /* v seq kind time_ns monotonic_ns boot */
	json_decref(json);
	audit_close(audit);
}

static void test_all_groups_or_none(void **state)
{
	static gid_t gids[AUDIT_GIDS_MAX + 1];
	struct audit_requester requester = AUDIT_REQUESTER_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DECISION);
	struct audit *audit = fixture_open(*state);
	uint8_t digest[DIGEST_SIZE];
	struct refusal refusal;
	json_t *root, *json;
	char *text = NULL;
	size_t size;

	for (size_t i = 0; i < AUDIT_GIDS_MAX + 1; i++)
		gids[i] = 4294900000U + (gid_t)i;
	requester.gids = gids;
	requester.n_gids = AUDIT_GIDS_MAX;
	record.requester = &requester;
	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	fixture_commit(audit);
	root = json_loads(fixture_record(audit, 1), 0, NULL);
	json = json_object_get(root, "requester");
	assert_int_equal(json_integer_value(json_object_get(json, "n_gids")), AUDIT_GIDS_MAX);
	assert_null(json_object_get(json, "gids"));
	assert_true(digest_from_hex(json_string_value(json_object_get(json, "gids_digest")), digest));
	json_decref(root);
	assert_int_equal(audit_get_text(audit, digest, &text, &size, NULL), 0);
	assert_int_equal(strncmp(text, "[4294900000,4294900001,", 23), 0);
	root = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(root), AUDIT_GIDS_MAX);
	json_decref(root);
	free(text);
	requester.n_gids++;
	assert_int_equal(audit_append(audit, &record, NULL, &refusal), REFUSAL_INVALID_ARGUMENT);
	assert_string_equal(refusal.subject, "gids");
	assert_false(audit_pending(audit));
	requester.n_gids = AUDIT_GIDS_INLINE_MAX;
	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	fixture_commit(audit);
	assert_non_null(strstr(fixture_record(audit, 2), "\"n_gids\":1024,\"gids\":[4294900000,"));
	audit_close(audit);
}

static void test_record_too_large(void **state)
{
	char *detail = malloc(AUDIT_RECORD_MAX + 1);
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_CHANGE);
	struct audit *audit = fixture_open(*state);
	struct refusal refusal;

	memset(detail, 'x', AUDIT_RECORD_MAX);
	detail[AUDIT_RECORD_MAX] = '\0';
	record.detail = detail;
	assert_int_equal(audit_append(audit, &record, NULL, &refusal), REFUSAL_INVALID_ARGUMENT);
	assert_string_equal(refusal.subject, "record");
	record.detail = NULL;
	record.kind = _AUDIT_KIND_MAX;
	assert_int_equal(audit_append(audit, &record, NULL, &refusal), -EINVAL);
	free(detail);
	audit_close(audit);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_complete_record),
		TEST(test_absent_members_are_left_out),
		TEST(test_all_groups_or_none),
		TEST(test_record_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
