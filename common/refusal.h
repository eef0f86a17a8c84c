/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The error contract of the whole tree.
 *
 *   negative  a fatal condition, -errno: out of memory, a broken peer, a failed disk. Forwarded unchanged.
 *   zero      success.
 *   positive  a refusal, one of enum refusal_code: a verdict about what was asked. The caller must handle it.
 *
 * A function that can refuse takes a `struct refusal *` and fills it, with refusal_set(), exactly when it
 * returns a positive value. Refusals cross process boundaries and reach clients as the Varlink error
 * io.bpfwarden.NAME, so the struct is fixed-size and holds no pointer.
 */
#include <stddef.h>
#include <stdint.h>

enum refusal_code {
	REFUSAL_NONE = 0,
	REFUSAL_POLICY_DENIED,       /* subject: the section that denied, or "default" */
	REFUSAL_LIMIT_EXCEEDED,      /* subject: the limit's name; used, max */
	REFUSAL_KERNEL_UNSUPPORTED,  /* subject: the missing kernel feature */
	REFUSAL_TARGET_UNSUPPORTED,  /* subject: the target kind that this probe cannot filter by */
	REFUSAL_SIGNATURE_INVALID,   /* subject: the broken rule of docs/FORMAT-bundle.md, e.g. "S3" */
	REFUSAL_BUNDLE_INVALID,      /* subject: the broken rule of docs/FORMAT-bundle.md, e.g. "M7" */
	REFUSAL_NOT_ENROLLED,        /* subject: bundle NAME-SERIAL */
	REFUSAL_ALREADY_ENROLLED,    /* subject: bundle NAME-SERIAL */
	REFUSAL_REVOKED,             /* subject: bundle NAME-SERIAL */
	REFUSAL_SERIAL_ROLLBACK,     /* subject: bundle NAME-SERIAL; a newer serial was there before */
	REFUSAL_NOT_KERNEL_VERIFIED, /* subject: bundle NAME-SERIAL; policy wants the kernel to check it */
	REFUSAL_AUDIT_UNAVAILABLE,   /* subject: the failing step */
	REFUSAL_NO_SUCH_PROBE,       /* subject: the probe's name */
	REFUSAL_NO_SUCH_ATTACHMENT,  /* subject: the id asked for */
	REFUSAL_NO_SUCH_TARGET,      /* subject: the user, unit or cgroup that does not exist */
	REFUSAL_INVALID_ARGUMENT,    /* subject: the argument's name */
	REFUSAL_LOAD_FAILED,    /* subject: the step that failed; reason ends in the verifier's last line */
	REFUSAL_POLICY_INVALID, /* subject: file:line:column */
	REFUSAL_TRUST_INVALID,  /* subject: file or file:line */
	REFUSAL_UNAVAILABLE,    /* subject: the process or token that is not there now; try again */
	_REFUSAL_MAX,
};

#define REFUSAL_SUBJECT_MAX 128
#define REFUSAL_REASON_MAX  384

struct refusal {
	uint32_t code;      /* enum refusal_code */
	int32_t error;      /* the kernel's errno, positive, with REFUSAL_LOAD_FAILED; 0: none */
	uint64_t used, max; /* of the limit, with REFUSAL_LIMIT_EXCEEDED */
	char subject[REFUSAL_SUBJECT_MAX];
	char reason[REFUSAL_REASON_MAX]; /* a sentence: what, why, what next */
};

/* Fills r (which may be NULL) and returns code, so that `return refusal_set(r, …);` reads well. Texts that do
 * not fit are cut at a character boundary. */
int refusal_set(struct refusal *r, enum refusal_code code, const char *subject, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same with the kernel's error, -errno. */
int refusal_set_error(struct refusal *r, int error, enum refusal_code code, const char *subject,
		      const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Makes a refusal that came from another process safe to print: a code outside the enumeration becomes
 * REFUSAL_UNAVAILABLE, both texts are terminated and everything that is not printable UTF-8 becomes '?'. */
void refusal_sanitize(struct refusal *r);

/* "PolicyDenied" and so on, the Varlink error without its interface; NULL for codes outside the enumeration.
 */
const char *refusal_name(uint32_t code);

/* The inverse of refusal_name(); REFUSAL_NONE for unknown names. */
enum refusal_code refusal_from_name(const char *name);

/* The name under which the Varlink error carries the subject: "rule", "limit", "feature", "bundle", … */
const char *refusal_subject_key(uint32_t code);

/* Exit code of the command line for this refusal: 1 failed, 2 usage, 3 denied, 4 not found, 5 unsupported. */
int refusal_exit_code(uint32_t code);
