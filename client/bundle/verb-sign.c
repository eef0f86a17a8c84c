/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/bundle/build.h"
#include "client/bundle/verbs.h"
#include "format/manifest.h"

#define PEM_SIZE_MAX (64U << 10)

int read_key(const char *key_path, const char *cert_path, struct signing_key **ret)
{
	_cleanup_free_ char *key = NULL, *cert = NULL;
	struct refusal refusal = {};
	size_t key_size, cert_size;
	int r;

	r = read_path(key_path, PEM_SIZE_MAX, &key, &key_size);
	if (r)
		return tell(key_path, r, NULL);
	r = read_path(cert_path, PEM_SIZE_MAX, &cert, &cert_size);
	if (!r)
		r = signing_key_from_pem(key, key_size, cert, cert_size, ret, &refusal);
	explicit_bzero(key, key_size);
	return r ? tell(r == REFUSAL_INVALID_ARGUMENT && !strcmp(refusal.subject, "key") ? key_path
											 : cert_path,
			r, &refusal)
		 : EXIT_OK;
}

int sign_bundle(struct bundle *b, const struct signing_key *key, const char *signer)
{
	_cleanup_free_ uint8_t *der = NULL;
	char name[PROBE_NAME_MAX + 21];
	struct refusal refusal = {};
	size_t size;
	int r;

	spec_bundle_name(&b->spec, name, sizeof(name));
	r = bundle_attest(b, &refusal);
	if (!r)
		r = cms_sign(key, b->manifest.bytes, b->manifest.size, time(NULL), &der, &size, &refusal);
	if (r)
		return tell(name, r, &refusal);
	r = bundle_add_signature(b, signer, der, size);
	if (r == -EEXIST)
		r = refusal_set(&refusal, REFUSAL_INVALID_ARGUMENT, "signer",
				"%s has already signed: --signer gives this signature another name", signer);
	else if (r == -EINVAL)
		r = refusal_set(&refusal, REFUSAL_INVALID_ARGUMENT, "signer",
				"\"%s\" is not a short name of a-z, 0-9, '.', '_' and '-'", signer);
	else if (r == -E2BIG)
		r = refusal_set(&refusal, REFUSAL_BUNDLE_INVALID, "C4",
				"there is no room for another signature");
	return r ? tell(name, r, &refusal) : EXIT_OK;
}

struct sign_arguments {
	const char *path, *key, *cert, *signer;
};

enum { OPTION_KEY = 256, OPTION_CERT, OPTION_SIGNER };

/* -1: go on; otherwise the exit code. */
static int parse(const struct bundle_verb *verb, int argc, char **argv, struct sign_arguments *a)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, OPTION_KEY },
		{ "cert", required_argument, NULL, OPTION_CERT },
		{ "signer", required_argument, NULL, OPTION_SIGNER },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
		switch (c) {
		case OPTION_KEY:
			a->key = optarg;
			break;
		case OPTION_CERT:
			a->cert = optarg;
			break;
		case OPTION_SIGNER:
			a->signer = optarg;
			break;
		case 'h':
			tell_help(verb);
			return EXIT_OK;
		default:
			return tell_usage(verb, "%s is no option here, or lacks its value", argv[optind - 1]);
		}
	if (argc - optind != 1 || !a->key || !a->cert)
		return tell_usage(verb, "a bundle, --key and --cert are needed");
	a->path = argv[optind];
	return -1;
}

/* Without --signer: the certificate's file name, "keys/alice.pem" → "alice". */
static void default_signer(const char *cert, char *buffer, size_t size)
{
	const char *base = strrchr(cert, '/');
	size_t n = 0;

	for (base = base ? base + 1 : cert;
	     *base && strcmp(base, ".pem") && strcmp(base, ".crt") && n + 1 < size; base++)
		buffer[n++] = *base >= 'A' && *base <= 'Z' ? (char)(*base + 32) : *base;
	buffer[n] = '\0';
}

int verb_sign(const struct bundle_verb *verb, int argc, char **argv)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	struct refusal refusal = {};
	struct sign_arguments a = {};
	char signer[OBJECT_NAME_MAX];
	int r;

	r = parse(verb, argc, argv, &a);
	if (r >= 0)
		return r;
	r = bundle_read(a.path, &b, &refusal);
	if (r)
		return tell(a.path, r, &refusal);
	r = read_key(a.key, a.cert, &key);
	if (r)
		return r;
	if (!a.signer)
		default_signer(a.cert, signer, sizeof(signer));
	r = sign_bundle(b, key, a.signer ? a.signer : signer);
	if (r)
		return r;
	r = bundle_write(b, a.path);
	if (r)
		return tell(a.path, r, NULL);
	printf("%s: signed as %s\n", a.path, a.signer ? a.signer : signer);
	return EXIT_OK;
}
