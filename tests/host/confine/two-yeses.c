/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In the place of an owned warden, and of an owned parser: runs the real loader as its own user with its two
 * capabilities, speaks to it over the real sockets as the users of both, and shows that neither yes alone
 * loads anything, nor one that holds no longer. Prints the result lines of tests/vm/lib.sh. The socket
 * directory is the build's; no daemon may run.
 *
 *	two-yeses PATH-OF-BPFWARDEND DIRECTORY-OF-A-BUNDLE
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "format/manifest.h"
#include "loaderd/parser/facts.h"
#include "loaderd/peer.h"
#include "loaderd/process.h"
#include "tests/host/confine/programs.h"

#define WAIT_US (120ULL * 1000 * 1000) /* emulated machines are slow */

struct stage {
	sd_event *event;
	const char *bundle;
	uid_t warden_uid, parser_uid, loader_uid;
	gid_t gid;
	pid_t loader;
	int peers, verdicts;
	struct peer *warden, *parser; /* our ends: warden to loader, parser to loader */
	bool answered;
	struct message_loaded loaded;
	struct message_verdict verdict;
	uint32_t variant;
	char *insns, *data, *ksig;
	size_t ksig_size;
	uint64_t next;
	int failed;
};

static void result(struct stage *s, bool good, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void result(struct stage *s, bool good, const char *name, const char *format, ...)
{
	va_list ap;

	printf(good ? "ok %s" : "not ok %s: ", name);
	if (!good) {
		va_start(ap, format);
		vprintf(format, ap);
		va_end(ap);
		s->failed++;
	}
	printf("\n");
}

_Noreturn static void die(const char *what, int error)
{
	printf("not ok two yeses: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

/* --- who we are ----------------------------------------------------------------------------------------- */

/* A record shows its sender's real uid, a connection its effective one. */
static void become(uid_t uid)
{
	if (setresuid(uid, uid, 0) < 0)
		die("setresuid", errno);
}

static void become_root(void)
{
	if (setresuid(0, 0, 0) < 0)
		die("setresuid", errno);
}

/* --- the loader ----------------------------------------------------------------------------------------- */

static int listener(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chown(path, uid, gid) < 0 || chmod(path, mode) < 0 || listen(fd, 16) < 0)
		die(path, errno);
	return fd;
}

/* As the unit starts it: its user, no groups, two capabilities, the listening socket as descriptor 3. */
static void start_loader(struct stage *s, char *bpfwardend)
{
	static char *const with[] = { (char *)"--inh-caps=-all,+bpf,+perfmon",
				      (char *)"--ambient-caps=-all,+bpf,+perfmon",
				      (char *)"--bounding-set=-all,+bpf,+perfmon" };
	char *argv[] = { (char *)"setpriv",
			 (char *)"--reuid=" USER_LOADER,
			 NULL,
			 (char *)"--clear-groups",
			 (char *)"--no-new-privs",
			 with[0],
			 with[1],
			 with[2],
			 bpfwardend,
			 (char *)"loader",
			 NULL };
	char regid[32], pid[32];

	snprintf(regid, sizeof(regid), "--regid=%u", s->gid);
	argv[2] = regid;
	s->loader = fork();
	if (s->loader < 0)
		die("fork", errno);
	if (s->loader)
		return;
	if (dup2(s->verdicts, 3) < 0 || close_range(4, ~0U, 0) < 0)
		_exit(1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", LISTEN_NAME_VERDICTS, 1);
	unsetenv("NOTIFY_SOCKET");
	execvp(argv[0], argv);
	_exit(1);
}

static int on_record(struct peer *peer, const struct message *m, int *fds, size_t n_fds, void *userdata)
{
	struct stage *s = userdata;

	(void)peer;
	(void)fds;
	(void)n_fds;
	if (m->type == MESSAGE_LOADED) {
		memcpy(&s->loaded, m, sizeof(s->loaded));
		s->answered = true;
	}
	return 0;
}

static void on_closed(struct peer *peer, const char *reason, void *userdata)
{
	/* The parser's place is taken over by the next one who connects; the warden's is not to be lost. */
	if (((struct stage *)userdata)->warden == peer)
		die(reason, EPIPE);
}

static void wait_for(struct stage *s, const bool *what, const char *name)
{
	while (!*what) {
		int r = sd_event_run(s->event, WAIT_US);

		if (r <= 0)
			die(name, r ? r : ETIMEDOUT);
	}
}

static void connect_both(struct stage *s)
{
	struct peer_options warden = { .self = SIDE_WARDEN,
				       .other = SIDE_LOADER,
				       .record = on_record,
				       .closed = on_closed,
				       .userdata = s,
				       .uid = s->loader_uid };
	struct peer_options parser = { .self = SIDE_PARSER,
				       .other = SIDE_LOADER,
				       .record = on_record,
				       .closed = on_closed,
				       .userdata = s,
				       .uid = s->loader_uid };
	int fd, r;

	fd = accept4(s->peers, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		die("accept", errno);
	become(s->warden_uid);
	r = peer_new(s->event, fd, true, &warden, &s->warden);
	become_root();
	if (r < 0)
		die("the loader's connection", r);
	become(s->parser_uid);
	r = peer_connect(s->event, SOCKET_VERDICTS, &parser, &s->parser);
	become_root();
	if (r < 0)
		die("the verdict socket", r);
}

/* --- what is loaded ------------------------------------------------------------------------------------- */

static char *read_file(const struct stage *s, const char *name, size_t *ret_size)
{
	char path[512], *bytes = NULL;
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", s->bundle, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : fd_read_all(fd, BUNDLE_FILE_SIZE_MAX, &bytes, ret_size);
	close_fd(fd);
	if (r < 0)
		die(path, r);
	return bytes;
}

/* The verdict that the real parser would give. */
static void read_bundle(struct stage *s)
{
	struct message_verdict *v = &s->verdict;
	struct spec *spec = &v->spec;
	struct refusal refusal = { 0 };
	struct facts *facts;
	char *manifest;
	size_t size;

	manifest = read_file(s, MANIFEST_NAME, &size);
	if (manifest_parse(manifest, size, spec, &refusal))
		die(refusal.reason, EINVAL);
	EVP_Digest(manifest, size, v->digest, NULL, EVP_sha256(), NULL);
	free(manifest);
	v->m.type = MESSAGE_VERDICT;
	v->until = UINT64_MAX;
	strcpy(v->signers, "standard");
	if (facts_new(&facts) < 0)
		die("the kernel's BTF", ENOENT);
	while (s->variant < spec->n_variants && !facts_fit(facts, &spec->variants[s->variant], NULL))
		s->variant++;
	if (s->variant == spec->n_variants) {
		printf("skip two yeses: no variant of %s fits this kernel\n", spec->name);
		exit(0);
	}
	for (uint32_t i = 0; i < spec->variants[s->variant].n_programs; i++)
		(void)facts_hook(facts, &spec->variants[s->variant].programs[i],
				 &v->attach_btf_id[s->variant][i], NULL);
	facts_free(facts);
	s->insns = read_file(s, spec->files[spec->variants[s->variant].insns].name, &size);
	s->data = read_file(s, spec->files[spec->variants[s->variant].data].name, &size);
	if (spec->variants[s->variant].ksig != UINT32_MAX)
		s->ksig = read_file(s, spec->files[spec->variants[s->variant].ksig].name, &s->ksig_size);
}

static const struct spec_file *file_of(const struct stage *s, bool data)
{
	const struct spec_variant *v = &s->verdict.spec.variants[s->variant];

	return &s->verdict.spec.files[data ? v->data : v->insns];
}

/* How an order differs from the one that may be carried out. */
struct order {
	const char *name, *subject;
	uint32_t code;
	bool changed_insns, changed_data, longer_data, unsealed_insns, unsealed_data, swapped, pipe;
	bool other_digest, changed_ksig, no_ksig;
	uint32_t flags;
	uint32_t variant; /* added to the right one */
};

static int give_bytes(const char *from, size_t size, bool changed, bool longer, bool unsealed)
{
	char *bytes = calloc(1, size + 8);
	int fd;

	if (!bytes)
		die("memory", ENOMEM);
	memcpy(bytes, from, size);
	if (changed)
		bytes[size / 2] ^= 1;
	if (longer)
		size += 8;
	if (unsealed) {
		fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (fd >= 0 && fd_write_all(fd, bytes, size) < 0)
			die("write", EIO);
	} else {
		fd = fd_memfd_sealed("sealed", bytes, size);
	}
	free(bytes);
	if (fd < 0)
		die("memfd", -fd);
	return fd;
}

static int give(const struct stage *s, bool data, bool changed, bool longer, bool unsealed)
{
	return give_bytes(data ? s->data : s->insns, file_of(s, data)->size, changed, longer, unsealed);
}

static void send_order(struct stage *s, const struct order *o)
{
	struct message_load m = { .m = { .type = MESSAGE_LOAD, .call = ++s->next },
				  .instance = s->next,
				  .variant = s->variant + o->variant };
	int fds[3] = { -1, -1, -1 }, tube[2] = { -1, -1 }, r;

	m.flags = o->flags;
	memcpy(m.digest, s->verdict.digest, DIGEST_SIZE);
	m.digest[0] ^= o->other_digest;
	fds[o->swapped] = give(s, false, o->changed_insns, false, o->unsealed_insns);
	fds[!o->swapped] = give(s, true, o->changed_data, o->longer_data, o->unsealed_data);
	if (s->ksig && !o->no_ksig)
		fds[2] = give_bytes(s->ksig, s->ksig_size, o->changed_ksig, false, false);
	if (o->pipe) {
		if (pipe2(tube, O_CLOEXEC) < 0)
			die("pipe", errno);
		close_fd(fds[0]);
		fds[0] = tube[0];
	}
	s->answered = false;
	r = PEER_SEND(s->warden, &m, fds, fds[2] < 0 ? 2 : 3);
	if (r < 0)
		die("send", r);
	close_fd(fds[0]);
	close_fd(fds[1]);
	close_fd(fds[2]);
	close_fd(tube[1]);
	wait_for(s, &s->answered, o->name);
}

static void try_order(struct stage *s, const struct order *o)
{
	unsigned int before = programs_of(s->loader_uid), after;
	const struct refusal *r = &s->loaded.refusal;

	send_order(s, o);
	after = programs_of(s->loader_uid);
	result(s, r->code == o->code && !strcmp(r->subject, o->subject), o->name, "code %u, subject %s: %s",
	       r->code, r->subject, r->reason);
	if (after != before)
		result(s, false, o->name, "%u programs became %u", before, after);
}

static void give_verdict(struct stage *s, bool another)
{
	struct message_verdict v = s->verdict;
	int r;

	if (another)
		v.digest[0] ^= 0xff;
	r = PEER_SEND(s->parser, &v, NULL, 0);
	if (r < 0)
		die("verdict", r);
}

/* --- the acts ------------------------------------------------------------------------------------------- */

/* An owned warden: it orders, and nobody said that it is signed. */
static void act_warden(struct stage *s)
{
	static const struct order unsigned_bytes = { .name = "an order without a verdict loads nothing",
						     .subject = "verdict",
						     .code = REFUSAL_SIGNATURE_INVALID };
	static const struct order another = { .name = "a verdict on another digest does not help",
					      .subject = "verdict",
					      .code = REFUSAL_SIGNATURE_INVALID };
	static const struct order rows[] = {
		{ .name = "changed instructions are noticed",
		  .subject = "F2",
		  .code = REFUSAL_BUNDLE_INVALID,
		  .changed_insns = true },
		{ .name = "changed data is noticed",
		  .subject = "F2",
		  .code = REFUSAL_BUNDLE_INVALID,
		  .changed_data = true },
		{ .name = "longer data is noticed",
		  .subject = "F2",
		  .code = REFUSAL_BUNDLE_INVALID,
		  .longer_data = true },
		{ .name = "a changed signature for the kernel is noticed",
		  .subject = "F2",
		  .code = REFUSAL_BUNDLE_INVALID,
		  .changed_ksig = true },
		{ .name = "the signature for the kernel cannot be left out",
		  .subject = "order",
		  .code = REFUSAL_LOAD_FAILED,
		  .no_ksig = true },
		{ .name = "a flag that does not exist is refused",
		  .subject = "order",
		  .code = REFUSAL_LOAD_FAILED,
		  .flags = 1 },
		{ .name = "instructions and data cannot be swapped",
		  .subject = "F2",
		  .code = REFUSAL_BUNDLE_INVALID,
		  .swapped = true },
		{ .name = "instructions that are not sealed are refused",
		  .subject = "F1",
		  .code = REFUSAL_BUNDLE_INVALID,
		  .unsealed_insns = true },
		{ .name = "data that is not sealed is refused",
		  .subject = "F1",
		  .code = REFUSAL_BUNDLE_INVALID,
		  .unsealed_data = true },
		{ .name = "a pipe is refused",
		  .subject = "F1",
		  .code = REFUSAL_BUNDLE_INVALID,
		  .pipe = true },
		{ .name = "a digest that differs in one bit has no verdict",
		  .subject = "verdict",
		  .code = REFUSAL_SIGNATURE_INVALID,
		  .other_digest = true },
		{ .name = "a variant that the bundle does not have is refused",
		  .subject = "order",
		  .code = REFUSAL_LOAD_FAILED,
		  .variant = SPEC_VARIANTS_MAX },
	};

	try_order(s, &unsigned_bytes);
	give_verdict(s, true);
	try_order(s, &another);
	give_verdict(s, false);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		try_order(s, &rows[i]);
}

/* Both yeses, so that the refusals above mean something. No kernel's keyring has the build's key: what the
 * kernel has to verify is refused. */
static void act_both(struct stage *s)
{
	static const struct order right = { .name = "both yeses" };
	char bundle[PROBE_NAME_MAX + 24];
	const struct order demanding = { .name = "what the kernel must verify and does not is not run",
					 .subject = bundle,
					 .code = REFUSAL_NOT_KERNEL_VERIFIED,
					 .flags = MESSAGE_FLAG_KERNEL_VERIFIED };
	unsigned int before, wanted;

	spec_bundle_name(&s->verdict.spec, bundle, sizeof(bundle));
	try_order(s, &demanding);
	before = programs_of(s->loader_uid);

	send_order(s, &right);
	wanted = before + s->verdict.spec.variants[s->variant].n_programs;
	result(s, !s->loaded.refusal.code && programs_of(s->loader_uid) == wanted,
	       "both yeses load what was signed", "code %u, %s; %u programs, wanted %u",
	       s->loaded.refusal.code, s->loaded.refusal.reason, programs_of(s->loader_uid), wanted);
}

/* The parser takes its word back, or it has grown old: an owned warden that kept the bundle loads it no more.
 */
static void act_forgotten(struct stage *s)
{
	static const struct order again = { .name = "while the verdict holds, it is loaded again" };
	static const struct order forgotten = { .name = "a verdict that the parser took back is none",
						.subject = "verdict",
						.code = REFUSAL_SIGNATURE_INVALID };
	static const struct order old = { .name = "a verdict that has grown old is none",
					  .subject = "verdict",
					  .code = REFUSAL_SIGNATURE_INVALID };
	struct message_forget forget = { .m = { .type = MESSAGE_FORGET } };
	int r;

	send_order(s, &again);
	result(s, !s->loaded.refusal.code, again.name, "%s", s->loaded.refusal.reason);
	memcpy(forget.digest, s->verdict.digest, DIGEST_SIZE);
	r = PEER_SEND(s->parser, &forget, NULL, 0);
	if (r < 0)
		die("forget", r);
	try_order(s, &forgotten);
	s->verdict.until = 1;
	give_verdict(s, false);
	try_order(s, &old);
	s->verdict.until = UINT64_MAX;
	give_verdict(s, false);
}

/* Sends one record past peer.c, which would not, and waits for what the loader does about it. */
static void send_anyway(struct stage *s, const char *name, uid_t uid, const char *path,
			const struct message *m, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)m, .iov_len = m->size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 60 };
	unsigned int before = programs_of(s->loader_uid);
	struct message hello;
	ssize_t n;
	int fd, error;

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (n_fds) {
		mh.msg_control = control.bytes;
		mh.msg_controllen = sizeof(control.bytes);
		control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS,
						  .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&mh)), fds, n_fds * sizeof(int));
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	become(uid);
	/* Whoever may not connect is hung up on, perhaps before the record can be sent. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    (sendmsg(fd, &mh, MSG_NOSIGNAL) < 0 && errno != EPIPE))
		die(name, errno);
	become_root();
	/* A greeting, if we are who may connect; then the end. */
	while ((n = recv(fd, &hello, sizeof(hello), 0)) > 0)
		;
	error = n < 0 ? errno : 0;
	result(s, (!error || error == ECONNRESET) && programs_of(s->loader_uid) == before, name,
	       "%s; %u programs became %u", strerror(error), before, programs_of(s->loader_uid));
	close(fd);
}

