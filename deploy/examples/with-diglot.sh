#!/bin/sh
# Runs a command with Diglot beside it: deploy/examples/with-diglot.sh npm test
# The gateway is in test mode, keeps everything in memory and ends with the
# command, which finds in its environment where both dialects are and what they take:
#   REFOLD_URL REFOLD_KEY REFOLD_ACCOUNT COMETCHAT_URL COMETCHAT_KEY COMETCHAT_APP
# and in DIGLOT_URL where the gateway is: faults, seeds, snapshots, the clock and the
# requests that came are below $DIGLOT_URL/_diglot/, see diglottest/README.md.
# It needs docker and curl. DIGLOT_IMAGE is the image, diglot:latest without it.
set -eu

container=$(docker run --detach --rm --read-only --cap-drop ALL --publish 127.0.0.1::8080 \
	"${DIGLOT_IMAGE:-diglot:latest}" serve --memory --test-mode)
trap 'docker stop "$container" >/dev/null' EXIT
trap 'exit 130' INT TERM

DIGLOT_URL=http://$(docker port "$container" 8080/tcp | head -n 1)
tries=0
until curl -fsS "$DIGLOT_URL/readyz" >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ "$tries" -le 300 ] || {
		docker logs "$container" >&2
		exit 1
	}
	sleep 0.1
done

# The tenant of test mode has the same credentials everywhere.
export DIGLOT_URL
export REFOLD_URL="$DIGLOT_URL/api/v2/public" REFOLD_KEY=tk30c6c4e9-4dd2-4202-8ca3-369f011f2720 REFOLD_ACCOUNT=customer@example.com
export COMETCHAT_URL="$DIGLOT_URL/v3/ai-agents/agent-builder" COMETCHAT_KEY=4e28ccc1df4ea7ef18354f234fd48927f0a8ba77 COMETCHAT_APP=diglot-test

"$@"
