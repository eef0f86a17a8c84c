/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/bundle/build.h"
#include "client/bundle/verbs.h"
#include "format/manifest.h"

struct build_arguments {
	const char *output, *template_path, *directory, *ksig_key, *ksig_cert;
	const char *objects[SPEC_VARIANTS_MAX]; /* "VARIANT=FILE" */
	size_t n_objects;
};

enum { OPTION_OBJECT = 256, OPTION_OBJECTS, OPTION_KSIG_KEY, OPTION_KSIG_CERT };

/* -1: go on; otherwise the exit code. */
static int parse(const struct bundle_verb *verb, int argc, char **argv, struct build_arguments *a)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "object", required_argument, NULL, OPTION_OBJECT },
		{ "objects", required_argument, NULL, OPTION_OBJECTS },
		{ "ksig-key", required_argument, NULL, OPTION_KSIG_KEY },
		{ "ksig-cert", required_argument, NULL, OPTION_KSIG_CERT },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) >= 0)
		switch (c) {
		case 'o':
			a->output = optarg;
			break;
		case OPTION_OBJECT:
			if (a->n_objects == SPEC_VARIANTS_MAX || !strchr(optarg, '='))
				return tell_usage(verb, "--object takes VARIANT=FILE, once for each variant");
			a->objects[a->n_objects++] = optarg;
			break;
		case OPTION_OBJECTS:
			a->directory = optarg;
			break;
		case OPTION_KSIG_KEY:
			a->ksig_key = optarg;
			break;
		case OPTION_KSIG_CERT:
			a->ksig_cert = optarg;
			break;
		case 'h':
			tell_help(verb);
			return EXIT_OK;
		default:
			return tell_usage(verb, "%s is no option here, or lacks its value", argv[optind - 1]);
		}
	if (argc - optind != 1)
		return tell_usage(verb, "one template is needed");
	if (!a->ksig_key != !a->ksig_cert)
		return tell_usage(verb, "--ksig-key and --ksig-cert go together");
	a->template_path = argv[optind];
	return -1;
}

/* The path of a variant's object: from the command line, or beside the template. */
static bool object_path(const struct build_arguments *a, const struct template_variant *v, char *buffer,
			size_t size)
{
	const char *slash = strrchr(a->template_path, '/');
	size_t n = strlen(v->name);

	for (size_t i = 0; i < a->n_objects; i++)
		if (!strncmp(a->objects[i], v->name, n) && a->objects[i][n] == '=')
			return (size_t)snprintf(buffer, size, "%s", a->objects[i] + n + 1) < size;
	if (!*v->object)
		return false;
	if (*v->object == '/' || (!a->directory && !slash))
		return (size_t)snprintf(buffer, size, "%s", v->object) < size;
	if (a->directory)
		return (size_t)snprintf(buffer, size, "%s/%s", a->directory, v->object) < size;
	return (size_t)snprintf(buffer, size, "%.*s/%s", (int)(slash - a->template_path), a->template_path,
				v->object) < size;
}

static int check_objects(const struct bundle_verb *verb, const struct build_arguments *a,
			 const struct template *t)
{
	for (size_t i = 0; i < a->n_objects; i++) {
		size_t n = strcspn(a->objects[i], "="), j = 0;

		while (j < t->n_variants &&
		       (strlen(t->variants[j].name) != n || strncmp(a->objects[i], t->variants[j].name, n)))
			j++;
		if (j == t->n_variants)
			return tell_usage(verb, "the template has no variant \"%.*s\"", (int)n,
					  a->objects[i]);
	}
	return EXIT_OK;
}

struct loaded {
	struct build_object objects[SPEC_VARIANTS_MAX];
	char *bytes[SPEC_VARIANTS_MAX];
};

static void loaded_done(struct loaded *l)
{
	for (size_t i = 0; i < SPEC_VARIANTS_MAX; i++)
		free(l->bytes[i]);
}

