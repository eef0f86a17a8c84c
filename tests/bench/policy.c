/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a decision costs by the number of rules, in the worst case: a third of the sections is about groups of
 * the caller, so that their other conditions are looked at, every deny and limit has to be, and the one allow
 * that matches is the last. The most that is allowed is found last, too: events and personal data are tried
 * before. Usage: bench-policy [RULES…], by default 10 100 1000 10000.
 */
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/policy.h"

#define TEAMS       64
#define GROUPS      24   /* of the caller */
#define ROUND       0.01 /* seconds at least */
#define ROUNDS      25   /* the quickest counts: the others were disturbed */
#define BATCH       16   /* decisions between two looks at the clock */
#define SECTION_MAX 256

/* Processor time, so that other work on the machine counts only by what it does to caches. */
static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* "team7" is uid and gid 1007. */
static int resolve(void *userdata, const char *name, uint32_t *ret_id)
{
	(void)userdata;
	*ret_id = 1000 + (uint32_t)atoi(name + strcspn(name, "0123456789"));
	return 0;
}

/* Twenty sections that teams have; %1$d is the number of the section, %2$d that of the team. */
static const char *const mix[] = {
	"[allow a%1$d]\ngroup = team%2$d\nprobe = tcp.* net.drop\ntarget = unit:team%2$d-*.service\n",
	"[allow a%1$d]\ngroup = team%2$d\nprobe = sched.* proc.*\ntarget = unit:team%2$d-*.service "
	"cgroup:/team%2$d\ndata = aggregates events\n",
	"[allow a%1$d]\ngroup = team%2$d\nprobe = team%2$d.*\nfrom-unit = ci-*.service\ndata = aggregates "
	"events\nprivacy = pii\n",
	"[allow a%1$d]\nuser = team%2$d\nprobe = *\ntarget = host\ndata = aggregates events\n",
	"[allow a%1$d]\nuid = 2000-2999 3%1$d\nprobe = *.state\nversion = 1.* 2.*\n",
	"[allow a%1$d]\ngroup = team%2$d\naction = enroll promote\nprobe = team%2$d.*\nchannel = "
	"experimental\n",
	"[allow a%1$d]\ngroup = team%2$d oncall%2$d\nprobe = tcp.*\ntime = mon-fri/08:00-18:00\ntarget = "
	"user:team%2$d\n",
	"[allow a%1$d]\ngroup = team%2$d\nprobe = dns.*\nparameter = names:none\nhook = tp_btf/* raw_tp/*\n",
	"[allow a%1$d]\ngroup = team%2$d\nprobe = db%2$d.* cache%2$d.* web%2$d.*\nrole = release "
	"platform\npersist = yes no\n",
	"[allow a%1$d]\nfrom-cgroup = /system.slice/agent%2$d.service\nprobe = *\ntarget = host\n",
	"[deny d%1$d]\nuser = team%2$d\nprobe = proc.* file.*\ndata = events\n",
	"[deny d%1$d]\ngroup = team%2$d\nprobe = team%2$d.internal*\nnamespace = container\n",
	"[deny d%1$d]\ngroup = team%2$d\nhelper = bpf_probe_read_user* bpf_copy_from_user*\n",
	"[deny d%1$d]\nprobe = retired%1$d.* *.old%1$d\nversion = 0.*\n",
	"[deny d%1$d]\nuid = 60%2$d-61%2$d\nhook = fentry/* kprobe/*\n",
	"[limit l%1$d]\ngroup = team%2$d\nprobe = tcp.*\nmax-attachments = 8\nmax-events-per-second = 1000\n",
	"[limit l%1$d]\nuser = team%2$d\nmax-memory = 16M\nmax-duration = 8h\n",
	"[limit l%1$d]\nprobe = heavy%1$d.*\nmax-programs-per-hook = 4\nmax-loads-per-minute = 6\n",
	"[limit l%1$d]\ngroup = team%2$d\nprobe = dns.* http.*\nset = names:none\n",
	"[limit l%1$d]\ntarget = host\ngroup = team%2$d\ntime = sat-sun\nmax-attachments = 1\n",
};
#define MIX (sizeof(mix) / sizeof(*mix))

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* rows of the table above */
static char *write_policy(int rules, size_t *ret_size)
{
	char *text = malloc((size_t)rules * SECTION_MAX + SECTION_MAX), *p = text;

	if (!text)
		abort();
	for (int i = 0; i < rules - 1; i++)
		p += snprintf(p, SECTION_MAX, mix[(size_t)i % MIX], i, i / (int)MIX % TEAMS);
	p += sprintf(p,
		     "[allow z]\ngroup = team0\nprobe = net.drop\ntarget = cgroup:/shop\nprivacy = safe\n");
	*ret_size = (size_t)(p - text);
	return text;
}

