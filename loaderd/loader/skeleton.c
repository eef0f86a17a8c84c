/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/skeleton.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

/* Reads a sealed memfd and holds it to the size and digest that were signed. */
static int read_signed(int fd, const struct spec_file *file, char **ret, struct refusal *refusal)
{
	_cleanup_free_ char *bytes = NULL;
	uint8_t digest[DIGEST_SIZE];
	size_t size;
	int r;

	r = fd_check_sealed(fd);
	if (r >= 0)
		r = fd_read_all(fd, BUNDLE_FILE_SIZE_MAX, &bytes, &size);
	if (r < 0)
		return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, "F1", "%s: %s", file->name, strerror(-r));
	if (size != file->size || !EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) ||
	    memcmp(digest, file->digest, DIGEST_SIZE))
		return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, "F2",
				   "%s is not the file that was signed: its SHA-256 differs", file->name);
	*ret = take_ptr(bytes);
	return 0;
}

int skeleton_read(const struct spec *spec, const struct spec_variant *variant, const int *fds, size_t n_fds,
		  struct skeleton *skeleton, struct runner_job *job, struct refusal *refusal)
{
	const struct spec_file *insns = &spec->files[variant->insns], *data = &spec->files[variant->data];
	const struct spec_file *ksig = variant->ksig == UINT32_MAX ? NULL : &spec->files[variant->ksig];
	int r;

	if (n_fds != (ksig ? 3U : 2U))
		return refusal_set(refusal, REFUSAL_LOAD_FAILED, "order",
				   "the order does not fit the bundle");
	r = read_signed(fds[0], insns, &skeleton->insns, refusal);
	if (!r)
		r = read_signed(fds[1], data, &skeleton->data, refusal);
	if (!r && ksig)
		r = read_signed(fds[2], ksig, &skeleton->ksig, refusal);
	if (r)
		return r;
	job->insns = skeleton->insns;
	job->insns_size = insns->size;
	job->insns_digest = insns->digest;
	job->data = skeleton->data;
	job->data_size = data->size;
	job->ksig = skeleton->ksig;
	job->ksig_size = ksig ? ksig->size : 0;
	return 0;
}

void skeleton_done(struct skeleton *skeleton)
{
	free(skeleton->insns);
	free(skeleton->data);
	free(skeleton->ksig);
}
