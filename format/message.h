/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Messages between the processes of the daemon. One message is one SOCK_SEQPACKET record that starts with
 * struct message; every type is a row of one table (message.c) with its direction, size and number of file
 * descriptors. A record that fits no row, or comes from the wrong side, is fatal for its sender: the
 * receiver drops the connection. Fixed arrays only, no pointers; texts are NUL-terminated in their arrays.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/include/bpfwarden/abi.h"
#include "common/limits.h"
#include "common/refusal.h"
#include "format/policy-names.h"
#include "format/revocation.h"
#include "format/spec.h"

enum message_type {
	MESSAGE_NONE = 0,

	/* Both ways, first on every connection; verified by SCM_CREDENTIALS. */
	MESSAGE_HELLO,

	/* warden → gate */
	MESSAGE_CONNECTION,       /* struct message_connection; fd: the connected client socket */
	MESSAGE_REPLY_PROBE,      /* struct message_probe, one row */
	MESSAGE_REPLY_SPEC,       /* struct message_reply_spec: Describe */
	MESSAGE_REPLY_BUNDLE,     /* struct message_reply_bundle: Registry.Describe */
	MESSAGE_REPLY_ATTACHMENT, /* struct message_attachment, one row */
	/* struct message_stream; fds: enumerations memfd and, if it has events, the ring. Also the first
	 * record of the answer to READ, then without the ring: the gate needs the spec to name labels. */
	MESSAGE_REPLY_STREAM,
	MESSAGE_REPLY_COUNTERS,  /* struct message_counters */
	MESSAGE_REPLY_HISTOGRAM, /* struct message_histogram, one row a label set */
	MESSAGE_REPLY_COUNT,     /* struct message_count, one row a label set */
	MESSAGE_REPLY_TEXT,  /* struct message_text: one JSON object: a stored record, a section, the outputs
				of Revoke */
	MESSAGE_REPLY_NEXT,  /* struct message_next: where another call would go on */
	MESSAGE_REPLY_PAUSE, /* struct message: more rows follow, but not before GO_ON */
	MESSAGE_REPLY_REFUSAL, /* struct message_refusal: ends the call */
	MESSAGE_REPLY_END,     /* struct message: ends the call; after STREAM, the stream goes on */
	MESSAGE_ENDED,         /* struct message_ended: an attachment is gone; connection and call are 0 */

	/* gate → warden; struct message names connection and call */
	MESSAGE_CLOSED,            /* struct message: the client is gone */
	MESSAGE_LIST,              /* struct message */
	MESSAGE_DESCRIBE,          /* struct message_bundle */
	MESSAGE_ATTACH,            /* struct message_attach */
	MESSAGE_WATCH,             /* struct message_attachment_id */
	MESSAGE_READ,              /* struct message_attachment_id */
	MESSAGE_DETACH,            /* struct message_attachment_id */
	MESSAGE_STATUS,            /* struct message_status */
	MESSAGE_REGISTRY_LIST,     /* struct message */
	MESSAGE_REGISTRY_DESCRIBE, /* struct message_bundle */
	MESSAGE_ENROLL,  /* struct message_enroll; fds: manifest, signatures, files in the manifest's order */
	MESSAGE_PROMOTE, /* struct message_bundle */
	MESSAGE_REVOKE,  /* struct message_revoke */
	MESSAGE_ACCEPT_CLOCK,      /* struct message_flags */
	MESSAGE_POLICY_RELOAD,     /* struct message_flags */
	MESSAGE_POLICY_MINE,       /* struct message */
	MESSAGE_POLICY_EXPLAIN,    /* struct message_explain */
	MESSAGE_POLICY_TEXT,       /* struct message_policy_text */
	MESSAGE_AUDIT_QUERY,       /* struct message_audit_query */
	MESSAGE_AUDIT_HEAD,        /* struct message */
	MESSAGE_AUDIT_CHECKPOINTS, /* struct message_audit_checkpoints */
	MESSAGE_AUDIT_PROVE,       /* struct message_audit_prove */
	MESSAGE_AUDIT_TEXT,        /* struct message_audit_text */
	MESSAGE_GO_ON,             /* struct message: the client has read what came before PAUSE */

