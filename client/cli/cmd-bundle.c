/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/cmd-bundle.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "client/bundle/verbs.h"

const struct bundle_verb bundle_verbs[] = {
	{ "init", verb_init, "OBJECT", "write a starting template for an object to stdout",
	  "  The template names the object's programs and maps with guesses; fill in the rest and build "
	  "it.\n\n",
	  false },
	{ "build", verb_build, "[-o OUT] TEMPLATE [--object VARIANT=FILE]…",
	  "make a bundle from a template and objects",
	  "  -o, --output OUT       a directory (or a name that ends in /), or a file; NAME-SERIAL.bpfw by "
	  "default\n"
	  "      --object VARIANT=FILE  the compiled object of a variant, instead of the template's\n"
	  "      --objects DIR      where the template's objects are, instead of beside the template\n"
	  "      --ksig-key KEY     also sign the skeletons for kernels that check them,\n"
	  "      --ksig-cert CERT   with this key and certificate (PEM)\n",
	  false },
	{ "sign", verb_sign, "BUNDLE {--key KEY --cert CERT | --prepare FILE | --attach FILE.p7s}",
	  "rebuild a bundle's skeletons, compare, and add a signature",
	  "      --key KEY          private key: PEM, not encrypted, or pkcs11:URI for one in a token\n"
	  "      --cert CERT        its code-signing certificate, PEM\n"
	  "      --signer NAME      the signature becomes manifest.json.NAME.p7s; by default the "
	  "certificate's file name\n"
	  "      --prepare FILE     compare, write the bytes that are to be signed, and say how openssl "
	  "signs "
	  "them\n"
	  "      --attach FILE.p7s  check and add what openssl made; --cert if no certificate is in it\n",
	  false },
	{ "verify", verb_verify, "BUNDLE [--trust DIR] [-o text|json]",
	  "hold a bundle against trusted signers, as the daemon would",
	  "      --trust DIR        trust configuration, instead of this host's\n"
	  "  -o, --output FORMAT    text, or json\n",
	  false },
	{ "inspect", verb_inspect, "BUNDLE [-o text|json]",
	  "what a bundle may do: hooks, helpers, maps, fields, targets",
	  "  -o, --output FORMAT    text, or json: the manifest as it was signed\n", false },
	{ "standard", verb_standard, "--out DIR --trust DIR --kernel DIR BUNDLE…",
	  "sign the standard set with keys that are thrown away",
	  "      --out DIR          bundles go to DIR/NAME/SERIAL\n"
	  "      --trust DIR        the authority's certificate goes to DIR/standard.pem\n"
	  "      --kernel DIR       the certificate for the kernel goes to DIR/standard.der\n"
	  "      --key --cert --ca  a real key, its certificate and its authority instead\n"
	  "      --kernel-key --kernel-cert  a real key for the kernel instead\n",
	  true },
	{},
};

int cmd_bundle(int argc, char **argv)
{
	if (argc < 2)
		return tell_usage(NULL, "which verb? init, build, sign, verify or inspect");
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
		tell_help(NULL);
		return EXIT_OK;
	}
	/* What counts as a good signature must not depend on openssl.cnf. */
	if (cms_initialize() < 0)
		return tell("libcrypto", -EIO, NULL);
	for (const struct bundle_verb *v = bundle_verbs; v->name; v++)
		if (!strcmp(v->name, argv[1])) {
			optind = opterr = 0; /* getopt_long(3): scan anew, and leave it to us to complain */
			return v->run(v, argc - 1, argv + 1);
		}
	return tell_usage(NULL, "there is no verb \"%s\"", argv[1]);
}
