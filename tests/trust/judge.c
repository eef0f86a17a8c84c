/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/trust/judge.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "common/fd.h"
#include "signing/trust.h"
#include "tests/unit/pki.h"

static char directory[64];

static void write_file(const char *name, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, size), 0);
}

static void copy_file(const char *from, const char *to)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	bytes = pki_read(from, &size);
	write_file(to, bytes, size);
}

static void remove_file(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)unlink(path);
}

static void each_file(const char *path, void (*each)(const char *name))
{
	DIR *d = opendir(path);
	struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d)))
		if (entry->d_type == DT_REG)
			each(entry->d_name);
	closedir(d);
}

static void take_anchor(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot && (!strcmp(dot, ".pem") || !strcmp(dot, ".crl")))
		copy_file(name, name);
}

void judge_begin(void)
{
	strcpy(directory, "/tmp/bpfwarden-vectors-XXXXXX");
	assert_non_null(mkdtemp(directory));
	each_file(pki_directory(), take_anchor);
}

void judge_end(void)
{
	each_file(directory, remove_file);
	assert_int_equal(rmdir(directory), 0);
}

static void write_lists(const struct vector *v)
{
	char name[64];

	remove_file("revocations.json");
	remove_file("revocations.json.erin.p7s");
	if (!v->revocations)
		return;
	snprintf(name, sizeof(name), "revoked-%s.json", v->revocations);
	copy_file(name, "revocations.json");
	snprintf(name, sizeof(name), "revoked-%s.p7s", v->revocations);
	copy_file(name, "revocations.json.erin.p7s");
}

static struct trust *load(const struct vector *v)
{
	const char *const directories[] = { directory, NULL };
	const char *text = v->trust ? v->trust : trust_of_ca;
	struct refusal refusal = {};
	struct trust *trust = NULL;

	write_file("trust.conf", text, strlen(text));
	write_lists(v);
	if (trust_load(directories, getuid(), &trust, &refusal) != 0)
		fail_msg("%s: %s: %s", v->name, refusal.subject, refusal.reason);
	return trust;
}

static void read_own(const struct vector *v, struct revocation **ret, size_t *ret_n)
{
	_cleanup_free_ char *bytes = NULL;
	char name[64];
	size_t size;

	snprintf(name, sizeof(name), "revoked-%s.json", v->own);
	bytes = pki_read(name, &size);
	assert_int_equal(revocations_parse(bytes, size, ret, ret_n, NULL), 0);
}

static int enroll(const struct vector *v, const struct trust_verdict *verdict, struct refusal *refusal)
{
	char name[PROBE_NAME_MAX + 24];
	const struct trust_enrolment enrolment = { .bundle = name,
						   .signers = "release",
						   .may = verdict->may,
						   .production = !v->experimental,
						   .serial = verdict->spec.serial,
						   .highest = v->highest };

	spec_bundle_name(&verdict->spec, name, sizeof(name));
	return trust_check_enrolment(&enrolment, refusal);
}

/* Content that is no manifest is as good as accepted once it counts as signed: what refuses it then is
 * another layer, on which the rules about signatures do not rely. */
static bool is_signed_nonsense(int r, const struct trust_result *result)
{
	return r == REFUSAL_BUNDLE_INVALID && result->met;
}

int judge(const struct vector *v, struct refusal *refusal)
{
	_cleanup_(trust_free_p) struct trust *trust = load(v);
	_cleanup_free_ struct trust_verdict *verdict = calloc(1, sizeof(*verdict));
	_cleanup_free_ struct revocation *own = NULL;
	_cleanup_free_ char *manifest = NULL;
	struct trust_signature signatures[SIGNATURES_MAX + 1] = {};
	struct trust_input input = { .signatures = signatures,
				     .now = time(NULL) + v->later,
				     .known = v->known ? time(NULL) + v->known : 0 };
	char *bytes[SIGNATURES_MAX + 1] = {};
	struct trust_result result = {};
	size_t n = 0;
	int r;

	assert_non_null(verdict);
	manifest = pki_read(v->manifest ? v->manifest : "content.json", &input.manifest_size);
	input.manifest = manifest;
	for (; n <= SIGNATURES_MAX && v->signatures[n]; n++) {
		bytes[n] = pki_read(v->signatures[n], &signatures[n].size);
		signatures[n].bytes = bytes[n];
	}
	input.n_signatures = n;
	if (v->own)
		read_own(v, &own, &input.n_revoked);
	input.revoked = own;
	r = trust_verify(trust, &input, verdict, &result, refusal);
	assert_int_equal(ERR_peek_error(), 0);
	if (!r)
		r = enroll(v, verdict, refusal);
	while (n)
		free(bytes[--n]);
	return is_signed_nonsense(r, &result) ? 0 : r;
}
