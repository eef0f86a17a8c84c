#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A target shows exactly what it names: for each probe, everybody makes a load that can be counted at the same time, and
# attachments with every kind of target look on at once.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/targets.sh
. "$(dirname "$0")/targets.sh"
host_cleanup() {
	jobs -p | xargs -r kill 2>/dev/null
	remove_cgroups
}
host_begin grant_carol
make_cgroups

# --- loads: UID DIRECTORY COUNT ---------------------------------------------------------------------------

# The client's socket is the user's, the server's is root's; both are in the cgroup.
load_tcp() {
	local cgroup
	cgroup=$(stat -c %i "$2")
	in_cgroup "$2" "$exercise/exercise-connections" "$3" 0 "$1" && note "$1 $cgroup $3" && note "0 $cgroup $3"
}

# A shell and so many programs: exec and exit of each. setpriv is still root's.
load_processes() {
	local cgroup
	cgroup=$(stat -c %i "$2")
	in_cgroup "$2" setpriv --reuid "$1" --regid "$1" --clear-groups sh -c '
		i=0; while [ $i -lt "$2" ]; do "$1"; i=$((i + 1)); done; :' - "$work/bin/did-$1" "$3" &&
		note "$1 $cgroup $((2 * $3 + 2))" && note "0 $cgroup 1"
}

# Somebody else sends: a packet that finds no room belongs to its receiver.
load_drops() {
	local cgroup sender=$bob_uid dropped
	[ "$1" != "$sender" ] || sender=$alice_uid
	cgroup=$(stat -c %i "$2")
	dropped=$(in_cgroup "$2" "$exercise/exercise-datagrams" "$3" full "$1" "$sender" | sed -n 's/^dropped=//p')
	[ "${dropped:-0}" -ge "$3" ] && note "$1 $cgroup $dropped"
}

load_waits() {
	local cgroup runs
	cgroup=$(stat -c %i "$2")
	runs=$(in_cgroup "$2" setpriv --reuid "$1" --regid "$1" --clear-groups "$exercise/exercise-switches" "$3" |
		sed -n 's/^runs=//p')
	[ "${runs:-0}" -ge "$3" ] && note "$1 $cgroup $runs"
}

load_tcp_more() {
	counts "counts of lifetimes" '.counts[] | select(.labels.what == "lifetime") | "\(.labels.cgroup) \(.count)"'
	counts "histogram of lifetimes" \
		'.histograms[] | select(.labels.what == "lifetime") | "\(.labels.cgroup) \(.count)"'
}
load_processes_more() {
	local target
	counts "counts of exec and exit" '.counts[] | select(.labels.what != "fork") | "\(.labels.cgroup) \(.count)"'
	for target in $targets; do
		[ "$target" != host ] || continue
		check_equal "$probe: $target shows the programs of its own only" \
			"$(shown "$target" | jq -r 'select(.command | startswith("did-")) | "\(.command) did-\(.uid)"' |
				sort -u | awk '$1 != $2')" ""
	done
}
load_drops_more() { :; }
load_waits_more() {
	local target
	for target in $targets; do
		check_equal "$probe: histogram of $target" "$(join -a 2 -o 0,1.2,2.2 -e 0 \
			<(by_cgroup "$target" '.histograms[] | "\(.labels.cgroup) \(.count)"' | sort) \
			<(should_show "$target" | sums) |
			awk -v lost="$(counter "$target" map_full)" '$2 + lost + 5 < $3 || $2 > $3 + 200 {
				print "cgroup", $1, "has", $2, "of", $3, "lost", lost }')" ""
	done
}

# A unit below as many slices as there may be, which comes back in one that was not there before.
deep() {
	local dir=$cgroups/b.slice/c.slice/d.slice/e.slice/f.slice/g.slice/h.slice id found
	deep_shown() { # CGROUP
		in_cgroup "$dir/bpfwarden-deep.service" "$exercise/exercise-connections" 1 0 $unit_uid
		[ "$(read_as $carol "$id" | jq "[.counts[] | select(.labels.cgroup == $1)] | length")" -gt 0 ]
	}
	mkdir -p "$dir/bpfwarden-deep.service"
	id=$(attach $carol tcp.state --unit bpfwarden-deep.service)
	check "deep: a unit in eight slices is shown" wait_until 30 deep_shown "$(stat -c %i "$dir/bpfwarden-deep.service")"
	check "deep: it ends" wait_until 30 is_gone "$dir/bpfwarden-deep.service"
	mkdir "$dir/bpfwarden-deep.service"
	found=$(stat -c %i "$dir/bpfwarden-deep.service")
	check "deep: it is followed where it was" wait_until 30 deep_shown "$found"
	check "deep: it ends again" wait_until 30 is_gone "$dir/bpfwarden-deep.service"
	rmdir "$dir"
	dir=${dir%/*}/i.slice
	mkdir -p "$dir/bpfwarden-deep.service"
	found=$(stat -c %i "$dir/bpfwarden-deep.service")
	check "deep: it is followed into a new slice" wait_until 30 deep_shown "$found"
	as $carol bpfwarden -q detach "$id"
}

mkdir -m 755 "$work/bin"
for name in "$alice_uid" "$bob_uid" $unit_uid $worker_uid $batch_uid $other_uid $knock_uid; do
	install -m 755 /bin/true "$work/bin/did-$name"
done
perform tcp.state load_tcp 1 exact
perform proc.lifecycle load_processes 1 exact
perform net.drop load_drops 1 exact --set sample=1
perform sched.runqlat load_waits 20 about --set threshold=0
deep
host_finish
