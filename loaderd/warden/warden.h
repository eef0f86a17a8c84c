/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The warden decides: who connects (identity), which bundles exist (registry), who may do what (policy,
 * limits), what is attached (attachments), and writes it down first (audit). It holds no capability and
 * parses nothing of a client's: requests come from the gate as fixed-size records.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "audit/audit.h"
#include "common/cleanup.h"
#include "common/paths.h"
#include "common/refusal.h"
#include "format/configuration.h"
#include "format/message.h"
#include "loaderd/peer.h"
#include "loaderd/process.h"
#include "loaderd/warden/known-time.h"
#include "loaderd/warden/trust-watch.h"
#include "loaderd/warden/verification.h"
#include "policy/policy.h"

struct warden;
struct attached;

/* --- connections: warden/connection.c ---------------------------------------------------------------- */

/* A client, known from the moment of accept(2): SO_PEERCRED, SO_PEERGROUPS, and facts from /proc that count
 * only because the process was still the same after they were read. */
struct connection {
	struct connection *next;
	unsigned int refs; /* of the list, and of what its client asked for and is not done yet */
	uint64_t number;
	uid_t uid;
	gid_t *gids; /* primary first */
	size_t n_gids;
	pid_t pid; /* 0: not in our pid namespace */
	uint64_t pidfd_inode;
	uint32_t loginuid;
	uint32_t namespace; /* enum policy_namespace */
	char comm[32];
	char cgroup[TARGET_NAME_MAX]; /* in the unified hierarchy; for rules only if it is known */
	bool cgroup_known;            /* whole, and below the root of our own cgroup namespace */
	char user[64];                /* the name now, or the number */
	struct reading *readings;     /* of the log, that were recorded a moment ago */
};

int connections_listen(struct warden *w, int listener);
/* Stops or goes on accepting: without a gate, clients wait in the socket's queue. */
void connections_pause(struct warden *w, bool pause);
struct connection *client_find(struct warden *w, uint64_t number);
void client_close(struct warden *w, struct connection *c);
/* Who asked for something stands in the log when it is done, though they may have left: the facts about them
 * live as long as a reference. Each takes NULL; unref returns NULL. */
struct connection *connection_ref(struct connection *c);
struct connection *connection_unref(struct connection *c);
DEFINE_CLEANUP(struct connection *, connection_unref)
void connections_close_all(struct warden *w);

/* --- facts: warden/facts.c ---------------------------------------------------------------------------- */

/* Fills in what /proc says about the peer of a connected socket; what cannot be known stays unknown. */
void facts_read(int socket, struct connection *c);
/* The path in the unified hierarchy that /proc/PID/cgroup names, "0::/path", as much of it as there is: for
 * the log. True if rules may be shown it: it is whole, and below the root of our own cgroup namespace. */
bool facts_cgroup(const char *text, char path[TARGET_NAME_MAX]);

/* --- names: warden/names.c ---------------------------------------------------------------------------- */

/* The name service may hang, so a one-shot helper asks it and is killed after NAME_LOOKUP_TIMEOUT. Results
 * are cached for a minute. Each returns 0, 1 if there is no such name or number, or -errno (-ETIMEDOUT). */
int names_user(const char *name, uid_t *ret);
int names_user_or_number(const char *text, uid_t *ret);
bool names_number(const char *text, uid_t *ret); /* asks nobody */
/* The groups that uid is in now, primary first, in a new array; 1 if there is no such user, or, with a name,
 * if that is not the uid's. Neither is said of one about whom nobody could be asked: by groups that are not
 * known, no deny would match. Waits for so many ms. */
int names_owner(uid_t uid, const char *name, int timeout, gid_t **ret, size_t *ret_n);
/* The same for clients, as all the others are: a name service that did not answer in time is left alone for a
 * while. */
int names_groups(uid_t uid, gid_t **ret, size_t *ret_n);
/* Always fills in something: the number if the name cannot be known. */
void names_of_uid(uid_t uid, char *buffer, size_t size);
extern const struct policy_resolver names_resolver;

/* --- targets: warden/target.c ------------------------------------------------------------------------- */

struct target {
	uint32_t kind; /* enum target_kind */
	char name[TARGET_NAME_MAX];
	uid_t uid; /* self and user */
	struct bw_key key;
	uint32_t key_level;
};

