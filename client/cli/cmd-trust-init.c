/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bpfwarden trust init: a role to begin with, and a small PKI for those who have none. Everything goes into a
 * directory of the caller's; installing it is root's decision, and a command to copy.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/bundle/verbs.h"
#include "client/cli/cli.h"
#include "client/cli/trust-init.h"
#include "common/fd.h"
#include "common/paths.h"

enum { OPTION_ROLE = 0x100, OPTION_NAMES, OPTION_THRESHOLD, OPTION_MAY, OPTION_CA, OPTION_SIGNER };

static bool read_threshold(struct trust_init *init, const char *value)
{
	char *end;

	init->threshold = strtoul(value, &end, 10);
	if (*value >= '1' && *value <= '9' && !*end && init->threshold <= SIGNATURES_MAX)
		return true;
	cli_usage(init->cli, "--threshold is a number of signers from 1 to %d, not \"%s\"", SIGNATURES_MAX,
		  value);
	return false;
}

static bool add(struct trust_init *init, const char **array, size_t max, size_t *n, const char *value)
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
	struct trust_init *init = data;

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

static int check_names(const struct trust_init *init)
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

static int check_arguments(struct trust_init *init, char *names, size_t size)
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

static void print_path(const char *directory, const char *name, const char *suffix)
{
	char path[4096 + 128];

	snprintf(path, sizeof(path), "%s%s%s%s", directory,
		 *directory && directory[strlen(directory) - 1] == '/' ? "" : "/", name, suffix);
	print_quoted(path);
}

static void print_install(const struct trust_init *init)
{
	/* The role comes last: without its certificates it is refused. */
	printf("Nothing was installed. On every host that is to believe these signers, root does:\n\n"
	       "  install -d -o root -g root -m 0755 " PATH_TRUST_ETC "\n"
	       "  install -o root -g root -m 0644 ");
	if (!init->n_ca)
		print_path(init->directory, init->role, "-ca.pem");
	for (size_t i = 0; i < init->n_ca; i++) {
		printf("%s", i ? " " : "");
		print_path(init->directory, base_name(init->ca[i]), "");
	}
	printf(" ");
	print_path(init->directory, init->role, ".conf");
	printf(" " PATH_TRUST_ETC "/\n  bpfwarden trust check\n\nThe daemon notices by itself.\n");
}

static void print_signing(const struct trust_init *init)
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
	struct trust_init init = {
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
	if (cli->json)
		return cli_usage(cli,
				 "what it prints is for people: -o json is for trust show and trust check");
	init.directory = argv[first];
	r = check_arguments(&init, names, sizeof(names));
	if (r == CLI_CONTINUE)
		r = trust_init_make(&init);
	close_fd(init.fd);
	if (r != CLI_CONTINUE)
		return r;
	if (!cli->quiet) {
		print_install(&init);
		print_signing(&init);
	}
	return CLI_OK;
}
