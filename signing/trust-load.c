/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From trust.conf and the files it names to struct trust: rules T1 to T8 of docs/FORMAT-bundle.md. */
#include "signing/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "common/paths.h"
#include "format/config.h"
#include "signing/roles.h"
#include "signing/trust-revocations.h"

const char *const trust_directories[] = {
	PATH_TRUST_ETC,
	PATH_TRUST_RUN,
	PATH_TRUST_LIB,
	NULL,
};

/* A section being read. */
struct reading {
	const struct config *config;
	const struct config_section *section;
	struct role *role;
	uid_t owner;
	struct refusal *refusal;
};

#define REFUSE(reading, line, column, ...)                                                           \
	config_refuse((reading)->config, (reading)->refusal, (reading)->section->file, line, column, \
		      __VA_ARGS__)

/* Opens a file that an entry names, beside the configuration file. A name with a slash could lead out of the
 * directory that the administrator looks at. */
static int read_beside(const struct reading *reading, const struct config_entry *entry,
		       const struct config_word *word, char **ret_bytes, size_t *ret_size)
{
	const char *file = reading->section->file, *slash = strrchr(file, '/');
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	if (strchr(word->text, '/') || word->text[0] == '.')
		return REFUSE(reading, entry->line, word->column,
			      "'%s' is not the name of a file beside this one", word->text);
	if ((size_t)snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash + 1 - file) : 0, file,
			     word->text) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = fd_open_trusted(AT_FDCWD, path, reading->owner);
	if (fd == -ENOENT)
		return -ENOENT;
	r = fd < 0 ? fd : fd_read_all(fd, TRUST_FILE_SIZE_MAX, ret_bytes, ret_size);
	if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
		return r;
	if (r == -EPERM || r == -ELOOP)
		return REFUSE(
			reading, entry->line, word->column,
			"%s must be a plain file of root that nobody else may write, reached over no link",
			path);
	if (r < 0)
		return REFUSE(reading, entry->line, word->column, "%s: %s", path, strerror(-r));
	return 0;
}

typedef int (*add_t)(struct cms_trust *trust, const char *file, const char *pem, size_t size,
		     struct refusal *refusal);

static int add_file(const struct reading *reading, const struct config_entry *entry,
		    const struct config_word *word, add_t add)
{
	_cleanup_free_ char *bytes = NULL;
	struct refusal problem = {};
	size_t size = 0;
	int r;

	r = read_beside(reading, entry, word, &bytes, &size);
	if (r)
		return r;
	r = add(reading->role->anchors, word->text, bytes, size, &problem);
	if (r <= 0)
		return r;
	return REFUSE(reading, entry->line, word->column, "%s: %s", word->text, problem.reason);
}

static int add_files(const struct reading *reading, const struct config_entry *entry, add_t add)
{
	struct config_word word = {};

	while (config_next_word(entry, &word)) {
		int r = add_file(reading, entry, &word, add);

		if (r == -ENOENT)
			return REFUSE(reading, entry->line, word.column,
				      "there is no file %s beside this one", word.text);
		if (r)
			return r;
	}
	return 0;
}

static int read_certificates(struct reading *reading, const struct config_entry *entry)
{
	return add_files(reading, entry, cms_trust_add_issuers);
}

static int read_pinned(struct reading *reading, const struct config_entry *entry)
{
	return add_files(reading, entry, cms_trust_add_pinned);
}

/* A list that is not there (not yet fetched, say) closes this role only: see rule S13. */
static int read_crl(struct reading *reading, const struct config_entry *entry)
{
	struct config_word word = {};

	cms_trust_require_crl(reading->role->anchors);
	while (config_next_word(entry, &word)) {
		int r = add_file(reading, entry, &word, cms_trust_add_crls);

		if (r && r != -ENOENT)
			return r;
	}
	return 0;
}

static int read_threshold(struct reading *reading, const struct config_entry *entry)
{
	char *end = NULL;
	unsigned long n;

	n = strtoul(entry->value, &end, 10);
	if (entry->value[0] < '1' || entry->value[0] > '9' || *end || n > SIGNATURES_MAX)
		return REFUSE(reading, entry->line, entry->value_column,
			      "'%s' is not a number of signers from 1 to %d", entry->value, SIGNATURES_MAX);
	reading->role->threshold = (uint32_t)n;
	return 0;
}

/* What fnmatch(3) of a hostile length or nesting could cost is bounded by allowing '*' and '?' only. */
static bool glob_valid(const char *glob)
{
	return strlen(glob) < PROBE_NAME_MAX &&
	       glob[strspn(glob, "abcdefghijklmnopqrstuvwxyz0123456789.-_*?")] == '\0';
}

static int read_names(struct reading *reading, const struct config_entry *entry)
{
	struct config_word word = {};
	size_t n = 0;

	while (config_next_word(entry, &word)) {
		if (!glob_valid(word.text))
			return REFUSE(reading, entry->line, word.column,
				      "'%s' is not the name of a bundle, in which * and ? match others",
				      word.text);
		if (n == ROLE_NAMES_MAX)
			return REFUSE(reading, entry->line, word.column, "a role has at most %d names",
				      ROLE_NAMES_MAX);
		reading->role->names[n] = strdup(word.text);
		if (!reading->role->names[n++])
			return -ENOMEM;
	}
	return 0;
}

