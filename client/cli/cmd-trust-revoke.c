/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bpfwarden trust revoke: entries of revocations.json, and its signatures. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/bundle/verbs.h"
#include "client/cli/cli.h"
#include "client/cli/revocation-list.h"
#include "client/cli/trust-view.h"
#include "client/cli/units.h"
#include "common/digest.h"
#include "common/fd.h"
#include "common/paths.h"

struct revoke {
	const char *path;
	const char *below, *file, *key, *certificate, *reason;
	const char *key_file, *cert, *signer;
};

enum {
	OPTION_BELOW = 0x100,
	OPTION_FILE,
	OPTION_KEY,
	OPTION_CERTIFICATE,
	OPTION_REASON,
	OPTION_KEY_FILE,
	OPTION_CERT,
	OPTION_SIGNER,
};

static bool revoke_option(void *data, int option, const char *value)
{
	struct revoke *r = data;
	const char **const values[] = { &r->below,  &r->file,     &r->key,  &r->certificate,
					&r->reason, &r->key_file, &r->cert, &r->signer };

	*values[option - OPTION_BELOW] = value;
	return true;
}

/* ---- the new entry ---- */

static int read_name(const struct cli *cli, const struct revoke *a, const char *word, struct revocation *ret)
{
	const char *serial = a->below ? NULL : strrchr(word, '-');
	size_t n = a->below ? strlen(word) : serial ? (size_t)(serial - word) : 0;

	if (n >= sizeof(ret->name) || word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789._-")])
		return cli_usage(cli, "\"%s\" is not the name of a bundle", word);
	if (!n || !unit_parse_number(a->below ?: serial + 1, &ret->serial) || !ret->serial ||
	    ret->serial > INT64_MAX)
		return cli_usage(cli,
				 "which serials? say NAME-SERIAL, or NAME --below SERIAL for all before one");
	ret->kind = a->below ? REVOKED_BELOW : REVOKED_BUNDLE;
	memcpy(ret->name, word, n);
	return CLI_CONTINUE;
}

static int read_certificate(const char *path, struct revocation *ret)
{
	_cleanup_free_ char *pem = NULL;
	struct refusal refusal = {};
	struct cms_signer signer;
	size_t size = 0;
	int r;

	r = read_path(path, PEM_SIZE_MAX, &pem, &size);
	if (!r)
		r = cms_signer_from_pem(pem, size, &signer, &refusal);
	if (r)
		return tell(path, r, &refusal);
	ret->kind = REVOKED_CERTIFICATE;
	memcpy(ret->digest, signer.certificate, sizeof(ret->digest));
	return CLI_CONTINUE;
}

static int read_digest(const struct cli *cli, enum revocation_kind kind, const char *hex,
		       struct revocation *ret)
{
	static const char *const where[] = {
		[REVOKED_FILE] = "sha256sum FILE",
		[REVOKED_KEY] = "bpfwarden trust show, or bpfwarden bundle verify",
		[REVOKED_CERTIFICATE] = "bpfwarden trust show; or name a file in PEM form",
	};

	ret->kind = kind;
	if (digest_from_hex(hex, ret->digest))
		return CLI_CONTINUE;
	return cli_usage(cli, "\"%s\" is not a SHA-256 of 64 hexadecimal digits, as shown by: %s", hex,
			 where[kind]);
}

/* *ret_any is false if the arguments name nothing to revoke. */
static int read_entry(const struct cli *cli, const struct revoke *a, const char *word, struct revocation *ret,
		      bool *ret_any)
{
	int n = !!word + !!a->file + !!a->key + !!a->certificate;

	*ret_any = n == 1;
	if (n > 1)
		return cli_usage(cli, "one thing at a time: every call adds an entry");
	if (a->below && !word)
		return cli_usage(cli, "--below goes with the name of a bundle");
	if (n == 0)
		return a->key_file ? CLI_CONTINUE
				   : cli_usage(cli,
					       "what? say NAME-SERIAL, NAME --below SERIAL, --file, --key or "
					       "--certificate");
	if (a->reason && strlen(a->reason) >= sizeof(ret->reason))
		return cli_usage(cli, "--reason has at most %zu bytes", sizeof(ret->reason) - 1);
	if (a->reason)
		snprintf(ret->reason, sizeof(ret->reason), "%s", a->reason);
	if (word)
		return read_name(cli, a, word, ret);
	/* Where a digest is asked for, a file of the certificate does as well. */
	if (a->certificate && strlen(a->certificate) != 2 * DIGEST_SIZE && !access(a->certificate, F_OK))
		return read_certificate(a->certificate, ret);
	return a->file  ? read_digest(cli, REVOKED_FILE, a->file, ret)
	       : a->key ? read_digest(cli, REVOKED_KEY, a->key, ret)
			: read_digest(cli, REVOKED_CERTIFICATE, a->certificate, ret);
}

/* ---- files ---- */

/* Replaces a file as a whole. */
static int write_whole(const char *path, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char temporary[PATH_MAX];
	int r;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, bytes, size);
	if (!r && (fchmod(fd, 0644) < 0 || rename(temporary, path) < 0))
		r = -errno;
	if (r)
		unlink(temporary);
	return r;
}

