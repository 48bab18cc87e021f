#!/usr/bin/env bash
# Installs what a step of the Makefile needs and the machine lacks; where nothing is missing it only looks, and
# needs no network.
# usage: scripts/setup.sh [packages] build|demo|flights|lint|fuzz|test|bench...
#   packages  system packages only, the part that needs root
#   build     compilers, libraries, DuckDB
#   demo      and a PostgreSQL server
#   flights   and Python with the flights data
#   test      and the test libraries, valgrind, Python with its test packages, PostGIS, PostgreSQL servers of other
#             versions and with pgvector, an S3 server
#   lint      and clang-format, clang-tidy
#   fuzz      and the test libraries, clang with libFuzzer
#   bench     and what the other tools of the benchmark need; bench/install.py installs the tools themselves
set -euo pipefail
cd "$(dirname "$0")/.."

build_packages=(build-essential cmake ninja-build pkg-config libpq-dev libzstd-dev libsnappy-dev liblz4-dev
  libdeflate-dev libyaml-dev libjansson-dev libxxhash-dev libssl-dev libcurl4-openssl-dev
  libexpat1-dev)

missing=()
# need_package NAME...: notes those that dpkg does not list as installed
need_package() {
  local name
  for name in "$@"; do
    if [[ " ${missing[*]} " == *" $name "* ]]; then continue; fi
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
      missing+=("$name")
    fi
  done
}

need_venv() {
  python3 -c 'import ensurepip, venv' 2>/dev/null || need_package python3-venv
}

# A server from another source than Debian serves as well.
need_postgres() {
  scripts/cluster.sh bindir >/dev/null 2>&1 || need_package postgresql
}

# libFuzzer and the sanitizers, of the version that is Debian's clang.
clang_runtime() {
  local version
  version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -1)
  echo "libclang-rt-${version:-14}-dev"
}

as_root=()
find_root() {
  if [ "$(id -u)" = 0 ]; then return 0; fi
  command -v sudo >/dev/null || return 1
  if sudo -n true 2>/dev/null; then as_root=(sudo -n); return 0; fi
  if [ -t 0 ]; then as_root=(sudo); return 0; fi
  return 1
}

# Debian's server package makes and starts a cluster when first installed. Nobody asked for that one, so a
# drop-in says no for as long as the installation takes.
install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! find_root; then
    local command="scripts/setup.sh packages ${levels[*]}"
    echo "System packages are missing: ${missing[*]}" >&2
    echo "Installing them needs root. Run this, then try again:" >&2
    if command -v sudo >/dev/null; then
      echo "  sudo $command" >&2
    else
      echo "  su -c 'cd $PWD && $command'" >&2
    fi
    exit 1
  fi
  echo "setup: installing ${missing[*]}"
  local log
  log=$(mktemp)
  local conf_dir=/etc/postgresql-common/createcluster.d status=0
  local conf=$conf_dir/lakehaul-setup.conf
  if [[ " ${missing[*]} " == *" postgresql "* ]]; then
    "${as_root[@]}" mkdir -p "$conf_dir"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee "$conf" >/dev/null
  fi
  { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}"; } </dev/null >"$log" 2>&1 || status=$?
  if [ -f "$conf" ]; then "${as_root[@]}" rm -f "$conf"; fi
  if [ "$status" != 0 ]; then
    tail -n 20 "$log" >&2
    echo "installing system packages failed: ${missing[*]}" >&2
  fi
  rm -f "$log"
  return "$status"
}

install_python() {
  local want
  want=$(cat tests/requirements.txt tests/requirements-data.txt | sha256sum | cut -d' ' -f1)
  if [ "$(cat .venv/stamp 2>/dev/null)" = "$want" ] && .venv/bin/python -c '' 2>/dev/null; then return 0; fi
  if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "the test tools need Python 3.11 or newer as python3; this is $(python3 --version)" >&2
    exit 1
  fi
  echo "setup: Python environment"
  rm -rf .venv
  python3 -m venv .venv
  local pip=(.venv/bin/pip --quiet --disable-pip-version-check install --require-hashes)
  "${pip[@]}" -r tests/requirements.txt
  "${pip[@]}" --no-deps --no-build-isolation --use-pep517 -r tests/requirements-data.txt
  echo "$want" >.venv/stamp
}

packages_only=no
if [ "${1:-}" = packages ]; then
  packages_only=yes
  shift
fi
if [ $# = 0 ]; then
  sed -n '4,13s/^# //p' "$0" >&2
  exit 2
fi
levels=("$@")
python=no
need_package "${build_packages[@]}"
need_venv # fetch-duckdb.sh; fetch-postgres.sh and fetch-hyparquet.sh where there is no npm
for level in "${levels[@]}"; do
  case "$level" in
    build) ;;
    demo) need_postgres ;;
    flights) need_postgres; python=yes ;;
    test) need_postgres; need_package libcmocka-dev openssl postgresql-postgis valgrind; python=yes ;;
    bench) need_postgres; need_package unixodbc unixodbc-dev odbc-postgresql librsvg2-bin; python=yes ;;
    fuzz) need_package libcmocka-dev clang "$(clang_runtime)" ;;
    lint) need_package git libcmocka-dev clang-tidy; python=yes ;;
    *) echo "setup.sh: unknown level '$level'" >&2; exit 2 ;;
  esac
done
install_missing
if [ "$packages_only" = yes ]; then exit 0; fi
scripts/fetch-duckdb.sh
# Tests that need them are skipped where they are missing, but not in CI.
if [[ " ${levels[*]} " == *" test "* ]]; then
  for needed in postgres pgvector hyparquet versitygw; do
    if "scripts/fetch-$needed.sh"; then continue; fi
    if [ "${CI:-}" = true ]; then exit 1; fi
    echo "setup: going on without what scripts/fetch-$needed.sh fetches" >&2
  done
fi
# These need a JDK and Maven, too large to be installed for a few tests: they are skipped where those are missing.
if [[ " ${levels[*]} " == *" test "* ]] && command -v mvn >/dev/null && command -v javac >/dev/null; then
  for needed in parquet-java trino; do
    "scripts/fetch-$needed.sh" || echo "setup: going on without what scripts/fetch-$needed.sh fetches" >&2
  done
fi
if [ "$python" = yes ]; then install_python; fi
