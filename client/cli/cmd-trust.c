/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bpfwarden trust show: who may sign what. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/bundle/verbs.h"
#include "client/cli/cli.h"
#include "client/cli/trust-view.h"
#include "common/digest.h"

static json_t *names_json(const char *const *names)
{
	json_t *array = json_array();

	for (; *names; names++)
		json_array_append_new(array, json_string(*names));
	return array;
}

static json_t *algorithms_json(uint32_t algorithms)
{
	json_t *array = json_array();

	for (uint32_t bit = 1; bit & CMS_ALGORITHMS_ALL; bit <<= 1)
		if (algorithms & bit)
			json_array_append_new(array, json_string(cms_algorithm_name(bit)));
	return array;
}

static json_t *certificates_json(const struct trust *trust, size_t role)
{
	struct trust_certificate_info c;
	json_t *array = json_array();
	char key[DIGEST_HEX_MAX], certificate[DIGEST_HEX_MAX];

	for (size_t i = 0; trust_certificate(trust, role, i, &c); i++)
		json_array_append_new(array, json_pack("{s:s, s:b, s:s, s:s, s:I, s:I}", "subject",
						       c.identity.subject, "pinned", c.pinned, "key",
						       digest_to_hex(c.identity.key, key), "certificate",
						       digest_to_hex(c.identity.certificate, certificate),
						       "not_before", (json_int_t)c.not_before, "not_after",
						       (json_int_t)c.identity.not_after));
	return array;
}

static json_t *crls_json(const struct trust *trust, size_t role)
{
	json_t *array = json_array();
	struct trust_crl_info crl;

	for (size_t i = 0; trust_crl(trust, role, i, &crl); i++)
		json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "issuer", crl.issuer, "next_update",
						       (json_int_t)crl.next_update, "revoked",
						       (json_int_t)crl.n_revoked));
	return array;
}

static json_t *role_json(const struct trust *trust, size_t i, const struct trust_role_info *role)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:b, s:o, s:o}", "name", role->name, "file",
			 role->file, "line", (json_int_t)role->line, "threshold", (json_int_t)role->threshold,
			 "names", names_json(role->names), "may", trust_may_json(role->may), "algorithms",
			 algorithms_json(role->algorithms), "crl", role->crl, "certificates",
			 certificates_json(trust, i), "crls", crls_json(trust, i));
}

static int show_json(const struct trust *trust)
{
	_cleanup_json_ json_t *root = json_object();
	json_t *roles = json_array(), *revoked = json_array();
	const struct revocation *revocations;
	struct trust_role_info role;
	size_t n = 0;

	for (size_t i = 0; trust_role(trust, i, &role); i++)
		json_array_append_new(roles, role_json(trust, i, &role));
	revocations = trust_revocations(trust, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(revoked, revocation_json(&revocations[i]));
	json_object_set_new(root, "roles", roles);
	json_object_set_new(root, "revoked", revoked);
	if (json_dumpf(root, stdout, JSON_COMPACT) < 0)
		return cli_broken(-ENOMEM);
	printf("\n");
	return CLI_OK;
}

static void show_certificates(const struct trust *trust, size_t role)
{
	char from[DATE_TEXT_MAX], until[DATE_TEXT_MAX], hex[DIGEST_HEX_MAX];
	struct trust_certificate_info c;

	for (size_t i = 0; trust_certificate(trust, role, i, &c); i++) {
		printf("  %-11s  %s, %s to %s\n", c.pinned ? "pinned" : "authority", c.identity.subject,
		       date_text(c.not_before, from), date_text(c.identity.not_after, until));
		printf("               key %s\n", digest_to_hex(c.identity.key, hex));
		printf("               certificate %s\n", digest_to_hex(c.identity.certificate, hex));
	}
}

static void show_role(const struct trust *trust, size_t i, const struct trust_role_info *role)
{
	char may[TRUST_MAY_TEXT_MAX], date[DATE_TEXT_MAX];
	struct trust_crl_info crl;

	printf("%srole %s (%s:%u)\n  names       ", i ? "\n" : "", role->name, role->file, role->line);
	for (const char *const *name = role->names; *name; name++)
		printf(" %s", *name);
	printf("\n  threshold    %u distinct key%s\n  may          %s\n", role->threshold,
	       role->threshold == 1 ? "" : "s", trust_may_text(role->may, may));
	if (role->algorithms != CMS_ALGORITHMS_ALL) {
		printf("  algorithms  ");
		for (uint32_t bit = 1; bit & CMS_ALGORITHMS_ALL; bit <<= 1)
			if (role->algorithms & bit)
				printf(" %s", cms_algorithm_name(bit));
		printf("\n");
	}
	show_certificates(trust, i);
	for (size_t j = 0; trust_crl(trust, i, j, &crl); j++)
		printf("  CRL          of %s: %zu revoked, next update %s\n", crl.issuer, crl.n_revoked,
		       date_text(crl.next_update, date));
	if (role->crl && !role->n_crls)
		printf("  CRL          missing: the role is closed until there is one\n");
}

static int show_text(const struct cli *cli, const struct trust *trust)
{
	const struct revocation *revoked;
	char text[REVOCATION_TEXT_MAX];
	struct trust_role_info role;
	size_t n = 0, i = 0;

	for (; trust_role(trust, i, &role); i++)
		show_role(trust, i, &role);
	if (!i && !cli->quiet)
		cli_say("there is no role, so no signature counts; begin with: bpfwarden trust init DIR");
	revoked = trust_revocations(trust, &n);
	for (i = 0; i < n; i++)
		printf("%s  %s%s%s\n", i ? "" : "\nrevoked\n", revocation_text(&revoked[i], text),
		       *revoked[i].reason ? ": " : "", revoked[i].reason);
	return CLI_OK;
}

int cmd_trust_show(struct cli *cli, int argc, char **argv)
{
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 1, &first);

	if (r == CLI_CONTINUE)
		r = trust_open(first < argc ? argv[first] : NULL, &trust);
	if (r != CLI_CONTINUE)
		return r;
	return cli->json ? show_json(trust) : show_text(cli, trust);
}
