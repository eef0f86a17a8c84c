/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/loader/bpfcall.h"
#include "loaderd/loader/hook.h"
#include "loaderd/loader/slot.h"
#include "loaderd/loader/values.h"

/* The array of maps in which a subscriber's map of each kind stands, by slot. */
static const enum spec_map_kind outer_kind[_SUBSCRIBER_MAP_MAX] = {
	[SUBSCRIBER_RING] = SPEC_MAP_RINGS,
	[SUBSCRIBER_HISTOGRAM] = SPEC_MAP_HISTOGRAMS,
	[SUBSCRIBER_COUNT] = SPEC_MAP_COUNTS,
};

static struct subscriber *subscriber_free(struct subscriber *s)
{
	for (int i = 0; s && i < _SUBSCRIBER_MAP_MAX; i++)
		close_fd(s->maps[i]);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct subscriber *, subscriber_free)

static struct subscriber *subscriber_new(const struct attachment *a)
{
	struct subscriber *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->a = *a;
	for (int i = 0; i < _SUBSCRIBER_MAP_MAX; i++)
		s->maps[i] = -EBADF;
	return s;
}

int instance_new(const struct message_loaded *loaded, const struct spec *spec, struct instance **ret)
{
	struct instance *instance = calloc(1, sizeof(*instance));

	if (!instance)
		return -ENOMEM;
	instance->loaded = *loaded;
	instance->spec = *spec;
	instance->variant = &instance->spec.variants[loaded->variant];
	for (int i = 0; i < SPEC_MAPS_MAX; i++)
		instance->maps[i] = -EBADF;
	for (int i = 0; i < SPEC_PROGRAMS_MAX; i++)
		instance->links[i] = -EBADF;
	*ret = instance;
	return 0;
}

struct instance *instance_free(struct instance *instance)
{
	if (!instance)
		return NULL;
	for (int i = 0; i < SPEC_PROGRAMS_MAX; i++)
		close_fd(instance->links[i]);
	for (int i = 0; i < SPEC_MAPS_MAX; i++)
		close_fd(instance->maps[i]);
	while (instance->subscribers) {
		struct subscriber *s = instance->subscribers;

		instance->subscribers = s->next;
		subscriber_free(s);
	}
	free(instance);
	return NULL;
}

static const struct spec_map *map_of_kind(const struct instance *instance, enum spec_map_kind kind,
					  int *ret_fd)
{
	for (uint32_t i = 0; i < instance->variant->n_maps; i++)
		if (instance->variant->maps[i].kind == (uint32_t)kind) {
			*ret_fd = instance->maps[i];
			return &instance->variant->maps[i];
		}
	*ret_fd = -EBADF;
	return NULL;
}

int instance_map(const struct instance *instance, enum spec_map_kind kind)
{
	int fd;

	(void)map_of_kind(instance, kind, &fd);
	return fd;
}

static int refuse(struct refusal *refusal, const char *step, int error)
{
	return refusal_set_error(refusal, error, REFUSAL_LOAD_FAILED, step, "%s: %s", step, strerror(-error));
}

static int write_params(struct instance *instance, const void *params, size_t size, struct refusal *refusal)
{
	int fd, r;
	const struct spec_map *map = map_of_kind(instance, SPEC_MAP_PARAMS, &fd);
	uint8_t value[PARAMS_SIZE_MAX] = { 0 };
	const uint32_t zero = 0;

	if (!map)
		return 0;
	if (map->value_size > sizeof(value) || size > map->value_size)
		return refuse(refusal, "parameters", -EINVAL);
	memcpy(value, params, size);
	r = bpfcall_map_update(fd, &zero, value);
	if (r >= 0)
		r = bpfcall_map_freeze(fd);
	return r < 0 ? refuse(refusal, "parameters", r) : 0;
}

int instance_attach(struct instance *instance, const int *programs, const void *params, size_t params_size,
		    struct refusal *refusal)
{
	int r;

	r = write_params(instance, params, params_size, refusal);
	if (r)
		return r;
	for (uint32_t i = 0; i < instance->variant->n_programs; i++) {
		r = hook_attach(&instance->variant->programs[i], programs[i]);
		if (r < 0)
			return refuse(refusal, "attach", r);
		instance->links[i] = r;
	}
	return 0;
}

static bool same_key(const struct bw_key *a, const struct bw_key *b)
{
	return a->kind == b->kind && a->id == b->id;
}

/* A unit that does not run now has no cgroup: it keeps its slot, but is under no key. */
static bool has_key(const struct subscriber *s)
{
	return s->a.key.kind != BW_KEY_CGROUP || s->a.key.id != 0;
}