/* The form of a target's name, before anybody is asked about it: REFUSAL_INVALID_ARGUMENT. */
int target_check(uint32_t kind, const char *name, struct refusal *refusal);
/* Finds whose events a request of good form means: REFUSAL_NO_SUCH_TARGET. A unit that does not
 * run is none; one that stops later keeps its attachment (key.id 0). */
int target_resolve(const struct connection *c, uint32_t kind, const char *name, struct target *ret,
		   struct refusal *refusal);
/* Units live in slices, of which so many may lie within each other. */
#define TARGET_SLICE_DEPTH_MAX 8
/* The cgroup of a unit now; key->id 0 if it does not run. */
void target_find_unit(const char *unit, struct bw_key *key, uint32_t *ret_level);
/* Where cgroup2 is mounted; NULL: nowhere. */
const char *target_cgroup_root(void);

/* --- registry: warden/registry.c ---------------------------------------------------------------------- */

enum bundle_before { BUNDLE_UNKNOWN = 0, BUNDLE_ACCEPTED, BUNDLE_REFUSED };

/* Lives until the registry is read anew: whoever waits for something keeps a digest or a name instead. */
struct bundle {
	struct bundle *next;
	char name[PROBE_NAME_MAX];
	uint64_t serial;
	bool shipped; /* below PATH_BUNDLES, otherwise below PATH_REGISTRY */
	enum policy_channel channel;
	bool revoked;   /* by name and serial, by the registry's own command */
	bool unwritten; /* and that could not be written */
	char revoked_by[64], revoked_why[REVOCATION_REASON_MAX];
	uint64_t revoked_at; /* realtime ns */
	char enrolled_by[64];
	uint64_t enrolled_at;        /* realtime ns */
	bool answered;               /* the parser has looked at it */
	uint64_t generation;         /* of the question that was answered */
	enum bundle_before before;   /* the verification that runs */
	uint32_t code_before;        /* of the refusal then */
	struct refusal refusal;      /* code 0: accepted */
	struct refusal unsupported;  /* code 0: this kernel can run it */
	uint8_t digest[DIGEST_SIZE]; /* of what was accepted; until then, of what was looked at */
	char signers[128];
	uint32_t may, variant;
	int64_t valid_until; /* of struct message_verified */
	uint32_t n_signers;
	struct message_signer signer[SIGNATURES_MAX];
	struct spec *spec; /* when it was accepted at least once */
	int enumerations;  /* sealed memfd, likewise */
};

struct order;
struct bundle *registry_free(struct bundle *list);
/* Reads both directories anew; what was known of a bundle is taken over. */
int registry_scan(struct warden *w);
/* serial 0: the newest that can be used. Refusals NO_SUCH_PROBE, NOT_ENROLLED, REVOKED, or why the bundle was
 * not accepted. */
int registry_find(struct warden *w, const char *name, uint64_t serial, uint32_t channels, struct bundle **ret,
		  struct refusal *refusal);
/* One that was accepted at least once; of the other, it may only be known that it is refused. */
struct bundle *registry_by_digest(struct warden *w, const uint8_t digest[DIGEST_SIZE]);
const struct bundle *registry_judged(const struct warden *w, const uint8_t digest[DIGEST_SIZE]);
struct bundle *registry_named(struct warden *w, const char *name, uint64_t serial);
struct bundle *registry_newest(struct warden *w, const char *name); /* usable or not */
/* Its directory, or the one in the registry beside that of a shipped one. */
int registry_open_directory(const struct bundle *b, bool shipped);
/* A file of the bundle as a sealed memfd, or -errno. */
int registry_open_file(const struct bundle *b, const char *name);
/* The manifest and up to SIGNATURES_MAX signatures, in that order; returns how many. */
int registry_open_signed(const struct bundle *b, int *fds);
/* Takes the parser's answer to an order over into the bundle. */
void registry_answered(struct bundle *b, const struct order *order, const struct message *m, int *fds,
		       size_t n_fds);
void registry_add(struct warden *w, struct bundle *b);
/* Signed, not revoked. */
bool bundle_accepted(const struct bundle *b);
/* The refusal of whoever wants to use it; 0: it can be used here. */
int bundle_unusable(const struct bundle *b, struct refusal *refusal);
void bundle_why_revoked(const struct bundle *b, char *buffer, size_t size);
void bundle_text(const struct bundle *b, char *buffer, size_t size); /* "tcp.state-3" */
/* registry-row.c: a row of a list; all that is known, sent. */
void bundle_row(struct warden *w, const struct bundle *b, const struct connection *c,
		struct message_probe *ret);
