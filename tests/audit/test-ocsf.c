/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each kind of record becomes an event that has what OCSF 1.5.0 requires of its class. The tables below are
 * the schema's: requirement "required" and constraint "at_least_one" of the classes, objects and profiles in
 * use.
 */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/ocsf.h"

#define HEX "ca398f8247f58e7870a7ca0f426183b2411d8b7e89930d4e5285aaa0fef4d14c"

/* Attributes of an object by type: i integer, s string, j any object, or the name of an object below. */
struct attribute {
	const char *name, *type;
	int required;
};
struct object {
	const char *name;
	struct attribute attributes[40];
	const char *at_least_one[8];
};

#define BASE                                                                                    \
	{ "activity_id", "i", 1 }, { "activity_name", "s", 0 }, { "category_uid", "i", 1 },     \
		{ "category_name", "s", 0 }, { "class_uid", "i", 1 }, { "class_name", "s", 0 }, \
		{ "type_uid", "i", 1 }, { "time", "i", 1 }, { "severity_id", "i", 1 },          \
		{ "severity", "s", 0 }, { "status_id", "i", 0 }, { "status", "s", 0 },          \
		{ "status_code", "s", 0 }, { "status_detail", "s", 0 }, { "message", "s", 0 },  \
		{ "metadata", "metadata", 1 }, { "count", "i", 0 }, { "start_time", "i", 0 },   \
		{ "end_time", "i", 0 }, { "raw_data", "s", 0 }, { "unmapped", "j", 0 },         \
		{ "device", "device", 0 }, { "action_id", "i", 0 }, { "action", "s", 0 },       \
		{ "disposition_id", "i", 0 }, { "disposition", "s", 0 },                        \
	{                                                                                       \
		"policy", "policy", 0                                                           \
	}

static const struct object schema[] = {
	{ "0", { BASE, { "actor", "actor", 0 } }, { 0 } },
	{ "3004",
	  { BASE,
	    { "actor", "actor", 0 },
	    { "entity", "managed_entity", 1 },
	    { "comment", "s", 0 },
	    { "src_endpoint", "network_endpoint", 0 } },
	  { 0 } },
	{ "6002", { BASE, { "actor", "actor", 0 }, { "app", "product", 1 } }, { 0 } },
	{ "6003",
	  { BASE,
	    { "actor", "actor", 1 },
	    { "api", "api", 1 },
	    { "src_endpoint", "network_endpoint", 1 },
	    { "resources", "[resource_details", 0 } },
	  { 0 } },
	{ "metadata",
	  { { "version", "s", 1 },
	    { "product", "product", 1 },
	    { "uid", "s", 0 },
	    { "sequence", "i", 0 },
	    { "event_code", "s", 0 },
	    { "log_name", "s", 0 },
	    { "log_provider", "s", 0 },
	    { "original_time", "s", 0 },
	    { "correlation_uid", "s", 0 },
	    { "profiles", "[s", 0 } },
	  { 0 } },
	{ "product",
	  { { "name", "s", 0 },
	    { "vendor_name", "s", 0 },
	    { "version", "s", 0 },
	    { "uid", "s", 0 },
	    { "feature", "feature", 0 } },
	  { "name", "uid" } },
	{ "feature", { { "name", "s", 0 }, { "uid", "s", 0 } }, { "name", "uid" } },
	{ "actor",
	  { { "user", "user", 0 }, { "process", "process", 0 }, { "app_name", "s", 0 } },
	  { "process", "user", "app_name" } },
	{ "user",
	  { { "name", "s", 0 }, { "uid", "s", 0 }, { "type_id", "i", 0 }, { "type", "s", 0 } },
	  { "account", "name", "uid" } },
	{ "process", { { "pid", "i", 0 }, { "uid", "s", 0 }, { "name", "s", 0 } }, { "pid", "uid" } },
	{ "api", { { "operation", "s", 1 }, { "service", "service", 0 } }, { 0 } },
	{ "service", { { "name", "s", 0 }, { "uid", "s", 0 } }, { "name", "uid" } },
	{ "network_endpoint", { { "hostname", "s", 0 } }, { "ip", "uid", "name", "hostname", "svc_name" } },
	{ "device",
	  { { "type_id", "i", 1 }, { "type", "s", 0 }, { "hostname", "s", 0 } },
	  { "hostname", "uid", "name" } },
	{ "resource_details",
	  { { "name", "s", 0 }, { "type", "s", 0 }, { "uid", "s", 0 } },
	  { "name", "uid" } },
	{ "managed_entity",
	  { { "name", "s", 0 }, { "type", "s", 0 }, { "uid", "s", 0 } },
	  { "name", "uid" } },
	{ "policy", { { "name", "s", 0 }, { "uid", "s", 0 } }, { "name", "uid" } },
};

