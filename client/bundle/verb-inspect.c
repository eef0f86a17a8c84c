/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>

#include "client/bundle/verbs.h"

int verb_inspect(const struct bundle_verb *verb, int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	_cleanup_(bundle_free_p) struct bundle *b = NULL;
	struct refusal refusal = {};
	bool json = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) >= 0)
		switch (c) {
		case 'o':
			if (!output_is_json(verb, optarg, &json))
				return EXIT_USAGE;
			break;
		case 'h':
			tell_help(verb);
			return EXIT_OK;
		default:
			return tell_usage(verb, "%s is no option here, or lacks its value", argv[optind - 1]);
		}
	if (argc - optind != 1)
		return tell_usage(verb, "one bundle is needed");
	r = bundle_read(argv[optind], &b, &refusal);
	if (r)
		return tell(argv[optind], r, &refusal);
	if (json)
		inspect_json(b);
	else
		inspect_text(b);
	return EXIT_OK;
}
