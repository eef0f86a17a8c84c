/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A log that cannot be continued, because its newest segment is damaged, or is older than a checkpoint that
 * we signed, must not stop the daemon, nor be forgotten: all of it is moved aside, under names that nothing
 * here ever opens again, and another log begins, with another name and with numbers that none of the old ones
 * has.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "audit/schema.h"
#include "audit/store/segment-query.h"
#include "audit/store/store-private.h"
#include "audit/store/tail.h"

#define ASIDE "damaged-"

/* --- what is remembered ----------------------------------------------------------------------------------
 */

/* Whether we signed it, for whichever log. */
static bool is_ours(const struct store *store, const char *note, struct checkpoint *ret)
{
	struct note_signer *signer = NULL;
	char name[NOTE_NAME_MAX], vkey[NOTE_VKEY_MAX];
	size_t size = strcspn(note, "\n");
	struct note_key key;
	bool ours = false;

	if (size >= sizeof(name))
		return false;
	memcpy(name, note, size);
	name[size] = '\0';
	if (note_signer_new(name, store->seed, &signer) < 0)
		return false;
	note_signer_vkey(signer, vkey);
	if (note_key_parse(vkey, &key) >= 0)
		ours = checkpoint_verify(&key, note, strlen(note), ret) == NOTE_GOOD;
	note_signer_free(signer);
	return ours;
}

static int compare_with(struct store *store, const struct checkpoint *checkpoint, struct refusal *refusal)
{
	uint8_t root[DIGEST_SIZE];
	int r;

	if (strcmp(checkpoint->origin, store->meta.origin))
		return schema_damaged(refusal, "checkpoint", "the last checkpoint is of the log %s",
				      checkpoint->origin);
	if (checkpoint->size > store->edge.size)
		return schema_damaged(refusal, "checkpoint",
				      "the log has %" PRIu64 " records, its last checkpoint %" PRIu64,
				      store->edge.size, checkpoint->size);
	if (checkpoint->size < store->firsts[0] - 1 - store->meta.base)
		return 0;
	r = store_root_at(store, checkpoint->size, root, refusal);
	/* An old segment that cannot be read is the auditor's to find. */
	if (r)
		return r == -ENOMEM ? r : 0;
	return memcmp(root, checkpoint->root, DIGEST_SIZE)
		       ? schema_damaged(refusal, "checkpoint",
					"the records are not those of the last checkpoint")
		       : 0;
}

int store_compare(struct store *store, struct refusal *refusal)
{
	char note[NOTE_SIZE_MAX];
	int r = 0;

	for (int i = 0; !r && i < 2; i++) {
		struct checkpoint checkpoint;

		if (recall_read(&store->recall, i, note) && strcmp(note, store->checkpoint) &&
		    is_ours(store, note, &checkpoint))
			r = compare_with(store, &checkpoint, refusal);
	}
	return r;
}

/* --- the highest number that may have been given ---------------------------------------------------------
 */

static void raise_to(uint64_t *known, uint64_t value)
{
	if (value > *known)
		*known = value;
}

/* No record takes less of the database or of its write-ahead log. */
#define RECORD_SIZE_MIN 64

static uint64_t size_of(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

/* What the names and sizes of files that were moved aside say; whether there are any. */
static bool raise_to_aside(const struct store *store, uint64_t *known)
{
	int fd = openat(store->directory.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool found = false;

	if (!dir) {
		close_fd(fd);
		return false;
	}
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, ASIDE, strlen(ASIDE))) {
			uint64_t first = strtoull(entry->d_name + strlen(ASIDE), NULL, 10);

			found = true;
			if (first <= INT64_MAX)
				raise_to(known, first + size_of(fd, entry->d_name) / RECORD_SIZE_MIN);
		}
	closedir(dir);
	return found;
}

static uint64_t highest_by_size(const struct store *store, uint64_t first)
{
	char name[SEGMENT_NAME_MAX + 4];

	segment_format_name(first, name);
	first += size_of(store->directory.fd, name) / RECORD_SIZE_MIN;
	strcat(name, "-wal");
	return first + size_of(store->directory.fd, name) / RECORD_SIZE_MIN;
}

/* What the newest segment says itself, as far as it can be read; whether it does. */
static bool raise_to_segment(struct store *store, uint64_t *known, uint64_t *ret_base)
{
	_cleanup_(segment_close_p) struct segment *segment = NULL;
	uint64_t head;

	if (segment_open_old(&store->directory, store->firsts[store->n_firsts - 1], &segment, NULL))
		return false;
	*ret_base = segment->meta.base;
	raise_to(known, segment->meta.journal_seq);
	if (tail_find_head(segment, &head, NULL))
		return false;
	raise_to(known, head);
	return true;
}

/* An upper bound: what no checkpoint covers are fewer than AUDIT_ANEW_GAP. */
static uint64_t base_above(uint64_t known)
{
	return (known / AUDIT_ANEW_GAP + 2) * AUDIT_ANEW_GAP;
}

