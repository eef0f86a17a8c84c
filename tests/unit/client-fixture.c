/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/client-fixture.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "common/fd.h"

#define ATTACHMENT                                                                                         \
	"{\"id\":\"ffff\",\"probe\":\"tcp.state\",\"serial\":3,\"target\":\"self\",\"data\":[\"events\"]," \
	"\"rule\":\"users\",\"remaining\":3600,\"user\":\"alice\",\"since\":1,\"memory\":4096}"
#define WATCHDOG 120 /* seconds: whatever hangs fails the test */

static void say(int fd, const char *message)
{
	if (fd_write_all(fd, message, strlen(message) + 1) < 0)
		_exit(0);
}

/* In two pieces, so that the client has to put them together. */
static void say_in_pieces(int fd, const char *message)
{
	size_t half = strlen(message) / 2;

	if (fd_write_all(fd, message, half) < 0)
		_exit(0);
	say(fd, message + half);
}

static void event(int fd, int number)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"parameters\":{\"event\":{\"time\":1,\"cpu\":0,\"tgid\":7,\"n\":%d,\"latency\":1500000}},"
		 "\"continues\":true}",
		 number);
	say_in_pieces(fd, text);
}

static void wait_for_read(struct scenario *s)
{
	while (!s->reads)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* Nothing more comes until the client hangs up. */
static void wait_for_end(int fd)
{
	char byte;

	while (read(fd, &byte, 1) > 0)
		;
	_exit(0);
}

static void serve_run(struct scenario *s, int fd)
{
	char text[128];

	s->runs++;
	say(fd, "{\"parameters\":{\"attachment\":" ATTACHMENT "},\"continues\":true}");
	event(fd, 1);
	if (s->lost) {
		snprintf(text, sizeof(text), "{\"parameters\":{\"lost\":%d},\"continues\":true}", s->lost);
		say(fd, text);
	}
	event(fd, 2);
	if (s->break_run)
		_exit(0);
	if (s->end_run) {
		say(fd, "{\"parameters\":{\"ended\":\"revoked by root\"}}");
		_exit(0);
	}
	if (s->hold_last) {
		wait_for_read(s);
		event(fd, 3);
	}
	wait_for_end(fd);
}

static void serve_watch(struct scenario *s, int fd)
{
	if (s->watches++ == 0 && s->refuse_watch) {
		say(fd, "{\"error\":\"io.bpfwarden.Unavailable\",\"parameters\":{\"process\":\"gate\","
			"\"reason\":\"starting\"}}");
		_exit(0);
	}
	say(fd, "{\"parameters\":{\"attachment\":" ATTACHMENT "},\"continues\":true}");
	if (s->hold_last)
		wait_for_read(s);
	event(fd, 3);
	wait_for_end(fd);
}

static void serve_status(int fd)
{
	say(fd, "{\"parameters\":{\"attachment\":{\"id\":\"a1b2\",\"probe\":\"x\"}},\"continues\":true}");
	say(fd, "{\"parameters\":{\"attachment\":{\"id\":\"a1c3\",\"probe\":\"x\"}},\"continues\":true}");
	say(fd, "{\"parameters\":{\"attachment\":" ATTACHMENT "},\"continues\":true}");
	say(fd, "{\"parameters\":{}}");
}

static void serve_read(struct scenario *s, int fd)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"parameters\":{\"attachment\":" ATTACHMENT
		 ",\"counters\":{\"seen\":%d,\"submitted\":%d,\"ring_full\":%d,"
		 "\"map_full\":0,\"filtered\":0,\"sampled_out\":0},\"histograms\":[{\"labels\":{\"side\":"
		 "\"client\"},"
		 "\"name\":\"latency\",\"unit\":\"s\",\"count\":1,\"sum\":0.5,\"buckets\":[{\"index\":120,"
		 "\"count\":1}]}],"
		 "\"counts\":[]}}",
		 s->submitted + s->lost, s->submitted, s->lost);
	say(fd, text);
	s->reads++;
}

static void serve_detach(struct scenario *s, int fd, const json_t *parameters)
{
	snprintf(s->detached, sizeof(s->detached), "%s", cli_string(parameters, "attachment"));
	s->detaches++;
	if (!strcmp(s->detached, "zz"))
		say(fd, "{\"error\":\"io.bpfwarden.NoSuchAttachment\",\"parameters\":{\"attachment\":\"zz\","
			"\"reason\":\"none\"}}");
	else
		say(fd, "{\"parameters\":{}}");
}

