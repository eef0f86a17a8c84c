/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/gate/connection.h"
#include "loaderd/gate/perform-internal.h"

bool put_text(char *array, size_t size, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n >= size)
		return false;
	if (n)
		memcpy(array, text, n);
	return message_text_ok(array, size);
}

bool put_u64(uint64_t *to, const struct varlink_int *from)
{
	*to = (uint64_t)from->value;
	return from->value >= 0;
}

bool put_id(uint64_t *to, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (!n || n > 16 || strspn(text, "0123456789abcdef") != n)
		return false;
	*to = strtoull(text, NULL, 16);
	return *to != 0;
}

const char *send_call(struct connection *c, struct message *m, size_t size, const struct method_input *in)
{
	m->connection = c->number;
	m->call = c->call.id;
	(void)gate_send(c->gate, m, size, in->fds, in->n_fds);
	return NULL;
}

const char *send_plain(struct connection *c, enum message_type type, const struct method_input *in)
{
	struct message m = { .type = type };

	return send_call(c, &m, sizeof(m), in);
}

const char *perform_list(struct connection *c, const struct method_input *in)
{
	return send_plain(c, MESSAGE_LIST, in);
}

const char *perform_registry_list(struct connection *c, const struct method_input *in)
{
	return send_plain(c, MESSAGE_REGISTRY_LIST, in);
}

const char *perform_describe(struct connection *c, const struct method_input *in)
{
	struct message_bundle m = { .m.type = MESSAGE_DESCRIBE };

	if (!PUT_TEXT(m.name, in->probe))
		return "probe";
	if (!put_u64(&m.serial, &in->serial))
		return "serial";
	return SEND_CALL(c, &m, in);
}

const char *perform_registry_describe(struct connection *c, const struct method_input *in)
{
	struct message_bundle m = { .m.type = MESSAGE_REGISTRY_DESCRIBE };

	if (!PUT_TEXT(m.name, in->name))
		return "name";
	if (!put_u64(&m.serial, &in->serial))
		return "serial";
	return SEND_CALL(c, &m, in);
}

const char *perform_accept_clock(struct connection *c, const struct method_input *in)
{
	struct message_flags m = { .m.type = MESSAGE_ACCEPT_CLOCK };

	m.flags = in->dry_run ? MESSAGE_FLAG_DRY_RUN : 0;
	return SEND_CALL(c, &m, in);
}

const char *perform_promote(struct connection *c, const struct method_input *in)
{
	struct message_bundle m = { .m.type = MESSAGE_PROMOTE };

	if (!PUT_TEXT(m.name, in->name))
		return "name";
	if (!put_u64(&m.serial, &in->serial) || !m.serial)
		return "serial";
	m.flags = in->dry_run ? MESSAGE_FLAG_DRY_RUN : 0;
	return SEND_CALL(c, &m, in);
}