	/* warden → parser */
	MESSAGE_VERIFY, /* struct message_verify; fds: manifest, then signatures, all sealed memfds */

	/* parser → warden */
	MESSAGE_VERIFIED, /* struct message_verified; fd: enumerations memfd, when accepted */

	/* parser → loader */
	MESSAGE_VERDICT, /* struct message_verdict */
	MESSAGE_FORGET,  /* struct message_forget: what was said of this digest does not hold any more */

	/* warden → loader */
	MESSAGE_LOAD,   /* struct message_load; fds: insns, data, and the kernel signature if there is one */
	MESSAGE_UNLOAD, /* struct message_instance_id */
	MESSAGE_SUBSCRIBE,   /* struct message_subscribe */
	MESSAGE_RETARGET,    /* struct message_retarget */
	MESSAGE_UNSUBSCRIBE, /* struct message_attachment_id */
	MESSAGE_READ_VALUES, /* struct message_attachment_id */
	MESSAGE_READ_COSTS,  /* struct message_read_costs */
	MESSAGE_GET_RING,    /* struct message_attachment_id */
	MESSAGE_SURVEY,      /* struct message: what lives? */

	/* loader → warden; call is the order's */
	MESSAGE_LOADED,       /* struct message_loaded */
	MESSAGE_DONE,         /* struct message_refusal; code 0: the order was carried out */
	MESSAGE_RING,         /* struct message_attachment_id; fd: the ring */
	MESSAGE_INSTANCE,     /* struct message_loaded, one row of a survey */
	MESSAGE_SUBSCRIPTION, /* struct message_subscribe, one row of a survey */
	MESSAGE_COUNTERS,     /* struct message_counters */
	MESSAGE_HISTOGRAM,    /* struct message_histogram */
	MESSAGE_COUNT,        /* struct message_count */
	MESSAGE_COST,         /* struct message_cost, one row an attachment that counts */
	MESSAGE_END,          /* struct message: ends rows */

	_MESSAGE_MAX,
};

struct message {
	uint32_t type;       /* enum message_type */
	uint32_t size;       /* of the whole record, bytes */
	uint64_t connection; /* the warden's number of a client connection; 0 where none is meant */
	uint64_t call;       /* the sender's number of the request that this belongs to */
};

struct message_connection {
	struct message m;
	uint32_t uid; /* for the gate's own caps and texts; it decides nothing by it */
	uint32_t reserved;
};

struct message_bundle {
	struct message m;
	char name[PROBE_NAME_MAX];
	uint64_t serial; /* 0: the newest that is enrolled */
	uint32_t flags;  /* MESSAGE_FLAG_DRY_RUN */
	uint32_t reserved;
};

struct message_revoke {
	struct message m;
	uint32_t flags; /* MESSAGE_FLAG_DRY_RUN */
	uint32_t reserved;
	struct revocation what; /* a bundle, file, key or certificate */
};

struct message_flags {
	struct message m;
	uint32_t flags;
	uint32_t reserved;
};
#define MESSAGE_FLAG_DRY_RUN         1U
#define MESSAGE_FLAG_RUN             2U /* bound to its connection, and streamed on it */
#define MESSAGE_FLAG_ALL             4U /* of all users, not only one's own */
#define MESSAGE_FLAG_EXPERIMENTAL    8U /* channel experimental instead of production */
#define MESSAGE_FLAG_REVERSE         16U
#define MESSAGE_FLAG_KERNEL_VERIFIED 32U  /* policy wants the kernel itself to have checked it */
#define MESSAGE_FLAG_ON_DISK         128U /* the policy of the last dry run instead of that in force */
#define MESSAGE_FLAG_BRIEF           256U /* the decision only */
#define MESSAGE_FLAG_KNOWN_GROUPS    512U
#define MESSAGE_FLAG_PERSIST         1024U /* without a deadline, also after a reboot: only in questions */
#define MESSAGE_FLAG_FOLLOW          2048U /* what is recorded later, too */
#define MESSAGE_FLAG_COST            4096U /* with what each costs */
#define MESSAGE_FLAG_TRIAL           64U   /* a question only: the loader hears nothing of the answer */

