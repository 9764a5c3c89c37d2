#!/bin/sh
# Makes sure that something the build or the tests need is installed:
#   ensure.sh postgres   PostgreSQL server binaries, 15 or later
#   ensure.sh pgbouncer  PgBouncer
#   ensure.sh cc         a C compiler, for the race detector
#   ensure.sh docker     a Docker engine that answers; started as root where none does
#   ensure.sh debootstrap  what makes a tree of Debian's packages
#   ensure.sh node       Node.js 18 or later, with npm
# Installs it with apt (as root, or through sudo where that asks nothing) or
# brew; else prints the command that does and fails.
set -eu

have_postgres() {
	if [ -n "${DIGLOT_PG_BINDIR:-}" ]; then # then the program looks nowhere else
		[ -x "$DIGLOT_PG_BINDIR/postgres" ]
		return
	fi
	for dir in "$(dirname "$(command -v postgres 2>/dev/null || echo /nowhere/postgres)")" \
		"$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
		/opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
		[ -n "$dir" ] && [ -x "$dir/postgres" ] || continue
		major=$("$dir/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
		[ "$major" -ge 15 ] && return 0
	done
	return 1
}

have_pgbouncer() {
	for program in pgbouncer /usr/sbin/pgbouncer /usr/local/sbin/pgbouncer /opt/homebrew/bin/pgbouncer; do
		command -v "$program" >/dev/null 2>&1 && return 0
	done
	return 1
}

have_cc() {
	command -v "${CC:-cc}" >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1
}

have_docker() {
	command -v docker >/dev/null 2>&1 && docker version >/dev/null 2>&1
}

# Where nothing starts services, as in CI, the engine is started by hand.
start_docker() {
	[ "$(id -u)" = 0 ] && command -v dockerd >/dev/null 2>&1 && [ -z "${DOCKER_HOST:-}" ] || return 1
	echo "starting dockerd, its log is /var/log/dockerd.log" >&2
	for driver in "" "--storage-driver=vfs"; do # the second where there is no overlay
		# shellcheck disable=SC2086 # no argument where it is empty
		setsid dockerd $driver >/var/log/dockerd.log 2>&1 </dev/null &
		for _ in $(seq 60); do
			have_docker && return 0
			kill -0 $! 2>/dev/null || break
			sleep 0.5
		done
	done
	tail -n 5 /var/log/dockerd.log >&2
	return 1
}

have_debootstrap() {
	command -v debootstrap >/dev/null 2>&1
}

have_node() {
	command -v npm >/dev/null 2>&1 && [ "$(node --version 2>/dev/null | sed 's/v\([0-9]*\).*/\1/')" -ge 18 ] 2>/dev/null
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

install() {
	if command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
		echo "installing $1 with apt-get" >&2
		as_root apt-get update -qq >&2 && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1 >&2
	elif command -v brew >/dev/null 2>&1; then
		echo "installing $2 with brew" >&2
		brew install $2 >&2
	else
		return 1
	fi
}

case "${1:-}" in
postgres)
	have_postgres || { install postgresql postgresql@17 && have_postgres; } || {
		echo "PostgreSQL 15 or later is needed and could not be installed. Install its server, for instance:" >&2
		echo "  sudo apt-get install postgresql" >&2
		echo "or do without: bin/diglot serve --memory --demo keeps everything in memory." >&2
		exit 1
	}
	;;
pgbouncer)
	have_pgbouncer || { install pgbouncer pgbouncer && have_pgbouncer; } || {
		echo "The tests need PgBouncer. Install it, for instance: sudo apt-get install pgbouncer" >&2
		exit 1
	}
	;;
cc)
	have_cc || { install "gcc libc6-dev" gcc && have_cc; } || {
		echo "The race detector needs a C compiler. Install one, for instance: sudo apt-get install gcc libc6-dev" >&2
		exit 1
	}
	;;
docker)
	have_docker || start_docker || { ! command -v dockerd >/dev/null 2>&1 && install "docker.io iptables" docker && { have_docker || start_docker; }; } || {
		echo "A Docker engine is needed and none answers. Start it, or install one, for instance:" >&2
		echo "  sudo apt-get install docker.io" >&2
		exit 1
	}
	;;
debootstrap)
	have_debootstrap || { install "debootstrap debian-archive-keyring" debootstrap && have_debootstrap; } || {
		echo "debootstrap is needed and could not be installed: sudo apt-get install debootstrap" >&2
		exit 1
	}
	;;
node)
	have_node || { install "nodejs npm" node && have_node; } || {
		echo "The tests from Node need Node.js 18 or later with npm: https://nodejs.org" >&2
		exit 1
	}
	;;
*)
	echo "usage: ensure.sh postgres|pgbouncer|cc|docker|debootstrap|node" >&2
	exit 2
	;;
esac
