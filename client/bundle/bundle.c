/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/bundle/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/bundle/bundle-internal.h"
#include "common/fd.h"
#include "format/manifest.h"

/* Everything in an archive, with its headers. */
#define ARCHIVE_SIZE_MAX ((uint64_t)BUNDLE_FILES_MAX * BUNDLE_FILE_SIZE_MAX + (1U << 20))

struct bundle *bundle_new(void)
{
	return calloc(1, sizeof(struct bundle));
}

struct bundle *bundle_free(struct bundle *b)
{
	if (!b)
		return NULL;
	free(b->manifest.bytes);
	for (size_t i = 0; i < b->n_signatures; i++)
		free(b->signatures[i].bytes);
	for (size_t i = 0; i < b->n_files; i++)
		free(b->files[i].bytes);
	free(b);
	return NULL;
}

void members_done(struct members *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->file[i].bytes);
	m->n = 0;
}

static uint64_t size_limit(const char *name)
{
	if (!strcmp(name, MANIFEST_NAME))
		return MANIFEST_SIZE_MAX;
	return manifest_signature_name_valid(name) ? SIGNATURE_SIZE_MAX : BUNDLE_FILE_SIZE_MAX;
}

int members_check(const struct members *m, const char *name, uint64_t size, struct refusal *refusal)
{
	if (!manifest_file_name_valid(name))
		REFUSE("C2", "\"%.80s\" is not a plain name of [a-z0-9._-]", name);
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->file[i].name, name))
			REFUSE("C3", "%s is there twice", name);
	if (size > size_limit(name))
		REFUSE("C4", "%s has more than %llu bytes", name, (unsigned long long)size_limit(name));
	if (m->n == MEMBERS_MAX)
		REFUSE("C4", "the bundle has more than %d members", MEMBERS_MAX);
	return 0;
}

static void set_file(struct bundle_file *file, const char *name, char *bytes, size_t size)
{
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->bytes = bytes;
	file->size = size;
}

void members_add(struct members *m, const char *name, char *bytes, size_t size)
{
	set_file(&m->file[m->n++], name, bytes, size);
}

static struct bundle_file *find_member(struct members *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->file[i].bytes && !strcmp(m->file[i].name, name))
			return &m->file[i];
	return NULL;
}

static void take_member(struct bundle_file *to, struct bundle_file *from)
{
	*to = *from;
	from->bytes = NULL;
}

/* C5: a file of the manifest is there, as long as it says and with its digest. */
static int take_file(struct bundle *b, struct members *m, const struct spec_file *f, struct refusal *refusal)
{
	struct bundle_file *member = find_member(m, f->name);
	uint8_t digest[DIGEST_SIZE];
	size_t n = sizeof(digest);

	if (!member)
		REFUSE("C5", "%s is in the manifest but not in the bundle", f->name);
	if (member->size != f->size)
		REFUSE("C5", "%s has %zu bytes, the manifest says %u", f->name, member->size, f->size);
	if (!EVP_Q_digest(NULL, "SHA256", NULL, member->bytes, member->size, digest, &n))
		return -ENOMEM;
	if (memcmp(digest, f->digest, sizeof(digest)))
		REFUSE("C5", "%s has not the SHA-256 that the manifest says", f->name);
	take_member(&b->files[b->n_files++], member);
	return 0;
}

/* Sorted by name, so that the order of a directory does not matter. */
static int take_signature(struct bundle *b, struct bundle_file *member, struct refusal *refusal)
{
	size_t at = b->n_signatures;

	if (b->n_signatures == SIGNATURES_MAX)
		REFUSE("C4", "the bundle has more than %d signatures", SIGNATURES_MAX);
	for (; at && strcmp(b->signatures[at - 1].name, member->name) > 0; at--)
		b->signatures[at] = b->signatures[at - 1];
	take_member(&b->signatures[at], member);
	b->n_signatures++;
	return 0;
}