#define MESSAGE_DATA_AGGREGATES POLICY_DATA_AGGREGATES
#define MESSAGE_DATA_EVENTS     POLICY_DATA_EVENTS

struct message_parameter {
	char name[OBJECT_NAME_MAX];
	uint64_t value;
};

struct message_attach {
	struct message m;
	char probe[PROBE_NAME_MAX];
	uint64_t serial; /* 0: the newest in the channel */
	uint32_t flags;  /* MESSAGE_FLAG_… */
	uint32_t data;   /* MESSAGE_DATA_…; 0: all that policy allows and the probe has */
	uint32_t target_kind;
	uint32_t n_parameters;
	char target[TARGET_NAME_MAX]; /* empty for self and host */
	uint64_t duration;            /* ms; 0: the limit, or the default */
	uint32_t privacy; /* enum spec_privacy; UINT32_MAX: all that policy allows and the probe has */
	uint32_t reserved;
	struct message_parameter parameters[SPEC_PARAMS_MAX];
};

/* A question to the policy: what would be decided about this, and why. */
#define EXPLAIN_GROUPS_MAX 64
struct message_explain {
	struct message m;
	uint32_t flags;     /* MESSAGE_FLAG_ON_DISK, MESSAGE_FLAG_BRIEF, MESSAGE_FLAG_KNOWN_GROUPS */
	uint32_t action;    /* enum policy_action of format/policy-names.h */
	char user[64];      /* name or number; empty: the caller */
	uint32_t namespace; /* enum policy_namespace; 0: the caller's own if it is about the caller, else host
			     */
	uint32_t n_groups;  /* with MESSAGE_FLAG_KNOWN_GROUPS, instead of the user's own */
	uint32_t groups[EXPLAIN_GROUPS_MAX];
	char cgroup[TARGET_NAME_MAX]; /* from where; empty: the caller's own if it is about the caller, else
					 not known */
	uint32_t minute;              /* of the week, UTC; UINT32_MAX: now */
	uint32_t reserved;
	struct message_attach attach; /* its own head is ignored */
};

struct message_policy_text {
	struct message m;
	uint32_t flags; /* MESSAGE_FLAG_ON_DISK: what the last dry run of a reload read */
	uint32_t reserved;
	uint64_t seq; /* in force when this record was written; 0: now */
};

struct message_attachment_id {
	struct message m;
	uint64_t id;
};

struct message_status {
	struct message m;
	uint32_t flags; /* MESSAGE_FLAG_ALL, MESSAGE_FLAG_COST */
	uint32_t reserved;
};

struct message_enroll {
	struct message m;
	uint32_t flags; /* MESSAGE_FLAG_DRY_RUN, MESSAGE_FLAG_EXPERIMENTAL */
	uint32_t n_signatures;
	uint32_t n_files;
	uint32_t reserved;
};

struct message_audit_query {
	struct message m;
	uint64_t since, until;      /* realtime ns; 0: open */
	uint64_t from;              /* first sequence; 0: the beginning */
	uint64_t limit;             /* rows; 0: all */
	uint64_t attachment;        /* 0: any */
	uint32_t uid;               /* UINT32_MAX: any */
	uint32_t flags;             /* MESSAGE_FLAG_REVERSE, MESSAGE_FLAG_FOLLOW */
	char probe[PROBE_NAME_MAX]; /* empty: any */
	char kind[16];
	char verdict[16];
	char action[24];
};

