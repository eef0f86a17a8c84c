/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of struct cms_trust. */
#include <stdbool.h>

#include "signing/certificate.h"
#include "signing/cms.h"

struct cms_trust {
	struct certificates issuers, pinned;
	struct crls crls;
	bool require_crl;
	uint32_t algorithms;
};
