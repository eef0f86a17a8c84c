/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "format/spec.h"

/* A spec with one of everything that passes spec_check(): demultiplexed, two variants, events, labels,
 * histogram, parameters. */
void spec_fixture(struct spec *ret);
