/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policy_lint() says of a policy, and that what it calls covered is covered. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy/cover.h"
#include "policy/glob.h"
#include "policy/policy.h"
#include "policy/rule.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n)   (1U << (n))

struct name {
	const char *name;
	uint32_t id;
};
static const struct name names[] = { { "root", 0 },   { "alice", 1000 }, { "bob", 1001 },
				     { "dev", 2000 }, { "ops", 2001 },   { "net-admin", 2002 } };

static int resolve(void *userdata, const char *name, uint32_t *ret_id)
{
	(void)userdata;
	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(names[i].name, name)) {
			*ret_id = names[i].id;
			return 0;
		}
	return 1;
}

static struct policy *load(const char *text)
{
	static const struct policy_resolver resolver = { .user = resolve, .group = resolve };
	struct policy *policy = NULL;
	struct refusal refusal = {};
	int r = policy_new_from_text("f", text, strlen(text), &resolver, &refusal, &policy);

	if (r)
		fail_msg("%s: %s\n%s", refusal.subject, refusal.reason, text);
	return policy;
}

/* ---- what is said ---- */

struct said {
	char text[2048];
};

static int say(void *userdata, const char *file, uint32_t line, const char *sentence)
{
	struct said *said = userdata;
	size_t n = strlen(said->text);

	snprintf(said->text + n, sizeof(said->text) - n, "%s:%u: %s\n", file, line, sentence);
	return 0;
}

#define DEV "group = dev\n"

