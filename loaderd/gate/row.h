/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Each kind of row that the warden sends, as the members of a reply. Texts come out printable whatever they
 * are; false: the row breaks a promise that matters more than that.
 */
#include "format/json.h"
#include "format/message.h"

bool row_probe(struct json_text *t, const struct message *m); /* message_probe → "probe" */
bool row_bundle(struct json_text *t, const struct message *m);
bool row_registered(struct json_text *t, const struct message *m); /* message_probe → "bundle" */
bool row_description(struct json_text *t,
		     const struct message *m); /* message_reply_spec → outputs of Describe */
bool row_attachment(struct json_text *t, const struct message *m); /* message_attachment → "attachment" */
bool row_record(struct json_text *t, const struct message *m);     /* message_text → "line", "record" */
bool row_section(struct json_text *t, const struct message *m);    /* message_text → "section" */
bool row_outputs(struct json_text *t, const struct message *m); /* message_text → the object's own members */

/* The attachment of a stream, whose spec has passed spec_check(). */
void row_write_stream(struct json_text *t, const struct message_stream *m);
