# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Actors, each with a uid and a cgroup of its own, and attachments to one probe with every kind of target at once. What
# an actor did is written down as lines "UID CGROUP COUNT", and so is what a stream showed: a target shows exactly
# the lines that it covers. "perform" does all of it for one probe.

unit=bpfwarden-shop.service slice=bpfwarden-test.slice
unit_uid=62701 worker_uid=62702 batch_uid=62703 other_uid=62704 # uids that no account has
knock_uid=62709                                                 # see follow_unit

cgroup_root() {
	local root
	for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
		[ "$(stat -f -c %T "$root" 2>/dev/null)" != cgroup2fs ] || { echo "$root"; return; }
	done
	die "no unified cgroup hierarchy is mounted"
}

make_cgroups() {
	cgroups=$(cgroup_root)/$slice
	people=$cgroups/people.scope shop=$cgroups/$unit batch=$cgroups/batch.scope other=$cgroups/other.service
	worker=$shop/worker
	mkdir "$cgroups" "$people" "$batch" "$other"
	start_unit
}

remove_cgroups() {
	[ ! -d "$cgroups" ] || find "$cgroups" -depth -type d -exec rmdir {} +
}

# A unit that is started anew has another cgroup; $shops and $workers are the numbers of all that it had.
start_unit() {
	mkdir "$shop" "$worker"
	shops="${shops-} $(stat -c %i "$shop")" workers="${workers-} $(stat -c %i "$worker")"
}

is_gone() { rmdir "$1"; } # the processes that were in it may still be ending

restart_unit() {
	wait_until 30 is_gone "$worker" && wait_until 30 is_gone "$shop" && start_unit
}

in_cgroup() { # DIRECTORY COMMAND…
	sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - "$@"
}

somebody() { # UID COMMAND…
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
}

# --- attachments ------------------------------------------------------------------------------------------

# Who asks for which target: alice and bob for themselves, carol for what a policy of her own grants, root for the rest.
all_targets="alice bob user unit nested batch host"
declare -A asks=([alice]=$alice [bob]=$bob [user]=$carol [unit]=$carol [nested]=$carol [batch]=$carol [host]=root)
declare -A kinds=([alice]=self [bob]=self [user]=user [unit]=unit [nested]=cgroup [batch]=cgroup [host]=host)
declare -A named=([user]="--user $alice" [unit]="--unit $unit" [nested]="--cgroup /$slice/$unit/worker"
	[batch]="--cgroup /$slice/batch.scope" [host]=--host)
declare -A ids=() watchers=()

grant_carol() {
	mkdir -p "$etc/policy.d"
	cat >"$etc/policy.d/60-carol.policy" <<-END
		[allow carol]
		user = $carol
		probe = *
		target = unit:$unit unit:bpfwarden-deep.service cgroup:/$slice/$unit/worker cgroup:/$slice/batch.scope user:$alice
		data = aggregates events
	END
}

# has_target PROBE KIND: what the probe says of itself on this kernel.
has_target() {
	bpfwarden -o json list | jq -s -e --arg probe "$1" --arg kind "$2" \
		'map(.probe // . | select(.name == $probe) | .targets) | add | index($kind)' >/dev/null
}

# attach_targets PROBE OPTION…: all that the probe can filter by; the others are refused, not widened. Each is
# watched from the beginning, into $work/TARGET.
attach_targets() {
	local probe=$1 target
	targets=
	for target in $all_targets; do
		# shellcheck disable=SC2086 # options, split on purpose
		if has_target "$probe" "${kinds[$target]}"; then
			ids[$target]=$(attach "${asks[$target]}" "$@" ${named[$target]-})
			watch_target "$target"
			targets+=" $target"
		else
			check_match "$probe: target ${kinds[$target]} is refused" \
				"$(as "${asks[$target]}" bpfwarden attach "$@" --for 1m ${named[$target]-} 2>&1)" \
				"^bpfwarden: target not supported by the probe \\(${kinds[$target]}\\)"
		fi
	done
}

# The first line is the number of the process that writes the others.
watch_target() {
	# shellcheck disable=SC2016 # the inner shell's
	as "${asks[$1]}" sh -c 'echo "{\"watcher\":$$}"; exec "$@"' - bpfwarden -o json watch "${ids[$1]}" \
		>"$work/$1" 2>"$work/$1.err" &
	watchers[$1]=$!
}

