#!/bin/sh
# Sets a new cluster up for POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB,
# then is the command that it is given. The server starts twice, as the official
# image's does, so that nobody who waits for it sees it half set up.
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
as_postgres() {
	setpriv --reuid=postgres --regid=postgres --init-groups "$@"
}

[ "${1:-}" = postgres ] || exec "$@"
chown postgres:postgres "$PGDATA" && chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	: "${POSTGRES_PASSWORD:?is needed}"
	password=$(mktemp)
	printf %s "$POSTGRES_PASSWORD" >"$password"
	chown postgres "$password"
	as_postgres initdb -D "$PGDATA" -U "$user" --pwfile="$password" -E UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 >/dev/null
	rm -f "$password"
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
	as_postgres pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c unix_socket_directories=/run/postgresql" -w start
	[ "$database" = postgres ] || as_postgres createdb -h /run/postgresql -U "$user" --maintenance-db=postgres "$database"
	as_postgres pg_ctl -D "$PGDATA" -m fast -w stop
fi
shift
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -D "$PGDATA" -c "listen_addresses=*" -c unix_socket_directories=/run/postgresql "$@"
