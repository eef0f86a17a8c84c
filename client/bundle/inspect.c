/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a bundle may do, for the people who decide about it. */
#include <bpf/libbpf.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/bundle/verbs.h"
#include "common/digest.h"

static void print_time(const char *what, uint64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[32] = "?";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	printf("%-10s %s\n", what, text);
}

static void print_bytes(uint64_t n)
{
	if (n < 10240)
		printf("%" PRIu64 " bytes", n);
	else if (n < 10485760)
		printf("%" PRIu64 " KiB", (n + 1023) / 1024);
	else
		printf("%" PRIu64 " MiB", (n + 1048575) / 1048576);
}

static void print_head(const struct bundle *b)
{
	const struct spec *s = &b->spec;

	printf("%s %s, serial %" PRIu64 ", %s\n  %s\n\n", s->name, s->version, s->serial, s->licence,
	       s->summary);
	print_time("issued", s->issued);
	if (s->not_after)
		print_time("not after", s->not_after);
	printf("%-10s", "roles");
	for (uint32_t i = 0; i < s->n_roles; i++)
		printf(" %s", s->roles[i]);
	printf("\n%-10s", "signed by");
	for (size_t i = 0; i < b->n_signatures; i++)
		printf(" %s", b->signatures[i].name);
	printf("%s\n%-10s", b->n_signatures ? " (not checked here: bpfwarden bundle verify)" : " nobody",
	       "targets");
	for (uint32_t i = 0; i < _TARGET_KIND_MAX; i++)
		if (s->targets & 1U << i)
			printf(" %s", target_kind_name(i));
	printf("%s\n%-10s ",
	       s->flags & SPEC_HAS_DEMUX ? ", many subscribers at once" : ", one load a subscriber",
	       "memory");
	print_bytes(s->memory);
	printf(" a load, without subscribers' rings\n");
}

static void print_field(const struct spec_field *f)
{
	printf("    %-20s %-7s at %u, %u byte%s", f->name, spec_type_name(f->type), f->offset, f->size,
	       f->size == 1 ? "" : "s");
	if (*f->unit)
		printf(", %s", f->unit);
	if (*f->enumeration)
		printf(", %s", f->enumeration);
	printf("\n");
}

/* By class, so that what is personal stands together. */
static void print_fields(const struct spec_field *fields, uint32_t n)
{
	static const char *const classes[_SPEC_PRIVACY_MAX] = {
		[SPEC_PRIVACY_SAFE] = "safe: bounded, or who the workload is",
		[SPEC_PRIVACY_BOUND] = "bound: bounded after folding",
		[SPEC_PRIVACY_PII] = "pii: addresses, names, paths; seen only where policy says so",
	};

	for (uint32_t class = 0; class < _SPEC_PRIVACY_MAX; class ++) {
		bool any = false;

		for (uint32_t i = 0; i < n; i++) {
			if (fields[i].privacy != class)
				continue;
			if (!any)
				printf("  %s\n", classes[class]);
			any = true;
			print_field(&fields[i]);
		}
	}
}

static void print_param(const struct spec_param *p)
{
	printf("    %-20s %-7s ", p->name, spec_type_name(p->type));
	if (!p->n_values) {
		printf("%" PRIu64 " to %" PRIu64 ", initially %" PRIu64 "%s%s\n", p->min, p->max, p->initial,
		       *p->unit ? " " : "", p->unit);
		return;
	}
	for (uint32_t i = 0; i < p->n_values; i++)
		printf("%s%s", i ? "|" : "", p->values[i]);
	printf(", initially %s\n", p->values[p->initial]);
}

static void print_schema(const struct spec *s)
{
	if (s->event_size) {
		printf("\nevents of %u bytes\n", s->event_size);
		print_fields(s->fields, s->n_fields);
	}
	if (*s->histogram_name)
		printf("\nhistogram  %s in %s\n", s->histogram_name, s->histogram_unit);
	if (s->n_labels) {
		printf("\nlabels\n");
		print_fields(s->labels, s->n_labels);
	}
	if (s->n_params)
		printf("\nparameters\n");
	for (uint32_t i = 0; i < s->n_params; i++)
		print_param(&s->params[i]);
}

