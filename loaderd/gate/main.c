/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>

#include "loaderd/gate/gate.h"
#include "loaderd/process.h"
#include "loaderd/sandbox.h"

static void event_unref_p(sd_event **event)
{
	sd_event_unref(*event);
}

/* As many clients as the service manager allows, not as select(2) could take. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(void)
{
	_cleanup_(event_unref_p) sd_event *event = NULL;
	_cleanup_(gate_free_p) struct gate *gate = NULL;
	sd_id128_t boot;
	uid_t warden;
	int r;

	raise_descriptors();
	/* Now, because it reads the kernel's random numbers: keys of clients' objects must not be
	 * predictable. */
	json_object_seed(0);
	/* sd-event spreads its timers by the boot id, which libsystemd reads once and keeps. */
	(void)sd_id128_get_boot(&boot);
	r = process_uid(SIDE_WARDEN, &warden);
	if (r < 0)
		return r;
	r = sd_event_new(&event);
	if (r < 0)
		return r;
	r = gate_new_connect(event, SOCKET_PEERS, warden, &gate);
	if (r < 0)
		return r;
	/* Before the sandbox, which has no socket(2): nothing more is to be done that could fail. */
	(void)sd_notify(false, "READY=1");
	r = sandbox_enter(SIDE_GATE);
	if (r < 0)
		return r;
	return sd_event_loop(event);
}

int gate_main(void)
{
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	r = run();
	if (r < 0)
		process_log(LOG_ERR, "%s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
