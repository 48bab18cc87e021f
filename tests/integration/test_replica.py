"""Reading from a standby: `replica` in the place of `source`."""
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import support
from processes import running, wait_until
from support import lake_files, lake_pointer, read_lake_duckdb

SETTINGS = """
wal_level = replica
max_wal_senders = 4
max_standby_streaming_delay = 500ms
wal_receiver_status_interval = 1s
hot_standby_feedback = off
"""


def as_server(cluster: support.Cluster, program: str, *args: str | Path) -> None:
    """Runs one of the server's programs as the user whom its files belong to."""
    home = Path((cluster.directory / "home").read_text().strip())
    prefix = ["runuser", "-u", home.owner(), "--"] if os.getuid() == 0 else []
    command = [*prefix, str(cluster.bindir / program), *map(str, args)]
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def primary() -> Iterator[support.Cluster]:
    found = subprocess.run([support.CLUSTER_SCRIPT, "bindir"], capture_output=True, encoding="utf-8", check=False)
    if found.returncode != 0:
        support.missing("a PostgreSQL server")
    with support.start_cluster(Path(found.stdout.strip())) as cluster:
        home = Path((cluster.directory / "home").read_text().strip())
        with (home / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write(SETTINGS)
        with (home / "data" / "pg_hba.conf").open("a") as access:
            access.write("host replication all 127.0.0.1/32 scram-sha-256\n")
        as_server(cluster, "pg_ctl", "restart", "-D", home / "data", "-w", "-s", "-l", home / "log", "-o",
                  f"-p {urlsplit(cluster.uri).port}")
        yield cluster


@pytest.fixture(scope="module")
def standby(primary) -> Iterator[str]:
    """The URI of a server that follows the primary."""
    home = Path((primary.directory / "home").read_text().strip())
    data = home / "standby"
    as_server(primary, "pg_basebackup", "-d", primary.uri, "-D", data, "-R", "-c", "fast", "-X", "stream")
    port = support.free_port()
    as_server(primary, "pg_ctl", "start", "-D", data, "-w", "-s", "-l", home / "standby.log", "-o", f"-p {port}")
    try:
        uri = urlsplit(primary.uri)
        yield urlunsplit(uri._replace(netloc=f"{uri.netloc.rsplit(':', 1)[0]}:{port}"))
    finally:
        as_server(primary, "pg_ctl", "stop", "-D", data, "-m", "immediate", "-s")


@pytest.fixture
def both(primary, standby) -> Iterator[tuple[psycopg.Connection, str]]:
    with psycopg.connect(primary.uri, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE t WITH (fillfactor = 10) AS SELECT i AS id, repeat('x', 90) AS note"
            " FROM generate_series(1, 30000) AS i"
        )
        catch_up(connection, standby)
        yield connection, standby
        connection.execute("DROP TABLE t")


def catch_up(connection: psycopg.Connection, standby: str) -> None:
    (position,) = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
    with psycopg.connect(standby, autocommit=True) as follower:
        wait_until(
            lambda: follower.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [position]).fetchone()[0],
            "the standby has caught up",
        )


def test_a_table_is_read_from_the_replica_over_several_connections(both, project):
    _, standby = both
    made = project({"t": {"table": "t"}}, source="${NOT_SET_ANYWHERE}", replica=standby, max_rate="800kB/s")
    with psycopg.connect(standby, autocommit=True) as follower, running(made, "--verify") as run:
        readers = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lakehaul t'"
        wait_until(lambda: follower.execute(readers).fetchone()[0] == 2, "two connections read from the standby")
        run.finish()
    assert len(lake_files(made.lake, "t")) == 2
    assert read_lake_duckdb(made.lake, "t", "SELECT count(*), sum(id) FROM lake_table") == [(30_000, 450_015_000)]
    snapshot = lake_pointer(made.lake, "t")["snapshot"]
    assert snapshot["lsn"] and snapshot["time"]


def test_a_replay_that_cancels_the_reading_leaves_the_old_version(both, project):
    connection, standby = both
    made = project({"t": {"table": "t"}}, source=standby)
    made.run()
    before = lake_pointer(made.lake, "t")
    made = project({"t": {"table": "t"}}, source=standby, max_rate="300kB/s")
    with psycopg.connect(standby, autocommit=True) as follower, running(made) as run:
        readers = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lakehaul t'"
        wait_until(lambda: follower.execute(readers).fetchone()[0] == 2, "two connections read from the standby")
        time.sleep(0.3)
        connection.execute("DELETE FROM t WHERE id % 2 = 0")
        connection.execute("VACUUM t")
        run.finish(expect=1, timeout=60)
    assert "conflict with recovery" in run.stderr
    assert "max_standby_streaming_delay" in run.stderr
    assert lake_pointer(made.lake, "t") == before
    assert len(list((made.lake / "t").iterdir())) == 1
