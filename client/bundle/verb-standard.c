/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signs the probes that the build has made, with keys that exist in this process only, as the kernel's build
 * does with its modules; or with real ones that the build names. One signs the manifests, another what the
 * kernel checks: that signature has no signed attributes, and no key may make both kinds.
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

#include "client/bundle/build.h"
#include "client/bundle/verbs.h"
#include "common/fd.h"

#define SIGNER       "standard"
#define COMMON_NAME  "bpfwarden standard probes"
#define KERNEL_NAME  "bpfwarden standard probes: kernel"
#define PEM_SIZE_MAX (64U << 10)

struct standard_arguments {
	const char *out, *trust, *key, *cert, *ca, *kernel, *kernel_key, *kernel_cert;
};

enum {
	OPTION_OUT = 256,
	OPTION_TRUST,
	OPTION_KEY,
	OPTION_CERT,
	OPTION_CA,
	OPTION_KERNEL,
	OPTION_KERNEL_KEY,
	OPTION_KERNEL_CERT,
};

/* -1: go on; otherwise the exit code. */
static int parse(const struct bundle_verb *verb, int argc, char **argv, struct standard_arguments *a)
{
	static const struct option options[] = {
		{ "out", required_argument, NULL, OPTION_OUT },
		{ "trust", required_argument, NULL, OPTION_TRUST },
		{ "key", required_argument, NULL, OPTION_KEY },
		{ "cert", required_argument, NULL, OPTION_CERT },
		{ "ca", required_argument, NULL, OPTION_CA },
		{ "kernel", required_argument, NULL, OPTION_KERNEL },
		{ "kernel-key", required_argument, NULL, OPTION_KERNEL_KEY },
		{ "kernel-cert", required_argument, NULL, OPTION_KERNEL_CERT },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	const char **const values[] = { &a->out, &a->trust,  &a->key,        &a->cert,
					&a->ca,  &a->kernel, &a->kernel_key, &a->kernel_cert };
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h') {
			tell_help(verb);
			return EXIT_OK;
		}
		if (c < OPTION_OUT || c > OPTION_KERNEL_CERT)
			return tell_usage(verb, "%s is no option here, or lacks its value", argv[optind - 1]);
		*values[c - OPTION_OUT] = optarg;
	}
	if (!a->out || !a->trust || !a->kernel || optind >= argc)
		return tell_usage(verb, "--out, --trust, --kernel and bundles are needed");
	if (!a->key != !a->cert || !a->key != !a->ca)
		return tell_usage(verb, "--key, --cert and --ca go together");
	if (!a->kernel_key != !a->kernel_cert)
		return tell_usage(verb, "--kernel-key and --kernel-cert go together");
	return -1;
}

/* DIRECTORY/standard.SUFFIX */
static int write_certificate(const char *directory, const char *suffix, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	if ((mkdir(directory, 0755) < 0 && errno != EEXIST) ||
	    (size_t)snprintf(path, sizeof(path), "%s/" SIGNER ".%s", directory, suffix) >= sizeof(path))
		return tell(directory, -errno, NULL);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fd_write_all(fd, bytes, size);
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

static int sign_path(const char *path, const struct signing_key *key, const struct signing_key *kernel_key,
		     const char *out)
{
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	struct refusal refusal = {};
	int r;

	r = bundle_read(path, &b, &refusal);
	if (!r)
		r = bundle_sign_kernel(b, kernel_key, &refusal);
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

static int get_kernel_key(const struct standard_arguments *a, struct signing_key **ret_key)
{
	int r;

	if (a->kernel_key)
		return read_key(a->kernel_key, a->kernel_cert, ret_key);
	r = signing_make_kernel_throwaway(KERNEL_NAME, time(NULL), ret_key);
	return r ? tell("kernel key", r, NULL) : EXIT_OK;
}

int verb_standard(const struct bundle_verb *verb, int argc, char **argv)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL, *kernel_key = NULL;
	_cleanup_free_ char *ca = NULL;
	_cleanup_free_ uint8_t *der = NULL;
	struct standard_arguments a = {};
	size_t size;
	int r;

	r = parse(verb, argc, argv, &a);
	if (r >= 0)
		return r;
	r = get_key(&a, &key, &ca);
	if (!r)
		r = get_kernel_key(&a, &kernel_key);
	if (!r && signing_key_same(key, kernel_key))
		r = tell_usage(verb, "--kernel-key and --key are to be different keys");
	for (int i = optind; !r && i < argc; i++)
		r = sign_path(argv[i], key, kernel_key, a.out);
	if (!r)
		r = write_certificate(a.trust, "pem", ca, strlen(ca));
	if (r)
		return r;
	r = signing_key_certificate(kernel_key, &der, &size);
	return r ? tell("kernel key", r, NULL) : write_certificate(a.kernel, "der", der, size);
}
