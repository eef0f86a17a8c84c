/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signing where bpfwarden is not: --prepare writes the bytes that are to be signed and the command that signs
 * them, --attach takes the signature back.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/bundle/build.h"
#include "client/bundle/verbs.h"
#include "common/digest.h"
#include "common/fd.h"
#include "format/manifest.h"

#define SUFFIX ".p7s"

static int write_bytes(const char *path, const struct bundle_file *file)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);

	return fd < 0 ? -errno : fd_write_all(fd, file->bytes, file->size);
}

/* The bytes to be signed in place of the bundle that they are of would be a bundle lost. */
static bool same_file(const char *a, const char *b)
{
	struct stat first, second;

	return !stat(a, &first) && !stat(b, &second) && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

/* All commands differ only in where the key is. */
static void print_openssl(const char *bytes, const char *signature, const char *key)
{
	printf("\n  openssl cms -sign -binary -in ");
	print_quoted(bytes);
	printf(" -signer CERT.pem %s -md sha256 -outform DER -out ", key);
	print_quoted(signature);
	printf("\n");
}

/* The caller's name, as most likely the signer's. */
static const char *own_name(void)
{
	const struct passwd *user = getpwuid(getuid());

	return user ? user->pw_name : "NAME";
}

static void print_steps(const struct sign_arguments *a, const struct bundle *b)
{
	char signature[PATH_MAX], name[PROBE_NAME_MAX + 21];
	uint8_t digest[DIGEST_SIZE];
	size_t n = sizeof(digest);

	spec_bundle_name(&b->spec, name, sizeof(name));
	snprintf(signature, sizeof(signature), "%s.%s" SUFFIX, a->prepare,
		 a->signer ? a->signer : own_name());
	printf("%s: attested; the bytes to be signed are in %s\n", name, a->prepare);
	if (EVP_Q_digest(NULL, "SHA256", NULL, b->manifest.bytes, b->manifest.size, digest, &n)) {
		char hex[DIGEST_HEX_MAX];

		printf("their SHA-256: %s\n", digest_to_hex(digest, hex));
	}
	printf("\nThe signer signs them with their own certificate CERT.pem and key:\n");
	print_openssl(a->prepare, signature, "-inkey KEY.pem");
	printf("\nor, if the key is in a PKCS#11 token, by libp11's engine or by pkcs11-provider:\n");
	print_openssl(a->prepare, signature,
		      "-engine pkcs11 -keyform engine -inkey 'pkcs11:token=TOKEN;object=KEY'");
	print_openssl(a->prepare, signature,
		      "-provider default -provider pkcs11 -inkey 'pkcs11:token=TOKEN;object=KEY'");
	printf("\nThen:\n\n  bpfwarden bundle sign ");
	print_quoted(a->path);
	printf(" --attach ");
	print_quoted(signature);
	printf("\n");
}

int sign_prepare(const struct sign_arguments *a, const struct bundle *b)
{
	struct refusal refusal = {};
	int r;

	if (same_file(a->prepare, a->path)) {
		fprintf(stderr, "bpfwarden: %s is the bundle itself: --prepare names a new file\n",
			a->prepare);
		return EXIT_USAGE;
	}
	r = bundle_attest(b, &refusal);
	if (r)
		return tell(a->path, r, &refusal);
	r = write_bytes(a->prepare, &b->manifest);
	if (r)
		return tell(a->prepare, r, NULL);
	print_steps(a, b);
	return EXIT_OK;
}

/* Without --signer: "x/manifest.json.alice.p7s" and "tcp.tosign.alice.p7s" → "alice". */
static void signer_of_signature(const char *path, char *buffer, size_t size)
{
	const char *base = base_name(path), *dot;
	size_t n = strlen(base);

	if (n > strlen(SUFFIX) && !strcmp(base + n - strlen(SUFFIX), SUFFIX))
		n -= strlen(SUFFIX);
	if (!strncmp(base, MANIFEST_SIGNATURE_PREFIX, strlen(MANIFEST_SIGNATURE_PREFIX)))
		dot = base + strlen(MANIFEST_SIGNATURE_PREFIX) - 1;
	else
		dot = memrchr(base, '.', n);
	if (dot) {
		n -= (size_t)(dot + 1 - base);
		base = dot + 1;
	}
	snprintf(buffer, size, "%.*s", (int)n, base);
}

/* What most likely went wrong outside. */
static void hint(const struct refusal *refusal, const char *bytes)
{
	if (refusal->code != REFUSAL_SIGNATURE_INVALID)
		return;
	if (!strcmp(refusal->subject, "S1") && strstr(bytes, "-----BEGIN"))
		fprintf(stderr, "bpfwarden: it is in PEM form; openssl cms wants -outform DER\n");
	else if (!strcmp(refusal->subject, "S2"))
		fprintf(stderr, "bpfwarden: sign again, openssl cms without -nodetach\n");
	else if (!strcmp(refusal->subject, "S5"))
		fprintf(stderr, "bpfwarden: sign again, openssl cms without -noattr\n");
	else if (!strcmp(refusal->subject, "S8"))
		fprintf(stderr, "bpfwarden: sign again, openssl cms without -certfile\n");
	else if (!strcmp(refusal->subject, "S14"))
		fprintf(stderr, "bpfwarden: it is over other bytes than this bundle's " MANIFEST_NAME
				": was it made for another serial, or without -binary?\n");
}

static int check(const struct sign_arguments *a, const struct bundle *b, const char *bytes, size_t size,
		 struct cms_signer *ret)
{
	_cleanup_free_ char *cert = NULL;
	struct refusal refusal = {};
	size_t cert_size = 0;
	int r;

	if (a->cert) {
		r = read_path(a->cert, PEM_SIZE_MAX, &cert, &cert_size);
		if (r)
			return tell(a->cert, r, NULL);
	}
	r = cms_check(bytes, size, b->manifest.bytes, b->manifest.size, cert, cert_size, time(NULL), ret,
		      &refusal);
	if (!r)
		return EXIT_OK;
	r = tell(r == REFUSAL_INVALID_ARGUMENT && a->cert ? a->cert : a->attach, r, &refusal);
	hint(&refusal, bytes);
	if (refusal.code == REFUSAL_INVALID_ARGUMENT && !a->cert)
		fprintf(stderr,
			"bpfwarden: add --cert CERT.pem, or let openssl cms embed it (no -nocerts)\n");
	return r;
}

int sign_attach(const struct sign_arguments *a, struct bundle *b)
{
	_cleanup_free_ char *bytes = NULL;
	struct cms_signer signer = {};
	struct refusal refusal = {};
	char name[OBJECT_NAME_MAX];
	size_t size = 0;
	int r;

	r = read_path(a->attach, SIGNATURE_SIZE_MAX, &bytes, &size);
	if (r)
		return tell(a->attach, r, NULL);
	r = check(a, b, bytes, size, &signer);
	if (r)
		return r;
	signer_of_signature(a->attach, name, sizeof(name));
	r = add_signature(b, a->signer ? a->signer : name, bytes, size, &refusal);
	if (!r)
		r = bundle_write(b, a->path);
	if (r)
		return tell(a->path, r, &refusal);
	printf("%s: signed as %s by %s\n", a->path, a->signer ? a->signer : name, signer.subject);
	return EXIT_OK;
}
