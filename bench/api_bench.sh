#!/bin/sh
# List of runs, authenticated, with RUNS stored (1,000,000 unless set), under wrk on the same cores;
# and the memory of FOLLOWERS idle log followers (10,000 unless set; 0 for none).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$root/build/release/bench}
runs=${RUNS:-1000000}
followers=${FOLLOWERS:-10000}
home=$(mktemp -d)
mkfifo "$home/open"
server=
finish() {
  exec 3>&- || true
  [ -z "$server" ] || wait "$server" || true
  rm -rf "$home"
}
trap finish EXIT INT TERM

began=$(date +%s)
token=$("$build/seed_runs" "$home" "$runs")
echo "api: stored $runs runs in $(($(date +%s) - began)) s"
"$build/serve_api" "$home" <"$home/open" >"$home/address" &
server=$!
exec 3>"$home/open"
while [ ! -s "$home/address" ]; do sleep 0.1; done
url=$(cat "$home/address")
auth="Authorization: Bearer $token"

measure() {
  printf 'api: %s: ' "$1"
  wrk -t1 -c32 -d"${SECONDS_EACH:-10}" --latency -H "$auth" -s "${3:-/dev/null}" "$url$2" |
    awk '/Requests\/sec/ {r=$2} /50%/ {m=$2} /99%/ {p=$2} /Non-2xx/ {bad=$0}
         END {printf "%s requests/s, p50 %s, p99 %s %s\n", r, m, p, bad}'
}
measure "list of runs, 50 a page" /api/v1/runs
cat >"$home/anew.lua" <<'LUA'
-- Another query each time, so that no page is given from memory.
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", string.format("/api/v1/runs?until=2100-01-01T00:%02d:%02d.%03dZ",
                                         n / 60000 % 60, n / 1000 % 60, n % 1000))
end
LUA
measure "list of runs, 50 a page, each read anew" /api/v1/runs "$home/anew.lua"
measure "list of runs, 20 a page" "/api/v1/runs?limit=20"
measure "list of runs of one schedule" "/api/v1/runs?deployment=deployment-1&schedule=schedule-3&limit=20"
measure "health" /healthz

if [ "$followers" -gt 0 ]; then
  python3 "$root/bench/idle_followers.py" "$url" "$token" "$followers" "$server"
fi
