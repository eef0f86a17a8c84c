/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What a signed manifest says, as a fixed-size struct without pointers. The parser process makes it from
 * manifest.json; gate, warden and loader only ever see this form, so none of them parses JSON of a bundle.
 * Every array has a count, every string is NUL-terminated within its array and printable UTF-8; spec_check()
 * holds a spec that came from another process to that. Meaning of the members: docs/FORMAT-bundle.md.
 */
#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/refusal.h"

/* Bits of targets: by whose events a probe can filter in the kernel. */
enum target_kind {
	TARGET_SELF = 0, /* the caller's uid */
	TARGET_USER,     /* a uid */
	TARGET_UNIT,     /* a systemd unit, by its cgroup and everything below it, over restarts */
	TARGET_CGROUP,   /* a cgroup path and everything below it */
	TARGET_HOST,     /* everything */
	_TARGET_KIND_MAX,
};
const char *target_kind_name(uint32_t kind);                 /* "self"; NULL outside the enumeration */
bool target_kind_from_name(const char *name, uint32_t *ret); /* false: unknown */

enum spec_map_kind {
	SPEC_MAP_OTHER = 0,     /* private to the programs */
	SPEC_MAP_CONTROL,       /* struct bw_control, written by the loader only */
	SPEC_MAP_PARAMS,        /* the parameters, filled and frozen before attach */
	SPEC_MAP_SUBSCRIPTIONS, /* struct bw_key → struct bw_subscribers */
	SPEC_MAP_SLOTS,         /* struct bw_slot by subscriber slot */
	SPEC_MAP_RINGS,         /* array of ring buffers by subscriber slot */
	SPEC_MAP_HISTOGRAMS, /* array of hash maps by subscriber slot: labels → struct bw_histogram, per CPU
			      */
	SPEC_MAP_COUNTS,     /* array of hash maps by subscriber slot: labels → u64, per CPU */
	SPEC_MAP_COUNTERS,   /* struct bw_counters by subscriber slot, per CPU */
	SPEC_MAP_TOTALS,     /* struct bw_counters, one entry, per CPU: program-wide */
	SPEC_MAP_EVENTS,     /* a ring buffer of a third-party object: private delivery, target host only */
	SPEC_MAP_STATE,      /* private, holds state between events (storage maps and the like) */
	SPEC_MAP_TABLE, /* of a third-party object: a hash, labels → a value that begins with a u64, its count
			 */
	_SPEC_MAP_KIND_MAX,
};
const char *spec_map_kind_name(uint32_t kind);
bool spec_map_kind_from_name(const char *name, uint32_t *ret);

enum spec_type { /* of an event's field, a histogram's label or a parameter */
		 SPEC_TYPE_U8 = 0,
		 SPEC_TYPE_U16,
		 SPEC_TYPE_U32,
		 SPEC_TYPE_U64,
		 SPEC_TYPE_S32,
		 SPEC_TYPE_S64,
		 SPEC_TYPE_BOOL,   /* one byte */
		 SPEC_TYPE_CHARS,  /* fixed array, NUL-padded text */
		 SPEC_TYPE_IPV4,   /* 4 bytes, network order */
		 SPEC_TYPE_IPV6,   /* 16 bytes; ::ffff:a.b.c.d is printed as IPv4 */
		 SPEC_TYPE_ENUM,   /* u32, named by `enumeration` from the running kernel */
		 SPEC_TYPE_NS,     /* u64, nanoseconds of duration */
		 SPEC_TYPE_CGROUP, /* u64, a cgroup id, printed as its path where it still exists */
		 SPEC_TYPE_ERRNO,  /* s32, a positive errno or 0, printed as its name */
		 SPEC_TYPE_BYTES,  /* fixed array, printed as hexadecimal: third-party events */
		 _SPEC_TYPE_MAX,
};
const char *spec_type_name(uint32_t type);
bool spec_type_from_name(const char *name, uint32_t *ret);