/* ---- signatures ---- */

static int signature_path(const struct cli *cli, const struct revoke *a, const char *signer, char *buffer,
			  size_t size)
{
	if (!*signer || *signer == '.' || strlen(signer) > 40 ||
	    signer[strspn(signer, "abcdefghijklmnopqrstuvwxyz0123456789._-")])
		return cli_usage(cli,
				 "\"%s\" is not a short name of a-z, 0-9, '.', '_' and '-': --signer NAME",
				 signer);
	if ((size_t)snprintf(buffer, size, "%s.%s.p7s", a->path, signer) >= size)
		return cli_broken(-ENAMETOOLONG);
	return CLI_CONTINUE;
}

/* In memory, so that a key that does not sign leaves the file as it was. */
static int sign(const struct revoke *a, const struct revocation_list *list, uint8_t **ret, size_t *ret_size)
{
	_cleanup_(signing_key_free_p) struct signing_key *key = NULL;
	struct refusal refusal = {};
	int r;

	r = read_key(a->key_file, a->cert, &key);
	if (r)
		return r;
	r = cms_sign(key, list->text, list->size, time(NULL), ret, ret_size, &refusal);
	return r ? tell(a->path, r, &refusal) : CLI_CONTINUE;
}

/* FILE.NAME.p7s */
static bool is_signature(const char *name, const char *base)
{
	size_t n = strlen(name), prefix = strlen(base);

	return n > prefix + strlen("..p7s") && !strncmp(name, base, prefix) && name[prefix] == '.' &&
	       !strcmp(name + n - strlen(".p7s"), ".p7s");
}

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Who else may write to the directory chose the name. */
static void print_signature(const struct revocation_list *list, const char *path)
{
	_cleanup_free_ char *bytes = NULL;
	char name[CLI_TEXT_MAX];
	struct cms_signer signer = {};
	struct refusal refusal = {};
	size_t size;
	int r;

	r = read_path(path, SIGNATURE_SIZE_MAX, &bytes, &size);
	if (!r)
		r = cms_check(bytes, size, list->text, list->size, NULL, 0, time(NULL), &signer, &refusal);
	cli_printable_copy(path, name, sizeof(name));
	if (!r)
		printf("%s: good, by %s\n", name, signer.subject);
	else if (r == REFUSAL_SIGNATURE_INVALID && !strcmp(refusal.subject, "S14"))
		printf("%s: of another version of the file, to be made again\n", name);
	else
		printf("%s: %s\n", name, r < 0 ? strerror(-r) : refusal.reason);
}

/* Which signatures lie beside the file, and whether they are over what is in it now. */
static void print_signatures(const struct revoke *a, const struct revocation_list *list)
{
	const char *base = base_name(a->path);
	bool slash = base != a->path;
	_cleanup_free_ char *directory = slash ? strndup(a->path, (size_t)(base - a->path)) : strdup("./");
	_cleanup_(closedir_p) DIR *dir = directory ? opendir(directory) : NULL;
	struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir)))
		if (is_signature(entry->d_name, base) &&
		    (size_t)snprintf(path, sizeof(path), "%s%s", slash ? directory : "", entry->d_name) <
			    sizeof(path))
			print_signature(list, path);
}

static void print_next(const struct revoke *a, const char *signature)
{
	printf("\nIt counts once a role that may revoke has signed it, with as many signers as its threshold "
	       "says,\n"
	       "and for bundles whose names that role lists. %s signer does:\n\n  openssl cms -sign -binary "
	       "-in ",
	       a->key_file ? "Another" : "Each");
	print_quoted(a->path);
	printf(" -signer CERT.pem -inkey KEY.pem -md sha256 -outform DER -out ");
	print_quoted(a->key_file ? a->path : signature);
	printf("%s\n\nThen root installs all of it on every host, the signatures first, for without them the "
	       "list\n"
	       "is refused:\n\n  install -o root -g root -m 0644 ",
	       a->key_file ? ".NAME.p7s" : "");
	print_quoted(a->path);
	printf(".*.p7s ");
	print_quoted(a->path);
	printf(" " PATH_TRUST_ETC
	       "/\n  bpfwarden trust check\n\nThe daemon notices by itself, and ends what runs of it.\n");
}

