/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A revocations.json that is being made: what trust revoke adds to. Functions return CLI_CONTINUE, or an exit
 * code after telling why. */
#include <stddef.h>

#include "common/cleanup.h"
#include "format/revocation.h"

struct revocation_list {
	struct revocation *revoked;
	size_t n;
	char *text; /* the bytes that are, or will be, in the file; NULL: there is none */
	size_t size;
};
void revocation_list_done(struct revocation_list *list);

/* A file that is not there is an empty list. To be ended with revocation_list_done() in any case. */
int revocation_list_read(const char *path, struct revocation_list *list);

/* In memory; path is for what is told. */
int revocation_list_add(struct revocation_list *list, const struct revocation *entry, const char *path);

/* How many entries of other are not in list. */
size_t revocation_list_missing(const struct revocation_list *list, const struct revocation_list *other);
