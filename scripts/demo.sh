#!/usr/bin/env bash
# A demo from an empty machine to a queried lake: set-up, build, a private PostgreSQL cluster in .demo filled with an
# example's data, and the example hauled. A second run finds everything there and only hauls again.
# usage: scripts/demo.sh shop|flights
set -euo pipefail
cd "$(dirname "$0")/.."
example=${1:-}
case "$example" in
  shop) scripts/setup.sh build demo ;;
  flights) scripts/setup.sh build flights ;;
  *)
    sed -n '4s/^# //p' "$0" >&2
    exit 2
    ;;
esac

say() { printf '\n== %s\n' "$*"; }

say "building"
make --no-print-directory build

say "starting PostgreSQL"
trap 'scripts/cluster.sh stop .demo/cluster' EXIT
server=$(scripts/cluster.sh start .demo/cluster)
echo "a private cluster in .demo/cluster, stopped when this ends"
psql() { PGOPTIONS='-c client_min_messages=warning' "$(scripts/cluster.sh bindir)/psql" --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@"; }
export DATABASE_URL=${server%/postgres}/$example

# The database carries the checksum of the files that filled it, written last.
want=$(find "examples/$example" -maxdepth 1 -name '*.sql' -o -name load.py | sort | xargs cat | sha256sum | cut -d' ' -f1)
have=$(psql "$server" -At -c "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '$example'")
if [ "$have" != "$want" ]; then
  say "filling the database $example"
  psql "$server" -c "DROP DATABASE IF EXISTS $example" -c "CREATE DATABASE $example"
  psql "$DATABASE_URL" -f "examples/$example/schema.sql"
  case "$example" in
    shop) psql "$DATABASE_URL" -f examples/shop/data.sql ;;
    flights) .venv/bin/python examples/flights/load.py "$DATABASE_URL" ;;
  esac
  psql "$server" -c "COMMENT ON DATABASE $example IS '$want'"
fi

lakehaul=build/release/src/cli/lakehaul
project=examples/$example/lakehaul.yaml
query() {
  printf '\n%s\n' "$1"
  "$lakehaul" query --project "$project" "$1"
}

say "lakehaul run --project $project"
"$lakehaul" run --project "$project"

say "lakehaul query --project $project"
case "$example" in
  shop)
    query "SELECT 'users' AS lake_table, count(*) AS rows FROM users
UNION ALL SELECT 'products', count(*) FROM products
UNION ALL SELECT 'orders', count(*) FROM orders
UNION ALL SELECT 'currencies', count(*) FROM currencies
UNION ALL SELECT 'taxes', count(*) FROM taxes
UNION ALL SELECT 'recent_orders', count(*) FROM recent_orders
UNION ALL SELECT 'revenue_by_country', count(*) FROM revenue_by_country"
    query "SELECT count(*) AS combined_orders FROM combined_orders"
    query "SELECT currency, count(*) AS orders, sum(amount) AS amount, sum(amount_usd) AS amount_usd,
  sum(amount_with_tax) AS amount_with_tax
FROM combined_orders GROUP BY currency ORDER BY orders DESC"
    ;;
  flights)
    query "SELECT count(*) AS flight_delays FROM flight_delays"
    query "SELECT airline, flights, mean_dep_delay, mean_dep_delay_in_rain FROM delays_by_airline ORDER BY flights DESC"
    ;;
esac

say "the lake is in examples/$example/lake; ask it more with"
echo "$lakehaul query --project $project \"SELECT ...\""
