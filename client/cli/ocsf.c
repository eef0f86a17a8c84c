/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/ocsf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/ocsf-event.h"

/* Like json_object_set_new(), remembering failure; NULL is out of memory. */
static void put(struct ocsf_event *e, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		e->error = -ENOMEM;
}

static void put_text(struct ocsf_event *e, json_t *object, const char *key, const char *text)
{
	if (text && *text)
		put(e, object, key, json_string(text));
}

static void put_number(struct ocsf_event *e, json_t *object, const char *key, uint64_t n)
{
	put(e, object, key, json_integer((json_int_t)n));
}

/* An identifier that OCSF has as a string. */
static void put_id(struct ocsf_event *e, json_t *object, const char *key, uint64_t n)
{
	char digits[21];

	snprintf(digits, sizeof(digits), "%" PRIu64, n);
	put(e, object, key, json_string(digits));
}

static json_t *put_object(struct ocsf_event *e, json_t *object, const char *key)
{
	put(e, object, key, json_object());
	return json_object_get(object, key);
}

static const char *text_of(const struct ocsf_event *e, const char *key)
{
	return cli_string(e->record, key);
}

/* ---- classification ---- */

static void put_class(struct ocsf_event *e)
{
	static const struct {
		int class, category;
		const char *name, *category_name;
	} classes[] = {
		{ CLASS_API_ACTIVITY, 6, "API Activity", "Application Activity" },
		{ CLASS_APPLICATION_LIFECYCLE, 6, "Application Lifecycle", "Application Activity" },
		{ CLASS_ENTITY_MANAGEMENT, 3, "Entity Management", "Identity & Access Management" },
		{ CLASS_BASE, 0, "Base Event", "Uncategorized" },
	};
	size_t i = 0;

	while (classes[i].class != e->class)
		i++;
	put_number(e, e->json, "category_uid", (uint64_t)classes[i].category);
	put_text(e, e->json, "category_name", classes[i].category_name);
	put_number(e, e->json, "class_uid", (uint64_t)e->class);
	put_text(e, e->json, "class_name", classes[i].name);
	put_number(e, e->json, "activity_id", (uint64_t)e->activity);
	put_text(e, e->json, "activity_name", e->activity_name);
	put_number(e, e->json, "type_uid", (uint64_t)(e->class * 100 + e->activity));
}

static void put_severity(struct ocsf_event *e)
{
	static const char *const names[] = {
		"Unknown", "Informational", "Low", "Medium", "High", "Critical"
	};
	unsigned severity = ocsf_severity(e);

	put_number(e, e->json, "severity_id", severity);
	put_text(e, e->json, "severity", names[severity]);
}

static void put_status(struct ocsf_event *e)
{
	const json_t *refusal = json_object_get(e->record, "refusal");
	bool good = is(e->verdict, "allow") || is(e->verdict, "ok"),
	     bad = is(e->verdict, "deny") || is(e->verdict, "failed");

	/* That a crash was written down is no success. */
	if (is(e->kind, "crash")) {
		good = false;
		bad = true;
	}
	put_number(e, e->json, "status_id", good ? 1 : bad ? 2 : 0);
	put_text(e, e->json, "status", good ? "Success" : bad ? "Failure" : "Unknown");
	put_text(e, e->json, "status_code", cli_string(refusal, "name"));
	put_text(e, e->json, "status_detail",
		 *cli_string(refusal, "reason") ? cli_string(refusal, "reason") : text_of(e, "detail"));
}

/* ---- what every event has ---- */

static void put_times(struct ocsf_event *e)
{
	put_number(e, e->json, "time", cli_number(e->record, "time_ns") / 1000000);
	if (!cli_number(e->record, "count"))
		return;
	put_number(e, e->json, "count", cli_number(e->record, "count"));
	put_number(e, e->json, "start_time", cli_number(e->record, "since_ns") / 1000000);
	put_number(e, e->json, "end_time", cli_number(e->record, "until_ns") / 1000000);
}

static json_t *put_product(struct ocsf_event *e, json_t *object, const char *key)
{
	json_t *product = put_object(e, object, key);

	put_text(e, product, "name", "bpfwarden");
	put_text(e, product, "vendor_name", "bpfwarden");
	put_text(e, product, "version", e->log->version);
	return product;
}

