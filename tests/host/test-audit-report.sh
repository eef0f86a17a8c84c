#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A report of known acts, made by an auditor from the real daemon and from a copy of its log, in a real browser: its
# numbers are those of the log, it loads nothing, and what others chose stays text.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
install_packages chromium
ines=warden-ines
ensure_person $ines bpfwarden-users bpfwarden-audit
host_begin

# A name of a process as hostile as 15 bytes can be: markup, quotes, and U+202E, which reverses what follows.
hostile=$'<b>"\'&\xe2\x80\xaex'
cp "$(command -v bpfwarden)" "$work/$hostile"

act() {
	local first i
	first=$(attach $alice tcp.state)
	as $bob bpfwarden attach sched.runqlat --for 10m
	as $alice env LD_LIBRARY_PATH="$prefix/lib" "$work/$hostile" attach tcp.state --for 10m
	as $alice bpfwarden detach "$first"
	for ((i = 0; i < 3; i++)); do as $alice bpfwarden attach tcp.state --host --for 1m; done
	as $bob bpfwarden attach tcp.state --host --for 1m
	as $carol bpfwarden registry revoke tcp.state-1 --reason no
	bpfwarden policy reload
	bpfwarden registry revoke tcp.state-1 --reason '<script>alert("x")</script>'
	# Counts of denials become records when the daemon stops.
	stop_daemon
	start_daemon "$prefix" "$log"
	bpfwarden list
}
act >"$work/acts" 2>&1

report() { # USER PAGE OPTION…
	local who=$1 to=$2
	shift 2
	as "$who" env XDG_STATE_HOME="$work/$who" bpfwarden audit report "$@" >"$to"
}
memory() { cat "$work/$ines"/bpfwarden/audit/* | sha256sum; }
install -d -o $ines "$work/$ines"
as $ines env XDG_STATE_HOME="$work/$ines" bpfwarden audit verify >/dev/null
remembered=$(memory)
check_code "a stranger gets no report" 3 report $carol "$work/none"
check_code "--until before --since" 2 report $ines "$work/none" --since 2026-01-02 --until 2026-01-01
check "an auditor gets one" report $ines "$work/report.html"
bpfwarden -o json audit list | jq -c .record >"$work/records"

# One start of the browser for both: what it made of the page, and the page on paper.
browse() {
	timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" --enable-logging=stderr \
		--dump-dom --print-to-pdf="$work/report.pdf" "file://$work/report.html" >"$work/dom.html" 2>"$work/browser.err"
}
check "the browser opens it" browse
check_equal "the browser has nothing to object to" "$(grep -E 'CONSOLE|Content Security Policy' "$work/browser.err")" ""
check_match "it prints" "$(head -c 5 "$work/report.pdf")" '^%PDF-'
dom=$(<"$work/dom.html") page=$(<"$work/report.html")

# The log as it was when the report was made: what came later is not in it.
shown() { sed -n "s|.* id=\"$1\">\(<bdi>\)\{0,1\}\([^<]*\)<.*|\2|p" <<<"$dom" | sed $'s/\xe2\x80\xaf//g'; }
range=$(shown range)
last=${range#* to } last=${last%%,*}
expect() { # ID JQ-FILTER: a number of the page is what the filter makes of the records
	check_equal "the page's number: $1" "$(shown "n-$1")" "$(jq -s "map(select(.seq <= $last)) | $2" "$work/records")"
}
dry='(.detail // "" | startswith("dry run") | not)'
made='select(.kind == "outcome" and .action == "attach" and .verdict == "ok")'
check_equal "the page ends where the log did" "$(shown range | cut -d, -f1)" "1 to $last"
check_equal "the report's own reading is in it" "$(jq -s "map(select(.seq <= $last and .kind == \"read\" and .requester.user == \"$ines\")) | length > 0" "$work/records")" true
expect records 'length'
expect attachments "map($made) | length"
expect failed 'map(select(.kind == "outcome" and .action == "attach" and .verdict == "failed")) | length'
expect users "map($made | .requester.uid) | unique | length"
expect probes "map($made | .probe) | unique | length"
expect denials "map(select(.verdict == \"deny\" and $dry) | .count // 1) | add"
expect changes "map(select(.kind == \"change\" or (.kind == \"decision\" and .verdict == \"allow\" and .action == \"revoke\")) | select($dry)) | length"
expect readings 'map(select(.kind == "read")) | length'
expect crashes 'map(select(.kind == "crash")) | length'
check_equal "all of that was not nothing" "$(shown n-attachments) $(shown n-denials)" "3 6"
for seq in $(jq -r 'select(.kind == "decision" and .verdict == "allow" and .action == "attach") | .seq' "$work/records"); do
	check_match "attachment $seq has a row" "$dom" "id=\"r$seq\""
done
check_match "the log was verified on the way" "$(shown verdict)" '^The log was verified while this report was made'
check_match "it goes on from what the auditor remembers" "$dom" "the log grew from [0-9]+ records, as they were at the last visit, to $last, consistently"
check_equal "a report is no visit: it remembers nothing" "$(memory)" "$remembered"
check_match "it names the key" "$(shown key)" '\+[0-9a-f]{8}\+'
check_match "the policy is printed" "$page" '^\[allow users\]'

# Nothing outside is referred to, nothing runs, nothing is hidden.
check_equal "no reference" "$(grep -oiE '(src|href|action|data|poster)=|url\(|@import|https?:|<(a|img|link|iframe|object|form|base)[ >]' <<<"$page")" ""
check_equal "no script" "$(grep -oiE '<script|javascript:| on[a-z]+="' <<<"$page$dom")" ""
check_match "a reason is text" "$page" '<bdi>&lt;script&gt;alert\(&quot;x&quot;\)&lt;/script&gt;</bdi>'
check_match "a process' name is text" "$page" '<bdi>&lt;b&gt;&quot;&#39;&amp;\\u\{202e\}x</bdi>'
check_equal "no direction is overridden" "$(grep -cP '\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]' <<<"$page")" 0
check_match "the browser may load nothing" "$page" "Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; base-uri"

# A period in which nothing was.
report $ines "$work/empty.html" --until @1000000000
check_match "a period before everything" "$(<"$work/empty.html")" '<dd id="n-records">0</dd>'
check_match "… in which nothing was denied" "$(<"$work/empty.html")" 'Nothing was denied'

# From a copy; from one in which a name was changed.
stop_daemon
cp -r "$state/audit" "$work/copy"
check "from a copy" report root "$work/copy.html" --from-dir "$work/copy"
sum='<dd id="n-(attachments|denials)">[^<]*'
check_equal "… it has the same numbers" "$(grep -oE "$sum" "$work/copy.html")" "$(grep -oE "$sum" "$work/report.html")"
python3 - "$work/copy" <<-'END'
	import glob, sys
	for name in glob.glob(sys.argv[1] + "/log-*.sqlite"):
	    data = open(name, "rb").read()
	    at = data.index(b'"user":"warden-alice"')
	    open(name, "wb").write(data[:at] + b'"user":"warden-alicf"' + data[at + 21:])
END
check_code "a changed copy" 1 report root "$work/changed.html" --from-dir "$work/copy"
check_match "… gets a report that says so" "$(<"$work/changed.html")" 'id="verdict">Something is wrong with this log'
check_code "no such directory" 4 report root "$work/none" --from-dir "$work/nowhere"
check_code "no daemon" 6 report root "$work/none"

host_finish
