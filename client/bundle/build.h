/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* From a template and objects to a bundle, and back: does the bundle hold what its object gives? */
#include "client/bundle/bundle.h"
#include "client/bundle/template.h"
#include "signing/sign.h"

struct build_object {
	const void *bytes;
	size_t size;
};

/* Builds the bundle. objects: one for each variant of the template, the same bytes more than once where
 * variants share an object. issued: seconds since the epoch, where the template does not say. ksig: signs the
 * skeletons for the kernel; NULL: not. The same input gives the same bundle, save for ksig with an ECDSA key.
 * Returns 0, -errno or REFUSAL_BUNDLE_INVALID, whose subject is a rule of docs/FORMAT-bundle.md. */
int bundle_build(const struct template *t, const struct build_object *objects, uint64_t issued,
		 const struct signing_key *ksig, struct bundle **ret, struct refusal *refusal);

/* Builds each variant's skeleton again from the object in the bundle and compares skeleton, context, programs
 * with their hooks and helpers, and maps. Returns 0, -errno or REFUSAL_BUNDLE_INVALID (B10) with the first
 * difference. */
int bundle_attest(const struct bundle *bundle, struct refusal *refusal);

/* A starting template for an object of somebody else's, as JSON text that the caller frees. */
int bundle_init_template(const char *name, const void *object, size_t size, const char *object_path,
			 char **ret, struct refusal *refusal);
