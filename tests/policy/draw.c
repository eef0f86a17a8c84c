/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/policy/draw.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/rule.h"
#include "tests/policy/specs.h"

#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))
#define WORDS_MAX    12
#define ALICE        "key:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOB          "key:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BIT(n)       (1U << (n))
#define ANY(d, list) ((list)[draw((d), COUNT(list))])

uint32_t draw(struct draw *d, uint32_t n)
{
	if (d->n) {
		d->n--;
		return *d->bytes++ % n;
	}
	/* xorshift64* */
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (uint32_t)((d->state * 0x2545f4914f6cdd1d) >> 33) % n;
}

static const char *const words[_RULE_KEY_MAX][WORDS_MAX + 1] = {
	[RULE_ACTION] = { "attach", "detach-any", "enroll", "promote", "revoke", "audit-read",
			  "policy-reload" },
	[RULE_CHANNEL] = { "production", "experimental" },
	[RULE_DATA] = { "aggregates", "events" },
	[RULE_PRIVACY] = { "safe", "bound", "pii" },
	[RULE_PERSIST] = { "yes", "no" },
	[RULE_KERNEL_VERIFIED] = { "yes", "no" },
	[RULE_NAMESPACE] = { "host", "container" },
	[RULE_TIME] = { "mon-fri/08:00-18:00", "sat-mon", "22:00-06:00", "sun/20:00-24:00",
			"fri-sun/23:30-01:00", "wed", "12:00-13:00" },
	[RULE_USER] = { "1", "2", "3", "one", "two" },
	[RULE_UID] = { "1-2", "3", "2-99", "0-1", "1000-1999" },
	[RULE_GROUP] = { "1", "2", "3", "one", "two" },
	[RULE_PROBE] = { "*", "tcp.*", "*.mixed", "net.shape", "t?p.state" },
	[RULE_VERSION] = { "*", "1.*", "2.0", "?.4.2" },
	[RULE_ROLE] = { "release", "sec*", "*", "l?b" },
	[RULE_SIGNER] = { ALICE, BOB, "CN=Alice?A*", "*Bob", "*" },
	[RULE_PROGRAM_TYPE] = { "tracing", "raw_tracepoint", "cgroup_skb", "lsm", "kprobe" },
	[RULE_MAY_MODIFY] = { "yes", "no" },
	[RULE_HOOK] = { "tp_btf/*", "raw_tp/*", "*", "cgroup_skb/egress", "lsm/*" },
	[RULE_HELPER] = { "bpf_map_*", "bpf_ktime_get_ns", "bpf_ringbuf_*", "bpf_probe_read_*", "4000", "*" },
	[RULE_FROM_UNIT] = { "shop.service", "*.service", "user@1.service", "session-*", "*" },
	[RULE_FROM_CGROUP] = { "/", "/system.slice", "/user.slice/user-1.slice", "/*/shop.service", "*x",
			       "/*.slice/*-1.slice", "/user.slice/?*" },
	[RULE_PARAMETER] = { "threshold:1000-50000", "threshold:5000", "threshold:7000-90000", "names:all",
			     "names:none", "names:folded", "names:odd", "every:1-4", "every:3", "every:2-9",
			     "absent:1", "every:odd" },
	[RULE_TARGET] = { "self", "host", "user:1", "user:two", "unit:a*.service", "cgroup:/x",
			  "cgroup:/x/a*", "cgroup:/*/ab.service", "cgroup:/?" },
};

/* What `set` may say, by parameter. */
static const char *const sets[][5] = {
	{ "threshold:1000-50000", "threshold:9000", "threshold:1-100000", "threshold:60000-70000",
	  "threshold:2-900" },
	{ "names:none", "names:all", "names:odd", "names:1-2", "names:none" },
	{ "every:2-3", "every:4-64", "every:1", "every:2-40", "every:100-200" },
};