static const struct object *find(const char *name)
{
	for (size_t i = 0; i < sizeof(schema) / sizeof(*schema); i++)
		if (!strcmp(schema[i].name, name))
			return &schema[i];
	fail_msg("no object %s", name);
	return NULL;
}

static void check_object(const char *name, const json_t *json);

static void check_value(const char *object, const char *key, const char *type, const json_t *value)
{
	if (*type == '[') {
		const json_t *item;
		size_t i;

		if (!json_is_array(value))
			fail_msg("%s.%s is no array", object, key);
		json_array_foreach (value, i, item)
			check_value(object, key, type + 1, item);
		return;
	}
	if (!strcmp(type, "i")   ? !json_is_integer(value)
	    : !strcmp(type, "s") ? !json_is_string(value)
				 : !json_is_object(value))
		fail_msg("%s.%s is not of type %s", object, key, type);
	if (!strcmp(type, "s") && !*json_string_value(value))
		fail_msg("%s.%s is empty", object, key);
	if (strlen(type) > 1)
		check_object(type, value);
}

static void check_object(const char *name, const json_t *json)
{
	const struct object *object = find(name);
	const struct attribute *a;
	const json_t *value;
	const char *key;
	size_t found = 0;

	for (a = object->attributes; a->name; a++)
		if (a->required && !json_object_get(json, a->name))
			fail_msg("%s.%s is required", name, a->name);
	json_object_foreach ((json_t *)json, key, value) {
		for (a = object->attributes; a->name && strcmp(a->name, key);)
			a++;
		if (!a->name)
			fail_msg("%s has no attribute %s", name, key);
		check_value(name, key, a->type, value);
	}
	for (size_t i = 0; object->at_least_one[i]; i++)
		found += json_object_get(json, object->at_least_one[i]) != NULL;
	if (object->at_least_one[0] && !found)
		fail_msg("%s has none of its alternatives", name);
}

static json_int_t number(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

static json_t *convert(const char *bytes)
{
	static const struct ocsf_log log = { .origin = "bpfwarden/shop-7/5f0c1d2e3a4b5c6d",
					     .version = "1.2.3" };
	char *text = NULL, class[12];
	json_t *json;

	assert_int_equal(ocsf_event(&log, bytes, strlen(bytes), &text), 0);
	for (const char *p = text; *p; p++)
		assert_true(*p >= ' ' && *p <= '~');
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	snprintf(class, sizeof(class), "%lld", number(json, "class_uid"));
	check_object(class, json);
	assert_int_equal(number(json, "type_uid"),
			 number(json, "class_uid") * 100 + number(json, "activity_id"));
	assert_int_equal(number(json, "category_uid"), number(json, "class_uid") / 1000);
	assert_string_equal(json_string_value(json_object_get(json, "raw_data")), bytes);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "metadata"), "version")),
			    OCSF_VERSION);
	free(text);
	return json;
}

#define HEAD(kind, verdict)                                                     \
	"{\"v\":1,\"seq\":41,\"kind\":\"" kind                                  \
	"\",\"time_ns\":1795634003446498036,\"monotonic_ns\":5,\"boot\":\"b\"," \
	"\"verdict\":\"" verdict "\""
#define WHO                                                                                                 \
	",\"requester\":{\"uid\":1001,\"user\":\"alice\",\"n_gids\":1,\"gids\":[1001],\"pid\":77,\"comm\":" \
	"\"\\u202Ecu\\u001Brl\",\"cgroup\":\"/\",\"container\":\"no\"}"
#define BUNDLE ",\"probe\":\"tcp.state\",\"serial\":3,\"digest\":\"" HEX "\""

struct row {
	const char *bytes;
	json_int_t class, activity, severity, status, action;
};

