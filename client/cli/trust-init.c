/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/trust-init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/bundle/verbs.h"
#include "client/cli/cli.h"
#include "client/cli/trust-view.h"
#include "common/fd.h"
#include "common/paths.h"

#define AUTHORITY_DAYS 3650
#define SIGNER_DAYS    1095

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The names in the directory; NULL if it cannot be read. */
static DIR *list_directory(const struct trust_init *init)
{
	int fd = openat(init->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		close_fd(fd);
	return dir;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Whoever else could write here could put a CA of theirs in place of the one that is made. */
static int check_directory(const struct trust_init *init)
{
	_cleanup_(closedir_p) DIR *dir = NULL;
	const struct dirent *entry;
	struct stat st;

	if (fstat(init->fd, &st) < 0)
		return tell(init->directory, -errno, NULL);
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		cli_say("%s is not yours alone to write to: name a directory that does not exist yet",
			init->directory);
		return CLI_FAILED;
	}
	dir = list_directory(init);
	if (!dir)
		return tell(init->directory, -errno, NULL);
	while ((entry = readdir(dir)))
		if (!is_dots(entry->d_name)) {
			cli_say("%s is not empty: name a directory that does not exist yet", init->directory);
			return CLI_FAILED;
		}
	return CLI_CONTINUE;
}

/* Makes the directory or takes an empty one. */
static int open_directory(struct trust_init *init)
{
	init->made = !mkdir(init->directory, 0755);
	if (!init->made && errno != EEXIST)
		return tell(init->directory, -errno, NULL);
	init->fd = open(init->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return init->fd < 0 ? tell(init->directory, -errno, NULL) : check_directory(init);
}

/* After a failure, of what was empty before; one that was there before stays. */
static void clear_directory(const struct trust_init *init)
{
	_cleanup_(closedir_p) DIR *dir = list_directory(init);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (!is_dots(entry->d_name))
			unlinkat(init->fd, entry->d_name, 0);
	if (init->made)
		rmdir(init->directory);
}

static int write_file(const struct trust_init *init, const char *name, mode_t mode, const char *text)
{
	_cleanup_close_ int fd = openat(init->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int r = fd < 0 ? -errno : fchmod(fd, mode) < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (r)
		cli_say("%s/%s: %s", init->directory, name, strerror(-r));
	return r;
}

/* NAME.pem and NAME.key. */
static int write_key(const struct trust_init *init, const char *name, const struct signing_key *key)
{
	_cleanup_free_ char *key_pem = NULL, *cert_pem = NULL;
	char file[80];
	int r;

	r = signing_key_to_pem(key, &key_pem, &cert_pem);
	if (r) {
		cli_say("%s", strerror(-r));
		return r;
	}
	snprintf(file, sizeof(file), "%s.pem", name);
	r = write_file(init, file, 0644, cert_pem);
	snprintf(file, sizeof(file), "%s.key", name);
	if (!r)
		r = write_file(init, file, 0600, key_pem);
	explicit_bzero(key_pem, strlen(key_pem));
	return r;
}

static int make_pki(const struct trust_init *init)
{
	_cleanup_(signing_key_free_p) struct signing_key *authority = NULL;
	int64_t now = time(NULL);
	char name[64];
	int r;

	snprintf(name, sizeof(name), "%s bundles", init->role);
	r = signing_make_authority(name, now, AUTHORITY_DAYS, &authority);
	snprintf(name, sizeof(name), "%s-ca", init->role);
	if (r)
		cli_say("no key could be made: %s", strerror(-r));
	else
		r = write_key(init, name, authority);
	for (size_t i = 0; !r && i < init->n_signers; i++) {
		_cleanup_(signing_key_free_p) struct signing_key *signer = NULL;

		r = signing_make_signer(authority, init->signers[i], now, SIGNER_DAYS, &signer);
		if (r)
			cli_say("no key could be made for %s: %s", init->signers[i], strerror(-r));
		else
			r = write_key(init, init->signers[i], signer);
	}
	return r;
}

/* Before it is copied: it may be a file with a private key as well. */
static int read_authority(const char *path, char **ret)
{
	_cleanup_(cms_trust_free_p) struct cms_trust *trust = cms_trust_new();
	_cleanup_free_ char *pem = NULL;
	struct refusal refusal = {};
	size_t size = 0;
	int r;

	if (!trust)
		return cli_broken(-ENOMEM);
	r = read_path(path, TRUST_FILE_SIZE_MAX, &pem, &size);
	if (!r)
		r = cms_trust_add_issuers(trust, path, pem, size, &refusal);
	if (r < 0)
		return tell(path, r, NULL);
	if (r > 0) {
		cli_say("%s: %s", path, refusal.reason);
		return CLI_FAILED;
	}
	*ret = take_ptr(pem);
	return 0;
}

static int copy_authorities(const struct trust_init *init)
{
	for (size_t i = 0; i < init->n_ca; i++) {
		_cleanup_free_ char *pem = NULL;
		int r = read_authority(init->ca[i], &pem);

		if (!r)
			r = write_file(init, base_name(init->ca[i]), 0644, pem);
		if (r)
			return r;
	}
	return 0;
}

static int write_role(const struct trust_init *init)
{
	_cleanup_free_ char *text = NULL;
	char file[64];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -errno;
	fprintf(out,
		"# Who may sign which bundles: see bpfwarden-trust(1). To be installed as\n"
		"# " PATH_TRUST_ETC "/%s.conf, of root and writable by nobody else.\n"
		"[role %s]\n\n"
		"# Issuing authorities: whoever holds a code-signing certificate that one of them issued\n"
		"# directly is a signer. Or name single ones: pinned = alice.pem bob.pem\n"
		"certificates =",
		init->role, init->role);
	if (!init->n_ca)
		fprintf(out, " %s-ca.pem", init->role);
	for (size_t i = 0; i < init->n_ca; i++)
		fprintf(out, " %s", base_name(init->ca[i]));
	fprintf(out,
		"\n\n"
		"# How many signers a bundle needs, each with a key of their own.\n"
		"threshold = %lu\n\n"
		"# The bundles that the role may sign; * stands for any characters, ? for one.\n"
		"names = %s\n\n"
		"# What its signatures are good for.\n"
		"may = %s\n\n"
		"# With a list of what an authority revoked. Once this is here, its signers count only "
		"while\n"
		"# there is a current one, so it must be replaced in time.\n"
		"# crl = %s-ca.crl\n\n"
		"# Which signatures; without this line all of these and rsa-pkcs1.\n"
		"# algorithms = ecdsa-p256 ecdsa-p384 rsa-pss\n",
		init->threshold, init->names, init->may, init->role);
	if (fclose(out) != 0)
		return -errno;
	snprintf(file, sizeof(file), "%s.conf", init->role);
	return write_file(init, file, 0644, text);
}

int trust_init_make(struct trust_init *init)
{
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	int r;

	/* How keys are made must not depend on openssl.cnf either. */
	if (cms_initialize() < 0)
		return cli_broken(-EIO);
	r = open_directory(init);
	if (r != CLI_CONTINUE)
		return r;
	r = init->n_ca ? copy_authorities(init) : make_pki(init);
	if (!r)
		r = write_role(init);
	/* The daemon's own reader has the last word on what may stand in a role. */
	if (!r)
		r = trust_open(init->directory, &trust);
	else if (r < 0)
		r = CLI_FAILED;
	if (r != CLI_CONTINUE)
		clear_directory(init);
	return r;
}