static void put_metadata(struct ocsf_event *e)
{
	json_t *metadata = put_object(e, e->json, "metadata");
	uint64_t seq = cli_number(e->record, "seq"), decision = cli_number(e->record, "decision");
	char code[128];

	snprintf(code, sizeof(code), "%.60s%s%.60s", e->kind, *e->action ? "." : "", e->action);
	put_text(e, metadata, "version", OCSF_VERSION);
	put_product(e, metadata, "product");
	put_id(e, metadata, "uid", seq);
	put_number(e, metadata, "sequence", seq);
	put_text(e, metadata, "event_code", code);
	put_text(e, metadata, "log_name", e->log->origin);
	put_text(e, metadata, "log_provider", "bpfwardend");
	put_id(e, metadata, "original_time", cli_number(e->record, "time_ns"));
	/* A decision, what came of it and its end are found by this. */
	if (decision || is(e->kind, "decision"))
		put_id(e, metadata, "correlation_uid", decision ? decision : seq);
	put(e, metadata, "profiles", json_pack("[s, s]", "host", "security_control"));
}

static void put_actor(struct ocsf_event *e)
{
	const json_t *requester = json_object_get(e->record, "requester");
	json_t *actor = put_object(e, e->json, "actor"), *user, *process;
	uint64_t uid = cli_number(requester, "uid"), pid = cli_number(requester, "pid");

	if (!json_is_object(requester)) {
		put_text(e, actor, "app_name", "bpfwardend");
		return;
	}
	user = put_object(e, actor, "user");
	put_text(e, user, "name", cli_string(requester, "user"));
	put_id(e, user, "uid", uid);
	put_number(e, user, "type_id", uid ? 1 : 2);
	put_text(e, user, "type", uid ? "User" : "Admin");
	if (!pid)
		return;
	process = put_object(e, actor, "process");
	put_number(e, process, "pid", pid);
	put_text(e, process, "name", cli_string(requester, "comm"));
}

/* "bpfwarden/HOST/RANDOM": the host is what is between. */
static void find_host(struct ocsf_event *e)
{
	const char *from = e->log->origin ? strchr(e->log->origin, '/') : NULL,
		   *to = from ? strchr(from + 1, '/') : NULL;

	if (to && to > from + 1)
		snprintf(e->host, sizeof(e->host), "%.*s", (int)(to - from - 1), from + 1);
	else
		snprintf(e->host, sizeof(e->host), "localhost");
}

static void put_host(struct ocsf_event *e)
{
	json_t *device = put_object(e, e->json, "device"), *source;

	put_text(e, device, "hostname", e->host);
	put_number(e, device, "type_id", 0);
	put_text(e, device, "type", "Unknown");
	if (e->class != CLASS_API_ACTIVITY && e->class != CLASS_ENTITY_MANAGEMENT)
		return;
	/* The socket is local: who asks is on this host. */
	source = put_object(e, e->json, "src_endpoint");
	put_text(e, source, "hostname", e->host);
}

static void put_decision(struct ocsf_event *e)
{
	bool allowed = is(e->verdict, "allow");
	json_t *policy;

	if (!allowed && !is(e->verdict, "deny"))
		return;
	put_number(e, e->json, "action_id", allowed ? 1 : 2);
	put_text(e, e->json, "action", allowed ? "Allowed" : "Denied");
	put_number(e, e->json, "disposition_id", allowed ? 1 : 2);
	put_text(e, e->json, "disposition", allowed ? "Allowed" : "Blocked");
	if (!*text_of(e, "rule"))
		return;
	policy = put_object(e, e->json, "policy");
	put_text(e, policy, "name", text_of(e, "rule"));
	put_text(e, policy, "uid", text_of(e, "policy"));
}

/* ---- what a class has ---- */

static void bundle_name(const struct ocsf_event *e, char *name, size_t size)
{
	uint64_t serial = cli_number(e->record, "serial");

	snprintf(name, size, serial ? "%.200s-%" PRIu64 : "%.200s", text_of(e, "probe"), serial);
}

static void put_api(struct ocsf_event *e)
{
	json_t *api = put_object(e, e->json, "api"), *resources = json_array(), *item, *service;
	const json_t *target = json_object_get(e->record, "target");
	char name[256];

	put_text(e, api, "operation", *e->action ? e->action : e->kind);
	service = put_object(e, api, "service");
	put_text(e, service, "name", is(e->kind, "read") ? "io.bpfwarden.Audit" : "io.bpfwarden");
	put(e, e->json, "resources", resources);
	if (*text_of(e, "probe")) {
		json_array_append_new(resources, item = json_object());
		bundle_name(e, name, sizeof(name));
		put_text(e, item, "type", "eBPF bundle");
		put_text(e, item, "name", name);
		put_text(e, item, "uid", text_of(e, "digest"));
	}
	if (target) {
		json_array_append_new(resources, item = json_object());
		snprintf(name, sizeof(name), "%s%s%.200s", cli_string(target, "kind"),
			 *cli_string(target, "name") ? " " : "", cli_string(target, "name"));
		put_text(e, item, "type", "target");
		put_text(e, item, "name", name);
	}
}