int bundle_describe(struct warden *w, const struct bundle *b, const struct connection *c, uint64_t call);

/* --- what the registry remembers beside signed bytes: warden/registry-state.c -------------------------- */

struct own_revocations { /* of files, keys and certificates */
	struct revocation list[REVOCATIONS_OWN_MAX];
	size_t n;
	bool damaged;   /* the file cannot be read: nothing new is attached */
	bool unwritten; /* one could not be written: the file is not read again */
};
/* -errno: of a shortage; a damaged state reads as revoked. */
int registry_read_state(struct bundle *b);
int registry_write_state(const struct bundle *b);
int registry_write_state_at(const struct bundle *b, int dir); /* of the bundle, wherever it is */
/* The directory of a name, or -errno. */
int registry_open_name(const char *name, bool create);
/* The highest serial that the name ever had in the channel, as far as is known; -errno: it cannot be. */
int registry_highest(struct warden *w, const char *name, enum policy_channel channel, uint64_t *ret);
int registry_raise_highest(const struct bundle *b);
int registry_read_revoked(struct warden *w); /* -errno: of a shortage */
/* In force at once; -errno: but it could not be written. -E2BIG: there are too many, and it is not. */
int registry_revoke(struct warden *w, const struct revocation *r);
const struct revocation *registry_find_revoked(const struct warden *w, const struct revocation *r);

/* --- questions to the policy: warden/policy-request.c -------------------------------------------------- */

/* Minutes since Monday 00:00 UTC, by nanoseconds of CLOCK_REALTIME. */
uint32_t minute_of_week(uint64_t realtime);
/* A question of a connected client, now; pointers in it live as long as what they were taken from. */
void question_by(const struct connection *c, enum policy_action action, struct policy_request *ret);
/* About which bundle: its name and channel, and if it was ever accepted, what it says of itself. */
void question_about(struct policy_request *request, const struct bundle *b);
void question_target(struct policy_request *request, const struct target *target);
/* True if the record has the form that the gate gives it. */
bool question_ok(const struct message_attach *m);
/* REFUSAL_TARGET_UNSUPPORTED if the probe cannot filter by this kind of target. */
int question_target_kind(const struct spec *spec, uint32_t kind, struct refusal *refusal);
/* The parameters of a request: what it names, and the initial values of the rest; REFUSAL_INVALID_ARGUMENT.
 * ret_given is the bit set of those that it names. */
int question_parameters(const struct spec *spec, const struct message_attach *m,
			uint64_t ret_values[SPEC_PARAMS_MAX], uint32_t *ret_given, struct refusal *refusal);
/* What is attached, as its owner would ask for it now: from where it was asked for then, with these groups.
 */
void question_again(struct warden *w, const struct attached *at, const gid_t *gids, size_t n_gids,
		    struct policy_request *ret);
/* Why an attach is denied: PolicyDenied with the rule, or LimitExceeded for a parameter that a limit sets. */
int question_denied(const struct policy_request *request, const struct policy_decision *decision,
		    struct refusal *refusal);
/* Policy's answer for a caller about an action that has no bundle or, with probe "*", all of them; ret may be
 * NULL. */
bool may(struct warden *w, const struct connection *c, enum policy_action action, const char *probe,
	 struct policy_decision *ret);
/* May enroll some bundle in the channel, of which nothing is known yet: for who may not, nothing is looked
 * at. */
bool may_enroll(struct warden *w, const struct connection *c, enum policy_channel channel,
		struct policy_decision *ret);
/* May end somebody else's attachment; may see what its programs count for everybody. */
bool may_detach(struct warden *w, const struct connection *c, const struct attached *at,
		struct policy_decision *ret);
bool may_see_host(struct warden *w, const struct connection *c, const struct attached *at);

/* --- how often programs are loaded: warden/load-rate.c ------------------------------------------------ */

#define LOAD_RATE_BUCKETS 61 /* the running second and the minute before it */
struct load_rate {
	struct load_rate *next;
	uid_t uid;
	uint64_t newest; /* second */
	uint32_t buckets[LOAD_RATE_BUCKETS];
};
struct load_rates {
	struct load_rate *list, others;
	size_t n;
};
/* A load for uid at a second of CLOCK_BOOTTIME; how many there were up to a minute before. */
void load_rates_note(struct load_rates *rates, uid_t uid, uint64_t second);
uint64_t load_rates_count(struct load_rates *rates, uid_t uid, uint64_t second);
void load_rates_done(struct load_rates *rates);