static const struct {
	const char *policy, *said;
} cases[] = {
	{ "", "" },
	{ "[allow a]\ngroup = dev\nprobe = tcp.*\n[deny b]\nnamespace = container\n", "" },
	/* A deny that takes all of it back. */
	{ "[deny x]\n[allow a]\n" DEV,
	  "f:2: [allow a] has no effect: [deny x] (f:1) denies all that it allows\n" },
	{ "[deny x]\ngroup = dev ops\nprobe = tcp.*\n[allow a]\n" DEV "probe = tcp.state tcp.drop\n",
	  "f:4: [allow a] has no effect: [deny x] (f:1) denies all that it allows\n" },
	{ "[deny x]\n" DEV "action = attach\n[allow a]\n" DEV "action = attach enroll\n", "" },
	{ "[deny x]\ndata = events\n[allow a]\n" DEV "data = aggregates events\n", "" },
	{ "[deny x]\ndata = events\n[allow a]\n" DEV "data = events\n",
	  "f:3: [allow a] has no effect: [deny x] (f:1) denies all that it allows\n" },
	/* Such a request has no target, so the deny does not match it. */
	{ "[deny x]\ntarget = self\n[allow a]\n" DEV "action = enroll\n", "" },
	{ "[deny x]\ntarget = self\n[allow a]\n" DEV,
	  "f:3: [allow a] has no effect: [deny x] (f:1) denies all that it allows\n" },
	{ "[deny x]\ntarget = self\n[allow a]\n" DEV "target = host\n", "" },
	{ "[deny x]\ntarget = host\n[allow a]\n" DEV "target = host\n", "" },
	{ "[deny x]\ntarget = host\n[allow a]\n" DEV "target = self unit:a.service\n", "" },
	{ "[deny x]\ntarget = unit:*\n[allow a]\n" DEV "target = unit:shop*.service\n",
	  "f:3: [allow a] has no effect: [deny x] (f:1) denies all that it allows\n" },
	{ "[deny x]\nprivacy = pii\n[allow a]\n" DEV "privacy = pii\n", "" },
	{ "[deny x]\nprivacy = safe\n[allow a]\n" DEV,
	  "f:3: [allow a] has no effect: [deny x] (f:1) denies all that it allows\n" },
	{ "[deny x]\nmay-modify = no\n[allow a]\n" DEV,
	  "f:3: [allow a] has no effect: [deny x] (f:1) denies all that it allows\n" },
	{ "[deny x]\nmay-modify = yes\n[allow a]\n" DEV, "" },
	{ "[deny x]\nhelper = *\n[allow a]\n" DEV "helper = *\n", "" },
	{ "[deny x]\nparameter = names:all\n[allow a]\n" DEV "parameter = names:all\n", "" },
	{ "[deny x]\nuid = 1000-1999\n[allow a]\nuser = alice bob\n",
	  "f:3: [allow a] has no effect: [deny x] (f:1) denies all that it allows\n" },
	{ "[deny x]\nuid = 1001-1999\n[allow a]\nuser = alice bob\n", "" },
	{ "[deny x]\n" DEV "[limit l]\n" DEV "max-attachments = 1\n",
	  "f:3: [limit l] has no effect: [deny x] (f:1) denies all that it limits\n" },
	/* Another that says as much. */
	{ "[allow a]\n" DEV "[allow b]\n" DEV,
	  "f:3: [allow b] changes nothing: [allow a] (f:1) covers all of it\n" },
	{ "[allow a]\n" DEV "[allow b]\n" DEV "target = host\n",
	  "f:1: [allow a] changes nothing: [allow b] (f:3) covers all of it\n" },
	{ "[allow a]\n" DEV "probe = tcp.*\n[allow b]\n" DEV "probe = tcp.?*\n",
	  "f:4: [allow b] changes nothing: [allow a] (f:1) covers all of it\n" },
	{ "[allow a]\n" DEV "probe = tcp.?\n[allow b]\n" DEV "probe = tcp.*\n",
	  "f:1: [allow a] changes nothing: [allow b] (f:4) covers all of it\n" },
	{ "[allow a]\n" DEV "probe = a?\n[allow b]\n" DEV "probe = ?b\n", "" },
	{ "[allow a]\n" DEV "[allow b]\nuser = alice\n", "" },
	{ "[allow a]\n" DEV "parameter = n:1-5 w:all\n[allow b]\n" DEV "parameter = n:1-2\n", "" },
	{ "[allow a]\n" DEV "parameter = n:1-5 w:all\n[allow b]\n" DEV "parameter = w:all n:1-2\n",
	  "f:4: [allow b] changes nothing: [allow a] (f:1) covers all of it\n" },
	{ "[allow a]\n" DEV "time = mon-fri/08:00-18:00\n[allow b]\n" DEV "time = tue/09:00-12:00\n",
	  "f:4: [allow b] changes nothing: [allow a] (f:1) covers all of it\n" },
	{ "[allow a]\n" DEV "time = mon-fri/08:00-18:00\n[allow b]\n" DEV "time = tue/09:00-18:01\n", "" },
	{ "[allow a]\n" DEV "time = sat-sun 22:00-06:00\n[allow b]\n" DEV "time = fri/23:00-24:00 sun\n",
	  "f:4: [allow b] changes nothing: [allow a] (f:1) covers all of it\n" },
	{ "[deny a]\n" DEV "[deny b]\n" DEV "namespace = host\n",
	  "f:3: [deny b] changes nothing: [deny a] (f:1) covers all of it\n" },
	{ "[limit a]\n" DEV "max-attachments = 2\n[limit b]\n" DEV "max-attachments = 4\nmax-memory = 1M\n",
	  "" },
	{ "[limit a]\n" DEV "max-attachments = 2\n[limit b]\n" DEV "probe = tcp.*\nmax-attachments = 2\n",
	  "f:4: [limit b] changes nothing: [limit a] (f:1) covers all of it\n" },
	{ "[limit a]\n" DEV "max-attachments = 2\n[limit b]\n" DEV "probe = tcp.*\nmax-attachments = 1\n",
	  "" },
	{ "[limit a]\nset = n:1-5\n[limit b]\n" DEV "set = n:1-9\n",
	  "f:3: [limit b] changes nothing: [limit a] (f:1) covers all of it\n" },
	{ "[limit a]\nset = n:1-5\n[limit b]\n" DEV "set = n:2-9\n", "" },
	{ "[limit a]\nset = n:none\n[limit b]\n" DEV "set = n:none\n",
	  "f:3: [limit b] changes nothing: [limit a] (f:1) covers all of it\n" },
	/* Nobody is allowed anything by it, which the reader has said. */
	{ "[allow a]\n" DEV "[allow b]\n" DEV "user = ghost\n", "" },
	/* Everybody. */
	{ "[allow a]\nprobe = probe.self\n",
	  "f:1: [allow a] is for everybody: no user, uid, group, from-unit or from-cgroup\n" },
	{ "[allow a]\nnamespace = host\nfrom-unit = *\nfrom-cgroup = / /x\nuid = 0-65533 65535-4294967294\n",
	  "f:1: [allow a] is for everybody: no user, uid, group, from-unit or from-cgroup\n" },
	{ "[allow a]\nuid = 1000-60000\n", "" },
	{ "[allow a]\nfrom-unit = shop*\n", "" },
	{ "[allow a]\nfrom-cgroup = /system.slice\n", "" },
	{ "[allow a]\nfrom-cgroup = /system.slice/* */agent.service\n",
	  "f:1: [allow a] takes whom '*/agent.service' fits, and every user can make such a cgroup\n" },
	{ "[allow a]\nuser = alice\nfrom-cgroup = /*/agent.service\n",
	  "f:1: [allow a] takes whom '/*/agent.service' fits, and every user can make such a cgroup\n" },
	{ "[deny a]\nfrom-cgroup = *agent.service\n", "" },
	/* Personal data of the whole host. */
	{ "[allow a]\n" DEV
	  "from-unit = x.service\ntarget = unit:a.service host\nprivacy = pii\ndata = events\n",
	  "f:1: [allow a] shows personal data in events of the whole host to group dev, from-unit "
	  "x.service\n" },
	{ "[allow a]\ntarget = host\nprivacy = pii\ndata = events\nprobe = *\n",
	  "f:1: [allow a] is for everybody: no user, uid, group, from-unit or from-cgroup\n"
	  "f:1: [allow a] shows personal data in events of the whole host to everybody\n" },
	{ "[allow a]\n" DEV "target = host\nprivacy = bound\ndata = events\n", "" },
	{ "[allow a]\n" DEV "target = host\nprivacy = pii\n", "" },
	{ "[allow a]\n" DEV "target = self\nprivacy = pii\ndata = events\n", "" },
	{ "[allow a]\nuser = root\ntarget = host\nprivacy = pii\ndata = events\n", "" },
	{ "[allow a]\nuid = 0\ntarget = host\nprivacy = pii\ndata = events\n", "" },
	{ "[allow a]\ngroup = net-admin\ntarget = host\nprivacy = pii\ndata = events\n", "" },
	{ "[allow a]\ngroup = net-admin dev\ntarget = host\nprivacy = pii\ndata = events\n",
	  "f:1: [allow a] shows personal data in events of the whole host to group net-admin dev\n" },
	/* Programs that can modify, and both halves of enrolment. */
	{ "[allow a]\n" DEV "may-modify = yes\nprobe = x *\n",
	  "f:1: [allow a] lets group dev have programs that can modify, of any probe\n" },
	{ "[allow a]\n" DEV "may-modify = yes no\n",
	  "f:1: [allow a] lets group dev have programs that can modify, of any probe\n" },
	{ "[allow a]\n" DEV "may-modify = yes\nprobe = net.*\n", "" },
	{ "[allow a]\ngroup = net-admin\nmay-modify = yes\n", "" },
	{ "[allow a]\n" DEV "action = enroll promote\nprobe = dev.*\n",
	  "f:1: [allow a] lets group dev enroll and promote what any role has signed\n" },
	{ "[allow a]\n" DEV "action = enroll promote\nrole = dev\n", "" },
	{ "[allow a]\n" DEV "action = enroll\n[allow b]\n" DEV "action = promote\n", "" },
	/* In the order of the lines. */
	{ "[limit z]\nmax-memory = 1M\n[allow b]\nprobe = b\n[limit y]\n" DEV
	  "max-memory = 1M\n[allow a]\nprobe = a\n",
	  "f:3: [allow b] is for everybody: no user, uid, group, from-unit or from-cgroup\n"
	  "f:5: [limit y] changes nothing: [limit z] (f:1) covers all of it\n"
	  "f:8: [allow a] is for everybody: no user, uid, group, from-unit or from-cgroup\n" },
};

