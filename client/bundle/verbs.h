/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The verbs of `bpfwarden bundle`. Each has told the user what there is to tell when it returns its exit
 * code. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/bundle/bundle.h"
#include "common/refusal.h"
#include "signing/sign.h"

enum bundle_exit {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 4,
};

struct bundle_verb {
	const char *name;
	int (*run)(const struct bundle_verb *verb, int argc, char **argv); /* argv[0] is the name */
	const char *arguments, *summary, *details;
	bool hidden;
};
/* NULL-named entry ends the table. */
extern const struct bundle_verb bundle_verbs[];

int verb_build(const struct bundle_verb *verb, int argc, char **argv);
int verb_init(const struct bundle_verb *verb, int argc, char **argv);
int verb_sign(const struct bundle_verb *verb, int argc, char **argv);
int verb_verify(const struct bundle_verb *verb, int argc, char **argv);
int verb_inspect(const struct bundle_verb *verb, int argc, char **argv);
int verb_standard(const struct bundle_verb *verb, int argc, char **argv);

/* ---- tell.c ---- */

/* "bpfwarden: WHAT: reason (B6)" on stderr for a negative or positive r; returns the exit code. */
int tell(const char *what, int r, const struct refusal *refusal);
int tell_usage(const struct bundle_verb *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tell_help(const struct bundle_verb *verb);

/* The value of -o. False: told that it is neither text nor json. */
bool output_is_json(const struct bundle_verb *verb, const char *value, bool *ret);

/* Reads a file that the user named. 0 or -errno. */
int read_path(const char *path, size_t max, char **ret, size_t *ret_size);

#define PEM_SIZE_MAX (64U << 10)

/* The trust of a directory, whose files may be the caller's own; of this host's layers if it is NULL.
 * EXIT_OK, or an exit code after telling why not. */
struct trust;
int load_trust(const char *directory, struct trust **ret);

#define DATE_TEXT_MAX 16
/* "2026-01-31" in UTC; returns buffer. */
const char *date_text(int64_t seconds, char buffer[DATE_TEXT_MAX]);

/* What follows the last slash. */
const char *base_name(const char *path);

/* Prints text as one word of a shell. */
void print_quoted(const char *text);

/* ---- verb-sign.c ---- */

struct sign_arguments {
	const char *path, *key, *cert, *signer, *prepare, *attach;
};

/* Reads a key (a PEM file, or a pkcs11: URI) with its certificate, and says what is wrong; EXIT_OK or an exit
 * code. */
int read_key(const char *key_path, const char *cert_path, struct signing_key **ret);

/* Who signs if nobody says: the certificate's file name, "keys/Alice.pem" → "alice". */
void signer_of_certificate(const char *cert_path, char *buffer, size_t size);

/* Adds a signature in memory, and says so if its key has signed before. 0, -errno or a refusal. */
int add_signature(struct bundle *bundle, const char *signer, const void *der, size_t size,
		  struct refusal *refusal);

/* Attests and signs in memory; EXIT_OK or an exit code. */
int sign_bundle(struct bundle *bundle, const struct signing_key *key, const char *signer);

/* ---- verb-sign-outside.c ---- */

int sign_prepare(const struct sign_arguments *arguments, const struct bundle *bundle);
int sign_attach(const struct sign_arguments *arguments, struct bundle *bundle);

/* ---- inspect.c ---- */

void inspect_text(const struct bundle *bundle);
void inspect_json(const struct bundle *bundle);
