#!/bin/sh
# Makes the images that the container tests need of Debian's packages, for
# machines that reach no image registry, as CI's: PostgreSQL, PgBouncer, nginx
# and Prometheus, each under the name that it prints as a setting of the tests.
# An image that is there is left as it is.
set -eu
cd "$(dirname "$0")"
docker=${DOCKER:-docker}
suite=${DEBIAN_SUITE:-bookworm}
base=diglot-ci/debian:$suite

exists() {
	"$docker" image inspect "$1" >/dev/null 2>&1
}

# A tree of the packages that all images share, without what only people read.
make_base() {
	exists "$base" && return
	../ensure.sh debootstrap
	tree=$(mktemp -d)
	trap 'rm -rf "$tree"' EXIT
	echo "making $base of Debian's packages" >&2
	debootstrap --variant=minbase --include=postgresql,pgbouncer,nginx-light,prometheus "$suite" "$tree" >"$tree.log" 2>&1 || {
		tail -n 20 "$tree.log" >&2
		exit 1
	}
	rm -f "$tree.log"
	tar -C "$tree" --exclude=./var/cache --exclude=./var/lib/apt/lists --exclude=./usr/share/doc --exclude=./usr/share/man \
		--exclude=./usr/share/locale --exclude="./var/lib/postgresql/*/main" --exclude=./proc --exclude=./sys --exclude=./dev -c . |
		"$docker" import - "$base" >/dev/null
	rm -rf "$tree"
	trap - EXIT
}

# image NAME: builds NAME.Dockerfile with this folder as the context; without
# BuildKit, which would ask a registry for the base.
image() {
	exists "diglot-ci/$1:$suite" && return
	said=$(DOCKER_BUILDKIT=0 "$docker" build -q --build-arg "BASE=$base" -f "$1.Dockerfile" -t "diglot-ci/$1:$suite" . 2>&1) || {
		echo "$said" >&2
		exit 1
	}
}

make_base
for name in postgres pgbouncer nginx prometheus; do
	image "$name"
	echo "DIGLOT_TEST_$(echo "$name" | tr '[:lower:]' '[:upper:]')_IMAGE=diglot-ci/$name:$suite"
done
