/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of io.bpfwarden.Registry between a client and the warden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gate-fixture.h"

#define ELEMENTS(array)          (sizeof(array) / sizeof((array)[0]))
#define CALL(method, parameters) "{\"method\":\"" method "\",\"parameters\":{" parameters "}}"
#define REGISTRY                 "io.bpfwarden.Registry."
#define DIGEST_TEXT              "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100"
#define SERVICE_ERROR(name, key, value) \
	"{\"error\":\"org.varlink.service." name "\",\"parameters\":{\"" key "\":\"" value "\"}}"

/* The warden hears nothing of these. */
static const struct {
	const char *call;
	const char *reply;
} mistakes[] = {
	{ CALL(REGISTRY "Revoke", "\"name\":\"x\",\"serial\":0"),
	  SERVICE_ERROR("InvalidParameter", "parameter", "serial") },
	/* Exactly one thing is revoked. */
	{ CALL(REGISTRY "Revoke", ""), SERVICE_ERROR("InvalidParameter", "parameter", "name") },
	{ CALL(REGISTRY "Revoke", "\"name\":\"x\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "serial") },
	{ CALL(REGISTRY "Revoke", "\"serial\":1,\"file\":\"" DIGEST_TEXT "\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "serial") },
	{ CALL(REGISTRY "Revoke", "\"name\":\"x\",\"serial\":1,\"key\":\"" DIGEST_TEXT "\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "key") },
	{ CALL(REGISTRY "Revoke", "\"file\":\"" DIGEST_TEXT "\",\"certificate\":\"" DIGEST_TEXT "\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "certificate") },
	{ CALL(REGISTRY "Revoke", "\"key\":\"" DIGEST_TEXT "0\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "key") },
	{ CALL(REGISTRY "Revoke", "\"file\":\"x"
				  "\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "file") },
	{ CALL(REGISTRY "Revoke", "\"key\":\"" DIGEST_TEXT "\",\"reason\":\"a\\nb\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "reason") },
	{ CALL(REGISTRY "Promote", "\"name\":\"x\",\"serial\":0"),
	  SERVICE_ERROR("InvalidParameter", "parameter", "serial") },
	{ CALL(REGISTRY "Promote", "\"name\":\"x\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "serial") },
	{ CALL(REGISTRY "Describe", "\"serial\":1"), SERVICE_ERROR("InvalidParameter", "parameter", "name") },
};

static void test_mistakes(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);

	for (size_t i = 0; i < ELEMENTS(mistakes); i++) {
		client_call(&c, mistakes[i].call);
		client_expect(&c, mistakes[i].reply);
	}
	assert_int_equal(f->n, 0);
	client_free(&c);
}

static void test_revoke_bundle(void **state)
{
	static struct message_text text = { .m.type = MESSAGE_REPLY_TEXT };
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record *r;

	text.length = (uint32_t)sprintf(text.text, "{\"detached\":2,\"milliseconds\":9}");
	client_call(&c, CALL(REGISTRY "Revoke", "\"name\":\"x\",\"serial\":1,\"reason\":\"why\""));
	r = warden_record(f, MESSAGE_REVOKE);
	assert_int_equal(r->revoke.what.kind, REVOKED_BUNDLE);
	assert_string_equal(r->revoke.what.name, "x");
	assert_int_equal(r->revoke.what.serial, 1);
	assert_string_equal(r->revoke.what.reason, "why");
	assert_int_equal(r->revoke.flags, 0);
	warden_answer(f, r, &text.m, offsetof(struct message_text, text) + text.length, NULL, 0);
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"detached\":2,\"milliseconds\":9}}");
	client_free(&c);
}

/* A digest in either case, as one of three kinds. */
static void test_revoke_digests(void **state)
{
	static const struct {
		const char *call;
		uint32_t kind;
	} rows[] = {
		{ CALL(REGISTRY "Revoke", "\"file\":\"" DIGEST_TEXT "\",\"dry_run\":true"), REVOKED_FILE },
		{ CALL(REGISTRY "Revoke", "\"key\":\"" DIGEST_TEXT "\",\"dry_run\":true"), REVOKED_KEY },
		{ CALL(REGISTRY "Revoke", "\"certificate\":\"" DIGEST_TEXT "\",\"dry_run\":true"),
		  REVOKED_CERTIFICATE },
	};
	static const uint8_t digest[DIGEST_SIZE] = {
		0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
		0xbb, 0xcc, 0xdd, 0xee, 0xff, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa,
		0x99, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00,
	};
	struct fixture *f = *state;
	struct client c = client_new(f);

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct record *r;

		client_call(&c, rows[i].call);
		r = warden_record(f, MESSAGE_REVOKE);
		assert_int_equal(r->revoke.what.kind, rows[i].kind);
		assert_memory_equal(r->revoke.what.digest, digest, DIGEST_SIZE);
		assert_string_equal(r->revoke.what.name, "");
		assert_int_equal(r->revoke.flags, MESSAGE_FLAG_DRY_RUN);
		warden_end(f, r);
		client_expect(&c, "{\"parameters\":{}}");
	}
	client_free(&c);
}

static void test_registry(void **state)
{
	static struct message_reply_bundle row = {
		.m.type = MESSAGE_REPLY_BUNDLE,
		.probe = { .name = "x.y",
			   .serial = 3,
			   .revoked = 1,
			   .channel = "production",
			   .enrolled_by = "root" },
		.issued = 5,
		.not_after = 9,
		.valid_until = 8,
		.highest_production = 3,
		.n_signers = 1,
		.signer = { { .key = { 0xab }, .not_after = 7, .subject = "CN=\xff" } },
		.n_files = 2,
		.files = { { .name = "a", .size = 1 }, { .name = "b", .size = 2 } }
	};
	struct message_probe promoted = { .m.type = MESSAGE_REPLY_PROBE, .name = "x.y" };
	struct fixture *f = *state;
	struct client c = client_new(f);
	json_t *reply, *parameters, *rows;
	struct record *r;

	client_call(&c, CALL(REGISTRY "Describe", "\"name\":\"x.y\",\"serial\":3"));
	r = warden_record(f, MESSAGE_REGISTRY_DESCRIBE);
	assert_string_equal(r->bundle.name, "x.y");
	assert_int_equal(r->bundle.serial, 3);
	WARDEN_ANSWER(f, r, &row);
	warden_end(f, r);
	reply = client_reply(&c);
	parameters = json_object_get(reply, "parameters");
	assert_true(json_is_true(json_object_get(json_object_get(parameters, "bundle"), "revoked")));
	assert_int_equal(json_integer_value(json_object_get(parameters, "valid_until")), 8);
	assert_int_equal(json_integer_value(json_object_get(parameters, "highest_production")), 3);
	rows = json_object_get(parameters, "signatures");
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "subject")), "CN=?");
	rows = json_object_get(parameters, "files");
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 1), "name")), "b");
	json_decref(reply);

	client_call(&c, CALL(REGISTRY "Promote", "\"name\":\"x.y\",\"serial\":3,\"dry_run\":true"));
	r = warden_record(f, MESSAGE_PROMOTE);
	assert_string_equal(r->bundle.name, "x.y");
	assert_int_equal(r->bundle.serial, 3);
	assert_int_equal(r->bundle.flags, MESSAGE_FLAG_DRY_RUN);
	WARDEN_ANSWER(f, r, &promoted);
	warden_end(f, r);
	reply = client_reply(&c);
	assert_non_null(json_object_get(json_object_get(reply, "parameters"), "bundle"));
	json_decref(reply);
	client_free(&c);
}

/* A record whose counts point outside its arrays is the warden's fault, and ends its connection. */
static void test_registry_out_of_shape(void **state)
{
	static struct message_reply_bundle row = { .m.type = MESSAGE_REPLY_BUNDLE,
						   .n_files = BUNDLE_FILES_MAX + 1 };
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record *r;
	int code;

	client_call(&c, CALL(REGISTRY "Describe", "\"name\":\"x.y\""));
	r = warden_record(f, MESSAGE_REGISTRY_DESCRIBE);
	WARDEN_ANSWER(f, r, &row);
	while (sd_event_get_state(f->event) != SD_EVENT_FINISHED &&
	       sd_event_get_exit_code(f->event, &code) < 0)
		fixture_run(f);
	assert_int_equal(code, 0);
	client_free(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mistakes), TEST(test_revoke_bundle),         TEST(test_revoke_digests),
		TEST(test_registry), TEST(test_registry_out_of_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
