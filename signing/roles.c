/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/roles.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "signing/anchors.h"
#include "signing/certificate.h"

bool role_lists(const struct role *role, const char *name)
{
	for (size_t i = 0; role->names[i]; i++)
		if (fnmatch(role->names[i], name, 0) == 0)
			return true;
	return false;
}

struct trust *trust_free(struct trust *trust)
{
	if (!trust)
		return NULL;
	for (size_t i = 0; i < trust->n_roles; i++) {
		struct role *role = &trust->roles[i];

		for (size_t j = 0; j < ROLE_NAMES_MAX; j++)
			free(role->names[j]);
		cms_trust_free(role->anchors);
		free(role->name);
		free(role->file);
	}
	free(trust->revoked);
	free(trust->revoked_by);
	free(trust);
	return NULL;
}

bool trust_role(const struct trust *trust, size_t n, struct trust_role_info *ret)
{
	const struct role *role;

	if (n >= trust->n_roles)
		return false;
	role = &trust->roles[n];
	*ret = (struct trust_role_info){
		.name = role->name,
		.file = role->file,
		.line = role->line,
		.threshold = role->threshold,
		.may = role->may,
		.algorithms = role->algorithms,
		.names = (const char *const *)role->names,
		.crl = role->anchors->require_crl,
		.n_certificates = role->anchors->issuers.n + role->anchors->pinned.n,
		.n_crls = role->anchors->crls.n,
	};
	return true;
}

bool trust_certificate(const struct trust *trust, size_t n, size_t i, struct trust_certificate_info *ret)
{
	struct trust_certificate_info info = {};
	const struct cms_trust *anchors;
	X509 *x509;

	if (n >= trust->n_roles)
		return false;
	anchors = trust->roles[n].anchors;
	info.pinned = i >= anchors->issuers.n;
	if (info.pinned && i - anchors->issuers.n >= anchors->pinned.n)
		return false;
	x509 = info.pinned ? anchors->pinned.x509[i - anchors->issuers.n] : anchors->issuers.x509[i];
	info.not_before = certificate_not_before(x509);
	if (certificate_describe(x509, &info.identity) < 0)
		return false;
	*ret = info;
	return true;
}

bool trust_crl(const struct trust *trust, size_t n, size_t i, struct trust_crl_info *ret)
{
	struct trust_crl_info info = {};
	int revoked;
	X509_CRL *crl;

	if (n >= trust->n_roles || i >= trust->roles[n].anchors->crls.n)
		return false;
	crl = trust->roles[n].anchors->crls.crl[i];
	certificate_name(X509_CRL_get_issuer(crl), info.issuer, sizeof(info.issuer));
	info.next_update = crl_next_update(crl);
	revoked = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	info.n_revoked = revoked > 0 ? (size_t)revoked : 0;
	*ret = info;
	return true;
}

const struct revocation *trust_revocations(const struct trust *trust, size_t *ret_n)
{
	*ret_n = trust->n_revoked;
	return trust->revoked;
}
