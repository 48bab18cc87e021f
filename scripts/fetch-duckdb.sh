#!/usr/bin/env bash
# Puts DuckDB's C library, its header and its extension for S3 (httpfs) into .deps/duckdb, from packages of npm and PyPI
# of pinned versions and checksums. Does nothing where they are there already, or where the system has its own.
#   LAKEHAUL_SYSTEM_DUCKDB=1   never fetch, use the system's
#   LAKEHAUL_SYSTEM_DUCKDB=0   always fetch
set -euo pipefail
cd "$(dirname "$0")/.."

library_version=1.5.5-r.5
# The extension is made for one version of the library: scripts/httpfs-requirements.txt has the same.
extension=duckdb_extension_httpfs/extensions/v${library_version%-r.*}/httpfs.duckdb_extension
# Debian packages neither; the C API only grows, so an older header serves a newer library.
header_version=1.4.4
header_sha512=844249e61c9517454b8f776638ba6c5ab411d1bddde1892ab72826ea25178c72430e74aa83f5122b171be6abcdace84560f824b5ac94e9d5c2b603ea7269a9a2
case "$(uname -m)" in
  x86_64)
    arch=x64
    library_sha512=902caae815e19fa4177f017cc957552ab8924873feadf556709e7a706f2a67394e669c72bd3e561a6ea332c871838762b4b94eb07b0837f0f8ed162b7235ee1d
    ;;
  aarch64)
    arch=arm64
    library_sha512=09a7c7d8022f5eda700f29c6dca07fe2e10e1d11a516807b6ae091308c07dc128d2286ec00d5792d2a43277b5fc9108522c2ba7bc013d5eb1e5959eed83bf773
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

versions="$library_version $header_version $arch with httpfs"
is_there() {
  local file
  for file in libduckdb.so duckdb.h httpfs.duckdb_extension; do
    if [ ! -f ".deps/duckdb/$file" ]; then return 1; fi
  done
  [ "$(cat .deps/duckdb/versions 2>/dev/null)" = "$versions" ]
}
if is_there; then exit 0; fi

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

echo "setup: fetching DuckDB's httpfs"
python3 -m venv "$work/pip"
"$work/pip/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-compile --no-deps \
  --only-binary=:all: --target "$work/wheel" -r scripts/httpfs-requirements.txt
mv "$work/wheel/$extension" "$work/out"
echo "$versions" >"$work/out/versions"
chmod -R a+rX "$work/out"
rm -rf .deps/duckdb
mv "$work/out" .deps/duckdb
