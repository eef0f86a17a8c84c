/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ways to a token share: RFC 7512 URIs, the PIN, and what went wrong. */
#include "signing/key-pkcs11.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <openssl/err.h>

#include "common/cleanup.h"
#include "common/fd.h"

#define PIN_FILE_MAX 4096

#define REFUSE_URI(...) return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "pkcs11-uri", __VA_ARGS__)
#define REFUSE_PIN(...) return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "pkcs11-pin", __VA_ARGS__)

static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void free_secret_p(char **text)
{
	free_secret(*text);
}

void pkcs11_uri_done(struct pkcs11_uri *uri)
{
	free_secret(uri->pin);
	free(uri->path);
	free(uri->module);
	*uri = (struct pkcs11_uri){};
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes the percent-encoding in place, and leaves nothing behind the new end. False: it is malformed, or has
 * a NUL. */
static bool decode(char *text)
{
	char *out = text, *in;

	for (in = text; *in; in++) {
		int high, low;

		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		high = hex_digit(in[1]);
		low = high < 0 ? -1 : hex_digit(in[2]);
		if (low < 0 || !(high | low))
			return false;
		*out++ = (char)(high << 4 | low);
		in += 2;
	}
	explicit_bzero(out, (size_t)(in - out));
	*out = '\0';
	return true;
}

/* The first line of the file that pin-source names: a path, or a URI with the scheme "file". */
static int read_pin(const char *source, char **ret, struct refusal *refusal)
{
	_cleanup_(free_secret_p) char *bytes = NULL;
	_cleanup_close_ int fd = -EBADF;
	const char *path = source;
	size_t size = 0;
	int r;

	if (!strncmp(path, "file:", strlen("file:"))) {
		path += strlen("file:");
		if (!strncmp(path, "//", 2))
			path += 2;
	}
	if (*path != '/')
		REFUSE_PIN("pin-source=%s is not the absolute path of a file", source);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	r = fd < 0 ? -errno : fd_read_all(fd, PIN_FILE_MAX, &bytes, &size);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		REFUSE_PIN("the PIN cannot be read from %s: %s", path, strerror(-r));
	bytes[strcspn(bytes, "\r\n")] = '\0';
	if (!*bytes || strlen(bytes) >= PKCS11_PIN_MAX)
		REFUSE_PIN("the first line of %s is not a PIN", path);
	*ret = take_ptr(bytes);
	return 0;
}

/* Takes over value, which may be freed and replaced. */
static int read_attribute(const char *name, char *value, char **module, char **pin, char **source,
			  struct refusal *refusal)
{
	_cleanup_(free_secret_p) char *own = value;
	char **to = !strcmp(name, "module-path")  ? module
		    : !strcmp(name, "pin-value")  ? pin
		    : !strcmp(name, "pin-source") ? source
						  : NULL;

	if (!to)
		/* Not shown: behind a '&' that was not written as %26 it is the rest of a PIN. */
		REFUSE_URI("only module-path, pin-source and pin-value are understood behind the '?'");
	if (*to)
		REFUSE_URI("%s is there twice", name);
	if (!decode(own) || !*own)
		REFUSE_URI("the value of %s is not valid", name);
	*to = take_ptr(own);
	return 0;
}

/* The part behind the '?'. */
static int read_query(char *query, struct pkcs11_uri *uri, struct refusal *refusal)
{
	_cleanup_(free_secret_p) char *source = NULL;
	char *next, *value, *copy;
	int r = 0;

	while (!r && (next = strsep(&query, "&"))) {
		value = strchr(next, '=');
		if (!value)
			REFUSE_URI("behind the '?' are NAME=VALUE, with '&' between them");
		*value++ = '\0';
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
		r = read_attribute(next, copy, &uri->module, &uri->pin, &source, refusal);
	}
	if (r)
		return r;
	if (uri->module && *uri->module != '/')
		REFUSE_URI("module-path=%s is not an absolute path", uri->module);
	if (source && uri->pin)
		REFUSE_URI("pin-value and pin-source are not both possible");
	return source ? read_pin(source, &uri->pin, refusal) : 0;
}

/* The part before the '?': what both ways to a token understand. */
static int check_path(const char *path, struct refusal *refusal)
{
	static const char *const names[] = { "token", "manufacturer", "serial", "model",
					     "type",  "object",       "id" };
	uint32_t seen = 0;

	/* '&' is a character of labels, so "object=alice&pin-value=…" would be one, and be shown. */
	if (strstr(path, "pin-value=") || strstr(path, "pin-source="))
		REFUSE_URI("a PIN stands behind a '?', of which there is none before it");
	for (;; path++) {
		size_t n = strcspn(path, "=;"), i = 0;

		while (i < 7 && (strlen(names[i]) != n || strncmp(names[i], path, n) != 0))
			i++;
		if (i == 7 || path[n] != '=')
			REFUSE_URI("\"%.*s\" is not understood here; before the '?' are token, manufacturer, "
				   "serial, model, type, object and id",
				   (int)(n < 40 ? n : 40), path);
		if (seen & 1U << i)
			REFUSE_URI("%s is there twice", names[i]);
		seen |= 1U << i;
		path += strcspn(path, ";");
		if (!*path)
			break;
	}
	if (!(seen >> 5))
		REFUSE_URI("the URI names no key: object=LABEL or id=%%01 is missing");
	return 0;
}

/* The query is cut into pieces while it is read, so that its copy is wiped by its size. */
static int read_query_of(const char *text, struct pkcs11_uri *uri, struct refusal *refusal)
{
	size_t size = strlen(text);
	char *query = strdup(text);
	int r;

	if (!query)
		return -ENOMEM;
	r = read_query(query, uri, refusal);
	explicit_bzero(query, size);
	free(query);
	return r;
}

static int parse(const char *text, struct pkcs11_uri *uri, struct refusal *refusal)
{
	size_t n = strcspn(text, "?");
	const char *module = secure_getenv("PKCS11_MODULE_PATH");
	int r;

	uri->path = strndup(text, n);
	if (!uri->path)
		return -ENOMEM;
	if (strncmp(uri->path, PKCS11_SCHEME, strlen(PKCS11_SCHEME)) != 0)
		REFUSE_URI("a PKCS#11 URI begins with " PKCS11_SCHEME);
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			REFUSE_URI("blanks and characters outside ASCII are written as %%20 and so on");
	r = check_path(uri->path + strlen(PKCS11_SCHEME), refusal);
	if (r)
		return r;
	r = text[n] ? read_query_of(text + n + 1, uri, refusal) : 0;
	if (r)
		return r;
	if (!uri->module && module && *module)
		uri->module = strdup(module);
	return !uri->module && module && *module ? -ENOMEM : 0;
}

int pkcs11_uri_parse(const char *text, struct pkcs11_uri *ret, struct refusal *refusal)
{
	struct pkcs11_uri uri = {};
	int r = parse(text, &uri, refusal);

	if (r)
		pkcs11_uri_done(&uri);
	*ret = uri;
	return r;
}

/* The one string that is wanted is the PIN. Everything else, what is shown included, is as libcrypto does it.
 */
static int read_string(UI *ui, UI_STRING *string)
{
	struct pkcs11_pin *pin = UI_get0_user_data(ui);
	enum UI_string_types type = UI_get_string_type(string);

	if (type != UIT_PROMPT && type != UIT_VERIFY)
		return 1;
	pin->wanted = true;
	if (pin->value)
		return UI_set_result(ui, string, pin->value) == 0;
	return UI_method_get_reader(UI_OpenSSL())(ui, string);
}

static int write_string(UI *ui, UI_STRING *string)
{
	const struct pkcs11_pin *pin = UI_get0_user_data(ui);

	return pin->value ? 1 : UI_method_get_writer(UI_OpenSSL())(ui, string);
}

static int open_session(UI *ui)
{
	const struct pkcs11_pin *pin = UI_get0_user_data(ui);

	return pin->value ? 1 : UI_method_get_opener(UI_OpenSSL())(ui);
}

static int close_session(UI *ui)
{
	const struct pkcs11_pin *pin = UI_get0_user_data(ui);

	return pin->value ? 1 : UI_method_get_closer(UI_OpenSSL())(ui);
}

UI_METHOD *pkcs11_pin_method(void)
{
	UI_METHOD *method = UI_create_method("PIN");

	if (method && (UI_method_set_opener(method, open_session) < 0 ||
		       UI_method_set_writer(method, write_string) < 0 ||
		       UI_method_set_reader(method, read_string) < 0 ||
		       UI_method_set_closer(method, close_session) < 0)) {
		UI_destroy_method(method);
		return NULL;
	}
	return method;
}

int pkcs11_check_module(const struct pkcs11_uri *uri, struct refusal *refusal)
{
	void *module = uri->module ? dlopen(uri->module, RTLD_NOW | RTLD_LOCAL) : NULL;

	if (!uri->module || (module && dlsym(module, "C_GetFunctionList")))
		return 0;
	return refusal_set(refusal, REFUSAL_UNAVAILABLE, "pkcs11-module", "%s is not a PKCS#11 module: %s",
			   uri->module, dlerror());
}

/* Return values of PKCS #11 functions (section 5 of the OASIS standard) that libp11 and pkcs11-provider put
 * into libcrypto's queue of errors as they are. */
static const char *pin_problem(int reason)
{
	switch (reason) {
	case 0xa0: /* CKR_PIN_INCORRECT */
		return "the PIN is wrong";
	case 0xa1: /* CKR_PIN_INVALID */
	case 0xa2: /* CKR_PIN_LEN_RANGE */
		return "the PIN is none that this token could have";
	case 0xa3: /* CKR_PIN_EXPIRED */
		return "the PIN has expired";
	case 0xa4: /* CKR_PIN_LOCKED */
		return "the PIN is locked, after too many wrong ones";
	default:
		return NULL;
	}
}

int pkcs11_refuse(const struct pkcs11_uri *uri, const struct pkcs11_pin *pin, const char *otherwise,
		  struct refusal *refusal)
{
	const char *problem = NULL;
	bool unread = false;
	unsigned long error;

	while ((error = ERR_get_error())) {
		/* Libraries from this number on are loaded ones; libcrypto's own reasons mean something else.
		 */
		if (ERR_GET_LIB(error) >= ERR_LIB_USER && !problem)
			problem = pin_problem(ERR_GET_REASON(error));
		unread = unread || ERR_GET_LIB(error) == ERR_LIB_UI;
	}
	if (problem)
		REFUSE_PIN("%s: %s", uri->path, problem);
	if (unread)
		REFUSE_PIN("%s: no PIN was entered", uri->path);
	if (!pin->wanted)
		return refusal_set(refusal, REFUSAL_UNAVAILABLE, "pkcs11-token",
				   "no token is there that %s describes, behind %s", uri->path,
				   uri->module ?: "p11-kit");
	return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "pkcs11-key", "the token is there, but %s: %s",
			   otherwise, uri->path);
}
