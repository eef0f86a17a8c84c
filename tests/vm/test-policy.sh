#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Inside a virtual machine: with real users, real units and containers, everybody sees what his target allows and
# nothing else, and no longer than that.
#
#   tests/vm/run 12 "$(tests/vm/build-deb)" tests/vm/test-policy.sh tests/vm/load.py
# shellcheck disable=SC2016,SC2317 source=tests/vm/lib.sh
. /payload/lib.sh

work=/var/tmp/policy
long=120 # seconds that anything may take: the machine may be emulated
probes="tcp.state proc.lifecycle net.drop sched.runqlat"
targets="alice bob user unit group host"
declare -A asks=([alice]=alice [bob]=bob [user]=carol [unit]=carol [group]=carol [host]=root)
declare -A kinds=([alice]=self [bob]=self [user]=user [unit]=unit [group]=cgroup [host]=host)
declare -A option=([alice]="" [bob]="" [user]="--user alice" [unit]="--unit shop.service"
	[group]="--cgroup /people.slice/people-bob.slice" [host]=--host)
declare -A id=()
export LC_ALL=C

# become USER COMMAND…: with the user's groups and nothing else. In the background, $! is the command's.
become() {
	local who=$1
	shift
	exec setpriv --reuid "$who" --regid "$who" --init-groups --inh-caps=-all -- "$@"
}
as() { (become "$@"); }

set_up() {
	check "install" dpkg -i "$DEB"
	mkdir -m 755 "$work"
	mkdir -m 777 "$work/done"
	for name in alice bob carol shop; do
		adduser --quiet --disabled-password --gecos '' $name
	done
	adduser --quiet alice bpfwarden-users
	adduser --quiet bob bpfwarden-users
	alice_uid=$(id -u alice) bob_uid=$(id -u bob)
	cat >/etc/bpfwarden/policy.d/50-carol.policy <<-'END'
		[allow carol]
		user = carol
		probe = *
		target = unit:shop.service cgroup:/people.slice/people-bob.slice user:alice
		data = aggregates events
	END
	check "policy: a section for carol" bpfwarden policy reload
	# A link with nobody at its other end: what is sent there is dropped on its way out, with its sender's socket.
	ip tuntap add dead mode tun && ip addr add 198.51.100.1/24 dev dead && ip link set dead up ||
		not_ok "a dead link" "it could not be made"
	mkfifo "$work/orders"
	# A service of its own user, which makes a load when it is told to; in a slice, as units may be.
	cat >/etc/systemd/system/shop.service <<-END
		[Service]
		User=shop
		Slice=business-shops.slice
		ExecStart=/usr/bin/python3 /payload/load.py serve $work/orders
	END
	chown shop "$work/orders"
	systemctl daemon-reload
	check "unit: it starts" systemctl start shop.service people-alice.slice people-bob.slice
}

shop_cgroup() { stat -c %i "/sys/fs/cgroup$(systemctl show -P ControlGroup shop.service)"; }

# --- attachments ------------------------------------------------------------------------------------------

has_target() { # PROBE KIND
	bpfwarden list -o json | jq -s -e --arg probe "$1" --arg kind "$2" \
		'map(.probe // . | select(.name == $probe) | .targets) | add | index($kind)' >/dev/null
}

attach_all() { # PROBE OPTION…
	local target
	shown_by=
	for target in $targets; do
		# shellcheck disable=SC2086 # options, split on purpose
		if has_target "$1" "${kinds[$target]}"; then
			id[$target]=$(as "${asks[$target]}" bpfwarden attach "$@" ${option[$target]} --for 1h -o json |
				jq -r .attachment.id)
			(become "${asks[$target]}" bpfwarden watch "${id[$target]}" -o json) \
				>"$work/$target" 2>"$work/$target.err" </dev/null &
			shown_by+=" $target"
		else
			check_match "$1: target ${kinds[$target]} is refused" \
				"$(as "${asks[$target]}" bpfwarden attach "$@" ${option[$target]} --for 1m 2>&1)" \
				"^bpfwarden: target not supported by the probe \\(${kinds[$target]}\\)"
		fi
	done
}

detach_all() {
	local target
	for target in $shown_by; do
		as "${asks[$target]}" bpfwarden detach -q "${id[$target]}"
	done
}

counter() { as "${asks[$1]}" bpfwarden read "${id[$1]}" -o json | jq ".counters.$2"; } # TARGET COUNTER
shown() { grep '"time":' "$work/$1"; }                                                # TARGET
has_shown() { [ "$(shown "$1" | wc -l)" -ge "$2" ]; }

drain() {
	local target
	for target in $shown_by; do
		wait_until $long has_shown "$target" "$(counter "$target" submitted)" ||
			not_ok "$1: the stream of $target" "$(shown "$target" | wc -l) events came"
	done
}

