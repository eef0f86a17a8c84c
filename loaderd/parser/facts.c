/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/parser/facts.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "loaderd/parser/facts-internal.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define LSM_PATH "/sys/kernel/security/lsm"

#define REFUSE(why, feature, ...) (refusal_set(why, REFUSAL_KERNEL_UNSUPPORTED, feature, __VA_ARGS__), false)

/* True if the kernel was started with BPF among its security modules; the file is a comma-separated list. */
static bool lsm_has_bpf(void)
{
	_cleanup_close_ int fd = open(LSM_PATH, O_RDONLY | O_CLOEXEC);
	char list[256] = "", *rest = list, *one;
	ssize_t n = fd >= 0 ? read(fd, list, sizeof(list) - 1) : -1;

	list[n > 0 ? n : 0] = '\0';
	while ((one = strsep(&rest, ",\n")))
		if (!strcmp(one, "bpf"))
			return true;
	return false;
}

uint32_t facts_version_code(const char *release, const char *version)
{
	unsigned a = 0, b = 0, c = 0;
	/* Debian's release names the ABI ("6.1.0-28-amd64"); what it was built from is at the end of the
	 * version
	 * ("#1 SMP … Debian 6.1.119-1 (2024-11-22)"). */
	const char *debian = strstr(version, "Debian ");

	if (!debian || sscanf(debian, "Debian %u.%u.%u", &a, &b, &c) < 2) {
		a = b = c = 0;
		(void)sscanf(release, "%u.%u.%u", &a, &b, &c);
	}
	/* As in linux/version.h. */
	return a << 16 | (b & 0xff) << 8 | (c > 255 ? 255 : c);
}

int facts_new(struct facts **ret)
{
	_cleanup_(facts_free_p) struct facts *facts = calloc(1, sizeof(*facts));
	struct utsname uts;

	if (!facts)
		return -ENOMEM;
	if (uname(&uts) < 0)
		return -errno;
	facts->version = facts_version_code(uts.release, uts.version);
	facts->lsm = lsm_has_bpf();
	facts->btf = btf__parse_raw(BTF_PATH);
	if (!facts->btf)
		return -errno;
	*ret = take_ptr(facts);
	return 0;
}

struct facts *facts_free(struct facts *facts)
{
	if (!facts)
		return NULL;
	btf__free(facts->btf);
	free(facts);
	return NULL;
}

static const struct btf_type *find(const struct facts *facts, const char *name, uint32_t kind,
				   uint32_t *ret_id)
{
	int id = btf__find_by_name_kind(facts->btf, name, kind);

	if (id < 0)
		return NULL;
	if (ret_id)
		*ret_id = (uint32_t)id;
	return btf__type_by_id(facts->btf, (uint32_t)id);
}

static bool has_function(const struct facts *facts, const char *name)
{
	return find(facts, name, BTF_KIND_FUNC, NULL);
}

static bool check_kernel(const struct facts *facts, const struct spec_requirement *requirement,
			 struct refusal *why)
{
	uint32_t at = requirement->value;
	bool below = requirement->kind == SPEC_REQUIRE_KERNEL_BELOW;

	if ((facts->version < at) == below)
		return true;
	return REFUSE(why, "kernel", "it needs a kernel %s %u.%u.%u; this one is %u.%u.%u",
		      below ? "below" : "of at least", at >> 16, at >> 8 & 0xff, at & 0xff,
		      facts->version >> 16, facts->version >> 8 & 0xff, facts->version & 0xff);
}

static bool check_type(const struct facts *facts, const char *name, struct refusal *why)
{
	static const uint32_t kinds[] = { BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_ENUM, BTF_KIND_ENUM64,
					  BTF_KIND_TYPEDEF };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (find(facts, name, kinds[i], NULL))
			return true;
	return REFUSE(why, name, "the running kernel has no type %s", name);
}

/* Members of anonymous structs and unions inside count as the outer one's, as in C. */
static bool has_member(const struct facts *facts, const struct btf_type *t, const char *name, unsigned depth)
{
	const struct btf_member *m = btf_members(t);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *text = btf__name_by_offset(facts->btf, m[i].name_off);
		const struct btf_type *inner;

		if (text && !strcmp(text, name))
			return true;
		if ((text && *text) || depth == 0)
			continue;
		inner = btf__type_by_id(facts->btf, m[i].type);
		if (inner && btf_is_composite(inner) && has_member(facts, inner, name, depth - 1))
			return true;
	}
	return false;
}

static bool check_field(const struct facts *facts, const char *name, struct refusal *why)
{
	const char *dot = strchr(name, '.');
	const struct btf_type *t = NULL;
	char outer[OBJECT_NAME_MAX];

	if (dot) {
		snprintf(outer, sizeof(outer), "%.*s", (int)(dot - name), name);
		t = find(facts, outer, BTF_KIND_STRUCT, NULL);
		if (!t)
			t = find(facts, outer, BTF_KIND_UNION, NULL);
	}
	if (t && has_member(facts, t, dot + 1, 8))
		return true;
	return REFUSE(why, name, "the running kernel has no field %s", name);
}

/* How many arguments a program at the tracepoint sees: those of the function that typedef btf_trace_NAME
 * points to, without the first, which is the kernel's own. -1: there is no such tracepoint. */
static int tracepoint_args(const struct facts *facts, const char *name, uint32_t *ret_id)
{
	char typedef_name[OBJECT_NAME_MAX + 16];
	const struct btf_type *t;

	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	t = find(facts, typedef_name, BTF_KIND_TYPEDEF, ret_id);
	if (t)
		t = btf__type_by_id(facts->btf, t->type);
	if (!t || !btf_is_ptr(t))
		return -1;
	t = btf__type_by_id(facts->btf, t->type);
	if (!t || !btf_is_func_proto(t) || btf_vlen(t) == 0)
		return -1;
	return btf_vlen(t) - 1;
}

