"""The benchmark's own PostgreSQL cluster and the tables in it. Both stay for the next run: a table is built anew only
when its definition or its scale has changed."""
from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from settings import ROOT
from tables.model import MACROS, Table

CLUSTER_SCRIPT = ROOT / "scripts" / "cluster.sh"
# A role of its own, whose password no client has to percent-encode: what is measured is not the parsing of URIs.
ROLE = "bench"


def clean_environment() -> dict[str, str]:
    """The environment without what would change where libpq connects to."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LAKEHAUL_"))}


@dataclass(frozen=True)
class Database:
    host: str
    port: int
    name: str
    bindir: Path

    @property
    def uri(self) -> str:
        return f"postgresql://{ROLE}:{ROLE}@{self.host}:{self.port}/{self.name}"

    @property
    def psql(self) -> list[str]:
        return [str(self.bindir / "psql"), self.uri, "--no-psqlrc", "-qAtX", "-v", "ON_ERROR_STOP=1"]

    def run(self, *statements: str) -> str:
        command = self.psql + [part for statement in statements for part in ("-c", statement)]
        done = subprocess.run(command, env=clean_environment(), capture_output=True, encoding="utf-8", check=False)
        if done.returncode != 0:
            raise RuntimeError(f"psql failed: {done.stderr.strip()}")
        return done.stdout.strip()


    def end_others(self) -> None:
        self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                 "WHERE datname = current_database() AND pid <> pg_backend_pid()")


@contextmanager
def started(work: Path, name: str) -> Iterator[Database]:
    """The cluster in `work`/cluster with a database `name`; stopped at the end, its data kept. One run at a time."""
    directory = work / "cluster"
    directory.parent.mkdir(parents=True, exist_ok=True)
    lock = open(work / "lock", "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("bench: another run is using the same cluster")
    environment = clean_environment()
    bindir = Path(subprocess.check_output([CLUSTER_SCRIPT, "bindir"], encoding="utf-8", env=environment).strip())
    try:
        uri = subprocess.check_output([CLUSTER_SCRIPT, "start", directory], encoding="utf-8", env=environment).strip()
        admin = [str(bindir / "psql"), uri, "--no-psqlrc", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c"]

        def execute(sql: str) -> str:
            return subprocess.check_output([*admin, sql], encoding="utf-8", env=environment).strip()

        if not execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'"):
            execute(f"CREATE ROLE {ROLE} SUPERUSER LOGIN PASSWORD '{ROLE}'")
        if not execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            execute(f"CREATE DATABASE {name}")
        address = urlsplit(uri)
        database = Database(address.hostname or "127.0.0.1", address.port or 5432, name, bindir)
        database.run("CREATE TABLE IF NOT EXISTS bench_built (name text PRIMARY KEY, fingerprint text)")
        yield database
    finally:
        subprocess.run([CLUSTER_SCRIPT, "stop", directory], env=environment, check=False)
        lock.close()


def fingerprint(table: Table, scale: float) -> str:
    text = "\n".join([duckdb.__version__, MACROS, table.ddl(), table.select(scale)])
    return hashlib.sha256(text.encode()).hexdigest()


def build_table(database: Database, table: Table, scale: float) -> None:
    """Generated, copied in and vacuumed with all rows frozen, so that no reader pays for hint bits."""
    wanted = fingerprint(table, scale)
    if database.run(f"SELECT fingerprint FROM bench_built WHERE name = '{table.name}'") == wanted:
        return
    print(f"bench: building {table.name}, {table.scaled_rows(scale):,} rows", flush=True)
    database.run(f"DELETE FROM bench_built WHERE name = '{table.name}'", f"DROP TABLE IF EXISTS {table.name}")
    generator = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "generate.py"), table.name, str(scale)], stdout=subprocess.PIPE
    )
    copy = f"COPY {table.name} FROM STDIN (FORMAT csv, FREEZE)"
    command = [*database.psql, "-1", "-c", table.ddl(), "-c", copy]
    loaded = subprocess.run(command, stdin=generator.stdout, env=clean_environment(), check=False)
    if generator.stdout is not None:
        generator.stdout.close()
    if generator.wait() != 0 or loaded.returncode != 0:
        raise RuntimeError(f"building {table.name} failed")
    database.run(f"VACUUM (FREEZE, ANALYZE) {table.name}")
    database.run(f"INSERT INTO bench_built VALUES ('{table.name}', '{wanted}')")


def table_facts(database: Database, name: str) -> tuple[int, int, int]:
    """Rows, bytes of heap and TOAST, pages of heap."""
    answer = database.run(
        f"SELECT (SELECT count(*) FROM {name}), pg_table_size('{name}'), "
        f"pg_relation_size('{name}') / current_setting('block_size')::int"
    )
    rows, size_bytes, pages = (int(part) for part in answer.split("|"))
    return rows, size_bytes, pages
