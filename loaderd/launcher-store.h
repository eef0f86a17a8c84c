/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The receiving end of sd_notify(3) for the launcher: READY=1, and for the loader FDSTORE=1, FDSTOREREMOVE=1
 * and BARRIER=1. Senders are known by the SCM_CREDENTIALS of the kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct launcher_store;

/* Takes the bound datagram socket. ready is called for every READY=1; descriptors are kept only from
 * processes for which may_store says so. */
int launcher_store_new(sd_event *event, int fd, void (*ready)(pid_t pid, void *userdata),
		       bool (*may_store)(pid_t pid, void *userdata), void *userdata,
		       struct launcher_store **ret);
struct launcher_store *launcher_store_free(struct launcher_store *store);

size_t launcher_store_size(const struct launcher_store *store);
/* Name and descriptor of entry i; both stay the store's. */
const char *launcher_store_get(const struct launcher_store *store, size_t i, int *ret_fd);
