/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A manifest.in of any bytes: counts within their arrays, or a refusal with a rule of the template. */
#include <stdlib.h>

#include "client/bundle/template.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct template *t = NULL;
	struct refusal refusal = {};
	int r;

	r = template_parse((const char *)data, size, &t, &refusal);
	if (r) {
		FUZZ_CHECK(r == REFUSAL_BUNDLE_INVALID && refusal.subject[0] == 'P' && refusal.reason[0]);
		return 0;
	}
	FUZZ_CHECK(t->n_variants >= 1 && t->n_variants <= SPEC_VARIANTS_MAX);
	FUZZ_CHECK(t->n_maps <= SPEC_MAPS_MAX && t->spec.n_roles <= SPEC_ROLES_MAX);
	for (size_t i = 0; i < t->n_variants; i++)
		FUZZ_CHECK(t->variants[i].n_requires <= SPEC_REQUIRES_MAX &&
			   t->variants[i].n_skip <= SPEC_PROGRAMS_MAX);
	free(t);
	return 0;
}
