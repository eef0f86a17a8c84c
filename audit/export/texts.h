/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The texts that records refer to by their SHA-256, by members "policy" and "gids_digest". */
#include <stddef.h>
#include <stdint.h>

#include "audit/export/stage.h"
#include "audit/verify/source.h"

struct export_texts {
	uint8_t (*digests)[DIGEST_SIZE]; /* sorted */
	size_t n, room;
};

int export_texts_note(struct export_texts *texts, const char *record, size_t size);
/* Those that the earlier export does not have yet. Counts those that the source does not have, or has others
 * for: whoever verifies the export will name them. */
int export_texts_write(const struct export_texts *texts, struct audit_source *source,
		       struct export_stage *stage, uint64_t *ret_written, uint64_t *ret_missing,
		       struct refusal *refusal);
void export_texts_release(struct export_texts *texts);
