/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "client/cli/cgroup-names.h"
#include "client/cli/cli.h"
#include "client/cli/units.h"
#include "common/utf8.h"

/* Above this, a port is one of those that clients are given, and a name in services(5) says nothing of it. */
#define PORT_NAMED_MAX 32767

struct value_kind value_kind_of(const json_t *fields, const char *name)
{
	struct value_kind kind = { .name = name, .type = "", .unit = "" };
	const json_t *field;
	size_t i;

	json_array_foreach (fields, i, field)
		if (!strcmp(cli_string(field, "name"), name)) {
			kind.type = cli_string(field, "type");
			kind.unit = cli_string(field, "unit");
		}
	return kind;
}

static bool is_port(const char *name)
{
	size_t length = strlen(name), suffix = strlen("_port");

	return !strcmp(name, "port") || (length > suffix && !strcmp(name + length - suffix, "_port"));
}

static bool is_cgroup(const struct value_kind *kind)
{
	return !strcmp(kind->type, "cgroup") || (!*kind->type && !strcmp(kind->name, "cgroup"));
}

/* Of numbers that stand for something else, the text is what is read. */
static bool is_named(const struct value_kind *kind)
{
	return is_cgroup(kind) || is_port(kind->name) || !strcmp(kind->name, "family");
}

bool value_is_number(const struct value_kind *kind)
{
	static const char *const types[] = { "u8", "u16", "u32", "u64", "s32", "s64", "ns" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(kind->type, types[i]))
			return !is_named(kind);
	return !*kind->type && !strcmp(kind->name, "tgid");
}

size_t value_width(const struct value_kind *kind)
{
	if (!strcmp(kind->name, "tgid"))
		return strlen("4194304");
	if (!strcmp(kind->type, "ns") || !strcmp(kind->unit, "us") || !strcmp(kind->unit, "ns"))
		return strlen("9.99 ms");
	if (!strcmp(kind->unit, "By"))
		return strlen("99.9 KiB");
	if (!strcmp(kind->type, "enum") || !strcmp(kind->type, "errno"))
		return strlen("ESTABLISHED");
	if (!strcmp(kind->type, "ipv4") || !strcmp(kind->type, "ipv6"))
		return strlen("255.255.255.255");
	return is_port(kind->name) ? strlen("443/https") : 0;
}

const char *value_title(const char *name, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s", !strcmp(name, "tgid") ? "pid" : name);
	utf8_make_printable(buffer, size);
	for (char *c = buffer; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return buffer;
}

static void port_text(json_int_t port, char *text)
{
	const struct servent *service = NULL;

	if (port > 0 && port <= PORT_NAMED_MAX)
		service = getservbyport(htons((uint16_t)port), NULL);
	if (service)
		snprintf(text, VALUE_TEXT_MAX, "%lld/%s", (long long)port, service->s_name);
	else
		snprintf(text, VALUE_TEXT_MAX, "%lld", (long long)port);
}

static void integer_text(const struct value_kind *kind, json_int_t value, struct cgroup_names *names,
			 char *text)
{
	if (!strcmp(kind->type, "ns") || !strcmp(kind->unit, "ns"))
		unit_seconds((double)value * 1e-9, text);
	else if (!strcmp(kind->unit, "us"))
		unit_seconds((double)value * 1e-6, text);
	else if (!strcmp(kind->unit, "By") && value >= 0)
		unit_bytes((uint64_t)value, text);
	else if (is_cgroup(kind))
		cgroup_name(names, (uint64_t)value, text);
	else if (is_port(kind->name))
		port_text(value, text);
	else if (!strcmp(kind->name, "family") && (value == AF_INET || value == AF_INET6))
		snprintf(text, VALUE_TEXT_MAX, "%s", value == AF_INET ? "IPv4" : "IPv6");
	else
		snprintf(text, VALUE_TEXT_MAX, "%lld", (long long)value);
}

const char *value_text(const struct value_kind *kind, const json_t *value, struct cgroup_names *names,
		       char *text)
{
	if (json_is_integer(value))
		integer_text(kind, json_integer_value(value), names, text);
	else if (json_is_string(value))
		snprintf(text, VALUE_TEXT_MAX, "%s", json_string_value(value));
	else if (json_is_boolean(value))
		snprintf(text, VALUE_TEXT_MAX, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_real(value))
		snprintf(text, VALUE_TEXT_MAX, "%g", json_real_value(value));
	else
		snprintf(text, VALUE_TEXT_MAX, "-");
	utf8_make_printable(text, VALUE_TEXT_MAX);
	return text;
}
