/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "format/config.h"

enum { OPTION_DRY_RUN = 0x1000 };

#define OWN_OPTIONS_MAX 32
/* More than there are. */
#define VERBS_MAX     64
#define VERB_WORD_MAX 16

static const struct option common_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
};
#define N_COMMON (sizeof(common_options) / sizeof(common_options[0]))

void cli_help(const struct cli_verb *verb)
{
	if (verb) {
		printf("bpfwarden %s%s%s\n  %s\n\n%s", verb->name, *verb->arguments ? " " : "",
		       verb->arguments, verb->summary, verb->details ? verb->details : "");
		if (verb->changes)
			printf("      --dry-run          decide, and do nothing\n");
	} else {
		printf("bpfwarden [OPTION…] [VERB …]\n"
		       "  eBPF probes under governance. Without a verb: is the daemon up, and what may I "
		       "do.\n\n");
		for (verb = cli_verbs; verb->name; verb++)
			printf("  %-16s %s\n", verb->name, verb->summary);
		printf("\n");
	}
	printf("  -o, --output FORMAT    text, or json: one object a line\n"
	       "  -q, --quiet            nothing but the answer\n"
	       "  -h, --help             help, also for each verb; man 1 bpfwarden\n"
	       "      --version\n");
}

int cmd_version(struct cli *cli, int argc, char **argv)
{
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first);

	if (r != CLI_CONTINUE)
		return r;
	printf(cli->json ? "{\"version\":\"%s\"}\n" : "bpfwarden %s\n", BPFWARDEN_VERSION);
	return CLI_OK;
}

/* "help registry" shows every verb that begins so. */
int cmd_help(struct cli *cli, int argc, char **argv)
{
	char name[64];
	bool found = false;

	if (argc < 2) {
		cli_help(NULL);
		return CLI_OK;
	}
	snprintf(name, sizeof(name), "%s%s%s", argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
	for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
		if (!strncmp(verb->name, name, strlen(name)) && strchr(" ", verb->name[strlen(name)])) {
			if (found)
				printf("\n");
			cli_help(verb);
			found = true;
		}
	return found ? CLI_OK : cli_usage(cli, "no verb \"%s\"", name);
}

static bool common_option(struct cli *cli, int option, const char *value, int *ret)
{
	switch (option) {
	case 'o':
		cli->json = !strcmp(value, "json");
		if (!cli->json && strcmp(value, "text"))
			*ret = cli_usage(cli, "-o takes text or json, not \"%s\"", value);
		return true;
	case 'q':
		cli->quiet = true;
		return true;
	case 'h':
		cli_help(cli->verb);
		*ret = CLI_OK;
		return true;
	case 'V':
		printf("bpfwarden %s\n", BPFWARDEN_VERSION);
		*ret = CLI_OK;
		return true;
	case OPTION_DRY_RUN:
		cli->dry_run = true;
		if (cli->verb && !cli->verb->changes)
			*ret = cli_usage(cli, "\"%s\" changes nothing, so there is no --dry-run",
					 cli->verb->name);
		return true;
	}
	return false;
}

/* Joins own and common options, and derives the short ones. */
static void options_join(const struct option *own, bool stop, struct option *ret, char *ret_short)
{
	size_t n = 0;

	for (; own && own[n].name; n++)
		ret[n] = own[n];
	memcpy(ret + n, common_options, sizeof(common_options));
	n += N_COMMON;
	ret[n] = (struct option){};
	if (stop)
		*ret_short++ = '+';
	*ret_short++ = ':';
	for (size_t i = 0; i < n; i++) {
		if (ret[i].val >= 0x100)
			continue;
		*ret_short++ = (char)ret[i].val;
		if (ret[i].has_arg)
			*ret_short++ = ':';
	}
	*ret_short = 0;
}

static int parse(struct cli *cli, int argc, char **argv, const struct option *own, cli_option_fn handle,
		 void *data, bool stop)
{
	struct option options[OWN_OPTIONS_MAX + N_COMMON + 1];
	char letters[3 * (OWN_OPTIONS_MAX + N_COMMON) + 3];
	int r = CLI_CONTINUE, option;

	options_join(own, stop, options, letters);
	optind = 0;
	opterr = 0;
	while (r == CLI_CONTINUE && (option = getopt_long(argc, argv, letters, options, NULL)) >= 0) {
		if (option == '?')
			return cli_usage(cli, "unknown option %s", argv[optind - 1]);
		if (option == ':')
			return cli_usage(cli, "%s needs a value", argv[optind - 1]);
		if (!common_option(cli, option, optarg, &r) && !handle(data, option, optarg))
			r = CLI_USAGE;
	}
	return r;
}

int cli_parse(struct cli *cli, int argc, char **argv, const struct option *own, cli_option_fn handle,
	      void *data, int min, int max, int *ret_first)
{
	int r = parse(cli, argc, argv, own, handle, data, false);

	if (r != CLI_CONTINUE)
		return r;
	if (argc - optind < min)
		return cli_usage(cli, "\"%s\" needs %s", cli->verb->name, cli->verb->arguments);
	if (argc - optind > max)
		return cli_usage(cli, "\"%s\": one argument too many", argv[optind + max]);
	*ret_first = optind;
	return CLI_CONTINUE;
}

/* A descriptor that was closed by the caller must not become the daemon's socket: then output would go there.
 */
static void reserve_standard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
			_exit(CLI_FAILED);
}

