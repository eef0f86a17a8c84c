/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bpfwarden trust init: a role to begin with, and a small PKI for those who have none. Everything goes into a
 * directory of the caller's; installing it is root's decision, and a command to copy.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "client/bundle/verbs.h"
#include "client/cli/cli.h"
#include "client/cli/trust-view.h"
#include "common/fd.h"
#include "common/paths.h"

#define AUTHORITY_DAYS 3650
#define SIGNER_DAYS    1095
#define CA_FILES_MAX   8

struct init {
	const char *directory, *role, *names, *may;
	unsigned long threshold;
	const char *ca[CA_FILES_MAX];
	size_t n_ca;
	const char *signers[SIGNATURES_MAX];
	size_t n_signers;
	const struct cli *cli;
	int fd;
};

enum { OPTION_ROLE = 0x100, OPTION_NAMES, OPTION_THRESHOLD, OPTION_MAY, OPTION_CA, OPTION_SIGNER };

static bool read_threshold(struct init *init, const char *value)
{
	char *end;

	init->threshold = strtoul(value, &end, 10);
	if (*value >= '1' && *value <= '9' && !*end && init->threshold <= SIGNATURES_MAX)
		return true;
	cli_usage(init->cli, "--threshold is a number of signers from 1 to %d, not \"%s\"", SIGNATURES_MAX,
		  value);
	return false;
}

static bool add(struct init *init, const char **array, size_t max, size_t *n, const char *value)
{
	if (*n == max) {
		cli_usage(init->cli, "there are more than %zu of one option", max);
		return false;
	}
	array[(*n)++] = value;
	return true;
}

static bool init_option(void *data, int option, const char *value)
{
	struct init *init = data;

	switch (option) {
	case OPTION_ROLE:
		init->role = value;
		return true;
	case OPTION_NAMES:
		init->names = value;
		return true;
	case OPTION_MAY:
		init->may = value;
		return true;
	case OPTION_THRESHOLD:
		return read_threshold(init, value);
	case OPTION_CA:
		return add(init, init->ca, CA_FILES_MAX, &init->n_ca, value);
	default:
		return add(init, init->signers, SIGNATURES_MAX, &init->n_signers, value);
	}
}

/* A name that becomes a file's, a section's and a signature's. */
static bool name_valid(const char *name)
{
	return *name && *name != '.' && *name != '-' && strlen(name) < 32 &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")];
}

static bool file_name_valid(const char *name)
{
	return *name && *name != '.' && !name[strcspn(name, " \t\n\"'#")] && strlen(name) < 64;
}

static int check_names(const struct init *init)
{
	if (!name_valid(init->role))
		return cli_usage(init->cli,
				 "the role \"%s\" is not a short name of a-z, 0-9, '.', '_' and '-'",
				 init->role);
	if (strchr(init->names, '\n') || strchr(init->may, '\n'))
		return cli_usage(init->cli, "--names and --may take one line");
	for (size_t i = 0; i < init->n_signers; i++) {
		if (!name_valid(init->signers[i]))
			return cli_usage(
				init->cli,
				"the signer \"%s\" is not a short name of a-z, 0-9, '.', '_' and '-': "
				"--signer NAME",
				init->signers[i]);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(init->signers[i], init->signers[j]))
				return cli_usage(init->cli, "--signer %s is there twice", init->signers[i]);
	}
	for (size_t i = 0; i < init->n_ca; i++) {
		if (!file_name_valid(base_name(init->ca[i])))
			return cli_usage(init->cli, "\"%s\" is no name that a configuration could hold",
					 base_name(init->ca[i]));
		for (size_t j = 0; j < i; j++)
			if (!strcmp(base_name(init->ca[i]), base_name(init->ca[j])))
				return cli_usage(init->cli, "two --ca have the name %s",
						 base_name(init->ca[i]));
	}
	return CLI_CONTINUE;
}