static uint64_t highest_known(struct store *store)
{
	uint64_t known = store->head, base = 0;
	bool bounded = false;

	/* If the log after those is gone as a whole, that is where it began, at most. */
	if (raise_to_aside(store, &known))
		base = base_above(known);
	if (store->n_firsts) {
		/* No log's base is above its first record, if it cannot say more. */
		base = store->firsts[0] - 1;
		raise_to(&known, store->firsts[store->n_firsts - 1]);
		bounded = raise_to_segment(store, &known, &base);
	}
	for (int i = 0; i < 2; i++) {
		struct checkpoint checkpoint;
		char note[NOTE_SIZE_MAX];

		if (!recall_read(&store->recall, i, note) || !is_ours(store, note, &checkpoint))
			continue;
		raise_to(&known, base + checkpoint.size);
		bounded = true;
	}
	if (!bounded && store->n_firsts)
		raise_to(&known, highest_by_size(store, store->firsts[store->n_firsts - 1]));
	return known;
}

bool store_was_here(const struct store *store)
{
	char note[NOTE_SIZE_MAX];
	struct checkpoint checkpoint;
	uint64_t known = 0;

	for (int i = 0; i < 2; i++)
		if (recall_read(&store->recall, i, note) && is_ours(store, note, &checkpoint))
			return true;
	return raise_to_aside(store, &known);
}

/* --- aside -----------------------------------------------------------------------------------------------
 */

static int move(const struct store *store, const char *from, const char *to)
{
	int fd = store->directory.fd;

	return renameat(fd, from, fd, to) < 0 && errno != ENOENT ? -errno : 0;
}

static int move_segment(const struct store *store, uint64_t first, const char *time)
{
	static const char *const suffixes[] = { "-shm", "-wal", "" };
	char name[SEGMENT_NAME_MAX], from[SEGMENT_NAME_MAX + 8], to[128];
	int r = 0;

	segment_format_name(first, name);
	for (size_t i = 0; r >= 0 && i < 3; i++) {
		snprintf(from, sizeof(from), "%s%s", name, suffixes[i]);
		snprintf(to, sizeof(to), ASIDE "%012" PRIu64 "-%s.sqlite%s", first, time, suffixes[i]);
		r = move(store, from, to);
	}
	return r;
}

/* The checkpoint goes last: as long as it is there, a log without its newest segment is found to be one. */
static int move_aside(struct store *store)
{
	uint64_t first = store->n_firsts ? store->firsts[store->n_firsts - 1] : 0;
	struct timespec now;
	struct tm tm;
	char seconds[32], time[48], name[128];
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y%m%dT%H%M%S", &tm);
	snprintf(time, sizeof(time), "%s.%09ldZ", seconds, now.tv_nsec);
	for (size_t i = store->n_firsts; r >= 0 && i-- > 0;)
		r = move_segment(store, store->firsts[i], time);
	snprintf(name, sizeof(name), ASIDE "%012" PRIu64 "-%s.removed", first, time);
	if (r >= 0)
		r = move(store, STORE_REMOVED, name);
	snprintf(name, sizeof(name), ASIDE "%012" PRIu64 "-%s.checkpoint", first, time);
	if (r >= 0)
		r = recall_move_aside(&store->recall, name);
	return r >= 0 && fsync(store->directory.fd) < 0 ? -errno : r;
}

/* Of the last checkpoint, on one line: name, size, root. */
static void last_words(const struct store *store, char *ret, size_t size)
{
	char note[NOTE_SIZE_MAX] = "";
	struct checkpoint checkpoint;
	uint64_t largest = 0;

	ret[0] = '\0';
	for (int i = 0; i < 2; i++)
		if (recall_read(&store->recall, i, note) && is_ours(store, note, &checkpoint) &&
		    checkpoint.size > largest) {
			char *end = strstr(note, "\n\n");

			largest = checkpoint.size;
			if (end)
				*end = '\0';
			for (char *c = note; *c; c++)
				if (*c == '\n')
					*c = ' ';
			snprintf(ret, size, "; the last checkpoint before: %s", note);
		}
}

static int keep_why(struct store *store, const struct refusal *why)
{
	char words[512];
	char *text = NULL;

	/* The first attempt knows more than those after it. */
	if (store->unrecorded)
		return 0;
	last_words(store, words, sizeof(words));
	if (asprintf(&text, "%s: %s%s", why->subject, why->reason, words) < 0)
		return -ENOMEM;
	free(store->anew);
	store->anew = text;
	store->unrecorded = true;
	return 0;
}

int store_begin_anew(struct store *store, struct refusal *refusal)
{
	int r;

	store->old = segment_close(store->old);
	store->segment = segment_close(store->segment);
	r = keep_why(store, refusal);
	if (r < 0)
		return r;
	store->next_base = base_above(highest_known(store));
	r = move_aside(store);
	if (r < 0)
		return directory_refuse(refusal, "aside", -r,
					"a log that cannot be continued stays in the way");
	store->n_firsts = 0;
	store->meta.base = store->head = store->journal_seq = store->next_base;
	store->edge = (struct tree_edge)TREE_EDGE_INIT;
	store->signed_size = 0;
	store->checkpoint[0] = '\0';
	store->rotate_size = store->segment_size;
	store->known.n = 0;
	return store_ready(store, refusal);
}

/* Ended between the new log's beginning and its first record, the daemon does not know any more why. */
int store_check_first(struct store *store)
{
	static const struct refusal unknown = { .subject = "open",
						.reason = "the log before was moved aside" };

	if (store->meta.base == 0 || store->head > store->meta.base)
		return 0;
	return keep_why(store, &unknown);
}
