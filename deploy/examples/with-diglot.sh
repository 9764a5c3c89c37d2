#!/bin/sh
# Runs a command with Diglot beside it: deploy/examples/with-diglot.sh npm test
# The gateway keeps everything in memory and ends with the command, which finds
# in its environment where both dialects are and what they take:
#   REFOLD_URL REFOLD_KEY REFOLD_ACCOUNT COMETCHAT_URL COMETCHAT_KEY COMETCHAT_APP
# It needs docker and curl. DIGLOT_IMAGE is the image, diglot:latest without it.
set -eu

token=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
container=$(docker run --detach --rm --read-only --cap-drop ALL --publish 127.0.0.1::8080 --publish 127.0.0.1::9090 \
	--env DIGLOT_ADMIN_TOKEN="$token" "${DIGLOT_IMAGE:-diglot:latest}" serve --memory)
trap 'docker stop "$container" >/dev/null' EXIT
trap 'exit 130' INT TERM

gateway=http://$(docker port "$container" 8080/tcp | head -n 1)
admin=http://$(docker port "$container" 9090/tcp | head -n 1)/admin/v1
tries=0
until curl -fsS "$gateway/readyz" >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ "$tries" -le 300 ] || {
		docker logs "$container" >&2
		exit 1
	}
	sleep 0.1
done

# post PATH BODY asks the admin API; any keys will do, as nobody else has this gateway.
post() {
	curl -fsS "$admin$1" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$2" >/dev/null
}
export REFOLD_URL="$gateway/api/v2/public" REFOLD_KEY=tk00000000-0000-4000-8000-000000000000 REFOLD_ACCOUNT=customer@example.com
export COMETCHAT_URL="$gateway/v3/ai-agents/agent-builder" COMETCHAT_KEY=0000000000000000000000000000000000000000 COMETCHAT_APP=test-app
post /tenants '{"name":"test","refold":{"org":"000000000000000000000000","env":"test"},"cometchat":{"app":"'"$COMETCHAT_APP"'","region":"us"}}'
post /tenants/test/keys/import '{"dialect":"refold","keys":["'"$REFOLD_KEY"'"]}'
post /tenants/test/keys/import '{"dialect":"cometchat","keys":["'"$COMETCHAT_KEY"'"]}'
post /tenants/test/accounts '{"id":"'"$REFOLD_ACCOUNT"'"}'

"$@"
