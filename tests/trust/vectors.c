/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/trust/vectors.h"

#include <stddef.h>

#define MAY      "may = enroll-production enroll-experimental\n"
#define BY(ca)   "[role release]\ncertificates = " ca "\nnames = tcp.*\n" MAY
#define RELEASE  BY("ca.pem")
#define OVERLAP  BY("ca.pem nextca.pem")
#define PAIR     RELEASE "threshold = 2\n"
#define OF_THREE RELEASE "threshold = 3\n"
#define PINNED   "[role release]\npinned = pinned.pem\nnames = tcp.*\n" MAY
#define OTHER    "[role other]\ncertificates = nextca.pem\nnames = *\nthreshold = 2\n" MAY
#define SECURITY "[role security]\npinned = pinned.pem\nnames = tcp.* net.*\nmay = revoke\n"
/* May revoke, but nothing that has this vector's name. */
#define ELSEWHERE "[role security]\npinned = pinned.pem\nnames = net.*\nmay = revoke\n"
#define CRL(file) RELEASE "crl = " file "\n"
#define REVOKING  RELEASE SECURITY

#define DAY  86400LL
#define YEAR (365 * 86400LL)

/* What openssl(1) does. */
#define REFUSES .openssl = OPENSSL_REFUSES
#define ACCEPTS .openssl = OPENSSL_ACCEPTS

const char trust_of_ca[] = RELEASE;

