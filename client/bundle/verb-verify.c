/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon would say to a bundle, and of each signature whether it counts. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/bundle/verbs.h"
#include "common/digest.h"
#include "signing/trust.h"

/* A signature by itself. */
struct verified_signature {
	const char *file;
	bool counts;
	struct refusal refusal; /* if not, unless same_key says why */
	const char *same_key;   /* file of an earlier one by the same key, or NULL */
	bool known;             /* some role accepts it, revoked or not: */
	struct cms_signer signer;
};

struct verification {
	const struct bundle *bundle;
	struct trust_result result;
	struct trust_verdict verdict; /* if code is 0 */
	uint32_t revoked;             /* bit n: result.signers[n] is */
	int code;                     /* of trust_verify(), not negative */
	struct refusal refusal;
	size_t n;
	struct verified_signature signatures[SIGNATURES_MAX];
};

static void set_revoked(struct verified_signature *s, const struct revocation *r)
{
	refusal_set(&s->refusal, REFUSAL_SIGNATURE_INVALID, "T14", "the signer's %s was revoked%s%s",
		    revocation_kind_name(r->kind), *r->reason ? ": " : "", r->reason);
}

/* Holds signature i alone against trust: who made it cannot depend on the others. */
static int verify_one(const struct trust *trust, const struct trust_input *input, struct verification *v,
		      size_t i)
{
	struct verified_signature *s = &v->signatures[i];
	const struct revocation *revoked;
	struct trust_input alone = *input;
	struct trust_result result = {};
	int r;

	alone.signatures += i;
	alone.n_signatures = 1;
	s->file = v->bundle->signatures[i].name;
	r = trust_verify(trust, &alone, NULL, &result, &s->refusal);
	if (r < 0)
		return r;
	if (!result.n_signers)
		return 0;
	s->known = true;
	s->signer = result.signers[0];
	revoked = trust_revoked_signer(trust, &v->bundle->spec, &s->signer);
	if (revoked) {
		set_revoked(s, revoked);
		return 0;
	}
	for (size_t j = 0; j < i && !s->same_key; j++)
		if (v->signatures[j].counts &&
		    !memcmp(v->signatures[j].signer.key, s->signer.key, DIGEST_SIZE))
			s->same_key = v->signatures[j].file;
	s->counts = !s->same_key;
	return 0;
}

static int verify(const struct trust *trust, struct verification *v)
{
	const struct bundle *b = v->bundle;
	struct trust_signature signatures[SIGNATURES_MAX];
	struct trust_input input = {
		.manifest = b->manifest.bytes,
		.manifest_size = b->manifest.size,
		.signatures = signatures,
		.n_signatures = b->n_signatures,
		.now = time(NULL),
	};
	int r = 0;

	for (size_t i = 0; i < b->n_signatures; i++)
		signatures[i] = (struct trust_signature){ b->signatures[i].bytes, b->signatures[i].size };
	v->code = trust_verify(trust, &input, &v->verdict, &v->result, &v->refusal);
	if (v->code < 0)
		return v->code;
	for (uint32_t i = 0; i < v->result.n_signers; i++)
		v->revoked |= trust_revoked_signer(trust, &b->spec, &v->result.signers[i]) ? 1U << i : 0;
	for (v->n = 0; !r && v->n < b->n_signatures; v->n++)
		r = verify_one(trust, &input, v, v->n);
	return r;
}

/* ---- text ---- */

static void print_signature(const struct verified_signature *s)
{
	char until[DATE_TEXT_MAX], key[DIGEST_HEX_MAX];

	if (s->counts)
		printf("  %s: %s, %s, certificate until %s\n", s->file, s->signer.subject,
		       cms_algorithm_name(s->signer.algorithm), date_text(s->signer.not_after, until));
	else if (s->same_key)
		printf("  %s does not count: %s, by the same key as %s (T10)\n", s->file, s->signer.subject,
		       s->same_key);
	else
		printf("  %s does not count: %s%s%s (%s)\n", s->file, s->known ? s->signer.subject : "",
		       s->known ? ": " : "", s->refusal.reason, s->refusal.subject);
	if (s->known)
		printf("    key %s\n", digest_to_hex(s->signer.key, key));
}

/* A role is of interest if somebody signed as it, or if the bundle asks for it. */
static bool concerns(const struct verification *v, const struct trust_result_role *role)
{
	const struct spec *spec = &v->bundle->spec;

	for (uint32_t i = 0; i < spec->n_roles; i++)
		if (!strcmp(spec->roles[i], role->name))
			return true;
	return role->signers != 0;
}

static unsigned int count(const struct verification *v, const struct trust_result_role *role)
{
	return trust_result_keys(&v->result, role->signers & ~v->revoked);
}

static void print_roles(const struct verification *v)
{
	for (uint32_t i = 0; i < v->result.n_roles; i++) {
		const struct trust_result_role *role = &v->result.roles[i];

		if (concerns(v, role))
			printf("  %u of %u signature%s for role %s%s\n", count(v, role), role->threshold,
			       role->threshold == 1 ? "" : "s", role->name,
			       count(v, role) < role->threshold ? ": too few" : "");
	}
}

static void print_may(const struct verification *v)
{
	uint32_t may = v->verdict.may;
	bool both = (may & TRUST_MAY_ENROLL_PRODUCTION) && (may & TRUST_MAY_ENROLL_EXPERIMENTAL);
	char until[DATE_TEXT_MAX];

	printf("  may be enrolled for %s%s%s%s", may & TRUST_MAY_ENROLL_PRODUCTION ? "production" : "",
	       both ? " and " : "", may & TRUST_MAY_ENROLL_EXPERIMENTAL ? "experimental" : "",
	       may & (TRUST_MAY_ENROLL_PRODUCTION | TRUST_MAY_ENROLL_EXPERIMENTAL) ? "" : "nothing");
	if (v->verdict.valid_until != INT64_MAX)
		printf(", until %s at the latest", date_text(v->verdict.valid_until, until));
	printf("\n");
}