# --- loads ------------------------------------------------------------------------------------------------

shop() { # LOAD COUNT
	rm -f "$work/done/shop"
	echo "$1 $2 $work/done/shop" >"$work/orders"
	wait_until $long test -e "$work/done/shop"
}

person() { # USER LOAD COUNT: a unit of the moment, in a cgroup of its own
	systemd-run --quiet --wait --uid="$1" --slice="people-$1.slice" /usr/bin/python3 /payload/load.py "$2" "$3"
}

together() { # LOAD FACTOR
	local pids=() pid
	person alice "$1" $((7 * $2)) & pids+=($!)
	person bob "$1" $((31 * $2)) & pids+=($!)
	shop "$1" $((13 * $2)) & pids+=($!)
	for pid in "${pids[@]}"; do
		wait "$pid" || not_ok "$1: load" "it failed"
	done
}

# --- what was shown ---------------------------------------------------------------------------------------

# Of lines "UID CGROUP COUNT" those of the load's cgroups, equal ones added up; beside them only what a target may never
# show. A user's clients run elsewhere and are the user's, and so is what systemd does in a cgroup before it is handed
# over; the cgroups of units that knock at the door count for nobody.
summed() { # TARGET
	local mine=-1
	case $1 in alice | user) mine=$alice_uid ;; bob) mine=$bob_uid ;; esac
	awk -v target="$1" -v mine="$mine" -v knocked="${knocked-}" '
		FNR == NR { ours[$2] = 1; next }
		target == "host" && !($2 in ours) || $1 == mine && !($2 in ours) || $2 == knocked { next }
		{ sum[$1 " " $2] += $3 }
		END { for (pair in sum) print pair, sum[pair] }' <(cat "$work/done"/*.*) - | sort
}

# By words of its own: who did it, and where.
should_show() { # TARGET
	awk -v target="$1" -v alice="$alice_uid" -v bob="$bob_uid" -v shop="$(id -u shop)" '
		target == "host" || (target == "alice" || target == "user") && $1 == alice ||
		(target == "bob" || target == "group") && $1 == bob || target == "unit" && $1 == shop' "$work/done"/*.* |
		summed "$1"
}

did_show() { # TARGET JQ-FILTER
	shown "$1" | jq -r "select($2) | \"\\(.uid) \\(.cgroup) 1\"" | summed "$1"
}

uids() { # TARGET: those of its events, but for root's, who starts what runs in a unit
	shown "$1" | jq .uid | sort -un | grep -vx 0 | xargs
}

declare -A uid_of
exact() { # PROBE JQ-FILTER
	local target
	drain "$1"
	for target in $shown_by; do
		check_equal "$1: $target shows exactly its own${when-}" "$(did_show "$target" "$2" | xargs)" \
			"$(should_show "$target" | xargs)"
		[ "$target" = host ] ||
			check_equal "$1: $target shows nobody else's${when-}" "$(uids "$target")" "${uid_of[$target]}"
		check_equal "$1: $target lost nothing${when-}" "$(counter "$target" ring_full)" 0
	done
}

# Waits for a CPU: as many as the kernel counted, and the few of a process that begins or ends.
about() { # PROBE
	local target
	drain "$1"
	for target in $shown_by; do
		[ "$target" != host ] || continue # its ring would have to hold the whole machine's
		check_equal "$1: $target shows its own and no other's${when-}" \
			"$(join -a 2 -o 0,1.2,2.2 -e 0 <(did_show "$target" .uid | sed 's/ /:/' | sort) \
				<(should_show "$target" | sed 's/ /:/' | sort) |
				awk '$2 < $3 || $2 > $3 + 2000 { print $1 ": " $2 " of " $3 }')" ""
		check_equal "$1: $target shows nobody else's${when-}" "$(uids "$target")" "${uid_of[$target]}"
	done
}

# One more load of the unit, and whether its stream knows the new cgroup by now.
followed() { # LOAD
	shop "$1" 3
	shown unit | jq .cgroup | grep -qx "$knocked"
}

restart() { # PROBE LOAD
	local old
	old=$(shop_cgroup)
	check "$1: the unit restarts" systemctl restart shop.service
	check "$1: in another cgroup" test "$old" != "$(shop_cgroup)"
	knocked=$(shop_cgroup)
	check "$1: its stream follows" wait_until $long followed "$2"
	# What counts from here on is what the unit does in the cgroup that follows.
	old=$(shown unit | wc -l)
	shop "$2" 5
	check "$1: and goes on" wait_until $long has_shown unit $((old + 1))
}

