/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A bundle in memory, read from a directory or from a .bpfw file (an uncompressed ustar). Container rules C1…
 * of docs/FORMAT-bundle.md. Runs in the unprivileged command line only; the daemon gets single files.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/refusal.h"
#include "format/spec.h"

struct bundle_file {
	char name[OBJECT_NAME_MAX];
	char *bytes; /* NUL-terminated beyond size */
	size_t size;
};

struct bundle {
	struct spec spec; /* of the manifest */
	struct bundle_file manifest;
	size_t n_signatures;
	struct bundle_file signatures[SIGNATURES_MAX]; /* by name */
	size_t n_files;
	struct bundle_file files[BUNDLE_FILES_MAX]; /* in the manifest's order, sizes and digests checked */
};

struct bundle *bundle_new(void); /* NULL: out of memory */
struct bundle *bundle_free(struct bundle *bundle);
DEFINE_CLEANUP(struct bundle *, bundle_free)

/* Reads a bundle: everything in it is checked against the manifest, nothing against signatures. Returns 0,
 * -errno or REFUSAL_BUNDLE_INVALID. */
int bundle_read(const char *path, struct bundle **ret, struct refusal *refusal);

/* Write the bundle as a directory (made, or an empty one filled) or as a file with the same bytes every time.
 * Existing files of a bundle are replaced only as a whole. */
int bundle_write_directory(const struct bundle *bundle, const char *path);
int bundle_write_archive(const struct bundle *bundle, const char *path);

/* As a directory if path is one or ends in '/', as an archive otherwise. */
int bundle_write(const struct bundle *bundle, const char *path);

/* Adds a file or a signature; bytes are copied. -EEXIST: the name is taken; -E2BIG: too many or too large. */
int bundle_add_file(struct bundle *bundle, const char *name, const void *bytes, size_t size);
int bundle_add_signature(struct bundle *bundle, const char *signer, const void *bytes, size_t size);

/* NULL: none of that name. */
const struct bundle_file *bundle_file(const struct bundle *bundle, const char *name);

/* The object from which a variant was built: NAME.VARIANT.bpf.o, or NAME.bpf.o that all variants share. NULL:
 * the bundle has none. */
const struct bundle_file *bundle_object(const struct bundle *bundle, const struct spec_variant *variant);
