/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store/key.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define KEY_FILE "key"

static int get_random(void *bytes, size_t size)
{
	return getrandom(bytes, size, 0) == (ssize_t)size ? 0 : -EIO;
}

static int refuse(struct refusal *refusal, const char *where, const char *why)
{
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "key",
			   "%s cannot be the seed of the audit key: %s", where, why);
}

static int read_seed(int dir_fd, const char *name, uint8_t ret[NOTE_SEED_SIZE], struct refusal *refusal)
{
	char bytes[NOTE_SEED_SIZE + 2];
	size_t size;
	int r = directory_read(dir_fd, name, bytes, sizeof(bytes), &size);

	if (r == -ENOENT || r == -ENOMEM)
		return r;
	if (r == 0 && size == NOTE_SEED_SIZE)
		memcpy(ret, bytes, NOTE_SEED_SIZE);
	explicit_bzero(bytes, sizeof(bytes));
	if (r < 0 && r != -EFBIG)
		return refuse(refusal, name, strerror(-r));
	return size == NOTE_SEED_SIZE && r == 0 ? 0 : refuse(refusal, name, "it has not 32 bytes");
}

static int make_seed(const struct directory *directory, uint8_t ret[NOTE_SEED_SIZE], struct refusal *refusal)
{
	int r = get_random(ret, NOTE_SEED_SIZE);

	if (r >= 0)
		r = directory_replace(directory->fd, KEY_FILE, ret, NOTE_SEED_SIZE, 0600);
	return r < 0 ? directory_refuse(refusal, "key", -r, KEY_FILE) : 0;
}

int key_load(const struct directory *directory, const char *credentials, uint8_t ret[NOTE_SEED_SIZE],
	     struct refusal *refusal)
{
	char path[PATH_MAX];
	int r;

	if (credentials) {
		if (snprintf(path, sizeof(path), "%s/" KEY_CREDENTIAL, credentials) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		r = read_seed(AT_FDCWD, path, ret, refusal);
		if (r != -ENOENT)
			return r;
	}
	r = read_seed(directory->fd, KEY_FILE, ret, refusal);
	if (r == -ENOENT)
		r = make_seed(directory, ret, refusal);
	return r;
}

int key_make_origin(char ret[NOTE_NAME_MAX])
{
	char host[64] = "";
	uint64_t random;
	int r = get_random(&random, sizeof(random));

	if (r < 0)
		return r;
	/* A name that was cut says as much as a whole one. */
	(void)gethostname(host, sizeof(host) - 1);
	for (char *c = host; *c; c++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", *c))
			*c = '-';
	snprintf(ret, NOTE_NAME_MAX, "bpfwarden/%s/%016" PRIx64, *host ? host : "localhost", random);
	return 0;
}
