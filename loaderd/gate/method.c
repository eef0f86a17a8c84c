/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/gate/method.h"

#include <errno.h>
#include <string.h>

#include "format/interface.h"
#include "loaderd/gate/connection.h"
#include "loaderd/gate/perform.h"
#include "loaderd/gate/reply.h"
#include "loaderd/gate/row.h"

#define SERVICE "org.varlink.service."

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

#define FIELD(name_, type_, required_)                                         \
	{                                                                      \
#name_, type_, required_, offsetof(struct method_input, name_) \
	}

static const struct varlink_field attach_fields[] = {
	FIELD(probe, VARLINK_STRING, true),       FIELD(serial, VARLINK_INT, false),
	FIELD(target, VARLINK_STRING, false),     FIELD(data, VARLINK_ARRAY, false),
	FIELD(parameters, VARLINK_OBJECT, false), FIELD(duration, VARLINK_INT, false),
	FIELD(experimental, VARLINK_BOOL, false), FIELD(dry_run, VARLINK_BOOL, false),
	FIELD(privacy, VARLINK_STRING, false),
};
static const struct varlink_field explain_fields[] = {
	FIELD(user, VARLINK_STRING, false),      FIELD(groups, VARLINK_ARRAY, false),
	FIELD(namespace, VARLINK_STRING, false), FIELD(from_cgroup, VARLINK_STRING, false),
	FIELD(action, VARLINK_STRING, false),    FIELD(probe, VARLINK_STRING, false),
	FIELD(serial, VARLINK_INT, false),       FIELD(experimental, VARLINK_BOOL, false),
	FIELD(target, VARLINK_STRING, false),    FIELD(data, VARLINK_ARRAY, false),
	FIELD(privacy, VARLINK_STRING, false),   FIELD(parameters, VARLINK_OBJECT, false),
	FIELD(persist, VARLINK_BOOL, false),     FIELD(minute, VARLINK_INT, false),
	FIELD(brief, VARLINK_BOOL, false),       FIELD(on_disk, VARLINK_BOOL, false),
};
static const struct varlink_field text_fields[] = {
	FIELD(at, VARLINK_INT, false),
	FIELD(on_disk, VARLINK_BOOL, false),
};
static const struct varlink_field describe_fields[] = {
	FIELD(probe, VARLINK_STRING, true),
	FIELD(serial, VARLINK_INT, false),
};
static const struct varlink_field attachment_fields[] = { FIELD(attachment, VARLINK_STRING, true) };
static const struct varlink_field status_fields[] = { FIELD(all, VARLINK_BOOL, false),
						      FIELD(cost, VARLINK_BOOL, false) };
static const struct varlink_field dry_fields[] = { FIELD(dry_run, VARLINK_BOOL, false) };
static const struct varlink_field interface_fields[] = { FIELD(interface, VARLINK_STRING, true) };
static const struct varlink_field enroll_fields[] = {
	FIELD(signatures, VARLINK_INT, true),
	FIELD(files, VARLINK_INT, true),
	FIELD(experimental, VARLINK_BOOL, false),
	FIELD(dry_run, VARLINK_BOOL, false),
};
static const struct varlink_field bundle_fields[] = {
	FIELD(name, VARLINK_STRING, true),
	FIELD(serial, VARLINK_INT, false),
};
static const struct varlink_field promote_fields[] = {
	FIELD(name, VARLINK_STRING, true),
	FIELD(serial, VARLINK_INT, true),
	FIELD(dry_run, VARLINK_BOOL, false),
};
static const struct varlink_field revoke_fields[] = {
	FIELD(name, VARLINK_STRING, false),        FIELD(serial, VARLINK_INT, false),
	FIELD(file, VARLINK_STRING, false),        FIELD(key, VARLINK_STRING, false),
	FIELD(certificate, VARLINK_STRING, false), FIELD(reason, VARLINK_STRING, false),
	FIELD(dry_run, VARLINK_BOOL, false),
};
static const struct varlink_field query_fields[] = {
	FIELD(since, VARLINK_INT, false),         FIELD(until, VARLINK_INT, false),
	FIELD(from, VARLINK_INT, false),          FIELD(limit, VARLINK_INT, false),
	FIELD(uid, VARLINK_INT, false),           FIELD(probe, VARLINK_STRING, false),
	FIELD(verdict, VARLINK_STRING, false),    FIELD(action, VARLINK_STRING, false),
	FIELD(attachment, VARLINK_STRING, false), FIELD(kind, VARLINK_STRING, false),
	FIELD(reverse, VARLINK_BOOL, false),      FIELD(follow, VARLINK_BOOL, false),
};
static const struct varlink_field checkpoints_fields[] = {
	FIELD(above, VARLINK_INT, false),
	FIELD(limit, VARLINK_INT, false),
};
static const struct varlink_field prove_fields[] = {
	FIELD(seq, VARLINK_INT, false),
	FIELD(from, VARLINK_INT, false),
	FIELD(size, VARLINK_INT, true),
};
static const struct varlink_field digest_fields[] = { FIELD(digest, VARLINK_STRING, true) };

#define FIELDS(array)     (array), sizeof(array) / sizeof((array)[0])
#define ROWS(type, write) MESSAGE_REPLY_##type, (write)
#define NO_ROWS           MESSAGE_NONE, NULL
#define PROBE             "io.bpfwarden.Probe."
#define REGISTRY          "io.bpfwarden.Registry."
#define POLICY            "io.bpfwarden.Policy."
#define AUDIT             "io.bpfwarden.Audit."
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
	{ REGISTRY "Describe", REPLY_ONE, false, FIELDS(bundle_fields), ROWS(BUNDLE, row_registered), perform_registry_describe },
	{ REGISTRY "Enroll", REPLY_ONE, true, FIELDS(enroll_fields), ROWS(PROBE, row_bundle), perform_enroll },
	{ REGISTRY "Promote", REPLY_ONE, false, FIELDS(promote_fields), ROWS(PROBE, row_bundle), perform_promote },
	{ REGISTRY "Revoke", REPLY_ONE, false, FIELDS(revoke_fields), ROWS(TEXT, row_outputs), perform_revoke },
	{ REGISTRY "AcceptClock", REPLY_ONE, false, FIELDS(dry_fields), ROWS(TEXT, row_outputs), perform_accept_clock },
	{ POLICY "Mine", REPLY_ROWS, false, NULL, 0, ROWS(TEXT, row_section), perform_mine },
	{ POLICY "Explain", REPLY_ROWS, false, FIELDS(explain_fields), ROWS(TEXT, row_outputs), perform_explain },
	{ POLICY "Text", REPLY_ROWS, false, FIELDS(text_fields), ROWS(TEXT, row_outputs), perform_text },
	{ POLICY "Reload", REPLY_ONE, false, FIELDS(dry_fields), ROWS(TEXT, row_outputs), perform_reload },
	{ AUDIT "Query", REPLY_ROWS, false, FIELDS(query_fields), ROWS(TEXT, row_record), perform_query },
	{ AUDIT "Head", REPLY_ONE, false, NULL, 0, ROWS(TEXT, row_outputs), perform_head },
	{ AUDIT "Checkpoints", REPLY_ROWS, false, FIELDS(checkpoints_fields), ROWS(TEXT, row_outputs), perform_checkpoints },
	{ AUDIT "Prove", REPLY_ONE, false, FIELDS(prove_fields), ROWS(TEXT, row_outputs), perform_prove },
	{ AUDIT "Text", REPLY_ROWS, false, FIELDS(digest_fields), ROWS(TEXT, row_outputs), perform_audit_text },
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