struct message_audit_checkpoints {
	struct message m;
	uint64_t above; /* of trees with more leaves */
	uint64_t limit; /* 0: all */
};

/* Either that record seq is in the tree of size, or that the tree of size `from` is its beginning. */
struct message_audit_prove {
	struct message m;
	uint64_t seq, from; /* the other is 0 */
	uint64_t size;
};

struct message_audit_text {
	struct message m;
	uint8_t digest[DIGEST_SIZE];
};

/* One row of List and of Registry.List. */
struct message_probe {
	struct message m;
	char name[PROBE_NAME_MAX];
	char version[32];
	char summary[192];
	uint64_t serial;
	uint32_t targets; /* bit set that the probe can filter by */
	uint32_t allowed; /* bit set that the caller may name now */
	uint32_t data;    /* MESSAGE_DATA_… that the caller may have on the first of them */
	uint32_t revoked;
	char channel[16];  /* "production", "experimental" */
	char signers[128]; /* role names, blank-separated */
	char enrolled_by[64];
	char may[512]; /* what of targets the caller may name, blank-separated: "self unit:shop*.service" */
	uint64_t enrolled_at;             /* realtime ns; 0: shipped with the package */
	uint8_t digest[DIGEST_SIZE];      /* of the manifest */
	char problem[REFUSAL_REASON_MAX]; /* why it cannot be used here; empty: it can */
};

struct message_reply_spec {
	struct message m;
	struct message_probe probe;
	struct spec spec;
};

/* Whose signature counts for some role. */
struct message_signer {
	uint8_t key[DIGEST_SIZE];         /* SHA-256 of the SubjectPublicKeyInfo */
	uint8_t certificate[DIGEST_SIZE]; /* SHA-256 of the DER form */
	uint8_t twin[DIGEST_SIZE]; /* that of the form which anybody could give it: struct cms_signer */
	int64_t not_after;         /* of the certificate, seconds since the epoch */
	char subject[128];
};

/* All that the registry knows of one bundle. What was never accepted has no signers and files. */
struct message_reply_bundle {
	struct message m;
	struct message_probe probe;
	uint64_t issued, not_after;                        /* of the manifest, seconds; not_after 0: none */
	int64_t valid_until;                               /* of message_verified */
	uint64_t highest_production, highest_experimental; /* serials that the name ever had there; 0: none */
	uint32_t shipped;                                  /* came with the package */
	uint32_t n_signers;
	struct message_signer signer[SIGNATURES_MAX];
	uint32_t n_files;
	uint32_t reserved;
	struct spec_file files[BUNDLE_FILES_MAX];
};

/* One attachment as the warden and the loader know it. The loader keeps it beside the attachment's maps, so
 * what lives in the kernel and what is known about it can not disagree after a restart. */
