/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What is wrong with a log, and what nobody can prove about it. All that is wrong is collected: of each kind
 * so many that they can be read, the rest as a number, so that none hides another.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum finding_kind {
	FINDING_KEY = 0,     /* another key than the one that was known */
	FINDING_ANEW,        /* another log than the one that was known, of the same key */
	FINDING_SEGMENT,     /* a file that cannot be read, or belongs to another log or place */
	FINDING_STUB,        /* the stub about removed records does not hold */
	FINDING_REMOVED,     /* the oldest records are gone, and no stub says so */
	FINDING_MISSING,     /* a sequence that is not there */
	FINDING_ORDER,       /* a record where it does not belong */
	FINDING_RECORD,      /* bytes that are no record, or another one's */
	FINDING_LEAF,        /* bytes that do not match their stored hash */
	FINDING_COLUMN,      /* a column by which queries go that does not say what the bytes say */
	FINDING_NODE,        /* records that do not match the subtree stored over them */
	FINDING_EDGE,        /* a segment that stores another history than the segments before it have */
	FINDING_CHECKPOINT,  /* one of the log's that its key did not sign */
	FINDING_ROOT,        /* a signed one of the log's that its records do not match */
	FINDING_CUT,         /* records that a signed one of the log's covers are gone */
	FINDING_ANCHOR,      /* one kept elsewhere that this log's key did not sign */
	FINDING_ANCHOR_ROOT, /* one kept elsewhere that the records do not match */
	FINDING_ANCHOR_CUT,  /* records that one kept elsewhere covers are gone */
	FINDING_REWRITTEN,   /* records that are not those which were seen at the last visit */
	FINDING_SHORTER,     /* records that were seen at the last visit are gone */
	FINDING_TEXT,        /* a text that does not match the digest under which it stands */
	FINDING_TEXT_GONE,   /* a text that records refer to is not there */
	FINDING_JOURNAL,     /* a record that the journal has with other bytes */
	FINDING_JOURNAL_CUT, /* the journal has records beyond the last one */
	_FINDING_MAX,
};

/* What must be said although nothing is wrong. */
enum caveat_kind {
	CAVEAT_FIRST_VISIT = 0, /* no memory of this log */
	CAVEAT_NEW,             /* records that nobody vouched for before this visit */
	CAVEAT_UNSIGNED,        /* records after the newest checkpoint */
	CAVEAT_REMOVED,         /* records that retention has removed */
	CAVEAT_UNSEEN,          /* removed before the auditor could see that they continue what was known */
	CAVEAT_QUICK,           /* records were not read */
	CAVEAT_NO_JOURNAL,      /* records that the journal does not have, or does not have any more */
	CAVEAT_KEY_HOLDER,      /* whoever has the key, where no memory and no anchor covers */
	CAVEAT_DAEMON,          /* a daemon that lies from the start */
	_CAVEAT_MAX,
};

#define FINDING_TEXT_MAX 512
#define FINDINGS_A_KIND  16 /* kept; further ones are counted */

struct finding {
	enum finding_kind kind;
	uint64_t first, last;        /* sequences; 0: about the log as a whole */
	uint64_t more;               /* further ones of this kind, of which only this number is kept */
	char text[FINDING_TEXT_MAX]; /* one sentence: what it means, what to do */
};

struct caveat {
	enum caveat_kind kind;
	uint64_t first, last;
	char text[FINDING_TEXT_MAX];
};

struct findings {
	struct finding *items;
	size_t n;
	size_t kept[_FINDING_MAX];
	uint64_t counts[_FINDING_MAX]; /* of all, kept or not */
	struct caveat caveats[_CAVEAT_MAX];
	size_t n_caveats;
	int error; /* -ENOMEM: looked at once, at the end */
};

void findings_clear(struct findings *findings);

/* One that goes on where the one before of its kind ends extends that one. */
void findings_add(struct findings *findings, enum finding_kind kind, uint64_t first, uint64_t last,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* One more of the kind that needs no words, because it follows from the last one that was added. */
void findings_more(struct findings *findings, enum finding_kind kind);
/* At most one of a kind: the first. */
void findings_caveat(struct findings *findings, enum caveat_kind kind, uint64_t first, uint64_t last,
		     const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Whether a finding of this kind covers this sequence. */
bool findings_cover(const struct findings *findings, enum finding_kind kind, uint64_t seq);

/* "leaf", "first-visit": part of the stable JSON output. */
const char *finding_name(enum finding_kind kind);
const char *caveat_name(enum caveat_kind kind);
