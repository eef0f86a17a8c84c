# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What ./quickstart, ./check and the host tests share: packages, users, builds, a daemon in the foreground.

setup_tree=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

: "${HOME:=/root}"
export HOME

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

need_root() {
	[ "$(id -u)" = 0 ] || die "run me as root: packages, users and CAP_BPF need it"
}

build_packages="build-essential meson ninja-build pkg-config clang llvm python3 openssl
	libbpf-dev libssl-dev libsystemd-dev libsqlite3-dev libseccomp-dev libjansson-dev libarchive-dev bpftool"
run_packages="passwd util-linux procps curl"

# install_packages NAME…: those that are missing, from the configured Debian archive.
install_packages() {
	local name missing=()
	for name in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null)" = "ii " ] || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -q update >/dev/null || die "apt-get update failed"
	apt-get -qy install --no-install-recommends "${missing[@]}" >/tmp/bpfwarden-apt.log 2>&1 ||
		{ tail -n 20 /tmp/bpfwarden-apt.log >&2; die "apt-get install failed (all of it: /tmp/bpfwarden-apt.log)"; }
}

# The four users and three groups of systemd/bpfwarden.sysusers, also where there is no systemd.
ensure_users() {
	if ! command -v systemd-sysusers >/dev/null; then
		install_packages systemd-standalone-sysusers
	fi
	systemd-sysusers "$setup_tree/systemd/bpfwarden.sysusers" >/dev/null ||
		die "systemd-sysusers could not make the users"
}

# ensure_person NAME GROUP…: an ordinary user for demonstrations and tests, in these groups and no other.
ensure_person() {
	local name=$1
	shift
	id "$name" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$name" ||
		die "useradd $name failed"
	usermod -G "$(IFS=,; echo "$*")" "$name" || die "usermod $name failed"
}

# build DIRECTORY PREFIX RUNDIR [MESON OPTION…]: sets up, compiles and installs.
build() {
	local dir=$1 prefix=$2 rundir=$3
	shift 3
	if [ ! -f "$dir/build.ninja" ]; then
		meson setup "$dir" "$setup_tree" --prefix="$prefix" --sysconfdir=etc --localstatedir=var \
			-Drundir="$rundir" -Dsystemd=false "$@" >"$dir.log" 2>&1 ||
			{ tail -n 30 "$dir.log" >&2; die "meson setup failed"; }
	fi
	ninja -C "$dir" >"$dir.log" 2>&1 || { grep -E -A8 'error:|FAILED' "$dir.log" | head -n 60 >&2; die "the build failed ($dir.log)"; }
	meson install -C "$dir" --no-rebuild >>"$dir.log" 2>&1 || { tail -n 20 "$dir.log" >&2; die "the installation into $prefix failed"; }
}

daemon_pid=
# start_daemon PREFIX LOG: returns once all four processes are ready.
start_daemon() {
	local prefix=$1 log=$2 ready
	ready=$(mktemp -u) && mkfifo "$ready" || die "mkfifo failed"
	# The file is opened for both ways, so that neither side waits for the other to open it.
	exec {ready_fd}<>"$ready"
	rm "$ready"
	"$prefix/sbin/bpfwardend" launch "--ready-fd=$ready_fd" >"$log" 2>&1 &
	daemon_pid=$!
	if ! read -r -t 120 -u "$ready_fd"; then
		cat "$log" >&2
		die "the daemon did not become ready"
	fi
	exec {ready_fd}>&-
}

stop_daemon() {
	[ -n "$daemon_pid" ] || return 0
	kill "$daemon_pid" 2>/dev/null
	wait "$daemon_pid" 2>/dev/null
	daemon_pid=
}

# as NAME COMMAND…: with the user's own groups and nothing else.
as() {
	local name=$1
	shift
	setpriv --reuid "$name" --regid "$(id -g "$name")" --init-groups --inh-caps=-all --ambient-caps=-all -- \
		env HOME="$(getent passwd "$name" | cut -d: -f6)" USER="$name" PATH="$PATH" "$@"
}
