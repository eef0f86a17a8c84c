/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/bundle/verbs.h"
#include "signing/trust.h"

static void print_signer(const struct cms_signer *s)
{
	time_t until = (time_t)s->not_after;
	char text[32] = "?";
	struct tm tm;

	if (gmtime_r(&until, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	printf("    %s, %s, key ", s->subject, cms_algorithm_name(s->algorithm));
	for (size_t i = 0; i < 8; i++)
		printf("%02x", s->key[i]);
	printf(", certificate until %s\n", text);
}

/* Every role that some signature counts for, met or not. */
static void print_roles(const struct trust_result *result)
{
	for (uint32_t i = 0; i < result->n_roles; i++) {
		uint32_t signers = result->roles[i].signers;

		if (!signers)
			continue;
		printf("  %u of %u signatures for role %s%s\n", trust_result_keys(result, signers),
		       result->roles[i].threshold, result->roles[i].name,
		       result->met & 1U << i ? "" : ": too few");
		for (uint32_t j = 0; j < result->n_signers; j++)
			if (signers & 1U << j)
				print_signer(&result->signers[j]);
	}
}

static int verify(const struct bundle *b, const struct trust *trust, struct refusal *refusal)
{
	struct trust_signature signatures[SIGNATURES_MAX];
	const struct trust_input input = { .manifest = b->manifest.bytes,
					   .manifest_size = b->manifest.size,
					   .signatures = signatures,
					   .n_signatures = b->n_signatures,
					   .now = time(NULL) };
	_cleanup_free_ struct trust_verdict *verdict = malloc(sizeof(*verdict));
	struct trust_result result;
	uint32_t may;
	int r;

	if (!verdict)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_signatures; i++)
		signatures[i] = (struct trust_signature){ b->signatures[i].bytes, b->signatures[i].size };
	r = trust_verify(trust, &input, verdict, &result, refusal);
	print_roles(&result);
	if (r)
		return r;
	may = verdict->may;
	printf("  may be enrolled for %s%s%s\n", may & TRUST_MAY_ENROLL_PRODUCTION ? "production" : "",
	       (may & TRUST_MAY_ENROLL_PRODUCTION) && (may & TRUST_MAY_ENROLL_EXPERIMENTAL) ? " and " : "",
	       may & TRUST_MAY_ENROLL_EXPERIMENTAL ? "experimental"
	       : may & TRUST_MAY_ENROLL_PRODUCTION ? ""
						   : "nothing");
	return 0;
}

static int verify_path(const char *path, const char *directory)
{
	const char *const own[] = { directory, NULL };
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	struct refusal refusal = {};
	int r;

	r = trust_load(directory ? own : trust_directories, directory ? geteuid() : 0, &trust, &refusal);
	if (r)
		return tell(directory ? directory : "trust", r, &refusal);
	r = bundle_read(path, &b, &refusal);
	if (r)
		return tell(path, r, &refusal);
	printf("%s-%" PRIu64 ": %zu files are those of the manifest, %zu signature%s\n", b->spec.name,
	       b->spec.serial, b->n_files, b->n_signatures, b->n_signatures == 1 ? "" : "s");
	r = verify(b, trust, &refusal);
	if (r)
		return tell(path, r, &refusal);
	printf("%s-%" PRIu64 ": accepted\n", b->spec.name, b->spec.serial);
	return EXIT_OK;
}

int verb_verify(const struct bundle_verb *verb, int argc, char **argv)
{
	static const struct option options[] = {
		{ "trust", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	const char *directory = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
		switch (c) {
		case 't':
			directory = optarg;
			break;
		case 'h':
			tell_help(verb);
			return EXIT_OK;
		default:
			return tell_usage(verb, "%s is no option here, or lacks its value", argv[optind - 1]);
		}
	if (argc - optind != 1)
		return tell_usage(verb, "one bundle is needed");
	return verify_path(argv[optind], directory);
}

int verb_inspect(const struct bundle_verb *verb, int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	struct refusal refusal = {};
	bool json = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) >= 0)
		switch (c) {
		case 'o':
			json = !strcmp(optarg, "json");
			if (!json && strcmp(optarg, "text"))
				return tell_usage(verb, "-o takes text or json, not \"%s\"", optarg);
			break;
		case 'h':
			tell_help(verb);
			return EXIT_OK;
		default:
			return tell_usage(verb, "%s is no option here, or lacks its value", argv[optind - 1]);
		}
	if (argc - optind != 1)
		return tell_usage(verb, "one bundle is needed");
	r = bundle_read(argv[optind], &b, &refusal);
	if (r)
		return tell(argv[optind], r, &refusal);
	if (json)
		inspect_json(b);
	else
		inspect_text(b);
	return EXIT_OK;
}
