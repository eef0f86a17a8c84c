/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/run.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#include "client/cli/command.h"
#include "client/cli/describe.h"
#include "client/cli/display.h"
#include "client/cli/reader.h"
#include "client/cli/schema.h"
#include "client/cli/view.h"
#include "common/limits.h"

#define RETRY_READ 200 /* ms between two looks at the counters while the last events come in */
#define DEADLINE_MARGIN                                                                     \
	2000 /* ms before the daemon's deadline: the summary needs an attachment that lives \
	      */

/*
 * STARTING until the daemon confirms the attachment, LIVE while events come, STOPPING while the last ones
 * come in and the last Read is answered, OVER.
 */
enum run_state {
	RUN_STARTING = 0,
	RUN_LIVE,
	RUN_STOPPING,
	RUN_OVER,
};

struct run {
	const struct cli *cli;
	const struct run_options *options;
	struct display *display;
	struct bpfwarden_stream *stream;
	struct reader reader;
	struct command command;
	int signals;
	enum run_state state;
	bool has_events; /* the attachment streams events, so that the last ones are worth waiting for */
	bool ended;      /* by the daemon */
	bool have_target;
	uint64_t received, target,
		ring_full; /* events: got, and submitted and lost by the kernel when stopping */
	uint64_t started, stop_at, give_up_at, next_tick; /* ms; stop_at 0: never */
	json_t *last;                                     /* the newest answer to Read */
	int result;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t run_seconds(const struct run *run)
{
	return run->started ? (now_ms() - run->started) / 1000 : 0;
}

static void run_stop(struct run *run)
{
	/* An answer to an older question would miss what happened since. */
	reader_clear(&run->reader);
	run->give_up_at = now_ms() + CLIENT_CALL_TIMEOUT;
	run->next_tick = now_ms();
	if (run->state == RUN_STARTING)
		run->result = CLI_FAILED;
	run->state = run->state == RUN_LIVE ? RUN_STOPPING : RUN_OVER;
}

/* ---- what the stream tells ---- */

static void plan_end(struct run *run, const json_t *attachment)
{
	uint64_t remaining = cli_number(attachment, "remaining") * 1000,
		 wanted = run->options->duration * 1000;

	if (wanted)
		run->stop_at = run->started + wanted;
	if (remaining <= 5 * DEADLINE_MARGIN || run->options->watch)
		return;
	if (wanted && wanted > remaining && !run->cli->quiet)
		cli_say("policy ends this %llu s earlier than --for",
			(unsigned long long)(wanted - remaining) / 1000);
	if (!wanted || wanted > remaining - DEADLINE_MARGIN)
		run->stop_at = run->started + remaining - DEADLINE_MARGIN;
}

static bool data_has(const json_t *attachment, const char *kind)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(attachment, "data"), i, item)
		if (!strcmp(json_string_value(item) ? json_string_value(item) : "", kind))
			return true;
	return false;
}

/* Learns what the fields are, for units, for --top and --schema. CLI_CONTINUE or an exit code. */
static int run_describe(struct run *run, const json_t *attachment)
{
	const struct view_options *view = &run->options->view;
	_cleanup_json_ json_t *description =
		describe_probe(cli_string(attachment, "probe"), cli_number(attachment, "serial"));
	_cleanup_json_ json_t *schema = schema_of_attachment(description, attachment);
	enum schema_key by = SCHEMA_NONE;
	int r = CLI_CONTINUE;

	if (!schema && (view->top || view->schema)) {
		cli_say("the daemon does not tell what the fields of this probe are");
		return CLI_FAILED;
	}
	if (view->top)
		r = schema_find_key(run->cli, schema, view->top, &by);
	if (r != CLI_CONTINUE)
		return r;
	if (view->schema)
		schema_print(schema);
	run->has_events = data_has(attachment, "events") &&
			  (!schema || json_array_size(json_object_get(schema, "event")));
	return display_begin(run->display, schema, by) < 0 ? cli_broken(-ENOMEM) : CLI_CONTINUE;
}

