#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each probe gets far more events than it can give out, while the reader of alice's is stopped and nobody reads the host's.
# Others are answered meanwhile, every event that was lost is counted, in ps and in the gaps of the stream, and the
# aggregates have it all.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

cpus=$(nproc) reader='' meanwhile='' loop=''
host_cleanup() {
	[ -z "$meanwhile" ] || kill "$meanwhile" 2>/dev/null
	[ -z "$reader" ] || kill -KILL "$reader" 2>/dev/null
	[ -z "$loop" ] || losetup -d "$loop"
	[ ! -d "$work/memory" ] || umount "$work/memory"
}
# What alice and bob do with a program that they cannot read is not shown as theirs: what reads events makes none.
prepare() {
	mkdir "$work/bin"
	cp "$prefix/bin/bpfwarden" "$work/bin/"
	chmod 711 "$work/bin/bpfwarden"
	cp "$(dirname "$0")/exercise/flood.py" "$work/"
}
host_begin prepare
export PATH=$work/bin:$PATH
# setpriv keeps capabilities until it has executed the program, which then could be read.
as() { chroot --userspec="$1" --skip-chdir / "${@:2}"; }

# --- loads: COUNT; each prints how many events that is, or at least about -------------------------------------

connections() { as $alice "$exercise/exercise-connections" "$1" && echo $((2 * $1)); } # each has two ends
refused_connects() { as $alice "$exercise/exercise-connections" "$1" refused && echo "$1"; }
full_queue() { "$exercise/exercise-datagrams" "$1" full "$alice_uid" "$bob_uid" | sed -n 's/^dropped=//p'; }
switches_of_two() { as $alice "$exercise/exercise-switches" "$1" | sed -n 's/^runs=//p'; }
processes() { "$exercise/exercise-flood" "$alice_uid" processes "$1" && echo $(($1 + 1)); } # the parent ends, too
fsyncs() { "$exercise/exercise-flood" "$alice_uid" fsyncs "$1" && echo "$1"; }
calls() { "$exercise/exercise-flood" "$alice_uid" calls "$1" && echo "$1"; }
traffic() { unshare -n /usr/bin/python3 "$work/flood.py" "$alice_uid" "$@"; }
queries() { traffic dns "$1"; }
requests() { traffic http "$1"; }
sent_again() { traffic retransmits "$1"; }
writes() { dd if=/dev/zero of="$loop" bs=512 count="$1" oflag=direct status=none && echo "$1"; }

take_loop() {
	mkdir "$work/memory" && mount -t tmpfs -o size=64M none "$work/memory" && truncate -s 48M "$work/memory/image" || return
	[ -e /dev/loop-control ] || modprobe loop 2>/dev/null
	loop=$(losetup -f --show "$work/memory/image" 2>/dev/null)
}

# --- what is asked of each probe ------------------------------------------------------------------------------

counters() { read_as "$owner" "$mine" | jq -c .counters; }
counter() { counters | jq ".$1"; }
total() { jq "[$1 | .count] | add // 0"; } # JQ: over the aggregates of an answer
received() { grep -c '"time":' "$work/stream"; }
gaps() { jq -s 'map(.lost // 0) | add // 0' "$work/stream"; }

# A gap shows when the next event of its CPU comes, if an earlier one was shown: a few events on each CPU.
on_each_cpu() { # LOAD
	local cpu load=$1
	[ "$load" != switches_of_two ] || load=processes # those two are on the first CPU wherever they are told to be
	for cpu in $(seq 0 $((cpus - 1))); do
		taskset -c -p "$cpu" $BASHPID >/dev/null && "$load" 2 >/dev/null
	done
}
reader_is_done() { [ "$(received)" = "$(counter submitted)" ]; }
shown_cpus() { jq 'select(.time) | .cpu' "$work/stream" | sort -u | wc -l; }
every_cpu() { on_each_cpu "$1" && wait_until 30 reader_is_done && [ "$(shown_cpus)" -ge "$cpus" ]; }
gaps_are_closed() { on_each_cpu "$1" && wait_until 30 reader_is_done && [ "$(gaps)" = "$(counter ring_full)" ]; }

