/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/bundle/bundle.h"
#include "client/cli/cli.h"
#include "common/fd.h"

#define ENROLL_FDS_MAX (1 + SIGNATURES_MAX + BUNDLE_FILES_MAX)

/* The bytes of a bundle as the daemon takes them: manifest, signatures, files in the manifest's order. */
struct parcel {
	int fds[ENROLL_FDS_MAX];
	size_t n_fds;
};

static void parcel_clear(struct parcel *parcel)
{
	while (parcel->n_fds)
		close_fd(parcel->fds[--parcel->n_fds]);
}

static int parcel_add(struct parcel *parcel, const struct bundle_file *file)
{
	int fd;

	if (parcel->n_fds == ENROLL_FDS_MAX)
		return -E2BIG;
	fd = fd_memfd_sealed(file->name, file->bytes, file->size);
	if (fd < 0)
		return fd;
	parcel->fds[parcel->n_fds++] = fd;
	return 0;
}

static int parcel_fill(struct parcel *parcel, const struct bundle *bundle)
{
	int r = parcel_add(parcel, &bundle->manifest);

	for (size_t i = 0; r == 0 && i < bundle->n_signatures; i++)
		r = parcel_add(parcel, &bundle->signatures[i]);
	for (size_t i = 0; r == 0 && i < bundle->n_files; i++)
		r = parcel_add(parcel, &bundle->files[i]);
	return r;
}

static int enroll_reply(void *data, const json_t *parameters)
{
	const json_t *bundle = json_object_get(parameters, "bundle");
	const struct cli *cli = data;
	char signers[256];

	if (!cli->quiet)
		printf("%s %s-%llu (%s), signed by %s\n", cli->dry_run ? "would enroll" : "enrolled",
		       cli_string(bundle, "name"), (unsigned long long)cli_number(bundle, "serial"),
		       cli_string(bundle, "channel"),
		       cli_join(json_object_get(bundle, "signers"), signers, sizeof(signers)));
	return CLI_CONTINUE;
}

static int enroll(struct cli *cli, const struct bundle *bundle, bool experimental)
{
	struct cli_query query = {
		.method = "io.bpfwarden.Registry.Enroll", .load = true, .each = enroll_reply, .data = cli
	};
	struct parcel parcel = {};
	int r = parcel_fill(&parcel, bundle);

	if (r < 0) {
		parcel_clear(&parcel);
		return cli_broken(r);
	}
	query.fds = parcel.fds;
	query.n_fds = parcel.n_fds;
	query.parameters =
		json_pack("{s:I, s:I, s:b, s:b}", "signatures", (json_int_t)bundle->n_signatures, "files",
			  (json_int_t)bundle->n_files, "experimental", experimental, "dry_run", cli->dry_run);
	r = cli_query(cli, &query);
	parcel_clear(&parcel);
	return r;
}

static bool enroll_option(void *data, int option, const char *value)
{
	(void)option, (void)value;
	*(bool *)data = true;
	return true;
}

int cmd_registry_enroll(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "experimental", no_argument, NULL, 0x100 }, {} };
	_cleanup_(bundle_free_p) struct bundle *bundle = NULL;
	struct refusal refusal = {};
	bool experimental = false;
	int first, r = cli_parse(cli, argc, argv, options, enroll_option, &experimental, 1, 1, &first);

	if (r != CLI_CONTINUE)
		return r;
	r = bundle_read(argv[first], &bundle, &refusal);
	if (r < 0) {
		cli_say("cannot read %s: %s", argv[first], strerror(-r));
		return r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED;
	}
	if (r > 0) {
		cli_say("%s is not a valid bundle (%s): %s", argv[first], refusal.subject, refusal.reason);
		return refusal_exit_code(refusal.code);
	}
	if (bundle->n_signatures == 0) {
		cli_say("%s bears no signature; sign it with: bpfwarden bundle sign", argv[first]);
		return CLI_DENIED;
	}
	return enroll(cli, bundle, experimental);
}