enum spec_privacy {                        /* PROBES.md, labels */
		    SPEC_PRIVACY_SAFE = 0, /* bounded enumeration or workload identity */
		    SPEC_PRIVACY_BOUND,    /* bounded after folding */
		    SPEC_PRIVACY_PII,      /* address, name, path: in events only, and policy decides */
		    _SPEC_PRIVACY_MAX,
};

enum spec_require {                               /* what a variant needs of the running kernel */
		    SPEC_REQUIRE_KERNEL = 0,      /* value: version code (a<<16|b<<8|c) at least */
		    SPEC_REQUIRE_KERNEL_BELOW,    /* value: version code less than */
		    SPEC_REQUIRE_BTF_TYPE,        /* name: struct, union, enum or typedef present */
		    SPEC_REQUIRE_BTF_FIELD,       /* name: "struct.field" present */
		    SPEC_REQUIRE_BTF_FUNC,        /* name: function present */
		    SPEC_REQUIRE_TRACEPOINT_ARGS, /* name: tracepoint; value: number of arguments of its
						     btf_trace_NAME */
		    SPEC_REQUIRE_HOOK, /* name: program type usable here, "fentry", "kprobe", "lsm" */
		    _SPEC_REQUIRE_MAX,
};
extern const char *const spec_privacy_names[_SPEC_PRIVACY_MAX];
const char *spec_privacy_name(uint32_t privacy);
bool spec_privacy_from_name(const char *name, uint32_t *ret);
const char *spec_require_name(uint32_t require); /* "kernel-below" */
bool spec_require_from_name(const char *name, uint32_t *ret);

struct spec_file {
	char name[OBJECT_NAME_MAX];
	uint32_t size;
	uint8_t digest[DIGEST_SIZE];
};

struct spec_requirement {
	uint32_t kind; /* enum spec_require */
	uint32_t value;
	char name[OBJECT_NAME_MAX];
};

struct spec_program {
	char name[KERNEL_NAME_MAX];
	char hook[OBJECT_NAME_MAX]; /* "tp_btf/inet_sock_set_state": libbpf's section name */
	uint32_t type;              /* enum bpf_prog_type of linux/bpf.h, as the kernel will report it */
	uint32_t attach_type;       /* enum bpf_attach_type */
	uint32_t n_helpers;
	uint32_t helpers[SPEC_HELPERS_MAX]; /* enum bpf_func_id, ascending */
};

struct spec_map {
	char name[KERNEL_NAME_MAX];
	uint32_t kind; /* enum spec_map_kind */
	uint32_t type; /* enum bpf_map_type */
	uint32_t key_size, value_size, max_entries, flags;
	/* For maps in maps (kinds RINGS, HISTOGRAMS, COUNTS): the shape of the inner map that the loader
	 * makes for each subscriber. */
	uint32_t inner_type, inner_key_size, inner_value_size, inner_max_entries, inner_flags;
};

/* One light skeleton: insns, data and optionally a kernel signature, by index into spec.files. */
struct spec_variant {
	char name[OBJECT_NAME_MAX];
	uint32_t insns, data;
	uint32_t ksig; /* UINT32_MAX: none */
	/* Layout of the context that the libbpf which generated it laid down (skel_internal.h): sizes in
	 * bytes. */
	uint32_t ctx_size, ctx_header_size, ctx_map_size, ctx_prog_size, ctx_map_fd_offset,
		ctx_prog_fd_offset;
	uint32_t n_requires;
	struct spec_requirement requires[SPEC_REQUIRES_MAX];
	uint32_t n_programs;
	struct spec_program programs[SPEC_PROGRAMS_MAX];
	uint32_t n_maps;
	struct spec_map maps[SPEC_MAPS_MAX];
};

struct spec_field {
	char name[OBJECT_NAME_MAX];
	char unit[16];                     /* UCUM: "ns", "By", "1"; empty: none */
	char enumeration[OBJECT_NAME_MAX]; /* with SPEC_TYPE_ENUM: "enum NAME PREFIX", e.g. "skb_drop_reason
					      SKB_DROP_REASON_", or "syscall" */
	uint32_t type;                     /* enum spec_type */
	uint32_t offset, size; /* bytes within the event, after nothing: the header is part of it */
	uint32_t privacy;      /* enum spec_privacy */
};

