/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/display.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/cgroup-names.h"
#include "client/cli/cli.h"
#include "client/cli/event-table.h"
#include "client/cli/regroup.h"
#include "client/cli/table.h"
#include "client/cli/view.h"

struct display {
	bool json, quiet, live;
	struct view view;
	json_t *schema;             /* view borrows it */
	struct cgroup_names *names; /* likewise */
	struct event_table *events;
	struct tally *tally; /* of --top by a field of events */
	enum schema_key by;
	double began, read_at; /* monotonic seconds */
	double read_age;       /* of the attachment when it was read; negative: unknown */
	json_t *before;        /* what the block on the screen shows, and when that was so */
	double before_at;
	unsigned int
		drawn; /* lines of the block on the screen; the status line is one without its line break */
	uint64_t shown, lost;
};

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct display *display_new(bool json, bool quiet, const char *top)
{
	struct display *display = calloc(1, sizeof(*display));

	if (!display)
		return NULL;
	display->json = json;
	display->quiet = quiet;
	display->view = (struct view){ .style = view_style(), .top = top };
	display->live = !json && !quiet && display->view.style.terminal;
	display->view.names = display->names = cgroup_names_new();
	display->events = event_table_new(&display->view, !quiet);
	return display->names && display->events ? display : display_free(display);
}

struct display *display_free(struct display *display)
{
	if (display) {
		json_decref(display->schema);
		json_decref(display->before);
		cgroup_names_free(display->names);
		event_table_free(display->events);
		tally_free(display->tally);
		free(display);
	}
	return NULL;
}

bool display_live(const struct display *display)
{
	return display->live;
}

int display_begin(struct display *display, json_t *schema, enum schema_key by)
{
	json_decref(display->schema);
	display->view.schema = display->schema = json_incref(schema);
	display->by = by;
	display->began = now_seconds();
	if (by == SCHEMA_FIELD && !display->tally)
		display->tally = tally_new(display->view.top);
	return by == SCHEMA_FIELD && !display->tally ? -ENOMEM : 0;
}

bool display_wants_read(const struct display *display)
{
	return display->by == SCHEMA_LABEL;
}

void display_event(struct display *display, const char *event)
{
	_cleanup_json_ json_t *object = NULL;

	if (display->by == SCHEMA_LABEL)
		return;
	if (display->json && !display->tally) {
		printf("%s\n", event);
	} else {
		object = cli_printable_text(event);
		if (!json_is_object(object))
			return;
		if (display->tally) {
			if (tally_add(display->tally, object) < 0)
				return;
		} else {
			display_clear(display);
			event_table_row(display->events, object);
		}
	}
	display->shown++;
}

void display_lost(struct display *display, uint64_t events)
{
	display->lost += events;
	if (display->json) {
		printf("{\"lost\":%llu}\n", (unsigned long long)events);
	} else if (!display->live) {
		cli_say("%llu events lost", (unsigned long long)events);
	}
}

void display_clear(struct display *display)
{
	if (!display->drawn)
		return;
	printf("\r");
	if (display->drawn > 1)
		printf("\x1b[%uA", display->drawn - 1);
	printf("\x1b[J");
	display->drawn = 0;
}

static void print_status(const struct display *display, uint64_t seconds)
{
	/* Where there are no events, that none was shown says nothing. */
	bool none = display->by == SCHEMA_LABEL ||
		    (display->schema && !json_array_size(json_object_get(display->schema, "event")));

	printf("%llu s, ", (unsigned long long)seconds);
	if (!none)
		printf("%llu %s, ", (unsigned long long)display->shown, display->tally ? "counted" : "shown");
	printf("%llu lost", (unsigned long long)display->lost);
}

/* ---- aggregates ---- */

void display_answered(struct display *display, const json_t *read)
{
	display->read_at = now_seconds();
	display->read_age = view_age(json_object_get(read, "attachment"));
}

/* What is to be shown of an answer: a reference to it, or what --top makes of it. NULL: out of memory. */
static json_t *arrange(const struct display *display, const json_t *read)
{
	json_t *result;

	if (display->by == SCHEMA_LABEL)
		return regroup(read, display->view.top);
	if (!display->tally)
		return json_incref((json_t *)read);
	result = tally_read(display->tally);
	if (result && json_object_get(read, "counters"))
		json_object_set(result, "counters", json_object_get(read, "counters"));
	if (result && json_object_get(read, "total"))
		json_object_set(result, "total", json_object_get(read, "total"));
	return result;
}

/* How long the counts that are shown took: the attachment's age, or since this run began to count. */
static double whole_time(const struct display *display)
{
	return display->tally ? (display->read_at > 0 ? display->read_at : now_seconds()) - display->began
			      : display->read_age;
}

/* Takes shown. */
static void draw_block(struct display *display, json_t *shown, uint64_t seconds)
{
	struct view_data data = { .read = shown,
				  .before = display->before,
				  .seconds = display->before ? display->read_at - display->before_at
							     : whole_time(display) };
	_cleanup_free_ char *text = NULL;
	unsigned int lines;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	view_terminal(&data.width, &lines);
	data.lines = lines > 4 ? lines - 2 : 2;
	if (out)
		view_print(&display->view, &data, out);
	json_decref(display->before);
	display->before = shown;
	display->before_at = display->read_at;
	if (!out || fclose(out) != 0)
		return;
	display_clear(display);
	display->drawn = 1;
	for (const char *line = text; *line && display->drawn + 1 < lines;) {
		printf("%.*s%s\n", (int)text_fit(line, data.width), line, display->view.style.plain);
		line += strcspn(line, "\n");
		line += *line == '\n';
		display->drawn++;
	}
	print_status(display, seconds);
}

void display_block(struct display *display, const json_t *read, uint64_t seconds)
{
	json_t *shown = display->live ? arrange(display, read) : NULL;

	if (shown)
		draw_block(display, shown, seconds);
}

void display_status(struct display *display, uint64_t seconds)
{
	if (!display->live)
		return;
	if (display->tally) {
		display->read_at = now_seconds();
		display_block(display, NULL, seconds);
		return;
	}
	display_clear(display);
	print_status(display, seconds);
	display->drawn = 1;
}

void display_summary(struct display *display, const json_t *read, uint64_t seconds)
{
	_cleanup_json_ json_t *shown = read || display->tally ? arrange(display, read) : NULL;
	struct view_data data = { .read = shown, .seconds = whole_time(display) };
	unsigned int lines;

	display_clear(display);
	if (display->json) {
		if (shown)
			view_print_json(shown);
		return;
	}
	view_terminal(&data.width, &lines);
	if (shown)
		view_print(&display->view, &data, stdout);
	if (display->quiet)
		return;
	print_status(display, seconds);
	putchar('\n');
}

uint64_t display_lost_total(const struct display *display)
{
	return display->lost;
}