/* --- orders: warden/orders.c -------------------------------------------------------------------------- */

/* What was asked of parser or loader, until the answer. m is NULL if the process died instead. Rows call done
 * several times; it returns true when the order is finished, which frees it. */
struct order {
	struct order *next;
	struct warden *w;
	enum message_side to;
	uint64_t call;
	uint64_t generation; /* of verification when it was asked */
	bool (*done)(struct order *order, const struct message *m, int *fds, size_t n_fds);
	void *userdata;
	uint64_t connection, client_call; /* whom the result is for, if anybody */
	uint64_t number;                  /* attachment or instance, as the order needs it */
};

struct order *order_new(struct warden *w, enum message_side to,
			bool (*done)(struct order *, const struct message *, int *, size_t), void *userdata);
/* Sends; if the process is not there, done is called with NULL at once. */
int order_send(struct order *order, struct message *m, size_t size, const int *fds, size_t n_fds);
bool orders_answer(struct warden *w, enum message_side from, const struct message *m, int *fds, size_t n_fds);
void orders_fail(struct warden *w, enum message_side to);

/* --- attachments: warden/attachments.c ---------------------------------------------------------------- */

struct instance_row { /* a probe in the kernel */
	struct instance_row *next;
	uint64_t number;
	uint8_t digest[DIGEST_SIZE], params_digest[DIGEST_SIZE];
	bool loading;
	uint32_t users; /* attachments and requests that count on it */
	uint32_t n_programs, program_ids[SPEC_PROGRAMS_MAX];
	uint32_t n_hooks; /* 0: not known yet */
	char hooks[SPEC_PROGRAMS_MAX][OBJECT_NAME_MAX];
	char kernel_verified[32];
};

/* As the loader counted it, by the programs' own time; read: CLOCK_BOOTTIME, ns, 0: not yet. */
struct cost {
	uint64_t read;
	struct bw_counters own, program;
};

struct attached {
	struct attached *next;
	struct warden *w;
	struct attachment a;
	struct instance_row *instance;
	struct ending *end; /* why it shall end; NULL: it shall not */
	bool ending;        /* and the loader is at it */
	bool undecided;     /* its owner's groups could not be known when the policy was asked again */
	bool asked;         /* though somebody was asked about them */
	bool alive;         /* the loader's last survey had it */
	uint64_t started;   /* CLOCK_BOOTTIME, ns: where a.since is there */
	sd_event_source *deadline, *linger;
	struct cost cost, cost_before;              /* read last; where the window of max-cpu began */
	uint32_t over_cost;                         /* windows over the limit in a row */
	uint64_t watchers[CONNECTIONS_PER_UID_MAX]; /* connection numbers */
	size_t n_watchers;
};

struct attached *attached_find(struct warden *w, uint64_t id);
struct attached *attached_add(struct warden *w, const struct attachment *a, struct instance_row *instance);
void attached_watch(struct attached *at, uint64_t connection);
/* A connection is gone: a run without any ends after ATTACHMENT_LINGER. */
void attached_unwatch(struct warden *w, uint64_t connection);
/* It is not in the kernel any more. */
void attached_forget(struct attached *at);
void attached_no_such(uint64_t id, struct refusal *refusal);
void attached_set_deadline(struct attached *at, uint64_t deadline);
/* What uid has now: number and bytes, pending requests included. */
void attached_usage(struct warden *w, uid_t uid, uint64_t *ret_number, uint64_t *ret_memory);
/* Asks the loader what lives and takes it over; done is called then, also without a loader. */
void attached_reconcile(struct warden *w, void (*done)(struct warden *w));
void attached_free_all(struct warden *w);
/* Units that were restarted have another cgroup. */
void units_changed(struct warden *w);
struct instance_row *instance_row_new(struct warden *w, const uint8_t *digest, const uint8_t *params_digest);
void instance_row_set_hooks(struct instance_row *row, const struct bundle *b); /* unless they are known */
struct instance_row *instance_row_find(struct warden *w, const uint8_t *digest, const uint8_t *params_digest);
/* The kernel itself verified what runs: "yes (KEYRING)". */
bool instance_row_verified(const struct instance_row *row);
/* One user less; the last one unloads it. */
void instance_row_release(struct warden *w, struct instance_row *row);

