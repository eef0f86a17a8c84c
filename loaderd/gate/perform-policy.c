/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of io.bpfwarden.Policy. */
#include <string.h>

#include "format/policy-names.h"
#include "loaderd/gate/connection.h"
#include "loaderd/gate/perform-internal.h"

/* What is left out is not known; that cannot be said in words as well. */
static bool put_namespace(uint32_t *to, const char *name)
{
	for (uint32_t i = POLICY_NAMESPACE_HOST; i < _POLICY_NAMESPACE_MAX; i++)
		if (!strcmp(policy_namespace_names[i], name)) {
			*to = i;
			return true;
		}
	return false;
}

const char *perform_mine(struct connection *c, const struct method_input *in)
{
	return send_plain(c, MESSAGE_POLICY_MINE, in);
}

const char *perform_reload(struct connection *c, const struct method_input *in)
{
	struct message_flags m = { .m.type = MESSAGE_POLICY_RELOAD };

	m.flags = in->dry_run ? MESSAGE_FLAG_DRY_RUN : 0;
	return SEND_CALL(c, &m, in);
}

const char *perform_text(struct connection *c, const struct method_input *in)
{
	struct message_policy_text m = { .m.type = MESSAGE_POLICY_TEXT };

	if (!put_u64(&m.seq, &in->at) || (in->at.present && (!m.seq || in->on_disk)))
		return "at";
	m.flags = in->on_disk ? MESSAGE_FLAG_ON_DISK : 0;
	return SEND_CALL(c, &m, in);
}

static bool put_groups(struct message_explain *m, const json_t *groups)
{
	if (json_array_size(groups) > EXPLAIN_GROUPS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *gid = json_array_get(groups, i);

		/* The greatest is no group: chown(2) means by it that none is named. */
		if (!json_is_integer(gid) || json_integer_value(gid) < 0 ||
		    json_integer_value(gid) >= UINT32_MAX)
			return false;
		m->groups[m->n_groups++] = (uint32_t)json_integer_value(gid);
	}
	if (groups)
		m->flags |= MESSAGE_FLAG_KNOWN_GROUPS;
	return true;
}

/* About whom. */
static const char *put_caller(struct message_explain *m, const struct method_input *in)
{
	if (!PUT_TEXT(m->user, in->user) || (in->user && !m->user[0]))
		return "user";
	if (!put_groups(m, in->groups))
		return "groups";
	if (in->namespace && !put_namespace(&m->namespace, in->namespace))
		return "namespace";
	if (!PUT_TEXT(m->cgroup, in->from_cgroup) || (in->from_cgroup && m->cgroup[0] != '/'))
		return "from_cgroup";
	return NULL;
}

const char *perform_explain(struct connection *c, const struct method_input *in)
{
	struct message_explain m = { .m.type = MESSAGE_POLICY_EXPLAIN, .minute = UINT32_MAX };
	const char *bad = put_caller(&m, in);

	if (bad)
		return bad;
	if (in->action && !policy_action_from_name(in->action, &m.action))
		return "action";
	if (in->minute.present && (in->minute.value < 0 || in->minute.value >= POLICY_WEEK))
		return "minute";
	if (in->minute.present)
		m.minute = (uint32_t)in->minute.value;
	bad = put_attach(&m.attach, in);
	if (bad)
		return bad;
	m.attach.flags |= in->persist ? MESSAGE_FLAG_PERSIST : 0;
	m.flags |= (in->brief ? MESSAGE_FLAG_BRIEF : 0) | (in->on_disk ? MESSAGE_FLAG_ON_DISK : 0);
	return SEND_CALL(c, &m, in);
}
