/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/bundle/build.h"
#include "client/bundle/verbs.h"
#include "format/manifest.h"

/* A key in a token. What is refused of it is told without the URI, which may hold a PIN. */
static int read_token_key(const char *uri, const char *cert_path, struct signing_key **ret)
{
	_cleanup_free_ char *cert = NULL;
	struct refusal refusal = {};
	size_t cert_size;
	int r;

	r = read_path(cert_path, PEM_SIZE_MAX, &cert, &cert_size);
	if (r)
		return tell(cert_path, r, NULL);
	r = signing_key_from_uri(uri, cert, cert_size, ret, &refusal);
	if (!r)
		return EXIT_OK;
	return tell(r > 0 && !strcmp(refusal.subject, "certificate") ? cert_path : "--key", r, &refusal);
}

int read_key(const char *key_path, const char *cert_path, struct signing_key **ret)
{
	_cleanup_free_ char *key = NULL, *cert = NULL;
	struct refusal refusal = {};
	size_t key_size, cert_size;
	int r;

	if (signing_key_is_uri(key_path))
		return read_token_key(key_path, cert_path, ret);
	r = read_path(key_path, PEM_SIZE_MAX, &key, &key_size);
	if (r)
		return tell(key_path, r, NULL);
	r = read_path(cert_path, PEM_SIZE_MAX, &cert, &cert_size);
	if (r) {
		explicit_bzero(key, key_size);
		return tell(cert_path, r, NULL);
	}
	r = signing_key_from_pem(key, key_size, cert, cert_size, ret, &refusal);
	explicit_bzero(key, key_size);
	if (!r)
		return EXIT_OK;
	return tell(r > 0 && !strcmp(refusal.subject, "key") ? key_path : cert_path, r, &refusal);
}

/* One key counts once, so a second signature by it is most likely a slip. */
static void tell_same_key(const struct bundle *b, const struct bundle_file *added, int64_t now)
{
	struct cms_signer signer, other;

	if (cms_check(added->bytes, added->size, b->manifest.bytes, b->manifest.size, NULL, 0, now, &signer,
		      NULL))
		return;
	for (size_t i = 0; i < b->n_signatures; i++) {
		const struct bundle_file *s = &b->signatures[i];

		if (s == added ||
		    cms_check(s->bytes, s->size, b->manifest.bytes, b->manifest.size, NULL, 0, now, &other,
			      NULL) ||
		    memcmp(signer.key, other.key, DIGEST_SIZE) != 0)
			continue;
		fprintf(stderr, "bpfwarden: %s is by the same key: both together count as one signer\n",
			s->name);
	}
}

/* Rule K4. */
static bool signed_for_the_kernel(const struct bundle *b, const void *der, size_t size)
{
	for (uint32_t i = 0; i < b->spec.n_variants; i++) {
		uint32_t ksig = b->spec.variants[i].ksig;

		if (ksig < b->n_files &&
		    ksig_is_by_signer(b->files[ksig].bytes, b->files[ksig].size, der, size))
			return true;
	}
	return false;
}

int add_signature(struct bundle *b, const char *signer, const void *der, size_t size, struct refusal *refusal)
{
	int r;

	if (signed_for_the_kernel(b, der, size))
		return refusal_set(
			refusal, REFUSAL_INVALID_ARGUMENT, "key",
			"this key signed the skeletons for the kernel: manifests are signed by another one "
			"(K4)");
	r = bundle_add_signature(b, signer, der, size);
	if (r == -EEXIST)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "signer",
				   "%s has already signed: --signer gives this signature another name",
				   signer);
	if (r == -EINVAL)
		return refusal_set(
			refusal, REFUSAL_INVALID_ARGUMENT, "signer",
			"\"%.60s\" is not a short name of a-z, 0-9, '.', '_' and '-': --signer NAME", signer);
	if (r == -E2BIG)
		return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, "C4",
				   "there is no room for another signature");
	if (!r)
		tell_same_key(b, &b->signatures[b->n_signatures - 1], time(NULL));
	return r;
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
	r = add_signature(b, signer, der, size, &refusal);
	return r ? tell(name, r, &refusal) : EXIT_OK;
}

enum { OPTION_KEY = 256, OPTION_CERT, OPTION_SIGNER, OPTION_PREPARE, OPTION_ATTACH };

/* -1: go on; otherwise the exit code. */
static int parse(const struct bundle_verb *verb, int argc, char **argv, struct sign_arguments *a)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, OPTION_KEY },
		{ "cert", required_argument, NULL, OPTION_CERT },
		{ "signer", required_argument, NULL, OPTION_SIGNER },
		{ "prepare", required_argument, NULL, OPTION_PREPARE },
		{ "attach", required_argument, NULL, OPTION_ATTACH },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	const char **const values[] = { &a->key, &a->cert, &a->signer, &a->prepare, &a->attach };
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h') {
			tell_help(verb);
			return EXIT_OK;
		}
		if (c < OPTION_KEY || c > OPTION_ATTACH)
			return tell_usage(verb, "%s is no option here, or lacks its value", argv[optind - 1]);
		*values[c - OPTION_KEY] = optarg;
	}
	if (argc - optind != 1)
		return tell_usage(verb, "one bundle is needed");
	if (!a->key + !a->prepare + !a->attach != 2)
		return tell_usage(verb, "one of --key, --prepare and --attach is needed");
	if (a->key && !a->cert)
		return tell_usage(verb, "--key needs the signer's certificate: --cert CERT");
	if (a->prepare && a->cert)
		return tell_usage(verb, "--cert is not for --prepare: whoever signs has it");
	a->path = argv[optind];
	return -1;
}

void signer_of_certificate(const char *cert, char *buffer, size_t size)
{
	const char *base = base_name(cert);
	size_t n = 0;

	for (; *base && strcmp(base, ".pem") && strcmp(base, ".crt") && n + 1 < size; base++)
		buffer[n++] = *base >= 'A' && *base <= 'Z' ? (char)(*base + 32) : *base;
	buffer[n] = '\0';
}

static int sign_here(const struct sign_arguments *a, struct bundle *b)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	char signer[OBJECT_NAME_MAX];
	int r;

	r = read_key(a->key, a->cert, &key);
	if (r)
		return r;
	if (!a->signer)
		signer_of_certificate(a->cert, signer, sizeof(signer));
	r = sign_bundle(b, key, a->signer ? a->signer : signer);
	if (r)
		return r;
	r = bundle_write(b, a->path);
	if (r)
		return tell(a->path, r, NULL);
	printf("%s: signed as %s\n", a->path, a->signer ? a->signer : signer);
	return EXIT_OK;
}

int verb_sign(const struct bundle_verb *verb, int argc, char **argv)
{
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	struct sign_arguments a = {};
	struct refusal refusal = {};
	int r;

	r = parse(verb, argc, argv, &a);
	if (r >= 0)
		return r;
	r = bundle_read(a.path, &b, &refusal);
	if (r)
		return tell(a.path, r, &refusal);
	if (a.prepare)
		return sign_prepare(&a, b);
	return a.attach ? sign_attach(&a, b) : sign_here(&a, b);
}