/* --- what they cost: warden/cost.c ---------------------------------------------------------------------- */

/* Answers Status when the loader has said what each costs, or cannot. */
int cost_status(struct warden *w, const struct connection *c, uint64_t call, bool all);
/* Fills in what the client may know of it. */
void cost_tell(const struct attached *at, const struct connection *c, struct message_attachment *m);
/* The part of an attachment in the program's time between two readings, in millionths of a CPU. */
uint64_t cost_share(const struct cost *now, const struct cost *before, uint32_t sharing_it);
/* Looks at costs from time to time while some attachment has a max-cpu; otherwise nothing wakes up for it. */
void cost_watch(struct warden *w);
/* The limit as the policy sets it now. */
void cost_set_limit(struct attached *at, const struct policy_limits *limits);
void attachment_set_max_cpu(struct attachment *a, const struct policy_limits *limits);

/* --- how they end: warden/ends.c ----------------------------------------------------------------------- */

struct end {
	const char *reason;
	const char *detail;    /* for the log instead of the reason; NULL: the reason */
	struct connection *by; /* NULL: the daemon itself */
	uint64_t decision;     /* to detach it; 0: it ends for another reason */
	/* Of the other reason: sequence of the decision or change that brought it about; 0: none did. */
	uint64_t cause;
	uint64_t client_call; /* of by, to be answered when it is done; 0: none */
};
#define CAUSE_NOT_RECORDED UINT64_MAX /* for now: attached_end_caused() will tell */

/* Takes it out of the kernel, over an end of the loader if need be; then records it, as the outcome of its
 * decision or as an end, and tells its watchers. */
void attached_end(struct attached *at, const struct end *end);
/* What was ended by something that was not recorded yet, was ended by this. */
void attached_end_caused(struct warden *w, uint64_t cause);
/* Asks the loader again for what it ended over; ends what the last survey did not have. */
void attached_end_again(struct warden *w);
void attached_end_lost(struct warden *w);
/* lost.c: what the log says to be attached and is not; when the first survey is done. */
void attached_record_lost(struct warden *w);
struct ending *ending_free(struct ending *ending);

/* --- decided again: warden/redecide.c ----------------------------------------------------------------- */

typedef void (*attached_fn)(void *userdata, const struct attached *at, const char *reason);
struct redeciding {            /* because the policy has changed */
	struct connection *by; /* who changed it; NULL: the daemon */
	attached_fn ended;     /* called with each that ends */
	void *userdata;
};
/* Asks the policy in force about everything that is attached, with the owners' groups as they are now, ends
 * what it does not allow, and moves deadlines that are too far away. The number of those that end; what a
 * change ends waits for attached_end_caused(). Whose groups cannot be known now is asked about again. Only
 * when it is known what is attached and what the bundles are. by NULL: a time has come. */
uint64_t attached_redecide(struct warden *w, const struct redeciding *by);
/* What another policy would end. */
uint64_t attached_would_end(struct warden *w, const struct policy *policy, attached_fn callback,
			    void *userdata);
/* The same for one: true, with the reason, if it ends. */
bool attached_redecide_one(struct attached *at, struct refusal *refusal);
/* What the loader had when the warden found it; once, when all that rules ask for is known. */
void attached_redecide_taken_over(struct warden *w);
/* Now, if all of that is known; when the policy's time windows open or close. */
void redecide_now(struct warden *w);
void redecide_later(struct warden *w);

/* --- the policy in force: warden/policy-load.c -------------------------------------------------------- */

struct json_t;
struct policy_change {
	uint8_t digest[DIGEST_SIZE]; /* of what was read */
	bool changed;                /* from what was in force */
	struct json_t *ended;        /* rows of attachments that it ends or, in a dry run, would end */
	uint64_t *waiting;           /* ids of those that are ending */
	size_t n_waiting;
};
void policy_change_done(struct policy_change *change);
/* Reads policy.d; on a refusal the policy in force stays. A dry run keeps what it read as the candidate.
 * Records the change. ret may be NULL. */
int policy_reload(struct warden *w, struct connection *by, bool dry_run, struct refusal *refusal,
		  struct policy_change *ret);
/* Replies when what the change ends has ended; takes the change's content over. */
void policy_reply(struct warden *w, uint64_t connection, uint64_t call, struct policy_change *change);
/* An attachment is gone: a reload may have waited for it. */
void policy_ended(struct warden *w, uint64_t attachment);