counter() { read_as "${asks[$1]}" "${ids[$1]}" | jq ".counters.$2"; } # TARGET COUNTER

shown() { jq -c 'select(.time)' "$work/$1" 2>/dev/null; } # TARGET: the events of its stream so far

has_shown() { [ "$(shown "$1" | wc -l)" -ge "$2" ]; }

# What was submitted before now has come out of every stream.
drain_targets() {
	local target
	for target in $targets; do
		wait_until 60 has_shown "$target" "$(counter "$target" submitted)" ||
			not_ok "$probe: the stream of $target" "$(shown "$target" | wc -l) events came"
	done
}

detach_targets() {
	local target
	for target in $targets; do
		as "${asks[$target]}" bpfwarden -q detach "${ids[$target]}"
		wait "${watchers[$target]}" 2>/dev/null
	done
}

# --- what was done and what was shown ---------------------------------------------------------------------

note() { echo "$*" >>"$work/done"; } # UID CGROUP COUNT

# Of lines "UID CGROUP COUNT" those that a target covers, in order, equal ones added up. What users do outside of the
# test's cgroups (their clients' own processes) is in nobody's lines; somebody else's there never is left out.
covered_by() { # TARGET
	awk -v target="$1" -v alice="$alice_uid" -v bob="$bob_uid" -v knock=$knock_uid -v knocked="${knocked-}" \
		-v ours="$shops $workers $(stat -c %i "$people" "$batch" "$other" | xargs)" '
		function among(list, n) { return index(" " list " ", " " n " ") > 0 }
		BEGIN { me = target == "bob" ? bob : alice }
		$1 == knock || $1 == 0 && $2 == knocked { next }
		target == "host" && !among(ours, $2) { next }
		target ~ /^(alice|bob|user)$/ && $1 == me && !among(ours, $2) { next }
		{ sum[$1 " " $2] += $3 }
		END { for (pair in sum) print pair, sum[pair] }' | sort
}

# The same of what was done: here the target decides, with words of its own and not the kernel's.
should_show() { # TARGET
	awk -v target="$1" -v alice="$alice_uid" -v bob="$bob_uid" -v shops="$shops" -v workers="$workers" \
		-v batch="$(stat -c %i "$batch")" '
		function among(list, n) { return index(" " list " ", " " n " ") > 0 }
		BEGIN { split(workers, w, " ") }
		target == "host" ||
		target == "alice" && $1 == alice || target == "user" && $1 == alice || target == "bob" && $1 == bob ||
		target == "unit" && (among(shops, $2) || among(workers, $2)) ||
		target == "nested" && $2 == w[1] || target == "batch" && $2 == batch' "$work/done" | covered_by "$1"
}

did_show() { # TARGET [JQ-FILTER]
	shown "$1" | jq -r "${2:-.} | \"\\(.uid) \\(.cgroup) 1\"" | covered_by "$1"
}

# Knocks at the unit's door until its stream knows the new cgroup: with a uid whose lines do not count, and neither do
# root's in this cgroup, $knocked, because some of the knocks are shown and some are not.
follow_unit() { # LOAD-FUNCTION
	"$1" $knock_uid "$shop" 1 >/dev/null
	shown unit | jq -r .cgroup | grep -qx "${shops##* }"
}

# --- a load by everybody, and whether each target shows its own ------------------------------------------------

# Everybody at once, each a number of its own: alice twice, of which once in the unit.
everybody() { # FUNCTION FACTOR
	local pids=() pid
	"$1" "$alice_uid" "$people" $((7 * $2)) & pids+=($!)
	"$1" "$alice_uid" "$shop" $((5 * $2)) & pids+=($!)
	"$1" "$bob_uid" "$people" $((61 * $2)) & pids+=($!)
	"$1" $unit_uid "$shop" $((23 * $2)) & pids+=($!)
	"$1" $worker_uid "$worker" $((31 * $2)) & pids+=($!)
	"$1" $batch_uid "$batch" $((43 * $2)) & pids+=($!)
	"$1" $other_uid "$other" $((67 * $2)) & pids+=($!)
	for pid in "${pids[@]}"; do
		wait "$pid" || not_ok "$probe: everybody's load" "one of them failed"
	done
}

