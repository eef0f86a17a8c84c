/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A Decision of io.bpfwarden.Policy, for people.
 */
#include "client/cli/cli.h"

/* Columns of the pages about policy: they are mailed and put into tickets. */
#define POLICY_COLUMNS 100

/* Text cut to so many columns, with a mark if something is missing. Returns buffer (CLI_TEXT_MAX bytes). */
const char *text_clip(const char *text, size_t columns, char *buffer);

/* A limit's value in its unit: "32.0 MiB", "8h", "4"; returns buffer (UNIT_TEXT_MAX bytes). */
const char *limit_text(const char *name, const json_t *value, char *buffer);

/* The action of that name: attach if none is named, or one that only the daemon knows. */
uint32_t action_named(const char *name);

/* "aggregates, events (up to bound)", "denied (containers)"; returns buffer (CLI_TEXT_MAX bytes). */
const char *decision_text(const json_t *decision, char *buffer);

bool decision_allows(const json_t *decision);

/* Allowed, and of a probe that can be aimed there. Other things that stand in the way, a kernel that is too
 * old for one, have nothing to do with who asks. */
bool decision_grants(const json_t *decision);

/* Exit code for a decision: allowed, denied, or what stands in the way although policy allows it. */
int decision_exit(const json_t *decision);

/* All of it: verdict, rule with its place among the sections, what is granted, limits. */
void decision_print(const json_t *decision, const json_t *sections);

/* The sections: which matched, and which condition of the others does not hold. */
void sections_print(const json_t *sections);
