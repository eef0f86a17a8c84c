/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* audit verify: was the log only added to since the last visit, and what about that nobody can prove. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/audit-journal.h"
#include "client/cli/audit-verdict.h"
#include "client/cli/source-daemon.h"
#include "common/fd.h"

#define ANCHORS_MAX 64

enum { OPTION_CHECKPOINT = 0x100, OPTION_KEY, OPTION_JOURNAL, OPTION_QUICK };

struct visit {
	const struct cli *cli;
	const char *directory; /* NULL: the daemon's own */
	const char *journal;   /* file; NULL: this host's */
	struct verify_options options;
	struct verify_anchor anchors[ANCHORS_MAX];
	char *notes[ANCHORS_MAX];
	struct audit_copies copies;

	char *memory_directory; /* NULL: there is none to be had */
	char place[MEMORY_PLACE_MAX];
	struct memory memory;
	bool known;
	int failed; /* exit code if an option was wrong */
};

static bool fail(struct visit *visit, int code)
{
	visit->failed = code;
	return false;
}

static bool add_checkpoint(struct visit *visit, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	size_t n = visit->options.n_anchors, size;
	int r;

	if (n == ANCHORS_MAX)
		return fail(visit, cli_usage(visit->cli, "at most %d checkpoints at once", ANCHORS_MAX));
	fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	r = fd < 0 ? -errno : fd_read_all(fd, NOTE_SIZE_MAX - 1, &visit->notes[n], &size);
	if (r) {
		cli_say("%s: %s", name, r == -EFBIG ? "is too long for a checkpoint" : strerror(-r));
		return fail(visit, r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED);
	}
	visit->anchors[n] = (struct verify_anchor){ name, visit->notes[n], size };
	visit->options.n_anchors++;
	return true;
}

static bool set_key(struct visit *visit, const char *value)
{
	struct note_key key;

	visit->options.key = value;
	if (note_key_parse(value, &key) < 0)
		return fail(visit,
			    cli_usage(visit->cli, "--key takes a verifier key such as NAME+HASH+BASE64, "
						  "as bpfwarden audit checkpoint --key prints it"));
	return true;
}

static bool on_option(void *data, int option, const char *value)
{
	struct visit *visit = data;

	switch (option) {
	case OPTION_CHECKPOINT:
		return add_checkpoint(visit, value);
	case OPTION_KEY:
		return set_key(visit, value);
	case OPTION_JOURNAL:
		visit->options.journal = true;
		visit->journal = value;
		return true;
	case OPTION_QUICK:
		visit->options.quick = true;
		return true;
	}
	return false;
}

static int open_directory(const char *directory, struct audit_source **ret)
{
	struct refusal refusal = { 0 };
	int r = audit_source_open(directory, ret, &refusal);
	char text[CLI_TEXT_MAX];

	if (r == 0)
		return CLI_CONTINUE;
	if (r < 0) {
		cli_say("%s: %s%s", directory, strerror(-r),
			r == -ENOTDIR ? ": name the directory of the log, with all its files" : "");
		return r == -ENOENT || r == -ENOTDIR ? CLI_NOT_FOUND : CLI_FAILED;
	}
	cli_say("%s: %s", directory, cli_printable_copy(refusal.reason, text, sizeof(text)));
	return CLI_FAILED;
}

/* The journal first: what it has by then, the log has, too. */
static int open_source(struct visit *visit, struct audit_source **ret)
{
	if (visit->options.journal) {
		int r = audit_copies_read(visit->journal, &visit->copies);

		if (r != CLI_CONTINUE)
			return r;
		visit->options.copies = visit->copies.items;
		visit->options.n_copies = visit->copies.n;
	}
	if (visit->directory)
		return open_directory(visit->directory, ret);
	source_daemon_place(visit->place, sizeof(visit->place));
	return source_daemon_open(ret);
}