# watch LOAD: a reader that has seen an event of every CPU, and is stopped.
watch() {
	chroot --userspec="$owner" --skip-chdir / bpfwarden -o json watch --schema "$mine" >"$work/stream" 2>>"$work/stream.err" &
	reader=$!
	wait_until 30 eval "(every_cpu $1)" || not_ok "$probe: a reader" "$(cat "$work/stream.err")"
	wait_until 30 reader_is_done
	kill -STOP $reader
}

# bob's requests; none of them waits for the flood.
ask() {
	local other=tcp.reset id
	[ "$probe" != "$other" ] || other=tcp.state
	as $bob bpfwarden -q ps >/dev/null && id=$(as $bob bpfwarden -q attach "$other" --for 10m) &&
		[ "$(read_as $bob "$id" | jq '.counters.seen >= 0')" = true ] && as $bob bpfwarden -q detach "$id" &&
		timeout 100 bpfwarden -o json top --all | jq -e -n --arg id "$mine" \
			'first(inputs | .attachments[] | select(.attachment.id == $id and .lost_per_second > 0)) | true' >/dev/null
}

round() { # LOAD COUNT
	local made
	made=$("$1" "$2") || not_ok "$probe: the flood" "the exercise failed"
	done=$((done + made)) n=$((n + 1))
}

# Rounds until ring and queues have no room any more, then others until bob has his answers and top shows the loss.
rounds() { # LOAD COUNT
	local n=0 code=0 end
	done=0 lost_before=0
	while [ "$lost_before" = 0 ] && [ "$n" -lt 20 ]; do
		round "$@"
		lost_before=$(counter ring_full)
	done
	ask >"$work/ask" 2>&1 &
	meanwhile=$! end=$((SECONDS + 120))
	while [ -d "/proc/$meanwhile" ] && [ "$SECONDS" -lt "$end" ]; do round "$@"; done
	[ ! -d "/proc/$meanwhile" ] || kill "$meanwhile"
	wait "$meanwhile" || code=$?
	meanwhile=
	check_equal "$probe: somebody else is answered meanwhile$([ $code = 0 ] || cat "$work/ask")" $code 0
}

# but_for SHARE NAME SEEN DONE: but for that share of what was done at most, if the kernel hides some.
but_for() {
	if [ "$3" -lt "$4" ] && [ "$3" -ge $(($4 - $4 * $1 / 100)) ] && hides_process_1; then
		ok "$2 (but for $(($4 - $3)))"
	else
		check_equal "$2" "$3" "$4"
	fi
}
nearly() { but_for 1 "$@"; }
# The timers of thousands of connections expire at once, in one softirq: it is hidden or not.
in_bursts() { but_for 70 "$@"; }

# A task's switches are counted from before it is alice's.
about() {
	check "$1 ($2, about $3)" test "$2" -ge $(($3 - $3 / 100)) -a "$2" -le $(($3 + $3 / 100 + 100))
}

at_least() { check "$1 ($2 of $3)" test "$2" -ge "$3"; }

resumes() { # LOAD
	kill -CONT "$reader"
	if ! wait_until 60 reader_is_done; then
		not_ok "$probe: the reader gets all that was submitted" "$(received) of $(counter submitted)"
		return
	fi
	# Of disks others may have events at any moment, so both numbers are right together once, not for ever.
	if wait_until 60 eval "(gaps_are_closed $1)"; then
		ok "$probe: the reader that resumes gets all that was submitted, and the gaps of its stream are what was lost"
	else
		not_ok "$probe: the reader that resumes" "$(received) of $(counter submitted), gaps $(gaps) of $(counter ring_full)"
	fi
}

