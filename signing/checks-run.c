/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Alone in its file, so that a test can link another one that leaves a row out: nothing that is installed
 * can. */
#include "signing/checks.h"

int checks_run(enum check_scope scope, const struct check_subject *subject, struct refusal *refusal)
{
	int r = 0;

	for (const struct check *c = checks; !r && c->rule; c++)
		if (c->scope == scope)
			r = c->check(subject, c->rule, refusal);
	return r;
}
