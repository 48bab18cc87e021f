#!/usr/bin/env bash
# Puts hyparquet, a Parquet reader in JavaScript that tests/integration/test_page_index.py holds files against, into
# .deps/hyparquet, from npm packages of pinned versions and checksums, and Node.js where the machine has none.
# Does nothing where they are there already.
set -euo pipefail
cd "$(dirname "$0")/.."

# package version sha512
packages=(
  "hyparquet 1.31.5 28f55f6b15bcc4e88edbfe1f8de8817c53445e1195c3db5f71bf616b688d65d27727fc818c4c087809d3cb2ba19651454dbf583bdc20d037d100e9e6e8a0af06"
  "hyparquet-compressors 1.1.2 d07c7ac3466956934279f2b2e710582d3a7aaca7999ffb6c533ba588dcdf2aa48274b7134127f001312879e752ef4dd8d7b935a8d4bad47c11304e5a39e3643e"
  "hysnappy 1.1.1 fd5f5770dd8db51c968d1e0b60c7ef9ef6ac55517c8db4ff7a3d1ea1f0508d97a5f751370fcd77150de6402ea00d230c4c2abf149876f171decaaaf723fa0147"
  "fzstd 0.1.1 764b9548e28ac21dde6ace55909cb5016d6f1697adf1303f7c699503992b4e197c61c39513ff19228100d7e535bc49f9724c7184b8ab49d63cdfb6b399b68d1c"
)

stamp=$(printf '%s\n' "${packages[@]}" | sha256sum | cut -d' ' -f1)
if [ "$(cat .deps/hyparquet/stamp 2>/dev/null)" = "$stamp" ] &&
  { [ -x .deps/hyparquet/node/bin/node ] || command -v node >/dev/null; }; then
  exit 0
fi
echo "setup: fetching hyparquet"
mkdir -p .deps
work=$(mktemp -d .deps/fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/out/node_modules"
npm=npm
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
  echo "setup: no Node.js here, taking one from PyPI"
  python3 -m venv "$work/out/node"
  "$work/out/node/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r scripts/npm-requirements.txt
  npm=$work/out/node/bin/npm
fi
for package in "${packages[@]}"; do
  read -r name version sha512 <<<"$package"
  archive=$(PATH="$(dirname "$(command -v "$npm")"):$PATH" "$npm" pack --silent --pack-destination "$work" "$name@$version")
  if ! echo "$sha512  $work/$archive" | sha512sum --check --status; then
    echo "$name $version has another checksum than the pinned one: not used" >&2
    exit 1
  fi
  mkdir "$work/out/node_modules/$name"
  tar -xzf "$work/$archive" -C "$work/out/node_modules/$name" --strip-components=1
done
echo "$stamp" >"$work/out/stamp"
rm -rf .deps/hyparquet
mv "$work/out" .deps/hyparquet