/* Writes the list of slots under a key as the subscribers stand now. */
static int publish_key(struct instance *instance, const struct bw_key *key)
{
	struct bw_subscribers list = { 0 };
	int fd = instance_map(instance, SPEC_MAP_SUBSCRIPTIONS), r;

	for (struct subscriber *s = instance->subscribers; s; s = s->next)
		if (has_key(s) && same_key(&s->a.key, key) && list.count < BW_SUBSCRIBERS_PER_KEY_MAX)
			list.slot[list.count++] = s->a.slot;
	if (list.count)
		return bpfcall_map_update(fd, key, &list);
	r = bpfcall_map_delete(fd, key);
	return r == -ENOENT ? 0 : r;
}

static int publish_control(struct instance *instance)
{
	struct bw_control control = { .wake_bytes = ATTACHMENT_RING_SIZE / 4 };
	const uint32_t zero = 0;

	for (struct subscriber *s = instance->subscribers; s; s = s->next) {
		control.enabled = 1;
		if (!has_key(s))
			continue;
		if (s->a.key.kind == BW_KEY_HOST) {
			control.n_host++;
		} else if (s->a.key.kind == BW_KEY_UID) {
			control.n_uid++;
		} else {
			control.n_cgroup++;
			control.cgroup_levels |= 1U << s->a.key_level;
		}
	}
	return bpfcall_map_update(instance_map(instance, SPEC_MAP_CONTROL), &zero, &control);
}

static int create_map(struct subscriber *s, const struct spec_map *outer, enum subscriber_map which)
{
	static const char *const names[_SUBSCRIBER_MAP_MAX] = { "bw_ring", "bw_hist", "bw_count" };
	struct bpfcall_map map = { .type = outer->inner_type,
				   .key_size = outer->inner_key_size,
				   .value_size = outer->inner_value_size,
				   .flags = outer->inner_flags,
				   .max_entries = outer->inner_max_entries,
				   .name = names[which] };

	if (which == SUBSCRIBER_RING)
		map.max_entries = s->a.ring_size;
	return bpfcall_map_create(&map);
}

static bool wants_map(const struct subscriber *s, enum subscriber_map which)
{
	return s->a.data & (which == SUBSCRIBER_RING ? MESSAGE_DATA_EVENTS : MESSAGE_DATA_AGGREGATES);
}

/* Makes the subscriber's own maps and puts them under its slot. */
static int install_maps(struct instance *instance, struct subscriber *s, struct refusal *refusal)
{
	struct slot_change changes[_SUBSCRIBER_MAP_MAX];
	size_t n = 0;
	int r;

	for (int i = 0; i < _SUBSCRIBER_MAP_MAX; i++) {
		int outer_fd;
		const struct spec_map *outer = map_of_kind(instance, outer_kind[i], &outer_fd);

		if (!outer || !wants_map(s, i))
			continue;
		r = create_map(s, outer, i);
		if (r < 0)
			return refuse(refusal, "subscriber's map", r);
		s->maps[i] = r;
		changes[n++] = (struct slot_change){ .outer = outer_fd, .inner = s->maps[i] };
	}
	r = slot_fill(s->a.slot, changes, n);
	if (r < 0)
		return refuse(refusal, "slot", r);
	return 0;
}

static void remove_maps(struct instance *instance, struct subscriber *s)
{
	struct slot_change changes[_SUBSCRIBER_MAP_MAX];
	size_t n = 0;

	for (int i = 0; i < _SUBSCRIBER_MAP_MAX; i++) {
		int outer = instance_map(instance, outer_kind[i]);

		if (s->maps[i] >= 0 && outer >= 0)
			changes[n++] = (struct slot_change){ .outer = outer, .inner = -EBADF };
	}
	slot_clear(s->a.slot, changes, n);
}

/* Settings and zeroed counters of the slot. */
static int install_settings(struct instance *instance, struct subscriber *s)
{
	struct bw_slot slot = { .privacy_max = s->a.privacy_max };
	int fd = instance_map(instance, SPEC_MAP_SLOTS), r;
	size_t n = values_cpus();
	_cleanup_free_ struct bw_counters *zero = calloc(n, sizeof(*zero));

	if (!zero)
		return -ENOMEM;
	if (s->a.data & MESSAGE_DATA_EVENTS)
		slot.flags |= BW_SLOT_EVENTS;
	if (s->a.data & MESSAGE_DATA_AGGREGATES)
		slot.flags |= BW_SLOT_AGGREGATES;
	r = bpfcall_map_update(fd, &s->a.slot, &slot);
	if (r < 0)
		return r;
	return bpfcall_map_update(instance_map(instance, SPEC_MAP_COUNTERS), &s->a.slot, zero);
}

static int take_slot(struct instance *instance, uint32_t *ret)
{
	for (uint32_t i = 0; i < BW_SLOTS_MAX; i++) {
		uint32_t slot = (instance->next_slot + i) % BW_SLOTS_MAX;
		struct subscriber *s = instance->subscribers;

		while (s && s->a.slot != slot)
			s = s->next;
		if (!s) {
			instance->next_slot = slot + 1;
			*ret = slot;
			return 0;
		}
	}
	return -ENOSPC;
}

