/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A call as a message to the warden: one function a method. Each returns NULL, or the name of the parameter
 * that is wrong, and then has sent nothing.
 */
#include "format/varlink.h"
#include "loaderd/gate/gate.h"

/* Everything that some method takes; each row of the table names its own part. */
struct method_input {
	const char *probe, *target, *attachment, *name, *reason, *kind, *verdict, *action, *interface;
	const char *file, *key, *certificate, *digest; /* SHA-256 in hexadecimal */
	const char *user, *namespace, *from_cgroup, *privacy;
	struct varlink_int serial, duration, since, until, from, limit, uid, signatures, files, minute, at,
		above, seq, size;
	bool dry_run, experimental, all, cost, reverse, follow, persist, brief, on_disk;
	json_t *data, *parameters, *groups;
	bool bound; /* Run */
	const int *fds;
	size_t n_fds;
};

const char *perform_list(struct connection *c, const struct method_input *in);
const char *perform_registry_list(struct connection *c, const struct method_input *in);
const char *perform_mine(struct connection *c, const struct method_input *in);
const char *perform_reload(struct connection *c, const struct method_input *in);
const char *perform_explain(struct connection *c, const struct method_input *in);
const char *perform_text(struct connection *c, const struct method_input *in);
const char *perform_describe(struct connection *c, const struct method_input *in);
const char *perform_registry_describe(struct connection *c, const struct method_input *in);
const char *perform_accept_clock(struct connection *c, const struct method_input *in);
const char *perform_promote(struct connection *c, const struct method_input *in);
const char *perform_revoke(struct connection *c, const struct method_input *in);
const char *perform_attach(struct connection *c, const struct method_input *in);
const char *perform_run(struct connection *c, const struct method_input *in);
const char *perform_watch(struct connection *c, const struct method_input *in);
const char *perform_read(struct connection *c, const struct method_input *in);
const char *perform_detach(struct connection *c, const struct method_input *in);
const char *perform_status(struct connection *c, const struct method_input *in);
const char *perform_enroll(struct connection *c, const struct method_input *in);
const char *perform_query(struct connection *c, const struct method_input *in);
const char *perform_head(struct connection *c, const struct method_input *in);
const char *perform_checkpoints(struct connection *c, const struct method_input *in);
const char *perform_prove(struct connection *c, const struct method_input *in);
const char *perform_audit_text(struct connection *c, const struct method_input *in);
