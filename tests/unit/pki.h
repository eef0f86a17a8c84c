/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Files of the test PKI that tests/pki/make made, for the tests of signing/. */
#include <stddef.h>

/* The directory, from the environment variable BPFWARDEN_TEST_PKI; fails the test if it is not set. */
const char *pki_directory(void);

/* The bytes of a file in it, which the caller frees. */
char *pki_read(const char *name, size_t *ret_size);