static uint32_t count_key(const struct instance *instance, const struct bw_key *key)
{
	uint32_t n = 0;

	for (struct subscriber *s = instance->subscribers; s; s = s->next)
		n += has_key(s) && same_key(&s->a.key, key);
	return n;
}

/* A third-party object: its own ring and table, one subscriber, nothing to install. */
static int subscribe_private(struct instance *instance, struct subscriber *s, struct refusal *refusal)
{
	int fd, table = instance_map(instance, SPEC_MAP_TABLE);
	const struct spec_map *ring = map_of_kind(instance, SPEC_MAP_EVENTS, &fd);

	if (instance->subscribers)
		return refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, "private",
				   "this probe serves one attachment");
	if (table >= 0 && (s->a.data & MESSAGE_DATA_AGGREGATES)) {
		s->maps[SUBSCRIBER_COUNT] = dup(table);
		if (s->maps[SUBSCRIBER_COUNT] < 0)
			return -errno;
	}
	if (!ring)
		return 0;
	s->maps[SUBSCRIBER_RING] = dup(fd);
	if (s->maps[SUBSCRIBER_RING] < 0)
		return -errno;
	s->a.ring_size = ring->max_entries;
	return 0;
}

static int subscribe_shared(struct instance *instance, struct subscriber *s, struct refusal *refusal)
{
	int r;

	if (count_key(instance, &s->a.key) >= BW_SUBSCRIBERS_PER_KEY_MAX) {
		r = refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, "attachments-per-target",
				"%d attachments of this probe already have that very target",
				BW_SUBSCRIBERS_PER_KEY_MAX);
		if (refusal)
			refusal->used = refusal->max = BW_SUBSCRIBERS_PER_KEY_MAX;
		return r;
	}
	r = take_slot(instance, &s->a.slot);
	if (r < 0)
		return refuse(refusal, "slot", r);
	r = install_maps(instance, s, refusal);
	if (r)
		return r;
	r = install_settings(instance, s);
	return r < 0 ? refuse(refusal, "settings", r) : 0;
}

int instance_subscribe(struct instance *instance, const struct attachment *a, struct subscriber **ret,
		       struct refusal *refusal)
{
	bool shared = instance->spec.flags & SPEC_HAS_DEMUX;
	struct subscriber *s = subscriber_new(a);
	int r;

	if (!s)
		return -ENOMEM;
	r = shared ? subscribe_shared(instance, s, refusal) : subscribe_private(instance, s, refusal);
	if (r) {
		remove_maps(instance, s);
		subscriber_free(s);
		return r;
	}
	s->next = instance->subscribers;
	instance->subscribers = s;
	if (shared) {
		/* The key last: from here on events arrive, and everything that they need is there. */
		r = has_key(s) ? publish_key(instance, &s->a.key) : 0;
		if (r >= 0)
			r = publish_control(instance);
		if (r < 0) {
			instance_unsubscribe(instance, s);
			return refuse(refusal, "subscribe", r);
		}
	}
	*ret = s;
	return 0;
}

int instance_restore(struct instance *instance, const struct attachment *a, int maps[_SUBSCRIBER_MAP_MAX],
		     struct subscriber **ret)
{
	struct subscriber *s = subscriber_new(a);

	if (!s)
		return -ENOMEM;
	for (int i = 0; i < _SUBSCRIBER_MAP_MAX; i++)
		s->maps[i] = take_fd(maps[i]);
	s->next = instance->subscribers;
	instance->subscribers = s;
	if (instance->next_slot <= a->slot)
		instance->next_slot = a->slot + 1;
	*ret = s;
	return 0;
}

int instance_retarget(struct instance *instance, struct subscriber *s, const struct bw_key *key,
		      uint32_t key_level, struct refusal *refusal)
{
	struct bw_key old = s->a.key;
	int r;

	if (!same_key(&old, key) && count_key(instance, key) >= BW_SUBSCRIBERS_PER_KEY_MAX)
		return refuse(refusal, "retarget", -ENOSPC);
	s->a.key = *key;
	s->a.key_level = key_level;
	r = publish_key(instance, &old);
	if (r >= 0 && has_key(s))
		r = publish_key(instance, key);
	if (r >= 0)
		r = publish_control(instance);
	return r < 0 ? refuse(refusal, "retarget", r) : 0;
}

void instance_unsubscribe(struct instance *instance, struct subscriber *s)
{
	struct subscriber **p = &instance->subscribers;
	const struct bw_slot nobody = { 0 };

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	if (instance->spec.flags & SPEC_HAS_DEMUX) {
		if (has_key(s))
			(void)publish_key(instance, &s->a.key);
		(void)publish_control(instance);
		(void)bpfcall_map_update(instance_map(instance, SPEC_MAP_SLOTS), &s->a.slot, &nobody);
		remove_maps(instance, s);
	}
	subscriber_free(s);
}

struct subscriber *instance_find(const struct instance *instance, uint64_t id)
{
	struct subscriber *s = instance->subscribers;

	while (s && s->a.id != id)
		s = s->next;
	return s;
}