/* --- bpfwarden.conf: warden/configuration.c ----------------------------------------------------------- */

/* Before the log is open: what to open it with. Then what was read is recorded, or why it was refused. */
void configuration_read(struct warden *w);
void configuration_record(struct warden *w, struct connection *by);
/* Reads it again, takes it over and records it, if it is another one or cannot be used. by NULL: the daemon.
 */
void configuration_reload(struct warden *w, struct connection *by);

/* --- records: warden/record.c ------------------------------------------------------------------------- */

/* One act that goes to the audit log; pointers are borrowed. */
struct act {
	const struct connection *by; /* NULL: the daemon */
	const char *action;
	const struct bundle *bundle;
	const struct target *target;
	const struct message_parameter *params;
	size_t n_params;
	uint32_t moved;        /* bit set of params: the policy changed them */
	uint32_t data;         /* MESSAGE_DATA_… granted */
	const char *privacy;   /* class granted */
	const char *demand;    /* what the policy wants besides: "kernel-verified" */
	const uint64_t *ended; /* attachments that a change of the policy ends */
	uint64_t known;        /* of a change of the clock */
	const char *rule;
	const struct refusal *refusal;
	uint64_t decision;
	uint64_t cause; /* of an end */
	uint64_t attachment;
	const uint32_t *program_ids;
	size_t n_program_ids;
	const char *kernel_verified;
	const char *probe; /* when there is no bundle */
	const char *detail;
};
/* 0, or REFUSAL_AUDIT_UNAVAILABLE. */
int record_decision(struct warden *w, const struct act *act, bool allowed, uint64_t *ret_seq,
		    struct refusal *refusal);
void record_outcome(struct warden *w, const struct act *act, bool ok);
void record_end(struct warden *w, const struct act *act, bool ok);
/* The rest, ok unless it has a refusal; its sequence, 0 if it is not in the log. */
uint64_t record_event(struct warden *w, enum audit_kind kind, const struct act *act);

/* Decisions of the last run without an outcome: read at start, before anything is recorded; settled, once, by
 * what the loader says to live, and by what stands in the registry (warden/settle.c). That the last run did
 * not come to its end in good order is recorded. */
struct unsettled;
int settle_read(struct warden *w);
void settle_attachments(struct warden *w);
void settle_registry(struct warden *w);

/* What has to wait until its decision is durable. */
struct pending {
	struct pending *next;
	void (*go)(struct pending *pending,
		   const struct refusal *failed); /* failed NULL: durable; frees itself */
};
void pending_add(struct warden *w, struct pending *pending);
int pending_start(struct warden *w);

/* Commits what is recorded, and lets go on what waits for it. */
void record_commit(struct warden *w);

/* --- the log, read: warden/request-audit.c, warden/audit-*.c -------------------------------------------- */

/* readings.c: whether a connection's reading, by what makes it the same again, was written down lately. */
bool reading_is_recorded(const struct connection *c, const void *what, size_t size);
void reading_remember(struct connection *c, const void *what, size_t size);
/* Writes down one that this sentence identifies, unless it was lately; durable before anything else leaves,
 * if that can be. */
void reading_record(struct warden *w, struct connection *c, const char *action, const char *rule,
		    const char *detail);
void readings_free(struct connection *c);
/* The client has read what there was; something was committed; the client is gone. */
void listing_go_on(struct warden *w, uint64_t connection, uint64_t call);
void listings_wake(struct warden *w);
void listings_forget(struct warden *w, uint64_t connection);
void listings_free_all(struct warden *w);
void headings_forget(struct warden *w, uint64_t connection);
void headings_free_all(struct warden *w);

/* --- requests: request*.c, reply.c, attach*.c, enroll.c, promote.c, revoke.c ---------------------------- */

void reply_refusal(struct warden *w, uint64_t connection, uint64_t call, const struct refusal *refusal);
void reply_end(struct warden *w, uint64_t connection, uint64_t call);
/* -errno: it is not on its way, and what depends on rows being complete ends. */
int reply_text(struct warden *w, uint64_t connection, uint64_t call, const char *text, size_t size);
#define COST_NOT_ASKED UINT64_MAX
/* With its cost if that was read since then (CLOCK_BOOTTIME, ns), as far as the client may know it. */
void reply_attachment(struct warden *w, uint64_t connection, uint64_t call, const struct attached *at,
		      uint64_t cost_since);
