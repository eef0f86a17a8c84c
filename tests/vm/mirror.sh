# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's mirror as this machine's apt knows it; its host's name is nobody's business but apt's.

mirror_of() { # REGEX: the first repository of origin Debian whose suite matches
	# shellcheck disable=SC2016 # apt's fields, not ours
	apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v r="$1" '$1 == "Debian" && $2 ~ r && !uri { uri = $3 } END { print uri }'
}

# What apt said, without where it got it from.
hide_mirror() {
	sed -E "s#[a-z+]+://[^/ ]+#MIRROR#g; s/(resolve|connect to) [^ ]+/\\1 MIRROR/g; s/\\[IP: [^]]*\\]|\\([0-9a-f.:]+\\)//g"
}