/* Every host has one list in this place, so what is not in the new one comes back to life with it. */
static void warn_of_lost(const struct revocation_list *list)
{
	static const char installed[] = PATH_TRUST_ETC "/" REVOCATIONS_NAME;
	_cleanup_(revocation_list_done) struct revocation_list host = {};
	size_t n = 0;

	if (revocation_list_read(installed, &host) == CLI_CONTINUE)
		n = revocation_list_missing(list, &host);
	if (n)
		cli_say("%zu of the %zu entries of this host's %s %s not in it, and would count no more: "
			"begin "
			"with a copy of that file",
			n, host.n, installed, n == 1 ? "is" : "are");
}

/* What there is to do once the list is complete in memory. */
static int finish(const struct cli *cli, const struct revoke *a, const struct revocation_list *list,
		  const struct revocation *added)
{
	char text[REVOCATION_TEXT_MAX], signer[OBJECT_NAME_MAX], path[PATH_MAX];
	_cleanup_free_ uint8_t *signature = NULL;
	size_t size = 0;
	int r;

	if (a->cert)
		signer_of_certificate(a->cert, signer, sizeof(signer));
	r = signature_path(cli, a, a->signer ?: a->cert ? signer : cli_user_name(), path, sizeof(path));
	if (r == CLI_CONTINUE && a->key_file)
		r = sign(a, list, &signature, &size);
	if (r != CLI_CONTINUE)
		return r;
	r = added ? write_whole(a->path, list->text, list->size) : 0;
	if (r)
		return tell(a->path, r, NULL);
	if (added && !cli->quiet)
		printf("%s: %s added, %zu in all\n", a->path, revocation_text(added, text), list->n);
	r = signature ? write_whole(path, signature, size) : 0;
	if (r)
		return tell(path, r, NULL);
	warn_of_lost(list);
	if (!cli->quiet) {
		print_signatures(a, list);
		print_next(a, path);
	}
	return CLI_OK;
}

static int change(const struct cli *cli, const struct revoke *a, const struct revocation *added)
{
	_cleanup_(revocation_list_done) struct revocation_list list = {};
	int r;

	r = revocation_list_read(a->path, &list);
	if (r == CLI_CONTINUE && added)
		r = revocation_list_add(&list, added, a->path);
	if (r != CLI_CONTINUE)
		return r;
	if (!list.text)
		return tell(a->path, -ENOENT, NULL);
	if (!cli->dry_run)
		return finish(cli, a, &list, added);
	fwrite(list.text, 1, list.size, stdout);
	return CLI_OK;
}

int cmd_trust_revoke(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "below", required_argument, NULL, OPTION_BELOW },
		{ "file", required_argument, NULL, OPTION_FILE },
		{ "key", required_argument, NULL, OPTION_KEY },
		{ "certificate", required_argument, NULL, OPTION_CERTIFICATE },
		{ "reason", required_argument, NULL, OPTION_REASON },
		{ "key-file", required_argument, NULL, OPTION_KEY_FILE },
		{ "cert", required_argument, NULL, OPTION_CERT },
		{ "signer", required_argument, NULL, OPTION_SIGNER },
		{},
	};
	struct revocation entry = {};
	struct revoke a = {};
	bool any = false;
	int first, r = cli_parse(cli, argc, argv, options, revoke_option, &a, 1, 2, &first);

	if (r != CLI_CONTINUE)
		return r;
	if (cli->json)
		return cli_usage(cli,
				 "what it prints is for people: -o json is for trust show and trust check");
	if (!a.key_file != !a.cert)
		return cli_usage(cli, "--key-file and --cert go together");
	if (cms_initialize() < 0)
		return cli_broken(-EIO);
	a.path = argv[first];
	if (strcmp(base_name(a.path), REVOCATIONS_NAME) != 0)
		return cli_usage(cli,
				 "the daemon reads " REVOCATIONS_NAME " only, in any directory: \"%s\" is "
				 "another name",
				 base_name(a.path));
	r = read_entry(cli, &a, argc > first + 1 ? argv[first + 1] : NULL, &entry, &any);
	return r == CLI_CONTINUE ? change(cli, &a, any ? &entry : NULL) : r;
}
