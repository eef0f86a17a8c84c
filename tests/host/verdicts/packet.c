// SPDX-License-Identifier: LGPL-2.1-or-later
#include "packet.h"

#include <stdbool.h>
#include <string.h>

#define ETHERNET 14
#define N(array) (sizeof(array) / sizeof((array)[0]))

/* xorshift64*, by S. Vigna. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

static void fill(uint64_t *state, uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)draw(state, 256);
}

static void put_word(uint8_t *at, uint32_t word)
{
	at[0] = (uint8_t)(word >> 8);
	at[1] = (uint8_t)word;
}

static const struct message {
	uint8_t protocol; /* 6 TCP, 17 UDP */
	uint16_t port;
	const char *bytes;
	size_t length;
} messages[] = {
#define MESSAGE(protocol, port, bytes)                   \
	{                                                \
		protocol, port, bytes, sizeof(bytes) - 1 \
	}
	MESSAGE(17, 53, "\0\1\1\0\0\1\0\0\0\0\0\0\4here\4test\0\0\1\0\1"),
	MESSAGE(17, 53, "\0\1\x81\x83\0\1\0\0\0\0\0\0\4here\4test\0\0\x1c\0\1"),
	MESSAGE(17, 53, "\0\1\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1"),
	MESSAGE(17, 53, "\0\1\1\0\0\1\0\0\0\0\0\0\x3fnot so long\0\0\1\0\1"),
	MESSAGE(17, 53, "\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"),
	MESSAGE(17, 5353, "\0\0\1\0\0\1\0\0\0\0\0\0\5local\0\0\xff\0\1"),
	MESSAGE(6, 8080, "GET /here?query HTTP/1.1\r\nHost: here\r\n\r\n"),
	MESSAGE(6, 8080, "POST / HTTP/1.0\r\n\r\n"),
	MESSAGE(6, 8080, "HTTP/1.1 204 No Content\r\n\r\n"),
	MESSAGE(6, 8080, "HTTP/1.1 100 Continue\r\n\r\n"),
	MESSAGE(6, 8080, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	MESSAGE(6, 8080, "\x16\3\1\2\0\1\0\1\xfc\3\3aaaaaaaa"),
	MESSAGE(6, 8080, ""),
};

/* Version 4, often with options, and with a fragment's offset. */
static size_t put_ipv4(uint64_t *state, uint8_t *ip, uint8_t protocol)
{
	size_t words = draw(state, 3) ? 5 : 5 + draw(state, 11);

	fill(state, ip, words * 4);
	ip[0] = (uint8_t)(0x40 | words);
	if (draw(state, 4))
		put_word(ip + 6, 0x4000);
	ip[9] = protocol;
	return words * 4;
}

/* Version 6, sometimes with an extension header: hop by hop (jumbo payload among them) or a fragment's. */
static size_t put_ipv6(uint64_t *state, uint8_t *ip, uint8_t protocol)
{
	static const uint8_t extensions[] = { 0, 44, 60 };
	bool extended = draw(state, 3) == 0;

	fill(state, ip, 48);
	ip[0] = 0x60;
	ip[6] = extended ? extensions[draw(state, N(extensions))] : protocol;
	ip[40] = protocol;
	ip[41] = 0;
	ip[42] = draw(state, 2) ? 194 : ip[42];
	return extended ? 48 : 40;
}

static size_t put_transport(uint64_t *state, uint8_t *at, const struct message *m)
{
	size_t length = m->protocol == 17 ? 8 : draw(state, 3) ? 20 : 4 * (5 + draw(state, 11));
	bool from_server = draw(state, 2);

	fill(state, at, length);
	put_word(at + (from_server ? 0 : 2), m->port);
	if (m->protocol == 17)
		put_word(at + 4, (uint32_t)(length + m->length));
	else
		at[12] = (uint8_t)(length / 4 << 4);
	memcpy(at + length, m->bytes, m->length);
	return length + m->length;
}

static size_t put_whole(uint64_t *state, uint8_t *packet)
{
	const struct message *m = &messages[draw(state, N(messages))];
	uint8_t *ip = packet + ETHERNET;
	bool is_ipv6 = draw(state, 2);
	size_t length = is_ipv6 ? put_ipv6(state, ip, m->protocol) : put_ipv4(state, ip, m->protocol);

	put_word(packet + 12, is_ipv6 ? 0x86dd : 0x0800);
	return ETHERNET + length + put_transport(state, ip + length, m);
}

static size_t put_garbage(uint64_t *state, uint8_t *packet)
{
	static const uint16_t types[] = { 0x0800, 0x86dd, 0x0806, 0x8100, 0 };
	size_t length = ETHERNET + 1 + draw(state, PACKET_MAX - ETHERNET);

	fill(state, packet, length);
	put_word(packet + 12, types[draw(state, N(types))]);
	return length;
}

size_t packet_next(uint64_t *state, uint8_t packet[PACKET_MAX])
{
	size_t length;

	fill(state, packet, ETHERNET);
	if (draw(state, 8) == 0)
		return put_garbage(state, packet);
	length = put_whole(state, packet);
	for (uint32_t n = draw(state, 3) ? 0 : draw(state, 6); n; n--)
		packet[ETHERNET + draw(state, (uint32_t)(length - ETHERNET))] = (uint8_t)draw(state, 256);
	if (draw(state, 3) == 0)
		length = ETHERNET + 1 + draw(state, (uint32_t)(length - ETHERNET));
	return length;
}