/* The verb that argv begins with, two words before one; *ret_words is how many it took. */
static const struct cli_verb *find_verb(int argc, char **argv, int *ret_words)
{
	for (int words = argc > 1 ? 2 : 1; words > 0; words--) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s%s", argv[0], words > 1 ? " " : "",
			 words > 1 ? argv[1] : "");
		for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
			if (!strcmp(verb->name, name)) {
				*ret_words = words;
				return verb;
			}
	}
	return NULL;
}

/* "show, explain, who": the second words of a first one. False if no verb begins with it. */
static bool second_words(const char *first, char *text, size_t size)
{
	size_t length = strlen(first), n = 0;

	for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
		if (!strncmp(verb->name, first, length) && verb->name[length] == ' ' && n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "",
					      verb->name + length + 1);
	return n > 0;
}

/* The verb, or the first word of one, that may have been meant; NULL if none is near. */
static const char *nearest_verb(const char *word, char buffer[VERB_WORD_MAX])
{
	char words[VERBS_MAX][VERB_WORD_MAX];
	const char *names[VERBS_MAX], *nearest;
	size_t n = 0;

	for (const struct cli_verb *verb = cli_verbs; verb->name && n < VERBS_MAX; verb++, n++) {
		snprintf(words[n], sizeof(words[n]), "%.*s", (int)strcspn(verb->name, " "), verb->name);
		names[n] = words[n];
	}
	nearest = config_nearest(word, names, n);
	return nearest ? strcpy(buffer, nearest) : NULL;
}

static int unknown_verb(struct cli *cli, int argc, char **argv)
{
	char words[CLI_TEXT_MAX], verb[VERB_WORD_MAX];
	const char *nearest;

	if (second_words(argv[0], words, sizeof(words))) {
		if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")))
			return cmd_help(cli, 2, (char *[]){ argv[0], argv[0], NULL });
		if (argc > 1 && argv[1][0] != '-')
			return cli_usage(cli, "no verb \"%s %s\"; there are: %s", argv[0], argv[1], words);
		return cli_usage(cli, "\"%s\" needs a second word: %s", argv[0], words);
	}
	nearest = nearest_verb(argv[0], verb);
	return nearest ? cli_usage(cli, "no verb \"%s\", did you mean \"%s\"?", argv[0], nearest)
		       : cli_usage(cli, "no verb \"%s\"", argv[0]);
}

int cli_main(int argc, char **argv)
{
	struct cli cli = {};
	int words = 0, first, flushed, r;

	reserve_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	r = parse(&cli, argc, argv, NULL, NULL, NULL, true);
	first = optind;
	if (r == CLI_CONTINUE && first == argc) {
		r = cmd_overview(&cli, 1, argv);
	} else if (r == CLI_CONTINUE) {
		cli.verb = find_verb(argc - first, argv + first, &words);
		if (!cli.verb)
			r = unknown_verb(&cli, argc - first, argv + first);
		else if (cli.dry_run && !cli.verb->changes)
			r = cli_usage(&cli, "\"%s\" changes nothing, so there is no --dry-run",
				      cli.verb->name);
		else
			r = cli.verb->run(&cli, argc - first - words + 1, argv + first + words - 1);
	}
	flushed = cli_flush();
	return r == CLI_OK ? flushed : r;
}
