/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/policy-files.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/paths.h"

static const char *const system_directories[] = { PATH_POLICY_ETC, PATH_POLICY_RUN, PATH_POLICY_LIB };

/* ---- names ---- */

static int assume(struct host_names *names, const char *kind, const char *name, uint32_t *ret_id)
{
	_cleanup_free_ char *key = NULL;
	char **list;

	if (asprintf(&key, "%s %s", kind, name) < 0) {
		key = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; i < names->n_assumed; i++)
		if (!strcmp(names->assumed[i], key)) {
			*ret_id = ASSUMED_ID_FIRST + (uint32_t)i;
			return 0;
		}
	list = reallocarray(names->assumed, names->n_assumed + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	names->assumed = list;
	*ret_id = ASSUMED_ID_FIRST + (uint32_t)names->n_assumed;
	list[names->n_assumed++] = take_ptr(key);
	return 0;
}

/* errno of getpwnam(3) without an entry: some name services say by it that there is none. */
static int absent(struct host_names *names, int error, const char *kind, const char *name, uint32_t *ret_id)
{
	if (error && error != ENOENT && error != ESRCH && error != EBADF && error != EPERM)
		return -error;
	return names->assume ? assume(names, kind, name, ret_id) : 1;
}

static int resolve_user(void *userdata, const char *name, uid_t *ret_uid)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(name);
	if (!pw)
		return absent(userdata, errno, "user", name, ret_uid);
	*ret_uid = pw->pw_uid;
	return 0;
}

static int resolve_group(void *userdata, const char *name, gid_t *ret_gid)
{
	const struct group *gr;

	errno = 0;
	gr = getgrnam(name);
	if (!gr)
		return absent(userdata, errno, "group", name, ret_gid);
	*ret_gid = gr->gr_gid;
	return 0;
}

void host_names_init(struct host_names *names, bool assumes)
{
	*names = (struct host_names){ .assume = assumes };
	names->resolver = (struct policy_resolver){ resolve_user, resolve_group, names };
}

void host_names_done(struct host_names *names)
{
	for (size_t i = 0; i < names->n_assumed; i++)
		free(names->assumed[i]);
	free(names->assumed);
	names->assumed = NULL;
	names->n_assumed = 0;
}

/* ---- files ---- */

/* A file by its name, which is what precedence goes by. */
struct layer {
	char *path;
	const char *name; /* in path */
};

struct layers {
	struct layer *list;
	size_t n;
};

static void layers_done(struct layers *layers)
{
	for (size_t i = 0; i < layers->n; i++)
		free(layers->list[i].path);
	free(layers->list);
}

/* Takes the path over. */
static int add_layer(struct layers *layers, char *path)
{
	struct layer *list = reallocarray(layers->list, layers->n + 1, sizeof(*list));
	const char *slash = strrchr(path, '/');

	if (!list) {
		free(path);
		return -ENOMEM;
	}
	layers->list = list;
	list[layers->n++] = (struct layer){ .path = path, .name = slash ? slash + 1 : path };
	return 0;
}

static bool has_layer(const struct layers *layers, const char *name)
{
	for (size_t i = 0; i < layers->n; i++)
		if (!strcmp(layers->list[i].name, name))
			return true;
	return false;
}

static bool is_policy(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot != name && name[0] != '.' && !strcmp(dot, ".policy");
}

static int add_directory(struct layers *layers, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort), r = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		char *file;

		if (!r && is_policy(entries[i]->d_name) && !has_layer(layers, entries[i]->d_name))
			r = asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0 ? -ENOMEM
										   : add_layer(layers, file);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int add_path(struct layers *layers, const char *path)
{
	struct stat st;
	char *copy;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return add_directory(layers, path);
	copy = strdup(path);
	return copy ? add_layer(layers, copy) : -ENOMEM;
}

static int compare_layers(const void *a, const void *b)
{
	const struct layer *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->path, y->path);
}

/* A link to /dev/null and an empty file mask their name. */
static bool is_mask(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && !st.st_size));
}

int policy_files_add(struct config *config, const char *path, struct refusal *refusal)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	if (fd < 0)
		return -errno;
	r = fd_read_all(fd, CONFIG_FILE_MAX, &text, &size);
	return r < 0 ? r : config_add_text(config, path, text, size, refusal);
}

/* *ret_path is the path at which it went wrong. */
static int add_named(struct config *config, char *const *paths, size_t n, struct layers *layers,
		     struct refusal *refusal, const char **ret_path)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		*ret_path = paths[i];
		r = add_path(layers, paths[i]);
	}
	if (r)
		return r;
	if (layers->n)
		qsort(layers->list, layers->n, sizeof(*layers->list), compare_layers);
	for (size_t i = 0; !r && i < layers->n; i++) {
		*ret_path = layers->list[i].path;
		if (!is_mask(*ret_path))
			r = policy_files_add(config, *ret_path, refusal);
	}
	return r;
}

/* The parts of FILE:LINE:COLUMN, as warnings have them, for what marks places in reviews. */
static void add_place(json_t *error, const char *place)
{
	const char *column = strrchr(place, ':');
	const char *line = column ? memrchr(place, ':', (size_t)(column - place)) : NULL;
	unsigned int l, c;

	if (!line || sscanf(line, ":%u:%u", &l, &c) != 2)
		return;
	json_object_set_new(error, "file", json_stringn(place, (size_t)(line - place)));
	json_object_set_new(error, "line", json_integer(l));
	json_object_set_new(error, "column", json_integer(c));
}

int policy_files_tell(const struct cli *cli, const char *path, int r, const struct refusal *refusal)
{
	const char *place = r < 0 || !*refusal->subject ? path : refusal->subject;
	const char *reason = r < 0 ? strerror(-r) : refusal->reason;

	if (cli->json) {
		_cleanup_json_ json_t *root =
			json_pack("{s:{s:s, s:s}}", "error", "place", place, "reason", reason);

		add_place(json_object_get(root, "error"), place);
		if (!root || json_dumpf(root, stdout, JSON_COMPACT) < 0)
			return cli_broken(-ENOMEM);
		printf("\n");
	} else {
		fflush(stdout);
		fprintf(stderr, "%s: %s\n", place, reason);
	}
	return CLI_FAILED;
}

int policy_files_open(const struct cli *cli, char *const *paths, size_t n, const struct host_names *names,
		      struct policy **ret_policy, size_t *ret_n_sections)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	_cleanup_(layers_done) struct layers layers = {};
	const char *path = PATH_POLICY_ETC;
	struct refusal refusal = {};
	size_t sections = 0;
	int r = config_new(REFUSAL_POLICY_INVALID, &config);

	if (!r && n)
		r = add_named(config, paths, n, &layers, &refusal, &path);
	else if (!r)
		r = config_add_directories(config, system_directories, 3, ".policy", 0, &refusal);
	if (!r) {
		sections = config_n_sections(config);
		r = policy_new_from_config(config, &names->resolver, &refusal, ret_policy);
	}
	if (r) {
		int told = policy_files_tell(cli, path, r, &refusal);

		/* What is wrong where it is reviewed may be right where it will be in force. */
		if (r > 0 && !cli->json && strstr(refusal.reason, "would vanish"))
			cli_say("to take users and groups for granted that this machine does not know: "
				"--assume-names");
		return told;
	}
	(void)take_ptr(config);
	*ret_n_sections = sections;
	return CLI_CONTINUE;
}
