/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Every limit of the project has its name here and nowhere else. Sizes are bytes, times are milliseconds
 * unless the name says otherwise.
 */

/* Names */
#define PROBE_NAME_MAX  48  /* with the terminating NUL, "tcp.state" */
#define OBJECT_NAME_MAX 64  /* roles, fields, parameters, hooks, files in a bundle: with NUL */
#define KERNEL_NAME_MAX 16  /* BPF_OBJ_NAME_LEN of the kernel, with NUL */
#define TARGET_NAME_MAX 256 /* a unit, a user or a cgroup path: with NUL */
#define DIGEST_SIZE     32  /* SHA-256 */
#define DIGEST_HEX_MAX  65  /* its hexadecimal form, with NUL */

/* Bundle: see docs/FORMAT-bundle.md */
#define MANIFEST_SIZE_MAX    (256U << 10)
#define SIGNATURE_SIZE_MAX   (64U << 10)
#define SIGNATURES_MAX       8
#define BUNDLE_FILES_MAX     64
#define BUNDLE_FILE_SIZE_MAX (8U << 20)
#define MANIFEST_CPUS                                                                        \
	16 /* per-CPU maps count as this many in a manifest's memory, whatever host built it \
	    */
#define SPEC_VARIANTS_MAX    4
#define SPEC_REQUIRES_MAX    6
#define SPEC_PROGRAMS_MAX    8
#define SPEC_MAPS_MAX        16
#define SPEC_HELPERS_MAX     48
#define SPEC_FIELDS_MAX      32
#define SPEC_LABELS_MAX      6
#define SPEC_PARAMS_MAX      16
#define SPEC_VALUES_MAX      8  /* names of a parameter's values */
#define SPEC_VALUE_NAME_MAX  16 /* with NUL */
#define SPEC_ROLES_MAX       4
#define LABELS_SIZE_MAX      128  /* the key of histograms, counts and tables */
#define TABLE_VALUE_SIZE_MAX 4096 /* of one CPU */

/* Trust */
#define TRUST_ROLES_MAX       32         /* bits of a uint32_t */
#define TRUST_FILE_SIZE_MAX   (1U << 20) /* of certificates or CRLs */
#define REVOCATIONS_MAX       1024       /* of one revocations.json */
#define REVOCATIONS_OWN_MAX   128        /* files, keys and certificates that `registry revoke` has stopped */
#define REVOCATION_REASON_MAX 128
#define VERIFICATIONS_MAX     16    /* bundles that the parser is asked about at once */
#define VERIFICATION_RETRY    2000  /* after one in which the parser had no word about some bundle */
#define TRUST_SETTLE          150   /* after a change below trust/, so that several files count as one */
#define TRUST_SETTLE_MAX      500   /* of changes that go on */
#define VERDICT_LIFE          60000 /* for so long the loader believes what the parser said of a bundle */

/* Sockets */
#define VARLINK_FRAME_MAX        (64U << 10)
#define VARLINK_DEPTH_MAX        32
#define CONNECTIONS_PER_UID_MAX  64
#define CONNECTIONS_MAX          4096
#define CONNECTIONS_ROOT_RESERVE 16
#define CONNECTION_OUTPUT_MAX    (1U << 20) /* queued for a slow reader before its own events are dropped */
#define CONNECTION_IDLE_TIMEOUT  60000      /* a connection without a complete call or an attachment */
#define FRAME_TIMEOUT            5000       /* from the first byte of a frame to its NUL */
#define PEER_MESSAGE_MAX         (128U << 10)
#define PEER_FDS_MAX             80 /* BUNDLE_FILES_MAX + SIGNATURES_MAX + 1, rounded up */

/* Attachments */
#define ATTACHMENTS_MAX \
	1024 /* of all users: descriptor tables and the descriptor store have room for so many */
#define ATTACHMENTS_ROOT_RESERVE 16
#define ENROLMENTS_MAX           4 /* under way at once; each user one, root always */
/* Probes in the kernel at once. The names of all stored descriptors must fit the one string of an environment
 * (128 KiB: execve(2), MAX_ARG_STRLEN) in which they come back to the loader: with 4 descriptors an
 * attachment and about 14 an instance they do. FileDescriptorStoreMax= of the loader's unit is above their
 * number. */
