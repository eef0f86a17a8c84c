/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* URIs of keys in tokens, and the PIN in them: what is read, and that nothing of it gets out. Tokens
 * themselves are tests/host/test-signing-outside.sh's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "signing/key-pkcs11.h"

#define PIN "73904418"

static char pin_file[] = "/tmp/test-pkcs11-XXXXXX";

static void test_accepted(void **state)
{
	static const struct {
		const char *text, *path, *module, *pin;
	} cases[] = {
		{ "pkcs11:object=alice", "pkcs11:object=alice" },
		{ "pkcs11:id=%01%00", "pkcs11:id=%01%00" },
		{ "pkcs11:token=a%20b;object=alice;type=private?pin-value=" PIN,
		  "pkcs11:token=a%20b;object=alice;type=private", NULL, PIN },
		{ "pkcs11:object=alice?module-path=/usr/lib/x%2Eso&pin-value=a%26b", "pkcs11:object=alice",
		  "/usr/lib/x.so", "a&b" },
		{ "pkcs11:object=alice?pin-value=1&module-path=/m.so", "pkcs11:object=alice", "/m.so", "1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(pkcs11_uri_done) struct pkcs11_uri uri = {};
		struct refusal refusal = {};

		if (pkcs11_uri_parse(cases[i].text, &uri, &refusal))
			fail_msg("%s: %s", cases[i].text, refusal.reason);
		assert_string_equal(uri.path, cases[i].path);
		assert_string_equal(uri.module ?: "none", cases[i].module ?: "none");
		assert_string_equal(uri.pin ?: "none", cases[i].pin ?: "none");
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *subject;
	} cases[] = {
		{ "", "pkcs11-uri" },
		{ "alice.key?pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:", "pkcs11-uri" },
		{ "pkcs11:token=a?pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:object=alice;?pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:object?pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:object=alice;object=bob?pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:object=alice&pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:object=alice;pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:object=alice;slot-id=0?pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:object=alice bob?pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:object=al\303\255ce?pin-value=" PIN, "pkcs11-uri" },
		{ "pkcs11:object=alice?", "pkcs11-uri" },
		{ "pkcs11:object=alice?" PIN, "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=" PIN "%", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=" PIN "%0", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=" PIN "%00", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=" PIN "%0g", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=" PIN "&pin-value=1", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=" PIN "&pin-source=/etc/passwd", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=" PIN "&module-name=softhsm2", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=x&" PIN "=y", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-value=" PIN "&module-path=x.so", "pkcs11-uri" },
		{ "pkcs11:object=alice?pin-source=pin", "pkcs11-pin" },
		{ "pkcs11:object=alice?pin-source=|cat%20pin", "pkcs11-pin" },
		{ "pkcs11:object=alice?pin-source=/nonexistent", "pkcs11-pin" },
		{ "pkcs11:object=alice?pin-source=/dev/null", "pkcs11-pin" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(pkcs11_uri_done) struct pkcs11_uri uri = {};
		struct refusal refusal = {};

		if (pkcs11_uri_parse(cases[i].text, &uri, &refusal) != REFUSAL_INVALID_ARGUMENT)
			fail_msg("%s is accepted", cases[i].text);
		if (strcmp(refusal.subject, cases[i].subject) != 0)
			fail_msg("%s: %s, %s", cases[i].text, refusal.subject, refusal.reason);
		assert_null(strstr(refusal.reason, PIN));
		assert_null(uri.path);
		assert_null(uri.pin);
	}
}

static void write_pin(const char *bytes, size_t size)
{
	FILE *file = fopen(pin_file, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

static void test_pin_source(void **state)
{
	static const char *const schemes[] = { "", "file:", "file://" };
	struct pkcs11_uri uri = {};
	struct refusal refusal = {};
	char text[128];

	(void)state;
	write_pin(PIN "\r\nsecond line\n", strlen(PIN "\r\nsecond line\n"));
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		snprintf(text, sizeof(text), "pkcs11:object=alice?pin-source=%s%s", schemes[i], pin_file);
		assert_int_equal(pkcs11_uri_parse(text, &uri, NULL), 0);
		assert_string_equal(uri.pin, PIN);
		pkcs11_uri_done(&uri);
	}
	write_pin("\n" PIN, 1 + strlen(PIN));
	assert_int_equal(pkcs11_uri_parse(text, &uri, &refusal), REFUSAL_INVALID_ARGUMENT);
	assert_string_equal(refusal.subject, "pkcs11-pin");
	assert_null(strstr(refusal.reason, PIN));
}

static void test_module_from_environment(void **state)
{
	struct pkcs11_uri uri = {};

	(void)state;
	setenv("PKCS11_MODULE_PATH", "/environment.so", 1);
	assert_int_equal(pkcs11_uri_parse("pkcs11:object=alice", &uri, NULL), 0);
	assert_string_equal(uri.module, "/environment.so");
	pkcs11_uri_done(&uri);
	assert_int_equal(pkcs11_uri_parse("pkcs11:object=alice?module-path=/uri.so", &uri, NULL), 0);
	assert_string_equal(uri.module, "/uri.so");
	pkcs11_uri_done(&uri);
	unsetenv("PKCS11_MODULE_PATH");
}

static void test_module_missing(void **state)
{
	static const char *const modules[] = { "/nonexistent.so", "/dev/null" };

	(void)state;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		char module[32];
		const struct pkcs11_uri uri = { .module = strcpy(module, modules[i]) };
		struct refusal refusal = {};

		assert_int_equal(pkcs11_check_module(&uri, &refusal), REFUSAL_UNAVAILABLE);
		assert_string_equal(refusal.subject, "pkcs11-module");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),       cmocka_unit_test(test_refused),
		cmocka_unit_test(test_pin_source),     cmocka_unit_test(test_module_from_environment),
		cmocka_unit_test(test_module_missing),
	};
	int fd = mkstemp(pin_file), r;

	close_fd(fd);
	unsetenv("PKCS11_MODULE_PATH");
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(pin_file);
	return r;
}
