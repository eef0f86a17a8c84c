/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/request.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/describe.h"
#include "client/cli/units.h"
#include "common/fd.h"
#include "format/spec.h"

const struct option request_options[] = {
	REQUEST_OPTIONS,
	{ "for", required_argument, NULL, 'f' },
	{},
};

bool cgroup_of_text(const char *text, char *buffer, size_t size)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t length = strcspn(text, "\n");

		if (length <= 3 || strncmp(text, "0::", 3))
			continue;
		if (length - 3 >= size)
			return false;
		memcpy(buffer, text + 3, length - 3);
		buffer[length - 3] = 0;
		return true;
	}
	return false;
}

static int cgroup_of_pid(uint64_t pid, char *buffer, size_t size)
{
	char path[64], text[8192];
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%llu/cgroup", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		cli_say("no process %llu: %s", (unsigned long long)pid, strerror(errno));
		return CLI_NOT_FOUND;
	}
	text[n] = 0;
	if (!cgroup_of_text(text, buffer, size)) {
		cli_say("process %llu is in no cgroup of the unified hierarchy; name a target by --unit or "
			"--cgroup",
			(unsigned long long)pid);
		return CLI_UNSUPPORTED;
	}
	return CLI_CONTINUE;
}

static bool fail(struct request *request, int code)
{
	request->failed = code;
	return false;
}

static bool set_target(struct request *request, const char *kind, const char *name)
{
	int n;

	if (request->options.target)
		return fail(request,
			    cli_usage(request->cli, "more than one target: say only one of -p, --unit, "
						    "--user, --cgroup, --host"));
	n = snprintf(request->target, sizeof(request->target), "%s%s%s", kind, name ? ":" : "",
		     name ? name : "");
	if (n < 0 || (size_t)n >= sizeof(request->target) || (name && !*name))
		return fail(request, cli_usage(request->cli, "the %s's name is empty or too long", kind));
	request->options.target = request->target;
	return true;
}

static bool set_pid(struct request *request, const char *value)
{
	char path[TARGET_NAME_MAX];
	uint64_t pid;
	int r;

	if (!unit_parse_number(value, &pid) || pid == 0 || pid > INT32_MAX)
		return fail(request,
			    cli_usage(request->cli, "-p takes the number of a process, not \"%s\"", value));
	r = cgroup_of_pid(pid, path, sizeof(path));
	return r == CLI_CONTINUE ? set_target(request, "cgroup", path) : fail(request, r);
}

/* VALUE is a number, a duration with a unit (for parameters in ns), or true and false. */
static bool parameter_value(const char *text, uint64_t *ret)
{
	static const struct {
		const char *suffix;
		uint64_t factor;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	size_t digits = strspn(text, "0123456789");
	char number[24];

	if (!strcmp(text, "true") || !strcmp(text, "false")) {
		*ret = *text == 't';
		return true;
	}
	if (digits == 0 || digits >= sizeof(number))
		return false;
	memcpy(number, text, digits);
	number[digits] = 0;
	if (!unit_parse_number(number, ret) || *ret > INT64_MAX)
		return false;
	if (!text[digits])
		return true;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(text + digits, units[i].suffix))
			return !__builtin_mul_overflow(*ret, units[i].factor, ret) && *ret <= INT64_MAX;
	return false;
}

/* VALUE is a number as above, or the name of one: then what it means is the probe's to say. */
static bool set_parameter(struct request *request, const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	_cleanup_free_ char *key = equals ? strndup(assignment, (size_t)(equals - assignment)) : NULL;
	uint64_t value;
	json_t *json;

	if (!key || !*key || !equals[1])
		return fail(request, cli_usage(request->cli,
					       "--set takes KEY=VALUE, a number (10ms, true, false) or a "
					       "name, not \"%s\"",
					       assignment));
	if (!request->parameters)
		request->parameters = json_object();
	if (json_object_get(request->parameters, key))
		return fail(request, cli_usage(request->cli, "parameter \"%s\" is set twice", key));
	json = parameter_value(equals + 1, &value) ? json_integer((json_int_t)value)
						   : json_string(equals + 1);
	if (json_object_set_new(request->parameters, key, json) < 0)
		return fail(request, cli_usage(request->cli, "parameter \"%s\" is not UTF-8", key));
	return true;
}