struct attachment {
	uint64_t id;
	uint64_t instance;
	uint32_t uid;         /* owner */
	uint32_t flags;       /* MESSAGE_FLAG_RUN */
	uint32_t data;        /* MESSAGE_DATA_… granted */
	uint32_t privacy_max; /* enum spec_privacy granted */
	uint32_t target_kind;
	uint32_t namespace; /* the owner's when it was attached: enum policy_namespace */
	uint32_t channel;   /* of the bundle: 0 production, 1 experimental */
	uint32_t slot;      /* assigned by the loader */
	char target[TARGET_NAME_MAX];
	struct bw_key key;  /* whose events, as the kernel filters them now; id 0 of BW_KEY_CGROUP: unit not
			       running */
	uint32_t key_level; /* of a cgroup: levels below the root */
	uint32_t ring_size; /* bytes; 0: no events */
	uint64_t memory;    /* bytes that count against the owner */
	uint64_t since;     /* realtime, ns */
	uint64_t deadline;  /* CLOCK_BOOTTIME, ns */
	uint64_t decision;  /* sequence of its audit decision */
	uint64_t events_per_second;            /* limit; UINT64_MAX: none */
	uint64_t max_cpu;                      /* limit, millionths of a CPU; UINT64_MAX: none */
	char max_cpu_section[OBJECT_NAME_MAX]; /* which [limit …] set it */
	uint64_t serial;
	uint64_t parameters[SPEC_PARAMS_MAX]; /* in force, by index of spec.params; 0 beyond */
	char from_cgroup[TARGET_NAME_MAX];    /* where the caller was; empty: not known */
	char probe[PROBE_NAME_MAX];
	char user[64];                      /* the owner's name at the time */
	char rule[OBJECT_NAME_MAX];         /* the allow section */
	uint8_t digest[DIGEST_SIZE];        /* of the manifest */
	uint8_t params_digest[DIGEST_SIZE]; /* of the parameter bytes: attachments share an instance only if
					       equal */
};

struct message_attachment {
	struct message m;
	struct attachment a;
	char kernel_verified[32]; /* "yes (builtin)", "no", "unsupported" */
	uint32_t n_parameters;
	uint32_t costs; /* MESSAGE_COSTS_… that follow; 0: they were not asked for, or cannot be known */
	char parameter_names[SPEC_PARAMS_MAX][OBJECT_NAME_MAX]; /* of a.parameters */
	uint64_t cpu;                                           /* CPU time of its own events so far, ns */
	struct bw_counters counters;
	uint32_t sharing; /* attachments that the program serves */
	uint32_t reserved;
	uint64_t program_cpu; /* CPU time of the program so far, ns */
	struct bw_counters program;
};

#define MESSAGE_COSTS_OWN     1U
#define MESSAGE_COSTS_PROGRAM 2U /* tells of others' activity */

/* Starts a stream on a call: the gate decodes the ring by the spec. */
struct message_stream {
	struct message m;
	struct attachment a;
	char kernel_verified[32];
	struct spec spec;
};

/* The enumerations memfd: an array of these, ascending by field, then value. field counts spec.fields, then
 * spec.labels. */
struct enumeration_entry {
	uint32_t field;
	uint32_t value;
	char name[56];
};
#define ENUMERATION_ENTRIES_MAX 4096

struct message_counters {
	struct message m;
	uint32_t program_wide; /* 1: of all subscribers together */
	uint32_t reserved;
	struct bw_counters counters; /* summed over the CPUs; sequence is the sum, too */
};

struct message_read_costs {
	struct message m;
	uint32_t flags; /* MESSAGE_FLAG_ALL */
	uint32_t uid;   /* without it, of this user */
};

struct message_cost {
	struct message m;
	uint64_t id;
	struct bw_counters own, program; /* summed over the CPUs */
};

struct message_histogram {
	struct message m;
	uint32_t labels_size;
	uint32_t reserved;
	uint8_t labels[LABELS_SIZE_MAX]; /* laid out by spec.labels */
	struct bw_histogram histogram;
};

struct message_count {
	struct message m;
	uint32_t labels_size;
	uint32_t reserved;
	uint8_t labels[LABELS_SIZE_MAX];
	uint64_t count;
};

/* The only record of variable size: length bytes of text are sent, not the whole array. */
#define MESSAGE_TEXT_MAX (96U << 10)
struct message_text {
	struct message m;
	uint32_t length;
	uint32_t reserved;
	char text[MESSAGE_TEXT_MAX];
};

struct message_next {
	struct message m;
	uint64_t next;
};

struct message_refusal {
	struct message m;
	struct refusal refusal;
};

struct message_ended {
	struct message m;
	uint64_t id;
	char reason[REFUSAL_REASON_MAX]; /* "revoked by root", "deadline", "detached by alice" */
};