lost() { counters | jq '.ring_full + .map_full'; }
in_order() { [ "$1" -le "$2" ] && [ "$2" -le "$3" ]; } # only a disk's change meanwhile
lost_in_ps() { bpfwarden ps --all | awk -v id="$mine" '$1 == id { for (i = 1; i <= NF; i++) if ($i ~ /%$/) print $(i + 1) }'; }

# flood PROBE LOAD COUNT HOW JQ HOW [OPTION…]: HOW the number of events compares with what was done, which aggregates count
# it, and how they compare.
flood() {
	local load=$2 count=$3 events=$4 which=$5 aggregates=$6 answer before counted unknown target=() all
	probe=$1 owner=$alice
	shift 6
	[ "$probe" != block.latency ] || owner=root target=(--host)
	mine=$(attach $owner "$probe" "${target[@]}" "$@")
	all=$(attach root "$probe" --host "$@")
	watch "$load"
	before=$(read_as "$owner" "$mine")
	rounds "$load" "$count"
	answer=$(read_as "$owner" "$mine")
	"$events" "$probe: seen is what was done" $(($(jq .counters.seen <<<"$answer") - $(jq .counters.seen <<<"$before"))) "$done"
	unknown=$(($(jq .counters.map_full <<<"$answer") - $(jq .counters.map_full <<<"$before")))
	counted=$(($(total "$which" <<<"$answer") - $(total "$which" <<<"$before")))
	"$aggregates" "$probe: the aggregates have all but what the map had no room for" "$counted" $((done - unknown))
	reconciles "$probe: the counters reconcile" "$(jq .counters <<<"$answer")"
	check "$probe: the ring was full" test "$(jq .counters.ring_full <<<"$answer")" -gt "$lost_before" -a "$lost_before" -gt 0
	check "$probe: ps shows what was lost" in_order "$(lost)" "$(lost_in_ps)" "$(lost)"
	echo "# flood|$probe|$done|$(jq -r '.counters | "\(.seen)|\(.submitted)|\(.ring_full)|\(.map_full)"' <<<"$answer")"
	answer=$(read_as root "$all")
	at_least "$probe: the host's aggregates have it, too" "$(total "$which" <<<"$answer")" "$counted"
	reconciles "$probe: the host's counters reconcile" "$(jq .counters <<<"$answer")"
	check "$probe: the host's ring was full, too" test "$(jq .counters.ring_full <<<"$answer")" -gt 0
	resumes "$load"
	as $owner bpfwarden -q detach "$mine" && bpfwarden -q detach "$all"
	wait "$reader"
	reader=
}

flood tcp.state connections 8000 nearly '.histograms[] | select(.labels.what == "lifetime")' nearly
flood tcp.rtt connections 8000 nearly '.histograms[]' nearly --set interval=0
flood tcp.reset refused_connects 14000 nearly '.counts[] | select(.labels.direction == "recv")' nearly
flood tcp.retransmit sent_again 10000 in_bursts '.counts[]' in_bursts
flood net.drop full_queue 14000 nearly '.counts[]' nearly
flood dns.latency queries 14000 nearly '.counts[]' nearly --set timeout=60s
flood http.status requests 7000 nearly '.counts[]' nearly
flood proc.lifecycle processes 12000 nearly '.counts[] | select(.labels.what == "exit")' nearly
flood sched.runqlat switches_of_two 10000 about '.histograms[]' about --set threshold=0
flood sched.offcpu switches_of_two 10000 about '.histograms[]' about --set threshold=0
flood fs.latency fsyncs 20000 check_equal '.histograms[] | select(.labels.op == "fsync")' check_equal --set threshold=0
flood syscall.hotspots calls 20000 at_least '.histograms[] | select(.labels.syscall == "getppid")' check_equal \
	--set threshold=0 --set duty=100

# Nobody has requests to disks as a user, and the kernel and others have some, too.
if take_loop; then
	flood block.latency writes 14000 at_least \
		".histograms[] | select(.labels.device == \"$(basename "$loop")\" and .labels.op == \"write\")" nearly --set threshold=0
else
	skip block.latency "a loop device on a tmpfs"
fi
host_finish
