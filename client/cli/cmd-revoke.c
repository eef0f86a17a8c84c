/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registry revoke: what is stopped, and whose attachments ended by it. */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "common/fd.h"
#include "common/limits.h"

enum { OPTION_REASON = 0x100, OPTION_FILE, OPTION_KEY, OPTION_CERTIFICATE };

struct what {
	const char *reason, *file, *key, *certificate;
	unsigned int n; /* of file, key and certificate */
};

static bool revoke_option(void *data, int option, const char *value)
{
	struct what *what = data;

	what->n += option != OPTION_REASON;
	if (option == OPTION_REASON)
		what->reason = value;
	else if (option == OPTION_FILE)
		what->file = value;
	else if (option == OPTION_KEY)
		what->key = value;
	else
		what->certificate = value;
	return true;
}

static bool is_digest(const char *text)
{
	return strlen(text) == 2 * DIGEST_SIZE && strspn(text, "0123456789abcdefABCDEF") == 2 * DIGEST_SIZE;
}

static void x509_free_p(X509 **certificate)
{
	X509_free(*certificate);
}

static void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}

/* The SHA-256 of the one certificate in a PEM file. False after telling why not. */
static bool digest_of_certificate(const char *path, char hex[DIGEST_HEX_MAX])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *bytes = NULL;
	_cleanup_(bio_free_p) BIO *bio = NULL;
	_cleanup_(x509_free_p) X509 *certificate = NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	size_t size = 0;
	int r = fd < 0 ? -errno : fd_read_all(fd, TRUST_FILE_SIZE_MAX, &bytes, &size);

	if (r < 0) {
		cli_say("%s is neither 64 hexadecimal digits nor a file that can be read: %s", path,
			strerror(-r));
		return false;
	}
	bio = BIO_new_mem_buf(bytes, (int)size);
	certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	ERR_clear_error();
	if (!certificate || !X509_digest(certificate, EVP_sha256(), digest, &n) || n != DIGEST_SIZE) {
		cli_say("%s holds no certificate in PEM form", path);
		return false;
	}
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return true;
}

/* "alice (2), bob (1)", from the rows that are named. */
static void print_users(const json_t *attachments)
{
	_cleanup_json_ json_t *users = json_object();
	const char *user;
	const json_t *row;
	json_t *count;
	size_t i, n = 0;

	json_array_foreach (attachments, i, row) {
		user = cli_string(row, "user");
		json_object_set_new(users, user,
				    json_integer(1 + json_integer_value(json_object_get(users, user))));
	}
	json_object_foreach (users, user, count)
		printf("%s%s (%llu)", n++ ? ", " : "", user, (unsigned long long)json_integer_value(count));
}

static int revoke_reply(void *data, const json_t *parameters)
{
	const json_t *attachments = json_object_get(parameters, "attachments");
	const struct cli *cli = data;
	uint64_t n = cli_number(parameters, "detached");
	const json_t *bundle;
	size_t i;

	if (cli->quiet)
		return CLI_CONTINUE;
	json_array_foreach (json_object_get(parameters, "bundles"), i, bundle)
		printf("%s %s\n", cli->dry_run ? "would stop" : "stopped", json_string_value(bundle));
	if (!json_array_size(json_object_get(parameters, "bundles")))
		printf("%s no bundle that is in the registry now\n", cli->dry_run ? "would stop" : "stopped");
	printf("%s %llu attachment%s%s", cli->dry_run ? "would detach" : "detached", (unsigned long long)n,
	       n == 1 ? "" : "s", n ? " of " : "");
	print_users(attachments);
	if (cli->dry_run)
		printf("\n");
	else
		printf(" in %llu ms\n", (unsigned long long)cli_number(parameters, "milliseconds"));
	return CLI_CONTINUE;
}

/* The parameters for what is revoked; CLI_CONTINUE or an exit code. */
static int put_what(const struct cli *cli, const struct what *what, int n, char **words, json_t *parameters)
{
	const char *digest = what->file ?: what->key ?: what->certificate;
	char name[256], hex[DIGEST_HEX_MAX];
	uint64_t serial;

	if (what->n + (n > 0) != 1)
		return cli_usage(cli, "say one of: a bundle, --file, --key, --certificate");
	if (n > 0) {
		if (!cli_bundle_name(n, words, name, sizeof(name), &serial))
			return cli_usage(cli, "which one? say NAME SERIAL or NAME-SERIAL, for example "
					      "tcp.state-3");
		if (json_object_set_new(parameters, "name", json_string(name)) < 0)
			return cli_usage(cli, "the name is not UTF-8");
		json_object_set_new(parameters, "serial", json_integer((json_int_t)serial));
		return CLI_CONTINUE;
	}
	if (!is_digest(digest)) {
		if (!what->certificate)
			return cli_usage(cli, "\"%s\" is not a SHA-256: 64 hexadecimal digits", digest);
		if (!digest_of_certificate(digest, hex))
			return CLI_FAILED;
		digest = hex;
	}
	json_object_set_new(parameters,
			    what->file  ? "file"
			    : what->key ? "key"
					: "certificate",
			    json_string(digest));
	return CLI_CONTINUE;
}

int cmd_registry_revoke(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "reason", required_argument, NULL, OPTION_REASON },
						 { "file", required_argument, NULL, OPTION_FILE },
						 { "key", required_argument, NULL, OPTION_KEY },
						 { "certificate", required_argument, NULL,
						   OPTION_CERTIFICATE },
						 {} };
	_cleanup_json_ json_t *parameters = json_object();
	struct cli_query query = {
		.method = "io.bpfwarden.Registry.Revoke", .load = true, .each = revoke_reply, .data = cli
	};
	struct what what = {};
	int first, r = cli_parse(cli, argc, argv, options, revoke_option, &what, 0, 2, &first);

	if (r == CLI_CONTINUE)
		r = put_what(cli, &what, argc - first, argv + first, parameters);
	if (r != CLI_CONTINUE)
		return r;
	if (what.reason && json_object_set_new(parameters, "reason", json_string(what.reason)) < 0)
		return cli_usage(cli, "the reason is not UTF-8");
	if (what.reason && strlen(what.reason) >= REVOCATION_REASON_MAX)
		return cli_usage(cli, "a reason has at most %d bytes", REVOCATION_REASON_MAX - 1);
	json_object_set_new(parameters, "dry_run", json_boolean(cli->dry_run));
	query.parameters = take_ptr(parameters);
	return cli_query(cli, &query);
}
