/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The grammar of one line of a config, see config.h. For config.c only. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_line_type {
	CONFIG_LINE_NOTHING = 0, /* blank or a comment */
	CONFIG_LINE_SECTION,     /* first: kind, second: name, maybe empty */
	CONFIG_LINE_ENTRY,       /* first: key, second: value */
};

struct config_span {
	const char *start, *end;
};

struct config_line {
	struct config_span line; /* without its newline */
	enum config_line_type type;
	struct config_span first, second;
	const char *error_at; /* where the line breaks a rule; NULL if it does not */
	char error[128];
};

/* Reads the line between two points; false if it breaks a rule, which error_at and error tell. */
bool config_line_read(const char *start, const char *end, struct config_line *ret_line);

/* Checks for UTF-8 without control and invisible characters only, and says the first as above. */
bool config_line_is_text(const char *start, const char *end, struct config_line *ret_line);

/* Characters between two points; bytes that continue a UTF-8 sequence do not count. */
uint32_t config_line_characters(const char *from, const char *to);
