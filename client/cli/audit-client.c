/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"

#define AUDIT "io.bpfwarden.Audit."

/* The reply as it came; unlike what is shown, it must keep every byte. */
static json_t *exact(const struct bpfwarden_reply *reply)
{
	return json_loads(bpfwarden_reply_parameters(reply), 0, NULL);
}

static int call(struct bpfwarden *connection, const char *name, json_t *parameters, unsigned int flags)
{
	_cleanup_json_ json_t *taken = parameters;
	_cleanup_free_ char *text = taken ? json_dumps(taken, JSON_COMPACT) : NULL;

	if (taken && !text)
		return -ENOMEM;
	return bpfwarden_call(connection, name, text, flags, NULL, 0);
}

int audit_ask(struct bpfwarden *connection, const char *method, json_t *parameters, json_t **ret)
{
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	char name[64];
	int r;

	snprintf(name, sizeof(name), AUDIT "%s", method);
	r = call(connection, name, parameters, 0);
	if (r >= 0)
		r = bpfwarden_receive(connection, CLIENT_CALL_TIMEOUT, &reply);
	if (r < 0)
		return cli_broken(r == -EAGAIN ? -ETIMEDOUT : r);
	if (bpfwarden_reply_error_name(reply))
		return cli_refused(reply, name);
	*ret = exact(reply);
	return *ret ? CLI_CONTINUE : cli_broken(-ENOMEM);
}

static bool is_row(const struct bpfwarden_reply *reply)
{
	return strncmp(bpfwarden_reply_parameters(reply), "{\"line\":", 8) == 0;
}

static int handle_row(struct audit_page *page, const struct bpfwarden_reply *reply)
{
	_cleanup_json_ json_t *last = NULL;

	if (bpfwarden_reply_error_name(reply))
		return cli_refused(reply, AUDIT "Query");
	if (is_row(reply))
		return page->row(page->data, reply);
	last = exact(reply);
	page->next = cli_number(last, "next");
	return CLI_CONTINUE;
}

static int lost(struct audit_page *page, int r)
{
	page->lost = r == -EAGAIN ? -ETIMEDOUT : r;
	return CLI_FAILED;
}

int audit_page_read(struct audit_page *page)
{
	int r = call(page->connection, AUDIT "Query", page->parameters, BPFWARDEN_CALL_MORE);

	page->next = 0;
	page->lost = 0;
	if (r < 0)
		return lost(page, r);
	for (;;) {
		_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;

		r = bpfwarden_receive(page->connection, page->follow ? -1 : CLIENT_CALL_TIMEOUT, &reply);
		if (r < 0)
			return lost(page, r);
		r = handle_row(page, reply);
		if (r == CLI_CONTINUE && ferror(stdout))
			r = CLI_FAILED;
		if (r != CLI_CONTINUE || !bpfwarden_reply_continues(reply))
			return r;
	}
}

static const char *judge(struct audit_head *head)
{
	size_t size;

	if (note_key_parse(head->vkey, &head->key) < 0)
		return "what the daemon calls the log's key is no verifier key";
	switch (note_verify(&head->key, head->note, strlen(head->note), &size)) {
	case NOTE_GOOD:
		break;
	case NOTE_UNSIGNED:
		return "the checkpoint is not signed by the key that the daemon names";
	case NOTE_FORGED:
		return "the signature of the checkpoint does not verify";
	default:
		return "the checkpoint is no signed note";
	}
	if (checkpoint_parse(head->note, size, &head->checkpoint) < 0)
		return "what is signed is no checkpoint";
	if (strcmp(head->checkpoint.origin, head->key.name) ||
	    strcmp(head->checkpoint.origin, cli_string(head->reply, "origin")))
		return "the checkpoint is of another log";
	return NULL;
}

int audit_head_read(struct bpfwarden *connection, struct audit_head *ret)
{
	struct audit_head head = { 0 };
	int r = audit_ask(connection, "Head", NULL, &head.reply);

	if (r != CLI_CONTINUE)
		return r;
	head.vkey = cli_string(head.reply, "key");
	head.note = cli_string(head.reply, "checkpoint");
	head.base = cli_number(head.reply, "base");
	head.first = cli_number(head.reply, "first");
	head.last = cli_number(head.reply, "last");
	head.problem = judge(&head);
	*ret = head;
	return CLI_CONTINUE;
}

void audit_head_clear(struct audit_head *head)
{
	json_decref(head->reply);
	*head = (struct audit_head){ 0 };
}
