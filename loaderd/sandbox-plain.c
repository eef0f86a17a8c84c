/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/sandbox-lists.h"

#include <stddef.h>

const char *const sandbox_instrumentation[] = { NULL };
