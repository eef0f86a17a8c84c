#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# bpfwarden policy check and test on files of the test's own: bash tests/policy/command-line.sh BPFWARDEN
# shellcheck source=tests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../vm/lib.sh"

bpfwarden=$(realpath "${1:?usage: bash $0 BPFWARDEN}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# No daemon listens there, and none is needed.
export BPFWARDEN_SOCKET=$work/none LC_ALL=C

# says NAME CODE TEXT COMMAND…: both outputs together are this text, and the command ends with this code.
says() {
	local name=$1 want=$2 text=$3 output code=0
	shift 3
	output=$("$@" 2>&1) || code=$?
	check_equal "$name" "$code: $output" "$want: $text"
}
policy() { "$bpfwarden" policy "$@"; }

cat >good.policy <<'END'
[allow dev]
user = 1000
probe = tcp.*
END
cat >wide.policy <<'END'
[allow all]
probe = udp.*
END
cat >ghost.policy <<'END'
[allow ghosts]
group = no-such-group
probe = *
END
cat >ghost-deny.policy <<'END'
[deny ghosts]
  user = no-such-user
END
printf '[allow dev]\nuser = 1000\nprobes = tcp.*\n' >bad.policy
printf '[test ok]\nuser = 1000\nprobe = tcp.state\nhook = tp_btf/x\nexpect = allow\nrule = dev\n' >good.test
printf '[test no]\nuser = 1001\nprobe = tcp.state\nhook = tp_btf/x\nexpect = allow\n' >fails.test

# ---- check ----
says "a good policy" 0 '1 section, 0 warnings' policy check --strict good.policy
says "quietly" 0 '' policy check -q good.policy
says "a warning" 0 'wide.policy:1: [allow all] is for everybody: no user, uid, group, from-unit or from-cgroup
1 section, 1 warning' policy check wide.policy
check_code "a warning fails with --strict" 1 policy check --strict wide.policy
says "a group that is not there" 0 "ghost.policy:2:9: there is no group 'no-such-group': it matches nobody
1 section, 1 warning" policy check ghost.policy
says "--assume-names takes it for granted" 0 '1 section, 0 warnings' policy check --strict --assume-names ghost.policy
says "a user that is not there, in a deny" 1 \
	"ghost-deny.policy:2:10: there is no user 'no-such-user', so this deny would vanish
bpfwarden: to take users and groups for granted that this machine does not know: --assume-names" policy check ghost-deny.policy
says "an error" 1 "bad.policy:3:1: unknown key 'probes', did you mean 'probe'?" policy check bad.policy
says "an error in JSON" 1 \
	'{"error":{"place":"bad.policy:3:1","reason":"unknown key '"'probes', did you mean 'probe'"'?","file":"bad.policy","line":3,"column":1}}' \
	policy check -o json bad.policy
says "warnings in JSON" 0 '{"sections":2,"warnings":[{"file":"ghost.policy","line":2,"warning":"there is no group '"'no-such-group'"': it matches nobody","column":9},{"file":"wide.policy","line":1,"warning":"[allow all] is for everybody: no user, uid, group, from-unit or from-cgroup"}]}' \
	policy check -o json ghost.policy wide.policy
says "a file that is not there" 1 'none.policy: No such file or directory' policy check none.policy
mkdir nothing
says "a directory without a policy" 0 '0 sections, 0 warnings' policy check --strict nothing
check_code "an unknown option" 2 policy check --stirct good.policy
check_code "--dry-run, where nothing changes" 2 policy check --dry-run good.policy

# ---- layers ----
mkdir etc lib
cp wide.policy lib/50-default.policy
cp good.policy lib/60-dev.policy
cp good.policy lib/.hidden.policy
cp bad.policy lib/notes.txt
says "two files of one directory" 0 'lib/50-default.policy:1: [allow all] is for everybody: no user, uid, group, from-unit or from-cgroup
2 sections, 1 warning' policy check lib
ln -s /dev/null etc/50-default.policy
says "a link to /dev/null masks" 0 '1 section, 0 warnings' policy check etc lib
rm etc/50-default.policy
: >etc/50-default.policy
says "an empty file masks" 0 '1 section, 0 warnings' policy check etc lib
says "only what has precedence masks" 0 'lib/50-default.policy:1: [allow all] is for everybody: no user, uid, group, from-unit or from-cgroup
2 sections, 1 warning' policy check lib etc
printf '[allow dev]\nuser = 1001\n' >etc/70-dev.policy
says "one name in two files" 1 "etc/70-dev.policy:1:8: $(policy check etc lib 2>&1 | sed 's/^[^ ]* //')" policy check etc lib
check_match "it is told where the first is" "$(policy check etc lib 2>&1)" 'lib/60-dev\.policy:1'
chmod 0666 etc/70-dev.policy
check_code "who owns or may write named files is nobody's business" 1 policy check etc lib

# ---- test ----
says "a test that passes" 0 'ok ok
1 passed, 0 failed' policy test --policy good.policy good.test
says "quietly, too" 0 '' policy test -q --policy good.policy good.test
says "a test that fails, and of several files" 1 'ok ok
not ok no: expected allow, got deny by default
1 passed, 1 failed' policy test --policy good.policy good.test fails.test
says "in JSON" 1 '{"test":"no","file":"fails.test","line":1,"ok":false,"allowed":false,"rule":"default","problem":"expected allow, got deny by default"}' \
	policy test -o json --policy good.policy fails.test
printf '[test n]\nuser = 1000\nprobe = udp.x\nhook = tp_btf/x\nexpect = allow\n' >hint.test
says "by which condition it is not allowed" 1 'not ok n: expected allow, got deny by default
# [allow dev] at good.policy:3 does not match: probe = tcp.*
0 passed, 1 failed' policy test --policy good.policy hint.test
printf '[test n]\nuser = 1000\nprobe = tcp.x\nhook = tp_btf/x\ndata = events\nexpect = allow\n' >hint.test
says "by which default it is not allowed" 1 'not ok n: expected allow, got deny by default
# [allow dev] at good.policy:1 does not match: data = aggregates (default)
0 passed, 1 failed' policy test --policy good.policy hint.test
printf '[limit few]\nmax-attachments = 4\nmax-duration = 1h\n' >limit.policy
printf '[test n]\nuser = 1000\nprobe = tcp.x\nhook = tp_btf/x\nexpect = allow\nmax-attachments = 8\nmax-duration = 60m\nmax-memory = 1M\n' >limit.test
says "limits that differ" 1 'not ok n: expected max-attachments = 8, got 4 by [limit few]; expected max-memory = 1048576, got none
0 passed, 1 failed' policy test --policy good.policy --policy limit.policy limit.test
printf '[test n]\nuser = 1000\nprobe = tcp.x\nhook = tp_btf/x\nexpect = allow\nrule = other\n' >rule.test
says "another rule" 1 'not ok n: expected rule other, got allow by [allow dev]
0 passed, 1 failed' policy test --policy good.policy rule.test
printf '[deny d]\nprobe = tcp.x\n' >deny.policy
says "a deny, as it stands" 1 'not ok n: expected allow, got deny by [deny d]
0 passed, 1 failed' policy test --policy good.policy --policy deny.policy rule.test
printf '[limit s]\nset = n:1-5\n' >set.policy
printf '[test n]\nuser = 1000\nprobe = tcp.x\nhook = tp_btf/x\nparameter = n:7\nexpect = allow\n' >set.test
says "a parameter out of its bounds" 1 'not ok n: expected allow, got deny by [limit s]
0 passed, 1 failed' policy test --policy good.policy --policy set.policy set.test
printf '[test n]\nuser = 1000\nprobe = tcp.x\nhook = tp_btf/x\nvalues = n:0-9\nexpect = allow\nin-force = n:2\n' >set.test
says "a parameter that is moved elsewhere" 1 'not ok n: expected in-force = n:2, got 1
0 passed, 1 failed' policy test --policy good.policy --policy set.policy set.test
printf '# nothing\n' >empty.test
says "a file without tests does not pass" 1 'empty.test: there is no [test NAME] in it
0 passed, 0 failed' policy test --policy good.policy empty.test
says "a policy that is wrong" 1 "bad.policy:3:1: unknown key 'probes', did you mean 'probe'?" \
	policy test --policy bad.policy good.test
check_code "no file" 2 policy test --policy good.policy

# Mistakes in tests: each with its place.
mistake() { # TEXT-OF-KEYS PLACE-AND-REASON
	printf '[test n]\n%b\n' "$1" >mistake.test
	says "mistake: $2" 1 "mistake.test:$2
0 passed, 0 failed" policy test --policy good.policy mistake.test
}
mistake 'user = 0' "1:2: key 'expect' is missing"
mistake 'expect = allow' "1:2: key 'user' is missing"
mistake 'user = 0\nexpect = deny' "1:2: key 'probe' is missing"
mistake 'user = 0\nexpect = yes' "3:10: unknown expect 'yes': deny or allow"
mistake 'user = 0 1\nexpect = deny' "2:8: user has one value"
mistake 'user = 4294967295\nexpect = deny' "2:8: '4294967295' is no valid id"
mistake 'user = 0\ngroup = a no-such-group\nexpect = deny' "3:9: there is no group 'a' here: --assume-names goes on without"
mistake 'user = 0\nexpect = deny\nprob = x' "4:1: unknown key 'prob', did you mean 'probe'?"
mistake 'user = 0\nexpect = deny\nprobe = tcp.*' "4:9: 'tcp.*' cannot be the name of a probe"
mistake 'user = 0\nexpect = deny\naction = atach' "4:10: unknown action 'atach', did you mean 'attach'?"
mistake 'user = 0\nexpect = deny\ntarget = unit' "4:10: unknown target 'unit', did you mean 'unit:'?"
mistake 'user = 0\nexpect = deny\ntime = mon/24:00' "4:8: a day and a time in UTC are expected: mon/09:30"
mistake 'user = 0\nexpect = deny\ntime = mon/+9:00' "4:8: a day and a time in UTC are expected: mon/09:30"
mistake 'user = 0\nexpect = deny\nfrom-cgroup = a' "4:15: a path from the root of the hierarchy is expected"
mistake 'user = 0\nexpect = deny\nhelper = bpf_ktime_get_ns' "4:10: a program has a hook, too: name it with 'hook = …'"
mistake 'user = 0\nexpect = deny\nhook = lsm/x' "4:8: no program-type belongs to 'lsm/x' by itself: name one"
mistake 'user = 0\nexpect = deny\nhook = tp_btf/x\nhelper = bpf_nothing' "5:10: unknown helper 'bpf_nothing'"
mistake 'user = 0\nexpect = deny\nhook = lsm/x\nprogram-type = lms' "5:16: unknown program type 'lms'"
mistake 'user = 0\nexpect = deny\nsigner = key:00' "4:10: 64 hexadecimal digits are expected behind 'key:'"
mistake 'user = 0\nexpect = deny\nparameter = n' "4:13: NAME:VALUE is expected"
mistake 'user = 0\nexpect = deny\nvalues = n:1-5\nparameter = n:6' "5:13: '6' is no value of it"
mistake 'user = 0\nexpect = deny\nvalues = n:1-5 n:2-3' "4:16: this parameter is there already"
mistake 'user = 0\nexpect = deny\nin-force = n:6' "4:12: NAME:VALUE of a parameter that 'values' or 'parameter' names is expected"
mistake 'user = 0\nexpect = deny\nmax-memory = 1X' "4:14: a number of bytes is expected, or with K, M or G behind it: 16M"
mistake 'user = 0\nexpect = deny\nkernel-verified = maybe' "4:19: 'required' is expected"
printf '[allow x]\nuser = 0\n' >mistake.test
says "mistake: a section that is no test" 1 "mistake.test:1:2: unknown section kind 'allow': only [test NAME] is known here
0 passed, 0 failed" policy test --policy good.policy mistake.test
vm_finish