/* The stream's head: spec, names of enumerations, ring (-EBADF: none). */
int reply_stream(struct warden *w, uint64_t connection, uint64_t call, const struct attached *at, int ring);
int request_handle(struct warden *w, const struct message *m, int *fds, size_t n_fds);
int request_deny(struct warden *w, const struct connection *c, uint64_t call, struct act *act,
		 const struct refusal *refusal);
void request_watch(struct warden *w, uint64_t connection, uint64_t call, struct attached *at);
/* The same, for who may not do what they ask for. */
int request_forbid(struct warden *w, const struct connection *c, uint64_t call, const char *action,
		   const char *what, const struct policy_decision *decision);
int request_policy_reload(struct warden *w, struct connection *c, const struct message_flags *m);
int request_policy_mine(struct warden *w, struct connection *c, const struct message *m);
int request_policy_explain(struct warden *w, struct connection *c, const struct message_explain *m);
int request_policy_text(struct warden *w, struct connection *c, const struct message_policy_text *m);
int request_audit(struct warden *w, struct connection *c, const struct message *m);
/* The attachments that the client may see, its own or all; cost_since as above. */
void status_rows(struct warden *w, struct connection *c, uint64_t call, bool all, uint64_t cost_since);
int request_attach(struct warden *w, struct connection *c, const struct message_attach *m);
int request_detach(struct warden *w, struct connection *c, uint64_t call, struct attached *at,
		   const char *rule);
int request_enroll(struct warden *w, struct connection *c, const struct message_enroll *m, int *fds,
		   size_t n_fds);
int request_promote(struct warden *w, struct connection *c, const struct message_bundle *m);
int request_accept_clock(struct warden *w, struct connection *c, const struct message_flags *m);
int request_revoke(struct warden *w, struct connection *c, const struct message_revoke *m);
/* An attachment is gone: a revocation may have waited for it. */
void revoke_ended(struct warden *w, uint64_t attachment);
/* --- the process: warden/warden.c ---------------------------------------------------------------------- */

struct warden {
	sd_event *event;
	struct peer *gate, *parser, *loader;
	uid_t gate_uid, parser_uid, loader_uid;
	int client_listener, peer_listener;
	sd_event_source *client_accept;
	struct configuration configuration;
	struct refusal configuration_refusal; /* of the file; code 0: none */
	struct audit *audit;
	sd_event_source *commit, *tick;
	struct pending *pending;
	struct listing *listings; /* calls of Query that are being answered */
	struct heading *headings; /* calls of Head that wait for a checkpoint */
	sd_event_source *lister, *header;
	uint64_t headed;    /* the log's head when Head was answered last */
	uint64_t headed_at; /* CLOCK_MONOTONIC, µs */
	struct unsettled *unsettled;
	struct known_time known, clock_seen;
	struct load_rates load_rates;
	struct policy *policy;
	struct policy *candidate; /* what the last dry run of a reload read; NULL: none */
	sd_event_source *policy_timer, *policy_retry, *cost_timer;
	uint8_t policy_digest[DIGEST_SIZE];  /* of the one in force; 0: none could be read yet */
	uint8_t policy_decided[DIGEST_SIZE]; /* of that by which all that is attached was decided last */
	struct connection *connections;
	struct bundle *bundles;
	struct own_revocations revoked;
	struct verification verification;
	struct trust_watch trust_watch;
	struct order *orders;
	struct instance_row *instances;
	struct attached *attached;
	uint64_t next_connection, next_call, next_instance;
	bool ready; /* bundles verified once, attachments reconciled: the door is open */
	bool reconciled;
	bool surveyed;   /* once at least: what was lost while there was no warden is known */
	bool taken_over; /* attachments from the loader that the policy was not asked about yet */
	void (*reconcile_done)(struct warden *w);
	sd_event_source *unit_watch, *unit_timer;
	int unit_inotify;
};

/* What is attached and what the bundles are is known. */
bool warden_knows(const struct warden *w);
/* All bundles were looked at. */
void warden_verified(struct warden *w);
/* warden/clock-watch.c: has everything verified and decided again when somebody sets the clock; best effort.
 */
void clock_watch_start(struct warden *w);
uint64_t now_realtime(void); /* ns */
uint64_t now_boottime(void); /* ns */
