/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct name {
	const char *name;
	uint32_t id;
};
static const struct name users[] = { { "root", 0 }, { "alice", 1000 }, { "bob", 1001 }, { "lost", 65534 } };
static const struct name groups[] = { { "dev", 2000 },
				      { "ops", 2001 },
				      { "audit", 2002 },
				      { "bpfwarden-admin", 3000 },
				      { "bpfwarden-audit", 3001 },
				      { "bpfwarden-users", 3002 } };

static int resolve(const struct name *names, size_t n, const char *name, uint32_t *ret_id)
{
	if (!strcmp(name, "unreachable"))
		return -ETIMEDOUT;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i].name, name) != 0)
			continue;
		*ret_id = names[i].id;
		return 0;
	}
	return 1;
}

static int resolve_user(void *userdata, const char *name, uid_t *ret_uid)
{
	(void)userdata;
	return resolve(users, COUNT(users), name, ret_uid);
}

static int resolve_group(void *userdata, const char *name, gid_t *ret_gid)
{
	(void)userdata;
	return resolve(groups, COUNT(groups), name, ret_gid);
}

const struct policy_resolver policy_fixture_resolver = { .user = resolve_user, .group = resolve_group };

struct policy *policy_fixture_load(const char *text)
{
	struct policy *policy = NULL;
	struct refusal refusal = {};
	int r = policy_new_from_text("f", text, strlen(text), &policy_fixture_resolver, &refusal, &policy);

	if (r)
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	return policy;
}

const struct spec policy_fixture_probe = {
	.version = "1.2.3",
	.event_size = 24,
	.targets = (1U << _TARGET_KIND_MAX) - 1,
	.n_variants = 1,
	.variants = { { .n_programs = 1,
			.programs = { { .hook = "tp_btf/inet_sock_set_state",
					.type = BPF_PROG_TYPE_TRACING,
					.attach_type = BPF_TRACE_RAW_TP,
					.n_helpers = 2,
					.helpers = { BPF_FUNC_map_lookup_elem, BPF_FUNC_ktime_get_ns } } },
			.n_maps = 1,
			.maps = { { .kind = SPEC_MAP_COUNTS } } } },
	.n_fields = 2,
	.fields = { { .name = "state" }, { .name = "address", .privacy = SPEC_PRIVACY_PII } },
	.n_labels = 1,
	.labels = { { .name = "port", .privacy = SPEC_PRIVACY_BOUND } },
	.n_params = 2,
	.params = { { .name = "names",
		      .max = 2,
		      .initial = 1,
		      .n_values = 3,
		      .values = { "none", "known", "all" } },
		    { .name = "threshold", .max = 1000, .initial = 100 } },
};

const gid_t policy_fixture_gids[2] = { 5, 2000 };
