/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An auditor's memory: one, which comes back the same when it is written again, or none. */
#include <errno.h>
#include <string.h>

#include "audit/verify/memory-file.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory memory = MEMORY_INIT, again = MEMORY_INIT;
	char *text = NULL;
	size_t text_size = 0;
	int r = memory_read((const char *)data, size, &memory);

	FUZZ_CHECK(r == 0 || r == -EBADMSG);
	if (r)
		return 0;
	FUZZ_CHECK(memory.size && memory.first_block + memory.n_blocks <= memory.size / MEMORY_BLOCK);
	FUZZ_CHECK(memory_write(&memory, &text, &text_size) == 0);
	FUZZ_CHECK(memory_read(text, text_size, &again) == 0);
	FUZZ_CHECK(again.size == memory.size && again.n_blocks == memory.n_blocks);
	FUZZ_CHECK(!memcmp(again.root, memory.root, sizeof(memory.root)) && !strcmp(again.key, memory.key));
	free(text);
	memory_clear(&memory);
	memory_clear(&again);
	return 0;
}
