/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/journal.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "audit/message-ids.h"
#include "audit/sentence.h"
#include "common/fd.h"

#define COMMON_FIELDS    "SYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=bpfwardend\n"
#define SEND_BUFFER_SIZE (8 << 20) /* what sd-journal asks for */

struct journal {
	int fd;
	struct sockaddr_un address;
	socklen_t address_size; /* 0: no journal wanted */
};

int journal_new(const char *path, struct journal **ret)
{
	_cleanup_(journal_free_p) struct journal *journal = calloc(1, sizeof(*journal));
	int size = SEND_BUFFER_SIZE;

	if (!journal)
		return -ENOMEM;
	journal->fd = -EBADF;
	if (path) {
		if (strlen(path) >= sizeof(journal->address.sun_path))
			return -ENAMETOOLONG;
		journal->address.sun_family = AF_UNIX;
		memcpy(journal->address.sun_path, path, strlen(path) + 1);
		journal->address_size = sizeof(journal->address);
		journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (journal->fd < 0)
			return -errno;
		/* Best effort: without it large records go by memfd a little sooner. */
		setsockopt(journal->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	*ret = take_ptr(journal);
	return 0;
}

struct journal *journal_free(struct journal *journal)
{
	if (!journal)
		return NULL;
	close_fd(journal->fd);
	free(journal);
	return NULL;
}

static void field(FILE *out, const char *key, const char *value, size_t size)
{
	if (memchr(value, '\n', size)) {
		uint64_t length = htole64(size);

		fprintf(out, "%s\n", key);
		fwrite(&length, sizeof(length), 1, out);
	} else {
		fprintf(out, "%s=", key);
	}
	fwrite(value, size, 1, out);
	fputc('\n', out);
}

static void member(FILE *out, const char *key, const json_t *value)
{
	char digits[21];

	if (json_is_string(value)) {
		field(out, key, json_string_value(value), json_string_length(value));
	} else if (json_is_integer(value)) {
		snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		field(out, key, digits, strlen(digits));
	}
}

static void members(FILE *out, json_t *json)
{
	static const struct {
		const char *field, *object, *key;
	} map[] = {
		{ "BPFWARDEN_SEQ", NULL, "seq" },
		{ "BPFWARDEN_KIND", NULL, "kind" },
		{ "BPFWARDEN_VERDICT", NULL, "verdict" },
		{ "BPFWARDEN_DECISION", NULL, "decision" },
		{ "BPFWARDEN_CAUSE", NULL, "cause" },
		{ "BPFWARDEN_UID", "requester", "uid" },
		{ "BPFWARDEN_USER", "requester", "user" },
		{ "BPFWARDEN_ACTION", NULL, "action" },
		{ "BPFWARDEN_PROBE", NULL, "probe" },
		{ "BPFWARDEN_SERIAL", NULL, "serial" },
		{ "BPFWARDEN_DIGEST", NULL, "digest" },
		{ "BPFWARDEN_TARGET_KIND", "target", "kind" },
		{ "BPFWARDEN_TARGET", "target", "name" },
		{ "BPFWARDEN_RULE", NULL, "rule" },
		{ "BPFWARDEN_POLICY", NULL, "policy" },
		{ "BPFWARDEN_REFUSAL", "refusal", "name" },
		{ "BPFWARDEN_ATTACHMENT", NULL, "attachment" },
		{ "BPFWARDEN_COUNT", NULL, "count" },
		{ "ERRNO", NULL, "errno" },
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		json_t *from = map[i].object ? json_object_get(json, map[i].object) : json;

		member(out, map[i].field, json_object_get(from, map[i].key));
	}
}

/* The datagram, by the rules of the native protocol. */
static int compose(json_t *json, const char *bytes, size_t size, char **ret, size_t *ret_size)
{
	char sentence[SENTENCE_MAX];
	struct message_class class = sentence_class(json);
	FILE *out = open_memstream(ret, ret_size);
	bool failed;

	if (!out)
		return -ENOMEM;
	sentence_compose(json, sentence);
	field(out, "MESSAGE", sentence, strlen(sentence));
	fprintf(out, "MESSAGE_ID=%s\nPRIORITY=%d\n" COMMON_FIELDS, class.id, class.priority);
	members(out, json);
	field(out, "BPFWARDEN_RECORD", bytes, size);
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(*ret);
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int send_memfd(struct journal *journal, const char *datagram, size_t size)
{
	_cleanup_close_ int fd = fd_memfd_sealed("journal-entry", datagram, size);
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = {
		.msg_name = &journal->address,
		.msg_namelen = journal->address_size,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};

	if (fd < 0)
		return fd;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	return sendmsg(journal->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int send_datagram(struct journal *journal, const char *datagram, size_t size)
{
	if (sendto(journal->fd, datagram, size, MSG_NOSIGNAL | MSG_DONTWAIT,
		   (const struct sockaddr *)&journal->address, journal->address_size) >= 0)
		return 0;
	if (errno != EMSGSIZE && errno != ENOBUFS)
		return -errno;
	return send_memfd(journal, datagram, size);
}

int journal_send(struct journal *journal, json_t *json, const char *bytes, size_t size)
{
	_cleanup_free_ char *datagram = NULL;
	size_t datagram_size;
	int r;

	if (!journal->address_size)
		return -ENOENT;
	r = compose(json, bytes, size, &datagram, &datagram_size);
	return r < 0 ? r : send_datagram(journal, datagram, datagram_size);
}

int journal_send_checkpoint(struct journal *journal, const char *note, uint64_t size, uint64_t head)
{
	_cleanup_free_ char *datagram = NULL;
	size_t datagram_size;
	FILE *out;

	if (!journal->address_size)
		return -ENOENT;
	out = open_memstream(&datagram, &datagram_size);
	if (!out)
		return -ENOMEM;
	fprintf(out, "MESSAGE=the audit log is signed up to record %" PRIu64 "\n", head);
	fprintf(out, "MESSAGE_ID=" AUDIT_MESSAGE_CHECKPOINT "\nPRIORITY=%d\n", LOG_NOTICE);
	fputs(COMMON_FIELDS, out);
	fprintf(out, "BPFWARDEN_CHECKPOINT_SIZE=%" PRIu64 "\n", size);
	field(out, "BPFWARDEN_CHECKPOINT", note, strlen(note));
	if (fclose(out) != 0 || !datagram)
		return -ENOMEM;
	return send_datagram(journal, datagram, datagram_size);
}