static void put_entity(struct ocsf_event *e)
{
	json_t *entity = put_object(e, e->json, "entity");
	char name[256];

	if (*text_of(e, "probe")) {
		bundle_name(e, name, sizeof(name));
		put_text(e, entity, "type", "eBPF bundle");
		put_text(e, entity, "name", name);
		put_text(e, entity, "uid", text_of(e, "digest"));
	} else if (is(e->action, "policy-reload")) {
		put_text(e, entity, "type", "policy");
		put_text(e, entity, "name", "policy");
		put_text(e, entity, "uid", text_of(e, "policy"));
	} else {
		put_text(e, entity, "type", *e->action ? e->action : "configuration");
		put_text(e, entity, "name", *e->action ? e->action : "configuration");
	}
	put_text(e, e->json, "comment", text_of(e, "detail"));
}

static void put_application(struct ocsf_event *e)
{
	json_t *app = put_product(e, e->json, "app");

	if (is(e->kind, "crash"))
		put_text(e, put_object(e, app, "feature"), "name", e->action);
}

/* Members that stand elsewhere in the event as they are. The rest goes into unmapped as it is. */
static void put_unmapped(struct ocsf_event *e)
{
	static const char *const mapped[] = { "seq",    "time_ns",  "action",  "probe",  "serial",
					      "digest", "target",   "rule",    "policy", "refusal",
					      "count",  "since_ns", "until_ns" };
	json_t *rest = json_deep_copy(e->record),
	       *requester = rest ? json_object_get(rest, "requester") : NULL;

	for (size_t i = 0; i < sizeof(mapped) / sizeof(*mapped); i++)
		if (e->class || !is(mapped[i], "action"))
			(void)json_object_del(rest, mapped[i]);
	/* Outside decisions the policy has no place of its own. */
	if (!json_object_get(e->json, "policy") && *text_of(e, "policy"))
		put_text(e, rest, "policy", text_of(e, "policy"));
	(void)json_object_del(requester, "uid");
	(void)json_object_del(requester, "user");
	(void)json_object_del(requester, "pid");
	(void)json_object_del(requester, "comm");
	put(e, e->json, "unmapped", rest);
}

static void put_message(struct ocsf_event *e)
{
	char name[256], text[1024];

	bundle_name(e, name, sizeof(name));
	snprintf(text, sizeof(text), "%.20s%s%.64s%s%s: %.20s%s%.600s", e->kind, *e->action ? " " : "",
		 e->action, *name ? " " : "", name, *e->verdict ? e->verdict : "recorded",
		 *text_of(e, "detail") ? ", " : "", text_of(e, "detail"));
	put_text(e, e->json, "message", text);
}

static void fill(struct ocsf_event *e, const char *bytes, size_t size)
{
	ocsf_classify(e);
	find_host(e);
	put_metadata(e);
	put_times(e);
	put_class(e);
	put_severity(e);
	put_status(e);
	put_message(e);
	put_actor(e);
	put_host(e);
	put_decision(e);
	if (e->class == CLASS_API_ACTIVITY)
		put_api(e);
	else if (e->class == CLASS_ENTITY_MANAGEMENT)
		put_entity(e);
	else if (e->class == CLASS_APPLICATION_LIFECYCLE)
		put_application(e);
	put_unmapped(e);
	put(e, e->json, "raw_data", json_stringn(bytes, size));
}

int ocsf_event(const struct ocsf_log *log, const char *bytes, size_t size, char **ret)
{
	_cleanup_json_ json_t *record = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL),
			      *json = json_object();
	struct ocsf_event e = {
		.log = log,
		.record = record,
		.kind = cli_string(record, "kind"),
		.verdict = cli_string(record, "verdict"),
		.action = cli_string(record, "action"),
		.json = json,
	};
	char *text;

	if (!json_is_object(record) || !*e.kind || !cli_number(record, "seq"))
		return -EBADMSG;
	if (!json)
		return -ENOMEM;
	fill(&e, bytes, size);
	text = e.error ? NULL : json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}