static const struct row rows[] = {
	{ HEAD("decision", "allow") WHO
	  ",\"action\":\"attach\"" BUNDLE
	  ",\"target\":{\"kind\":\"unit\",\"name\":\"shop.service\"},\"rule\":\"users\",\"policy\":\"" HEX
	  "\"}",
	  6003, 1, 1, 1, 1 },
	{ HEAD("decision", "deny") WHO
	  ",\"action\":\"attach\"" BUNDLE
	  ",\"rule\":\"default\",\"refusal\":{\"name\":\"PolicyDenied\",\"reason\":\"no\"}}",
	  6003, 1, 2, 2, 2 },
	{ HEAD("outcome", "ok") ",\"decision\":40" WHO ",\"action\":\"attach\"" BUNDLE
				",\"program_ids\":[7]}",
	  6003, 1, 1, 1, 0 },
	{ HEAD("outcome", "failed") ",\"decision\":40" WHO ",\"action\":\"attach\"" BUNDLE ",\"errno\":13}",
	  6003, 1, 3, 2, 0 },
	{ HEAD("end", "ok") ",\"decision\":40,\"action\":\"detach\",\"attachment\":\"a1\",\"detail\":\"its "
			    "time was over\"}",
	  6003, 4, 1, 1, 0 },
	{ HEAD("denials", "deny") ",\"decision\":40,\"count\":9,\"since_ns\":1795634003446498036,\"until_"
				  "ns\":1795634003446498036" WHO ",\"rule\":\"default\"}",
	  6003, 99, 2, 2, 2 },
	{ HEAD("read", "ok") WHO ",\"action\":\"audit-read\",\"detail\":\"Query\"}", 6003, 2, 1, 1, 0 },
	{ HEAD("decision", "allow") WHO ",\"action\":\"enroll\"" BUNDLE ",\"rule\":\"root\",\"policy\":\"" HEX
					"\"}",
	  3004, 1, 1, 1, 1 },
	{ HEAD("decision", "allow") WHO ",\"action\":\"promote\"" BUNDLE ",\"rule\":\"root\"}", 3004, 3, 1, 1,
	  1 },
	{ HEAD("outcome", "ok") WHO ",\"action\":\"revoke\",\"detail\":\"key abc: lost\"}", 3004, 4, 1, 1,
	  0 },
	{ HEAD("change", "ok") WHO ",\"action\":\"policy-reload\",\"policy\":\"" HEX "\",\"ended\":1}", 3004,
	  3, 2, 1, 0 },
	{ HEAD("change", "failed") ",\"action\":\"audit\",\"detail\":\"begun anew\"}", 3004, 3, 5, 2, 0 },
	{ HEAD("change", "ok") ",\"action\":\"clock\"}", 3004, 3, 2, 1, 0 },
	{ HEAD("start", "ok") ",\"action\":\"start\",\"detail\":\"bpfwarden 1.2.3\"}", 6002, 3, 1, 1, 0 },
	{ HEAD("stop", "ok") ",\"action\":\"stop\"}", 6002, 4, 1, 1, 0 },
	{ HEAD("crash", "ok") ",\"action\":\"gate\",\"detail\":\"gone\"}", 6002, 4, 4, 2, 0 },
	{ HEAD("something", "ok") ",\"action\":\"new\"}", 0, 0, 1, 1, 0 },
};

static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_t *json = convert(rows[i].bytes);

		if (number(json, "class_uid") != rows[i].class ||
		    number(json, "activity_id") != rows[i].activity ||
		    number(json, "severity_id") != rows[i].severity ||
		    number(json, "status_id") != rows[i].status ||
		    number(json, "action_id") != rows[i].action)
			fail_msg("%s becomes %s", rows[i].bytes, json_dumps(json, 0));
		json_decref(json);
	}
}

static void test_members(void **state)
{
	json_t *json = convert(rows[0].bytes), *metadata = json_object_get(json, "metadata"),
	       *unmapped = json_object_get(json, "unmapped");
	json_t *actor = json_object_get(json, "actor");

	(void)state;
	assert_int_equal(number(json, "time"), 1795634003446);
	assert_string_equal(json_string_value(json_object_get(metadata, "uid")), "41");
	assert_int_equal(number(metadata, "sequence"), 41);
	assert_string_equal(json_string_value(json_object_get(metadata, "correlation_uid")), "41");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "src_endpoint"), "hostname")),
		"shop-7");
	assert_string_equal(json_string_value(json_object_get(json_object_get(actor, "user"), "uid")),
			    "1001");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "policy"), "name")),
			    "users");
	assert_int_equal(json_array_size(json_object_get(json, "resources")), 2);
	/* What has no place of its own is not lost. */
	assert_string_equal(json_string_value(json_object_get(unmapped, "boot")), "b");
	assert_int_equal(json_array_size(json_object_get(json_object_get(unmapped, "requester"), "gids")), 1);
	assert_null(json_object_get(json_object_get(unmapped, "requester"), "comm"));
	json_decref(json);
	json = convert(rows[5].bytes);
	assert_int_equal(number(json, "count"), 9);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "metadata"), "correlation_uid")),
		"40");
	json_decref(json);
}

static void test_no_record(void **state)
{
	static const char *const bytes[] = { "",
					     "{",
					     "[]",
					     "{\"seq\":1}",
					     "{\"kind\":\"start\"}",
					     "{\"kind\":1,\"seq\":1}",
					     "{\"kind\":\"start\",\"seq\":1,\"seq\":2}" };
	static const struct ocsf_log log = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
		char *text = NULL;

		assert_int_equal(ocsf_event(&log, bytes[i], strlen(bytes[i]), &text), -EBADMSG);
		assert_null(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