__attribute__((format(printf, 2, 3))) static void append(struct drawn_section *s, const char *format, ...)
{
	size_t n = strlen(s->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(s->text + n, sizeof(s->text) - n, format, arguments);
	va_end(arguments);
}

static uint32_t n_words(enum rule_key key)
{
	uint32_t n = 0;

	while (words[key][n])
		n++;
	return n;
}

static void draw_words(struct draw *d, enum rule_key key, struct drawn_section *s)
{
	uint32_t n = n_words(key), first = draw(d, n), more = draw(d, 3);

	append(s, "%s = %s", rule_key_name(key), words[key][first]);
	for (uint32_t i = 1; i <= more && i < n; i++)
		append(s, " %s", words[key][(first + i) % n]);
	append(s, "\n");
}

/* A deny must not list an action that has not got what its other keys are about. */
static void draw_action_of_deny(struct draw *d, uint32_t keys, struct drawn_section *s)
{
	uint32_t action = draw(d, _POLICY_ACTION_MAX);

	for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++)
		if (keys & BIT(key) && !rule_action_has(action, key))
			action = POLICY_ATTACH;
	append(s, "action = %s\n", policy_action_name(action));
}

static void draw_limits(struct draw *d, bool may_set, struct drawn_section *s)
{
	static const char *const memory[] = { "1M", "16M", "5K", "2G", "7" };
	static const char *const duration[] = { "1s", "5m", "8h", "2d" };
	uint32_t which = 1 + draw(d, 63);

	if (which & 1)
		append(s, "max-attachments = %u\n", draw(d, 20));
	if (which & 2)
		append(s, "max-memory = %s\n", ANY(d, memory));
	if (which & 4)
		append(s, "max-events-per-second = %u\nmax-loads-per-minute = %u\n", draw(d, 9), draw(d, 9));
	if (which & 8)
		append(s, "max-duration = %s\nmax-programs-per-hook = %u\n", ANY(d, duration), draw(d, 9));
	if (which & 4 && which & 8)
		append(s, "max-cpu = %u.%u%%\n", draw(d, 3), draw(d, 10));
	if (which & 16 || which == 32)
		append(s, "kernel-verified = required\n");
	if (!may_set || which < 32)
		return;
	append(s, "set =");
	for (uint32_t i = 0, first = draw(d, COUNT(sets)), n = 1 + draw(d, 2); i < n; i++)
		append(s, " %s", ANY(d, sets[(first + i) % COUNT(sets)]));
	append(s, "\n");
}

/* What only a generous allow gives. */
static uint32_t write_all_defaults(struct drawn_section *s)
{
	append(s, "channel = production experimental\ndata = aggregates events\nprivacy = pii\n"
		  "persist = yes no\nmay-modify = yes no\ntarget = host\n");
	return BIT(RULE_CHANNEL) | BIT(RULE_DATA) | BIT(RULE_PRIVACY) | BIT(RULE_PERSIST) |
	       BIT(RULE_MAY_MODIFY) | BIT(RULE_TARGET);
}

void draw_section(struct draw *d, const char *kind, unsigned int number, struct drawn_section *ret)
{
	/* Few conditions, or nothing would ever match. */
	uint32_t often = 5 + draw(d, 30), keys = 0;
	bool allow = kind[0] == 'a', limit = kind[0] == 'l';

	snprintf(ret->name, sizeof(ret->name), "%c%u", 'a' + (char)draw(d, 26), number);
	snprintf(ret->text, sizeof(ret->text), "[%s %s]\n", kind, ret->name);
	if (allow && draw(d, 2))
		keys = write_all_defaults(ret);
	for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++) {
		if (draw(d, often) || keys & BIT(key) || (key == RULE_ACTION && !allow) ||
		    (key == RULE_KERNEL_VERIFIED && limit))
			continue;
		draw_words(d, key, ret);
		keys |= BIT(key);
	}
	/* An empty allow is refused, an empty deny takes everything. */
	if (!keys && (allow || (!limit && draw(d, 8)))) {
		draw_words(d, RULE_PROBE, ret);
		keys = BIT(RULE_PROBE);
	}
	if (!allow && !limit && !draw(d, 4))
		draw_action_of_deny(d, keys, ret);
	if (limit)
		draw_limits(d, !(keys & BIT(RULE_PARAMETER)), ret);
}

static void draw_target(struct draw *d, struct policy_request *q)
{
	static const char *const units[] = { "ab.service", "b.service" };
	static const char *const cgroups[] = { "/x", "/x/ab.service", "/x/ab.service/c", "/y/ab.service/z",
					       "/" };

	q->target_kind = draw(d, 2) ? draw(d, _TARGET_KIND_MAX) : (uint32_t)TARGET_SELF;
	q->target_uid = 1 + draw(d, 3);
	if (q->target_kind == TARGET_UNIT)
		strcpy(q->target_name, ANY(d, units));
	if (q->target_kind == TARGET_CGROUP)
		strcpy(q->target_name, ANY(d, cgroups));
}

