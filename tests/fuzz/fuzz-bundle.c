/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A .bpfw of any bytes: members within their limits, or a refusal with a rule of the container. */
#include <string.h>

#include "client/bundle/bundle-internal.h"
#include "format/manifest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct members members = {};
	struct refusal refusal = {};
	int r;

	r = bundle_read_archive((const char *)data, size, &members, &refusal);
	FUZZ_CHECK(r == 0 || (r == REFUSAL_BUNDLE_INVALID && refusal.subject[0] == 'C' && refusal.reason[0]));
	for (size_t i = 0; i < members.n; i++) {
		FUZZ_CHECK(manifest_file_name_valid(members.file[i].name));
		FUZZ_CHECK(members.file[i].size <= size);
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(strcmp(members.file[i].name, members.file[j].name));
	}
	members_done(&members);
	return 0;
}
