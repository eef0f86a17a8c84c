/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loader: the only holder of CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN. It carries out the warden's orders
 * on bundles for which it holds the parser's verdict, and decides nothing. Orders are handled one after the
 * other; a load runs in its runner meanwhile.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "loaderd/listen.h"
#include "loaderd/loader/hook.h"
#include "loaderd/loader/inspect.h"
#include "loaderd/loader/instance.h"
#include "loaderd/loader/runner.h"
#include "loaderd/loader/skeleton.h"
#include "loaderd/loader/store.h"
#include "loaderd/loader/values.h"
#include "loaderd/loader/verdicts.h"
#include "loaderd/loader/verify.h"
#include "loaderd/peer.h"
#include "loaderd/process.h"
#include "loaderd/sandbox.h"

#define READ_QUEUE_MAX (8U << 20) /* bytes; one read gives a few MiB at most */

/* A load whose runner has not answered yet. */
struct load {
	struct load *next;
	struct loader *loader;
	struct instance *instance;
	uint64_t call;
	uint32_t attach_btf_ids[SPEC_PROGRAMS_MAX];
	uint8_t params[PARAMS_SIZE_MAX];
	uint32_t params_size;
	pid_t pid;
	int fd;
	bool must_verify; /* MESSAGE_FLAG_KERNEL_VERIFIED */
	bool runs;        /* the runner's first record came */
	sd_event_source *io, *deadline;
};

struct loader {
	sd_event *event;
	struct peer *warden;
	struct verdicts *verdicts;
	struct instance *instances;
	struct load *loads;
	struct load *dying; /* killed, but their runners have not ended yet */
	sd_event_source *reaper;
};

static struct instance *find_instance(struct loader *loader, uint64_t id)
{
	struct instance *i = loader->instances;

	while (i && i->loaded.instance != id)
		i = i->next;
	return i;
}

static struct subscriber *find_subscriber(struct loader *loader, uint64_t id, struct instance **ret_instance)
{
	for (struct instance *i = loader->instances; i; i = i->next) {
		struct subscriber *s = instance_find(i, id);

		if (s) {
			*ret_instance = i;
			return s;
		}
	}
	return NULL;
}

static int reply_done(struct loader *loader, uint64_t call, const struct refusal *refusal)
{
	struct message_refusal done = { .m = { .type = MESSAGE_DONE, .call = call } };

	if (refusal)
		done.refusal = *refusal;
	return PEER_SEND(loader->warden, &done, NULL, 0);
}

static int reply_refusal(struct loader *loader, uint64_t call, enum refusal_code code, const char *subject,
			 const char *reason)
{
	struct refusal refusal;

	refusal_set(&refusal, code, subject, "%s", reason);
	return reply_done(loader, call, &refusal);
}

static int reply_gone(struct loader *loader, uint64_t call)
{
	return reply_refusal(loader, call, REFUSAL_NO_SUCH_ATTACHMENT, "",
			     "the loader has no such attachment");
}

/* A light skeleton inside a helper of the kernel (a map that is changed again and again, each time with a
 * grace period) does not die before it returns, however hard it is killed: nothing may wait for that. */
static int reap(struct loader *loader)
{
	int r;

	for (struct load **p = &loader->dying; *p;) {
		struct load *load = *p;

		if (waitpid(load->pid, NULL, WNOHANG) == 0) {
			p = &load->next;
			continue;
		}
		*p = load->next;
		free(load);
	}
	if (!loader->dying)
		return 0;
	r = sd_event_source_set_time_relative(loader->reaper, RUNNER_REAP_INTERVAL * 1000ULL);
	return r < 0 ? r : sd_event_source_set_enabled(loader->reaper, SD_EVENT_ONESHOT);
}

static int on_reap(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	return reap(userdata);
}

/* Ends a load: whoever started it is told, its runner is dead or dies. */
static void load_end(struct load *load, const struct refusal *refusal)
{
	struct loader *loader = load->loader;
	struct load **p = &loader->loads;
	struct message_loaded loaded = load->instance->loaded;

	if (refusal) {
		loaded.refusal = *refusal;
		load->instance = instance_free(load->instance);
	} else {
		load->instance->next = loader->instances;
		loader->instances = take_ptr(load->instance);
	}
	loaded.m = (struct message){ .type = MESSAGE_LOADED, .call = load->call };
	(void)PEER_SEND(loader->warden, &loaded, NULL, 0);

	while (*p != load)
		p = &(*p)->next;
	*p = load->next;
	sd_event_source_disable_unref(load->io);
	sd_event_source_disable_unref(load->deadline);
	close_fd(load->fd);
	if (load->pid <= 0) {
		free(load);
		return;
	}
	(void)kill(load->pid, SIGKILL);
	load->next = loader->dying;
	loader->dying = load;
	(void)reap(loader);
}

