/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/candidates.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/units.h"

/* Where systemd and Debian number people; see login.defs(5). */
#define PEOPLE_FIRST 1000
#define PEOPLE_LAST  59999

bool candidates_init(struct candidates *c)
{
	*c = (struct candidates){ .user_words = json_object(),
				  .group_words = json_object(),
				  .uid_words = json_object(),
				  .names = json_object(),
				  .targets = json_object() };
	return c->user_words && c->group_words && c->uid_words && c->names &&
	       json_object_set_new(c->targets, "self", json_true()) == 0 &&
	       json_object_set_new(c->targets, "host", json_true()) == 0;
}

void candidates_clear(struct candidates *c)
{
	json_decref(c->user_words);
	json_decref(c->group_words);
	json_decref(c->uid_words);
	json_decref(c->names);
	json_decref(c->targets);
	free(c->users);
	*c = (struct candidates){};
}

static void add_words(json_t *set, const struct config_section *section, const char *key)
{
	const struct config_entry *entry = config_entry(section, key);
	struct config_word word = {};

	while (entry && config_next_word(entry, &word))
		json_object_set_new(set, word.text, json_true());
}

void candidates_add_policy(struct candidates *c, const struct config *config)
{
	for (size_t i = 0; i < config_n_sections(config); i++) {
		const struct config_section *section = config_section(config, i);

		add_words(c->user_words, section, "user");
		add_words(c->group_words, section, "group");
		add_words(c->uid_words, section, "uid");
		add_words(c->targets, section, "target");
	}
}

/* "1000-1999", "65000" */
static bool range_has(const char *range, uid_t uid)
{
	char text[32];
	char *dash;
	uint64_t first, last;

	snprintf(text, sizeof(text), "%s", range);
	dash = strchr(text, '-');
	if (dash)
		*dash++ = 0;
	return unit_parse_number(text, &first) && unit_parse_number(dash ? dash : text, &last) &&
	       uid >= first && uid <= last;
}

static bool named_by_number(const struct candidates *c, uid_t uid)
{
	const char *range;
	char number[16];
	json_t *value;

	snprintf(number, sizeof(number), "%u", uid);
	if (json_object_get(c->user_words, number))
		return true;
	json_object_foreach (c->uid_words, range, value)
		if (range_has(range, uid))
			return true;
	return false;
}

static void find_groups(struct candidate *user, gid_t primary)
{
	int n = EXPLAIN_GROUPS_MAX;

	user->groups_known = getgrouplist(user->name, primary, user->groups, &n) >= 0;
	user->n_groups = user->groups_known ? (size_t)n : 0;
}

static int add_user(struct candidates *c, const char *name, uid_t uid)
{
	struct candidate *grown;

	if (json_object_get(c->names, name))
		return 0;
	/* What is no UTF-8 cannot be asked about. */
	if (json_object_set_new(c->names, name, json_true()) < 0)
		return 0;
	grown = realloc(c->users, (c->n_users + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->users = grown;
	grown[c->n_users] = (struct candidate){ .uid = uid, .groups_known = true };
	snprintf(grown[c->n_users].name, sizeof(grown->name), "%s", name);
	c->n_users++;
	return 0;
}

static int add_entry(struct candidates *c, const struct passwd *entry)
{
	size_t before = c->n_users;
	int r = 0;

	/* What does not fit a question cannot be asked about. */
	if (strlen(entry->pw_name) < sizeof(c->users->name))
		r = add_user(c, entry->pw_name, entry->pw_uid);
	if (r == 0 && c->n_users > before)
		find_groups(&c->users[before], entry->pw_gid);
	return r;
}

/* By name, also where a name service does not list what it has. */
static int add_name(struct candidates *c, const char *name)
{
	const struct passwd *entry = getpwnam(name);
	uint64_t uid;

	if (entry)
		return add_entry(c, entry);
	if (unit_parse_number(name, &uid) && uid < UINT32_MAX && !getpwuid((uid_t)uid))
		return add_user(c, name, (uid_t)uid);
	return 0;
}

/* The numbers of the groups that are named, and in `members` the names of who is in them. */
static json_t *find_members(const struct candidates *c, json_t *members)
{
	json_t *gids = json_object(), *value;
	char number[16];
	const char *word;

	json_object_foreach (c->group_words, word, value) {
		uint64_t gid;
		const struct group *group =
			unit_parse_number(word, &gid) ? getgrgid((gid_t)gid) : getgrnam(word);

		if (!group)
			continue;
		snprintf(number, sizeof(number), "%u", group->gr_gid);
		json_object_set_new(gids, number, json_true());
		for (char **name = group->gr_mem; *name; name++)
			json_object_set_new(members, *name, json_true());
	}
	return gids;
}

static bool is_wanted(const struct candidates *c, const struct passwd *entry, const json_t *gids)
{
	char primary[16];

	snprintf(primary, sizeof(primary), "%u", entry->pw_gid);
	return entry->pw_uid == 0 || (entry->pw_uid >= PEOPLE_FIRST && entry->pw_uid <= PEOPLE_LAST) ||
	       json_object_get(gids, primary) || named_by_number(c, entry->pw_uid);
}

static int add_names(struct candidates *c, json_t *names)
{
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach (names, name, value)
		if (r == 0)
			r = add_name(c, name);
	return r;
}

static int compare_users(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return strcmp(left->name, right->name);
}

int candidates_find(struct candidates *c, bool all)
{
	_cleanup_json_ json_t *members = json_object(), *gids = find_members(c, members);
	const struct passwd *entry;
	int r = gids ? 0 : -ENOMEM;

	setpwent();
	while (r == 0 && (entry = getpwent()))
		if (all || is_wanted(c, entry, gids))
			r = add_entry(c, entry);
	endpwent();
	if (r == 0)
		r = add_names(c, c->user_words);
	if (r == 0)
		r = add_names(c, members);
	if (r == 0 && c->n_users)
		qsort(c->users, c->n_users, sizeof(*c->users), compare_users);
	return r;
}

json_t *candidate_question(const struct candidate *candidate)
{
	_cleanup_json_ json_t *question = NULL, *groups = json_array();
	char number[16];

	snprintf(number, sizeof(number), "%u", candidate->uid);
	question = json_pack("{s:s, s:b}", "user", number, "brief", 1);
	if (!question || !groups)
		return NULL;
	for (size_t i = 0; i < candidate->n_groups; i++)
		json_array_append_new(groups, json_integer(candidate->groups[i]));
	if (candidate->groups_known && json_object_set(question, "groups", groups) < 0)
		return NULL;
	return take_ptr(question);
}

const char *candidate_target(const char *target, char *buffer, size_t size)
{
	static const char prefix[] = "user:";
	const struct passwd *entry = NULL;

	if (!strncmp(target, prefix, sizeof(prefix) - 1))
		entry = getpwnam(target + sizeof(prefix) - 1);
	if (!entry)
		return target;
	snprintf(buffer, size, "%s%u", prefix, entry->pw_uid);
	return buffer;
}
