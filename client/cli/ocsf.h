/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Records of the audit log as events of the Open Cybersecurity Schema Framework, version 1.5.0
 * (schema.ocsf.io/1.5.0), for systems that collect those. Which record becomes which class:
 * bpfwarden-audit(1). Nothing is lost: raw_data is the record's exact bytes.
 */
#include <stddef.h>

#define OCSF_VERSION "1.5.0"

struct ocsf_log {
	const char *origin;  /* of the log; NULL: not known */
	const char *version; /* of the program that exports */
};

/* One record as one line of JSON, without the newline, in printable ASCII. -EBADMSG: the bytes are no record;
 * -ENOMEM. */
int ocsf_event(const struct ocsf_log *log, const char *bytes, size_t size, char **ret);