/* What the warden knows about somebody of many teams who wants a standard probe. */
static void fill_request(struct policy_request *request, struct spec *spec, gid_t *gids)
{
	static const uint32_t helpers[] = { 1, 2, 5, 7, 8, 125, 131, 132, 134, 165 }; /* of net.drop */
	struct spec_program *p = &spec->variants[0].programs[0];

	*spec = (struct spec){ .name = "net.drop", .version = "1.0", .n_variants = 1 };
	spec->event_size = 64;
	spec->n_fields = 1;
	spec->fields[0] = (struct spec_field){ .name = "reason", .privacy = SPEC_PRIVACY_PII };
	spec->variants[0].n_maps = 1;
	spec->variants[0].maps[0].kind = SPEC_MAP_COUNTS;
	spec->variants[0].n_programs = 1;
	p->type = BPF_PROG_TYPE_TRACING;
	p->attach_type = BPF_TRACE_RAW_TP;
	snprintf(p->hook, sizeof(p->hook), "tp_btf/kfree_skb");
	p->n_helpers = sizeof(helpers) / sizeof(*helpers);
	memcpy(p->helpers, helpers, sizeof(helpers));
	for (uint32_t i = 0; i < GROUPS; i++)
		gids[i] = 1000 + i;
	*request = (struct policy_request){
		.uid = 5000,
		.gids = gids,
		.n_gids = GROUPS,
		.namespace = POLICY_NAMESPACE_HOST,
		.cgroup = "/user.slice/user-5000.slice/session-3.scope",
		.probe = "net.drop",
		.spec = spec,
		.roles = "standard",
		.data = POLICY_DATA_AGGREGATES,
		.target_kind = TARGET_CGROUP,
		.target_name = "/shop/cart",
		.minute = 600,
	};
}

static void decide(const struct policy *policy, const struct policy_request *request, bool most,
		   struct policy_decision *ret_decision)
{
	struct policy_request question = *request;

	if (!most) {
		policy_decide(policy, &question, ret_decision);
		return;
	}
	question.data = 0;
	question.privacy = POLICY_PRIVACY_MOST;
	policy_decide_most(policy, &question, ret_decision);
}

/* Microseconds a decision; most: asked what is the most that is allowed. */
static double measure(const struct policy *policy, const struct policy_request *request, bool most)
{
	struct policy_decision decision = {};
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double from = now(), took = 0;
		int n = 0;

		while (took < ROUND) {
			for (int i = 0; i < BATCH; i++, n++)
				decide(policy, request, most, &decision);
			took = now() - from;
		}
		if (took / n < best)
			best = took / n;
	}
	if (!decision.allowed || strcmp(decision.rule, "z") != 0) {
		fprintf(stderr, "bench-policy: allowed %d by %s, not by the last section\n", decision.allowed,
			decision.rule);
		exit(EXIT_FAILURE);
	}
	return best * 1e6;
}

static void bench(int rules)
{
	static struct spec spec;
	const struct policy_resolver resolver = { .user = resolve, .group = resolve };
	_cleanup_(policy_free_p) struct policy *policy = NULL;
	struct policy_request request;
	struct refusal refusal = {};
	gid_t gids[GROUPS];
	double from, load;
	size_t size;
	char *text = write_policy(rules, &size);
	int r;

	from = now();
	r = policy_new_from_text("bench", text, size, &resolver, &refusal, &policy);
	load = now() - from;
	free(text);
	if (r) {
		fprintf(stderr, "bench-policy: %s: %s\n", refusal.subject,
			r > 0 ? refusal.reason : strerror(-r));
		exit(EXIT_FAILURE);
	}
	fill_request(&request, &spec, gids);
	printf("%d rules: %.1f µs a decision", rules, measure(policy, &request, false));
	printf(", %.1f µs for the most that is allowed, read in %.1f ms (%zu bytes)\n",
	       measure(policy, &request, true), load * 1e3, size);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const int sizes[] = { 10, 100, 1000, 10000 };

	for (int i = 1; i < argc; i++)
		bench(atoi(argv[i]) > 0 ? atoi(argv[i]) : 1);
	for (size_t i = 0; argc == 1 && i < sizeof(sizes) / sizeof(*sizes); i++)
		bench(sizes[i]);
	return EXIT_SUCCESS;
}
