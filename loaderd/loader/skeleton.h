/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The files of a light skeleton as they come with an order: sealed, and exactly those that were signed. */
#include "common/cleanup.h"
#include "common/refusal.h"
#include "format/spec.h"
#include "loaderd/loader/runner.h"

struct skeleton {
	char *insns, *data, *ksig;
};

/* Reads the descriptors of an order (insns, data and, where the variant has one, ksig) and fills in what the
 * job borrows of them. Returns 0, REFUSAL_BUNDLE_INVALID, or REFUSAL_LOAD_FAILED if their number is wrong.
 * What was read so far is freed by skeleton_done() either way. */
int skeleton_read(const struct spec *spec, const struct spec_variant *variant, const int *fds, size_t n_fds,
		  struct skeleton *skeleton, struct runner_job *job, struct refusal *refusal);
void skeleton_done(struct skeleton *skeleton);
