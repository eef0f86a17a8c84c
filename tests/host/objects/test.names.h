/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What test.names sends: programs that start, with as much of their names as the parameter says. */
#include "bpfwarden/abi.h"

enum test_names { TEST_NAMES_NONE, TEST_NAMES_DOMAIN, TEST_NAMES_FULL };

struct test_names_event {
	struct bw_event head;
	__u32 names; /* the parameter in force: enum test_names */
	__u32 reserved;
	/* bounded */
	char name[16]; /* of the program "host.dom": "", "dom", "host.dom" */
};

struct test_names_params {
	__u32 names; /* enum test_names */
	__u32 reserved;
};