exact() { # WHEN [JQ-FILTER]
	local target
	drain_targets
	for target in $targets; do
		[ -n "$(should_show "$target")" ] || not_ok "$probe: $target" "there is nothing that it should show"
		check_equal "$probe: $target shows exactly its own$1" "$(did_show "$target" "${2-}" | xargs)" \
			"$(should_show "$target" | xargs)"
		check_equal "$probe: $target lost nothing$1" "$(counter "$target" ring_full)" 0
	done
}

# The number of runs is known but for a few, either way: those in which a process is becoming who it will be or ends, and those
# that some kernels hide (hides_process_1 in lib.sh).
about() { # WHEN
	local target
	drain_targets
	for target in $targets; do
		[ "$target" != host ] || continue # its ring would have to hold the whole machine's
		# What the kernel had no room for is missing, and counted.
		check_equal "$probe: $target shows its own and no other's$1" "$(join -a 1 -a 2 -o 0,1.2,2.2 -e 0 \
			<(did_show "$target" | sed 's/ /:/' | sort) <(should_show "$target" | sed 's/ /:/' | sort) |
			awk -v lost="$(counter "$target" ring_full)" '!/^0:/ && ($2 + lost + 5 < $3 || $2 > $3 + 50) {
				print "uid:cgroup", $1, "shown", $2, "of", $3, "lost", lost }')" ""
	done
}

# Aggregates by cgroup: UID is not among the labels, so all of a cgroup is one number.
by_cgroup() { # TARGET JQ-PROGRAM
	read_as "${asks[$1]}" "${ids[$1]}" | jq -r "$2" | awk '{ print 0, $1, $2 }' | covered_by "$1" |
		awk '{ print $2, $3 }'
}

# Of root's lines only a load's own count, so the sums are asked of those who see whole cgroups.
sums() { # LINES-TO-CGROUPS
	awk '{ sum[$2] += $3 } END { for (c in sum) print c, sum[c] }' | sort
}

counts() { # NAME JQ-PROGRAM
	local target
	for target in $targets; do
		case $target in unit | nested | batch) ;; *) continue ;; esac
		check_equal "$probe: $1 of $target" "$(by_cgroup "$target" "$2" | sort | xargs)" \
			"$(should_show "$target" | sums | xargs)"
	done
}

# refused WHO OPTION…: by the rule that there is no rule.
refused() {
	local who=$1 output code=0
	shift
	output=$(as "$who" bpfwarden attach "$probe" "$@" --for 1m 2>&1) || code=$?
	check_equal "$probe: $who may not: ${*:-self}" "$code $(head -n 1 <<<"$output")" \
		"3 bpfwarden: denied by policy (default): no allow section of the policy matches this request (rule default)"
}

refusals() {
	has_target "$probe" self || return 0
	refused $alice --user $bob
	refused $alice --user root
	refused $alice --unit $unit
	refused $alice --cgroup "/$slice/people.scope"
	refused $alice --host
	refused $carol
	refused $carol --user $bob
	refused $carol --unit other.service
	refused $carol --cgroup "/$slice"
	refused $carol --cgroup "/$slice/other.service"
	refused $carol --host
	refused $unit_uid --unit $unit
}

# perform PROBE LOAD FACTOR CHECK [OPTION…]: before and after the unit is restarted.
perform() {
	local load=$2 factor=$3 how=$4
	probe=$1
	shift 4
	: >"$work/done"
	shops=${shops##* } workers=${workers##* } knocked=
	attach_targets "$probe" "$@"
	everybody "$load" "$factor"
	"$how" ""
	"${load}_more"
	if restart_unit; then ok "$probe: the unit is restarted"; else not_ok "$probe: the unit is restarted"; fi
	knocked=${shops##* }
	case "$targets" in
	*unit*) check "$probe: its stream follows" wait_until 60 follow_unit "$load" ;;
	esac
	everybody "$load" "$factor"
	"$how" " after the unit's restart"
	detach_targets
	refusals
}
