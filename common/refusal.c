/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

#define ERRNO_MAX 4096 /* include/linux/err.h: MAX_ERRNO + 1 */

static const struct {
	const char *name;
	const char *subject_key;
	int exit_code;
} refusals[_REFUSAL_MAX] = {
	[REFUSAL_POLICY_DENIED] = { "PolicyDenied", "rule", 3 },
	[REFUSAL_LIMIT_EXCEEDED] = { "LimitExceeded", "limit", 3 },
	[REFUSAL_KERNEL_UNSUPPORTED] = { "KernelUnsupported", "feature", 5 },
	[REFUSAL_TARGET_UNSUPPORTED] = { "TargetUnsupported", "target", 5 },
	[REFUSAL_SIGNATURE_INVALID] = { "SignatureInvalid", "check", 3 },
	[REFUSAL_BUNDLE_INVALID] = { "BundleInvalid", "check", 3 },
	[REFUSAL_NOT_ENROLLED] = { "NotEnrolled", "bundle", 3 },
	[REFUSAL_ALREADY_ENROLLED] = { "AlreadyEnrolled", "bundle", 1 },
	[REFUSAL_REVOKED] = { "Revoked", "bundle", 3 },
	[REFUSAL_SERIAL_ROLLBACK] = { "SerialRollback", "bundle", 3 },
	[REFUSAL_NOT_KERNEL_VERIFIED] = { "NotKernelVerified", "bundle", 3 },
	[REFUSAL_AUDIT_UNAVAILABLE] = { "AuditUnavailable", "step", 1 },
	[REFUSAL_NO_SUCH_PROBE] = { "NoSuchProbe", "probe", 4 },
	[REFUSAL_NO_SUCH_ATTACHMENT] = { "NoSuchAttachment", "attachment", 4 },
	[REFUSAL_NO_SUCH_TARGET] = { "NoSuchTarget", "target", 4 },
	[REFUSAL_INVALID_ARGUMENT] = { "InvalidArgument", "argument", 2 },
	[REFUSAL_LOAD_FAILED] = { "LoadFailed", "step", 1 },
	[REFUSAL_POLICY_INVALID] = { "PolicyInvalid", "place", 1 },
	[REFUSAL_TRUST_INVALID] = { "TrustInvalid", "place", 1 },
	[REFUSAL_UNAVAILABLE] = { "Unavailable", "process", 1 },
};

static void fill(struct refusal *r, enum refusal_code code, const char *subject, const char *format,
		 va_list ap) __attribute__((format(printf, 4, 0)));
static void fill(struct refusal *r, enum refusal_code code, const char *subject, const char *format,
		 va_list ap)
{
	memset(r, 0, sizeof(*r));
	r->code = code;
	snprintf(r->subject, sizeof(r->subject), "%s", subject ? subject : "");
	vsnprintf(r->reason, sizeof(r->reason), format, ap);
	refusal_sanitize(r);
}

int refusal_set(struct refusal *r, enum refusal_code code, const char *subject, const char *format, ...)
{
	va_list ap;

	if (!r)
		return code;
	va_start(ap, format);
	fill(r, code, subject, format, ap);
	va_end(ap);
	return code;
}

int refusal_set_error(struct refusal *r, int error, enum refusal_code code, const char *subject,
		      const char *format, ...)
{
	va_list ap;

	if (!r)
		return code;
	va_start(ap, format);
	fill(r, code, subject, format, ap);
	va_end(ap);
	r->error = error < 0 && error > -ERRNO_MAX ? -error : 0;
	return code;
}

void refusal_sanitize(struct refusal *r)
{
	if (!refusal_name(r->code))
		r->code = REFUSAL_UNAVAILABLE;
	if (r->error < 0 || r->error >= ERRNO_MAX)
		r->error = 0;
	utf8_make_printable(r->subject, sizeof(r->subject));
	utf8_make_printable(r->reason, sizeof(r->reason));
}

const char *refusal_name(uint32_t code)
{
	return code < _REFUSAL_MAX ? refusals[code].name : NULL;
}

enum refusal_code refusal_from_name(const char *name)
{
	for (uint32_t i = 1; i < _REFUSAL_MAX; i++)
		if (!strcmp(refusals[i].name, name))
			return (enum refusal_code)i;
	return REFUSAL_NONE;
}

const char *refusal_subject_key(uint32_t code)
{
	return code < _REFUSAL_MAX && refusals[code].subject_key ? refusals[code].subject_key : "subject";
}

int refusal_exit_code(uint32_t code)
{
	return code < _REFUSAL_MAX && refusals[code].name ? refusals[code].exit_code : 1;
}