static const char *const may_names[] = { "enroll-production", "enroll-experimental", "revoke" };

static int read_may(struct reading *reading, const struct config_entry *entry)
{
	struct config_word word = {};

	while (config_next_word(entry, &word)) {
		size_t i = 0;

		while (i < 3 && strcmp(may_names[i], word.text) != 0)
			i++;
		if (i == 3)
			return REFUSE(reading, entry->line, word.column,
				      "'%s' is none of enroll-production, enroll-experimental, revoke",
				      word.text);
		reading->role->may |= 1U << i;
	}
	return 0;
}

static int read_algorithms(struct reading *reading, const struct config_entry *entry)
{
	struct config_word word = {};
	uint32_t algorithms = 0, one = 0;

	while (config_next_word(entry, &word)) {
		if (!cms_algorithm_from_name(word.text, &one))
			return REFUSE(reading, entry->line, word.column,
				      "'%s' is none of ecdsa-p256, ecdsa-p384, rsa-pkcs1, rsa-pss",
				      word.text);
		algorithms |= one;
	}
	reading->role->algorithms = algorithms;
	cms_trust_set_algorithms(reading->role->anchors, algorithms);
	return 0;
}

static const char *const key_names[] = { "certificates", "pinned",     "threshold", "names",
					 "may",          "algorithms", "crl" };
static int (*const key_readers[])(struct reading *reading, const struct config_entry *entry) = {
	read_certificates, read_pinned, read_threshold, read_names, read_may, read_algorithms, read_crl,
};
#define N_KEYS (sizeof(key_names) / sizeof(key_names[0]))

static int read_entry(struct reading *reading, const struct config_entry *entry)
{
	const char *near;

	for (size_t i = 0; i < N_KEYS; i++)
		if (!strcmp(key_names[i], entry->key))
			return key_readers[i](reading, entry);
	near = config_nearest(entry->key, key_names, N_KEYS);
	return REFUSE(reading, entry->line, entry->key_column, "a role has no key '%s'%s%s%s", entry->key,
		      near ? "; did you mean '" : "", near ?: "", near ? "'?" : "");
}

/* What a role needs to mean anything; an incomplete one is rather a slip than a wish. */
static int check_role(const struct reading *reading)
{
	const struct config_section *section = reading->section;
	const struct config_entry *crl = config_entry(section, "crl");

	if (!config_entry(section, "certificates") && !config_entry(section, "pinned"))
		return REFUSE(reading, section->line, section->kind_column,
			      "the role has neither certificates nor pinned, so nobody could sign as it");
	if (!config_entry(section, "names"))
		return REFUSE(reading, section->line, section->kind_column,
			      "the role has no names that it may sign");
	if (crl && !config_entry(section, "certificates"))
		return REFUSE(
			reading, crl->line, crl->key_column,
			"crl is about certificates that a CA issued; to revoke a pinned one, remove it here");
	return 0;
}

static int read_role(const struct config *config, const struct config_section *section, uid_t owner,
		     struct role *role, struct refusal *refusal)
{
	struct reading reading = { config, section, role, owner, refusal };
	int r;

	*role = (struct role){
		.name = strdup(section->name),
		.file = strdup(section->file),
		.line = section->line,
		.threshold = 1,
		.algorithms = CMS_ALGORITHMS_ALL,
		.anchors = cms_trust_new(),
	};
	if (!role->name || !role->file || !role->anchors)
		return -ENOMEM;
	if (strlen(role->name) >= OBJECT_NAME_MAX)
		return REFUSE(&reading, section->line, section->name_column, "the role's name is too long");
	r = check_role(&reading);
	for (size_t i = 0; !r && i < section->n_entries; i++)
		r = read_entry(&reading, &section->entries[i]);
	return r;
}

static int read_roles(const struct config *config, uid_t owner, struct trust *trust, struct refusal *refusal)
{
	for (size_t i = 0; i < config_n_sections(config); i++) {
		const struct config_section *section = config_section(config, i);
		int r;

		if (strcmp(section->kind, "role") != 0)
			return config_refuse(config, refusal, section->file, section->line,
					     section->kind_column,
					     "a section here is [role NAME], not [%s …]", section->kind);
		if (trust->n_roles == TRUST_ROLES_MAX)
			return config_refuse(config, refusal, section->file, section->line,
					     section->kind_column, "there are more than %d roles",
					     TRUST_ROLES_MAX);
		r = read_role(config, section, owner, &trust->roles[trust->n_roles++], refusal);
		if (r)
			return r;
	}
	return 0;
}

int trust_load(const char *const *directories, uid_t owner, struct trust **ret, struct refusal *refusal)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	size_t n = 0;
	int r;

	while (directories[n])
		n++;
	r = config_new(REFUSAL_TRUST_INVALID, &config);
	if (r < 0)
		return r;
	r = config_add_directories(config, directories, n, ".conf", owner, refusal);
	if (r)
		return r;
	trust = calloc(1, sizeof(*trust));
	if (!trust)
		return -ENOMEM;
	r = read_roles(config, owner, trust, refusal);
	if (!r)
		r = trust_load_revocations(trust, directories, owner, refusal);
	if (r)
		return r;
	*ret = take_ptr(trust);
	return 0;
}
