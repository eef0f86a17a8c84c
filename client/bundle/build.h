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

/* Signs each variant's skeleton for the kernel, adds the signatures as files and writes the manifest, which
 * must have no signatures yet: REFUSAL_BUNDLE_INVALID if it has, or if a skeleton is signed already. */
int bundle_sign_kernel(struct bundle *bundle, const struct signing_key *key, struct refusal *refusal);

/* Builds each variant's skeleton again from the object in the bundle and compares skeleton, context, programs
 * with their hooks and helpers, and maps. Returns 0, -errno or REFUSAL_BUNDLE_INVALID (B10) with the first
 * difference. */
int bundle_attest(const struct bundle *bundle, struct refusal *refusal);

/* A starting template for an object of somebody else's, as JSON text that the caller frees. */
int bundle_init_template(const char *name, const void *object, size_t size, const char *object_path,
			 char **ret, struct refusal *refusal);

/* ---- for build.c and ksig.c ---- */

/* Adds a file to the bundle and to the manifest's list; *ret_index is its place in both. */
int bundle_list_file(struct bundle *bundle, const char *name, const void *bytes, size_t size,
		     uint32_t *ret_index, struct refusal *refusal);
/* The same with the name NAME.VARIANT.SUFFIX. */
int bundle_list_variant_file(struct bundle *bundle, const struct spec_variant *variant, const char *suffix,
			     const void *bytes, size_t size, uint32_t *ret_index, struct refusal *refusal);
/* Writes the manifest anew from the spec. */
int bundle_write_manifest(struct bundle *bundle, struct refusal *refusal);