static int load_finish(struct load *load, int *fds, struct refusal *refusal)
{
	struct instance *instance = load->instance;
	const struct spec_variant *v = instance->variant;
	int r;

	r = inspect_variant(v, fds, load->attach_btf_ids, instance->loaded.program_ids, refusal);
	if (r)
		return r;
	instance->loaded.n_programs = v->n_programs;
	for (uint32_t i = 0; i < v->n_maps; i++)
		instance->maps[i] = take_fd(fds[i]);
	r = instance_attach(instance, fds + v->n_maps, load->params, load->params_size, refusal);
	if (r)
		return r;
	r = store_push_instance(instance);
	if (r >= 0)
		return 0;
	/* A link that stayed in the store would keep its program attached for nobody. */
	store_remove_instance(instance);
	return refusal_set(refusal, REFUSAL_LOAD_FAILED, "store", "cannot keep the descriptors: %s",
			   strerror(-r));
}

/* The first record: whether the skeleton runs now, and by what the kernel verified it. */
static int on_verified(struct load *load, struct refusal *refusal)
{
	struct message_loaded *loaded = &load->instance->loaded;
	uint32_t verified;
	int r;

	r = runner_verified(load->fd, &verified, refusal);
	if (r)
		return r;
	if (load->must_verify && verified <= VERIFIED_NO)
		return verify_refuse(&load->instance->spec, load->instance->variant, refusal);
	snprintf(loaded->kernel_verified, sizeof(loaded->kernel_verified), "%s", verified_name(verified));
	load->runs = true;
	return 0;
}

static int on_runner(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct load *load = userdata;
	const struct spec_variant *v = load->instance->variant;
	int fds[SPEC_MAPS_MAX + SPEC_PROGRAMS_MAX];
	size_t n = v->n_maps + v->n_programs;
	struct refusal refusal = { 0 };
	int r;

	(void)source;
	(void)revents;
	if (!load->runs) {
		if (on_verified(load, &refusal))
			load_end(load, &refusal);
		return 0;
	}
	r = runner_collect(fd, fds, n, &refusal);
	if (!r) {
		r = load_finish(load, fds, &refusal);
		for (size_t i = 0; i < n; i++)
			close_fd(fds[i]);
	}
	load_end(load, r ? &refusal : NULL);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct refusal refusal;

	(void)source;
	(void)usec;
	refusal_set(&refusal, REFUSAL_LOAD_FAILED, "deadline", "the light skeleton did not end within %d s",
		    RUNNER_TIMEOUT / 1000);
	load_end(userdata, &refusal);
	return 0;
}

static int load_start(struct loader *loader, struct load *load, const struct message_load *order,
		      const int *fds, size_t n_fds, struct refusal *refusal)
{
	_cleanup_(skeleton_done) struct skeleton skeleton = { 0 };
	struct runner_job job = { .variant = load->instance->variant,
				  .can_verify = verify_supported(),
				  .must_verify = load->must_verify };
	int r;

	r = skeleton_read(&load->instance->spec, job.variant, fds, n_fds, &skeleton, &job, refusal);
	if (!r && job.must_verify && (!job.can_verify || !job.ksig))
		r = verify_refuse(&load->instance->spec, job.variant, refusal);
	if (r)
		return r;
	memcpy(load->params, order->params, sizeof(load->params));
	load->params_size = order->params_size;
	r = runner_start(&job, &load->pid, &load->fd);
	if (r < 0)
		return r;
	r = sd_event_add_io(loader->event, &load->io, load->fd, EPOLLIN, on_runner, load);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(loader->event, &load->deadline, CLOCK_MONOTONIC,
					  RUNNER_TIMEOUT * 1000ULL, 0, on_deadline, load);
}

