/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The limits of what has to be loaded: how often for one user, and how many programs on one hook. What those
 * cost is everybody's.
 */
#include <stdio.h>
#include <string.h>

#include "loaderd/warden/attach.h"

/* --- programs on a hook ------------------------------------------------------------------------------- */

void instance_row_set_hooks(struct instance_row *row, const struct bundle *b)
{
	const struct spec_variant *v;

	if (row->n_hooks || !b || !b->spec || b->variant >= b->spec->n_variants)
		return;
	v = &b->spec->variants[b->variant];
	for (uint32_t i = 0; i < v->n_programs; i++)
		memcpy(row->hooks[i], v->programs[i].hook, sizeof(row->hooks[i]));
	row->n_hooks = v->n_programs;
}

/* What an instance whose bundle is gone is attached to is not known: it counts everywhere. */
static uint64_t instance_on_hook(struct warden *w, struct instance_row *row, const char *hook)
{
	uint64_t n = 0;

	instance_row_set_hooks(row, registry_by_digest(w, row->digest));
	if (!row->n_hooks)
		return row->n_programs;
	for (uint32_t i = 0; i < row->n_hooks; i++)
		n += !strcmp(row->hooks[i], hook);
	return n;
}

static uint64_t bundle_on_hook(const struct bundle *b, const char *hook)
{
	const struct spec_variant *v;
	uint64_t n = 0;

	if (!b || b->variant >= b->spec->n_variants)
		return 0;
	v = &b->spec->variants[b->variant];
	for (uint32_t i = 0; i < v->n_programs; i++)
		n += !strcmp(v->programs[i].hook, hook);
	return n;
}

/* --- the check ---------------------------------------------------------------------------------------- */

static bool same_instance(const struct attaching *a, const struct attaching *b)
{
	return !memcmp(a->a.digest, b->a.digest, DIGEST_SIZE) &&
	       !memcmp(a->a.params_digest, b->a.params_digest, DIGEST_SIZE);
}

bool attach_needs_load(struct attaching *t, const struct bundle *b)
{
	if (!(b->spec->flags & SPEC_HAS_DEMUX))
		return true;
	if (instance_row_find(t->w, t->a.digest, t->a.params_digest))
		return false;
	for (const struct attaching *other = attaching_under_way(); other; other = other->next)
		if (other != t && other->loads && same_instance(other, t))
			return false;
	return true;
}

static int check_rate(const struct attaching *t, bool planned, struct refusal *refusal)
{
	uint64_t max = t->limits.value[POLICY_MAX_LOADS_PER_MINUTE], n;

	if (max == POLICY_UNLIMITED)
		return 0;
	n = load_rates_count(&t->w->load_rates, t->a.uid, now_boottime() / 1000000000) + 1;
	for (const struct attaching *other = attaching_under_way(); planned && other; other = other->next)
		n += other != t && other->loads && !other->instance && other->a.uid == t->a.uid;
	if (n <= max)
		return 0;
	return attach_over(refusal, &t->limits, POLICY_MAX_LOADS_PER_MINUTE, n, "");
}

static int check_hook(const struct attaching *t, const struct bundle *b, const char *hook, bool planned,
		      struct refusal *refusal)
{
	uint64_t n = bundle_on_hook(b, hook);
	char where[OBJECT_NAME_MAX + 8];

	for (struct instance_row *row = t->w->instances; row; row = row->next)
		n += instance_on_hook(t->w, row, hook);
	for (const struct attaching *other = attaching_under_way(); planned && other; other = other->next)
		if (other != t && other->loads && !other->instance)
			n += bundle_on_hook(registry_by_digest(t->w, other->a.digest), hook);
	if (n <= t->limits.value[POLICY_MAX_PROGRAMS_PER_HOOK])
		return 0;
	snprintf(where, sizeof(where), " on %s", hook);
	return attach_over(refusal, &t->limits, POLICY_MAX_PROGRAMS_PER_HOOK, n, where);
}

int attach_check_load(struct attaching *t, const struct bundle *b, bool planned, struct refusal *refusal)
{
	const struct spec_variant *v = &b->spec->variants[b->variant];
	int r = check_rate(t, planned, refusal);

	if (t->limits.value[POLICY_MAX_PROGRAMS_PER_HOOK] == POLICY_UNLIMITED)
		return r;
	for (uint32_t i = 0; i < v->n_programs && !r; i++)
		r = check_hook(t, b, v->programs[i].hook, planned, refusal);
	return r;
}
