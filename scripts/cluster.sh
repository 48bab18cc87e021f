#!/usr/bin/env bash
# A private PostgreSQL cluster for tests and demos: own data directory, own password, a free port on 127.0.0.1.
# Durability is off: what it holds can be made again.
# usage: scripts/cluster.sh start DIR    make it if need be, start it, print its URI (also in DIR/uri)
#        scripts/cluster.sh stop DIR     stop it, keep the data
#        scripts/cluster.sh remove DIR   stop it, delete DIR
#        scripts/cluster.sh bindir       print the directory of the newest installed server
#   LAKEHAUL_POSTGRES_BINDIR   where the server's programs are, instead of the newest installed
set -euo pipefail

fail() {
  echo "cluster.sh: $*" >&2
  exit 1
}

find_bindir() {
  local candidate best='' best_version=0 version
  if [ -n "${LAKEHAUL_POSTGRES_BINDIR:-}" ]; then
    [ -x "$LAKEHAUL_POSTGRES_BINDIR/postgres" ] || fail "no PostgreSQL server in $LAKEHAUL_POSTGRES_BINDIR"
    echo "$LAKEHAUL_POSTGRES_BINDIR"
    return
  fi
  for candidate in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin; do
    [ -x "$candidate/initdb" ] && [ -x "$candidate/postgres" ] || continue
    version=$("$candidate/postgres" --version | grep -o '[0-9]\+' | head -1)
    if [ "$version" -gt "$best_version" ]; then
      best=$candidate
      best_version=$version
    fi
  done
  [ -n "$best" ] || fail "no PostgreSQL server found: install the package postgresql"
  echo "$best"
}

# The server refuses to run as root; then it runs as postgres, or nobody where there is no such user.
server_user=''
if [ "$(id -u)" = 0 ]; then
  server_user=postgres
  id postgres >/dev/null 2>&1 || server_user=nobody
fi
as_server() {
  if [ -n "$server_user" ]; then
    (cd / && runuser -u "$server_user" -- env -u PGDATA -u PGPORT -u PGHOST "$@")
  else
    env -u PGDATA -u PGPORT -u PGHOST "$@"
  fi
}

# Where data and socket live: DIR/server, or a directory elsewhere when the server's user cannot reach DIR or the
# socket's path would be too long. DIR/home says which.
server_home() {
  cat "$dir/home" 2>/dev/null || true
}
make_home() {
  local home=$dir/server
  mkdir -p "$home"
  if [ -n "$server_user" ]; then chown "$server_user" "$home"; fi
  chmod 700 "$home"
  if ! as_server test -x "$home" 2>/dev/null || [ "${#home}" -gt 80 ]; then
    rmdir "$home"
    home=$(mktemp -d /tmp/lakehaul-cluster.XXXXXX)
    if [ -n "$server_user" ]; then chown "$server_user" "$home"; fi
  fi
  echo "$home" >"$dir/home"
}

# True when the process named in the data directory's pid file is a server of this data directory.
is_running() {
  local home pid
  home=$(server_home)
  [ -n "$home" ] && [ -f "$home/data/postmaster.pid" ] || return 1
  pid=$(head -1 "$home/data/postmaster.pid")
  tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$home/data"
}

create() {
  local home
  rm -f "$dir/uri"
  make_home
  home=$(server_home)
  # Characters that a URI must percent-encode, so that every user of the cluster proves to handle them.
  local random
  random=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
  (umask 077 && echo "p%40ss%3A%2F%3F%23%25-$random" >"$dir/password.uri")
  echo "p@ss:/?#%-$random" | as_server tee "$home/password" >/dev/null
  as_server "$bindir/initdb" -D "$home/data" --username=lakehaul --auth=scram-sha-256 \
    --pwfile="$home/password" --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 || fail "initdb failed: $(tail -3 "$dir/initdb.log")"
  as_server tee -a "$home/data/postgresql.conf" >/dev/null <<EOF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$home'
max_connections = 100
shared_buffers = 256MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
timezone = 'UTC'
EOF
}

start() {
  mkdir -p "$dir"
  bindir=$(find_bindir)
  if is_running; then
    cat "$dir/uri"
    return
  fi
  local home major port
  home=$(server_home)
  major=$(cat "$home/data/PG_VERSION" 2>/dev/null || true)
  if [ -z "$major" ] || ! "$bindir/postgres" --version | grep -q " $major\b"; then
    if [ -n "$home" ]; then rm -rf "$home"; fi
    create
    home=$(server_home)
  fi
  rm -f "$home/data/postmaster.pid" # is_running has shown that nobody runs on it
  for _ in $(seq 20); do
    port=$((15000 + RANDOM % 15000))
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue; fi
    if as_server "$bindir/pg_ctl" start -D "$home/data" -w -t 60 -s -l "$home/log" -o "-p $port" >/dev/null 2>&1; then
      (umask 077 && echo "postgresql://lakehaul:$(cat "$dir/password.uri")@127.0.0.1:$port/postgres" >"$dir/uri")
      cat "$dir/uri"
      return
    fi
    grep -q 'in use' "$home/log" || break
  done
  fail "the server does not start: $(tail -3 "$home/log" 2>/dev/null)"
}

stop() {
  if is_running; then
    local home
    home=$(server_home)
    as_server "$(find_bindir)/pg_ctl" stop -D "$home/data" -m fast -w -t 60 -s
  fi
}

remove() {
  stop
  local home
  home=$(server_home)
  if [ -n "$home" ]; then rm -rf "$home"; fi
  rm -rf "$dir"
}

case "${1:-}:$#" in
  bindir:1) find_bindir ;;
  start:2 | stop:2 | remove:2)
    dir=$(realpath -m "$2")
    "$1"
    ;;
  *)
    sed -n '4,8s/^# //p' "$0" >&2
    exit 2
    ;;
esac
