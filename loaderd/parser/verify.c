/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/parser/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/fd.h"
#include "format/manifest.h"
#include "loaderd/sandbox.h"
#include "signing/trust.h"

/* The bytes of one request. */
struct input {
	char *manifest, *signatures[SIGNATURES_MAX];
	size_t manifest_size;
	struct trust_signature signature[SIGNATURES_MAX];
	size_t n_signatures;
};

static void input_clear(struct input *input)
{
	free(input->manifest);
	for (size_t i = 0; i < input->n_signatures; i++)
		free(input->signatures[i]);
}

int verify_prepare(void)
{
	static const char empty[] = MANIFEST_PREFIX "}";
	struct spec spec;
	int r;

	tzset();
	r = cms_initialize();
	if (r < 0)
		return r;
	r = manifest_parse(empty, sizeof(empty) - 1, &spec, NULL);
	return r < 0 ? r : 0;
}

static int read_sealed(int fd, size_t max, const char *what, const char *rule, enum refusal_code code,
		       char **ret, size_t *ret_size, struct refusal *refusal)
{
	int r = fd_check_sealed(fd);

	if (r >= 0)
		r = fd_read_all(fd, max, ret, ret_size);
	if (r == -ENOMEM)
		return r;
	if (r == -EFBIG)
		return refusal_set(refusal, code, rule, "%s has more than %zu bytes", what, max);
	if (r < 0)
		return refusal_set(refusal, code, rule, "%s cannot be read: %s", what, strerror(-r));
	return 0;
}

static int read_input(int manifest, const int *signatures, size_t n, struct input *input,
		      struct refusal *refusal)
{
	int r;

	if (n > SIGNATURES_MAX)
		return refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, "T9",
				   "a bundle has at most %d signatures", SIGNATURES_MAX);
	r = read_sealed(manifest, MANIFEST_SIZE_MAX, "the manifest", "M1", REFUSAL_BUNDLE_INVALID,
			&input->manifest, &input->manifest_size, refusal);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = read_sealed(signatures[i], SIGNATURE_SIZE_MAX, "a signature", "S1",
				REFUSAL_SIGNATURE_INVALID, &input->signatures[i], &input->signature[i].size,
				refusal);
		if (r)
			return r;
		input->signature[i].bytes = input->signatures[i];
		input->n_signatures = i + 1;
	}
	return 0;
}

/* The names of the roles that accepted, as the policy, the audit log and clients will see them. A name that
 * no longer fits is left out as a whole, and that there was one is said: then
 * rules do not know all. */
static void list_roles(const struct trust_result *result, char *buffer, size_t size)
{
	size_t n = 0, room = size - sizeof(" " MESSAGE_MORE_ROLES);
	bool all = true;

	buffer[0] = '\0';
	for (uint32_t i = 0; i < result->n_roles; i++) {
		const char *name = result->roles[i].name;

		if (!(result->met & (1U << i)))
			continue;
		if (n + strlen(name) + 1 > room)
			all = false;
		else
			n += (size_t)snprintf(buffer + n, size - n, "%s%s", n ? " " : "", name);
	}
	if (!all)
		snprintf(buffer + n, size - n, "%s%s", n ? " " : "", MESSAGE_MORE_ROLES);
}

/* Who signed for one of them, in the order of the signatures. */
static void list_signers(const struct trust_result *result, struct message_verified *ret)
{
	uint32_t counted = 0;

	for (uint32_t i = 0; i < result->n_roles; i++)
		if (result->met & (1U << i))
			counted |= result->roles[i].signers;
	for (uint32_t i = 0; i < result->n_signers && i < SIGNATURES_MAX; i++) {
		const struct cms_signer *signer = &result->signers[i];
		struct message_signer *to = &ret->signer[ret->n_signers];

		if (!(counted & (1U << i)))
			continue;
		memcpy(to->key, signer->key, DIGEST_SIZE);
		memcpy(to->certificate, signer->certificate, DIGEST_SIZE);
		memcpy(to->twin, signer->twin, DIGEST_SIZE);
		memcpy(to->subject, signer->subject, sizeof(to->subject));
		to->not_after = signer->not_after;
		ret->n_signers++;
	}
}

static int verify_input(const struct trust *trust, const struct input *input, int64_t now,
			const struct verify_request *request, struct message_verified *ret)
{
	_cleanup_free_ struct trust_verdict *verdict = calloc(1, sizeof(*verdict));
	struct trust_input question = { .manifest = input->manifest,
					.manifest_size = input->manifest_size,
					.signatures = input->signature,
					.n_signatures = input->n_signatures,
					.now = now,
					.known = request->known,
					.revoked = request->revoked,
					.n_revoked = request->n_revoked };
	struct trust_result result = { 0 };
	int r;

	if (!verdict)
		return -ENOMEM;
	r = trust_verify(trust, &question, verdict, &result, &ret->refusal);
	if (r)
		return r;
	memcpy(ret->digest, verdict->digest, DIGEST_SIZE);
	ret->may = verdict->may;
	ret->valid_until = verdict->valid_until;
	ret->spec = verdict->spec;
	list_roles(&result, ret->signers, sizeof(ret->signers));
	list_signers(&result, ret);
	return 0;
}

static int verify(const struct verify_options *options, const struct verify_request *request,
		  struct message_verified *ret)
{
	__attribute__((cleanup(input_clear))) struct input input = {};
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	int r;

	r = trust_load(options->directories, options->owner, &trust, &ret->refusal);
	if (r)
		return r;
	r = options->confine();
	if (r < 0)
		return r;
	r = read_input(request->manifest, request->signatures, request->n_signatures, &input, &ret->refusal);
	if (r)
		return r;
	return verify_input(trust, &input, options->now, request, ret);
}

int verify_bundle_with(const struct verify_options *options, const struct verify_request *request,
		       struct message_verified *ret)
{
	struct refusal refusal;
	int r;

	*ret = (struct message_verified){};
	r = verify(options, request, ret);
	if (r == 0)
		return 0;
	refusal = ret->refusal;
	*ret = (struct message_verified){ .refusal = refusal };
	if (r < 0)
		refusal_set(&ret->refusal, REFUSAL_UNAVAILABLE, "parser",
			    "the bundle could not be looked at: %s", strerror(-r));
	return r;
}

int verify_bundle(const struct verify_request *request, struct message_verified *ret)
{
	const struct verify_options options = {
		.directories = trust_directories,
		.now = time(NULL),
		.confine = sandbox_enter_parser_child,
	};

	return verify_bundle_with(&options, request, ret);
}