static void test_sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		_cleanup_(policy_free_p) struct policy *policy = load(cases[i].policy);
		struct said said = {};

		assert_int_equal(policy_lint(policy, say, &said), 0);
		if (strcmp(said.text, cases[i].said) != 0)
			fail_msg("of\n%s\nit says\n%s\nnot\n%s", cases[i].policy, said.text, cases[i].said);
	}
}

static int stop(void *userdata, const char *file, uint32_t line, const char *sentence)
{
	(void)file;
	(void)line;
	(void)sentence;
	return ++*(int *)userdata == 2 ? 7 : 0;
}

static void test_callback_ends(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy = load("[allow a]\nprobe = a\n[allow b]\nprobe = b\n"
							      "[allow c]\nprobe = c\n");
	int n = 0;

	(void)state;
	assert_int_equal(policy_lint(policy, stop, &n), 7);
	assert_int_equal(n, 2);
}

/* ---- patterns ---- */

static void nth(char *text, size_t size, unsigned n, const char *alphabet)
{
	for (size_t i = 0; i < size; i++, n /= (unsigned)strlen(alphabet))
		text[i] = alphabet[n % strlen(alphabet)];
	text[size] = '\0';
}

/* Of all short patterns over two letters: if one covers the other, no text is matched by that alone. */
static void test_patterns(void **state)
{
	enum { PATTERN = 3, TEXT = 5 };
	char p[PATTERN + 1], q[PATTERN + 1], text[TEXT + 1];
	unsigned n_covered = 0;

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		for (unsigned j = 0; j < 64; j++) {
			nth(p, PATTERN, i, "ab?*");
			nth(q, PATTERN, j, "ab?*");
			if (!glob_covers(p, q))
				continue;
			n_covered++;
			for (size_t size = 0; size <= TEXT; size++)
				for (unsigned n = 0; n < BIT(size); n++) {
					nth(text, size, n, "ab");
					if (glob_match(q, text, size) && !glob_match(p, text, size))
						fail_msg("%s covers %s, but not %s", p, q, text);
				}
		}
	assert_true(n_covered > 200);
}

