/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What attachments cost, by the time that programs take themselves, one run in 1 024; told to who asks, and
 * compared with the limit max-cpu while some attachment has one. A program works for all that share it:
 *
 *   told to the owner   his own events, each at the mean of a run, rounded up to a power of two. The mean is
 *                       that of everybody's runs; rounded, it says next to nothing of them.
 *   told to others, and of the whole program: to those who may use target host alone
 *   compared            the part of the program's time that his events have in all that it saw; the part of
 *                       what matched nobody is borne in equal shares. The shares add up to the program's
 * time.
 *
 * The clock's own time, read twice, is in what is measured, and what a program does before and after it is
 * not. They are alike in size, so nothing is subtracted or added.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "loaderd/warden/warden.h"

/* CPU time of so many runs at the mean of those that were timed; 0 as long as none was. */
static double time_of(double runs, const struct bw_counters *timed)
{
	return timed->self_runs ? runs * (double)timed->self_ns / (double)timed->self_runs : 0;
}

/* --- read from the loader ------------------------------------------------------------------------------ */

struct reading_costs {
	void (*done)(struct warden *w, struct reading_costs *r);
	uint64_t connection, call; /* whom it is for, if anybody */
	bool all;
	uint64_t asked; /* CLOCK_BOOTTIME, ns */
};

static bool on_costs(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_cost *row = (const struct message_cost *)(const void *)m;
	struct reading_costs *r = order->userdata;
	struct attached *at;

	(void)fds;
	(void)n_fds;
	if (m && m->type == MESSAGE_COST) {
		at = attached_find(order->w, row->id);
		if (at)
			at->cost = (struct cost){ .read = now_boottime(),
						  .own = row->own,
						  .program = row->program };
		return false;
	}
	r->done(order->w, r);
	free(r);
	return true;
}

static int read_costs(struct warden *w, uid_t uid, const struct reading_costs *reading)
{
	struct message_read_costs m = { .m = { .type = MESSAGE_READ_COSTS },
					.flags = reading->all ? MESSAGE_FLAG_ALL : 0,
					.uid = uid };
	struct reading_costs *r = malloc(sizeof(*r));
	struct order *order = r ? order_new(w, SIDE_LOADER, on_costs, r) : NULL;

	if (!order) {
		free(r);
		return -ENOMEM;
	}
	*r = *reading;
	(void)order_send(order, &m.m, sizeof(m), NULL, 0);
	return 0;
}

/* --- told ---------------------------------------------------------------------------------------------- */

static uint64_t power_of_two_above(double value)
{
	uint64_t power = 1;

	while ((double)power < value && power < 1ULL << 40)
		power *= 2;
	return power;
}

static uint32_t sharing(const struct attached *at)
{
	uint32_t n = 0;

	for (const struct attached *other = at->w->attached; other; other = other->next)
		n += other->instance == at->instance;
	return n;
}

void cost_tell(const struct attached *at, const struct connection *c, struct message_attachment *m)
{
	const struct cost *cost = &at->cost;
	bool host = may_see_host(at->w, c, at);

	if (at->a.uid != c->uid && !host)
		return;
	m->costs = MESSAGE_COSTS_OWN;
	m->counters = cost->own;
	if (cost->program.self_runs)
		m->cpu = cost->own.seen * power_of_two_above(time_of(1, &cost->program));
	if (!host)
		return;
	m->costs |= MESSAGE_COSTS_PROGRAM;
	m->sharing = sharing(at);
	m->program = cost->program;
	m->program_cpu = (uint64_t)time_of((double)cost->program.runs, &cost->program);
}

static void on_asked(struct warden *w, struct reading_costs *r)
{
	struct connection *c = client_find(w, r->connection);

	if (c)
		status_rows(w, c, r->call, r->all, r->asked);
}

int cost_status(struct warden *w, const struct connection *c, uint64_t call, bool all)
{
	const struct reading_costs r = {
		.done = on_asked, .connection = c->number, .call = call, .all = all, .asked = now_boottime()
	};

	return read_costs(w, c->uid, &r);
}

/* --- compared with the limit --------------------------------------------------------------------------- */

