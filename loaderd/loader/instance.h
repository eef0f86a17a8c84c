/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * One loaded probe (skeleton, parameters) with its links, and the attachments that share it. An attachment
 * has a slot: its own ring, histograms and counts in the arrays of maps, its settings and counters in the
 * arrays by slot, and its number in the list under its key in the subscriptions map. Objects without the
 * demultiplexing header have one private attachment and hand out their own ring.
 */
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/refusal.h"
#include "format/message.h"

enum subscriber_map { SUBSCRIBER_RING = 0, SUBSCRIBER_HISTOGRAM, SUBSCRIBER_COUNT, _SUBSCRIBER_MAP_MAX };

struct subscriber {
	struct subscriber *next;
	struct attachment a;
	int maps[_SUBSCRIBER_MAP_MAX]; /* -EBADF: it has none */
};

struct instance {
	struct instance *next;
	struct message_loaded loaded; /* what the warden was and will be told */
	struct spec spec;
	const struct spec_variant *variant; /* within spec */
	int maps[SPEC_MAPS_MAX];
	int links[SPEC_PROGRAMS_MAX];
	struct subscriber *subscribers;
	uint32_t
		next_slot; /* slots are given out in turn, so that one is long idle before it is used again */
};

/* Descriptors all -EBADF. The spec must have passed spec_check(), variant its count. */
int instance_new(const struct message_loaded *loaded, const struct spec *spec, struct instance **ret);

/* Closes everything, which detaches the programs if nobody else holds the links. Returns NULL. */
struct instance *instance_free(struct instance *instance);
DEFINE_CLEANUP(struct instance *, instance_free)

/* Descriptor of the map of this kind; -EBADF if the probe has none. */
int instance_map(const struct instance *instance, enum spec_map_kind kind);

/* Writes and freezes the parameters, then creates a link for each of the n programs. Nothing is delivered
 * before the first subscriber. */
int instance_attach(struct instance *instance, const int *programs, const void *params, size_t params_size,
		    struct refusal *refusal);

/* Adds an attachment: a slot, its maps, and last its key. On success *ret belongs to the instance; a.slot
 * and, of an object with a ring of its own, a.ring_size are filled in. */
int instance_subscribe(struct instance *instance, const struct attachment *a, struct subscriber **ret,
		       struct refusal *refusal);

/* Puts a subscriber back whose maps survived a restart; takes its descriptors. No system call. */
int instance_restore(struct instance *instance, const struct attachment *a, int maps[_SUBSCRIBER_MAP_MAX],
		     struct subscriber **ret);

/* Changes whose events it gets. */
int instance_retarget(struct instance *instance, struct subscriber *s, const struct bw_key *key,
		      uint32_t key_level, struct refusal *refusal);

/* Takes an attachment out of the kernel's maps and frees it. When this returns no program writes to its maps
 * any more: the kernel waits for running programs when an array of maps changes (maybe_wait_bpf_programs()).
 */
void instance_unsubscribe(struct instance *instance, struct subscriber *s);

struct subscriber *instance_find(const struct instance *instance, uint64_t id);
