/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who signed, what may they sign, and was it taken back: rules T9 to T16 of docs/FORMAT-bundle.md. */
#include "signing/trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "format/manifest.h"
#include "signing/certificate.h"
#include "signing/checks.h"
#include "signing/roles.h"

#define REFUSE(...) refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, rule, __VA_ARGS__)

/* --- who signed --------------------------------------------------------------------------------------- */

/* Counts a signer for a role. Each certificate is entered into the result once; how many keys they are is
 * trust_result_keys() to say. */
static void count_signer(struct trust_result *result, struct trust_result_role *role,
			 const struct cms_signer *signer)
{
	uint32_t i = 0;

	while (i < result->n_signers &&
	       memcmp(result->signers[i].certificate, signer->certificate, DIGEST_SIZE) != 0)
		i++;
	/* There are no more signers than signatures unless pinned certificates of one name make one signature
	 * that of another certificate for each role; that one is the one too many. */
	if (i == SIGNATURES_MAX)
		return;
	if (i == result->n_signers)
		result->signers[result->n_signers++] = *signer;
	result->signers[i].valid_until = earlier(result->signers[i].valid_until, signer->valid_until);
	role->signers |= 1U << i;
}

unsigned int trust_result_keys(const struct trust_result *result, uint32_t signers)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < result->n_signers; i++) {
		uint32_t j = 0;

		if (!(signers & 1U << i))
			continue;
		while (j < i && (!(signers & 1U << j) ||
				 memcmp(result->signers[j].key, result->signers[i].key, DIGEST_SIZE) != 0))
			j++;
		n += j == i;
	}
	return n;
}

/* How far a signature got before it was refused: the rules are numbered in the order in which they are
 * checked, and of all reasons the one that got furthest tells most about what the signer meant to do. */
static long progress(const struct refusal *refusal)
{
	return strtol(refusal->subject + 1, NULL, 10);
}

static int check_one(const struct role *role, struct trust_result *result, struct trust_result_role *to,
		     const void *content, size_t content_size, const struct trust_signature *signature,
		     struct cms_time time, struct refusal *best)
{
	struct cms_signer signer;
	struct refusal refusal;
	int r;

	r = cms_verify_at(signature->bytes, signature->size, content, content_size, role->anchors, time,
			  &signer, &refusal);
	if (r < 0)
		return r;
	if (r == 0)
		count_signer(result, to, &signer);
	else if (best->code == REFUSAL_NONE || progress(&refusal) > progress(best))
		*best = refusal;
	return 0;
}