static int load_objects(const struct bundle_verb *verb, const struct build_arguments *a,
			const struct template *t, struct loaded *l)
{
	for (size_t i = 0; i < t->n_variants; i++) {
		char path[PATH_MAX];
		int r;

		if (!object_path(a, &t->variants[i], path, sizeof(path)))
			return tell_usage(verb, "variant %s has no object: --object %s=FILE",
					  t->variants[i].name, t->variants[i].name);
		r = read_path(path, BUNDLE_FILE_SIZE_MAX, &l->bytes[i], &l->objects[i].size);
		if (r)
			return tell(path, r, NULL);
		l->objects[i].bytes = l->bytes[i];
	}
	return EXIT_OK;
}

/* https://reproducible-builds.org/specs/source-date-epoch/ */
static uint64_t issue_time(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char *end;
	uint64_t n;

	if (epoch && *epoch) {
		errno = 0;
		n = strtoull(epoch, &end, 10);
		if (!errno && !*end && n)
			return n;
	}
	return (uint64_t)time(NULL);
}

static int write_output(const struct bundle *b, const char *output)
{
	char name[PROBE_NAME_MAX + 32];
	int r;

	spec_bundle_name(&b->spec, name, PROBE_NAME_MAX + 21);
	strcat(name, ".bpfw");
	r = bundle_write(b, output ? output : name);
	if (r)
		return tell(output ? output : name, r, NULL);
	if (!output)
		printf("%s\n", name);
	return EXIT_OK;
}

int verb_build(const struct bundle_verb *verb, int argc, char **argv)
{
	_cleanup_(signing_key_free_p) struct signing_key *ksig = NULL;
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	_cleanup_(loaded_done) struct loaded loaded = {};
	_cleanup_free_ struct template *t = NULL;
	_cleanup_free_ char *text = NULL;
	struct build_arguments a = {};
	struct refusal refusal = {};
	size_t size;
	int r;

	r = parse(verb, argc, argv, &a);
	if (r >= 0)
		return r;
	r = read_path(a.template_path, MANIFEST_SIZE_MAX, &text, &size);
	if (!r)
		r = template_parse(text, size, &t, &refusal);
	if (r)
		return tell(a.template_path, r, &refusal);
	r = check_objects(verb, &a, t);
	if (!r && a.ksig_key)
		r = read_key(a.ksig_key, a.ksig_cert, &ksig);
	if (!r)
		r = load_objects(verb, &a, t, &loaded);
	if (r)
		return r;
	r = bundle_build(t, loaded.objects, issue_time(), ksig, &b, &refusal);
	if (r)
		return tell(a.template_path, r, &refusal);
	return write_output(b, a.output);
}

/* "dir/My_Probe.bpf.o" suggests the name "my_probe". */
static void suggest_name(const char *path, char *buffer, size_t size)
{
	const char *base = strrchr(path, '/');
	size_t n = 0;

	for (base = base ? base + 1 : path;
	     *base && strcmp(base, ".bpf.o") && strcmp(base, ".o") && n + 1 < size; base++) {
		char c = *base >= 'A' && *base <= 'Z' ? (char)(*base + 32) : *base;

		buffer[n++] =
			(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ? c : '_';
	}
	buffer[n] = '\0';
}

int verb_init(const struct bundle_verb *verb, int argc, char **argv)
{
	_cleanup_free_ char *bytes = NULL, *text = NULL;
	struct refusal refusal = {};
	char name[PROBE_NAME_MAX];
	size_t size;
	int r;

	if (argc == 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		tell_help(verb);
		return EXIT_OK;
	}
	if (argc != 2 || argv[1][0] == '-')
		return tell_usage(verb, "one object is needed");
	suggest_name(argv[1], name, sizeof(name));
	r = read_path(argv[1], BUNDLE_FILE_SIZE_MAX, &bytes, &size);
	if (!r)
		r = bundle_init_template(name, bytes, size, argv[1], &text, &refusal);
	if (r)
		return tell(argv[1], r, &refusal);
	printf("%s\n", text);
	return EXIT_OK;
}