static void report_text(const struct verification *v)
{
	const struct bundle *b = v->bundle;

	printf("%s-%" PRIu64 ": %zu files are those of the manifest, %zu signature%s\n", b->spec.name,
	       b->spec.serial, b->n_files, b->n_signatures, b->n_signatures == 1 ? "" : "s");
	for (size_t i = 0; i < v->n; i++)
		print_signature(&v->signatures[i]);
	print_roles(v);
	if (v->code)
		return;
	print_may(v);
	printf("%s-%" PRIu64 ": accepted\n", b->spec.name, b->spec.serial);
}

/* ---- JSON ---- */

static json_t *hex_json(const uint8_t digest[DIGEST_SIZE])
{
	char hex[DIGEST_HEX_MAX];

	return json_string(digest_to_hex(digest, hex));
}

static json_t *refusal_json(const struct refusal *refusal)
{
	return json_pack("{s:s, s:s, s:s}", "error", refusal_name(refusal->code),
			 refusal_subject_key(refusal->code), refusal->subject, "reason", refusal->reason);
}

static json_t *signature_json(const struct verified_signature *s)
{
	json_t *object = json_pack("{s:s, s:b}", "file", s->file, "counts", s->counts);

	if (s->known)
		json_object_update_new(object,
				       json_pack("{s:s, s:s, s:o, s:o, s:I}", "subject", s->signer.subject,
						 "algorithm", cms_algorithm_name(s->signer.algorithm), "key",
						 hex_json(s->signer.key), "certificate",
						 hex_json(s->signer.certificate), "not_after",
						 (json_int_t)s->signer.not_after));
	if (s->same_key)
		json_object_set_new(object, "same_key_as", json_string(s->same_key));
	else if (!s->counts)
		json_object_set_new(object, "refusal", refusal_json(&s->refusal));
	return object;
}

static json_t *roles_json(const struct verification *v)
{
	json_t *roles = json_array();

	for (uint32_t i = 0; i < v->result.n_roles; i++) {
		const struct trust_result_role *role = &v->result.roles[i];

		if (concerns(v, role))
			json_array_append_new(roles, json_pack("{s:s, s:I, s:I, s:b}", "role", role->name,
							       "signatures", (json_int_t)count(v, role),
							       "threshold", (json_int_t)role->threshold,
							       "met", (v->result.met & 1U << i) != 0));
	}
	return roles;
}

static json_t *enroll_json(uint32_t may)
{
	json_t *channels = json_array();

	if (may & TRUST_MAY_ENROLL_PRODUCTION)
		json_array_append_new(channels, json_string("production"));
	if (may & TRUST_MAY_ENROLL_EXPERIMENTAL)
		json_array_append_new(channels, json_string("experimental"));
	return channels;
}

static void report_json(const struct verification *v)
{
	json_t *signatures = json_array();
	json_t *root = json_pack("{s:s, s:I, s:b}", "bundle", v->bundle->spec.name, "serial",
				 (json_int_t)v->bundle->spec.serial, "accepted", v->code == 0);

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(signatures, signature_json(&v->signatures[i]));
	json_object_set_new(root, "signatures", signatures);
	json_object_set_new(root, "roles", roles_json(v));
	if (v->code) {
		json_object_set_new(root, "refusal", refusal_json(&v->refusal));
	} else {
		json_object_set_new(root, "digest", hex_json(v->verdict.digest));
		json_object_set_new(root, "enroll", enroll_json(v->verdict.may));
		if (v->verdict.valid_until != INT64_MAX)
			json_object_set_new(root, "valid_until",
					    json_integer((json_int_t)v->verdict.valid_until));
	}
	json_dumpf(root, stdout, JSON_COMPACT);
	printf("\n");
	json_decref(root);
}

static int verify_path(const char *path, const char *directory, bool json)
{
	_cleanup_free_ struct verification *v = calloc(1, sizeof(*v));
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	struct refusal refusal = {};
	int r;

	if (!v)
		return tell(path, -ENOMEM, NULL);
	r = load_trust(directory, &trust);
	if (r)
		return r;
	r = bundle_read(path, &b, &refusal);
	if (r)
		return tell(path, r, &refusal);
	v->bundle = b;
	r = verify(trust, v);
	if (r)
		return tell(path, r, NULL);
	(json ? report_json : report_text)(v);
	if (!v->code)
		return EXIT_OK;
	return json ? refusal_exit_code(v->refusal.code) : tell(path, v->code, &v->refusal);
}

int verb_verify(const struct bundle_verb *verb, int argc, char **argv)
{
	static const struct option options[] = {
		{ "trust", required_argument, NULL, 't' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	const char *directory = NULL;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) >= 0)
		switch (c) {
		case 't':
			directory = optarg;
			break;
		case 'o':
			if (!output_is_json(verb, optarg, &json))
				return EXIT_USAGE;
			break;
		case 'h':
			tell_help(verb);
			return EXIT_OK;
		default:
			return tell_usage(verb, "%s is no option here, or lacks its value", argv[optind - 1]);
		}
	if (argc - optind != 1)
		return tell_usage(verb, "one bundle is needed");
	return verify_path(argv[optind], directory, json);
}