static void print_requirement(const struct spec_requirement *q)
{
	switch (q->kind) {
	case SPEC_REQUIRE_KERNEL:
	case SPEC_REQUIRE_KERNEL_BELOW:
		printf("  needs kernel %s %u.%u.%u\n", q->kind == SPEC_REQUIRE_KERNEL ? ">=" : "<",
		       q->value >> 16, q->value >> 8 & 0xff, q->value & 0xff);
		break;
	case SPEC_REQUIRE_TRACEPOINT_ARGS:
		printf("  needs tracepoint %s with %u arguments\n", q->name, q->value);
		break;
	default:
		printf("  needs %s %s\n", spec_require_name(q->kind), q->name);
	}
}

static void print_program(const struct spec_program *p)
{
	const char *type = spec_program_type_name(p->type);

	printf("  program %-15s %s, type %s\n    calls", p->name, p->hook, type ? type : "?");
	for (uint32_t i = 0; i < p->n_helpers; i++) {
		const char *name = spec_helper_name(p->helpers[i]);

		if (name)
			printf("%s %s", i ? "," : "", name);
		else
			printf("%s helper %u", i ? "," : "", p->helpers[i]);
	}
	printf("%s\n", p->n_helpers ? "" : " no helper");
}

static void print_map(const struct spec_map *m)
{
	const char *type = libbpf_bpf_map_type_str(m->type), *inner;

	printf("  map %-15s %-13s %s", m->name, spec_map_kind_name(m->kind), type ? type : "?");
	if (m->inner_type) {
		inner = libbpf_bpf_map_type_str(m->inner_type);
		printf(" of %s", inner ? inner : "?");
		if (m->inner_type == BPF_MAP_TYPE_RINGBUF)
			printf(" of %u bytes", m->inner_max_entries);
		else
			printf(", key %u, value %u, %u entries", m->inner_key_size, m->inner_value_size,
			       m->inner_max_entries);
	} else if (m->type == BPF_MAP_TYPE_RINGBUF) {
		printf(" of %u bytes\n", m->max_entries);
		return;
	} else {
		printf(", key %u, value %u", m->key_size, m->value_size);
	}
	printf("%s%u entr%s\n", m->inner_type ? "; " : ", ", m->max_entries,
	       m->max_entries == 1 ? "y" : "ies");
}

static void print_variant(const struct spec *s, const struct spec_variant *v)
{
	printf("\nvariant %s%s, %s%s\n", v->name, v->n_requires ? "" : ", on every kernel",
	       spec_may_modify(v) ? "may modify what it looks at" : "only looks on",
	       v->ksig == UINT32_MAX ? "" : ", signed for the kernel");
	for (uint32_t i = 0; i < v->n_requires; i++)
		print_requirement(&v->requires[i]);
	for (uint32_t i = 0; i < v->n_programs; i++)
		print_program(&v->programs[i]);
	for (uint32_t i = 0; i < v->n_maps; i++)
		print_map(&v->maps[i]);
	printf("  skeleton %s, %s\n", s->files[v->insns].name, s->files[v->data].name);
}

void inspect_text(const struct bundle *b)
{
	const struct spec *s = &b->spec;

	print_head(b);
	print_schema(s);
	for (uint32_t i = 0; i < s->n_variants; i++)
		print_variant(s, &s->variants[i]);
	printf("\nfiles\n");
	for (uint32_t i = 0; i < s->n_files; i++) {
		char hex[DIGEST_HEX_MAX];

		printf("  %s %8u %s\n", digest_to_hex(s->files[i].digest, hex), s->files[i].size,
		       s->files[i].name);
	}
}

/* The manifest is printed as it was signed: its bytes are JSON. Names of signatures need no quoting. */
void inspect_json(const struct bundle *b)
{
	size_t n = b->manifest.size;

	while (n && strchr(" \n\r\t", b->manifest.bytes[n - 1]))
		n--;
	printf("{\"manifest\":%.*s,\"signatures\":[", (int)n, b->manifest.bytes);
	for (size_t i = 0; i < b->n_signatures; i++)
		printf("%s\"%s\"", i ? "," : "", b->signatures[i].name);
	printf("]}\n");
}