/* Counts for each role the distinct keys that signed; met stays 0. */
static int count_signers(const struct trust *trust, const struct trust_input *input,
			 struct trust_result *result, struct refusal *best)
{
	*result = (struct trust_result){ .n_roles = (uint32_t)trust->n_roles };
	for (size_t i = 0; i < trust->n_roles; i++) {
		const struct role *role = &trust->roles[i];
		struct trust_result_role *to = &result->roles[i];

		snprintf(to->name, sizeof(to->name), "%s", role->name);
		to->may = role->may;
		to->threshold = role->threshold;
		for (size_t j = 0; j < input->n_signatures; j++) {
			int r = check_one(role, result, to, input->manifest, input->manifest_size,
					  &input->signatures[j],
					  (struct cms_time){ input->now, input->known }, best);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Those of roles that the rules of a scope let pass. refusal is written if there is none: why the first was
 * not. */
static uint32_t roles_that_pass(struct judgement *j, uint32_t roles, enum check_scope scope,
				struct refusal *refusal)
{
	const struct check_subject subject = { .bundle = j };
	struct refusal first = {}, other;
	uint32_t passed = 0;

	for (j->role = 0; j->role < j->result->n_roles; j->role++) {
		if (!(roles & 1U << j->role))
			continue;
		if (!checks_run(scope, &subject, first.code ? &other : &first))
			passed |= 1U << j->role;
	}
	if (!passed && first.code)
		*refusal = first;
	return passed;
}

int trust_meet_thresholds(struct judgement *j, struct refusal *best)
{
	uint32_t with_signers = 0;
	int r;

	r = count_signers(j->trust, j->input, j->result, best);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < j->result->n_roles; i++)
		with_signers |= j->result->roles[i].signers ? 1U << i : 0;
	j->result->met = roles_that_pass(j, with_signers, CHECK_THRESHOLD, best);
	return 0;
}

CHECK_ROW(check_number)
{
	const struct judgement *j = subject->bundle;

	if (j->trust->n_roles == 0)
		return REFUSE("no role is configured on this host, so no signature can count");
	if (j->input->n_signatures == 0 || j->input->n_signatures > SIGNATURES_MAX)
		return REFUSE("a bundle has between 1 and %d signatures, this one %zu", SIGNATURES_MAX,
			      j->input->n_signatures);
	return 0;
}

CHECK_ROW(check_threshold)
{
	const struct trust_result *result = subject->bundle->result;
	const struct trust_result_role *role = &result->roles[subject->bundle->role];
	unsigned int keys = trust_result_keys(result, role->signers);

	if (keys < role->threshold)
		return REFUSE("role %s needs %u distinct keys and only %u signed", role->name,
			      role->threshold, keys);
	return 0;
}

/* --- what was revoked --------------------------------------------------------------------------------- */

/* The next revocation that is about bundles of this name, from *at on; NULL: there is none. First those of
 * the trust directories, then those of the registry, which are about all. */
static const struct revocation *next_revocation(const struct judgement *j, size_t *at)
{
	const struct trust *trust = j->trust;

	for (; *at < trust->n_revoked; ++*at)
		for (size_t role = 0; role < trust->n_roles; role++)
			if ((trust->revoked_by[*at] & 1U << role) &&
			    role_lists(&trust->roles[role], j->spec->name))
				return &trust->revoked[(*at)++];
	if (*at - trust->n_revoked < j->input->n_revoked)
		return &j->input->revoked[(*at)++ - trust->n_revoked];
	return NULL;
}

static const struct revocation *find_revocation(const struct judgement *j, uint32_t kind,
						const uint8_t digest[DIGEST_SIZE])
{
	const struct revocation *r;
	size_t at = 0;

	while ((r = next_revocation(j, &at)))
		if (r->kind == kind && !memcmp(r->digest, digest, DIGEST_SIZE))
			return r;
	return NULL;
}

static const struct revocation *find_revoked_signer(const struct judgement *j,
						    const struct cms_signer *signer)
{
	const struct revocation *r = find_revocation(j, REVOKED_KEY, signer->key);

	if (!r)
		r = find_revocation(j, REVOKED_CERTIFICATE, signer->certificate);
	return r ? r : find_revocation(j, REVOKED_CERTIFICATE, signer->twin);
}

const struct revocation *trust_revoked_signer(const struct trust *trust, const struct spec *spec,
					      const struct cms_signer *signer)
{
	const struct trust_input none = {};
	const struct judgement j = { .trust = trust, .input = &none, .spec = spec };

	return find_revoked_signer(&j, signer);
}

CHECK_ROW(check_revoked_keys)
{
	const struct judgement *j = subject->bundle;
	const struct trust_result_role *role = &j->result->roles[j->role];
	const struct revocation *revoked = NULL;
	const char *whose = "";
	uint32_t good = role->signers;
	unsigned int left;

	for (uint32_t i = 0; i < j->result->n_signers; i++) {
		const struct revocation *r;

		if (!(role->signers & 1U << i))
			continue;
		r = find_revoked_signer(j, &j->result->signers[i]);
		if (!r)
			continue;
		good &= ~(1U << i);
		revoked = r;
		whose = j->result->signers[i].subject;
	}
	left = trust_result_keys(j->result, good);
	if (!revoked || left >= role->threshold)
		return 0;
	return REFUSE("role %s needs %u distinct keys and only %u signed that are not revoked; the %s of %s "
		      "is%s%s",
		      role->name, role->threshold, left, revocation_kind_name(revoked->kind), whose,
		      revoked->reason[0] ? ": " : "", revoked->reason);
}

static int refuse_revoked(const struct judgement *j, const char *what, const struct revocation *revoked,
			  const char *rule, struct refusal *refusal)
{
	char name[PROBE_NAME_MAX + 24];

	spec_bundle_name(j->spec, name, sizeof(name));
	return refusal_set(refusal, REFUSAL_REVOKED, name, "%s was revoked%s%s (%s)", what ? what : name,
			   revoked->reason[0] ? ": " : "", revoked->reason, rule);
}

CHECK_ROW(check_revoked_bundle)
{
	const struct judgement *j = subject->bundle;
	const struct revocation *r;
	size_t at = 0;

	while ((r = next_revocation(j, &at)))
		if ((r->kind == REVOKED_BUNDLE ? r->serial == j->spec->serial
					       : r->kind == REVOKED_BELOW && j->spec->serial < r->serial) &&
		    !strcmp(r->name, j->spec->name))
			return refuse_revoked(j, NULL, r, rule, refusal);
	return 0;
}

CHECK_ROW(check_revoked_files)
{
	const struct judgement *j = subject->bundle;

	for (uint32_t i = 0; i < j->spec->n_files; i++) {
		const struct revocation *r = find_revocation(j, REVOKED_FILE, j->spec->files[i].digest);

		if (r)
			return refuse_revoked(j, j->spec->files[i].name, r, rule, refusal);
	}
	return 0;
}

/* --- what they may sign ------------------------------------------------------------------------------- */

CHECK_ROW(check_name)
{
	const struct judgement *j = subject->bundle;
	const struct role *role = &j->trust->roles[j->role];

	if (!role_lists(role, j->spec->name))
		return REFUSE("role %s may not sign %s", role->name, j->spec->name);
	return 0;
}

CHECK_ROW(check_required_roles)
{
	const struct judgement *j = subject->bundle;
	const struct trust_result *result = j->result;

	for (uint32_t i = 0; i < j->spec->n_roles; i++) {
		const char *name = j->spec->roles[i];
		uint32_t n = 0;

		while (n < result->n_roles && strcmp(result->roles[n].name, name) != 0)
			n++;
		if (n == result->n_roles)
			return REFUSE(
				"the bundle must be signed by role %s, which is not configured on this host",
				name);
		if (!(result->met & 1U << n))
			return REFUSE("the bundle must be signed by role %s as well: %u of %u keys did", name,
				      trust_result_keys(result, result->roles[n].signers),
				      result->roles[n].threshold);
	}
	return 0;
}

CHECK_ROW(check_not_after)
{
	const struct judgement *j = subject->bundle;
	int64_t not_after = (int64_t)j->spec->not_after;

	if (!not_after || (not_after >= j->input->now && not_after >= j->input->known))
		return 0;
	return REFUSE(
		"the signers limited the bundle's life, and it is over (not-after)%s; ask for a newer serial",
		not_after < j->input->now ? "" : CMS_BEHIND);
}

/* --- the verdict -------------------------------------------------------------------------------------- */

/* Nothing of the manifest is looked at here. */
static int judge_signatures(struct judgement *j, struct refusal *refusal)
{
	const struct check_subject subject = { .bundle = j };
	struct refusal best = {};
	int r;

	r = checks_run(CHECK_SET, &subject, refusal);
	if (!r)
		r = trust_meet_thresholds(j, &best);
	if (r)
		return r;
	if (j->result->met)
		return 0;
	if (refusal)
		*refusal = best;
	return REFUSAL_SIGNATURE_INVALID;
}

static int judge_manifest(struct judgement *j, uint32_t *ret_may, struct refusal *refusal)
{
	const struct check_subject subject = { .bundle = j };
	struct refusal best = {};
	uint32_t listing = 0;

	j->result->met = roles_that_pass(j, j->result->met, CHECK_KEYS, &best);
	if (j->result->met)
		listing = roles_that_pass(j, j->result->met, CHECK_NAME, &best);
	if (!listing) {
		if (refusal)
			*refusal = best;
		return REFUSAL_SIGNATURE_INVALID;
	}
	*ret_may = 0;
	for (uint32_t i = 0; i < j->result->n_roles; i++)
		*ret_may |= listing & 1U << i ? j->result->roles[i].may : 0;
	return checks_run(CHECK_BUNDLE, &subject, refusal);
}

/* Until when the passing of time alone cannot change the verdict. */
static int64_t valid_until(const struct judgement *j)
{
	int64_t until = j->spec->not_after ? (int64_t)j->spec->not_after : INT64_MAX;

	for (uint32_t i = 0; i < j->result->n_signers; i++)
		until = earlier(until, j->result->signers[i].valid_until);
	return until;
}

int trust_verify(const struct trust *trust, const struct trust_input *input, struct trust_verdict *ret,
		 struct trust_result *ret_result, struct refusal *refusal)
{
	_cleanup_free_ struct trust_verdict *verdict = calloc(1, sizeof(*verdict));
	struct trust_result result = {};
	struct judgement j = { .trust = trust, .input = input, .result = ret_result ? ret_result : &result };
	int r;

	*j.result = result;
	if (!verdict ||
	    !EVP_Digest(input->manifest, input->manifest_size, verdict->digest, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	r = judge_signatures(&j, refusal);
	if (!r)
		r = manifest_parse(input->manifest, input->manifest_size, &verdict->spec, refusal);
	if (r)
		return r;
	j.spec = &verdict->spec;
	r = judge_manifest(&j, &verdict->may, refusal);
	if (r)
		return r;
	verdict->valid_until = valid_until(&j);
	if (ret)
		*ret = *verdict;
	return 0;
}