struct message_verify {
	struct message m;
	uint32_t flags; /* MESSAGE_FLAG_TRIAL */
	uint32_t reserved;
	uint32_t n_signatures;
	uint32_t n_revoked; /* beyond what trust/ revokes: by the registry's own command */
	/* Seconds since the epoch, not negative: what was over by then stays over, whatever the clock says
	 * now. It can make nothing valid. */
	int64_t known;
	struct revocation revoked[REVOCATIONS_OWN_MAX]; /* files, keys and certificates */
};

#define MESSAGE_MORE_ROLES "\u2026" /* in place of roles that do not fit */
struct message_verified {
	struct message m;
	struct refusal refusal;      /* code 0: accepted */
	uint8_t digest[DIGEST_SIZE]; /* of the manifest's bytes */
	char signers[128];           /* roles whose threshold is met, blank-separated */
	uint32_t may;                /* union of what those roles may: TRUST_MAY_… of signing/trust.h */
	uint32_t variant; /* the first that this kernel can run; UINT32_MAX: none, then `unsupported` says why
			   */
	int64_t valid_until; /* seconds since the epoch: when certificates, CRLs or not-after make it worth
				asking again; INT64_MAX: never */
	uint32_t n_signers;
	uint32_t reserved;
	struct message_signer signer[SIGNATURES_MAX];
	struct refusal unsupported;
	struct spec spec;
};

struct message_verdict {
	struct message m;
	uint8_t digest[DIGEST_SIZE];
	char signers[128];
	uint64_t until; /* CLOCK_BOOTTIME, ns: what is loaded later needs to be looked at again */
	struct spec spec;
	/* The kernel's BTF id of each program's hook, by variant and program; 0: it has none or is not there.
	 */
	uint32_t attach_btf_id[SPEC_VARIANTS_MAX][SPEC_PROGRAMS_MAX];
};

struct message_forget {
	struct message m;
	uint8_t digest[DIGEST_SIZE];
};

#define PARAMS_SIZE_MAX 256
struct message_load {
	struct message m;
	uint64_t instance;           /* the warden's number, never used twice while it lives */
	uint8_t digest[DIGEST_SIZE]; /* of the manifest: the loader must hold the parser's verdict on it */
	uint32_t variant;
	uint32_t flags; /* MESSAGE_FLAG_KERNEL_VERIFIED */
	uint32_t params_size;
	uint32_t reserved;
	uint8_t params[PARAMS_SIZE_MAX];
};

struct message_instance_id {
	struct message m;
	uint64_t instance;
};

struct message_loaded {
	struct message m;
	uint64_t instance;
	struct refusal refusal;
	uint8_t digest[DIGEST_SIZE];
	uint32_t variant;
	uint32_t n_programs;
	uint32_t program_ids[SPEC_PROGRAMS_MAX];
	char kernel_verified[32];
	uint8_t params_digest[DIGEST_SIZE];
};

struct message_subscribe {
	struct message m;
	struct attachment a;
};

struct message_retarget {
	struct message m;
	uint64_t id;
	struct bw_key key;
	uint32_t key_level;
	uint32_t reserved;
};

/* The four processes, as bits: who may send a type to whom. */
enum message_side {
	SIDE_WARDEN = 1,
	SIDE_GATE = 2,
	SIDE_PARSER = 4,
	SIDE_LOADER = 8,
};

/* True if a record of `size` bytes with `n_fds` descriptors from `from` to `to` fits its row of the table. */
bool message_fits(const struct message *m, size_t size, size_t n_fds, enum message_side from,
		  enum message_side to);

/* "MESSAGE_LIST" without its prefix, for the log; "?" outside the enumeration. */
const char *message_name(uint32_t type);

/* True if the char array holds a NUL and printable UTF-8 before it. */
#define MESSAGE_TEXT_OK(array) message_text_ok((array), sizeof(array))
bool message_text_ok(const char *array, size_t size);
