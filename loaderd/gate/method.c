/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/gate/method.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format/interface.h"
#include "loaderd/gate/connection.h"
#include "loaderd/gate/reply.h"
#include "loaderd/gate/row.h"

#define SERVICE "org.varlink.service."

/* Everything that some method takes; each row of the table names its own part. */
struct method_input {
	const char *probe, *target, *attachment, *name, *reason, *verdict, *action, *interface;
	struct varlink_int serial, duration, since, until, from, limit, uid, signatures, files;
	bool dry_run, experimental, all, reverse;
	json_t *data, *parameters;
	bool bound; /* Run */
	const int *fds;
	size_t n_fds;
};

#define FIELD(name_, type_, required_)                                         \
	{                                                                      \
#name_, type_, required_, offsetof(struct method_input, name_) \
	}

/* Copies a text that fits its array and that the warden will find printable. */
static bool put_text(char *array, size_t size, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n >= size)
		return false;
	if (n)
		memcpy(array, text, n);
	return message_text_ok(array, size);
}
#define PUT_TEXT(array, text) put_text((array), sizeof(array), (text))

static bool put_u64(uint64_t *to, const struct varlink_int *from)
{
	*to = (uint64_t)from->value;
	return from->value >= 0;
}

/* The id of an attachment as reply_write_attachment() prints it. */
static bool put_id(uint64_t *to, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (!n || n > 16 || strspn(text, "0123456789abcdef") != n)
		return false;
	*to = strtoull(text, NULL, 16);
	return *to != 0;
}

/* Numbers the call and sends it. */
static const char *send_call(struct connection *c, struct message *m, size_t size,
			     const struct method_input *in)
{
	m->connection = c->number;
	m->call = c->call.id;
	(void)gate_send(c->gate, m, size, in->fds, in->n_fds);
	return NULL;
}
#define SEND_CALL(c, record, in) send_call((c), &(record)->m, sizeof(*(record)), (in))

static const char *send_plain(struct connection *c, enum message_type type, const struct method_input *in)
{
	struct message m = { .type = type };

	return send_call(c, &m, sizeof(m), in);
}

static const char *perform_list(struct connection *c, const struct method_input *in)
{
	return send_plain(c, MESSAGE_LIST, in);
}

static const char *perform_registry_list(struct connection *c, const struct method_input *in)
{
	return send_plain(c, MESSAGE_REGISTRY_LIST, in);
}

static const char *perform_mine(struct connection *c, const struct method_input *in)
{
	return send_plain(c, MESSAGE_POLICY_MINE, in);
}

static const char *perform_reload(struct connection *c, const struct method_input *in)
{
	struct message_flags m = { .m.type = MESSAGE_POLICY_RELOAD };

	m.flags = in->dry_run ? MESSAGE_FLAG_DRY_RUN : 0;
	return SEND_CALL(c, &m, in);
}

static const char *perform_describe(struct connection *c, const struct method_input *in)
{
	struct message_bundle m = { .m.type = MESSAGE_DESCRIBE };

	if (!PUT_TEXT(m.name, in->probe))
		return "probe";
	if (!put_u64(&m.serial, &in->serial))
		return "serial";
	return SEND_CALL(c, &m, in);
}

