/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/lib/internal.h"
#include "common/limits.h"

/* Options of an older or newer library: members that the caller does not know are zero. */
static struct bpfwarden_options options_adopt(const struct bpfwarden_options *options)
{
	struct bpfwarden_options adopted = {};

	memcpy(&adopted, options, options->size < sizeof(adopted) ? options->size : sizeof(adopted));
	return adopted;
}

static json_t *data_to_json(unsigned int data)
{
	json_t *list = json_array();

	if (data & BPFWARDEN_DATA_AGGREGATES)
		json_array_append_new(list, json_string("aggregates"));
	if (data & BPFWARDEN_DATA_EVENTS)
		json_array_append_new(list, json_string("events"));
	return list;
}

static int options_fill(json_t *object, const struct bpfwarden_options *o)
{
	int r = json_object_set_new(object, "probe", json_string(o->probe));

	if (o->serial)
		r |= json_object_set_new(object, "serial", json_integer((json_int_t)o->serial));
	if (o->target)
		r |= json_object_set_new(object, "target", json_string(o->target));
	if (o->data)
		r |= json_object_set_new(object, "data", data_to_json(o->data));
	if (o->parameters)
		r |= json_object_set_new(object, "parameters",
					 json_loads(o->parameters, JSON_REJECT_DUPLICATES, NULL));
	if (o->duration)
		r |= json_object_set_new(object, "duration", json_integer((json_int_t)o->duration));
	if (o->experimental)
		r |= json_object_set_new(object, "experimental", json_true());
	if (o->dry_run)
		r |= json_object_set_new(object, "dry_run", json_true());
	if (o->privacy)
		r |= json_object_set_new(object, "privacy", json_string(o->privacy));
	return r ? -EINVAL : 0;
}

char *options_to_json(const struct bpfwarden_options *options, int *ret_error)
{
	struct bpfwarden_options adopted = options_adopt(options);
	_cleanup_json_ json_t *object = json_object();
	char *text;

	*ret_error = -EINVAL;
	if (!adopted.probe || options_fill(object, &adopted) < 0)
		return NULL;
	text = json_dumps(object, JSON_COMPACT);
	*ret_error = text ? 0 : -ENOMEM;
	return text;
}

char *attachment_to_json(const char *id)
{
	_cleanup_json_ json_t *object = json_pack("{s:s}", "attachment", id);

	return object ? json_dumps(object, JSON_COMPACT) : NULL;
}

static int call_and_wait(struct bpfwarden *connection, const char *method, const char *parameters,
			 struct bpfwarden_reply **ret)
{
	int r = bpfwarden_call(connection, method, parameters, 0, NULL, 0);

	if (r < 0)
		return r;
	r = bpfwarden_receive(connection, CLIENT_LOAD_TIMEOUT, ret);
	return r == -EAGAIN ? -ETIMEDOUT : r;
}

int bpfwarden_attach(struct bpfwarden *connection, const struct bpfwarden_options *options,
		     struct bpfwarden_reply **ret)
{
	_cleanup_free_ char *parameters = NULL;
	int r;

	parameters = options_to_json(options, &r);
	if (!parameters)
		return r;
	return call_and_wait(connection, "io.bpfwarden.Probe.Attach", parameters, ret);
}

int bpfwarden_detach(struct bpfwarden *connection, const char *attachment, struct bpfwarden_reply **ret)
{
	_cleanup_free_ char *parameters = attachment_to_json(attachment);

	if (!parameters)
		return -EINVAL;
	return call_and_wait(connection, "io.bpfwarden.Probe.Detach", parameters, ret);
}
