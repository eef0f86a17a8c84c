/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/utf8.h"

static const char *const finding_names[_FINDING_MAX] = {
	[FINDING_KEY] = "key",
	[FINDING_ANEW] = "begun-anew",
	[FINDING_SEGMENT] = "segment",
	[FINDING_STUB] = "stub",
	[FINDING_REMOVED] = "removed",
	[FINDING_MISSING] = "missing",
	[FINDING_ORDER] = "order",
	[FINDING_RECORD] = "record",
	[FINDING_LEAF] = "leaf",
	[FINDING_COLUMN] = "column",
	[FINDING_NODE] = "node",
	[FINDING_EDGE] = "edge",
	[FINDING_CHECKPOINT] = "checkpoint",
	[FINDING_ROOT] = "root",
	[FINDING_CUT] = "cut",
	[FINDING_ANCHOR] = "anchor",
	[FINDING_ANCHOR_ROOT] = "anchor-root",
	[FINDING_ANCHOR_CUT] = "anchor-cut",
	[FINDING_REWRITTEN] = "rewritten",
	[FINDING_SHORTER] = "shorter",
	[FINDING_TEXT] = "text",
	[FINDING_TEXT_GONE] = "text-gone",
	[FINDING_JOURNAL] = "journal",
	[FINDING_JOURNAL_CUT] = "journal-cut",
};

static const char *const caveat_names[_CAVEAT_MAX] = {
	[CAVEAT_FIRST_VISIT] = "first-visit", [CAVEAT_NEW] = "new",
	[CAVEAT_UNSIGNED] = "unsigned",       [CAVEAT_REMOVED] = "removed",
	[CAVEAT_UNSEEN] = "unseen",           [CAVEAT_QUICK] = "quick",
	[CAVEAT_NO_JOURNAL] = "no-journal",   [CAVEAT_KEY_HOLDER] = "key-holder",
	[CAVEAT_DAEMON] = "daemon",
};

const char *finding_name(enum finding_kind kind)
{
	return (unsigned)kind < _FINDING_MAX ? finding_names[kind] : NULL;
}

const char *caveat_name(enum caveat_kind kind)
{
	return (unsigned)kind < _CAVEAT_MAX ? caveat_names[kind] : NULL;
}

void findings_clear(struct findings *findings)
{
	free(findings->items);
	*findings = (struct findings){ 0 };
}

static struct finding *last_of(struct findings *findings, enum finding_kind kind)
{
	for (size_t i = findings->n; i-- > 0;)
		if (findings->items[i].kind == kind)
			return &findings->items[i];
	return NULL;
}

static struct finding *grow(struct findings *findings)
{
	struct finding *items = reallocarray(findings->items, findings->n + 1, sizeof(*items));

	if (!items) {
		findings->error = -ENOMEM;
		return NULL;
	}
	findings->items = items;
	items[findings->n] = (struct finding){ 0 };
	return &items[findings->n++];
}

/* Of these a run is one finding: each says the same of its record. */
static bool runs(enum finding_kind kind)
{
	return kind == FINDING_MISSING || kind == FINDING_ORDER || kind == FINDING_RECORD ||
	       kind == FINDING_LEAF || kind == FINDING_COLUMN || kind == FINDING_JOURNAL ||
	       kind == FINDING_REWRITTEN;
}

void findings_add(struct findings *findings, enum finding_kind kind, uint64_t first, uint64_t last,
		  const char *format, ...)
{
	struct finding *previous = last_of(findings, kind), *finding;
	va_list ap;

	findings->counts[kind]++;
	if (previous && runs(kind) && first && previous->last + 1 == first) {
		previous->last = last;
		return;
	}
	if (previous && findings->kept[kind] == FINDINGS_A_KIND) {
		previous->more++;
		return;
	}
	finding = grow(findings);
	if (!finding)
		return;
	findings->kept[kind]++;
	finding->kind = kind;
	finding->first = first;
	finding->last = last;
	va_start(ap, format);
	vsnprintf(finding->text, sizeof(finding->text), format, ap);
	va_end(ap);
	utf8_make_printable(finding->text, sizeof(finding->text));
}

void findings_more(struct findings *findings, enum finding_kind kind)
{
	struct finding *previous = last_of(findings, kind);

	findings->counts[kind]++;
	if (previous)
		previous->more++;
}

void findings_caveat(struct findings *findings, enum caveat_kind kind, uint64_t first, uint64_t last,
		     const char *format, ...)
{
	struct caveat *caveat = &findings->caveats[findings->n_caveats];
	va_list ap;

	for (size_t i = 0; i < findings->n_caveats; i++)
		if (findings->caveats[i].kind == kind)
			return;
	findings->n_caveats++;
	caveat->kind = kind;
	caveat->first = first;
	caveat->last = last;
	va_start(ap, format);
	vsnprintf(caveat->text, sizeof(caveat->text), format, ap);
	va_end(ap);
	utf8_make_printable(caveat->text, sizeof(caveat->text));
}

bool findings_cover(const struct findings *findings, enum finding_kind kind, uint64_t seq)
{
	for (size_t i = 0; i < findings->n; i++)
		if (findings->items[i].kind == kind && findings->items[i].first <= seq &&
		    seq <= findings->items[i].last)
			return true;
	return false;
}
