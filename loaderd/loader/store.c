/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/fd.h"
#include "loaderd/process.h"

#define BARRIER_TIMEOUT_US (10ULL * 1000 * 1000)
#define NAME_MAX_LENGTH    80

/* The memfd of an instance. */
struct stored_instance {
	struct message_loaded loaded;
	struct spec spec;
};

static void instance_name(char *name, const struct instance *instance, const char *kind, unsigned int index)
{
	snprintf(name, NAME_MAX_LENGTH, "i-%" PRIx64 "-%s%u", instance->loaded.instance, kind, index);
}

static void subscriber_name(char *name, const struct instance *instance, const struct attachment *a,
			    const char *kind, unsigned int index)
{
	snprintf(name, NAME_MAX_LENGTH, "a-%" PRIx64 "-%" PRIx64 "-%s%u", instance->loaded.instance, a->id,
		 kind, index);
}

static int push(const char *name, int fd)
{
	char state[NAME_MAX_LENGTH + 64];

	snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	return sd_pid_notify_with_fds(0, 0, state, &fd, 1);
}

static void discard(const char *name)
{
	char state[NAME_MAX_LENGTH + 64];

	snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	(void)sd_notify(0, state);
}

static int push_memory(const char *name, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = fd_memfd_sealed(name, bytes, size);

	return fd < 0 ? fd : push(name, fd);
}

int store_push_instance(const struct instance *instance)
{
	_cleanup_free_ struct stored_instance *stored = calloc(1, sizeof(*stored));
	char name[NAME_MAX_LENGTH];
	int r = 0;

	if (!stored)
		return -ENOMEM;
	stored->loaded = instance->loaded;
	stored->spec = instance->spec;
	for (unsigned int i = 0; i < SPEC_MAPS_MAX && r >= 0; i++)
		if (instance->maps[i] >= 0) {
			instance_name(name, instance, "m", i);
			r = push(name, instance->maps[i]);
		}
	for (unsigned int i = 0; i < SPEC_PROGRAMS_MAX && r >= 0; i++)
		if (instance->links[i] >= 0) {
			instance_name(name, instance, "l", i);
			r = push(name, instance->links[i]);
		}
	if (r < 0)
		return r;
	/* The memfd last: an instance without it is incomplete and dropped by store_restore(). */
	instance_name(name, instance, "s", 0);
	return push_memory(name, stored, sizeof(*stored));
}

int store_push_subscriber(const struct instance *instance, const struct subscriber *s)
{
	char name[NAME_MAX_LENGTH];
	int r = 0;

	for (unsigned int i = 0; i < _SUBSCRIBER_MAP_MAX && r >= 0; i++)
		if (s->maps[i] >= 0) {
			subscriber_name(name, instance, &s->a, "m", i);
			r = push(name, s->maps[i]);
		}
	if (r < 0)
		return r;
	subscriber_name(name, instance, &s->a, "s", 0);
	discard(name); /* of an earlier target */
	return push_memory(name, &s->a, sizeof(s->a));
}

void store_remove_instance(const struct instance *instance)
{
	char name[NAME_MAX_LENGTH];

	instance_name(name, instance, "s", 0);
	discard(name);
	for (unsigned int i = 0; i < SPEC_PROGRAMS_MAX; i++)
		if (instance->links[i] >= 0) {
			instance_name(name, instance, "l", i);
			discard(name);
		}
	for (unsigned int i = 0; i < SPEC_MAPS_MAX; i++)
		if (instance->maps[i] >= 0) {
			instance_name(name, instance, "m", i);
			discard(name);
		}
	(void)sd_notify_barrier(0, BARRIER_TIMEOUT_US);
}

void store_remove_subscriber(const struct instance *instance, const struct attachment *a)
{
	char name[NAME_MAX_LENGTH];

	subscriber_name(name, instance, a, "s", 0);
	discard(name);
	for (unsigned int i = 0; i < _SUBSCRIBER_MAP_MAX; i++) {
		subscriber_name(name, instance, a, "m", i);
		discard(name);
	}
	(void)sd_notify_barrier(0, BARRIER_TIMEOUT_US);
}

