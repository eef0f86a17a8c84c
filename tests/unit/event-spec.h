/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "format/spec.h"

/* A valid spec "test.probe" with `payload` bytes of event after the header, if it has one, and without
 * fields. */
void event_spec(struct spec *spec, uint32_t flags, uint32_t payload);

/* Adds a field behind the ones that are there; an enum gets the enumeration "state STATE_". */
void event_spec_field(struct spec *spec, const char *name, uint32_t type, uint32_t size, uint32_t privacy);
void event_spec_label(struct spec *spec, const char *name, uint32_t type, uint32_t size);