static bool set_privacy(struct request *request, const char *value)
{
	uint32_t privacy;

	request->options.privacy = value;
	return spec_privacy_from_name(value, &privacy) ||
	       fail(request,
		    cli_usage(request->cli, "--privacy takes safe, bound or pii, not \"%s\"", value));
}

bool request_option(void *data, int option, const char *value)
{
	struct request *request = data;

	switch (option) {
	case 'p':
		return set_pid(request, value);
	case 'U':
		return set_target(request, "unit", value);
	case 'u':
		return set_target(request, "user", value);
	case 'g':
		return set_target(request, "cgroup", value);
	case 'H':
		return set_target(request, "host", NULL);
	case 's':
		return set_parameter(request, value);
	case 'f':
		if (unit_parse_duration(value, &request->duration))
			return true;
		return fail(request, cli_usage(request->cli,
					       "--for takes a time like 30s, 5m or 8h, not \"%s\"", value));
	case OPTION_AGGREGATES:
		request->options.data |= BPFWARDEN_DATA_AGGREGATES;
		return true;
	case OPTION_EVENTS:
		request->options.data |= BPFWARDEN_DATA_EVENTS;
		return true;
	case OPTION_PRIVACY:
		return set_privacy(request, value);
	case OPTION_EXPERIMENTAL:
		request->options.experimental = true;
		return true;
	case OPTION_SERIAL:
		if (unit_parse_number(value, &request->options.serial) && request->options.serial)
			return true;
		return fail(request, cli_usage(request->cli, "--serial takes a number, not \"%s\"", value));
	}
	return false;
}

/* The row of Describe's parameters with this name. */
static const json_t *find_parameter(const json_t *rows, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!strcmp(cli_string(row, "name"), name))
			return row;
	return NULL;
}

/* The number that a parameter's value of this name stands for. */
static int name_value(const struct request *request, const json_t *rows, const char *key, const char *name,
		      json_t **ret)
{
	const json_t *row = find_parameter(rows, key);
	const json_t *values = json_object_get(row, "values"), *value;
	char text[CLI_TEXT_MAX];
	size_t i;

	json_array_foreach (values, i, value)
		if (json_is_string(value) && !strcmp(json_string_value(value), name)) {
			*ret = json_integer((json_int_t)i);
			return *ret ? CLI_CONTINUE : cli_broken(-ENOMEM);
		}
	if (!row)
		return cli_usage(request->cli, "%s has no parameter \"%s\"; see: bpfwarden show %s",
				 request->options.probe, key, request->options.probe);
	if (json_array_size(values) == 0)
		return cli_usage(request->cli, "parameter \"%s\" takes a number, not \"%s\"", key, name);
	return cli_usage(request->cli, "parameter \"%s\" has no value \"%s\"; it has: %s", key, name,
			 cli_join(values, text, sizeof(text)));
}

/* Asks the daemon only if some value is a name. */
static int name_values(struct request *request)
{
	_cleanup_json_ json_t *rows = NULL;
	json_t *value, *number;
	const char *key;
	int r;

	json_object_foreach (request->parameters, key, value) {
		if (!json_is_string(value))
			continue;
		r = rows ? CLI_CONTINUE
			 : describe_parameters(request->cli, request->options.probe, request->options.serial,
					       &rows);
		if (r == CLI_CONTINUE)
			r = name_value(request, rows, key, json_string_value(value), &number);
		if (r != CLI_CONTINUE)
			return r;
		/* The key is there: this replaces its value and leaves the order as it is. */
		json_object_set_new(request->parameters, key, number);
	}
	return CLI_CONTINUE;
}

int request_finish(struct request *request, const char *probe)
{
	int r;

	request->options.size = sizeof(request->options);
	request->options.probe = probe;
	request->options.dry_run = request->cli->dry_run;
	if (json_object_size(request->parameters) > SPEC_PARAMS_MAX)
		return cli_usage(request->cli, "more than %d parameters", SPEC_PARAMS_MAX);
	r = name_values(request);
	if (r != CLI_CONTINUE)
		return r;
	if (request->parameters) {
		request->parameters_text = json_dumps(request->parameters, JSON_COMPACT);
		if (!request->parameters_text)
			return cli_broken(-ENOMEM);
	}
	request->options.parameters = request->parameters_text;
	return CLI_CONTINUE;
}

void request_clear(struct request *request)
{
	json_decref(request->parameters);
	free(request->parameters_text);
}
