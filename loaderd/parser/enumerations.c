/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of enumerators from the running kernel, for the fields and labels of a spec. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "format/message.h"
#include "loaderd/parser/facts-internal.h"

/* The one enumeration without a type in BTF: the numbers of system calls of this architecture. */
#define SYSCALL_ENUMERATION "syscall"
#define SYSCALL_NUMBERS     1024

/* "NAME PREFIX", or "NAME MEMBER PREFIX" where NAME alone is not enough: "." is any enumeration without a
 * name, and MEMBER is one of its enumerators. */
struct wanted {
	char name[OBJECT_NAME_MAX], member[OBJECT_NAME_MAX], prefix[OBJECT_NAME_MAX];
};

struct entries {
	struct enumeration_entry *entry; /* ENUMERATION_ENTRIES_MAX of them */
	size_t n;
};

static bool parse(const char *text, struct wanted *ret)
{
	struct wanted w = {};
	char rest[OBJECT_NAME_MAX] = "";
	int n = sscanf(text, "%63s %63s %63s %63s", w.name, w.member, w.prefix, rest);

	_Static_assert(OBJECT_NAME_MAX == 64, "the widths in the format follow OBJECT_NAME_MAX");
	if (n == 2) {
		memcpy(w.prefix, w.member, sizeof(w.prefix));
		w.member[0] = '\0';
	}
	*ret = w;
	return n == 2 || n == 3;
}

/* Enumerator i of either kind of enumeration; its value modulo 2^32, as an event's u32 holds it. */
static const char *enumerator(const struct facts *facts, const struct btf_type *t, uint32_t i,
			      uint32_t *ret_value)
{
	const char *name;

	if (btf_is_enum64(t)) {
		*ret_value = btf_enum64(t)[i].val_lo32;
		name = btf__name_by_offset(facts->btf, btf_enum64(t)[i].name_off);
	} else {
		*ret_value = (uint32_t)btf_enum(t)[i].val;
		name = btf__name_by_offset(facts->btf, btf_enum(t)[i].name_off);
	}
	return name ?: "";
}

static bool has_enumerator(const struct facts *facts, const struct btf_type *t, const char *member)
{
	uint32_t value;

	for (uint32_t i = 0; i < btf_vlen(t); i++)
		if (!strcmp(enumerator(facts, t, i, &value), member))
			return true;
	return false;
}

static bool is_wanted(const struct facts *facts, const struct btf_type *t, const struct wanted *wanted)
{
	const char *name;

	if (!btf_is_any_enum(t) || btf_vlen(t) == 0)
		return false;
	name = btf__name_by_offset(facts->btf, t->name_off);
	if (strcmp(name ?: "", strcmp(wanted->name, ".") ? wanted->name : "") != 0)
		return false;
	return !wanted->member[0] || has_enumerator(facts, t, wanted->member);
}

/* Keeps the entries ascending; of two names for one value the first counts, the others are its aliases. */
static void insert(struct entries *entries, const struct enumeration_entry *entry)
{
	struct enumeration_entry *at = entries->entry + entries->n;

	if (entries->n == ENUMERATION_ENTRIES_MAX)
		return;
	while (at > entries->entry && at[-1].field == entry->field && at[-1].value > entry->value)
		at--;
	if (at > entries->entry && at[-1].field == entry->field && at[-1].value == entry->value)
		return;
	memmove(at + 1, at, (size_t)(entries->entry + entries->n - at) * sizeof(*at));
	*at = *entry;
	entries->n++;
}

static void add_type(const struct facts *facts, const struct btf_type *t, const char *prefix, uint32_t field,
		     struct entries *entries)
{
	size_t n = strlen(prefix);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		struct enumeration_entry entry = { .field = field };
		const char *name = enumerator(facts, t, i, &entry.value);

		/* The rest of a name begins with a letter; where it would not, the whole name stays. */
		if (!strncmp(name, prefix, n) && name[n])
			name += n;
		snprintf(entry.name, sizeof(entry.name), "%s", name);
		insert(entries, &entry);
	}
}

/* libseccomp's names, from which the sandboxes are made, too. A newer kernel may have calls that it does not
 * know. */
static void add_syscalls(uint32_t field, struct entries *entries)
{
	for (uint32_t number = 0; number < SYSCALL_NUMBERS; number++) {
		_cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);
		struct enumeration_entry entry = { .field = field, .value = number };

		if (!name)
			continue;
		snprintf(entry.name, sizeof(entry.name), "%s", name);
		insert(entries, &entry);
	}
}

/* A kernel that does not have the enumeration gives no names: then the values are printed as numbers. */
static void add_field(const struct facts *facts, const struct spec_field *f, uint32_t field,
		      struct entries *entries)
{
	struct wanted wanted;

	if (f->type == SPEC_TYPE_ENUM && !strcmp(f->enumeration, SYSCALL_ENUMERATION)) {
		add_syscalls(field, entries);
		return;
	}
	if (f->type != SPEC_TYPE_ENUM || !parse(f->enumeration, &wanted))
		return;
	for (uint32_t id = 1; id < btf__type_cnt(facts->btf); id++) {
		const struct btf_type *t = btf__type_by_id(facts->btf, id);

		if (!is_wanted(facts, t, &wanted))
			continue;
		add_type(facts, t, wanted.prefix, field, entries);
		return;
	}
}

int facts_enumerations(const struct facts *facts, const struct spec *spec)
{
	_cleanup_free_ struct enumeration_entry *entry = calloc(ENUMERATION_ENTRIES_MAX, sizeof(*entry));
	struct entries entries = { entry, 0 };

	if (!entry)
		return -ENOMEM;
	for (uint32_t i = 0; i < spec->n_fields; i++)
		add_field(facts, &spec->fields[i], i, &entries);
	for (uint32_t i = 0; i < spec->n_labels; i++)
		add_field(facts, &spec->labels[i], spec->n_fields + i, &entries);
	return fd_memfd_sealed("enumerations", entries.entry, entries.n * sizeof(*entry));
}
