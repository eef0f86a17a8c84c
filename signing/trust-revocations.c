/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lists of revocations beside the roles: rule L11 of docs/FORMAT-bundle.md. Every layer's
 * counts; none masks another, because a list only ever takes away.
 */
#include "signing/trust-revocations.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "signing/roles.h"

#define REFUSE(list, ...) refusal_set((list)->refusal, REFUSAL_TRUST_INVALID, (list)->path, __VA_ARGS__)

/* One list being read. */
struct list {
	const char *directory;
	char path[PATH_MAX];
	uid_t owner;
	struct refusal *refusal;
	char *bytes, *signatures[SIGNATURES_MAX];
	size_t size, n_signatures;
	struct trust_signature signature[SIGNATURES_MAX];
};

static void list_clear(struct list *list)
{
	free(list->bytes);
	for (size_t i = 0; i < list->n_signatures; i++)
		free(list->signatures[i]);
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int read_file(struct list *list, int dir, const char *name, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = fd_open_trusted(dir, name, list->owner);
	int r = fd;

	if (fd >= 0)
		r = fd_read_all(fd, max, ret, ret_size);
	if (r >= 0)
		return 0;
	if (r == -ENOENT || r == -ENOMEM || r == -EMFILE || r == -ENFILE)
		return r;
	if (r == -EPERM || r == -ELOOP)
		return REFUSE(
			list,
			"%s must be a plain file of root that nobody else may write, reached over no link",
			name);
	return REFUSE(list, "%s: %s", name, strerror(-r));
}

/* revocations.json.NAME.p7s */
static bool is_signature(const char *name)
{
	size_t n = strlen(name), prefix = sizeof(REVOCATIONS_NAME ".") - 1, suffix = sizeof(".p7s") - 1;

	return n > prefix + suffix && !strncmp(name, REVOCATIONS_NAME ".", prefix) &&
	       !strcmp(name + n - suffix, ".p7s");
}

static int read_signatures(struct list *list, int dir)
{
	__attribute__((cleanup(closedir_p))) DIR *d = NULL;
	const struct dirent *entry;
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		r = -errno;
		close_fd(copy);
		return r;
	}
	while (!r && (entry = readdir(d))) {
		size_t i = list->n_signatures;

		if (!is_signature(entry->d_name))
			continue;
		if (i == SIGNATURES_MAX)
			return REFUSE(list, "it has more than %d signatures", SIGNATURES_MAX);
		r = read_file(list, dir, entry->d_name, SIGNATURE_SIZE_MAX, &list->signatures[i],
			      &list->signature[i].size);
		if (r)
			break;
		list->signature[i].bytes = list->signatures[i];
		list->n_signatures++;
	}
	return r;
}

/* The roles that may revoke and whose threshold is met. The time of a signature does not count: what was
 * revoked stays revoked when the certificate of who said so has expired. */
static int find_roles(const struct trust *trust, struct list *list, uint32_t *ret_roles)
{
	const struct trust_input input = { .manifest = list->bytes,
					   .manifest_size = list->size,
					   .signatures = list->signature,
					   .n_signatures = list->n_signatures,
					   .now = CMS_AT_NO_TIME,
					   .known = CMS_AT_NO_TIME };
	struct trust_result result = {};
	struct judgement j = { .trust = trust, .input = &input, .result = &result };
	struct refusal best = {};
	int r;

	r = trust_meet_thresholds(&j, &best);
	if (r < 0)
		return r;
	*ret_roles = 0;
	for (size_t i = 0; i < trust->n_roles; i++)
		if ((result.met & 1U << i) && (trust->roles[i].may & TRUST_MAY_REVOKE))
			*ret_roles |= 1U << i;
	if (*ret_roles)
		return 0;
	if (result.met)
		return REFUSE(list, "no role that signed it may revoke (may = revoke)");
	return REFUSE(list, "no role that may revoke has signed it: %s%s%s",
		      best.code ? best.reason : "there is no file " REVOCATIONS_NAME ".NAME.p7s beside it",
		      best.code ? ", rule " : "", best.subject);
}

static int append(struct trust *trust, const struct revocation *entries, size_t n, uint32_t roles)
{
	size_t total = trust->n_revoked + n;
	struct revocation *revoked = reallocarray(trust->revoked, total ? total : 1, sizeof(*revoked));
	uint32_t *by;

	if (!revoked)
		return -ENOMEM;
	trust->revoked = revoked;
	by = reallocarray(trust->revoked_by, total ? total : 1, sizeof(*by));
	if (!by)
		return -ENOMEM;
	trust->revoked_by = by;
	for (size_t i = 0; i < n; i++) {
		revoked[trust->n_revoked + i] = entries[i];
		by[trust->n_revoked + i] = roles;
	}
	trust->n_revoked = total;
	return 0;
}

static int load_list(struct trust *trust, struct list *list)
{
	_cleanup_free_ struct revocation *entries = NULL;
	_cleanup_close_ int dir = fd_open_trusted_dir(AT_FDCWD, list->directory, list->owner);
	struct refusal problem = {};
	uint32_t roles = 0;
	size_t n = 0;
	int r;

	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	r = read_file(list, dir, REVOCATIONS_NAME, MANIFEST_SIZE_MAX, &list->bytes, &list->size);
	if (r == -ENOENT)
		return 0;
	if (!r)
		r = read_signatures(list, dir);
	if (!r)
		r = find_roles(trust, list, &roles);
	if (r)
		return r;
	r = revocations_parse(list->bytes, list->size, &entries, &n, &problem);
	if (r > 0)
		return REFUSE(list, "%s (%s)", problem.reason, problem.subject);
	return r < 0 ? r : append(trust, entries, n, roles);
}

int trust_load_revocations(struct trust *trust, const char *const *directories, uid_t owner,
			   struct refusal *refusal)
{
	for (; *directories; directories++) {
		__attribute__((cleanup(list_clear))) struct list list = { .directory = *directories,
									  .owner = owner,
									  .refusal = refusal };
		int r;

		if ((size_t)snprintf(list.path, sizeof(list.path), "%s/%s", *directories, REVOCATIONS_NAME) >=
		    sizeof(list.path))
			return -ENAMETOOLONG;
		r = load_list(trust, &list);
		if (r)
			return r;
	}
	return 0;
}
