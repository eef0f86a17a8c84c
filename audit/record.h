/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What one audit record says. Every pointer is borrowed for the length of the call; NULL, zero or the named
 * "unset" value leaves the member out of the record. The bytes that a record becomes: docs/AUDIT.md.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/limits.h"

enum audit_kind {
	AUDIT_DECISION = 0, /* what was asked and what policy said, durable before anything is done */
	AUDIT_OUTCOME,      /* how an allowed request ended, once; .decision names its decision */
	AUDIT_END,    /* an attachment ended without a request to detach it; .decision names its attach's */
	AUDIT_CHANGE, /* of registry, trust or policy */
	AUDIT_START,  /* the warden is up */
	AUDIT_STOP,
	AUDIT_CRASH,   /* a process of the daemon died */
	AUDIT_READ,    /* somebody read the log */
	AUDIT_DENIALS, /* a count of denials, made by audit_append_denial() */
	_AUDIT_KIND_MAX,
};

enum audit_verdict {
	AUDIT_VERDICT_NONE = 0,
	AUDIT_ALLOW, /* of decisions */
	AUDIT_DENY,
	AUDIT_OK, /* of everything else */
	AUDIT_FAILED,
	_AUDIT_VERDICT_MAX,
};

enum audit_tristate {
	AUDIT_UNKNOWN = 0,
	AUDIT_NO,
	AUDIT_YES,
};

enum audit_kernel_verified {
	AUDIT_KERNEL_VERIFIED_UNSET = 0, /* nothing was loaded */
	AUDIT_KERNEL_VERIFIED_YES,       /* the kernel checked the signature itself, against .keyring */
	AUDIT_KERNEL_VERIFIED_NO,        /* it could have, but the bundle carries no signature for it */
	AUDIT_KERNEL_VERIFIED_UNSUPPORTED,
	_AUDIT_KERNEL_VERIFIED_MAX,
};

#define AUDIT_LOGINUID_UNSET UINT32_MAX /* as the kernel says it: (uid_t)-1 */

struct audit_requester {
	uid_t uid;
	const char *user;  /* the name at that time; NULL: not resolved, the uid in digits is written */
	const gid_t *gids; /* all of them; up to AUDIT_GIDS_MAX */
	size_t n_gids;
	uint32_t loginuid;
	pid_t pid;            /* 0: not in our pid namespace */
	uint64_t pidfd_inode; /* names the process for as long as the boot lasts; 0: this kernel has none */
	const char *comm, *cgroup; /* bytes of unknown encoding: what is not UTF-8 becomes U+FFFD */
	enum audit_tristate container;
};
#define AUDIT_REQUESTER_INIT                                       \
	{                                                          \
		.uid = (uid_t)-1, .loginuid = AUDIT_LOGINUID_UNSET \
	}

struct audit_param {
	const char *name;
	uint64_t value;
};

struct audit_record {
	enum audit_kind kind;
	enum audit_verdict verdict;
	uint64_t decision; /* sequence of the decision that this outcome or end belongs to; 0: none */
	uint64_t cause;    /* of an end: sequence of the decision or change that brought it about; 0: none */
	const struct audit_requester *requester; /* NULL: the daemon itself */
	const char *action;                      /* "attach", "detach", "enroll", … */
	const char *probe;
	uint64_t serial;            /* 0: none */
	const uint8_t *digest;      /* DIGEST_SIZE bytes: of the bundle's manifest */
	const char *const *signers; /* role names */
	size_t n_signers;
	const char *target_kind, *target; /* "unit", "shop.service" */
	const struct audit_param *params;
	size_t n_params;
	const char *const *forced; /* names of params that the policy changed */
	size_t n_forced;
	const char *const *data; /* "aggregates", "events": granted */
	size_t n_data;
	const char *privacy;          /* the highest class of fields granted, "bound" */
	const char *demand;           /* what the policy wants besides, "kernel-verified" */
	const char *rule;             /* the section that decided */
	const uint8_t *policy_digest; /* DIGEST_SIZE bytes: of a text given to audit_put_text() */
	uint32_t refusal_code;        /* enum refusal_code; REFUSAL_NONE: none */
	const char *refusal_reason;
	int error;                   /* errno, positive; 0: none */
	const uint32_t *program_ids; /* of the kernel, BPF_OBJ_GET_INFO_BY_FD */
	size_t n_program_ids;
	enum audit_kernel_verified kernel_verified;
	const char *keyring;    /* ".builtin_trusted_keys", with AUDIT_KERNEL_VERIFIED_YES */
	const char *attachment; /* its id */
	const uint64_t *ended;  /* how many attachments a change of the policy ends */
	uint64_t known;     /* of a change of the clock: the latest real time that is known, ns; 0: none */
	const char *detail; /* free text, one sentence */
};
#define AUDIT_RECORD_INIT(k) \
	{                    \
		.kind = (k)  \
	}

/* "decision", "deny"; NULL outside the enumerations and for AUDIT_VERDICT_NONE. */
const char *audit_kind_name(enum audit_kind kind);
const char *audit_verdict_name(enum audit_verdict verdict);
/* The inverses, for queries; false for unknown names. */
bool audit_kind_from_name(const char *name, enum audit_kind *ret);
bool audit_verdict_from_name(const char *name, enum audit_verdict *ret);