static void serve_describe(int fd)
{
	say(fd,
	    "{\"parameters\":{\"probe\":{\"name\":\"tcp.state\",\"serial\":3,\"may\":[\"self\",\"unit:a*\"]},"
	    "\"event\":[{\"name\":\"n\",\"type\":\"u32\",\"privacy\":\"safe\"},"
	    "{\"name\":\"latency\",\"type\":\"ns\",\"unit\":\"ns\",\"privacy\":\"safe\"}],"
	    "\"labels\":[{\"name\":\"side\",\"type\":\"chars\",\"privacy\":\"safe\"}],"
	    "\"parameters\":[{\"name\":\"min\",\"type\":\"ns\",\"min\":0,\"max\":9,\"default\":5},"
	    "{\"name\":\"names\",\"type\":\"u32\",\"min\":0,\"max\":1,\"default\":1,"
	    "\"values\":[\"none\",\"full\"]}],"
	    "\"programs\":[{\"variant\":\"v\",\"name\":\"a\",\"hook\":\"tp_btf/b\",\"helpers\":[1],"
	    "\"may_modify\":false},{\"variant\":\"v\",\"name\":\"c\",\"hook\":\"lsm/d\","
	    "\"helpers\":[],\"may_modify\":true}]}}");
}

static void say_denied(int fd)
{
	say(fd, "{\"error\":\"io.bpfwarden.PolicyDenied\",\"parameters\":{\"rule\":\"default\","
		"\"reason\":\"not you\"}}");
}

/* In two pieces, cut wherever it comes. */
static void serve_text(const struct scenario *s, int fd, const json_t *parameters)
{
	const char *text = json_is_true(json_object_get(parameters, "on_disk")) ? s->disk : s->policy;
	int half = (int)strlen(text) / 2;
	_cleanup_json_ json_t *first = json_pack("{s:{s:s, s:s%}, s:b}", "parameters", "digest", "ab", "text",
						 text, (size_t)half, "continues", 1);
	_cleanup_json_ json_t *second =
		json_pack("{s:{s:s}, s:b}", "parameters", "text", text + half, "continues", 1);
	_cleanup_free_ char *a = json_dumps(first, 0), *b = json_dumps(second, 0);

	if (s->deny_text) {
		say_denied(fd);
		return;
	}
	say(fd, a);
	say(fd, b);
	say(fd, "{\"parameters\":{}}");
}

static void serve_lines(int fd, const char *lines)
{
	char line[1024];

	for (; *lines; lines += strcspn(lines, "\n"), lines += *lines == '\n') {
		snprintf(line, sizeof(line), "{\"parameters\":%.*s,\"continues\":true}",
			 (int)strcspn(lines, "\n"), lines);
		say(fd, line);
	}
	say(fd, "{\"parameters\":{}}");
}

/* The decisions of a daemon whose policy is: root may use tcp.state on itself and unit:a.service, by events
 * and, on disk, with less memory and no more on the unit, but instead read the audit log. net.drop cannot be
 * aimed at units. */
static void serve_explain(struct scenario *s, int fd, const json_t *parameters)
{
	const char *target = cli_string(parameters, "target"), *action = cli_string(parameters, "action");
	bool on_disk = json_is_true(json_object_get(parameters, "on_disk"));
	bool tcp = !strcmp(cli_string(parameters, "probe"), "tcp.state"),
	     root = !strcmp(cli_string(parameters, "user"), "0");
	char line[512];

	s->explains++;
	s->on_disk += on_disk;
	if (s->deny_explain) {
		say_denied(fd);
	} else if (!json_is_true(json_object_get(parameters, "brief"))) {
		serve_lines(fd, s->explain);
	} else if (!tcp && root && !strncmp(target, "unit:", 5)) {
		serve_lines(fd, "{\"decision\":{\"allowed\":true,\"rule\":\"root\",\"refusal\":{\"error\":"
				"\"TargetUnsupported\",\"reason\":\"no\"}}}");
	} else if (!tcp && !strncmp(target, "unit:", 5)) {
		say(fd, "{\"error\":\"io.bpfwarden.TargetUnsupported\",\"parameters\":{\"target\":\"unit\","
			"\"reason\":\"no\"}}");
	} else if (root && on_disk && !strcmp(action, "audit-read")) {
		serve_lines(fd, "{\"decision\":{\"allowed\":true,\"rule\":\"audit\"}}");
	} else if (root && tcp && (!*action || !strcmp(action, "attach")) &&
		   (!strcmp(target, "self") || (!on_disk && !strcmp(target, "unit:a.service")))) {
		snprintf(line, sizeof(line),
			 "{\"decision\":{\"allowed\":true,\"rule\":\"root\",\"data\":[\"events\"],"
			 "\"privacy\":\"bound\",\"limits\":{\"max-memory\":%d}}}",
			 on_disk ? 1024 : 4096);
		serve_lines(fd, line);
	} else {
		serve_lines(fd, "{\"decision\":{\"allowed\":false,\"rule\":\"default\"}}");
	}
}

