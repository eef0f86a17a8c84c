/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * manifest.json of a bundle: the only bytes that are signed. Rules M1 to M22 of docs/FORMAT-bundle.md.
 */
#include <stddef.h>

#include "common/refusal.h"
#include "format/spec.h"

#define MANIFEST_NAME   "manifest.json"
#define MANIFEST_PREFIX "{\"type\":\"bpfwarden-bundle/v1\","
/* manifest.json.alice.p7s: one detached CMS a signer. */
#define MANIFEST_SIGNATURE_PREFIX MANIFEST_NAME "."
#define MANIFEST_SIGNATURE_SUFFIX ".p7s"

/* Reads the size bytes of a manifest. *ret passes spec_check() and is written on success only. Returns 0,
 * -ENOMEM, or REFUSAL_BUNDLE_INVALID with the broken rule ("M7") as subject and the member in the reason. */
int manifest_parse(const char *bytes, size_t size, struct spec *ret, struct refusal *refusal);

/* Writes the manifest of a spec, members in a fixed order, so that manifest_parse() of it gives the same spec
 * back. The caller frees *ret. Returns 0, -ENOMEM or REFUSAL_BUNDLE_INVALID as manifest_parse() would. */
int manifest_write(const struct spec *spec, char **ret, struct refusal *refusal);

/* True for a plain file name of at most OBJECT_NAME_MAX - 1 characters [a-z0-9._-] that starts with a letter
 * or digit: what files of a bundle, signatures included, may be called (rule M12). */
bool manifest_file_name_valid(const char *name);

/* True for "manifest.json.NAME.p7s" with a valid NAME. */
bool manifest_signature_name_valid(const char *name);
