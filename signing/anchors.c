/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/anchors.h"

#include <errno.h>
#include <stdlib.h>

struct cms_trust *cms_trust_new(void)
{
	struct cms_trust *trust = calloc(1, sizeof(*trust));

	if (trust)
		trust->algorithms = CMS_ALGORITHMS_ALL;
	return trust;
}

struct cms_trust *cms_trust_free(struct cms_trust *trust)
{
	if (!trust)
		return NULL;
	certificates_clear(&trust->issuers);
	certificates_clear(&trust->pinned);
	crls_clear(&trust->crls);
	free(trust);
	return NULL;
}

int cms_trust_add_issuers(struct cms_trust *trust, const char *file, const char *pem, size_t size,
			  struct refusal *refusal)
{
	return certificates_add_pem(&trust->issuers, file, pem, size, certificate_issuer_problem, refusal);
}

int cms_trust_add_pinned(struct cms_trust *trust, const char *file, const char *pem, size_t size,
			 struct refusal *refusal)
{
	return certificates_add_pem(&trust->pinned, file, pem, size, certificate_pinned_problem, refusal);
}

int cms_trust_add_crls(struct cms_trust *trust, const char *file, const char *pem, size_t size,
		       struct refusal *refusal)
{
	trust->require_crl = true;
	return crls_add_pem(&trust->crls, file, pem, size, refusal);
}

void cms_trust_require_crl(struct cms_trust *trust)
{
	trust->require_crl = true;
}

void cms_trust_set_algorithms(struct cms_trust *trust, uint32_t algorithms)
{
	trust->algorithms = algorithms & CMS_ALGORITHMS_ALL;
}