static bool check_args(const struct facts *facts, const struct spec_requirement *requirement,
		       struct refusal *why)
{
	int n = tracepoint_args(facts, requirement->name, NULL);

	if (n < 0)
		return REFUSE(why, requirement->name, "the running kernel has no tracepoint %s",
			      requirement->name);
	if ((uint32_t)n != requirement->value)
		return REFUSE(why, requirement->name,
			      "tracepoint %s has %d arguments in the running kernel, not %u",
			      requirement->name, n, requirement->value);
	return true;
}

/* Kinds of hooks, and a function that is in the kernel's BTF only if it was built with what they need. */
static const struct {
	const char *name, *function;
} hooks[] = {
	{ "tp_btf", "bpf_raw_tp_link_attach" }, { "raw_tp", "bpf_raw_tp_link_attach" },
	{ "fentry", "register_ftrace_direct" }, { "fexit", "register_ftrace_direct" },
	{ "kprobe", "register_kprobe" },        { "kprobe.multi", "bpf_kprobe_multi_link_attach" },
	{ "uprobe", "uprobe_register" },        { "uprobe.multi", "bpf_uprobe_multi_link_attach" },
	{ "iter", "bpf_iter_link_attach" },     { "cgroup_skb", "__cgroup_bpf_run_filter_skb" },
	{ "lsm", "bpf_lsm_file_open" },
};

static bool check_hook_kind(const struct facts *facts, const char *name, struct refusal *why)
{
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		if (strcmp(hooks[i].name, name) != 0)
			continue;
		if (!has_function(facts, hooks[i].function))
			return REFUSE(why, name, "the running kernel was built without %s",
				      hooks[i].function);
		if (!strcmp(name, "lsm") && !facts->lsm)
			return REFUSE(why, name,
				      "the running kernel was started without bpf in its lsm= list");
		return true;
	}
	return REFUSE(why, name, "hooks of kind %s are unknown here", name);
}

bool facts_check(const struct facts *facts, const struct spec_requirement *requirement, struct refusal *why)
{
	const char *name = requirement->name;

	switch (requirement->kind) {
	case SPEC_REQUIRE_KERNEL:
	case SPEC_REQUIRE_KERNEL_BELOW:
		return check_kernel(facts, requirement, why);
	case SPEC_REQUIRE_BTF_TYPE:
		return check_type(facts, name, why);
	case SPEC_REQUIRE_BTF_FIELD:
		return check_field(facts, name, why);
	case SPEC_REQUIRE_BTF_FUNC:
		return has_function(facts, name) ||
		       REFUSE(why, name, "the running kernel has no function %s", name);
	case SPEC_REQUIRE_TRACEPOINT_ARGS:
		return check_args(facts, requirement, why);
	case SPEC_REQUIRE_HOOK:
		return check_hook_kind(facts, name, why);
	default:
		return REFUSE(why, "requirement", "a requirement of unknown kind %u", requirement->kind);
	}
}

/* libbpf's section names of the hooks whose program has a BTF id (kernel: prog->aux->attach_btf_id), and how
 * the kernel calls the function or typedef that it is the id of. */
static const struct {
	const char *prefix, *symbol;
	uint32_t kind;
} btf_hooks[] = {
	{ "tp_btf/", "btf_trace_", BTF_KIND_TYPEDEF },
	{ "fentry/", "", BTF_KIND_FUNC },
	{ "fentry.s/", "", BTF_KIND_FUNC },
	{ "fexit/", "", BTF_KIND_FUNC },
	{ "fexit.s/", "", BTF_KIND_FUNC },
	{ "fmod_ret/", "", BTF_KIND_FUNC },
	{ "lsm/", "bpf_lsm_", BTF_KIND_FUNC },
	{ "lsm.s/", "bpf_lsm_", BTF_KIND_FUNC },
	{ "iter/", "bpf_iter_", BTF_KIND_FUNC },
	{ "iter.s/", "bpf_iter_", BTF_KIND_FUNC },
};

bool facts_hook(const struct facts *facts, const struct spec_program *program, uint32_t *ret_btf_id,
		struct refusal *why)
{
	static const char *const raw[] = { "raw_tp/", "raw_tracepoint/" };
	const char *hook = program->hook;
	uint32_t id = 0;

	for (size_t i = 0; i < 2; i++)
		if (!strncmp(hook, raw[i], strlen(raw[i])) &&
		    tracepoint_args(facts, hook + strlen(raw[i]), NULL) < 0)
			return REFUSE(why, hook, "the running kernel has no tracepoint %s",
				      hook + strlen(raw[i]));
	for (size_t i = 0; i < sizeof(btf_hooks) / sizeof(btf_hooks[0]); i++) {
		size_t n = strlen(btf_hooks[i].prefix);
		char name[OBJECT_NAME_MAX + 16];

		if (strncmp(hook, btf_hooks[i].prefix, n) != 0)
			continue;
		snprintf(name, sizeof(name), "%s%s", btf_hooks[i].symbol, hook + n);
		if (!find(facts, name, btf_hooks[i].kind, &id))
			return REFUSE(why, hook, "the running kernel has no hook %s", hook);
	}
	if (ret_btf_id)
		*ret_btf_id = id;
	return true;
}

bool facts_fit(const struct facts *facts, const struct spec_variant *variant, struct refusal *why)
{
	for (uint32_t i = 0; i < variant->n_requires; i++)
		if (!facts_check(facts, &variant->requires[i], why))
			return false;
	for (uint32_t i = 0; i < variant->n_programs; i++)
		if (!facts_hook(facts, &variant->programs[i], NULL, why))
			return false;
	return true;
}
