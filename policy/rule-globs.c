/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys whose words are patterns. */
#include "policy/rule-value.h"

#include <stdlib.h>
#include <string.h>

#include "common/digest.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* Helpers are numbered from 1; the kernel has stopped to add any. */
#define HELPERS 512U

const char *rule_wrong_unit(const char *glob)
{
	return !*glob || strchr(glob, '/') || !strpbrk(glob, ".*")
		       ? "a unit's full name or a pattern is expected, such as shop.service"
		       : NULL;
}

const char *rule_wrong_cgroup(const char *glob)
{
	return *glob != '/' && *glob != '*' ? "a cgroup is a path from the root, such as /system.slice"
					    : NULL;
}

static const char *wrong_probe(const char *glob)
{
	return glob[strspn(glob, LOWER "0123456789._-*?")]
		       ? "names of probes are of a-z, 0-9, '.', '_' and '-'"
		       : NULL;
}

static const char *wrong_helper(const char *glob)
{
	return glob[strspn(glob, LOWER "0123456789_*?")] ? "names of helpers are of a-z, 0-9 and '_'" : NULL;
}

static const struct {
	size_t offset; /* of the struct rule_globs */
	size_t max;    /* bytes of what the patterns are for */
	const char *longer_than;
	const char *(*wrong)(const char *glob);
} keys[_RULE_KEY_MAX] = {
	[RULE_PROBE] = { offsetof(struct rule, probes), PROBE_NAME_MAX - 1, "the name of any probe",
			 wrong_probe },
	[RULE_VERSION] = { offsetof(struct rule, versions), sizeof(((struct spec *)0)->version) - 1,
			   "any version", NULL },
	[RULE_ROLE] = { offsetof(struct rule, roles), OBJECT_NAME_MAX - 1, "the name of any role", NULL },
	[RULE_HOOK] = { offsetof(struct rule, hooks), OBJECT_NAME_MAX - 1, "the name of any hook", NULL },
	[RULE_HELPER] = { offsetof(struct rule, helpers), OBJECT_NAME_MAX - 1, "the name of any helper",
			  wrong_helper },
	[RULE_FROM_UNIT] = { offsetof(struct rule, from_units), TARGET_NAME_MAX - 1, "the name of any unit",
			     rule_wrong_unit },
	[RULE_FROM_CGROUP] = { offsetof(struct rule, from_cgroups), CONFIG_LINE_MAX, "any cgroup",
			       rule_wrong_cgroup },
};

/* A helper that is no pattern: its name, or its number if it has none. */
static int check_helper(const struct rule_value *value)
{
	const char *text = value->word.text, *names[HELPERS];
	uint64_t number;
	size_t n = 0;

	if (strpbrk(text, "*?"))
		return 0;
	if (rule_value_number(text, text + strlen(text), UINT32_MAX, &number)) {
		const char *name = spec_helper_name((uint32_t)number);

		return name ? rule_value_refuse(value, "helper %s has a name: %s", text, name) : 0;
	}
	for (uint32_t i = 0; i < HELPERS; i++)
		if (spec_helper_name(i))
			names[n++] = spec_helper_name(i);
	if (rule_value_find(names, n, text) == n)
		return rule_value_unknown_word(value, "helper", names, n);
	return 0;
}

/* What is in a slice is in some unit there, or else in none: a slice is never passed on as the unit. */
static int check_from_unit(const struct rule_value *value)
{
	const char *dot = strrchr(value->word.text, '.');

	if (!dot || strcmp(dot, ".slice") != 0)
		return 0;
	if (rule_takes_away(value->rule))
		return rule_value_refuse(value,
					 "no caller's unit is a slice, so this %s would vanish: "
					 "see from-cgroup",
					 rule_kind_name(value->rule->kind));
	return rule_value_warn(value, "no caller's unit is a slice: it matches nobody");
}

static int check_glob(const struct rule_value *value, enum rule_key key)
{
	const char *wrong = keys[key].wrong ? keys[key].wrong(value->word.text) : NULL;

	if (wrong)
		return rule_value_refuse(value, "%s", wrong);
	if (strlen(value->word.text) > keys[key].max)
		return rule_value_refuse(value, "longer than %s, %zu bytes", keys[key].longer_than,
					 keys[key].max);
	if (key == RULE_HELPER)
		return check_helper(value);
	return key == RULE_FROM_UNIT ? check_from_unit(value) : 0;
}

int rule_read_globs(struct rule_value *value, enum rule_key key)
{
	struct rule_globs *globs = (struct rule_globs *)(void *)((char *)value->rule + keys[key].offset);
	int r;

	globs->globs = calloc(strlen(value->entry->value) / 2 + 1, sizeof(*globs->globs));
	if (!globs->globs)
		return -ENOMEM;
	while (rule_value_next(value, &r)) {
		r = check_glob(value, key);
		if (r)
			return r;
		globs->globs[globs->n] = strdup(value->word.text);
		if (!globs->globs[globs->n])
			return -ENOMEM;
		globs->n++;
	}
	return r;
}

static int read_one_signer(struct rule_value *value)
{
	struct rule_signer *signer = &value->rule->signers[value->rule->n_signers];
	const char *text = value->word.text;

	if (!strncmp(text, "key:", 4)) {
		if (!digest_from_hex(text + 4, signer->key))
			return rule_value_refuse(value, "a key is the SHA-256 of its SubjectPublicKeyInfo: "
							"'key:' and 64 hexadecimal digits");
		signer->by_key = true;
	} else {
		if (!strpbrk(text, "=*"))
			return rule_value_refuse(
				value, "a subject is expected, such as CN=Build?Team,O=Shop, or key:…");
		if (strlen(text) >= sizeof(((struct message_signer *)0)->subject))
			return rule_value_refuse(value, "longer than any subject, %zu bytes",
						 sizeof(((struct message_signer *)0)->subject) - 1);
		signer->subject = strdup(text);
		if (!signer->subject)
			return -ENOMEM;
	}
	value->rule->n_signers++;
	return 0;
}

int rule_read_signer(struct rule_value *value)
{
	int r;

	value->rule->signers = calloc(strlen(value->entry->value) / 2 + 1, sizeof(*value->rule->signers));
	if (!value->rule->signers)
		return -ENOMEM;
	while (rule_value_next_subject(value, &r)) {
		r = read_one_signer(value);
		if (r)
			return r;
	}
	return r;
}
