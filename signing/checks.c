/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/checks.h"

/* clang-format off */
const struct check checks[] = {
	{ "S1",  CHECK_FORM,      check_form },
	{ "S2",  CHECK_FORM,      check_detached },
	{ "S3",  CHECK_FORM,      check_type },
	{ "S4",  CHECK_FORM,      check_signer },
	{ "S5",  CHECK_FORM,      check_attributes },
	{ "S6",  CHECK_FORM,      check_algorithm },
	{ "S7",  CHECK_FORM,      check_content },
	{ "S8",  CHECK_FORM,      check_embedded },
	{ "S9",  CHECK_SIGNATURE, check_anchored },
	{ "S10", CHECK_SIGNATURE, check_leaf },
	{ "S11", CHECK_SIGNATURE, check_key },
	{ "S12", CHECK_SIGNATURE, check_time },
	{ "S13", CHECK_SIGNATURE, check_crl },
	{ "S14", CHECK_SIGNATURE, check_signature },
	{ "T9",  CHECK_SET,       check_number },
	{ "T10", CHECK_THRESHOLD, check_threshold },
	{ "T11", CHECK_NAME,      check_name },
	{ "T12", CHECK_BUNDLE,    check_required_roles },
	{ "T13", CHECK_BUNDLE,    check_not_after },
	{ "T14", CHECK_KEYS,      check_revoked_keys },
	{ "T15", CHECK_BUNDLE,    check_revoked_bundle },
	{ "T16", CHECK_BUNDLE,    check_revoked_files },
	{ "E1",  CHECK_ENROLMENT, check_channel },
	{ "E2",  CHECK_ENROLMENT, check_rollback },
	{ 0 },
};
/* clang-format on */
