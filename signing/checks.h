/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The rules of docs/FORMAT-bundle.md about signatures and trust that can refuse a bundle, as rows of one
 * table. A row judges its own rule only; what another rule demands may be absent and is that one's to refuse.
 * The tests build themselves once for each row with that row left out, and show that it is needed
 * (tests/trust).
 */
#include <stddef.h>

#include "common/refusal.h"
#include "signing/trust.h"

enum check_scope {
	CHECK_FORM,      /* one signature, before OpenSSL sees it */
	CHECK_SIGNATURE, /* one signature, held against one role */
	CHECK_SET,       /* the signatures of a bundle */
	CHECK_THRESHOLD, /* one role with signers */
	CHECK_KEYS,      /* the same once the bundle's name is known */
	CHECK_NAME,      /* one role that met its threshold */
	CHECK_BUNDLE,    /* what the manifest says */
	CHECK_ENROLMENT,
};

struct verification; /* signing/verification.h */
struct judgement;    /* signing/roles.h */

/* What a row looks at: the member of its scope, the others are NULL. */
struct check_subject {
	const struct verification *signature;
	const struct judgement *bundle;
	const struct trust_enrolment *enrolment;
};

struct check {
	const char *rule; /* "S3" */
	enum check_scope scope;
	/* 0, -errno or a refusal, REFUSAL_SIGNATURE_INVALID with the rule as its subject unless its prototype
	 * says otherwise. */
	int (*check)(const struct check_subject *subject, const char *rule, struct refusal *refusal);
};

/* NULL-named row at the end. */
extern const struct check checks[];

/* Runs the rows of a scope in their order until one does not return 0, and returns what it returned. */
int checks_run(enum check_scope scope, const struct check_subject *subject, struct refusal *refusal);

#define CHECK_ROW(name) \
	int name(const struct check_subject *subject, const char *rule, struct refusal *refusal)

/* signing/cms.c */
CHECK_ROW(check_form);
CHECK_ROW(check_detached);
CHECK_ROW(check_type);
CHECK_ROW(check_signer);
CHECK_ROW(check_attributes);
CHECK_ROW(check_algorithm);
CHECK_ROW(check_content);
CHECK_ROW(check_embedded);
CHECK_ROW(check_anchored);
CHECK_ROW(check_leaf);
CHECK_ROW(check_key);
CHECK_ROW(check_time);
CHECK_ROW(check_crl);
CHECK_ROW(check_signature);

/* signing/trust.c */
CHECK_ROW(check_number);
CHECK_ROW(check_threshold);
CHECK_ROW(check_revoked_keys);
CHECK_ROW(check_name);
CHECK_ROW(check_required_roles);
CHECK_ROW(check_not_after);
CHECK_ROW(check_revoked_bundle); /* REFUSAL_REVOKED */
CHECK_ROW(check_revoked_files);  /* REFUSAL_REVOKED */

/* signing/enrolment.c */
CHECK_ROW(check_channel);
CHECK_ROW(check_rollback); /* REFUSAL_SERIAL_ROLLBACK */
