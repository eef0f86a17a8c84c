/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "common/utf8.h"

int cli_connect(struct bpfwarden **ret)
{
	int r = bpfwarden_connect(NULL, ret);

	return r < 0 ? cli_broken(r == -EAGAIN ? -ETIMEDOUT : r) : CLI_CONTINUE;
}

/* Whatever a string came from (a comm, a cgroup's name): it must not move the terminal's cursor. */
static int make_printable(json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_object(value)) {
		json_object_foreach (value, key, member)
			if (make_printable(member) < 0)
				return -ENOMEM;
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, member)
			if (make_printable(member) < 0)
				return -ENOMEM;
	} else if (json_is_string(value)) {
		_cleanup_free_ char *copy = strdup(json_string_value(value));

		if (!copy)
			return -ENOMEM;
		utf8_make_printable(copy, strlen(copy) + 1);
		return json_string_set_nocheck(value, copy);
	}
	return 0;
}

json_t *cli_printable_text(const char *json)
{
	_cleanup_json_ json_t *value = json_loads(json, 0, NULL);

	if (!value || make_printable(value) < 0)
		return NULL;
	return take_ptr(value);
}

json_t *cli_printable(const struct bpfwarden_reply *reply)
{
	return cli_printable_text(bpfwarden_reply_parameters(reply));
}

const char *cli_printable_copy(const char *text, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s", text);
	utf8_make_printable(buffer, size);
	return buffer;
}

static int handle_reply(const struct cli *cli, const struct cli_query *query,
			const struct bpfwarden_reply *reply)
{
	_cleanup_json_ json_t *parameters = NULL;

	if (query->may_deny && bpfwarden_reply_error(reply) == BPFWARDEN_ERROR_POLICY_DENIED)
		return CLI_DENIED;
	if (bpfwarden_reply_error_name(reply))
		return cli_refused(reply, query->method);
	if (cli->json && !query->silent) {
		/* The last reply of many may have no row. */
		if (!query->more || strcmp(bpfwarden_reply_parameters(reply), "{}"))
			printf("%s\n", bpfwarden_reply_parameters(reply));
		if (!query->also)
			return CLI_CONTINUE;
	}
	if (!query->each)
		return CLI_CONTINUE;
	parameters =
		query->exact ? json_loads(bpfwarden_reply_parameters(reply), 0, NULL) : cli_printable(reply);
	return parameters ? query->each(query->data, parameters) : cli_broken(-ENOMEM);
}

static int send_query(struct bpfwarden *connection, const struct cli_query *query)
{
	_cleanup_free_ char *text = query->parameters ? json_dumps(query->parameters, JSON_COMPACT) : NULL;
	int r;

	json_decref(query->parameters);
	r = bpfwarden_call(connection, query->method, text, query->more ? BPFWARDEN_CALL_MORE : 0, query->fds,
			   query->n_fds);
	return r < 0 ? cli_broken(r) : CLI_CONTINUE;
}

int cli_query(const struct cli *cli, const struct cli_query *query)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	int timeout = query->load ? CLIENT_LOAD_TIMEOUT : CLIENT_CALL_TIMEOUT;
	int r = cli_connect(&connection);

	if (r != CLI_CONTINUE) {
		json_decref(query->parameters);
		return r;
	}
	r = send_query(connection, query);
	while (r == CLI_CONTINUE) {
		_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;

		r = bpfwarden_receive(connection, timeout, &reply);
		if (r < 0)
			return cli_broken(r == -EAGAIN ? -ETIMEDOUT : r);
		r = handle_reply(cli, query, reply);
		if (r == CLI_CONTINUE && ferror(stdout))
			r = CLI_FAILED;
		if (r == CLI_CONTINUE && !bpfwarden_reply_continues(reply))
			return CLI_OK;
	}
	return r;
}

const char *cli_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t cli_number(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number > 0 ? (uint64_t)number : 0;
}

const char *cli_join(const json_t *array, char *buffer, size_t size)
{
	const json_t *item;
	size_t i, used = 0;

	*buffer = 0;
	json_array_foreach (array, i, item) {
		const char *text = json_string_value(item);
		int n = snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", text ? text : "?");

		if (n < 0 || used + (size_t)n >= size)
			break;
		used += (size_t)n;
	}
	return buffer;
}

void cli_print_json(const json_t *object)
{
	_cleanup_free_ char *text = json_dumps(object, JSON_COMPACT);

	printf("%s\n", text ? text : "{}");
}

int cli_flush(void)
{
	if (fflush(stdout) == 0)
		return ferror(stdout) ? CLI_FAILED : CLI_OK;
	if (errno != EPIPE)
		fprintf(stderr, "bpfwarden: cannot write to standard output: %s\n", strerror(errno));
	return CLI_FAILED;
}
