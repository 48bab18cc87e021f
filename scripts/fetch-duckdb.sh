#!/usr/bin/env bash
# Puts DuckDB's C library and its header into .deps/duckdb, from npm packages of pinned versions and checksums.
# Does nothing where they are there already, or where the system has its own.
#   LAKEHAUL_SYSTEM_DUCKDB=1   never fetch, use the system's
#   LAKEHAUL_SYSTEM_DUCKDB=0   always fetch
set -euo pipefail
cd "$(dirname "$0")/.."

library_version=1.5.6-r.1
# Debian packages neither; the C API only grows, so an older header serves a newer library.
header_version=1.4.4
header_sha512=844249e61c9517454b8f776638ba6c5ab411d1bddde1892ab72826ea25178c72430e74aa83f5122b171be6abcdace84560f824b5ac94e9d5c2b603ea7269a9a2
case "$(uname -m)" in
  x86_64)
    arch=x64
    library_sha512=21772b64913a904a8cd19e30c1d5671811d7fdface4b7dd53cd0300d743f43e16cf386f4e7c41ef78721ac208870d2651bc6375072145387817824315b998dd5
    ;;
  aarch64)
    arch=arm64
    library_sha512=de39d46838a5d41ac5ffabc067055a227275c6805a5861c1e0f0e2527cc958a0a8f1af132f1f63eff80fc8f97f5064417edad822e4e28516527c5e2658c82d58
    ;;
  *)
    echo "no DuckDB library is pinned for $(uname -m): install libduckdb and duckdb.h, then set LAKEHAUL_SYSTEM_DUCKDB=1" >&2
    exit 1
    ;;
esac

# Where CMake would find it too.
system_has_duckdb() {
  local prefix library
  for prefix in /usr/local /usr; do
    for library in "$prefix"/lib*/libduckdb.so "$prefix"/lib/*/libduckdb.so; do
      if [ -f "$prefix/include/duckdb.h" ] && [ -f "$library" ]; then return 0; fi
    done
  done
  return 1
}

case "${LAKEHAUL_SYSTEM_DUCKDB:-auto}" in
  1) exit 0 ;;
  auto) if system_has_duckdb; then exit 0; fi ;;
esac

stamp="$library_version $header_version $arch"
if [ "$(cat .deps/duckdb/stamp 2>/dev/null)" = "$stamp" ] && [ -f .deps/duckdb/libduckdb.so ] && [ -f .deps/duckdb/duckdb.h ]; then
  exit 0
fi

mkdir -p .deps
work=$(mktemp -d .deps/fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT

npm=npm
if ! command -v npm >/dev/null; then
  echo "setup: no npm here, taking one from PyPI for this step"
  python3 -m venv "$work/npm"
  "$work/npm/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r scripts/npm-requirements.txt
  npm=$work/npm/bin/npm
fi

# fetch PACKAGE VERSION SHA512: leaves the checked archive at $work/NAME.tgz
fetch() {
  local name=$1 version=$2 sha512=$3 archive
  echo "setup: fetching $name $version"
  archive=$(PATH="$(dirname "$(command -v "$npm")"):$PATH" "$npm" pack --silent --pack-destination "$work" "$name@$version")
  if ! echo "$sha512  $work/$archive" | sha512sum --check --status; then
    echo "$name $version has another checksum than the pinned one: not used" >&2
    exit 1
  fi
  mv "$work/$archive" "$work/${name##*/}.tgz"
}

fetch "@duckdb/node-bindings-linux-$arch" "$library_version" "$library_sha512"
fetch duckdb "$header_version" "$header_sha512"
mkdir "$work/out"
tar -xzf "$work/node-bindings-linux-$arch.tgz" -C "$work/out" --strip-components=1 package/libduckdb.so
tar -xzf "$work/duckdb.tgz" -C "$work/out" --strip-components=5 package/src/duckdb/src/include/duckdb.h
echo "$stamp" >"$work/out/stamp"
rm -rf .deps/duckdb
mv "$work/out" .deps/duckdb