/* What was known of this log, under the key that it must have or that it says it has. */
static int recall(struct visit *visit, struct audit_source *source)
{
	_cleanup_free_ char *path = NULL;
	struct audit_source_log log = { 0 };
	struct refusal refusal;
	struct note_key key;
	const char *vkey;
	int r = memory_directory(&visit->memory_directory);

	if (r == -ENOENT) {
		cli_say("nothing is remembered: neither XDG_STATE_HOME nor HOME says where");
		return CLI_CONTINUE;
	}
	if (!r && source->calls->describe(source, &log, &refusal))
		return CLI_CONTINUE; /* verification says what is the matter */
	vkey = visit->options.key ? visit->options.key : log.key;
	if (!r && note_key_parse(vkey, &key) == 0)
		r = memory_load(visit->memory_directory, vkey, visit->place, &visit->memory, &path);
	else if (!r)
		r = -ENOENT;
	if (r == -EBADMSG)
		cli_say("%s is damaged, or not the memory of a log; if you move it away, this is a first "
			"visit",
			path);
	else if (r && r != -ENOENT)
		cli_say("what was remembered cannot be read: %s", strerror(-r));
	visit->known = r == 0;
	visit->options.memory = visit->known ? &visit->memory : NULL;
	return r && r != -ENOENT ? CLI_FAILED : CLI_CONTINUE;
}

/* CLI_CONTINUE: as it should be. */
static int remember(struct visit *visit, const struct verify *verify, bool *ret_remembered)
{
	struct memory memory = MEMORY_INIT;
	int r = -ENODATA;

	*ret_remembered = false;
	if (visit->memory_directory)
		r = verify_remember(verify, visit->options.memory, &memory);
	if (r == -ENODATA)
		return CLI_CONTINUE;
	if (!r) {
		/* A copy of the daemon's directory says nothing of where its daemon is. */
		snprintf(memory.place, sizeof(memory.place), "%s",
			 *visit->place ? visit->place : visit->memory.place);
		r = memory_store(visit->memory_directory, &memory);
		memory_clear(&memory);
	}
	*ret_remembered = !r;
	if (!r)
		return CLI_CONTINUE;
	if (r == -ESTALE) {
		cli_say("a later visit is remembered already, and stays");
		return CLI_CONTINUE;
	}
	cli_say("this visit cannot be remembered in %s: %s", visit->memory_directory, strerror(-r));
	return CLI_FAILED;
}

static int broken(const struct visit *visit, const struct audit_source *source, int r,
		  const struct refusal *refusal)
{
	char text[CLI_TEXT_MAX];

	if (r == -EOPNOTSUPP)
		return cli_usage(visit->cli, "--quick needs a daemon that proves something: leave DIR out");
	if (r < 0)
		return cli_broken(r);
	if (!visit->directory)
		return source_daemon_failed(source);
	cli_say("%s: %s", visit->directory, cli_printable_copy(refusal->reason, text, sizeof(text)));
	return CLI_FAILED;
}

static int perform(struct visit *visit)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	_cleanup_(verify_free_p) struct verify *verify = NULL;
	struct refusal refusal = { 0 };
	bool remembered;
	int r = open_source(visit, &source);

	if (r == CLI_CONTINUE)
		r = recall(visit, source);
	if (r != CLI_CONTINUE)
		return r;
	r = verify_log(source, &visit->options, &verify, &refusal);
	if (r)
		return broken(visit, source, r, &refusal);
	r = remember(visit, verify, &remembered);
	audit_verdict_print(visit->cli, verify, remembered);
	if (r != CLI_CONTINUE)
		return r;
	return verify_good(verify) ? CLI_OK : CLI_FAILED;
}

static void clear(struct visit *visit)
{
	for (size_t i = 0; i < ANCHORS_MAX; i++)
		free(visit->notes[i]);
	audit_copies_clear(&visit->copies);
	free(visit->memory_directory);
	memory_clear(&visit->memory);
}

int cmd_audit_verify(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "checkpoint", required_argument, NULL, OPTION_CHECKPOINT },
		{ "key", required_argument, NULL, OPTION_KEY },
		{ "journal", optional_argument, NULL, OPTION_JOURNAL },
		{ "quick", no_argument, NULL, OPTION_QUICK },
		{},
	};
	struct visit visit = { .cli = cli };
	int first, r;

	visit.options.anchors = visit.anchors;
	r = cli_parse(cli, argc, argv, options, on_option, &visit, 0, 1, &first);
	if (r == CLI_CONTINUE) {
		visit.directory = first < argc ? argv[first] : NULL;
		r = perform(&visit);
	} else if (visit.failed) {
		r = visit.failed;
	}
	clear(&visit);
	return r;
}
