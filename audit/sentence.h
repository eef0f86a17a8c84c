/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <jansson.h>

/* What a person reads of a record in the journal. All of it is made from the record itself, so that a copy
 * sent late says what one sent at once would have said. */

#define SENTENCE_MAX 512

struct message_class {
	const char *id; /* MESSAGE_ID, message-ids.h */
	int priority;   /* syslog.h */
};
struct message_class sentence_class(json_t *record);

/* One printable line: "alice may attach tcp.state to unit shop.service (rule shop-developers)". */
void sentence_compose(json_t *record, char ret[SENTENCE_MAX]);
