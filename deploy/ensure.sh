#!/bin/sh
# Makes sure that something the build or the tests need is installed:
#   ensure.sh postgres   PostgreSQL server binaries, 15 or later
#   ensure.sh pgbouncer  PgBouncer
#   ensure.sh cc         a C compiler, for the race detector
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
*)
	echo "usage: ensure.sh postgres|pgbouncer|cc" >&2
	exit 2
	;;
esac
