/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/bundle/verbs.h"
#include "common/fd.h"
#include "signing/trust.h"

int tell(const char *what, int r, const struct refusal *refusal)
{
	fflush(stdout);
	if (r > 0) {
		fprintf(stderr, "bpfwarden: %s: %s (%s%s%s)\n", what, refusal->reason,
			refusal_name(refusal->code), *refusal->subject ? ", " : "", refusal->subject);
		return refusal_exit_code(refusal->code);
	}
	fprintf(stderr, "bpfwarden: %s: %s\n", what, strerror(-r));
	return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
}

int tell_usage(const struct bundle_verb *verb, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("bpfwarden: ", stderr);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nTry: bpfwarden bundle %s%s--help\n", verb ? verb->name : "", verb ? " " : "");
	return EXIT_USAGE;
}

void tell_help(const struct bundle_verb *verb)
{
	if (verb) {
		printf("bpfwarden bundle %s %s\n  %s\n\n%s  -h, --help             this help\n", verb->name,
		       verb->arguments, verb->summary, verb->details);
		return;
	}
	printf("bpfwarden bundle VERB …\n  Make, sign and look at bundles: no privileges, no daemon.\n\n");
	for (verb = bundle_verbs; verb->name; verb++)
		if (!verb->hidden)
			printf("  %-10s %s\n", verb->name, verb->summary);
	printf("\n  -h, --help    help, also for each verb; man 1 bpfwarden-bundle\n");
}

bool output_is_json(const struct bundle_verb *verb, const char *value, bool *ret)
{
	bool json = !strcmp(value, "json");

	if (!json && strcmp(value, "text") != 0) {
		tell_usage(verb, "-o takes text or json, not \"%s\"", value);
		return false;
	}
	*ret = json;
	return true;
}

int read_path(const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? -errno : fd_read_all(fd, max, ret, ret_size);
}

int load_trust(const char *directory, struct trust **ret)
{
	const char *const own[] = { directory, NULL };
	struct refusal refusal = {};
	struct stat st;
	int r;

	/* The daemon's layers may be missing; a directory that somebody names may not. */
	if (directory && stat(directory, &st) < 0)
		return tell(directory, -errno, NULL);
	if (directory && !S_ISDIR(st.st_mode))
		return tell(directory, -ENOTDIR, NULL);
	r = trust_load(directory ? own : trust_directories, directory ? geteuid() : 0, ret, &refusal);
	if (r == 0)
		return EXIT_OK;
	if (r < 0) {
		tell(directory ?: "the host's trust", r, NULL);
		if (r == -EACCES)
			fprintf(stderr, "bpfwarden: some file of it is not readable for you, as all of it "
					"should be\n");
		return EXIT_FAILED;
	}
	/* Its subject is the place, which comes first as with a compiler. */
	fprintf(stderr, "bpfwarden: %s%s%s\n", refusal.subject, *refusal.subject ? ": " : "", refusal.reason);
	return EXIT_FAILED;
}

const char *date_text(int64_t seconds, char buffer[DATE_TEXT_MAX])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buffer, DATE_TEXT_MAX, "%Y-%m-%d", &tm))
		strcpy(buffer, "?");
	return buffer;
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void print_quoted(const char *text)
{
	if (*text &&
	    !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:+,@%")]) {
		fputs(text, stdout);
		return;
	}
	putchar('\'');
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	putchar('\'');
}