static int take_members(struct bundle *b, struct members *m, struct refusal *refusal)
{
	struct bundle_file *manifest = find_member(m, MANIFEST_NAME);
	int r;

	if (!manifest)
		REFUSE("C5", "there is no " MANIFEST_NAME);
	take_member(&b->manifest, manifest);
	r = manifest_parse(b->manifest.bytes, b->manifest.size, &b->spec, refusal);
	for (uint32_t i = 0; !r && i < b->spec.n_files; i++)
		r = take_file(b, m, &b->spec.files[i], refusal);
	for (size_t i = 0; !r && i < m->n; i++) {
		if (!m->file[i].bytes)
			continue;
		if (!manifest_signature_name_valid(m->file[i].name))
			REFUSE("C5", "%s is in the bundle but not in the manifest", m->file[i].name);
		r = take_signature(b, &m->file[i], refusal);
	}
	return r;
}

int bundle_read(const char *path, struct bundle **ret, struct refusal *refusal)
{
	_cleanup_(bundle_free_p) struct bundle *b = bundle_new();
	_cleanup_(members_done) struct members m = {};
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *bytes = NULL;
	struct stat st;
	size_t size;
	int r;

	if (!b)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		r = bundle_read_directory(fd, &m, refusal);
	} else {
		r = fd_read_all(fd, ARCHIVE_SIZE_MAX, &bytes, &size);
		if (r == -EFBIG)
			REFUSE("C4", "the file is larger than any bundle");
		if (!r)
			r = bundle_read_archive(bytes, size, &m, refusal);
	}
	if (!r)
		r = take_members(b, &m, refusal);
	if (!r)
		*ret = take_ptr(b);
	return r;
}

static int add(struct bundle_file *files, size_t *n, size_t max, const char *name, const void *bytes,
	       size_t size)
{
	char *copy;

	for (size_t i = 0; i < *n; i++)
		if (!strcmp(files[i].name, name))
			return -EEXIST;
	if (*n == max || size > size_limit(name))
		return -E2BIG;
	copy = malloc(size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	set_file(&files[(*n)++], name, copy, size);
	return 0;
}

int bundle_add_file(struct bundle *b, const char *name, const void *bytes, size_t size)
{
	if (!manifest_file_name_valid(name) || !strncmp(name, MANIFEST_NAME, strlen(MANIFEST_NAME)))
		return -EINVAL;
	return add(b->files, &b->n_files, BUNDLE_FILES_MAX, name, bytes, size);
}

int bundle_add_signature(struct bundle *b, const char *signer, const void *bytes, size_t size)
{
	char name[OBJECT_NAME_MAX];

	if ((size_t)snprintf(name, sizeof(name), MANIFEST_SIGNATURE_PREFIX "%s" MANIFEST_SIGNATURE_SUFFIX,
			     signer) >= sizeof(name) ||
	    !manifest_signature_name_valid(name))
		return -EINVAL;
	return add(b->signatures, &b->n_signatures, SIGNATURES_MAX, name, bytes, size);
}

const struct bundle_file *bundle_file(const struct bundle *b, const char *name)
{
	for (size_t i = 0; i < b->n_files; i++)
		if (!strcmp(b->files[i].name, name))
			return &b->files[i];
	return NULL;
}

const struct bundle_file *bundle_object(const struct bundle *b, const struct spec_variant *v)
{
	char name[PROBE_NAME_MAX + OBJECT_NAME_MAX + 8];
	const struct bundle_file *own;

	snprintf(name, sizeof(name), "%s.%s.bpf.o", b->spec.name, v->name);
	own = bundle_file(b, name);
	if (own)
		return own;
	snprintf(name, sizeof(name), "%s.bpf.o", b->spec.name);
	return bundle_file(b, name);
}

int bundle_each_file(const struct bundle *b, int (*each)(const struct bundle_file *file, void *context),
		     void *context)
{
	int r = each(&b->manifest, context);

	for (size_t i = 0; !r && i < b->n_signatures; i++)
		r = each(&b->signatures[i], context);
	for (size_t i = 0; !r && i < b->n_files; i++)
		r = each(&b->files[i], context);
	return r;
}

int bundle_write(const struct bundle *b, const char *path)
{
	struct stat st;
	size_t n = strlen(path);

	if ((n && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		return bundle_write_directory(b, path);
	return bundle_write_archive(b, path);
}