static struct bw_counters since(const struct bw_counters *now, const struct bw_counters *before)
{
	return (struct bw_counters){ .seen = now->seen - before->seen,
				     .filtered = now->filtered - before->filtered,
				     .self_ns = now->self_ns - before->self_ns,
				     .self_runs = now->self_runs - before->self_runs,
				     .runs = now->runs - before->runs };
}

uint64_t cost_share(const struct cost *now, const struct cost *before, uint32_t sharing_it)
{
	struct bw_counters own = since(&now->own, &before->own),
			   program = since(&now->program, &before->program);
	double part = 1.0 / sharing_it, time = time_of((double)program.runs, &program);
	uint64_t window = now->read - before->read;

	if (program.seen)
		part = ((double)own.seen + (double)program.filtered / sharing_it) / (double)program.seen;
	/* What came while one was read before the other. */
	if (part > 1)
		part = 1;
	return window ? (uint64_t)(time * part * 1e6 / (double)window) : 0;
}

static void end_over(struct attached *at, uint64_t share)
{
	char reason[REFUSAL_REASON_MAX - 32], detail[REFUSAL_REASON_MAX];
	double max = (double)at->a.max_cpu / POLICY_CPU_PERCENT;

	snprintf(reason, sizeof(reason), "max-cpu: it cost more than %.10g%% of a CPU (limit %s)", max,
		 at->a.max_cpu_section);
	/* What was measured depends on everybody's activity. It is for those who read the log. */
	snprintf(detail, sizeof(detail), "%s: %.4f%%", reason, (double)share / POLICY_CPU_PERCENT);
	attached_end(at, &(struct end){ .reason = reason, .detail = detail });
}

static void judge(struct attached *at)
{
	struct cost *now = &at->cost, *before = &at->cost_before;
	uint64_t share;

	if (!now->read || now->read == before->read)
		return;
	/* Too few runs are timed to speak for all: the window grows until they do. */
	if (before->read && now->program.runs >= before->program.runs &&
	    now->program.self_runs - before->program.self_runs < COST_TIMED_MIN &&
	    now->read - before->read < COST_WINDOW_MAX * 1000000ULL)
		return;
	share = before->read && now->program.runs >= before->program.runs
			? cost_share(now, before, sharing(at))
			: 0;
	at->over_cost = share > at->a.max_cpu ? at->over_cost + 1 : 0;
	*before = *now;
	/* One window can be spoilt by a single timed run that something interrupted. */
	if (at->over_cost >= COST_WINDOWS_OVER)
		end_over(at, share);
}

static bool is_limited(const struct attached *at)
{
	return at->a.max_cpu != POLICY_UNLIMITED && !at->ending;
}

static void on_sampled(struct warden *w, struct reading_costs *r)
{
	(void)r;
	for (struct attached *at = w->attached, *next; at; at = next) {
		next = at->next;
		if (is_limited(at))
			judge(at);
	}
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct warden *w = userdata;

	(void)source;
	(void)usec;
	w->cost_timer = sd_event_source_disable_unref(w->cost_timer);
	(void)read_costs(w, 0, &(struct reading_costs){ .done = on_sampled, .all = true });
	cost_watch(w);
	return 0;
}

void cost_watch(struct warden *w)
{
	const struct attached *at = w->attached;

	while (at && !is_limited(at))
		at = at->next;
	if (!at)
		w->cost_timer = sd_event_source_disable_unref(w->cost_timer);
	else if (!w->cost_timer &&
		 sd_event_add_time_relative(w->event, &w->cost_timer, CLOCK_MONOTONIC, COST_WINDOW * 1000ULL,
					    COST_WINDOW * 100ULL, on_time, w) < 0)
		process_log(3, "the limit max-cpu is not watched: out of memory");
}

void cost_set_limit(struct attached *at, const struct policy_limits *limits)
{
	attachment_set_max_cpu(&at->a, limits);
	cost_watch(at->w);
}

void attachment_set_max_cpu(struct attachment *a, const struct policy_limits *limits)
{
	a->max_cpu = limits->value[POLICY_MAX_CPU];
	snprintf(a->max_cpu_section, sizeof(a->max_cpu_section), "%s", limits->section[POLICY_MAX_CPU]);
}
