#!/usr/bin/env bash
# Puts a Trino server with its hive connector, which tests/services starts, into .deps/trino: archives of pinned versions
# and checksums, through Maven (260 MB). It is the last version for Java 17.
# Does nothing where they are there already.
set -euo pipefail
cd "$(dirname "$0")/.."

version=435
pom=scripts/trino-pom.xml
sums=scripts/trino-sha256.txt
main=tests/services/TrinoMain.java
stamp=$(cat "$pom" "$sums" "$main" "$0" | sha256sum | cut -d' ' -f1)
if [ "$(cat .deps/trino/stamp 2>/dev/null)" = "$stamp" ]; then exit 0; fi
if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
  echo "Trino needs a JDK (17 or newer) and Maven" >&2
  exit 1
fi
echo "setup: fetching Trino"
mkdir -p .deps
work=$(mktemp -d "$PWD/.deps/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$pom" "$work/pom.xml"
mkdir -p "$work/out/plugin"
mvn --quiet --batch-mode -f "$work/pom.xml" -Dmaven.repo.local="$work/repository" \
  org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies -DincludeScope=runtime \
  -DoutputDirectory="$work/out/lib"
if [ "${1:-}" = sums ]; then # after a change of the pom
  (cd "$work/out/lib" && sha256sum -- *) >"$sums"
  exit 0
fi
if ! (cd "$work/out/lib" && sha256sum --check --status) <"$sums" ||
  [ "$(find "$work/out/lib" -type f | wc -l)" != "$(wc -l <"$sums")" ]; then
  echo "Trino or what it needs has another checksum than the pinned one: not used" >&2
  exit 1
fi
python3 -m zipfile -e "$work/out/lib/trino-hive-$version.zip" "$work/out/plugin"
mv "$work/out/plugin/trino-hive-$version" "$work/out/plugin/hive"
rm "$work/out/lib/trino-hive-$version.zip"
javac -cp "$work/out/lib/*" -d "$work/out/main" "$main"
chmod -R a+rX "$work/out"
echo "$stamp" >"$work/out/stamp"
rm -rf .deps/trino
mv "$work/out" .deps/trino
