/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPFWARDEN_H
#define BPFWARDEN_H
/*
 * libbpfwarden: the client side of bpfwarden, eBPF probes under governance.
 *
 * Two levels: bpfwarden_call() and bpfwarden_receive() speak any method of the daemon's Varlink interfaces
 * with JSON as text; a stream runs a probe, hands out its events and finds its attachment again when the
 * connection breaks. Link with `pkg-config --libs bpfwarden`.
 *
 * Functions return 0 or a negative errno unless they say otherwise. Nothing here prints, starts threads,
 * blocks SIGPIPE or keeps state outside its objects; one object belongs to one thread at a time. All text is
 * UTF-8.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bpfwarden;        /* a connection */
struct bpfwarden_reply;  /* one answer of the daemon */
struct bpfwarden_stream; /* the events of one attachment */

/* Why the daemon refused: the errors of interface io.bpfwarden. */
enum bpfwarden_error {
	BPFWARDEN_ERROR_NONE = 0,
	BPFWARDEN_ERROR_POLICY_DENIED,
	BPFWARDEN_ERROR_LIMIT_EXCEEDED,
	BPFWARDEN_ERROR_KERNEL_UNSUPPORTED,
	BPFWARDEN_ERROR_TARGET_UNSUPPORTED,
	BPFWARDEN_ERROR_SIGNATURE_INVALID,
	BPFWARDEN_ERROR_BUNDLE_INVALID,
	BPFWARDEN_ERROR_NOT_ENROLLED,
	BPFWARDEN_ERROR_ALREADY_ENROLLED,
	BPFWARDEN_ERROR_REVOKED,
	BPFWARDEN_ERROR_SERIAL_ROLLBACK,     /* bundle */
	BPFWARDEN_ERROR_NOT_KERNEL_VERIFIED, /* bundle */
	BPFWARDEN_ERROR_AUDIT_UNAVAILABLE,
	BPFWARDEN_ERROR_NO_SUCH_PROBE,
	BPFWARDEN_ERROR_NO_SUCH_ATTACHMENT,
	BPFWARDEN_ERROR_NO_SUCH_TARGET,
	BPFWARDEN_ERROR_INVALID_ARGUMENT,
	BPFWARDEN_ERROR_LOAD_FAILED,
	BPFWARDEN_ERROR_POLICY_INVALID,
	BPFWARDEN_ERROR_TRUST_INVALID,
	BPFWARDEN_ERROR_UNAVAILABLE,
	/* An error of another interface, org.varlink.service for one: see bpfwarden_reply_error_name(). */
	BPFWARDEN_ERROR_OTHER = 1000,
};

/* ---- connection ---- */

/* Connects to the daemon's socket at path. NULL: $BPFWARDEN_SOCKET if it is set (ignored in set-user-id
 * programs), else /run/bpfwarden/io.bpfwarden
 * or where the library was built for. -ENOENT and -ECONNREFUSED: no daemon. The caller owns *ret. */
int bpfwarden_connect(const char *path, struct bpfwarden **ret);

/* Closes and frees; accepts NULL and returns NULL. */
struct bpfwarden *bpfwarden_disconnect(struct bpfwarden *connection);

/* The descriptor to poll for POLLIN; it stays the connection's own. A poll is only right after
 * bpfwarden_receive() said -EAGAIN, since replies may wait in the connection's buffer. */
int bpfwarden_fd(const struct bpfwarden *connection);

#define BPFWARDEN_CALL_MORE   1U /* the method answers with several replies */
#define BPFWARDEN_CALL_ONEWAY 2U /* no reply is wanted */

/* Sends one call. parameters is the text of a JSON object; NULL is {}. The n_fds descriptors in fds are
 * passed along and stay the caller's. -EINVAL: parameters are no JSON object; -EMSGSIZE: larger than the
 * protocol allows; -ETIMEDOUT: the daemon took nothing for 30 s; -ECONNRESET, -EPIPE: the connection is gone.
 */
int bpfwarden_call(struct bpfwarden *connection, const char *method, const char *parameters,
		   unsigned int flags, const int *fds, size_t n_fds);

/* Waits up to timeout milliseconds (0: not at all, -1: for ever) for one reply, which the caller frees with
 * bpfwarden_reply_free(). -EAGAIN: none came in time; -ECONNRESET: the daemon closed the connection;
 * -EBADMSG: it sent something that is not a Varlink reply. A refusal of the daemon is a reply too. */
int bpfwarden_receive(struct bpfwarden *connection, int timeout, struct bpfwarden_reply **ret);

/* ---- reply ---- */

struct bpfwarden_reply *bpfwarden_reply_free(struct bpfwarden_reply *reply);

/* The parameters exactly as the daemon wrote them, on one line. Lives as long as the reply. */
const char *bpfwarden_reply_parameters(const struct bpfwarden_reply *reply);

/* True if more replies to the same call follow. */
bool bpfwarden_reply_continues(const struct bpfwarden_reply *reply);

enum bpfwarden_error bpfwarden_reply_error(const struct bpfwarden_reply *reply);

