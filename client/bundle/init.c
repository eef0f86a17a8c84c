/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "client/bundle/build.h"
#include "client/bundle/object.h"

static void json_decref_p(json_t **json)
{
	json_decref(*json);
}

/* Where the largest guess is wrong, a build says so; what is left open is text that a reader will see. */
#define EVENT_BYTES_GUESS 256

static bool has_kind(const struct spec_variant *v, uint32_t kind)
{
	return spec_variant_map(v, kind) != NULL;
}

/* Sections of data are maps, too; their names begin with the probe's, which the author has yet to choose. */
static json_t *guess_maps(const struct spec_variant *v)
{
	json_t *maps = json_object();

	for (uint32_t i = 0; i < v->n_maps; i++)
		if (!strchr(v->maps[i].name, '.'))
			json_object_set_new(maps, v->maps[i].name,
					    json_string(spec_map_kind_name(v->maps[i].kind)));
	return maps;
}

/* Programs at hooks that are not served are listed to be skipped. */
static json_t *guess_skip(const struct spec_variant *v)
{
	json_t *skip = json_array();

	for (uint32_t i = 0; i < v->n_programs; i++) {
		const struct spec_program *p = &v->programs[i];

		if (!spec_hook_served(p->hook, p->type, p->attach_type))
			json_array_append_new(skip, json_string(p->name));
	}
	return skip;
}

static json_t *guess_targets(bool demux)
{
	json_t *targets = json_array();

	for (uint32_t i = demux ? TARGET_SELF : TARGET_HOST; i < _TARGET_KIND_MAX; i++)
		json_array_append_new(targets, json_string(target_kind_name(i)));
	return targets;
}

int bundle_init_template(const char *name, const void *bytes, size_t size, const char *object_path,
			 char **ret, struct refusal *refusal)
{
	_cleanup_(object_free_p) struct object *object = NULL;
	_cleanup_(json_decref_p) json_t *root = NULL;
	struct spec_variant v;
	bool demux, events;
	int r;

	r = object_open(bytes, size, name, &object, refusal);
	if (!r)
		r = object_list(object, &v, refusal);
	if (r)
		return r;
	demux = has_kind(&v, SPEC_MAP_SUBSCRIPTIONS) && has_kind(&v, SPEC_MAP_CONTROL) &&
		has_kind(&v, SPEC_MAP_SLOTS);
	events = has_kind(&v, SPEC_MAP_EVENTS);
	root = json_pack("{s:s, s:s, s:i, s:s, s:s, s:[s], s:o, s:o, s:[{s:s, s:s, s:[], s:o}]}", "name",
			 name, "version", "1", "serial", 1, "licence", "GPL-2.0-only", "summary",
			 "What it shows, in one sentence", "roles", "release", "targets",
			 guess_targets(demux), "maps", guess_maps(&v), "variants", "name", "v1", "object",
			 object_path, "requires", "skip", guess_skip(&v));
	if (!root || (events &&
		      json_object_set_new(root, "event", json_pack("{s:i}", "bytes", EVENT_BYTES_GUESS)) < 0))
		return -ENOMEM;
	*ret = json_dumps(root, JSON_INDENT(8));
	return *ret ? 0 : -ENOMEM;
}
