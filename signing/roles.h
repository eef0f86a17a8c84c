/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of struct trust. */
#include <stdint.h>

#include "signing/trust.h"

#define ROLE_NAMES_MAX 64

struct role {
	char *name, *file;
	uint32_t line;
	uint32_t threshold, may, algorithms;
	char *names[ROLE_NAMES_MAX + 1]; /* NULL at the end */
	struct cms_trust *anchors;
};

struct trust {
	size_t n_roles;
	struct role roles[TRUST_ROLES_MAX];
};