/* "io.bpfwarden.PolicyDenied"; NULL: the call succeeded. */
const char *bpfwarden_reply_error_name(const struct bpfwarden_reply *reply);

/* Of a refusal: the daemon's sentence, and what it is about (a rule, a limit, a probe: see the interface
 * io.bpfwarden). Printable; "" if the daemon said nothing. */
const char *bpfwarden_reply_reason(const struct bpfwarden_reply *reply);
const char *bpfwarden_reply_subject(const struct bpfwarden_reply *reply);

/* ---- probes ---- */

#define BPFWARDEN_DATA_AGGREGATES 1U
#define BPFWARDEN_DATA_EVENTS     2U

struct bpfwarden_options {
	size_t size; /* sizeof(struct bpfwarden_options): lets later versions add members */
	const char *probe;
	const char *target;     /* "self", "user:NAME", "unit:NAME", "cgroup:PATH", "host"; NULL: self */
	const char *parameters; /* JSON object of numbers; NULL: the probe's defaults */
	uint64_t serial;        /* 0: the newest that is enrolled */
	uint64_t duration;      /* seconds; 0: what policy allows */
	unsigned int data;      /* BPFWARDEN_DATA_…; 0: all that policy allows */
	bool experimental;
	bool dry_run;        /* decide, and do nothing */
	const char *privacy; /* fields up to this class: "safe", "bound", "pii"; NULL: what policy allows */
};
#define BPFWARDEN_OPTIONS_INIT                           \
	{                                                \
		.size = sizeof(struct bpfwarden_options) \
	}

/* Attaches until the deadline or bpfwarden_detach(). The reply has member attachment, or is a refusal; the
 * caller frees it. */
int bpfwarden_attach(struct bpfwarden *connection, const struct bpfwarden_options *options,
		     struct bpfwarden_reply **ret);

/* Ends an attachment and waits until nothing of it is left in the kernel. The caller frees the reply. */
int bpfwarden_detach(struct bpfwarden *connection, const char *attachment, struct bpfwarden_reply **ret);

/* What a stream tells; any member may be NULL. JSON texts live as long as the handler runs. A handler that
 * returns non-zero stops the stream: bpfwarden_stream_process() returns that value if it is negative, else 0.
 */
struct bpfwarden_handlers {
	size_t size; /* sizeof(struct bpfwarden_handlers) */
	void *userdata;
	int (*attached)(void *userdata, const char *attachment); /* once a stream; type Attachment */
	int (*event)(void *userdata, const char *event);
	int (*lost)(void *userdata, uint64_t events);     /* exact number since the last call */
	int (*ended)(void *userdata, const char *reason); /* the daemon ended the attachment */
	int (*disconnected)(void *userdata);              /* once a break: trying to connect again */
	int (*reconnected)(void *userdata);
};
#define BPFWARDEN_HANDLERS_INIT                           \
	{                                                 \
		.size = sizeof(struct bpfwarden_handlers) \
	}

/* Starts a probe that lives as long as the stream (plus 10 s, in which a broken connection may come back).
 * path as in bpfwarden_connect(). The options are copied; handlers are copied, userdata stays the caller's.
 */
int bpfwarden_run(const char *path, const struct bpfwarden_options *options,
		  const struct bpfwarden_handlers *handlers, struct bpfwarden_stream **ret);

/* The events of an attachment that lives already. */
int bpfwarden_watch(const char *path, const char *attachment, const struct bpfwarden_handlers *handlers,
		    struct bpfwarden_stream **ret);

/* Closes the connection and frees; accepts NULL and returns NULL. Does not detach. */
struct bpfwarden_stream *bpfwarden_stream_free(struct bpfwarden_stream *stream);

/* To poll for POLLIN until bpfwarden_stream_timeout() milliseconds (-1: none) have passed, then to call
 * bpfwarden_stream_process(). The descriptor changes when the stream connects again, and is negative (poll(2)
 * passes over it) between two attempts. */
int bpfwarden_stream_fd(const struct bpfwarden_stream *stream);
int bpfwarden_stream_timeout(const struct bpfwarden_stream *stream);

/* Handles what is there without waiting. 1: the stream goes on; 0: it is over; -EREMOTEIO: the daemon
 * refused, see bpfwarden_stream_refusal(); -ECONNRESET: the connection broke and could not be had again;
 * -ETIMEDOUT: the daemon did not answer; -EBADMSG as above. */
int bpfwarden_stream_process(struct bpfwarden_stream *stream);

/* Waits and processes until the stream is over; returns what bpfwarden_stream_process() did in the end. */
int bpfwarden_stream_loop(struct bpfwarden_stream *stream);

/* After -EREMOTEIO, NULL otherwise. Lives as long as the stream. */
const struct bpfwarden_reply *bpfwarden_stream_refusal(const struct bpfwarden_stream *stream);

/* The attachment's id; NULL before the daemon has confirmed it. Lives as long as the stream. */
const char *bpfwarden_stream_id(const struct bpfwarden_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