/* False: none of what the policy is asked. */
static bool serve_policy(struct scenario *s, int fd, const char *method, const json_t *parameters)
{
	if (!strcmp(method, ".Text"))
		serve_text(s, fd, parameters);
	else if (!strcmp(method, ".Explain"))
		serve_explain(s, fd, parameters);
	else if (!strcmp(method, ".List"))
		serve_lines(fd, "{\"probe\":{\"name\":\"tcp.state\"}}\n{\"probe\":{\"name\":\"net.drop\"}}\n"
				"{\"probe\":{\"name\":\"tcp.state\"}}");
	else
		return false;
	return true;
}

static void serve_call(struct scenario *s, int fd, const char *text)
{
	_cleanup_json_ json_t *call = json_loads(text, 0, NULL);
	const char *method = strrchr(cli_string(call, "method"), '.');
	const json_t *parameters = json_object_get(call, "parameters");

	snprintf(s->call, sizeof(s->call), "%.*s", (int)sizeof(s->call) - 1, text);
	if (!method || s->refuse_all)
		say(fd, s->reply);
	else if (!strcmp(method, ".Run"))
		serve_run(s, fd);
	else if (!strcmp(method, ".Watch"))
		serve_watch(s, fd);
	else if (!strcmp(method, ".Status"))
		serve_status(fd);
	else if (!strcmp(method, ".Read"))
		serve_read(s, fd);
	else if (!strcmp(method, ".Detach"))
		serve_detach(s, fd, parameters);
	else if (!strcmp(method, ".Describe"))
		serve_describe(fd);
	else if (!*s->policy || !serve_policy(s, fd, method, parameters))
		say(fd, *s->reply ? s->reply : "{\"parameters\":{}}");
}

static void serve_connection(struct scenario *s, int fd)
{
	char text[65536];
	size_t used = 0;

	for (;;) {
		ssize_t n = read(fd, text + used, sizeof(text) - used);
		char *nul;

		if (n <= 0)
			_exit(0);
		used += (size_t)n;
		while ((nul = memchr(text, 0, used))) {
			serve_call(s, fd, text);
			used -= (size_t)(nul + 1 - text);
			memmove(text, nul + 1, used);
		}
	}
}

static void serve(struct scenario *s, int listener)
{
	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		if (fork() == 0) {
			alarm(WATCHDOG);
			close(listener);
			serve_connection(s, fd);
		}
		close(fd);
	}
}

static int fixture_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0)
		return -1;
	return fd;
}

int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int listener;

	if (!fixture)
		return -1;
	strcpy(fixture->directory, "/tmp/bpfwarden-client-XXXXXX");
	if (!mkdtemp(fixture->directory))
		return -1;
	snprintf(fixture->socket, sizeof(fixture->socket), "%s/socket", fixture->directory);
	fixture->scenario = mmap(NULL, sizeof(*fixture->scenario), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	listener = fixture_listen(fixture->socket);
	if (fixture->scenario == MAP_FAILED || listener < 0)
		return -1;
	fixture->server = fork();
	if (fixture->server == 0)
		serve(fixture->scenario, listener);
	close(listener);
	*state = fixture;
	return fixture->server > 0 ? 0 : -1;
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	char path[128];

	kill(fixture->server, SIGKILL);
	waitpid(fixture->server, NULL, 0);
	snprintf(path, sizeof(path), "%s/out", fixture->directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/err", fixture->directory);
	unlink(path);
	unlink(fixture->socket);
	rmdir(fixture->directory);
	munmap(fixture->scenario, sizeof(*fixture->scenario));
	free(fixture);
	return 0;
}

void fixture_reset(struct fixture *fixture)
{
	memset(fixture->scenario, 0, sizeof(*fixture->scenario));
}

static int output_open(const struct fixture *fixture, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	return open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
}

static void output_read(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = 0;
	close(fd);
}

static int client(struct fixture *fixture, bool closed_pipe, va_list ap)
{
	char *argv[32] = { (char *)"bpfwarden" };
	int argc = 1, out = output_open(fixture, "out"), err = output_open(fixture, "err"), status, pipes[2];
	pid_t pid;

	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(WATCHDOG);
		if (closed_pipe && pipe(pipes) == 0) {
			dup2(pipes[1], 1);
			close(pipes[1]);
			close(pipes[0]);
		} else {
			dup2(out, 1);
		}
		dup2(err, 2);
		setenv("BPFWARDEN_SOCKET", fixture->socket, 1);
		exit(cli_main(argc, argv));
	}
	waitpid(pid, &status, 0);
	output_read(out, fixture->out, sizeof(fixture->out));
	output_read(err, fixture->err, sizeof(fixture->err));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int fixture_client(struct fixture *fixture, ...)
{
	va_list ap;
	int r;

	va_start(ap, fixture);
	r = client(fixture, false, ap);
	va_end(ap);
	return r;
}

int fixture_client_epipe(struct fixture *fixture, ...)
{
	va_list ap;
	int r;

	va_start(ap, fixture);
	r = client(fixture, true, ap);
	va_end(ap);
	return r;
}
