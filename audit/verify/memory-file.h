/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A memory as JSON. */
#include "audit/verify/memory.h"

#define MEMORY_FILE_MAX (64U << 20) /* of 200 million records */

/* The caller frees *ret. */
int memory_write(const struct memory *memory, char **ret, size_t *ret_size);
/* -EBADMSG: it is none. */
int memory_read(const char *text, size_t size, struct memory *ret);