static int check_arguments(struct init *init, char *names, size_t size)
{
	int r;

	if (init->n_ca && init->n_signers)
		return cli_usage(init->cli,
				 "--signer makes a key under a new authority; yours (--ca) makes its own");
	if (!init->n_ca && !init->n_signers)
		init->signers[init->n_signers++] = cli_user_name();
	if (!init->names) {
		snprintf(names, size, "%s.*", init->role);
		init->names = names;
	}
	r = check_names(init);
	if (r != CLI_CONTINUE)
		return r;
	if (!init->n_ca && init->threshold > init->n_signers)
		return cli_usage(init->cli, "%lu must sign and there %s %zu: add --signer NAME for each",
				 init->threshold, init->n_signers == 1 ? "is" : "are", init->n_signers);
	return CLI_CONTINUE;
}

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Makes the directory or takes an empty one. */
static int open_directory(struct init *init)
{
	_cleanup_(closedir_p) DIR *dir = NULL;
	struct dirent *entry;
	int n = 0;

	if (mkdir(init->directory, 0755) < 0 && errno != EEXIST)
		return -errno;
	dir = opendir(init->directory);
	if (!dir)
		return -errno;
	errno = 0;
	while ((entry = readdir(dir)))
		n++;
	if (errno)
		return -errno;
	if (n > 2)
		return -ENOTEMPTY;
	init->fd = fcntl(dirfd(dir), F_DUPFD_CLOEXEC, 3);
	return init->fd < 0 ? -errno : 0;
}

/* After a failure, of what was empty before. */
static void clear_directory(const struct init *init)
{
	_cleanup_(closedir_p) DIR *dir = opendir(init->directory);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(init->fd, entry->d_name, 0);
	rmdir(init->directory);
}