static const char *perform_revoke(struct connection *c, const struct method_input *in)
{
	struct message_bundle m = { .m.type = MESSAGE_REVOKE };

	if (!PUT_TEXT(m.name, in->name))
		return "name";
	if (!put_u64(&m.serial, &in->serial) || !m.serial)
		return "serial";
	if (!PUT_TEXT(m.reason, in->reason))
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

static const char *perform_attach(struct connection *c, const struct method_input *in)
{
	struct message_attach m = { .m.type = MESSAGE_ATTACH };

	if (!PUT_TEXT(m.probe, in->probe))
		return "probe";
	if (!put_u64(&m.serial, &in->serial))
		return "serial";
	if (!put_target(&m, in->target))
		return "target";
	if (!put_data(&m.data, in->data))
		return "data";
	if (!put_parameters(&m, in->parameters))
		return "parameters";
	/* More than a century is taken for a mistake, and keeps milliseconds within their type. */
	if (in->duration.present && (in->duration.value <= 0 || in->duration.value > INT64_C(4000000000)))
		return "duration";
	m.duration = (uint64_t)in->duration.value * 1000;
	m.flags = (in->dry_run ? MESSAGE_FLAG_DRY_RUN : 0) |
		  (in->experimental ? MESSAGE_FLAG_EXPERIMENTAL : 0) | (in->bound ? MESSAGE_FLAG_RUN : 0);
	return SEND_CALL(c, &m, in);
}

static const char *perform_run(struct connection *c, const struct method_input *in)
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

static const char *perform_watch(struct connection *c, const struct method_input *in)
{
	return send_id(c, MESSAGE_WATCH, in);
}

static const char *perform_read(struct connection *c, const struct method_input *in)
{
	return send_id(c, MESSAGE_READ, in);
}

static const char *perform_detach(struct connection *c, const struct method_input *in)
{
	return send_id(c, MESSAGE_DETACH, in);
}

static const char *perform_status(struct connection *c, const struct method_input *in)
{
	struct message_status m = { .m.type = MESSAGE_STATUS };

	m.flags = in->all ? MESSAGE_FLAG_ALL : 0;
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

static const char *perform_enroll(struct connection *c, const struct method_input *in)
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

static const char *perform_query(struct connection *c, const struct method_input *in)
{
	struct message_audit_query m = { .m.type = MESSAGE_AUDIT_QUERY, .uid = UINT32_MAX };

	if (!put_u64(&m.since, &in->since))
		return "since";
	if (!put_u64(&m.until, &in->until))
		return "until";
	if (!put_u64(&m.from, &in->from))
		return "from";
	if (!put_u64(&m.limit, &in->limit))
		return "limit";
	if (in->uid.present && (in->uid.value < 0 || in->uid.value >= UINT32_MAX))
		return "uid";
	if (in->uid.present)
		m.uid = (uint32_t)in->uid.value;
	if (in->attachment && !put_id(&m.attachment, in->attachment))
		return "attachment";
	if (!PUT_TEXT(m.probe, in->probe))
		return "probe";
	if (!PUT_TEXT(m.verdict, in->verdict))
		return "verdict";
	if (!PUT_TEXT(m.action, in->action))
		return "action";
	m.flags = in->reverse ? MESSAGE_FLAG_REVERSE : 0;
	return SEND_CALL(c, &m, in);
}

/* The gate's own answers. */
static const char *perform_info(struct connection *c, const struct method_input *in)
{
	struct json_text *t = &c->output;
	size_t start = t->size;

	(void)in;
	varlink_reply_begin(t);
	json_member_string(t, "vendor", "bpfwarden", SIZE_MAX);
	json_member_string(t, "product", "bpfwarden", SIZE_MAX);
	json_member_string(t, "version", BPFWARDEN_VERSION, SIZE_MAX);
	json_member_string(t, "url", "https://bpfwarden.io/", SIZE_MAX);
	json_append_key(t, "interfaces");
	JSON_APPEND_LITERAL(t, "[");
	for (size_t i = 0; i < n_interfaces; i++) {
		if (i)
			JSON_APPEND_LITERAL(t, ",");
		json_append_string(t, interfaces[i].name, SIZE_MAX);
	}
	JSON_APPEND_LITERAL(t, "]");
	varlink_reply_end(t, false);
	reply_send(c, start, true);
	return NULL;
}

static const struct interface *find_interface(const char *name, size_t size)
{
	for (size_t i = 0; i < n_interfaces; i++)
		if (strlen(interfaces[i].name) == size && !memcmp(interfaces[i].name, name, size))
			return &interfaces[i];
	return NULL;
}

static const char *perform_description(struct connection *c, const struct method_input *in)
{
	const struct interface *i = find_interface(in->interface, strlen(in->interface));
	size_t start = c->output.size;

	if (!i) {
		reply_error(c, SERVICE "InterfaceNotFound", "interface", in->interface);
		return NULL;
	}
	varlink_reply_begin(&c->output);
	json_member_string(&c->output, "description", i->description, SIZE_MAX);
	varlink_reply_end(&c->output, false);
	reply_send(c, start, true);
	return NULL;
}

static const struct varlink_field attach_fields[] = {
	FIELD(probe, VARLINK_STRING, true),       FIELD(serial, VARLINK_INT, false),
	FIELD(target, VARLINK_STRING, false),     FIELD(data, VARLINK_ARRAY, false),
	FIELD(parameters, VARLINK_OBJECT, false), FIELD(duration, VARLINK_INT, false),
	FIELD(experimental, VARLINK_BOOL, false), FIELD(dry_run, VARLINK_BOOL, false),
};
static const struct varlink_field describe_fields[] = {
	FIELD(probe, VARLINK_STRING, true),
	FIELD(serial, VARLINK_INT, false),
};
static const struct varlink_field attachment_fields[] = { FIELD(attachment, VARLINK_STRING, true) };
static const struct varlink_field status_fields[] = { FIELD(all, VARLINK_BOOL, false) };
static const struct varlink_field reload_fields[] = { FIELD(dry_run, VARLINK_BOOL, false) };
static const struct varlink_field interface_fields[] = { FIELD(interface, VARLINK_STRING, true) };
static const struct varlink_field enroll_fields[] = {
	FIELD(signatures, VARLINK_INT, true),
	FIELD(files, VARLINK_INT, true),
	FIELD(experimental, VARLINK_BOOL, false),
	FIELD(dry_run, VARLINK_BOOL, false),
};
static const struct varlink_field revoke_fields[] = {
	FIELD(name, VARLINK_STRING, true),
	FIELD(serial, VARLINK_INT, true),
	FIELD(reason, VARLINK_STRING, false),
	FIELD(dry_run, VARLINK_BOOL, false),
};
static const struct varlink_field query_fields[] = {
	FIELD(since, VARLINK_INT, false),         FIELD(until, VARLINK_INT, false),
	FIELD(from, VARLINK_INT, false),          FIELD(limit, VARLINK_INT, false),
	FIELD(uid, VARLINK_INT, false),           FIELD(probe, VARLINK_STRING, false),
	FIELD(verdict, VARLINK_STRING, false),    FIELD(action, VARLINK_STRING, false),
	FIELD(attachment, VARLINK_STRING, false), FIELD(reverse, VARLINK_BOOL, false),
};

#define FIELDS(array)     (array), sizeof(array) / sizeof((array)[0])
#define ROWS(type, write) MESSAGE_REPLY_##type, (write)
#define NO_ROWS           MESSAGE_NONE, NULL
#define PROBE             "io.bpfwarden.Probe."
#define REGISTRY          "io.bpfwarden.Registry."
/* clang-format off */
static const struct method methods[] = {
	{ PROBE "List", REPLY_ROWS, false, NULL, 0, ROWS(PROBE, row_probe), perform_list },
	{ PROBE "Describe", REPLY_ONE, false, FIELDS(describe_fields), ROWS(SPEC, row_description), perform_describe },
	{ PROBE "Attach", REPLY_ONE, false, FIELDS(attach_fields), ROWS(ATTACHMENT, row_attachment), perform_attach },
	{ PROBE "Run", REPLY_STREAM, false, FIELDS(attach_fields), ROWS(ATTACHMENT, row_attachment), perform_run },
	{ PROBE "Watch", REPLY_STREAM, false, FIELDS(attachment_fields), NO_ROWS, perform_watch },
	{ PROBE "Read", REPLY_READ, false, FIELDS(attachment_fields), NO_ROWS, perform_read },
	{ PROBE "Detach", REPLY_EMPTY, false, FIELDS(attachment_fields), NO_ROWS, perform_detach },
	{ PROBE "Status", REPLY_ROWS, false, FIELDS(status_fields), ROWS(ATTACHMENT, row_attachment), perform_status },
	{ REGISTRY "List", REPLY_ROWS, false, NULL, 0, ROWS(PROBE, row_bundle), perform_registry_list },
	{ REGISTRY "Enroll", REPLY_ONE, true, FIELDS(enroll_fields), ROWS(PROBE, row_bundle), perform_enroll },
	{ REGISTRY "Revoke", REPLY_ONE, false, FIELDS(revoke_fields), ROWS(TEXT, row_outputs), perform_revoke },
	{ "io.bpfwarden.Policy.Mine", REPLY_ROWS, false, NULL, 0, ROWS(TEXT, row_section), perform_mine },
	{ "io.bpfwarden.Policy.Reload", REPLY_EMPTY, false, FIELDS(reload_fields), NO_ROWS, perform_reload },
	{ "io.bpfwarden.Audit.Query", REPLY_ROWS, false, FIELDS(query_fields), ROWS(TEXT, row_record), perform_query },
	{ SERVICE "GetInfo", REPLY_LOCAL, false, NULL, 0, NO_ROWS, perform_info },
	{ SERVICE "GetInterfaceDescription", REPLY_LOCAL, false, FIELDS(interface_fields), NO_ROWS,
	  perform_description },
};
/* clang-format on */

bool method_streams(const struct method *method)
{
	return method->reply == REPLY_ROWS || method->reply == REPLY_STREAM;
}

bool method_is_run(const struct method *method)
{
	return method->perform == perform_run;
}

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

static void method_unknown(struct connection *c, const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t n = dot ? (size_t)(dot - name) : strlen(name);
	char interface[VARLINK_METHOD_NAME_MAX] = "";

	if (find_interface(name, n)) {
		reply_error(c, SERVICE "MethodNotFound", "method", name);
		return;
	}
	memcpy(interface, name, n);
	reply_error(c, SERVICE "InterfaceNotFound", "interface", interface);
}

static void invalid_parameter(struct connection *c, const char *name)
{
	reply_error(c, SERVICE "InvalidParameter", "parameter", name);
}

static void perform(struct connection *c, const struct varlink_call *call, const int *fds, size_t n_fds)
{
	const struct method *method = c->call.method;
	struct method_input in = { .fds = fds, .n_fds = n_fds };
	char name[REFUSAL_SUBJECT_MAX];
	const char *bad;

	if (call->oneway && (call->more || method_streams(method))) {
		/* The one error that a oneway call is told of: it would otherwise wait for rows for ever. */
		c->call.oneway = false;
		invalid_parameter(c, "oneway");
	} else if (call->upgrade) {
		invalid_parameter(c, "upgrade");
	} else if (!varlink_parameters(call->parameters, method->fields, method->n_fields, &in, name,
				       sizeof(name))) {
		invalid_parameter(c, name);
	} else if (method_streams(method) && !call->more) {
		reply_error(c, SERVICE "ExpectedMore", NULL, NULL);
	} else {
		bad = method->perform(c, &in);
		if (bad)
			invalid_parameter(c, bad);
	}
}

int method_call(struct connection *c, const char *frame, size_t size, const int *fds, size_t n_fds)
{
	struct varlink_call call;
	const struct method *method;
	int r;

	r = varlink_call_parse(frame, size, &call);
	if (r < 0)
		return r;
	method = find_method(call.method);
	if (n_fds && (!method || !method->takes_fds)) {
		varlink_call_clear(&call);
		return -EBADMSG;
	}
	c->call.id = ++c->gate->last_call;
	c->call.method = method;
	c->call.oneway = call.oneway;
	if (method)
		perform(c, &call, fds, n_fds);
	else
		method_unknown(c, call.method);
	varlink_call_clear(&call);
	return 0;
}
