/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A record as one line for people, in columns. Its strings must be printable already.
 */
#include <jansson.h>

void audit_line_header(void);
void audit_line_print(const json_t *record);
