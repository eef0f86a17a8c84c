/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <sys/types.h>

/* How many programs in the kernel that uid created, without light skeletons themselves, which the kernel
 * frees some time after they ran. */
unsigned int programs_of(uid_t uid);
