/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The service manager's file descriptor store (sd_notify(3), FDSTORE=1): links, maps and a sealed memfd with
 * what is known of each instance and attachment live there, so that probes stay attached and rings keep
 * filling while the loader restarts. Names: "i-INSTANCE-…" and "a-INSTANCE-ID-…" in hexadecimal.
 */
#include "loaderd/loader/instance.h"

/* Takes the descriptors that the service manager handed back and rebuilds the list of instances. Whatever is
 * incomplete is closed and removed. Must run before any other descriptor is opened by number. */
int store_restore(struct instance **ret_instances);

/* FDPOLL=0 always: the store must not wake the service manager for events. */
int store_push_instance(const struct instance *instance);
int store_push_subscriber(const struct instance *instance, const struct subscriber *subscriber);

/* Remove and wait (sd_notify_barrier(3)) until the service manager has closed its copies: only then is a
 * probe really detached. */
void store_remove_instance(const struct instance *instance);
void store_remove_subscriber(const struct instance *instance, const struct attachment *a);