static int on_attached(void *userdata, const char *text)
{
	_cleanup_json_ json_t *attachment = cli_printable_text(text);
	struct run *run = userdata;
	int r;

	if (!attachment)
		return -ENOMEM;
	r = run_describe(run, attachment);
	if (r != CLI_CONTINUE) {
		run->result = r;
		run->state = RUN_OVER;
		return 1;
	}
	run->started = now_ms();
	run->state = RUN_LIVE;
	plan_end(run, attachment);
	if (!run->cli->json && !run->cli->quiet)
		view_attached(attachment);
	if (!run->options->command)
		return 0;
	r = command_start(&run->command, run->options->command);
	if (r < 0) {
		cli_say("cannot start %s: %s", run->options->command[0], strerror(-r));
		run->result = CLI_FAILED;
		run_stop(run);
	}
	return 0;
}

/* True if everything came that the last counters speak of. Lost events that the ring counted are among those
 * that the stream reports; what remains went to no ring. */
static bool run_drained(const struct run *run)
{
	uint64_t lost = display_lost_total(run->display);

	lost = lost > run->ring_full ? lost - run->ring_full : 0;
	return run->have_target && run->received + lost >= run->target;
}

static int on_event(void *userdata, const char *event)
{
	struct run *run = userdata;

	if (run->state == RUN_STARTING) {
		run->started = now_ms();
		run->state = RUN_LIVE;
	}
	if (run_drained(run))
		return 1; /* younger than the counters of the summary */
	run->received++;
	if (run->have_target)
		run->give_up_at = now_ms() + CLIENT_DRAIN_TIMEOUT;
	display_event(run->display, event);
	return run_drained(run);
}

static int on_lost(void *userdata, uint64_t events)
{
	display_lost(((struct run *)userdata)->display, events);
	return 0;
}

static int on_ended(void *userdata, const char *reason)
{
	char text[CLI_TEXT_MAX];
	struct run *run = userdata;

	display_clear(run->display);
	if (!run->cli->quiet)
		cli_say("the attachment ended: %s", cli_printable_copy(reason, text, sizeof(text)));
	run->ended = true;
	return 0;
}

static int on_reconnected(void *userdata)
{
	struct run *run = userdata;

	display_clear(run->display);
	if (!run->cli->quiet)
		cli_say("the connection to the daemon broke and came back: going on with %s",
			bpfwarden_stream_id(run->stream));
	return 0;
}

/* ---- the loop ---- */

static void run_read_answered(struct run *run, json_t *answer)
{
	const json_t *counters = json_object_get(answer, "counters");

	json_decref(run->last);
	run->last = answer;
	display_answered(run->display, answer);
	if (run->state != RUN_STOPPING) {
		display_block(run->display, answer, run_seconds(run));
		return;
	}
	if (!run->has_events || run->options->watch) {
		run->state = RUN_OVER;
		return;
	}
	run->have_target = true;
	run->target = cli_number(counters, "submitted");
	run->ring_full = cli_number(counters, "ring_full");
	run->give_up_at = now_ms() + CLIENT_DRAIN_TIMEOUT;
}

static void run_read(struct run *run)
{
	json_t *answer;
	int r = reader_finish(&run->reader, &answer);

	if (r > 0)
		run_read_answered(run, answer);
	else if (r == -EREMOTEIO && run->state == RUN_STOPPING)
		run->state = RUN_OVER; /* it does not live any more: what was read last must do */
}

static void run_tick(struct run *run, uint64_t now)
{
	if (run->state == RUN_STOPPING) {
		run->next_tick = now + RETRY_READ;
		if (!run->have_target && !run->reader.pending)
			(void)reader_start(&run->reader, bpfwarden_stream_id(run->stream));
		return;
	}
	run->next_tick = now + CLIENT_REFRESH;
	if (run->state != RUN_LIVE || !display_live(run->display))
		return;
	if (run->has_events && !display_wants_read(run->display))
		display_status(run->display, run_seconds(run));
	else if (!run->reader.pending)
		(void)reader_start(&run->reader, bpfwarden_stream_id(run->stream));
}

static void run_clock(struct run *run)
{
	uint64_t now = now_ms();

	if (run->state == RUN_LIVE && run->stop_at && now >= run->stop_at)
		run_stop(run);
	if (now >= run->next_tick)
		run_tick(run, now);
	if (run->state == RUN_STOPPING && now >= run->give_up_at) {
		if (run->have_target)
			cli_say("%llu events did not come in time",
				(unsigned long long)(run->target - run->received));
		run->state = RUN_OVER;
	}
}

