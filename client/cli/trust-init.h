/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What trust init makes: a directory with a role and either copies of authorities or a small PKI. */
#include <stdbool.h>
#include <stddef.h>

#include "common/limits.h"

#define CA_FILES_MAX 8

struct cli;

/* All texts were checked: they become names of files and lines of a configuration. */
struct trust_init {
	const char *directory, *role, *names, *may;
	unsigned long threshold;
	const char *ca[CA_FILES_MAX];
	size_t n_ca;
	const char *signers[SIGNATURES_MAX]; /* only if there is no ca */
	size_t n_signers;
	const struct cli *cli;
	int fd;    /* of the directory */
	bool made; /* the directory, by us */
};

/* CLI_CONTINUE, or an exit code after telling why not; then nothing is left behind. */
int trust_init_make(struct trust_init *init);
