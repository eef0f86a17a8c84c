/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Into which channel, and never backwards: rules E1 and E2 of docs/FORMAT-bundle.md. */
#include <inttypes.h>

#include "signing/checks.h"

CHECK_ROW(check_channel)
{
	const struct trust_enrolment *e = subject->enrolment;

	if (e->may & (e->production ? TRUST_MAY_ENROLL_PRODUCTION : TRUST_MAY_ENROLL_EXPERIMENTAL))
		return 0;
	return refusal_set(refusal, REFUSAL_SIGNATURE_INVALID, rule,
			   "role %s may not sign for the %s channel", e->signers,
			   e->production ? "production" : "experimental");
}

CHECK_ROW(check_rollback)
{
	const struct trust_enrolment *e = subject->enrolment;

	if (e->serial >= e->highest)
		return 0;
	return refusal_set(refusal, REFUSAL_SERIAL_ROLLBACK, e->bundle,
			   "serial %" PRIu64
			   " was in the %s channel before; to go back to what %s holds, sign it "
			   "under a higher serial (%s)",
			   e->highest, e->production ? "production" : "experimental", e->bundle, rule);
}

int trust_check_enrolment(const struct trust_enrolment *enrolment, struct refusal *refusal)
{
	const struct check_subject subject = { .enrolment = enrolment };

	return checks_run(CHECK_ENROLMENT, &subject, refusal);
}