struct spec_param {
	char name[OBJECT_NAME_MAX];
	char unit[16];
	uint32_t type;         /* U32 or U64 or BOOL or NS */
	uint32_t offset, size; /* within the value of the params map */
	uint64_t min, max, initial;
	uint32_t n_values; /* 0: plain numbers; otherwise min is 0, max is n_values - 1, and each value has a
			      name */
	char values[SPEC_VALUES_MAX][SPEC_VALUE_NAME_MAX];
};

#define SPEC_HAS_DEMUX 1U /* built with bpf/include/bpfwarden/subscribe.h: serves many subscribers */

struct spec {
	char name[PROBE_NAME_MAX];
	char version[32];
	char licence[32];
	char summary[192];
	uint64_t serial;
	uint64_t issued, not_after; /* seconds since the epoch; not_after 0: never */
	uint64_t memory;            /* kernel memory of one load, bytes, without subscribers' rings */
	uint32_t flags;             /* SPEC_HAS_… */
	uint32_t targets;           /* bit set of 1 << enum target_kind */
	uint32_t event_size;        /* bytes of one event; 0: the probe has none */
	uint32_t n_roles;
	char roles[SPEC_ROLES_MAX][OBJECT_NAME_MAX]; /* each must have signed */
	uint32_t n_files;
	struct spec_file files[BUNDLE_FILES_MAX];
	uint32_t n_variants;
	struct spec_variant variants[SPEC_VARIANTS_MAX];
	uint32_t n_fields;
	struct spec_field fields[SPEC_FIELDS_MAX];
	uint32_t n_labels; /* key of histograms and counts, in order */
	struct spec_field labels[SPEC_LABELS_MAX];
	char histogram_unit[16]; /* "s"; empty: the probe has no histogram */
	char histogram_name[OBJECT_NAME_MAX];
	uint32_t n_params;
	struct spec_param params[SPEC_PARAMS_MAX];
};

/* True if the struct keeps the promises of the comment above: counts in range, strings terminated and
 * printable, enumerations known, offsets and sizes within their containers, file indexes valid. */
bool spec_check(const struct spec *spec);

/* The same with the reason: returns 0 or REFUSAL_BUNDLE_INVALID, subject the rule of docs/FORMAT-bundle.md.
 */
int spec_validate(const struct spec *spec, struct refusal *refusal);

/* True for a hook that bpfwarden attaches: a section name of libbpf with the types that belong to it (rule
 * M16). */
bool spec_hook_served(const char *hook, uint32_t type, uint32_t attach_type);

/* The value of a parameter from its name or decimal number; false: it is neither, or out of range. */
bool spec_param_value(const struct spec_param *param, const char *text, uint64_t *ret);

/* "tracing", "cgroup_skb": enum bpf_prog_type as bpftool(8) names it; NULL: no name is known. */
const char *spec_program_type_name(uint32_t type);
bool spec_program_type_from_name(const char *name, uint32_t *ret);

/* "bpf_ktime_get_ns": enum bpf_func_id as bpf-helpers(7) names it; NULL: no name is known. */
const char *spec_helper_name(uint32_t helper);

/* True unless all programs of the variant are of types, on hooks and with helpers that can only look on:
 * others can drop or change packets, results of system calls, memory, or signal processes. Whatever is not
 * known to be harmless can. */
bool spec_may_modify(const struct spec_variant *v);

/* The first map of a kind; NULL: none. */
const struct spec_map *spec_variant_map(const struct spec_variant *v, uint32_t kind);

/* True for the name of a probe, and so of its bundles (rule M10). */
bool spec_probe_name_valid(const char *name);

/* "tcp.state-3", the bundle's own name; buffer of at least PROBE_NAME_MAX + 21 bytes. */
void spec_bundle_name(const struct spec *spec, char *buffer, unsigned long size);