static void test_cgroup_patterns(void **state)
{
	static const struct {
		const char *p, *q;
		bool covers;
	} rows[] = {
		{ "/", "/", true },
		{ "/", "/a*", true },
		{ "/a", "/a/b", true },
		{ "/a/b", "/a", false },
		{ "/a", "/ab", false },
		{ "/a*", "/ab/c", true },
		{ "/a?", "/a*/c", false },
		{ "/a/*", "/a/b*/c", true },
		{ "/a/*", "/a", false },
		{ "*", "/a", true },
		{ "/x/a\xc3\xa4", "/x/a?", false },
		{ "/x/a?", "/x/a\xc3\xa4", true },
		{ "/x/a??", "/x/a\xc3\xa4", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (glob_covers_cgroup(rows[i].p, rows[i].q) != rows[i].covers)
			fail_msg("%s and %s", rows[i].p, rows[i].q);
}

static void test_ranges(void **state)
{
	struct rule_range list[] = { { 10, 19 }, { 0, 4 }, { 20, UINT32_MAX }, { 3, 8 } };
	const struct rule_ranges ranges = { .ranges = list, .n = COUNT(list) };

	(void)state;
	assert_true(ranges_cover(&ranges, 0, 8));
	assert_true(ranges_cover(&ranges, 10, UINT32_MAX));
	assert_false(ranges_cover(&ranges, 8, 10));
	assert_false(ranges_cover(&ranges, 9, 9));
}

/* ---- what is covered is covered ---- */

static uint32_t seed;

static uint32_t draw(uint32_t n)
{
	seed = seed * 1664525U + 1013904223U;
	return (seed >> 8) % n;
}

/* Keys with values that are near one another, so that many sections cover many. */
static const struct {
	const char *key;
	const char *values[7];
} keys[] = {
	{ "user", { "alice", "bob", "alice bob", "root" } },
	{ "uid", { "1000", "1000-1001", "0-5000", "1001-1002 0" } },
	{ "group", { "dev", "ops", "dev ops" } },
	{ "namespace", { "host", "container", "host container" } },
	{ "action", { "attach", "attach enroll", "enroll promote", "detach-any", "revoke audit-read" } },
	{ "probe", { "*", "tcp.*", "tcp.state", "tcp.s*e net.drop", "?cp.state", "net.*" } },
	{ "channel", { "production", "experimental", "production experimental" } },
	{ "version", { "*", "1.*", "1.2" } },
	{ "role", { "*", "std", "std other" } },
	{ "signer",
	  { "CN=*", "CN=a", "key:aa000000000000000000000000000000000000000000000000000000000000aa" } },
	{ "program-type", { "tracing", "kprobe", "tracing kprobe" } },
	{ "hook", { "*", "tp_btf/*", "tp_btf/x", "kprobe/*" } },
	{ "helper", { "*", "bpf_ktime_get_ns", "bpf_ktime_* bpf_map_*" } },
	{ "may-modify", { "yes", "no", "yes no" } },
	{ "data", { "aggregates", "events", "aggregates events" } },
	{ "privacy", { "safe", "bound", "pii", "safe pii" } },
	{ "target", { "self", "user:alice", "user:1001", "unit:a*", "cgroup:/a /b", "cgroup:/a/*", "host" } },
	{ "parameter", { "n:1-5", "n:2-3", "w:none", "n:1-5 w:all", "n:7 n:1-3" } },
	{ "persist", { "yes", "no", "yes no" } },
	{ "time", { "mon", "mon/08:00-12:00", "22:00-06:00", "mon-sun", "sat-mon" } },
	{ "from-unit", { "*", "a.service", "a*" } },
	{ "from-cgroup", { "/", "/a*", "/system.slice", "/system.slice/a.service" } },
};

/* Some keys, as a bit set. */
static uint32_t draw_keys(uint32_t n)
{
	uint32_t set = 0;

	for (; n; n--)
		set |= BIT(draw(COUNT(keys)));
	return set;
}

static void draw_section(char *text, size_t size, const char *kind, const char *name, uint32_t set)
{
	size_t n = (size_t)snprintf(text, size, "[%s %s]\n", kind, name);

	for (size_t i = 0; i < COUNT(keys); i++) {
		uint32_t n_values = 0;

		/* Limits are about attaching only. */
		if (!(set & BIT(i)) || (!strcmp(kind, "limit") && !strcmp(keys[i].key, "action")))
			continue;
		while (n_values < COUNT(keys[i].values) && keys[i].values[n_values])
			n_values++;
		n += (size_t)snprintf(text + n, size - n, "%s = %s\n", keys[i].key,
				      keys[i].values[draw(n_values)]);
	}
	if (!strcmp(kind, "limit"))
		snprintf(text + n, size - n, "max-attachments = 1\n");
}

/* What may be found in the world of these sections. */
static void draw_spec(struct spec *spec)
{
	static const char *const hooks[] = { "tp_btf/x", "tp_btf/y", "kprobe/z" };
	struct spec_variant *variant = &spec->variants[0];

	*spec = (struct spec){ .n_variants = 1, .n_params = draw(3) };
	snprintf(spec->version, sizeof(spec->version), "%u.%u", 1 + draw(2), 2 + draw(2));
	variant->n_programs = 1 + draw(2);
	for (uint32_t i = 0; i < variant->n_programs; i++) {
		struct spec_program *program = &variant->programs[i];
		uint32_t hook = draw(COUNT(hooks));

		snprintf(program->name, sizeof(program->name), "p%u", i);
		snprintf(program->hook, sizeof(program->hook), "%s", hooks[hook]);
		program->type = hook == 2 ? BPF_PROG_TYPE_KPROBE : BPF_PROG_TYPE_TRACING;
		program->attach_type = hook == 2 ? 0 : BPF_TRACE_RAW_TP;
		program->n_helpers = draw(3);
		for (uint32_t j = 0; j < program->n_helpers; j++)
			program->helpers[j] = draw(2) ? BPF_FUNC_ktime_get_ns : 1 + draw(10);
	}
	spec->params[0] = (struct spec_param){ .name = "n", .type = SPEC_TYPE_U64, .size = 8, .max = 10 };
	spec->params[1] = (struct spec_param){ .name = "w",
					       .type = SPEC_TYPE_U32,
					       .size = 4,
					       .max = 1,
					       .n_values = 2,
					       .values = { "all", "none" } };
}

struct world {
	struct spec spec;
	struct message_signer signers[2];
	uint64_t parameters[SPEC_PARAMS_MAX];
	gid_t gids[2];
};

static void draw_request(struct world *world, struct policy_request *request)
{
	static const uid_t uids[] = { 0, 1000, 1001, 1002, 5000 };
	static const char *const cgroups[] = {
		NULL, "/", "/system.slice", "/system.slice/a.service", "/a/b", "/user.slice/b.scope/a.service"
	};
	static const char *const probes[] = { "tcp.state", "tcp.see", "net.drop", "xcp.state",
					      "dns.latency" };
	static const char *const roles[] = { NULL, "", "std", "other", "new std" };
	static const struct {
		uint32_t kind;
		const char *name;
	} targets[] = { { TARGET_SELF },        { TARGET_USER },         { TARGET_UNIT, "a.service" },
			{ TARGET_UNIT, "b" },   { TARGET_CGROUP, "/a" }, { TARGET_CGROUP, "/a/b.service" },
			{ TARGET_CGROUP, "/" }, { TARGET_HOST } };
	uint32_t target = draw(COUNT(targets));

	draw_spec(&world->spec);
	for (size_t i = 0; i < 2; i++) {
		world->gids[i] = 1999 + draw(4);
		world->signers[i] = (struct message_signer){ .subject = "CN=a" };
		world->signers[i].subject[3] = (char)('a' + draw(2));
		world->signers[i].key[0] = world->signers[i].key[DIGEST_SIZE - 1] = draw(2) ? 0xaa : 0;
	}
	world->parameters[0] = draw(11);
	world->parameters[1] = draw(2);
	*request = (struct policy_request){
		.action = draw(3) ? POLICY_ATTACH : draw(_POLICY_ACTION_MAX),
		.uid = uids[draw(COUNT(uids))],
		.gids = world->gids,
		.n_gids = draw(3),
		.namespace = draw(_POLICY_NAMESPACE_MAX),
		.cgroup = cgroups[draw(COUNT(cgroups))],
		.channel = draw(2),
		.spec = draw(8) ? &world->spec : NULL,
		.variant = !draw(8),
		.roles = roles[draw(COUNT(roles))],
		.signers = draw(8) ? world->signers : NULL,
		.n_signers = draw(3),
		.data = 1 + draw(3),
		.privacy = draw(3),
		.persist = draw(2),
		.kernel_verified = draw(2),
		.target_kind = targets[target].kind,
		.target_uid = 999 + draw(3),
		.parameters = draw(4) ? world->parameters : NULL,
		.minute = draw(POLICY_WEEK),
	};
	/* Before its bundle is known nothing is decided about an enrolment. */
	if (request->action == POLICY_ENROLL || request->action == POLICY_PROMOTE)
		request->spec = &world->spec;
	if (!request->spec)
		request->parameters = NULL;
	snprintf(request->probe, sizeof(request->probe), "%s", probes[draw(COUNT(probes))]);
	snprintf(request->target_name, sizeof(request->target_name), "%s", targets[target].name ?: "");
}

static bool matches(const struct rule *rule, const struct policy_request *request)
{
	return rule_match(rule, request) == _RULE_KEY_MAX;
}

static const struct rule *find_rule(const struct policy *policy, const char *name)
{
	size_t n;
	const struct rule *rules = policy_rules(policy, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(rules[i].section->name, name))
			return &rules[i];
	return NULL;
}

/* A policy of two sections; some combinations of keys are refused, which is another test's business. */
static struct policy *draw_policy(char *text, size_t size)
{
	static const struct policy_resolver resolver = { .user = resolve, .group = resolve };
	static const char *const kinds[][2] = { { "allow", "allow" },
						{ "deny", "deny" },
						{ "limit", "limit" },
						{ "deny", "allow" },
						{ "deny", "limit" } };
	const char *const *kind = kinds[draw(COUNT(kinds))];
	uint32_t set = draw_keys(1 + draw(3));
	struct policy *policy = NULL;

	/* The second has mostly what the first has and more, because only such are covered. */
	draw_section(text, size / 2, kind[0], "a", set);
	draw_section(text + strlen(text), size / 2, kind[1], "b",
		     (draw(4) ? set : 0) | draw_keys(1 + draw(2)));
	return policy_new_from_text("f", text, strlen(text), &resolver, NULL, &policy) ? NULL : policy;
}

static void test_covered_is_covered(void **state)
{
	enum { POLICIES = 20000, REQUESTS = 400 };
	unsigned int n_covered = 0, n_matched = 0;
	struct policy_request request;
	struct world world = {};
	char text[2048];

	(void)state;
	seed = 1;
	for (int i = 0; i < POLICIES; i++) {
		_cleanup_(policy_free_p) struct policy *policy = draw_policy(text, sizeof(text));
		const struct rule *a = policy ? find_rule(policy, "a") : NULL;
		const struct rule *b = policy ? find_rule(policy, "b") : NULL;

		if (!policy || !rule_covers(a, b))
			continue;
		n_covered++;
		for (int j = 0; j < REQUESTS; j++) {
			draw_request(&world, &request);
			/* What limits say of other requests than for attaching is never asked. */
			if (!matches(b, &request) ||
			    (b->kind == RULE_LIMIT && request.action != POLICY_ATTACH))
				continue;
			n_matched++;
			if (!matches(a, &request))
				fail_msg("a covers b, but not request %d by '%s':\n%s", j,
					 rule_key_name(rule_match(a, &request)), text);
		}
	}
	/* Otherwise this test would show nothing. */
	assert_true(n_covered > 500);
	assert_true(n_matched > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences), cmocka_unit_test(test_callback_ends),
		cmocka_unit_test(test_patterns),  cmocka_unit_test(test_cgroup_patterns),
		cmocka_unit_test(test_ranges),    cmocka_unit_test(test_covered_is_covered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
