/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "common/limits.h"
#include "common/utf8.h"
#include "format/varlink.h"
#include "tests/fuzz/fuzz.h"

struct input {
	const char *text;
	struct varlink_int number;
	bool flag;
	json_t *object, *array;
};

static const struct varlink_field fields[] = {
	{ "probe", VARLINK_STRING, true, offsetof(struct input, text) },
	{ "serial", VARLINK_INT, false, offsetof(struct input, number) },
	{ "dry_run", VARLINK_BOOL, false, offsetof(struct input, flag) },
	{ "parameters", VARLINK_OBJECT, false, offsetof(struct input, object) },
	{ "data", VARLINK_ARRAY, false, offsetof(struct input, array) },
};

/* Whatever text a call holds, an error that repeats it is well-formed and says the same. */
static void check_error(const char *text)
{
	struct varlink_reply reply;
	struct json_text t = { 0 };
	const char *again;

	varlink_write_error(&t, "org.varlink.service.MethodNotFound", "method", text);
	FUZZ_CHECK(t.size && t.bytes[t.size - 1] == '\0' && !memchr(t.bytes, '\0', t.size - 1));
	FUZZ_CHECK(varlink_reply_parse(t.bytes, t.size - 1, 1U << 20, &reply) == 0);
	again = json_string_value(json_object_get(reply.parameters, "method"));
	FUZZ_CHECK(again && !strcmp(again, text));
	varlink_reply_clear(&reply);
	json_text_clear(&t);
}

static void check_parameters(const struct varlink_call *call)
{
	struct input in = { 0 };
	char bad[32] = "";

	if (varlink_parameters(call->parameters, fields, sizeof(fields) / sizeof(fields[0]), &in, bad,
			       sizeof(bad)))
		FUZZ_CHECK(in.text);
	else
		FUZZ_CHECK(utf8_valid(bad, strlen(bad)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct varlink_call call = { 0 }, again;
	struct json_text t = { 0 };
	int r;

	r = varlink_call_parse((const char *)data, size, &call);
	FUZZ_CHECK(r == 0 || r == -EBADMSG);
	if (r < 0) {
		FUZZ_CHECK(!call.root);
		return 0;
	}
	FUZZ_CHECK(size <= VARLINK_FRAME_MAX && !memchr(data, '\0', size));
	FUZZ_CHECK(strlen(call.method) < VARLINK_METHOD_NAME_MAX && json_is_object(call.parameters));
	check_parameters(&call);
	check_error(call.method);
	/* Written again, it is the same call. */
	FUZZ_CHECK(varlink_write_call(&t, call.method, call.parameters, call.more ? VARLINK_CALL_MORE : 0) ==
		   0);
	r = varlink_call_parse(t.bytes, t.size - 1, &again);
	FUZZ_CHECK(r == 0 || t.size > VARLINK_FRAME_MAX);
	if (r == 0) {
		FUZZ_CHECK(!strcmp(call.method, again.method) && call.more == again.more);
		FUZZ_CHECK(json_equal(call.parameters, again.parameters));
		varlink_call_clear(&again);
	}
	json_text_clear(&t);
	varlink_call_clear(&call);
	return 0;
}
