/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever parses as a list of revocations has entries that keep their promises; whatever does not is refused
 * with a rule. */
#include <string.h>

#include "common/cleanup.h"
#include "format/revocation.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ struct revocation *list = NULL;
	struct refusal refusal = {};
	size_t n = 0;
	int r;

	r = revocations_parse((const char *)data, size, &list, &n, &refusal);
	if (r) {
		FUZZ_CHECK(r == REFUSAL_TRUST_INVALID && refusal.subject[0] == 'L' && refusal.reason[0] &&
			   !list);
		return 0;
	}
	FUZZ_CHECK(n <= REVOCATIONS_MAX);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(revocation_check(&list[i]) && revocation_kind_name(list[i].kind));
	return 0;
}
