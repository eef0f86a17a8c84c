/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who signed, and what may they sign: rules T9 to T12 of docs/FORMAT-bundle.md. */
#include "signing/trust.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "signing/roles.h"

#define REFUSE(refusal, rule, ...) refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, rule, __VA_ARGS__)

struct trust *trust_free(struct trust *trust)
{
	if (!trust)
		return NULL;
	for (size_t i = 0; i < trust->n_roles; i++) {
		struct role *role = &trust->roles[i];

		for (size_t j = 0; j < ROLE_NAMES_MAX; j++)
			free(role->names[j]);
		cms_trust_free(role->anchors);
		free(role->name);
		free(role->file);
	}
	free(trust);
	return NULL;
}

bool trust_role(const struct trust *trust, size_t n, struct trust_role_info *ret)
{
	const struct role *role;

	if (n >= trust->n_roles)
		return false;
	role = &trust->roles[n];
	*ret = (struct trust_role_info){
		.name = role->name,
		.file = role->file,
		.line = role->line,
		.threshold = role->threshold,
		.may = role->may,
		.algorithms = role->algorithms,
		.names = (const char *const *)role->names,
	};
	return true;
}

/* Counts a signer for a role; its key is entered into the result if it is new there: two certificates of one
 * key, or two files by one signer, are one signer. */
static void count_signer(struct trust_result *result, struct trust_result_role *role,
			 const struct cms_signer *signer)
{
	uint32_t i = 0;

	while (i < result->n_signers && memcmp(result->signers[i].key, signer->key, DIGEST_SIZE) != 0)
		i++;
	/* There are no more signers than signatures unless somebody contrived a key under which the signature
	 * of another verifies as well; that one is the one too many. */
	if (i == SIGNATURES_MAX)
		return;
	if (i == result->n_signers)
		result->signers[result->n_signers++] = *signer;
	role->signers |= 1U << i;
}

/* How far a signature got before it was refused: the rules are numbered in the order in which they are
 * checked, and of all reasons the one that got furthest tells most about what the signer meant to do. */
static long progress(const struct refusal *refusal)
{
	return strtol(refusal->subject + 1, NULL, 10);
}

static int check_one(const struct role *role, struct trust_result *result, struct trust_result_role *to,
		     const void *content, size_t content_size, const struct trust_signature *signature,
		     int64_t now, struct refusal *best)
{
	struct cms_signer signer;
	struct refusal refusal;
	int r;

	r = cms_verify(signature->bytes, signature->size, content, content_size, role->anchors, now, &signer,
		       &refusal);
	if (r < 0)
		return r;
	if (r == 0)
		count_signer(result, to, &signer);
	else if (best->code == REFUSAL_NONE || progress(&refusal) > progress(best))
		*best = refusal;
	return 0;
}

static int refuse_unmet(const struct trust_result *result, const struct refusal *best,
			struct refusal *refusal)
{
	for (uint32_t i = 0; i < result->n_roles; i++) {
		const struct trust_result_role *role = &result->roles[i];

		if (role->signers)
			return REFUSE(refusal, "T10", "role %s needs %u distinct keys and only %d signed",
				      role->name, role->threshold, __builtin_popcount(role->signers));
	}
	if (refusal)
		*refusal = *best;
	return REFUSAL_SIGNATURE_INVALID;
}

int trust_check_signatures(const struct trust *trust, const void *content, size_t content_size,
			   const struct trust_signature *signatures, size_t n_signatures, int64_t now,
			   struct trust_result *ret, struct refusal *refusal)
{
	struct trust_result result = { .n_roles = (uint32_t)trust->n_roles };
	struct refusal best = {};
	int r;

	if (trust->n_roles == 0)
		return REFUSE(refusal, "T9", "no role is configured on this host, so no signature can count");
	if (n_signatures == 0 || n_signatures > SIGNATURES_MAX)
		return REFUSE(refusal, "T9", "a bundle has between 1 and %d signatures, this one %zu",
			      SIGNATURES_MAX, n_signatures);
	for (size_t i = 0; i < trust->n_roles; i++) {
		const struct role *role = &trust->roles[i];
		struct trust_result_role *to = &result.roles[i];

		snprintf(to->name, sizeof(to->name), "%s", role->name);
		to->may = role->may;
		to->threshold = role->threshold;
		for (size_t j = 0; j < n_signatures; j++) {
			r = check_one(role, &result, to, content, content_size, &signatures[j], now, &best);
			if (r < 0)
				return r;
		}
		if ((uint32_t)__builtin_popcount(to->signers) >= to->threshold)
			result.met |= 1U << i;
	}
	if (!result.met)
		return refuse_unmet(&result, &best, refusal);
	*ret = result;
	return 0;
}

static bool role_lists(const struct role *role, const char *name)
{
	for (size_t i = 0; role->names[i]; i++)
		if (fnmatch(role->names[i], name, 0) == 0)
			return true;
	return false;
}

/* The index of the role of this name, or -1. */
static int find_role(const struct trust_result *result, const char *name)
{
	for (uint32_t i = 0; i < result->n_roles; i++)
		if (!strcmp(result->roles[i].name, name))
			return (int)i;
	return -1;
}

static int check_required(const struct trust_result *result, const char *required, struct refusal *refusal)
{
	int i = find_role(result, required);

	if (i < 0)
		return REFUSE(refusal, "T12",
			      "the bundle must be signed by role %s, which is not configured on this host",
			      required);
	if (!(result->met & (1U << i)))
		return REFUSE(refusal, "T12",
			      "the bundle must be signed by role %s as well: %d of %u keys did", required,
			      __builtin_popcount(result->roles[i].signers), result->roles[i].threshold);
	return 0;
}

int trust_check_name(const struct trust *trust, const struct trust_result *result, const char *name,
		     const char (*required)[OBJECT_NAME_MAX], uint32_t n_required, uint32_t *ret_may,
		     struct refusal *refusal)
{
	char met[128] = "";
	uint32_t may = 0;
	bool listed = false;

	for (uint32_t i = 0; i < result->n_roles && i < trust->n_roles; i++) {
		size_t n = strlen(met);

		if (!(result->met & (1U << i)))
			continue;
		snprintf(met + n, sizeof(met) - n, "%s%s", n ? ", " : "", trust->roles[i].name);
		if (!role_lists(&trust->roles[i], name))
			continue;
		listed = true;
		may |= trust->roles[i].may;
	}
	if (!listed)
		return REFUSE(refusal, "T11", "role %s may not sign %s", met, name);
	for (uint32_t i = 0; i < n_required; i++) {
		int r = check_required(result, required[i], refusal);

		if (r)
			return r;
	}
	if (ret_may)
		*ret_may = may;
	return 0;
}
