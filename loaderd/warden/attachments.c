/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is attached for whom, until its deadline or, of a run, until its last connection has been gone for a
 * while. The loader holds the same list beside the kernel objects; after a restart the warden takes it over
 * from there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

struct attached *attached_find(struct warden *w, uint64_t id)
{
	struct attached *at = w->attached;

	while (at && at->a.id != id)
		at = at->next;
	return at;
}

/* --- instances ---------------------------------------------------------------------------------------- */

struct instance_row *instance_row_new(struct warden *w, const uint8_t *digest, const uint8_t *params_digest)
{
	struct instance_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->number = ++w->next_instance;
	memcpy(row->digest, digest, DIGEST_SIZE);
	memcpy(row->params_digest, params_digest, DIGEST_SIZE);
	row->loading = true;
	row->next = w->instances;
	w->instances = row;
	return row;
}

struct instance_row *instance_row_find(struct warden *w, const uint8_t *digest, const uint8_t *params_digest)
{
	struct instance_row *row = w->instances;

	while (row && (memcmp(row->digest, digest, DIGEST_SIZE) ||
		       memcmp(row->params_digest, params_digest, DIGEST_SIZE)))
		row = row->next;
	return row;
}

bool instance_row_verified(const struct instance_row *row)
{
	return !strncmp(row->kernel_verified, "yes ", 4);
}

static bool on_unloaded(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	(void)order;
	(void)m;
	(void)fds;
	(void)n_fds;
	return true;
}

static void unload(struct warden *w, uint64_t number)
{
	struct message_instance_id m = { .m = { .type = MESSAGE_UNLOAD }, .instance = number };
	struct order *order = order_new(w, SIDE_LOADER, on_unloaded, NULL);

	if (order)
		(void)order_send(order, &m.m, sizeof(m), NULL, 0);
}

void instance_row_release(struct warden *w, struct instance_row *row)
{
	struct instance_row **p = &w->instances;

	if (--row->users)
		return;
	while (*p != row)
		p = &(*p)->next;
	*p = row->next;
	unload(w, row->number);
	free(row);
}

/* --- life --------------------------------------------------------------------------------------------- */

static struct attached *attached_free(struct attached *at)
{
	if (!at)
		return NULL;
	sd_event_source_disable_unref(at->deadline);
	sd_event_source_disable_unref(at->linger);
	ending_free(at->end);
	free(at);
	return NULL;
}

void attached_free_all(struct warden *w)
{
	while (w->attached) {
		struct attached *next = w->attached->next;

		attached_free(w->attached);
		w->attached = next;
	}
	while (w->instances) {
		struct instance_row *next = w->instances->next;

		free(w->instances);
		w->instances = next;
	}
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	attached_end(userdata, &(struct end){ .reason = "its deadline has come" });
	return 0;
}

static int on_linger(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	attached_end(userdata, &(struct end){ .reason = "its last connection closed" });
	return 0;
}

static void start_linger(struct attached *at)
{
	if (!(at->a.flags & MESSAGE_FLAG_RUN) || at->n_watchers || at->linger || at->ending)
		return;
	(void)sd_event_add_time_relative(at->w->event, &at->linger, CLOCK_MONOTONIC,
					 ATTACHMENT_LINGER * 1000ULL, 0, on_linger, at);
}

/* The moment of CLOCK_BOOTTIME that CLOCK_REALTIME calls `since`, as far as the clock was not set meanwhile.
 */
static uint64_t boottime_of(uint64_t since)
{
	uint64_t now = now_realtime(), boottime = now_boottime();
	uint64_t age = now > since ? now - since : 0;

	return age < boottime ? boottime - age : 0;
}

void attached_set_deadline(struct attached *at, uint64_t deadline)
{
	at->a.deadline = deadline;
	(void)sd_event_source_set_time(at->deadline, deadline / 1000);
}

struct attached *attached_add(struct warden *w, const struct attachment *a, struct instance_row *instance)
{
	struct attached *at = calloc(1, sizeof(*at));

	if (!at)
		return NULL;
	at->w = w;
	at->a = *a;
	at->instance = instance;
	at->started = boottime_of(a->since);
	if (sd_event_add_time(w->event, &at->deadline, CLOCK_BOOTTIME, a->deadline / 1000, 0, on_deadline,
			      at) < 0) {
		free(at);
		return NULL;
	}
	instance->users++;
	at->next = w->attached;
	w->attached = at;
	units_changed(w);
	cost_watch(w);
	return at;
}

void attached_watch(struct attached *at, uint64_t connection)
{
	for (size_t i = 0; i < at->n_watchers; i++)
		if (at->watchers[i] == connection)
			return;
	if (at->n_watchers < CONNECTIONS_PER_UID_MAX)
		at->watchers[at->n_watchers++] = connection;
	at->linger = sd_event_source_disable_unref(at->linger);
}

void attached_unwatch(struct warden *w, uint64_t connection)
{
	for (struct attached *at = w->attached; at; at = at->next) {
		size_t kept = 0;

		for (size_t i = 0; i < at->n_watchers; i++)
			if (at->watchers[i] != connection)
				at->watchers[kept++] = at->watchers[i];
		if (kept == at->n_watchers)
			continue;
		at->n_watchers = kept;
		start_linger(at);
	}
}