# Packets on their way in, where the kernel does not say to which socket (docs/PROBES.md): they are nobody's, which is for
# the host only.
nobodys() { # PROBE JQ-FILTER
	local target total
	drain "$1"
	total=$(awk '{ n += $3 } END { print n }' "$work/done"/*.*)
	for target in $shown_by; do
		case $target in
		host)
			check_equal "$1: host shows what is nobody's" \
				"$(shown host | jq -r "select($2) | \"\(.uid) \(.cgroup)\"" | sort | uniq -c | xargs)" "$total 0 0"
			;;
		*) check_equal "$1: $target does not show what is nobody's" "$(shown "$target" | jq -c "select($2)")" "" ;;
		esac
	done
}

perform() { # PROBE LOAD FACTOR CHECK FILTER OPTION…
	local probe=$1 load=$2 factor=$3 how=$4 filter=$5 from=$SECONDS when=
	shift 5
	rm -f "$work/done"/*
	knocked=
	attach_all "$probe" "$@"
	together "$load" "$factor"
	"$how" "$probe" "$filter"
	if [ "$how" != nobodys ] && [[ $shown_by = *unit* ]]; then
		restart "$probe" "$load"
		when=" after the unit's restart"
		together "$load" "$factor"
		"$how" "$probe" "$filter"
	fi
	detach_all
	echo "# $probe, $load: $((SECONDS - from)) s"
}

each_target() {
	local in=exact
	# Linux 6.11 names the receiver.
	printf '6.11\n%s\n' "$(uname -r)" | sort -CV || in=nobodys
	uid_of=([alice]=$alice_uid [user]=$alice_uid [bob]=$bob_uid [group]=$bob_uid [unit]=$(id -u shop))
	perform tcp.state connections 1 exact .uid
	perform proc.lifecycle programs 1 exact '.what == "exec" and .command == "true"'
	perform net.drop received 3 $in '.reason == "SOCKET_RCVBUFF"'
	perform net.drop sent 3 exact '.reason == "QDISC_DROP"'
	perform sched.runqlat waits 20 about .uid --set threshold=0
}

# --- a group is taken away --------------------------------------------------------------------------------

ids_of() { as "$1" bpfwarden ps -o json | jq -r .attachment.id; }
attached_are() { [ "$(ids_of "$1" | grep -c .)" = "$2" ]; }
now() { date +%s%3N; }

# Its stream's end is noted as soon as it comes.
stream() { # PROBE
	as alice bpfwarden run "$1" -o json >"$work/$1" 2>"$work/$1.err" </dev/null
	now >"$work/$1.end"
}

taken_away() {
	local probe act reply one
	for probe in $probes; do
		stream "$probe" &
	done
	check "gpasswd: alice has one stream of each probe" wait_until $long attached_are alice 4
	as bob bpfwarden attach tcp.state --for 1h >/dev/null
	check "gpasswd: bob has one, too" wait_until $long attached_are bob 1
	act=$(now)
	bpfwarden list >/dev/null
	one=$(($(now) - act))
	# How long it takes is printed: an emulated machine has no seconds of its own. That nothing is left at the reply is held.
	check "gpasswd: alice leaves the group" gpasswd -d alice bpfwarden-users
	act=$(now)
	check "gpasswd: policy reload" bpfwarden policy reload
	reply=$(now)
	check_equal "gpasswd: at its reply, nothing is alice's any more" "$(bpfwarden ps --all -o json | jq -r .attachment.user)" bob
	for probe in $probes; do
		check "gpasswd: $probe's stream ends" wait_until $long test -s "$work/$probe.end"
		echo "# $probe: ended $(($(cat "$work/$probe.end") - act)) ms after the reload was asked for, which took" \
			"$((reply - act)) ms; a list takes $one ms here"
		check_match "gpasswd: $probe's stream says why" "$(cat "$work/$probe.err")" \
			'attachment ended: the policy does not allow it any more \(rule default\)'
		check_equal "gpasswd: $probe is refused from now on" "$(refusal alice attach "$probe" --for 1m)" \
			"3 bpfwarden: denied by policy (default): no allow section of the policy matches this request (rule default)"
	done
	check_equal "gpasswd: bob's goes on" "$(bpfwarden ps --all -o json | jq -r '[.attachment | .user, .probe] | join(" ")')" "bob tcp.state"
	as bob bpfwarden detach -q "$(ids_of bob)"
	adduser --quiet alice bpfwarden-users
}

refusal() { # USER ARGUMENT…: exit code and what it says
	local code=0 output
	output=$(as "$1" bpfwarden "${@:2}" 2>&1) || code=$?
	echo "$code $(head -n 1 <<<"$output")"
}

# --- containers -------------------------------------------------------------------------------------------

contained="3 bpfwarden: denied by policy (containers): rule containers of the policy denies this request"

denied_in() { # NAME PROBE COMMAND…: which attaches, in a container
	local name=$1 probe=$2 code=0 output
	shift 2
	output=$("$@" bpfwarden attach "$probe" --for 1m 2>&1) || code=$?
	check_equal "$name: $probe" "$code $(grep '^bpfwarden:' <<<"$output" | head -n 1)" "$contained"
}

# The same uid, the same groups, the same programs.
alice_with() { setpriv --reuid alice --regid alice --init-groups --inh-caps=-all -- "$@"; }
mapped() { alice_with unshare --user --map-root-user "$@"; }
numbered() { alice_with unshare --user --pid --fork "$@"; }
by_root() {
	unshare --pid --fork setpriv --reuid alice --regid alice --init-groups --inh-caps=-all -- "$@"
}
nspawned() {
	systemd-nspawn --quiet --register=no --pipe --directory=/ --volatile=yes --bind=/run/bpfwarden \
		setpriv --reuid "$alice_uid" --regid "$(id -g alice)" --groups "$(id -G alice | tr ' ' ,)" \
		--inh-caps=-all -- "$@" </dev/null
}

containers() {
	local probe
	check "containers: alice may, outside" as alice bpfwarden run tcp.state --for 1s
	check_equal "containers: systemd-nspawn runs as alice with her groups" "$(nspawned id -u) $(nspawned id -G)" \
		"$alice_uid $(id -G alice)"
	for probe in $probes; do
		denied_in "unshare --user --map-root-user" "$probe" mapped
		denied_in "unshare --user --pid" "$probe" numbered
		denied_in "unshare --pid by root" "$probe" by_root
		denied_in "systemd-nspawn" "$probe" nspawned
	done
	check_equal "containers: nothing is attached" "$(bpfwarden ps --all -o json)" ""
	# Further denials by the same rule are only counted for a minute.
	check_match "containers: the log has it" "$(bpfwarden audit list -o json --user alice --action attach |
		jq -r '.record | select(.kind == "decision" and .verdict == "deny") | "\(.rule) \(.refusal.name) \(.probe)"')" \
		'^containers PolicyDenied tcp.state$'
}

# --- a probe that cannot ----------------------------------------------------------------------------------

# tcp.state once more, by another signer, who says that it can filter by user only.
narrow() {
	local bundle=$work/narrow
	mkdir -p "$bundle" /etc/bpfwarden/trust
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=tester \
		-keyout "$work/tester.key" -out /etc/bpfwarden/trust/tester.pem -addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=critical,codeSigning 2>/dev/null
	printf '[role tester]\npinned = tester.pem\nnames = tcp.state\nmay = enroll-production\n' \
		>/etc/bpfwarden/trust/tester.conf
	cp /usr/lib/bpfwarden/bundles/tcp.state/1/tcp.state* "$bundle"
	jq -cj '.serial = 2 | .targets = ["self"] | .roles = ["tester"]' \
		/usr/lib/bpfwarden/bundles/tcp.state/1/manifest.json >"$bundle/manifest.json"
	(cd "$bundle" && tar --format=ustar --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=644 \
		-cf "$work/narrow.bpfw" manifest.json tcp.state*)
	check "unsupported: signed" bpfwarden bundle sign "$work/narrow.bpfw" --key "$work/tester.key" \
		--cert /etc/bpfwarden/trust/tester.pem
	check "unsupported: enrolled" bpfwarden registry enroll "$work/narrow.bpfw"
}

unsupported() {
	local kind
	narrow
	check "unsupported: what it can" bpfwarden run tcp.state --serial 2 --for 1s
	for kind in "user --user alice" "unit --unit shop.service" "cgroup --cgroup /system.slice" "host --host"; do
		# shellcheck disable=SC2086 # an option and its value
		check_equal "unsupported: ${kind%% *}" "$(refusal root attach tcp.state --serial 2 --for 1m ${kind#* })" \
			"5 bpfwarden: target not supported by the probe (${kind%% *}): tcp.state cannot filter by target ${kind%% *}"
	done
	check_equal "unsupported: nothing is attached" "$(bpfwarden ps --all -o json)" ""
}

finish() {
	if [ "$vm_failed" -gt 0 ]; then
		journalctl --no-pager -o short-monotonic -u 'bpfwardend*' -u shop | tail -n 60 | sed 's/^/# /'
		tail -n 5 "$work"/*.err | sed 's/^/# /'
	fi
	jobs -p | xargs -r kill 2>/dev/null
	vm_finish
	exit
}

timed() {
	local from=$SECONDS
	"$1"
	echo "# $1: $((SECONDS - from)) s"
}

timed set_up
[ "$vm_failed" = 0 ] || finish
timed each_target
timed taken_away
timed containers
timed unsupported
finish