/* One descriptor that came back, with its name taken apart. */
struct returned {
	char *name;
	int fd;
	bool of_attachment;
	uint64_t instance, attachment;
	char kind;
	unsigned int index;
};

static bool parse_name(struct returned *r)
{
	int n = 0;

	if (sscanf(r->name, "i-%" SCNx64 "-%c%u%n", &r->instance, &r->kind, &r->index, &n) == 3 &&
	    r->name[n] == '\0')
		return true;
	n = 0;
	r->of_attachment = true;
	return sscanf(r->name, "a-%" SCNx64 "-%" SCNx64 "-%c%u%n", &r->instance, &r->attachment, &r->kind,
		      &r->index, &n) == 4 &&
	       r->name[n] == '\0';
}

/* Reads a memfd of exactly size bytes. */
static void *read_memory(int fd, size_t size)
{
	_cleanup_free_ char *bytes = NULL;
	size_t got;

	if (fd_check_sealed(fd) < 0 || fd_read_all(fd, size, &bytes, &got) < 0 || got != size)
		return NULL;
	return take_ptr(bytes);
}

static int restore_instance(const struct returned *state, struct returned *all, size_t n,
			    struct instance **list)
{
	_cleanup_free_ struct stored_instance *stored = read_memory(state->fd, sizeof(*stored));
	struct instance *instance;
	int r;

	if (!stored || stored->loaded.instance != state->instance || !spec_check(&stored->spec) ||
	    stored->loaded.variant >= stored->spec.n_variants)
		return -EBADMSG;
	r = instance_new(&stored->loaded, &stored->spec, &instance);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct returned *e = &all[i];

		if (e->of_attachment || e->instance != state->instance)
			continue;
		if (e->kind == 'm' && e->index < SPEC_MAPS_MAX)
			instance->maps[e->index] = take_fd(e->fd);
		else if (e->kind == 'l' && e->index < SPEC_PROGRAMS_MAX)
			instance->links[e->index] = take_fd(e->fd);
	}
	instance->next = *list;
	*list = instance;
	return 0;
}

static int restore_subscriber(const struct returned *state, struct returned *all, size_t n,
			      struct instance *instances)
{
	_cleanup_free_ struct attachment *a = read_memory(state->fd, sizeof(*a));
	int maps[_SUBSCRIBER_MAP_MAX] = { -EBADF, -EBADF, -EBADF };
	struct subscriber *s;

	while (instances && instances->loaded.instance != state->instance)
		instances = instances->next;
	if (!a || !instances || a->id != state->attachment || a->slot >= BW_SLOTS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		if (all[i].of_attachment && all[i].instance == state->instance &&
		    all[i].attachment == state->attachment && all[i].kind == 'm' &&
		    all[i].index < _SUBSCRIBER_MAP_MAX)
			maps[all[i].index] = take_fd(all[i].fd);
	return instance_restore(instances, a, maps, &s);
}

int store_restore(struct instance **ret_instances)
{
	_cleanup_free_ struct returned *all = NULL;
	struct instance *instances = NULL;
	char **names = NULL;
	int n, r = 0;

	n = sd_listen_fds_with_names(0, &names);
	if (n <= 0)
		return n;
	all = calloc((size_t)n, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		all[i] = (struct returned){ .name = names[i], .fd = SD_LISTEN_FDS_START + i };
		/* The listening socket is somebody else's to take. */
		if (!parse_name(&all[i]))
			all[i].fd = -EBADF;
	}
	for (int i = 0; i < n; i++)
		if (all[i].fd >= 0 && !all[i].of_attachment && all[i].kind == 's')
			r |= restore_instance(&all[i], all, (size_t)n, &instances);
	for (int i = 0; i < n; i++)
		if (all[i].fd >= 0 && all[i].of_attachment && all[i].kind == 's')
			r |= restore_subscriber(&all[i], all, (size_t)n, instances);
	if (r)
		process_log(4, "some of what the descriptor store held was incomplete and is dropped");
	/* What nobody took is the memfds, which were read, and leftovers of something half done. */
	for (int i = 0; i < n; i++) {
		if (all[i].fd >= 0 && all[i].kind != 's')
			discard(all[i].name);
		close_fd(all[i].fd);
		free(names[i]);
	}
	free(names);
	*ret_instances = instances;
	return 0;
}
