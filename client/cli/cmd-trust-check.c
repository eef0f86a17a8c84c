/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bpfwarden trust check: would the daemon take it, and what will go wrong soon. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/bundle/verbs.h"
#include "client/cli/cli.h"
#include "client/cli/trust-view.h"

#define DAY                86400LL
#define CERTIFICATE_NOTICE (90 * DAY) /* a PKI needs its time */
#define CRL_NOTICE         (7 * DAY)

struct checker {
	const struct trust *trust;
	int64_t now;
	bool strict;
	json_t *warnings;
	size_t n_warnings;
	bool json;
};

static void warn(struct checker *c, const struct trust_role_info *role, const char *kind, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));

static void warn(struct checker *c, const struct trust_role_info *role, const char *kind, const char *format,
		 ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	c->n_warnings++;
	if (c->json)
		json_array_append_new(c->warnings,
				      json_pack("{s:s, s:s, s:I, s:s, s:s}", "role", role->name, "file",
						role->file, "line", (json_int_t)role->line, "kind", kind,
						"warning", text));
	else
		printf("%s:%u: role %s: %s\n", role->file, role->line, role->name, text);
}

static void check_certificate(struct checker *c, const struct trust_role_info *role,
			      const struct trust_certificate_info *certificate)
{
	const struct cms_signer *who = &certificate->identity;
	char date[DATE_TEXT_MAX];

	if (certificate->not_before > c->now)
		warn(c, role, "certificate-not-yet-valid", "%s is not valid before %s", who->subject,
		     date_text(certificate->not_before, date));
	else if (who->not_after < c->now)
		warn(c, role, "certificate-expired", "%s has expired on %s: what it %s counts no more",
		     who->subject, date_text(who->not_after, date),
		     certificate->pinned ? "signed" : "vouched for");
	else if (who->not_after - c->now < CERTIFICATE_NOTICE)
		warn(c, role, "certificate-expires",
		     "%s expires on %s; bundles that count by it must be signed again by then", who->subject,
		     date_text(who->not_after, date));
}

static void check_crl(struct checker *c, const struct trust_role_info *role, const struct trust_crl_info *crl)
{
	char date[DATE_TEXT_MAX];

	if (crl->next_update < c->now)
		warn(c, role, "crl-expired",
		     "the CRL of %s was to be replaced by %s: its signers count no more", crl->issuer,
		     date_text(crl->next_update, date));
	else if (crl->next_update - c->now < CRL_NOTICE)
		warn(c, role, "crl-expires", "the CRL of %s must be replaced by %s", crl->issuer,
		     date_text(crl->next_update, date));
}

static bool has_crl(const struct checker *c, size_t i, const char *issuer)
{
	struct trust_crl_info crl;

	for (size_t j = 0; trust_crl(c->trust, i, j, &crl); j++)
		if (!strcmp(crl.issuer, issuer))
			return true;
	return false;
}

/* Distinct keys among the pinned; SIZE_MAX if some authority may issue more. */
static size_t count_keys(const struct checker *c, size_t i)
{
	struct trust_certificate_info a, b;
	size_t n = 0;

	for (size_t j = 0; trust_certificate(c->trust, i, j, &a); j++) {
		size_t k = 0;

		if (!a.pinned)
			return SIZE_MAX;
		while (k < j && trust_certificate(c->trust, i, k, &b) &&
		       memcmp(a.identity.key, b.identity.key, DIGEST_SIZE) != 0)
			k++;
		n += k == j;
	}
	return n;
}

static void check_role(struct checker *c, size_t i, const struct trust_role_info *role)
{
	struct trust_certificate_info certificate;
	struct trust_crl_info crl;
	size_t keys = count_keys(c, i);

	if (!role->may)
		warn(c, role, "may",
		     "it may do nothing by itself: may = enroll-production, enroll-experimental, revoke");
	if (keys < role->threshold)
		warn(c, role, "threshold", "%u distinct keys must sign, but only %zu are pinned",
		     role->threshold, keys);
	for (size_t j = 0; trust_certificate(c->trust, i, j, &certificate); j++) {
		check_certificate(c, role, &certificate);
		if (role->crl && !certificate.pinned && !has_crl(c, i, certificate.identity.subject))
			warn(c, role, "crl-missing", "there is no CRL of %s: its signers do not count",
			     certificate.identity.subject);
	}
	for (size_t j = 0; trust_crl(c->trust, i, j, &crl); j++)
		check_crl(c, role, &crl);
}

/* Whoever meets one role that lists a name needs no other, so the lowest threshold is what protects it. */
static void check_overlap(struct checker *c, const struct trust_role_info *a, const struct trust_role_info *b)
{
	const struct trust_role_info *low = a->threshold < b->threshold ? a : b, *high = low == a ? b : a;
	char may[TRUST_MAY_TEXT_MAX];

	if (a->threshold == b->threshold || !(a->may & b->may))
		return;
	for (const char *const *x = high->names; *x; x++)
		for (const char *const *y = low->names; *y; y++) {
			if (!globs_overlap(*x, *y))
				continue;
			warn(c, high, "overlap",
			     "of what is %s here, role %s may sign %s as well, for %s, with %u key%s instead "
			     "of %u",
			     *x, low->name, *y, trust_may_text(a->may & b->may, may), low->threshold,
			     low->threshold == 1 ? "" : "s", high->threshold);
			return;
		}
}

static size_t check_roles(struct checker *c)
{
	struct trust_role_info role, other;
	size_t n = 0;

	for (; trust_role(c->trust, n, &role); n++) {
		check_role(c, n, &role);
		for (size_t i = 0; i < n; i++)
			if (trust_role(c->trust, i, &other))
				check_overlap(c, &other, &role);
	}
	return n;
}

static int report(const struct cli *cli, struct checker *c, size_t n_roles, size_t n_revoked)
{
	if (cli->json) {
		_cleanup_json_ json_t *root =
			json_pack("{s:I, s:I, s:O}", "roles", (json_int_t)n_roles, "revoked",
				  (json_int_t)n_revoked, "warnings", c->warnings);

		if (!root || json_dumpf(root, stdout, JSON_COMPACT) < 0)
			return cli_broken(-ENOMEM);
		printf("\n");
	} else if (!cli->quiet) {
		printf("%zu role%s, %zu revocation%s, %zu warning%s\n", n_roles, n_roles == 1 ? "" : "s",
		       n_revoked, n_revoked == 1 ? "" : "s", c->n_warnings, c->n_warnings == 1 ? "" : "s");
		if (!n_roles)
			cli_say("without a role no signature counts; begin with: bpfwarden trust init DIR");
	}
	return c->strict && c->n_warnings ? CLI_FAILED : CLI_OK;
}

static bool check_option(void *data, int option, const char *value)
{
	(void)option;
	(void)value;
	*(bool *)data = true;
	return true;
}

int cmd_trust_check(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "strict", no_argument, NULL, 0x100 }, {} };
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	_cleanup_json_ json_t *warnings = json_array();
	struct checker c = { .now = time(NULL), .warnings = warnings };
	size_t n_roles, n_revoked = 0;
	int first, r = cli_parse(cli, argc, argv, options, check_option, &c.strict, 0, 1, &first);

	if (r == CLI_CONTINUE)
		r = trust_open(first < argc ? argv[first] : NULL, &trust);
	if (r != CLI_CONTINUE)
		return r;
	c.trust = trust;
	c.json = cli->json;
	n_roles = check_roles(&c);
	trust_revocations(trust, &n_revoked);
	return report(cli, &c, n_roles, n_revoked);
}
