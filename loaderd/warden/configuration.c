/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bpfwarden.conf at start and at a reload. Whatever is wrong with it, the daemon runs: with the defaults,
 * which remove no record, and what is wrong stands in the log.
 */
#include <string.h>

#include "loaderd/warden/warden.h"

void configuration_read(struct warden *w)
{
	static const char *const paths[] = { PATH_CONF_ETC, PATH_CONF_RUN, PATH_CONF_LIB };
	int r;

	w->configuration = (struct configuration)CONFIGURATION_INIT;
	w->configuration_refusal = (struct refusal){ 0 };
	r = configuration_load(paths, sizeof(paths) / sizeof(*paths), 0, &w->configuration,
			       &w->configuration_refusal);
	if (r < 0)
		(void)refusal_set(&w->configuration_refusal, REFUSAL_UNAVAILABLE, "bpfwarden.conf",
				  "it cannot be read: %s", strerror(-r));
	if (r)
		process_log(3, "the configuration is refused, the defaults hold: %s: %s",
			    w->configuration_refusal.subject, w->configuration_refusal.reason);
}

void configuration_record(struct warden *w, struct connection *by)
{
	const struct refusal *refusal = &w->configuration_refusal;
	char text[CONFIGURATION_TEXT_MAX];
	struct act act = { .by = by, .action = "configuration", .detail = text };

	configuration_describe(&w->configuration, text);
	if (refusal->code) {
		act.refusal = refusal;
		act.detail = refusal->subject; /* the place: the sentence alone does not say where */
	}
	record_event(w, AUDIT_CHANGE, &act);
}

static bool is_same(const struct configuration *a, const struct configuration *b)
{
	/* Paths are those of the table above. */
	return a->audit_keep == b->audit_keep && a->audit_segment_size == b->audit_segment_size &&
	       a->path == b->path;
}

void configuration_reload(struct warden *w, struct connection *by)
{
	const struct configuration before = w->configuration;
	bool refused = w->configuration_refusal.code;

	configuration_read(w);
	if (!refused && !w->configuration_refusal.code && is_same(&before, &w->configuration))
		return;
	audit_configure(w->audit, w->configuration.audit_segment_size, w->configuration.audit_keep);
	configuration_record(w, by);
}