static int run_timeout(const struct run *run)
{
	int timeout = bpfwarden_stream_timeout(run->stream);
	uint64_t now = now_ms(), at = run->next_tick;

	if (run->state == RUN_LIVE && run->stop_at && run->stop_at < at)
		at = run->stop_at;
	if (at <= now)
		return 0;
	return timeout >= 0 && (uint64_t)timeout < at - now ? timeout : (int)(at - now);
}

static void run_signal(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			run_stop(run);
		else if (command_reap(&run->command) && run->state == RUN_LIVE)
			run_stop(run);
	}
}

static void run_stream(struct run *run)
{
	int r = bpfwarden_stream_process(run->stream);

	if (r == 1)
		return;
	run->state = RUN_OVER;
	if (r == 0)
		return;
	display_clear(run->display);
	run->result = r == -EREMOTEIO
			      ? cli_refused(bpfwarden_stream_refusal(run->stream), "io.bpfwarden.Probe.Run")
			      : cli_broken(r);
}

static int run_loop(struct run *run)
{
	while (run->state != RUN_OVER) {
		struct pollfd fds[] = {
			{ .fd = bpfwarden_stream_fd(run->stream), .events = POLLIN },
			{ .fd = reader_fd(&run->reader), .events = POLLIN },
			{ .fd = run->signals, .events = POLLIN },
		};

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), run_timeout(run)) < 0 && errno != EINTR)
			return cli_broken(-errno);
		/* The counters first: what came after them is not theirs. */
		run_read(run);
		if (run_drained(run))
			run->state = RUN_OVER;
		if (run->state != RUN_OVER)
			run_stream(run);
		if (fds[2].revents && run->state != RUN_OVER)
			run_signal(run);
		if (run->state != RUN_OVER)
			run_clock(run);
		if (cli_flush() != CLI_OK) {
			run->result = CLI_FAILED;
			run->state = RUN_OVER;
		}
	}
	return run->result;
}

/* ---- beginning and end ---- */

static int signals_open(sigset_t *ret_before)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, ret_before) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int stream_open(struct run *run)
{
	struct bpfwarden_handlers handlers = BPFWARDEN_HANDLERS_INIT;

	handlers.userdata = run;
	handlers.attached = on_attached;
	handlers.event = on_event;
	handlers.lost = on_lost;
	handlers.ended = on_ended;
	handlers.reconnected = on_reconnected;
	if (run->options->watch)
		return bpfwarden_watch(NULL, run->options->watch, &handlers, &run->stream);
	return bpfwarden_run(NULL, run->options->probe, &handlers, &run->stream);
}

/* Without this the attachment would end by itself, 10 s after its last connection. */
static void detach(const struct run *run)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	const char *id = bpfwarden_stream_id(run->stream);

	if (!id || run->ended || run->options->watch)
		return;
	if (bpfwarden_connect(NULL, &connection) < 0 || bpfwarden_detach(connection, id, &reply) < 0)
		cli_say("could not detach %s: it ends by itself within %d s", id, ATTACHMENT_LINGER / 1000);
}

static void run_finish(struct run *run)
{
	display_clear(run->display);
	cli_flush();
	detach(run);
	if (run->started)
		display_summary(run->display, run->last, run_seconds(run));
	command_tell(&run->command, run->cli->quiet);
}

int run_main(const struct cli *cli, const struct run_options *options)
{
	_cleanup_(display_free_p) struct display *display =
		display_new(cli->json, cli->quiet, options->view.top);
	_cleanup_close_ int signals = -EBADF;
	struct run run = { .cli = cli, .options = options, .display = display };
	sigset_t before;
	int r;

	if (!display)
		return cli_broken(-ENOMEM);
	signals = run.signals = signals_open(&before);
	if (signals < 0)
		return cli_broken(signals);
	r = stream_open(&run);
	if (r < 0)
		return cli_broken(r);
	r = run_loop(&run);
	/* From here on Ctrl-C ends the program, should the daemon not answer. */
	sigprocmask(SIG_SETMASK, &before, NULL);
	run_finish(&run);
	reader_clear(&run.reader);
	bpfwarden_stream_free(run.stream);
	json_decref(run.last);
	return r;
}
