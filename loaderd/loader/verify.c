/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/verify.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <openssl/evp.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "loaderd/loader/bpfcall.h"

/* keyring_id of BPF_PROG_LOAD: 0 to 2 are the kernel's own (linux/verification.h), negative ones special key
 * ids (linux/keyctl.h), among which -9 came after 7.3. The secondary keyring includes the builtin one, which
 * is therefore asked before it, so that what is recorded is the narrowest that has the key. The platform
 * keyring (2) is the firmware's, for what the firmware started: not for programs. */
#define KEYRING_BUILTIN   0
#define KEYRING_SECONDARY 1
#define KEYRING_BPF       (-9)

static const struct {
	enum verified verified;
	int32_t id;
} keyrings[] = {
	{ VERIFIED_BPF, KEYRING_BPF },
	{ VERIFIED_BUILTIN, KEYRING_BUILTIN },
	{ VERIFIED_SECONDARY, KEYRING_SECONDARY },
	{ VERIFIED_SESSION, KEY_SPEC_SESSION_KEYRING },
};

static bool supported;

const char *verified_name(uint32_t verified)
{
	static const char *const names[_VERIFIED_MAX] = {
		[VERIFIED_UNSUPPORTED] = "unsupported", [VERIFIED_NO] = "no",
		[VERIFIED_SESSION] = "yes (session)",   [VERIFIED_SECONDARY] = "yes (secondary)",
		[VERIFIED_BUILTIN] = "yes (builtin)",   [VERIFIED_BPF] = "yes (bpf)",
	};

	return verified < _VERIFIED_MAX ? names[verified] : "unsupported";
}

/* The keyring does not have the key. A keyring that this kernel does not know is EINVAL, as is much else: but
 * who then tries without a signature meets whatever else it was again. Where the host has committed itself to
 * .bpf, the session keyring is EPERM. */
static bool has_no_key(int32_t keyring, int error)
{
	return error == -ENOKEY || (keyring == KEYRING_BPF && error == -EINVAL) ||
	       (keyring == KEY_SPEC_SESSION_KEYRING && (error == -EINVAL || error == -EPERM));
}

int verify_load(const void *insns, size_t insns_size, int data_map, const void *signature,
		size_t signature_size, uint32_t *ret_verified)
{
	struct bpfcall_signature s = { .bytes = signature, .size = signature_size };

	for (size_t i = 0; i < sizeof(keyrings) / sizeof(*keyrings); i++) {
		int r;

		s.keyring = keyrings[i].id;
		r = bpfcall_loader_prog(insns, insns_size, data_map, &s);
		if (r >= 0)
			*ret_verified = keyrings[i].verified;
		if (r >= 0 || !has_no_key(s.keyring, r))
			return r;
	}
	return -ENOKEY;
}

/* A byte that is no PKCS#7, with a map that is exclusive but not frozen: 7.3 looks at the map first and says
 * EPERM; 6.18 to 7.2 look at the signature and say EBADMSG; older ones know no exclusive map (EINVAL). With
 * the map frozen, 7.3 says EBADMSG too, or EOPNOTSUPP without CONFIG_SYSTEM_DATA_VERIFICATION. Two answers
 * that differ are no answer of a security module that forbids loading. */
static bool probe(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpfcall_signature garbage = { .bytes = "?", .size = 1, .keyring = KEYRING_BUILTIN };
	uint8_t digest[DIGEST_SIZE];
	struct bpfcall_map m = { .type = BPF_MAP_TYPE_ARRAY,
				 .key_size = 4,
				 .value_size = 8,
				 .max_entries = 1,
				 .name = "bw_probe",
				 .exclusive = digest };
	_cleanup_close_ int map = -EBADF, open = -EBADF, frozen = -EBADF;

	if (!EVP_Digest(insns, sizeof(insns), digest, NULL, EVP_sha256(), NULL))
		return false;
	map = bpfcall_map_create(&m);
	if (map < 0)
		return false;
	open = bpfcall_loader_prog(insns, sizeof(insns), map, &garbage);
	if (open != -EPERM || bpfcall_map_freeze(map) < 0)
		return false;
	frozen = bpfcall_loader_prog(insns, sizeof(insns), map, &garbage);
	return frozen == -EBADMSG;
}

void verify_start(void)
{
	supported = probe();
}

bool verify_supported(void)
{
	return supported;
}

int verify_refuse(const struct spec *spec, const struct spec_variant *variant, struct refusal *refusal)
{
	char bundle[PROBE_NAME_MAX + 24];

	spec_bundle_name(spec, bundle, sizeof(bundle));
	return refusal_set(refusal, REFUSAL_NOT_KERNEL_VERIFIED, bundle,
			   "policy wants the kernel to verify %s, but %s", bundle,
			   !supported ? "this kernel cannot: it takes Linux 7.3 or later"
			   : variant->ksig == UINT32_MAX
				   ? "it has no signature for the kernel: build it with --ksig-key"
				   : "no keyring of the kernel has the key: add its certificate to one");
}
