/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/revocation-list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/bundle/verbs.h"
#include "client/cli/cli.h"
#include "client/cli/trust-view.h"

void revocation_list_done(struct revocation_list *list)
{
	free(list->revoked);
	free(list->text);
	*list = (struct revocation_list){};
}

int revocation_list_read(const char *path, struct revocation_list *list)
{
	struct refusal refusal = {};
	int r = read_path(path, TRUST_FILE_SIZE_MAX, &list->text, &list->size);

	if (r == -ENOENT)
		return CLI_CONTINUE;
	if (!r)
		r = revocations_parse(list->text, list->size, &list->revoked, &list->n, &refusal);
	return r ? tell(path, r, &refusal) : CLI_CONTINUE;
}

static bool contains(const struct revocation_list *list, const struct revocation *entry)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct revocation *r = &list->revoked[i];

		if (r->kind == entry->kind && r->serial == entry->serial && !strcmp(r->name, entry->name) &&
		    !memcmp(r->digest, entry->digest, sizeof(r->digest)))
			return true;
	}
	return false;
}

/* The file's own reader has the last word on names and reasons. */
static int render(struct revocation_list *list, struct refusal *refusal)
{
	_cleanup_free_ struct revocation *parsed = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size, n;
	int r;

	r = revocations_write((uint64_t)time(NULL), list->revoked, list->n, &text, &size, refusal);
	if (!r)
		r = revocations_parse(text, size, &parsed, &n, refusal);
	if (r)
		return r;
	free(list->text);
	list->text = take_ptr(text);
	list->size = size;
	return 0;
}

int revocation_list_add(struct revocation_list *list, const struct revocation *entry, const char *path)
{
	char text[REVOCATION_TEXT_MAX];
	struct revocation *revoked;
	struct refusal refusal = {};
	int r;

	if (contains(list, entry)) {
		cli_say("%s: %s is in it already; to sign it as it is, say nothing to revoke", path,
			revocation_text(entry, text));
		return CLI_FAILED;
	}
	revoked = reallocarray(list->revoked, list->n + 1, sizeof(*revoked));
	if (!revoked)
		return cli_broken(-ENOMEM);
	list->revoked = revoked;
	list->revoked[list->n++] = *entry;
	r = render(list, &refusal);
	return r ? tell(path, r, &refusal) : CLI_CONTINUE;
}

size_t revocation_list_missing(const struct revocation_list *list, const struct revocation_list *other)
{
	size_t n = 0;

	for (size_t i = 0; i < other->n; i++)
		n += !contains(list, &other->revoked[i]);
	return n;
}
