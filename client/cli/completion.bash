# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for bpfwarden(1)

_bpfwarden_probes() {
	bpfwarden -q list 2>/dev/null | awk 'NR > 1 { sub(/-[0-9]+$/, "", $1); print $1 }'
}

# What --top can regroup by: of the probe that is among the words, or of the attachment.
_bpfwarden_keys() {
	local word id probe keys='"name":"[^"]*","type"'
	for word; do
		[[ $word != -* && $word != run && $word != watch && $word != read ]] || continue
		while read -r id probe; do
			[[ $id != "$word"* ]] || word=${probe%-*}
		done < <(bpfwarden -q ps 2>/dev/null | awk 'NR > 1 { print $1, $2 }')
		bpfwarden -o json show "$word" 2>/dev/null | sed 's/"parameters":.*//' | grep -o "$keys" | cut -d '"' -f 4
		return
	done
}

_bpfwarden_attachments() {
	bpfwarden -q ps 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_bpfwarden_units() {
	systemctl list-units --plain --no-legend --type=service,scope,slice 2>/dev/null | awk '{ print $1 }'
}

_bpfwarden() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb= second= word i
	local common='-o -q -h --output --quiet --help' words=
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-o | --output) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $verb ]]; then verb=$word; elif [[ -z $second ]]; then second=$word; fi
			;;
		esac
	done
	case $prev in
	-o | --output)
		words='text json'
		[[ $verb != bundle || $second != build ]] || { mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return; }
		;;
	-U | --unit) words=$(_bpfwarden_units) ;;
	-u | --user) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	--trust) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--checkpoint | --key | --cert | --key-file | --certificate | --ca | --prepare | --attach)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--policy | --ksig-key | --ksig-cert) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--objects) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--may) words='enroll-production enroll-experimental revoke' ;;
	--as) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	--groups) mapfile -t COMPREPLY < <(compgen -g -- "$cur"); return ;;
	--probe) [[ $verb != policy && $verb != audit ]] || words=$(_bpfwarden_probes) ;;
	--namespace) words='host container' ;;
	--privacy) words='safe bound pii' ;;
	--data) words='aggregates events aggregates,events' ;;
	--target) words='self host user: unit: cgroup:' ;;
	--top) words=$(_bpfwarden_keys "${COMP_WORDS[@]:1:COMP_CWORD - 2}") ;;
	--verdict) words='allow deny ok failed' ;;
	--from-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--format) words='tiles json ocsf' ;;
	--kind) words='decision outcome end change start stop crash read denials' ;;
	--action)
		words='attach detach-any enroll promote revoke audit-read policy-reload'
		[[ $verb != audit ]] || words='attach detach enroll promote revoke accept-clock trust clock audit configuration audit-retention audit-reserve audit-read
			policy-reload policy-explain policy-text status'
		;;
	--from-cgroup | --at | --since | --until | -n) return ;;
	-g | --cgroup | -p | --pid | -s | --set | -f | --for | --serial) return ;;
	--role | --names | --threshold | --signer | --below | --file | --reason) return ;;
	*)
		case $verb in
		'') words="list show run attach ps top watch read detach doctor registry policy audit bundle trust version
			help --version $common" ;;
		list | show) words="$(_bpfwarden_probes) $common" ;;
		run | attach)
			words="$(_bpfwarden_probes) --pid --unit --user --cgroup --host --set --for --aggregates
				--events --privacy --serial --experimental --dry-run $common"
			[[ $verb != run ]] || words+=' --top --schema'
			;;
		ps) words="--all $common" ;;
		top) words="--all --once $common" ;;
		watch | read) words="$(_bpfwarden_attachments) --top --schema $common" ;;
		detach) words="$(_bpfwarden_attachments) $common" ;;
		registry)
			case $second in
			'') words='list show enroll promote revoke' ;;
			enroll) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
			*) words="$(_bpfwarden_probes) --experimental --reason --file --key --certificate
				--dry-run $common" ;;
			esac
			;;
		policy)
			case $second in
			'') words='show explain who diff reload check test' ;;
			show) words="--at --mine $common" ;;
			explain) words="$(_bpfwarden_probes) --as --groups --namespace --from-cgroup --at --action --probe
				--target --pid --unit --user --cgroup --host --set --privacy --aggregates --events --data
				--serial --experimental --persist --on-disk $common" ;;
			who) words="$(_bpfwarden_probes) --target --action --all $common" ;;
			reload) words="--dry-run $common" ;;
			check) words="--strict --assume-names $common" ;;
			test) words="--policy --assume-names $common" ;;
			*) words=$common ;;
			esac
			[[ $cur == -* || ($second != check && $second != test) ]] ||
				{ mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return; }
			;;
		audit)
			case $second in
			'') words='list show checkpoint verify report export' ;;
			list) words="--since --until --user --probe --kind --verdict --action --attachment -n --reverse
				--follow $common" ;;
			checkpoint) words="--key $common" ;;
			verify) words="--checkpoint --key --journal --quick $common" ;;
			report) words="--since --until --from-dir --quiet --help" ;;
			export) words="--from-dir --format $common" ;;
			*) words=$common ;;
			esac
			[[ $cur == -* || ($second != verify && $second != export) ]] || { mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return; }
			;;
		bundle | trust)
			case $second in
			'') [[ $verb == trust ]] && words='show check init revoke' || words='init build sign verify inspect' ;;
			sign) words='--key --cert --signer --prepare --attach --help' ;;
			verify) words='--trust --output --help' ;;
			build) words='--output --object --objects --ksig-key --ksig-cert --help' ;;
			inspect) words='--output --help' ;;
			check) words="--strict $common" ;;
			init) [[ $verb == trust ]] && words="--role --names --threshold --may --ca --signer --quiet --help" || words=--help ;;
			revoke) words='--below --file --key --certificate --reason --key-file --cert --signer
				--dry-run --quiet --help' ;;
			*) words=$common ;;
			esac
			[[ $cur == -* || -z $second ]] || { mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return; }
			;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _bpfwarden bpfwarden
