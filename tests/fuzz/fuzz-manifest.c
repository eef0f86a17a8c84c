/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever parses keeps the promises of a spec, and its manifest reads back as the same spec; whatever does
 * not is refused with a rule. */
#include <errno.h>
#include <string.h>

#include "format/manifest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct spec spec, back;
	struct refusal refusal = {};
	char *text = NULL;
	int r;

	r = manifest_parse((const char *)data, size, &spec, &refusal);
	if (r) {
		FUZZ_CHECK(r == REFUSAL_BUNDLE_INVALID && refusal.subject[0] == 'M' && refusal.reason[0]);
		return 0;
	}
	FUZZ_CHECK(spec_check(&spec));
	FUZZ_CHECK(manifest_write(&spec, &text, &refusal) == 0);
	FUZZ_CHECK(manifest_parse(text, strlen(text), &back, &refusal) == 0);
	FUZZ_CHECK(!memcmp(&spec, &back, sizeof(spec)));
	free(text);
	return 0;
}
