/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Which sections two policies differ in, by kind and name: neither files nor order matter to a policy.
 */
#include "client/cli/cli.h"
#include "format/config.h"

/* Prints them, in JSON mode as {"section":{"change":"added","kind":…,"name":…,"now":{…},"then":{…}}}, and
 * returns how many there are. */
size_t section_diff(const struct cli *cli, const struct config *now, const struct config *then);
