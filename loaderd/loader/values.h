/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Reads an attachment's counters, histograms and counts out of the kernel, summed over the CPUs, as messages.
 */
#include "loaderd/loader/instance.h"
#include "loaderd/peer.h"

/* Learns the number of possible CPUs, whose values a per-CPU look-up fills in: before the sandbox closes. */
int values_start(void);
size_t values_cpus(void);

/* Sends COUNTERS (the attachment's, then program-wide), HISTOGRAM and COUNT rows and END, all with `call`. */
int values_send(struct peer *warden, uint64_t call, const struct instance *instance,
		const struct subscriber *subscriber);

/* Sends a COST row for each attachment of an instance that counts, of this uid or, with all, of everybody. */
int values_send_costs(struct peer *warden, const struct message_read_costs *order,
		      const struct instance *instance);
