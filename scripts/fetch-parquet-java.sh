#!/usr/bin/env bash
# Puts parquet-java, which tests/integration/test_parquet_java.py reads files with, into .deps/parquet-java: archives of
# pinned versions and checksums, through Maven, with as much of Hadoop as reading local files needs.
# Does nothing where they are there already.
set -euo pipefail
cd "$(dirname "$0")/.."

pom=scripts/parquet-java-pom.xml
sums=scripts/parquet-java-sha256.txt
stamp=$(cat "$pom" "$sums" | sha256sum | cut -d' ' -f1)
if [ "$(cat .deps/parquet-java/stamp 2>/dev/null)" = "$stamp" ]; then exit 0; fi
if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
  echo "parquet-java needs a JDK (17 or newer) and Maven" >&2
  exit 1
fi
echo "setup: fetching parquet-java"
mkdir -p .deps
work=$(mktemp -d "$PWD/.deps/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$pom" "$work/pom.xml"
mvn --quiet --batch-mode -f "$work/pom.xml" -Dmaven.repo.local="$work/repository" \
  org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies -DoutputDirectory="$work/out"
if ! (cd "$work/out" && sha256sum --check --status) <"$sums" ||
  [ "$(find "$work/out" -name '*.jar' | wc -l)" != "$(wc -l <"$sums")" ]; then
  echo "parquet-java or what it needs has another checksum than the pinned one: not used" >&2
  exit 1
fi
echo "$stamp" >"$work/out/stamp"
rm -rf .deps/parquet-java
mv "$work/out" .deps/parquet-java