static void draw_bundle(struct draw *d, struct policy_request *q)
{
	static const struct spec *const specs[] = { &spec_looks_on, &spec_looks_on, &spec_mixed,
						    &spec_shapes };
	static const char *const roles[] = { "release", "release security", "lab", "" };

	q->spec = ANY(d, specs);
	strcpy(q->probe, q->spec->name);
	q->variant = draw(d, 16) ? draw(d, q->spec->n_variants) : q->spec->n_variants;
	q->roles = draw(d, 9) ? ANY(d, roles) : NULL;
	q->n_signers = draw(d, 3);
	q->signers = draw(d, 9) ? spec_signers + (q->n_signers == 1 && draw(d, 2)) : NULL;
	if (!q->signers)
		q->n_signers = 0;
	if (!draw(d, 12))
		q->spec = NULL;
}

static void draw_parameters(struct draw *d, struct drawn_request *r)
{
	static const uint64_t numbers[] = { 1, 2, 3, 4, 9, 10, 64, 900, 5000, 9000, 50001, 65000, 100000 };
	struct policy_request *q = &r->request;

	for (uint32_t i = 0; q->spec && i < q->spec->n_params; i++) {
		const struct spec_param *p = &q->spec->params[i];
		uint64_t value = p->n_values ? draw(d, p->n_values) : ANY(d, numbers);

		r->parameters[i] = p->initial;
		if (draw(d, 2) || value < p->min || value > p->max)
			continue;
		r->parameters[i] = value;
		if (draw(d, 2))
			q->given |= BIT(i);
	}
	if (q->given || (q->spec && draw(d, 2)))
		q->parameters = r->parameters;
}

void draw_request(struct draw *d, struct drawn_request *ret)
{
	static const char *const cgroups[] = {
		"/",
		"/system.slice/shop.service",
		"/system.slice/shop.service/x",
		"/user.slice/user-1.slice/user@1.service/app.slice/shop.service",
		"/user.slice/user-1.slice/session-3.scope",
		"/user.slice",
		NULL
	};

	*ret = (struct drawn_request){
		.gids = { 1 + draw(d, 3), 1 + draw(d, 3) },
		.request = { .action = draw(d, 4) ? (uint32_t)POLICY_ATTACH : draw(d, _POLICY_ACTION_MAX),
			     .uid = draw(d, 64) ? 1 + draw(d, 3) : 65534,
			     .gids = ret->gids,
			     .n_gids = draw(d, 3),
			     .namespace = draw(d, 8) ? (uint32_t)POLICY_NAMESPACE_HOST
						     : draw(d, _POLICY_NAMESPACE_MAX),
			     .cgroup = ANY(d, cgroups),
			     .channel = !draw(d, 4),
			     .data = 1 + draw(d, 3),
			     .privacy = draw(d, _SPEC_PRIVACY_MAX),
			     .persist = !draw(d, 4),
			     .kernel_verified = !draw(d, 3),
			     .minute = draw(d, 7) * 1440 + draw(d, 24) * 60 + draw(d, 60) },
	};
	draw_target(d, &ret->request);
	draw_bundle(d, &ret->request);
	draw_parameters(d, ret);
}

bool draw_narrower(struct draw *d, struct policy_request *q)
{
	char *slash = strrchr(q->target_name, '/');

	switch (q->target_kind) {
	case TARGET_HOST:
		q->target_kind = draw(d, TARGET_HOST);
		q->target_uid = 1 + draw(d, 3);
		strcpy(q->target_name, q->target_kind == TARGET_UNIT ? "ab.service" : "/x/ab.service");
		return true;
	case TARGET_CGROUP:
		if (slash == q->target_name && !slash[1])
			*q->target_name = '\0';
		strcat(q->target_name, draw(d, 2) ? "/ab.service" : "/z");
		return true;
	default:
		return false;
	}
}

bool draw_names(const char *name, uint32_t *ret_id)
{
	if (strcmp(name, "one") != 0 && strcmp(name, "two") != 0)
		return false;
	*ret_id = name[0] == 'o' ? 1 : 2;
	return true;
}

static int resolve(void *userdata, const char *name, uint32_t *ret_id)
{
	(void)userdata;
	return !draw_names(name, ret_id);
}

const struct policy_resolver draw_resolver = { .user = resolve, .group = resolve };