#define INSTANCES_MAX         64
#define LOADS_MAX             8    /* runners at once */
#define LOAD_RATES_MAX        1024 /* users whose loads in the last minute are counted one by one */
#define ATTACHMENT_MEMORY_MAX (64U << 20)
#define ATTACHMENT_RING_SIZE  (256U << 10)
#define CLOCK_SET_MIN         5000 /* ms: by less, nobody has turned the clock */
/* Costs are looked at while some attachment has a max-cpu: so often, or when enough runs were timed, ms. */
#define COST_WINDOW                 10000
#define COST_WINDOW_MAX             600000
#define COST_TIMED_MIN              128
#define COST_WINDOWS_OVER           2
#define ATTACHMENT_LINGER           10000 /* a run outlives its last connection by this */
#define ATTACHMENT_DEADLINE_DEFAULT (8ULL * 3600 * 1000)
#define RUNNER_TIMEOUT              120000 /* emulated machines are 20 to 50 times slower */
#define RUNNER_REAP_INTERVAL        100    /* between two looks whether a killed runner has ended */
#define PARSER_CHILD_TIMEOUT        60000
#define NAME_LOOKUP_TIMEOUT         200
#define NAME_LOOKUP_OWNER_TIMEOUT   500   /* of an owner's name and groups when the policy is asked again */
#define NAME_LOOKUP_POLICY_TIMEOUT  10000 /* of a name in the policy */
#define REDECIDE_SLOW_MAX           2 /* lookups that are waited for in vain when the policy is asked again */
#define REDECIDE_RETRY              30000 /* until the next look at those whose groups could not be known */

/* Configuration: policy.d/ and trust.conf, see format/config.h */
#define CONFIG_LINE_MAX     1024 /* without its newline */
#define CONFIG_FILE_MAX     (256U << 10)
#define CONFIG_TEXT_MAX     (4U << 20) /* of all files together */
#define CONFIG_FILES_MAX    256
#define CONFIG_SECTIONS_MAX 16384
#define CONFIG_ENTRIES_MAX  64 /* of one section */

/* Client: nothing waits longer than this for the daemon; emulated machines are 50 times slower than real ones
 */
#define CLIENT_CALL_TIMEOUT      30000
#define CLIENT_LOAD_TIMEOUT      150000 /* attach, detach, enroll, revoke: above RUNNER_TIMEOUT */
#define CLIENT_RECONNECT_TIMEOUT 30000  /* a stream looks this long for its attachment */
#define CLIENT_RECONNECT_PAUSE   100
#define CLIENT_DRAIN_TIMEOUT     30000 /* without any progress, at the end of a run */
#define CLIENT_REFRESH           1000  /* between two looks at the histograms of a run */
#define CLIENT_REPLY_MAX         (16U << 20)

/* Audit: see docs/AUDIT.md */
#define AUDIT_GIDS_MAX            65536       /* NGROUPS_MAX of the kernel: a record never leaves any out */
#define AUDIT_RECORD_MAX          (32U << 10) /* fits a frame, and the 16-bit lengths of C2SP entry bundles */
#define AUDIT_TEXT_MAX            (CONFIG_TEXT_MAX + CONFIG_LINE_MAX + 2) /* config_text() with its first heading */
#define AUDIT_STAGED_MAX          1024                                    /* records waiting for one commit */
#define AUDIT_STAGED_SIZE_MAX     (16U << 20)
#define AUDIT_COMMIT_DELAY        100  /* what is staged and needs no haste waits this long for company */
#define AUDIT_COMMIT_RETRY        1000 /* after a tick's commit failed */
#define AUDIT_BUSY_TIMEOUT        250  /* somebody else's lock on the database */
#define AUDIT_DENIALS_MAX         256  /* uids, rules and actions whose denials are being counted */
#define AUDIT_DENIALS_WINDOW      60000
#define AUDIT_QUERY_MAX           1024          /* rows a query */
#define AUDIT_JOURNAL_BATCH       64            /* overdue journal copies sent in one tick */
#define AUDIT_JOURNAL_PAUSE       1000          /* between two such batches */
#define AUDIT_JOURNAL_RETRY       60000         /* after the journal was found absent or full */
#define AUDIT_GIDS_INLINE_MAX     1024          /* longer lists of groups are a text beside the records */
#define AUDIT_CHECKPOINT_RECORDS  256           /* at most so many records are covered by no checkpoint, */
#define AUDIT_CHECKPOINT_INTERVAL 60000         /* for so long */
#define AUDIT_SEGMENT_SIZE        (64ULL << 20) /* of one database file, before the next one begins */
#define AUDIT_SEGMENT_SIZE_MIN    (1U << 20)
#define AUDIT_SEGMENT_SIZE_MAX    (1U << 30)
#define AUDIT_KEEP_MAX            (36500ULL * 86400) /* s */
#define AUDIT_RESERVE_SIZE        (4U << 20) /* of disk, for what must be written when there is no more */
#define AUDIT_RESERVE_RETRY       1000       /* between attempts to have it again */
#define AUDIT_RETAIN_AHEAD \
	(30ULL * 24 * 3600) /* seconds: a clock further ahead than this removes no old records */
#define AUDIT_ANEW_GAP 2048 /* above all numbers that may have been given, when a log is begun anew */
