/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signs the probes that the build has made, with a key that exists in this process only, as the kernel's
 * build does with its modules; or with a real one that the build names.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "client/bundle/verbs.h"
#include "common/fd.h"

#define SIGNER       "standard"
#define COMMON_NAME  "bpfwarden standard probes"
#define PEM_SIZE_MAX (64U << 10)

struct standard_arguments {
	const char *out, *trust, *key, *cert, *ca;
};

enum { OPTION_OUT = 256, OPTION_TRUST, OPTION_KEY, OPTION_CERT, OPTION_CA };

/* -1: go on; otherwise the exit code. */
static int parse(const struct bundle_verb *verb, int argc, char **argv, struct standard_arguments *a)
{
	static const struct option options[] = {
		{ "out", required_argument, NULL, OPTION_OUT },
		{ "trust", required_argument, NULL, OPTION_TRUST },
		{ "key", required_argument, NULL, OPTION_KEY },
		{ "cert", required_argument, NULL, OPTION_CERT },
		{ "ca", required_argument, NULL, OPTION_CA },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	const char **const values[] = { &a->out, &a->trust, &a->key, &a->cert, &a->ca };
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h') {
			tell_help(verb);
			return EXIT_OK;
		}
		if (c < OPTION_OUT || c > OPTION_CA)
			return tell_usage(verb, "%s is no option here, or lacks its value", argv[optind - 1]);
		*values[c - OPTION_OUT] = optarg;
	}
	if (!a->out || !a->trust || optind >= argc)
		return tell_usage(verb, "--out, --trust and bundles are needed");
	if (!a->key != !a->cert || !a->key != !a->ca)
		return tell_usage(verb, "--key, --cert and --ca go together");
	return -1;
}

static int write_certificate(const char *directory, const char *pem)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	if ((mkdir(directory, 0755) < 0 && errno != EEXIST) ||
	    (size_t)snprintf(path, sizeof(path), "%s/" SIGNER ".pem", directory) >= sizeof(path))
		return tell(directory, -errno, NULL);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fd_write_all(fd, pem, strlen(pem));
	return r ? tell(path, r, NULL) : EXIT_OK;
}

/* DIR/NAME/SERIAL/ */
static int write_bundle(const struct bundle *b, const char *out)
{
	char parent[PATH_MAX], path[PATH_MAX];
	int r;

	if ((size_t)snprintf(parent, sizeof(parent), "%s/%s", out, b->spec.name) >= sizeof(parent) ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s/%" PRIu64 "/", out, b->spec.name, b->spec.serial) >=
		    sizeof(path))
		return tell(out, -ENAMETOOLONG, NULL);
	if ((mkdir(out, 0755) < 0 && errno != EEXIST) || (mkdir(parent, 0755) < 0 && errno != EEXIST))
		return tell(parent, -errno, NULL);
	r = bundle_write_directory(b, path);
	return r ? tell(path, r, NULL) : EXIT_OK;
}

static int sign_path(const char *path, const struct signing_key *key, const char *out)
{
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	struct refusal refusal = {};
	int r;

	r = bundle_read(path, &b, &refusal);
	if (r)
		return tell(path, r, &refusal);
	r = sign_bundle(b, key, SIGNER);
	return r ? r : write_bundle(b, out);
}

/* The key, and the PEM of the authority that others are to trust. */
static int get_key(const struct standard_arguments *a, struct signing_key **ret_key, char **ret_ca)
{
	_cleanup_free_ char *leaf = NULL;
	size_t size;
	int r;

	if (!a->key) {
		r = signing_make_throwaway(COMMON_NAME, time(NULL), ret_key, &leaf, ret_ca);
		return r ? tell("key", r, NULL) : EXIT_OK;
	}
	r = read_key(a->key, a->cert, ret_key);
	if (r)
		return r;
	r = read_path(a->ca, PEM_SIZE_MAX, ret_ca, &size);
	return r ? tell(a->ca, r, NULL) : EXIT_OK;
}

int verb_standard(const struct bundle_verb *verb, int argc, char **argv)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	_cleanup_free_ char *ca = NULL;
	struct standard_arguments a = {};
	int r;

	r = parse(verb, argc, argv, &a);
	if (r >= 0)
		return r;
	r = get_key(&a, &key, &ca);
	for (int i = optind; !r && i < argc; i++)
		r = sign_path(argv[i], key, a.out);
	return r ? r : write_certificate(a.trust, ca);
}