void attached_usage(struct warden *w, uid_t uid, uint64_t *ret_number, uint64_t *ret_memory)
{
	*ret_number = *ret_memory = 0;
	for (struct attached *at = w->attached; at; at = at->next)
		if (at->a.uid == uid) {
			(*ret_number)++;
			*ret_memory += at->a.memory;
		}
}

/* --- gone --------------------------------------------------------------------------------------------- */

void attached_no_such(uint64_t id, struct refusal *refusal)
{
	char text[24];

	snprintf(text, sizeof(text), "%016" PRIx64, id);
	refusal_set(refusal, REFUSAL_NO_SUCH_ATTACHMENT, text,
		    "you have no attachment %s: it may have ended, see bpfwarden ps", text);
}

void attached_forget(struct attached *at)
{
	struct warden *w = at->w;
	struct attached **p = &w->attached;

	while (*p != at)
		p = &(*p)->next;
	*p = at->next;
	instance_row_release(w, at->instance);
	revoke_ended(w, at->a.id);
	policy_ended(w, at->a.id);
	attached_free(at);
	units_changed(w);
	cost_watch(w);
}

/* --- after a restart ---------------------------------------------------------------------------------- */

static struct instance_row *row_by_number(struct warden *w, uint64_t number)
{
	struct instance_row *row = w->instances;

	while (row && row->number != number)
		row = row->next;
	return row;
}

static void take_over_instance(struct warden *w, const struct message_loaded *m)
{
	struct instance_row *row = row_by_number(w, m->instance);

	if (!row) {
		row = instance_row_new(w, m->digest, m->params_digest);
		if (!row)
			return;
		row->number = m->instance;
	}
	if (w->next_instance < m->instance)
		w->next_instance = m->instance;
	row->loading = false;
	row->n_programs = m->n_programs <= SPEC_PROGRAMS_MAX ? m->n_programs : 0;
	memcpy(row->program_ids, m->program_ids, sizeof(row->program_ids));
	snprintf(row->kernel_verified, sizeof(row->kernel_verified), "%.31s", m->kernel_verified);
}

static int found(const struct audit_row *row, void *userdata)
{
	(void)row;
	*(bool *)userdata = true;
	return 1;
}

/* The warden may have died before the commit that was to carry the outcome. */
static bool has_outcome(struct warden *w, const struct attachment *a)
{
	struct audit_filter filter = { .action = "attach", .verdict = AUDIT_OK, .limit = 1 };
	struct refusal refusal;
	bool is_there = false;
	char id[24];

	snprintf(id, sizeof(id), "%016" PRIx64, a->id);
	filter.attachment = id;
	return audit_query(w->audit, &filter, found, &is_there, &refusal) == 0 && is_there;
}

static void take_over_attachment(struct warden *w, const struct attachment *a)
{
	struct instance_row *row = row_by_number(w, a->instance);
	struct act act = { .action = "attach",
			   .probe = a->probe,
			   .attachment = a->id,
			   .decision = a->decision,
			   .detail = "still attached after a restart" };
	struct attached *at;

	at = attached_find(w, a->id);
	if (at)
		at->alive = true;
	if (at || !row || !MESSAGE_TEXT_OK(a->probe) || !MESSAGE_TEXT_OK(a->target) ||
	    !MESSAGE_TEXT_OK(a->user) || !MESSAGE_TEXT_OK(a->rule) || !MESSAGE_TEXT_OK(a->from_cgroup) ||
	    a->target_kind >= _TARGET_KIND_MAX || a->privacy_max >= _SPEC_PRIVACY_MAX)
		return;
	at = attached_add(w, a, row);
	if (!at)
		return;
	at->alive = true;
	act.program_ids = row->program_ids;
	act.n_program_ids = row->n_programs;
	act.kernel_verified = row->kernel_verified;
	if (!has_outcome(w, a))
		record_outcome(w, &act, true);
	start_linger(at);
}

/* Instances that nobody uses: the warden died between load and subscribe. */
static void drop_unused(struct warden *w)
{
	for (struct instance_row *row = w->instances, *next; row; row = next) {
		next = row->next;
		if (!row->users && !row->loading) {
			row->users = 1;
			instance_row_release(w, row);
		}
	}
}

static bool on_survey_row(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct warden *w = order->w;

	(void)fds;
	(void)n_fds;
	if (m && m->type == MESSAGE_INSTANCE) {
		take_over_instance(w, (const struct message_loaded *)(const void *)m);
		return false;
	}
	if (m && m->type == MESSAGE_SUBSCRIPTION) {
		take_over_attachment(w, &((const struct message_subscribe *)(const void *)m)->a);
		return false;
	}
	if (m && m->type != MESSAGE_END)
		return false;
	if (m) {
		settle_attachments(w);
		if (!w->surveyed)
			attached_record_lost(w);
		w->surveyed = true;
		attached_end_lost(w);
		drop_unused(w);
		attached_end_again(w);
		w->taken_over = true;
	}
	w->reconciled = m != NULL;
	w->reconcile_done(w);
	return true;
}

void attached_reconcile(struct warden *w, void (*done)(struct warden *w))
{
	struct message m = { .type = MESSAGE_SURVEY };
	struct order *order = order_new(w, SIDE_LOADER, on_survey_row, NULL);

	w->reconcile_done = done;
	for (struct attached *at = w->attached; at; at = at->next)
		at->alive = false;
	if (order)
		(void)order_send(order, &m, sizeof(m), NULL, 0);
}
