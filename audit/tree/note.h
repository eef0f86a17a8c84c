/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * C2SP signed notes (c2sp.org/signed-note), signed with Ed25519, and what we sign as one: checkpoints
 * (c2sp.org/tlog-checkpoint) and stubs, which stand in for records that retention has removed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "common/refusal.h"

#define NOTE_SIZE_MAX     4096         /* of a note that we signed, with NUL */
#define NOTE_VERIFIED_MAX (256U << 10) /* of one that is verified: others may have added their signatures */
#define NOTE_NAME_MAX     128          /* of a key, which is the log's origin: with NUL; no space, no plus */
#define NOTE_VKEY_MAX     256          /* NAME+HASH+BASE64, with NUL */
#define NOTE_SEED_SIZE    32           /* of an Ed25519 private key, RFC 8032 */
#define NOTE_PUBLIC_SIZE  32

/* A key that signs. Opaque: holds the private key. */
struct note_signer;
/* From a seed; name is copied. -EINVAL: no such name. */
int note_signer_new(const char *name, const uint8_t seed[NOTE_SEED_SIZE], struct note_signer **ret);
struct note_signer *note_signer_free(struct note_signer *signer);
DEFINE_CLEANUP(struct note_signer *, note_signer_free)
const char *note_signer_name(const struct note_signer *signer);
/* The verifier key in its C2SP form, "bpfwarden/shop-7/5f0c…+1a2b3c4d+AZ…". */
void note_signer_vkey(const struct note_signer *signer, char ret[NOTE_VKEY_MAX]);

/* text (it must end with a newline), an empty line and one signature line, NUL-terminated. -EINVAL: not
 * UTF-8, control characters, no newline at the end; -E2BIG. */
int note_sign(const struct note_signer *signer, const char *text, char ret[NOTE_SIZE_MAX]);

struct note_key {
	char name[NOTE_NAME_MAX];
	uint32_t hash;
	uint8_t public[NOTE_PUBLIC_SIZE];
};
/* -EINVAL: not a verifier key, or not one of Ed25519 whose hash fits. */
int note_key_parse(const char *vkey, struct note_key *ret);
void note_key_format(const struct note_key *key, char ret[NOTE_VKEY_MAX]);

enum note_verdict {
	NOTE_GOOD = 0,
	NOTE_MALFORMED,
	NOTE_UNSIGNED, /* no signature of this name and hash: another key's */
	NOTE_FORGED,   /* there is one, and it does not verify */
};
/* Looks at the signatures of this key only, as the specification says: others are ignored, as far as they are
 * lines of signatures at all. Each one of this key must verify. On NOTE_GOOD the text is the first
 * *ret_text_size bytes of note. Negative: OpenSSL's trouble. */
int note_verify(const struct note_key *key, const char *note, size_t size, size_t *ret_text_size);

struct checkpoint {
	char origin[NOTE_NAME_MAX];
	uint64_t size;
	uint8_t root[DIGEST_SIZE];
};
/* The text of a checkpoint: origin, size and base64(root), a line each. */
int checkpoint_format(const struct checkpoint *checkpoint, char ret[NOTE_SIZE_MAX]);
/* The first three lines of a text; extension lines that follow are ignored. -EINVAL. */
int checkpoint_parse(const char *text, size_t size, struct checkpoint *ret);
/* note_verify(), then the text: NOTE_MALFORMED if it is no checkpoint, or one of a log of another name than
 * the key's. */
int checkpoint_verify(const struct note_key *key, const char *note, size_t size, struct checkpoint *ret);

/* "The leaves before `size` are gone, as was meant": text of four lines, origin followed by "/removed", size,
 * base64(root of the tree of that size), "time NANOSECONDS". The other origin keeps the two apart: neither
 * parses as the other one. */
struct stub {
	char origin[NOTE_NAME_MAX];
	uint64_t size;
	uint8_t root[DIGEST_SIZE];
	uint64_t time; /* CLOCK_REALTIME, ns */
};
int stub_format(const struct stub *stub, char ret[NOTE_SIZE_MAX]);
int stub_parse(const char *text, size_t size, struct stub *ret);
int stub_verify(const struct note_key *key, const char *note, size_t size, struct stub *ret);
