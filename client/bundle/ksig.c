/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The signatures that the kernel itself checks. */
#include "client/bundle/build.h"

static int sign_variant(struct bundle *bundle, struct spec_variant *v, const struct signing_key *key,
			struct refusal *refusal)
{
	const struct bundle_file *insns = &bundle->files[v->insns], *data = &bundle->files[v->data];
	_cleanup_free_ uint8_t *ksig = NULL;
	size_t size;
	int r;

	r = ksig_sign(key, insns->bytes, insns->size, data->bytes, data->size, &ksig, &size, refusal);
	return r ? r : bundle_list_variant_file(bundle, v, "lskel.ksig", ksig, size, &v->ksig, refusal);
}

int bundle_sign_kernel(struct bundle *bundle, const struct signing_key *key, struct refusal *refusal)
{
	struct spec *spec = &bundle->spec;
	int r = 0;

	if (bundle->n_signatures)
		return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, "C4",
				   "the manifest is signed: nothing can be added to it any more");
	for (uint32_t i = 0; !r && i < spec->n_variants; i++)
		r = sign_variant(bundle, &spec->variants[i], key, refusal);
	return r ? r : bundle_write_manifest(bundle, refusal);
}