bool put_digest(uint8_t to[DIGEST_SIZE], const char *text)
{
	if (strlen(text) != 2 * DIGEST_SIZE || strspn(text, "0123456789abcdefABCDEF") != 2 * DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		char byte[] = { text[2 * i], text[2 * i + 1], '\0' };

		to[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return true;
}

/* Exactly one of the things that can be revoked. */
static const char *put_revoked(struct revocation *to, const struct method_input *in)
{
	const struct {
		const char *name, *value;
		uint32_t kind;
	} digests[] = {
		{ "file", in->file, REVOKED_FILE },
		{ "key", in->key, REVOKED_KEY },
		{ "certificate", in->certificate, REVOKED_CERTIFICATE },
	};
	bool given = in->name;

	if (given && (!PUT_TEXT(to->name, in->name) || !to->name[0]))
		return "name";
	if (given != in->serial.present || !put_u64(&to->serial, &in->serial) || (given && !to->serial))
		return "serial";
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		if (!digests[i].value)
			continue;
		if (given || !put_digest(to->digest, digests[i].value))
			return digests[i].name;
		to->kind = digests[i].kind;
		given = true;
	}
	return given ? NULL : "name";
}

const char *perform_revoke(struct connection *c, const struct method_input *in)
{
	struct message_revoke m = { .m.type = MESSAGE_REVOKE };
	const char *bad = put_revoked(&m.what, in);

	if (bad)
		return bad;
	if (!PUT_TEXT(m.what.reason, in->reason))
		return "reason";
	m.flags = in->dry_run ? MESSAGE_FLAG_DRY_RUN : 0;
	return SEND_CALL(c, &m, in);
}

/* "self", "host", or "kind:NAME". */
static bool put_target(struct message_attach *m, const char *text)
{
	char kind[16] = "";
	const char *colon;
	size_t n;

	if (!text)
		text = "self";
	colon = strchr(text, ':');
	n = colon ? (size_t)(colon - text) : strlen(text);
	if (n >= sizeof(kind))
		return false;
	memcpy(kind, text, n);
	if (!target_kind_from_name(kind, &m->target_kind))
		return false;
	if (m->target_kind == TARGET_SELF || m->target_kind == TARGET_HOST)
		return !colon;
	return colon && colon[1] && PUT_TEXT(m->target, colon + 1);
}

static bool put_data(uint32_t *to, const json_t *data)
{
	for (size_t i = 0; i < json_array_size(data); i++) {
		const char *name = json_string_value(json_array_get(data, i));

		if (name && !strcmp(name, "aggregates"))
			*to |= MESSAGE_DATA_AGGREGATES;
		else if (name && !strcmp(name, "events"))
			*to |= MESSAGE_DATA_EVENTS;
		else
			return false;
	}
	return !data || *to;
}

static bool put_parameters(struct message_attach *m, json_t *parameters)
{
	const char *name;
	json_t *value;

	if (json_object_size(parameters) > SPEC_PARAMS_MAX)
		return false;
	json_object_foreach (parameters, name, value) {
		struct message_parameter *p = &m->parameters[m->n_parameters++];

		if (!json_is_integer(value) || json_integer_value(value) < 0 || !PUT_TEXT(p->name, name))
			return false;
		p->value = (uint64_t)json_integer_value(value);
	}
	return true;
}

/* Without the word, all that policy allows and the probe has. */
static bool put_privacy(uint32_t *to, const char *name)
{
	*to = UINT32_MAX;
	return !name || spec_privacy_from_name(name, to);
}

const char *put_attach(struct message_attach *m, const struct method_input *in)
{
	if (!PUT_TEXT(m->probe, in->probe))
		return "probe";
	if (!put_u64(&m->serial, &in->serial))
		return "serial";
	if (!put_target(m, in->target))
		return "target";
	if (!put_data(&m->data, in->data))
		return "data";
	if (!put_privacy(&m->privacy, in->privacy))
		return "privacy";
	if (!put_parameters(m, in->parameters))
		return "parameters";
	m->flags = in->experimental ? MESSAGE_FLAG_EXPERIMENTAL : 0;
	return NULL;
}

const char *perform_attach(struct connection *c, const struct method_input *in)
{
	struct message_attach m = { .m.type = MESSAGE_ATTACH };
	const char *bad = put_attach(&m, in);

	if (bad)
		return bad;
	/* More than a century is taken for a mistake, and keeps milliseconds within their type. */
	if (in->duration.present && (in->duration.value <= 0 || in->duration.value > INT64_C(4000000000)))
		return "duration";
	m.duration = (uint64_t)in->duration.value * 1000;
	m.flags |= (in->dry_run ? MESSAGE_FLAG_DRY_RUN : 0) | (in->bound ? MESSAGE_FLAG_RUN : 0);
	return SEND_CALL(c, &m, in);
}

const char *perform_run(struct connection *c, const struct method_input *in)
{
	struct method_input run = *in;

	run.bound = true;
	return perform_attach(c, &run);
}

static const char *send_id(struct connection *c, enum message_type type, const struct method_input *in)
{
	struct message_attachment_id m = { .m.type = type };

	if (!put_id(&m.id, in->attachment))
		return "attachment";
	return SEND_CALL(c, &m, in);
}

const char *perform_watch(struct connection *c, const struct method_input *in)
{
	return send_id(c, MESSAGE_WATCH, in);
}

const char *perform_read(struct connection *c, const struct method_input *in)
{
	return send_id(c, MESSAGE_READ, in);
}

const char *perform_detach(struct connection *c, const struct method_input *in)
{
	return send_id(c, MESSAGE_DETACH, in);
}

const char *perform_status(struct connection *c, const struct method_input *in)
{
	struct message_status m = { .m.type = MESSAGE_STATUS };

	m.flags = (in->all ? MESSAGE_FLAG_ALL : 0) | (in->cost ? MESSAGE_FLAG_COST : 0);
	return SEND_CALL(c, &m, in);
}

/* F_GET_SEALS answers for memory files only, and without asking a file system that could make us wait. */
static bool are_memfds(const int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		if (fcntl(fds[i], F_GET_SEALS) < 0)
			return false;
	return true;
}

const char *perform_enroll(struct connection *c, const struct method_input *in)
{
	struct message_enroll m = { .m.type = MESSAGE_ENROLL };

	if (in->signatures.value < 1 || in->signatures.value > SIGNATURES_MAX)
		return "signatures";
	if (in->files.value < 1 || in->files.value > BUNDLE_FILES_MAX)
		return "files";
	m.n_signatures = (uint32_t)in->signatures.value;
	m.n_files = (uint32_t)in->files.value;
	if (in->n_fds != 1 + m.n_signatures + m.n_files || !are_memfds(in->fds, in->n_fds))
		return "files";
	m.flags =
		(in->dry_run ? MESSAGE_FLAG_DRY_RUN : 0) | (in->experimental ? MESSAGE_FLAG_EXPERIMENTAL : 0);
	return SEND_CALL(c, &m, in);
}