/* An owned parser says yes to everything and wants it loaded; it, and everybody else, has no way to order. */
static void act_parser(struct stage *s)
{
	struct message_load m = { .m = { .type = MESSAGE_LOAD, .size = sizeof(m) },
				  .instance = 999,
				  .variant = s->variant };
	int fds[2] = { give(s, false, false, false, false), give(s, true, false, false, false) };

	memcpy(m.digest, s->verdict.digest, DIGEST_SIZE);
	send_anyway(s, "an order from the parser's user ends its connection", s->parser_uid, SOCKET_VERDICTS,
		    &m.m, fds, 2);
	close_fd(fds[0]);
	close_fd(fds[1]);
	s->verdict.m.size = sizeof(s->verdict);
	send_anyway(s, "a verdict of anybody else is not even read", 0, SOCKET_VERDICTS, &s->verdict.m, NULL,
		    0);
}

/* An owned warden cannot say the other yes itself: the socket's mode keeps it away from the parser's place.
 */
static void act_usurper(struct stage *s)
{
	int r;

	become(s->warden_uid);
	r = access(SOCKET_VERDICTS, W_OK);
	become_root();
	result(s, r < 0, "the warden's user cannot connect to the verdict socket", "access(2) allows it");
}

int main(int argc, char **argv)
{
	struct stage s = { .bundle = argv[2] };
	struct passwd *pw = getpwnam(USER_WARDEN);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 3 || geteuid() != 0 || !pw) {
		fprintf(stderr, "usage, as root: two-yeses BPFWARDEND BUNDLE-DIRECTORY\n");
		return 2;
	}
	s.gid = pw->pw_gid;
	if (process_uid(SIDE_WARDEN, &s.warden_uid) < 0 || process_uid(SIDE_PARSER, &s.parser_uid) < 0 ||
	    process_uid(SIDE_LOADER, &s.loader_uid) < 0 || sd_event_new(&s.event) < 0)
		die("users", ENOENT);
	if (mkdir(PATH_RUNTIME, 0755) < 0 && errno != EEXIST)
		die(PATH_RUNTIME, errno);
	s.peers = listener(SOCKET_PEERS, 0, s.gid, 0660);
	s.verdicts = listener(SOCKET_VERDICTS, s.parser_uid, s.gid, 0600);
	read_bundle(&s);
	start_loader(&s, argv[1]);
	connect_both(&s);
	act_warden(&s);
	act_both(&s);
	act_forgotten(&s);
	act_parser(&s);
	act_usurper(&s);
	(void)kill(s.loader, SIGKILL);
	(void)waitpid(s.loader, NULL, 0);
	(void)unlink(SOCKET_PEERS);
	(void)unlink(SOCKET_VERDICTS);
	return s.failed != 0;
}