/* clang-format off */
const struct vector vectors[] = {
	/* Accepted, by openssl(1) as well. */
	{ "ECDSA P-256", NULL, NULL, { "p256.p7s" }, ACCEPTS },
	{ "ECDSA P-256 with SHA-384", NULL, NULL, { "p256sha384.p7s" }, ACCEPTS },
	{ "ECDSA P-384", NULL, NULL, { "p384.p7s" }, ACCEPTS },
	{ "RSA 3072", NULL, NULL, { "rsa3072.p7s" }, ACCEPTS },
	{ "RSA 4096", NULL, NULL, { "rsa4096.p7s" }, ACCEPTS },
	{ "RSA-PSS", NULL, NULL, { "pss.p7s" }, ACCEPTS },
	{ "RSA-PSS with SHA-384", NULL, NULL, { "pss384.p7s" }, ACCEPTS },
	{ "signer by key identifier", NULL, NULL, { "keyid.p7s" }, ACCEPTS },
	{ "a renewed certificate of the same key", NULL, NULL, { "p256again.p7s" }, ACCEPTS },
	{ "the other value of the CA's ECDSA signature", NULL, NULL, { "twin.p7s" }, ACCEPTS },
	{ "pinned", NULL, NULL, { "pinned.p7s" }, PINNED, ACCEPTS, .cafile = "pinned.pem" },
	{ "pinned, and no certificate embedded", NULL, NULL, { "nocerts.p7s" }, PINNED, ACCEPTS, .cafile = "pinned.pem" },
	{ "a current CRL that does not list it", NULL, NULL, { "p256.p7s" }, CRL("ca.crl"), ACCEPTS },
	{ "two of two", NULL, NULL, { "p256.p7s", "p384.p7s" }, PAIR },
	{ "three of three, and one that does not count", NULL, NULL,
	  { "p256.p7s", "bysibling.p7s", "p384.p7s", "rsa3072.p7s" }, OF_THREE },

	/* Roll-over: the old CA, then both, then the new one, which has the same name and another key. */
	{ "before the roll-over", NULL, NULL, { "p256.p7s" }, BY("ca.pem"), ACCEPTS },
	{ "the new CA too early", "S9", "not issued by a CA of the role", { "next.p7s" }, BY("ca.pem"), REFUSES, .cafile = "ca.pem" },
	{ "overlap, signed under the old CA", NULL, NULL, { "p256.p7s" }, OVERLAP, ACCEPTS },
	{ "overlap, signed under the new CA", NULL, NULL, { "next.p7s" }, OVERLAP, ACCEPTS, .cafile = "nextfile.pem" },
	{ "overlap in the other order", NULL, NULL, { "next.p7s" }, BY("nextca.pem ca.pem"), ACCEPTS, .cafile = "nextfile.pem" },
	{ "overlap, one of each", NULL, NULL, { "p256.p7s", "next.p7s" }, OVERLAP "threshold = 2\n" },
	{ "overlap with CRLs, signed under the old CA", NULL, NULL, { "p256.p7s" }, OVERLAP "crl = ca.crl nextca.crl\n", ACCEPTS },
	{ "overlap with CRLs, signed under the new CA", NULL, NULL, { "next.p7s" }, OVERLAP "crl = ca.crl nextca.crl\n", ACCEPTS,
	  .cafile = "nextfile.pem" },
	{ "overlap with CRLs, on that of the old CA", "S13", "certificate revoked", { "revoked.p7s" },
	  OVERLAP "crl = ca.crl nextca.crl\n", ACCEPTS },
	{ "overlap with the CRL of the new CA only", "S13", "unable to get certificate CRL", { "p256.p7s" },
	  OVERLAP "crl = nextca.crl\n", ACCEPTS },
	{ "a CA that got cRLSign", NULL, NULL, { "p256.p7s" }, BY("canocrl.pem ca.pem") "crl = ca.crl\n", ACCEPTS },
	{ "a CA that has no cRLSign", "S13", "does not include CRL signing", { "p256.p7s" }, BY("canocrl.pem") "crl = ca.crl\n",
	  ACCEPTS },
	{ "after the roll-over", NULL, NULL, { "next.p7s" }, BY("nextca.pem"), ACCEPTS, .cafile = "nextfile.pem" },
	{ "the old CA too late", "S9", "not issued by a CA of the role", { "p256.p7s" }, BY("nextca.pem"), REFUSES, .cafile = "nextfile.pem" },

	/* S1 to S8: the form. */
	{ "a byte behind the end", "S1", "bytes follow", { "trailing.p7s" }, ACCEPTS },
	{ "an indefinite length", "S1", "indefinite", { "ber.p7s" }, ACCEPTS },
	{ "PEM", "S1", "PEM file", { "pem.p7s" }, REFUSES },
	{ "no SignedData", "S1", "not a CMS of type signedData", { "data.p7s" }, REFUSES },
	{ "attached", "S2", "attached", { "attached.p7s" }, ACCEPTS },
	{ "another content type", "S3", "not id-data", { "type.p7s" }, ACCEPTS },
	{ "a version that does not fit", "S4", "version numbers", { "version.p7s" }, ACCEPTS },
	{ "two SignerInfos", "S4", "exactly one SignerInfo", { "twobare.p7s" }, REFUSES },
	{ "two SignerInfos with certificates", "S4", "exactly one SignerInfo", { "two.p7s" }, ACCEPTS, .other_rule = "S8" },
	{ "no signed attributes", "S5", "no signed attributes", { "noattr.p7s" }, ACCEPTS },
	{ "an attribute without a value", "S1", "has not one value", { "emptytype.p7s" }, REFUSES, .other_rule = "S14" },
	{ "signed attributes as content", "S5", "no signed attributes", { "rewritten.p7s" }, .manifest = "rewritten.set",
	  ACCEPTS, .other_rule = "S7" },
	{ "the kernel's form of a signature", "S5", "no signed attributes", { "kernel.p7s" }, REFUSES, .other_rule = "S9" },
	{ "SHA-1", "S6", "SHA-256 or SHA-384", { "sha1.p7s" }, ACCEPTS },
	{ "SHA-512", "S6", "SHA-256 or SHA-384", { "sha512.p7s" }, ACCEPTS },
	{ "a second digest", "S6", "same throughout", { "digests.p7s" }, ACCEPTS },
	{ "RSA-PSS with another digest for MGF1", "S6", "MGF1", { "pssmgf.p7s" }, ACCEPTS },
	{ "RSA-PSS with a short salt", "S6", "salt", { "psssalt.p7s" }, ACCEPTS },
	{ "content that is a SET", "S7", "begins as signed attributes do", { "set.p7s" }, .manifest = "set.der", ACCEPTS },
	{ "another certificate embedded", "S8", "more than the signer's certificate", { "siblingin.p7s" }, ACCEPTS },
	{ "the CA of a stranger embedded", "S8", "more than the signer's certificate", { "bysiblingin.p7s" }, BY("root.pem"),
	  ACCEPTS, .cafile = "root.pem", .other_rule = "S9" },
	{ "an empty set of certificates", "S8", "not an X.509 certificate", { "empty.p7s" }, PINNED,
	  ACCEPTS, .cafile = "pinned.pem" },
	{ "a CRL embedded", "S8", "revocation lists", { "crl.p7s" }, ACCEPTS },
	{ "an unsigned attribute", "S8", "unsigned attributes", { "unsigned.p7s" }, ACCEPTS },

	/* S9 to S14: the signer. */
	{ "issued by another CA", "S9", "not issued by a CA of the role", { "bysibling.p7s" }, REFUSES },
	{ "issued by a CA below the role's", "S9", "not issued by a CA of the role", { "p256.p7s" }, BY("root.pem"), REFUSES, .cafile = "root.pem" },
	{ "not the pinned one", "S9", "nor is it pinned", { "p256.p7s" }, PINNED, REFUSES, .cafile = "pinned.pem" },
	{ "self-made", "S9", "nor is it pinned", { "pinned.p7s" }, REFUSES },
	{ "issued by a namesake of the CA", "S9", "not issued by a CA of the role", { "byimpostor.p7s" }, REFUSES },
	{ "issued by another signer", "S9", "nor is it pinned", { "byleaf.p7s" }, REFUSES },
	{ "no certificate", "S9", "no certificate is embedded", { "nocertsca.p7s" }, REFUSES },
	{ "a certificate for TLS", "S10", "codeSigning", { "tls.p7s" }, ACCEPTS },
	{ "a certificate for encryption", "S10", "digitalSignature", { "nousage.p7s" }, ACCEPTS },
	{ "a certificate for nothing", "S10", "digitalSignature", { "noextensions.p7s" }, ACCEPTS },
	{ "the certificate of a CA", "S10", "that of a CA", { "leafca.p7s" }, ACCEPTS },
	{ "RSA 2048", "S11", "less than 3072", { "rsa2048.p7s" }, ACCEPTS },
	{ "RSA with exponent 3", "S11", "exponent", { "exponent.p7s" }, ACCEPTS },
	{ "ECDSA P-521", "S11", "not on P-256 or P-384", { "p521.p7s" }, ACCEPTS },
	{ "a certificate signed with SHA-1", "S11", "digest other than", { "sha1leaf.p7s" }, ACCEPTS },
	{ "an algorithm that the role does not list", "S11", "ecdsa-p256 are not accepted", { "p256.p7s" },
	  RELEASE "algorithms = rsa-pss ecdsa-p384\n", ACCEPTS },
	{ "expired", "S12", "has expired", { "expired.p7s" }, REFUSES },
	{ "not yet valid", "S12", "not yet valid", { "future.p7s" }, REFUSES },
	{ "in twelve years", "S12", "has expired", { "p256.p7s" }, .later = 12 * YEAR },
	{ "twelve years were over, and the clock is back", "S12", "of CN=alice has expired (by the latest time that is known",
	  { "p256.p7s" }, .known = 12 * YEAR },
	{ "a time that was known does not make valid", "S12", "not yet valid", { "p256.p7s" }, .later = -12 * YEAR, .known = 60 },
	{ "a time that is known and not after now", NULL, NULL, { "p256.p7s" }, .known = -YEAR },
	{ "issued by a CA that has expired", "S12", "of the CA that issued", { "byoldca.p7s" }, BY("oldca.pem"), REFUSES, .cafile = "oldfile.pem" },
	{ "on the CRL", "S13", "certificate revoked", { "revoked.p7s" }, CRL("ca.crl"), ACCEPTS },
	{ "the CRL has expired", "S13", "CRL has expired", { "p256.p7s" }, CRL("old.crl"), ACCEPTS },
	{ "the CRL had expired, and the clock is back", "S13", "CRL has expired (by the latest time that is known", { "p256.p7s" },
	  CRL("ca.crl"), .known = 40 * DAY },
	{ "the CRL had expired, and its successor is there", NULL, NULL, { "p256.p7s" }, CRL("ca.crl later.crl"), .known = 40 * DAY },
	{ "a time that was known does not make a CRL valid", "S13", "CRL is not yet valid", { "p256.p7s" }, CRL("later.crl"),
	  .known = 40 * DAY },
	{ "the CRL is missing", "S13", "unable to get certificate CRL", { "p256.p7s" }, CRL("none.crl"), ACCEPTS },
	{ "the CRL of another CA", "S13", "unable to get certificate CRL", { "p256.p7s" }, CRL("sibling.crl"), ACCEPTS },
	{ "the CRL of a namesake of the CA", "S13", "unable to get certificate CRL", { "p256.p7s" }, CRL("impostor.crl"), ACCEPTS },
	{ "a signature of something else", "S14", "not the one that was signed", { "set.p7s" }, REFUSES },
	{ "a bit of the signature flipped", "S14", "is wrong", { "flipped.p7s" }, REFUSES },

	/* T9 to T16: the bundle. */
	{ "nine signatures", "T9", "between 1 and 8 signatures, this one 9",
	  { "p256.p7s", "p256.p7s", "p256.p7s", "p256.p7s", "p256.p7s", "p256.p7s", "p256.p7s", "p256.p7s", "p256.p7s" } },
	{ "no signature", "T9", "this one 0", { 0 } },
	{ "no role", "T9", "no role is configured", { "p256.p7s" }, "" },
	{ "one of two", "T10", "needs 2 distinct keys and only 1 signed", { "p256.p7s" }, PAIR },
	{ "two of three, one key twice", "T10", "needs 3 distinct keys and only 2 signed", { "p256.p7s", "p256.p7s", "p384.p7s" }, OF_THREE },
	{ "one key in two certificates", "T10", "only 1 signed", { "p256.p7s", "p256again.p7s" }, PAIR },
	{ "one key in three forms", "T10", "only 1 signed", { "p256.p7s", "keyid.p7s", "p256sha384.p7s" }, PAIR },
	{ "one of two, the other expired", "T10", "only 1 signed", { "p384.p7s", "expired.p7s" }, PAIR, .other_rule = "S12" },
	{ "one of two, the other is a stranger's", "T10", "only 1 signed", { "p384.p7s", "bysibling.p7s" }, PAIR, .other_rule = "S9" },
	{ "a name that the role does not list", "T11", "role release may not sign tcp.state", { "p256.p7s" },
	  "[role release]\ncertificates = ca.pem\nnames = tcp.stat shop.*\n" MAY },
	{ "signed by another role only", "T12", "role release, which is not configured", { "p256.p7s" },
	  "[role other]\ncertificates = ca.pem\nnames = *\n" MAY },
	{ "not signed by the role that it requires", "T12", "by role release as well: 0 of 1", { "p256.p7s" },
	  "[role other]\ncertificates = ca.pem\nnames = *\n" MAY PINNED, .other_rule = "S9" },
	{ "its life is over", "T13", "not-after", { "ended.p7s" }, .manifest = "ended.json" },
	{ "its key is revoked", "T14", "the key of CN=alice is: alice lost it", { "p256.p7s" }, REVOKING, .revocations = "key" },
	{ "its certificate is revoked", "T14", "the certificate of CN=alice is", { "p256.p7s" }, REVOKING, .revocations = "certificate" },
	{ "its certificate is revoked, and has another signature by the same CA", "T14", "the certificate of CN=alice is",
	  { "twin.p7s" }, REVOKING, .revocations = "certificate" },
	{ "its key is revoked, the certificate is a new one", "T14", "the key of CN=alice", { "p256again.p7s" }, REVOKING, .revocations = "key" },
	{ "its certificate is revoked, the new one of its key is not", NULL, NULL, { "p256again.p7s" }, REVOKING, .revocations = "certificate" },
	{ "its certificate is revoked, and for another role it has a new one", "T14", "the certificate of CN=alice is",
	  { "p256.p7s", "p256next.p7s" }, OTHER RELEASE SECURITY, .revocations = "certificate", .other_rule = "S9" },
	{ "the same in the other order", "T14", "the certificate of CN=alice is",
	  { "p256next.p7s", "p256.p7s" }, OTHER RELEASE SECURITY, .revocations = "certificate", .other_rule = "S9" },
	{ "its certificate is revoked, and a new one came along", NULL, NULL, { "p256.p7s", "p256again.p7s" }, REVOKING,
	  .revocations = "certificate" },
	{ "the new one came first", NULL, NULL, { "p256again.p7s", "p256.p7s" }, REVOKING, .revocations = "certificate" },
	{ "two of two, of which one key is revoked", "T14", "needs 2 distinct keys and only 1 signed that are not revoked",
	  { "p256.p7s", "p384.p7s" }, PAIR SECURITY, .revocations = "key" },
	{ "three for two, of which one key is revoked", NULL, NULL, { "p256.p7s", "p384.p7s", "rsa3072.p7s" }, PAIR SECURITY, .revocations = "key" },
	{ "its key is revoked here", "T14", "alice lost it", { "p256.p7s" }, .own = "key" },
	{ "it is revoked", "T15", "tcp.state-3 was revoked: it leaks (T15)", { "p256.p7s" }, REVOKING, .revocations = "bundle" },
	{ "older ones are revoked", "T15", "tcp.state-3 was revoked (T15)", { "p256.p7s" }, REVOKING, .revocations = "below" },
	{ "it is revoked here", "T15", "it leaks", { "p256.p7s" }, .own = "bundle" },
	{ "one of its files is revoked", "T16", "v1.data was revoked: it hangs (T16)", { "p256.p7s" }, REVOKING, .revocations = "file" },
	{ "one of its files is revoked here", "T16", "it hangs", { "p256.p7s" }, .own = "file" },
	{ "others are revoked", NULL, NULL, { "p256.p7s" }, REVOKING, .revocations = "others" },
	{ "revoked by who may not for this name", NULL, NULL, { "p256.p7s" }, RELEASE ELSEWHERE, .revocations = "bundle" },
	{ "its key revoked by who may not for this name", NULL, NULL, { "p256.p7s" }, RELEASE ELSEWHERE, .revocations = "key" },

	/* E1 and E2: enrolment. */
	{ "not for this channel", "E1", "role release may not sign for the production channel", { "p256.p7s" },
	  "[role release]\ncertificates = ca.pem\nnames = *\nmay = enroll-experimental\n" },
	{ "for the other channel", NULL, NULL, { "p256.p7s" },
	  "[role release]\ncertificates = ca.pem\nnames = *\nmay = enroll-experimental\n", .experimental = true },
	{ "for no channel", "E1", "experimental channel", { "p256.p7s" },
	  "[role release]\ncertificates = ca.pem\nnames = *\n", .experimental = true },
	{ "a newer serial was there", "E2", "serial 4 was in the production channel before", { "p256.p7s" }, .highest = 4 },
	{ "this serial was there", NULL, NULL, { "p256.p7s" }, .highest = 3 },
	{ 0 },
};
/* clang-format on */
