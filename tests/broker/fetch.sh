#!/usr/bin/env sh
# Fetches the broker that the tests run against into lib/, once. Without Java or Maven it says so and the tests
# that need a real broker are skipped, unless ROSTERWATCH_REQUIRE_KAFKA=1.
set -eu
cd "$(dirname "$0")"

if [ -n "${ROSTERWATCH_TEST_KAFKA:-}" ]; then
    exit 0
fi
if ! command -v java >/dev/null || { [ ! -e lib/.complete ] && ! command -v mvn >/dev/null; }; then
    echo "real-broker tests are skipped: install a JDK of 17 or newer and Maven, or set ROSTERWATCH_TEST_KAFKA=host:port" >&2
    if [ "${ROSTERWATCH_REQUIRE_KAFKA:-0}" = 1 ]; then
        exit 1
    fi
    exit 0
fi
if [ ! -e lib/.complete ]; then
    mvn -q -B -f pom.xml dependency:copy-dependencies -DoutputDirectory=lib -DincludeScope=runtime
    touch lib/.complete
fi
