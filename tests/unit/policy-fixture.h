/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Users, a probe and requests for tests of policies. */
#include <string.h>

#include "policy/policy.h"

/* alice is 1000, bob 1001, lost 65534; dev is 2000, ops 2001, audit 2002, bpfwarden-admin 3000,
 * bpfwarden-audit 3001, bpfwarden-users 3002; about "unreachable" nothing can be known. */
extern const struct policy_resolver policy_fixture_resolver;

/* A policy of one file "f"; fails the test if it is refused. */
struct policy *policy_fixture_load(const char *text);

/* A probe as most are: it has events with an address and counts by port, and can only look on. Its parameters
 * are names (none, known, all; known unless given) and threshold (0 to 1000, 100 unless given). */
extern const struct spec policy_fixture_probe;

/* What a row asks: alice, in groups 2000 and 5, on the host, wants aggregates of her own tcp.state. */
extern const gid_t policy_fixture_gids[2];
#define ASK(...)                                                                                           \
	{                                                                                                  \
		.uid = 1000, .gids = policy_fixture_gids, .n_gids = 2, .namespace = POLICY_NAMESPACE_HOST, \
		.probe = "tcp.state", .spec = &policy_fixture_probe, .data = POLICY_DATA_AGGREGATES,       \
		##__VA_ARGS__                                                                              \
	}
#define EVENTS    .data = POLICY_DATA_EVENTS
#define BOTH      .data = POLICY_DATA_AGGREGATES | POLICY_DATA_EVENTS
#define USER(u)   .target_kind = TARGET_USER, .target_uid = (u)
#define UNIT(u)   .target_kind = TARGET_UNIT, .target_name = (u)
#define CGROUP(c) .target_kind = TARGET_CGROUP, .target_name = (c)
#define HOST      .target_kind = TARGET_HOST

#define ALL_OF_DEV                                                                                 \
	"[allow dev]\ngroup = dev\ntarget = host\ndata = aggregates events\nchannel = production " \
	"experimental\n"                                                                           \
	"action = attach detach-any enroll promote revoke audit-read policy-reload\n"
