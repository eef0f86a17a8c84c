/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/der.h"

#include <string.h>

#define TAG_NUMBER_MASK 0x1f
#define TAG_CONSTRUCTED 0x20
#define TAG_CLASS_MASK  0xc0

/* Reads the length octets at in, X.690 8.1.3 and 10.1: the shortest definite form, at most three octets,
 * since nothing here is larger than 16 MiB. Returns how many octets they are, or a problem. */
static const char *read_length(struct der in, size_t *ret_octets, size_t *ret_length)
{
	size_t n, length = 0;

	if (in.size == 0)
		return "an element is cut off";
	if (in.bytes[0] < 0x80) {
		*ret_octets = 1;
		*ret_length = in.bytes[0];
		return NULL;
	}
	if (in.bytes[0] == 0x80)
		return "an element has an indefinite length (BER, not DER)";
	n = in.bytes[0] & 0x7fU;
	if (n > 3 || n >= in.size)
		return "an element is longer than the file";
	for (size_t i = 1; i <= n; i++)
		length = length << 8 | in.bytes[i];
	if (length < 0x80 || in.bytes[1] == 0)
		return "a length is not in its shortest form (BER, not DER)";
	*ret_octets = n + 1;
	*ret_length = length;
	return NULL;
}

static const char *read_item(struct der *in, struct der_item *ret)
{
	size_t octets = 0, length = 0;
	const char *problem;
	struct der rest;
	uint8_t tag;

	if (in->size < 2)
		return "an element is cut off";
	tag = in->bytes[0];
	if ((tag & TAG_NUMBER_MASK) == TAG_NUMBER_MASK || tag == 0)
		return "an element has an unknown tag";
	rest = (struct der){ in->bytes + 1, in->size - 1 };
	problem = read_length(rest, &octets, &length);
	if (problem)
		return problem;
	if (length > rest.size - octets)
		return "an element is longer than what holds it";
	*ret = (struct der_item){
		.tag = tag,
		.body = { rest.bytes + octets, length },
		.whole = { in->bytes, 1 + octets + length },
	};
	in->bytes += ret->whole.size;
	in->size -= ret->whole.size;
	return NULL;
}

bool der_next(struct der *in, struct der_item *ret)
{
	return !read_item(in, ret);
}

bool der_take(struct der *in, uint8_t tag, struct der_item *ret)
{
	return in->size > 0 && in->bytes[0] == tag && der_next(in, ret);
}

bool der_equal(struct der a, struct der b)
{
	return a.size == b.size && (a.size == 0 || !memcmp(a.bytes, b.bytes, a.size));
}

/* What X.690 says about the form of single types as far as two encodings of one value would be possible. */
static const char *check_form(const struct der_item *item)
{
	bool constructed = item->tag & TAG_CONSTRUCTED;
	const struct der *body = &item->body;

	if ((item->tag & TAG_CLASS_MASK) != 0)
		return NULL;
	if (constructed != (item->tag == DER_SEQUENCE || item->tag == DER_SET))
		return "an element has the wrong form (BER, not DER)";
	if (item->tag == DER_NULL && body->size != 0)
		return "a NULL has content";
	if (item->tag != DER_INTEGER)
		return NULL;
	if (body->size == 0 || (body->size > 1 && ((body->bytes[0] == 0x00 && !(body->bytes[1] & 0x80)) ||
						   (body->bytes[0] == 0xff && (body->bytes[1] & 0x80)))))
		return "an INTEGER is not in its shortest form (BER, not DER)";
	return NULL;
}

bool der_check(const void *bytes, size_t size, const char **ret_problem)
{
	struct der open[DER_DEPTH_MAX] = { { bytes, size } };
	size_t depth = 0;
	struct der_item item;

	*ret_problem = read_item(&open[0], &item);
	if (!*ret_problem && open[0].size != 0)
		*ret_problem = "bytes follow the end of the structure";
	if (*ret_problem)
		return false;
	open[0] = (struct der){ bytes, size };
	for (;;) {
		while (depth > 0 && open[depth].size == 0)
			depth--;
		if (open[depth].size == 0)
			return true;
		*ret_problem = read_item(&open[depth], &item);
		if (!*ret_problem)
			*ret_problem = check_form(&item);
		if (*ret_problem)
			return false;
		if (!(item.tag & TAG_CONSTRUCTED))
			continue;
		if (depth + 1 == DER_DEPTH_MAX) {
			*ret_problem = "elements are nested too deep";
			return false;
		}
		open[++depth] = item.body;
	}
}