static int write_file(const struct init *init, const char *name, mode_t mode, const char *text)
{
	_cleanup_close_ int fd = openat(init->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int r = fd < 0 ? -errno : fchmod(fd, mode) < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (r)
		cli_say("%s/%s: %s", init->directory, name, strerror(-r));
	return r;
}

/* NAME.pem and NAME.key. */
static int write_key(const struct init *init, const char *name, const struct signing_key *key)
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

static int make_pki(const struct init *init)
{
	_cleanup_(signing_key_free_p) struct signing_key *authority = NULL;
	int64_t now = time(NULL);
	char name[64];
	int r;

	snprintf(name, sizeof(name), "%s bundles", init->role);
	r = signing_make_authority(name, now, AUTHORITY_DAYS, &authority);
	snprintf(name, sizeof(name), "%s-ca", init->role);
	if (!r)
		r = write_key(init, name, authority);
	for (size_t i = 0; !r && i < init->n_signers; i++) {
		_cleanup_(signing_key_free_p) struct signing_key *signer = NULL;

		r = signing_make_signer(authority, init->signers[i], now, SIGNER_DAYS, &signer);
		if (!r)
			r = write_key(init, init->signers[i], signer);
	}
	return r;
}

static int copy_authorities(const struct init *init)
{
	for (size_t i = 0; i < init->n_ca; i++) {
		_cleanup_free_ char *pem = NULL;
		size_t size = 0;
		int r = read_path(init->ca[i], TRUST_FILE_SIZE_MAX, &pem, &size);

		if (r) {
			cli_say("%s: %s", init->ca[i], strerror(-r));
			return r;
		}
		r = write_file(init, base_name(init->ca[i]), 0644, pem);
		if (r)
			return r;
	}
	return 0;
}

/* What goes to /etc/bpfwarden/trust beside the .conf, each after a blank. */
static void authorities(const struct init *init, const char *directory, FILE *out)
{
	if (!init->n_ca)
		fprintf(out, " %s%s-ca.pem", directory, init->role);
	for (size_t i = 0; i < init->n_ca; i++)
		fprintf(out, " %s%s", directory, base_name(init->ca[i]));
}

static int write_role(const struct init *init)
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
	authorities(init, "", out);
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

static void print_path(const char *directory, const char *name, const char *suffix)
{
	char path[4096 + 128];

	snprintf(path, sizeof(path), "%s%s%s%s", directory,
		 *directory && directory[strlen(directory) - 1] == '/' ? "" : "/", name, suffix);
	print_quoted(path);
}

static void print_install(const struct init *init)
{
	printf("Nothing was installed. On every host that is to believe these signers, root does:\n\n"
	       "  install -d -o root -g root -m 0755 " PATH_TRUST_ETC "\n"
	       "  install -o root -g root -m 0644 ");
	print_path(init->directory, init->role, ".conf");
	if (!init->n_ca) {
		printf(" ");
		print_path(init->directory, init->role, "-ca.pem");
	}
	for (size_t i = 0; i < init->n_ca; i++) {
		printf(" ");
		print_path(init->directory, base_name(init->ca[i]), "");
	}
	printf(" " PATH_TRUST_ETC "/\n  bpfwarden trust check\n\nThe daemon notices by itself.\n");
}

static void print_signing(const struct init *init)
{
	const char *signer = init->n_signers ? init->signers[0] : NULL;

	printf("\nA bundle named like %s, whose template has \"roles\": [\"%s\"], is signed and then looked "
	       "at "
	       "with:\n\n",
	       init->names, init->role);
	for (size_t i = 0; i < (init->n_signers ?: 1); i++) {
		printf("  bpfwarden bundle sign BUNDLE --key ");
		if (signer) {
			print_path(init->directory, init->signers[i], ".key");
			printf(" --cert ");
			print_path(init->directory, init->signers[i], ".pem");
		} else {
			printf("KEY.pem --cert CERT.pem");
		}
		printf("\n");
	}
	printf("  bpfwarden bundle verify BUNDLE --trust ");
	print_quoted(init->directory);
	printf("\n");
	if (!signer)
		return;
	printf("\nKeep ");
	print_path(init->directory, init->role, "-ca.key");
	printf(": whoever has it can make signers. It is needed for nothing else, so it belongs on a\n"
	       "medium that is locked away, not on this host and on none of those above. Each signer's .key\n"
	       "belongs to that signer alone; in a hardware token it is best (bundle sign --key "
	       "pkcs11:...).\n");
}

static int make(struct init *init)
{
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	int r;

	r = open_directory(init);
	if (r == -ENOTEMPTY) {
		cli_say("%s is not empty: name a directory that does not exist yet", init->directory);
		return CLI_FAILED;
	}
	if (r) {
		cli_say("%s: %s", init->directory, strerror(-r));
		return CLI_FAILED;
	}
	r = init->n_ca ? copy_authorities(init) : make_pki(init);
	if (!r)
		r = write_role(init);
	/* The daemon's own reader has the last word on what may stand in a role. */
	r = r ? CLI_FAILED : trust_open(init->directory, &trust);
	if (r != CLI_CONTINUE)
		clear_directory(init);
	return r;
}

int cmd_trust_init(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "role", required_argument, NULL, OPTION_ROLE },
		{ "names", required_argument, NULL, OPTION_NAMES },
		{ "threshold", required_argument, NULL, OPTION_THRESHOLD },
		{ "may", required_argument, NULL, OPTION_MAY },
		{ "ca", required_argument, NULL, OPTION_CA },
		{ "signer", required_argument, NULL, OPTION_SIGNER },
		{},
	};
	struct init init = {
		.role = "site",
		.may = "enroll-production enroll-experimental revoke",
		.threshold = 1,
		.cli = cli,
		.fd = -EBADF,
	};
	char names[64];
	int first, r = cli_parse(cli, argc, argv, options, init_option, &init, 1, 1, &first);

	if (r != CLI_CONTINUE)
		return r;
	init.directory = argv[first];
	r = check_arguments(&init, names, sizeof(names));
	if (r == CLI_CONTINUE)
		r = make(&init);
	close_fd(init.fd);
	if (r != CLI_CONTINUE)
		return r;
	if (!cli->quiet) {
		print_install(&init);
		print_signing(&init);
	}
	return CLI_OK;
}
