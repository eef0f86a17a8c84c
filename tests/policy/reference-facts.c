/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/policy/reference-facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void add(struct facts *f, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(f->text[f->n++], sizeof(f->text[0]), format, arguments);
	va_end(arguments);
}

static const char *yes_or_no(bool yes)
{
	return yes ? "yes" : "no";
}

void facts_add_ancestors(const char *path, struct facts *f)
{
	for (size_t n = strlen(path); n > 1; n--)
		if (path[n] == '\0' || path[n] == '/')
			add(f, "%.*s", (int)n, path);
	add(f, "/");
}

/* What the service manager made: the first component that is no slice; it puts '_' before some names. */
static void add_unit(const char *path, struct facts *f)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(++p, "/"), escape = *p == '_';

		if (n && (n < 6 || strncmp(p + n - 6, ".slice", 6) != 0)) {
			if (n > escape)
				add(f, "%.*s", (int)(n - escape), p + escape);
			return;
		}
		p += n;
	}
}

void facts_add_caller(const char *key, const struct policy_request *q, struct facts *f)
{
	static const char *const namespaces[] = { "", "host", "container" };

	if (!strcmp(key, "user") || !strcmp(key, "uid"))
		add(f, "%u", q->uid);
	else if (!strcmp(key, "namespace"))
		q->namespace == POLICY_NAMESPACE_UNKNOWN ? (void)(f->unknown = true)
							 : add(f, "%s", namespaces[q->namespace]);
	else if (!strcmp(key, "time"))
		add(f, "%u", q->minute);
	else if (!strcmp(key, "group"))
		for (size_t i = 0; i < q->n_gids; i++)
			add(f, "%u", q->gids[i]);
	else if (!q->cgroup)
		f->unknown = true;
	else
		(!strcmp(key, "from-unit") ? add_unit : facts_add_ancestors)(q->cgroup, f);
}

static void add_helpers(const struct spec_program *p, struct facts *f)
{
	for (uint32_t i = 0; i < p->n_helpers; i++) {
		const char *name = spec_helper_name(p->helpers[i]);

		name ? add(f, "%s", name) : add(f, "%u", p->helpers[i]);
	}
}

static void add_programs(const char *key, const struct policy_request *q, struct facts *f)
{
	const struct spec_variant *v = NULL;

	if (q->spec && q->variant < q->spec->n_variants)
		v = &q->spec->variants[q->variant];
	f->unknown = !v;
	if (v && !strcmp(key, "may-modify"))
		add(f, "%s", yes_or_no(spec_may_modify(v)));
	for (uint32_t i = 0; v && i < v->n_programs; i++) {
		if (!strcmp(key, "program-type"))
			add(f, "%s", spec_program_type_name(v->programs[i].type));
		if (!strcmp(key, "hook"))
			add(f, "%s", v->programs[i].hook);
		if (!strcmp(key, "helper"))
			add_helpers(&v->programs[i], f);
	}
}

void facts_add_bundle(const char *key, const struct policy_request *q, struct facts *f)
{
	char roles[256], *save = NULL;

	if (!strcmp(key, "probe")) {
		add(f, "%s", q->probe);
	} else if (!strcmp(key, "channel")) {
		add(f, "%s", q->channel == POLICY_CHANNEL_PRODUCTION ? "production" : "experimental");
	} else if (!strcmp(key, "version")) {
		f->unknown = !q->spec;
		if (q->spec)
			add(f, "%s", q->spec->version);
	} else if (!strcmp(key, "role")) {
		f->unknown = !q->roles;
		snprintf(roles, sizeof(roles), "%s", q->roles ? q->roles : "");
		for (char *role = strtok_r(roles, " ", &save); role; role = strtok_r(NULL, " ", &save))
			add(f, "%s", role);
	} else {
		add_programs(key, q, f);
	}
}

void facts_add_signers(const char *key, const struct policy_request *q, struct facts *f)
{
	(void)key;
	f->unknown = !q->signers;
	for (size_t i = 0; q->signers && i < q->n_signers; i++) {
		char hex[DIGEST_HEX_MAX];

		for (size_t j = 0; j < DIGEST_SIZE; j++)
			snprintf(hex + 2 * j, 3, "%02x", q->signers[i].key[j]);
		add(f, "key:%s", hex);
		add(f, "%s", q->signers[i].subject);
	}
}

void facts_add_request(const char *key, const struct policy_request *q, struct facts *f)
{
	static const char *const classes[] = { "safe", "bound", "pii" };

	if (!strcmp(key, "action")) {
		add(f, "%s", policy_action_name(q->action));
	} else if (!strcmp(key, "persist")) {
		add(f, "%s", yes_or_no(q->persist));
	} else if (!strcmp(key, "kernel-verified")) {
		add(f, "%s", yes_or_no(q->kernel_verified));
	} else if (!strcmp(key, "target")) {
		add(f, "a target");
	} else if (!strcmp(key, "data")) {
		if (q->data & POLICY_DATA_AGGREGATES)
			add(f, "aggregates");
		if (q->data & POLICY_DATA_EVENTS)
			add(f, "events");
	} else {
		for (uint32_t i = 0; i <= q->privacy; i++)
			add(f, "%s", classes[i]);
	}
}
