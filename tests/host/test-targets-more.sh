#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# As test-targets.sh, for the probes that came later: a target shows exactly what it names.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/targets.sh
. "$(dirname "$0")/targets.sh"
host_cleanup() {
	jobs -p | xargs -r kill 2>/dev/null
	remove_cgroups
}
prepare() {
	grant_carol
	cat >>"$etc/policy.d/60-carol.policy" <<-END
		may-modify = yes no
	END
	cp "$(dirname "$0")/exercise/owned.py" "$work/"
}
host_begin prepare
make_cgroups

# --- loads: UID DIRECTORY COUNT, as in test-targets.sh ----------------------------------------------------------

load_resets() {
	local cgroup
	cgroup=$(stat -c %i "$2")
	in_cgroup "$2" "$exercise/exercise-connections" "$3" refused 0 "$1" && note "$1 $cgroup $3"
}
load_resets_more() { counts "counts" '.counts[] | "\(.labels.cgroup) \(.count)"'; }

load_fsyncs() {
	local cgroup
	cgroup=$(stat -c %i "$2")
	# shellcheck disable=SC2016 # Perl's
	in_cgroup "$2" setpriv --reuid "$1" --regid "$1" --clear-groups perl -MIO::Handle -e '
		open(my $file, ">", $ARGV[0]) or die $!;
		$file->sync or die $! for 1 .. $ARGV[1]' "/dev/shm/bpfwarden-$1-$cgroup" "$3" && note "$1 $cgroup $3"
	rm -f "/dev/shm/bpfwarden-$1-$cgroup"
}
load_fsyncs_more() { counts "histogram of fsync" '.histograms[] | select(.labels.op == "fsync") | "\(.labels.cgroup) \(.count)"'; }
fsyncs() { exact "$1" 'select(.op == "fsync")'; }

owned() { # WHAT EVENTS-EACH UID DIRECTORY COUNT
	local cgroup
	cgroup=$(stat -c %i "$4")
	in_cgroup "$4" unshare -n /usr/bin/python3 "$work/owned.py" "$1" "$3" "$5" && note "$3 $cgroup $(($2 * $5))"
}
load_queries() { owned dns 1 "$@"; }
load_queries_more() { counts "counts" '.counts[] | "\(.labels.cgroup) \(.count)"'; }
load_requests() { owned http 2 "$@"; } # the client's and the server's
load_requests_more() { counts "counts" '.counts[] | "\(.labels.cgroup) \(.count)"'; }

perform tcp.reset load_resets 1 exact
perform fs.latency load_fsyncs 1 fsyncs --set threshold=0
perform dns.latency load_queries 1 exact --set timeout=60s
perform http.status load_requests 1 exact
host_finish