static int refuse_limit(struct refusal *refusal, const char *limit, uint64_t used, uint64_t max,
			const char *text)
{
	int r = refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, limit, "%" PRIu64 " %s", used, text);

	refusal->used = used;
	refusal->max = max;
	return r;
}

static int check_room(struct loader *loader, struct refusal *refusal)
{
	uint64_t loads = 0, instances = 0;

	for (const struct load *load = loader->loads; load; load = load->next)
		loads++;
	for (const struct instance *i = loader->instances; i; i = i->next)
		instances++;
	if (loads >= LOADS_MAX)
		return refuse_limit(refusal, "loads", loads, LOADS_MAX, "probes are being loaded: try again");
	if (instances + loads >= INSTANCES_MAX)
		return refuse_limit(refusal, "instances", instances + loads, INSTANCES_MAX,
				    "probes are in the kernel: other parameters need one of their own");
	return 0;
}

static int prepare_load(struct loader *loader, const struct message_load *order, struct load **ret,
			struct refusal *refusal)
{
	struct message_loaded loaded = { .instance = order->instance, .variant = order->variant };
	const struct message_verdict *verdict = verdicts_find(loader->verdicts, order->digest);
	struct load *load;
	int r;

	if (!verdict)
		return refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, "verdict",
				   "the parser did not say that this manifest is signed");
	if (order->variant >= verdict->spec.n_variants || (order->flags & ~MESSAGE_FLAG_KERNEL_VERIFIED) ||
	    order->params_size > PARAMS_SIZE_MAX || find_instance(loader, order->instance))
		return refusal_set(refusal, REFUSAL_LOAD_FAILED, "order",
				   "the order does not fit the bundle");
	r = check_room(loader, refusal);
	if (r)
		return r;
	memcpy(loaded.digest, order->digest, DIGEST_SIZE);
	if (!EVP_Digest(order->params, order->params_size, loaded.params_digest, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	load = calloc(1, sizeof(*load));
	if (!load)
		return -ENOMEM;
	r = instance_new(&loaded, &verdict->spec, &load->instance);
	if (r < 0) {
		free(load);
		return r;
	}
	memcpy(load->attach_btf_ids, verdict->attach_btf_id[order->variant], sizeof(load->attach_btf_ids));
	load->loader = loader;
	load->call = order->m.call;
	load->fd = -EBADF;
	load->must_verify = order->flags & MESSAGE_FLAG_KERNEL_VERIFIED;
	*ret = load;
	return 0;
}

static int on_load(struct loader *loader, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_load *order = (const struct message_load *)m;
	struct message_loaded refused = { .m = { .type = MESSAGE_LOADED, .call = m->call },
					  .instance = order->instance };
	struct load *load = NULL;
	int r;

	r = prepare_load(loader, order, &load, &refused.refusal);
	if (r < 0)
		return r;
	if (r > 0)
		return PEER_SEND(loader->warden, &refused, NULL, 0);
	load->next = loader->loads;
	loader->loads = load;
	r = load_start(loader, load, order, fds, n_fds, &refused.refusal);
	if (r < 0)
		r = refusal_set_error(&refused.refusal, r, REFUSAL_LOAD_FAILED, "runner", "%s", strerror(-r));
	if (r)
		load_end(load, &refused.refusal);
	return 0;
}

static int on_unload(struct loader *loader, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_instance_id *order = (const struct message_instance_id *)m;
	struct instance **p = &loader->instances, *instance;

	(void)fds;
	(void)n_fds;
	while (*p && (*p)->loaded.instance != order->instance)
		p = &(*p)->next;
	if (*p) {
		instance = *p;
		*p = instance->next;
		while (instance->subscribers) {
			struct attachment a = instance->subscribers->a;

			instance_unsubscribe(instance, instance->subscribers);
			store_remove_subscriber(instance, &a);
		}
		store_remove_instance(instance);
		instance_free(instance);
	}
	return reply_done(loader, m->call, NULL);
}

static int on_subscribe(struct loader *loader, const struct message *m, int *fds, size_t n_fds)
{
	struct message_subscribe order = *(const struct message_subscribe *)m;
	struct instance *instance = find_instance(loader, order.a.instance), *other;
	struct refusal refusal = { 0 };
	struct subscriber *s = NULL;
	int r;

	(void)fds;
	(void)n_fds;
	if (!instance || find_subscriber(loader, order.a.id, &other) ||
	    order.a.key_level >= BW_CGROUP_LEVELS_MAX || order.a.key.kind > BW_KEY_CGROUP)
		return reply_refusal(loader, m->call, REFUSAL_LOAD_FAILED, "order", "no such instance");
	r = instance_subscribe(instance, &order.a, &s, &refusal);
	if (r < 0)
		return r;
	if (r > 0)
		return reply_done(loader, m->call, &refusal);
	r = store_push_subscriber(instance, s);
	if (r < 0) {
		instance_unsubscribe(instance, s);
		store_remove_subscriber(instance, &order.a);
		return reply_refusal(loader, m->call, REFUSAL_LOAD_FAILED, "store", strerror(-r));
	}
	order.m = (struct message){ .type = MESSAGE_SUBSCRIPTION, .call = m->call };
	order.a = s->a;
	return PEER_SEND(loader->warden, &order, NULL, 0);
}

static int on_retarget(struct loader *loader, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_retarget *order = (const struct message_retarget *)m;
	struct refusal refusal = { 0 };
	struct instance *instance;
	struct subscriber *s = find_subscriber(loader, order->id, &instance);

	(void)fds;
	(void)n_fds;
	if (!s)
		return reply_gone(loader, m->call);
	if (order->key_level >= BW_CGROUP_LEVELS_MAX || order->key.kind > BW_KEY_CGROUP)
		return reply_refusal(loader, m->call, REFUSAL_LOAD_FAILED, "order", "no such key");
	(void)instance_retarget(instance, s, &order->key, order->key_level, &refusal);
	(void)store_push_subscriber(instance, s);
	return reply_done(loader, m->call, &refusal);
}

static int on_unsubscribe(struct loader *loader, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_attachment_id *order = (const struct message_attachment_id *)m;
	struct instance *instance;
	struct subscriber *s = find_subscriber(loader, order->id, &instance);

	(void)fds;
	(void)n_fds;
	if (s) {
		struct attachment a = s->a;

		instance_unsubscribe(instance, s);
		store_remove_subscriber(instance, &a);
	}
	return reply_done(loader, m->call, NULL);
}

static int on_read_values(struct loader *loader, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_attachment_id *order = (const struct message_attachment_id *)m;
	struct instance *instance;
	struct subscriber *s = find_subscriber(loader, order->id, &instance);

	(void)fds;
	(void)n_fds;
	if (!s)
		return reply_gone(loader, m->call);
	/* Rows that nobody has taken yet must not fill the queue, whose end would be ours. */
	if (peer_queued(loader->warden) > READ_QUEUE_MAX)
		return reply_refusal(loader, m->call, REFUSAL_UNAVAILABLE, "loader",
				     "too much is being read: try again");
	return values_send(loader->warden, m->call, instance, s);
}

static int on_read_costs(struct loader *loader, const struct message *m, int *fds, size_t n_fds)
{
	const struct message_read_costs *order = (const struct message_read_costs *)m;
	struct message end = { .type = MESSAGE_END, .call = m->call };
	int r = 0;

	(void)fds;
	(void)n_fds;
	if (peer_queued(loader->warden) > READ_QUEUE_MAX)
		return reply_refusal(loader, m->call, REFUSAL_UNAVAILABLE, "loader",
				     "too much is being read: try again");
	for (struct instance *i = loader->instances; i && r >= 0; i = i->next)
		r = values_send_costs(loader->warden, order, i);
	return r < 0 ? r : peer_send(loader->warden, &end, sizeof(end), NULL, 0);
}

static int on_get_ring(struct loader *loader, const struct message *m, int *fds, size_t n_fds)
{
	struct message_attachment_id order = *(const struct message_attachment_id *)m;
	struct instance *instance;
	struct subscriber *s = find_subscriber(loader, order.id, &instance);

	(void)fds;
	(void)n_fds;
	if (!s || s->maps[SUBSCRIBER_RING] < 0)
		return reply_gone(loader, m->call);
	order.m = (struct message){ .type = MESSAGE_RING, .call = m->call };
	return PEER_SEND(loader->warden, &order, &s->maps[SUBSCRIBER_RING], 1);
}

static int on_survey(struct loader *loader, const struct message *m, int *fds, size_t n_fds)
{
	struct message end = { .type = MESSAGE_END, .call = m->call };
	int r = 0;

	(void)fds;
	(void)n_fds;
	for (struct instance *i = loader->instances; i && r >= 0; i = i->next) {
		struct message_loaded row = i->loaded;

		row.m = (struct message){ .type = MESSAGE_INSTANCE, .call = m->call };
		r = PEER_SEND(loader->warden, &row, NULL, 0);
		for (struct subscriber *s = i->subscribers; s && r >= 0; s = s->next) {
			struct message_subscribe sub = {
				.m = { .type = MESSAGE_SUBSCRIPTION, .call = m->call }, .a = s->a
			};

			r = PEER_SEND(loader->warden, &sub, NULL, 0);
		}
	}
	return r < 0 ? r : peer_send(loader->warden, &end, sizeof(end), NULL, 0);
}

static int on_warden_record(struct peer *peer, const struct message *m, int *fds, size_t n_fds,
			    void *userdata)
{
	static int (*const orders[_MESSAGE_MAX])(struct loader *, const struct message *, int *, size_t) = {
		[MESSAGE_LOAD] = on_load,
		[MESSAGE_UNLOAD] = on_unload,
		[MESSAGE_SUBSCRIBE] = on_subscribe,
		[MESSAGE_RETARGET] = on_retarget,
		[MESSAGE_UNSUBSCRIBE] = on_unsubscribe,
		[MESSAGE_READ_VALUES] = on_read_values,
		[MESSAGE_READ_COSTS] = on_read_costs,
		[MESSAGE_GET_RING] = on_get_ring,
		[MESSAGE_SURVEY] = on_survey,
	};
	struct loader *loader = userdata;

	(void)peer;
	/* The parser speaks to us before it answers the warden: what it said is there already. */
	verdicts_drain(loader->verdicts);
	return orders[m->type] ? orders[m->type](loader, m, fds, n_fds) : -EPROTO;
}

static void on_warden_closed(struct peer *peer, const char *reason, void *userdata)
{
	struct loader *loader = userdata;

	(void)peer;
	process_log(5, "the warden is gone (%s): starting again, probes stay attached", reason);
	(void)sd_event_exit(loader->event, 0);
}

static int loader_startup(struct loader *loader)
{
	struct peer_options warden = { .self = SIDE_LOADER,
				       .other = SIDE_WARDEN,
				       .record = on_warden_record,
				       .closed = on_warden_closed,
				       .userdata = loader };
	int r, listener = -EBADF;

	/* SHA-256 is all that we use of it: it must not want its configuration file later. */
	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
		return -ENOMEM;
	listener = listen_find(LISTEN_NAME_VERDICTS);
	if (listener < 0)
		return listener;
	verify_start();
	hook_start();
	r = store_restore(&loader->instances);
	if (r >= 0)
		r = values_start();
	if (r >= 0)
		r = sd_event_default(&loader->event);
	if (r >= 0)
		r = sd_event_add_time_relative(loader->event, &loader->reaper, CLOCK_MONOTONIC, 0, 0, on_reap,
					       loader);
	if (r >= 0)
		r = verdicts_new(loader->event, listener, &loader->verdicts);
	if (r >= 0)
		r = process_uid(SIDE_WARDEN, &warden.uid);
	if (r >= 0)
		r = peer_connect(loader->event, SOCKET_PEERS, &warden, &loader->warden);
	if (r >= 0)
		r = sandbox_enter(SIDE_LOADER);
	return r;
}

int loader_main(void)
{
	struct loader loader = { 0 };
	int r;

	r = loader_startup(&loader);
	if (r >= 0) {
		(void)sd_notify(0, "READY=1\nSTATUS=Ready");
		r = sd_event_loop(loader.event);
	}
	if (r < 0)
		process_log(3, "cannot go on: %s", strerror(-r));
	while (loader.loads) {
		struct refusal none = { 0 };

		load_end(loader.loads, &none);
	}
	while (loader.dying) {
		struct load *next = loader.dying->next;

		free(loader.dying);
		loader.dying = next;
	}
	sd_event_source_disable_unref(loader.reaper);
	peer_free(loader.warden);
	verdicts_free(loader.verdicts);
	while (loader.instances) {
		struct instance *next = loader.instances->next;

		instance_free(loader.instances);
		loader.instances = next;
	}
	sd_event_unref(loader.event);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
