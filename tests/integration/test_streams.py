"""Tables read over several connections: every row once, whatever the table is made of, whatever happens meanwhile."""
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from processes import running, wait_until
from support import lake_files, lake_pointer, read_lake_duckdb

SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'lakehaul {}' ORDER BY backend_start"
PROOF = "count(*), count(DISTINCT id), sum(id), bit_xor(id * 31 + length(note))"

# Few rows on many pages: a range is 1000 of them.
SPARSE = "WITH (fillfactor = 10)"
ROWS = "SELECT i AS id, i % 100 AS kind, repeat('x', 60 + i % 40) AS note FROM generate_series(1, {}) AS i"


def sparse_table(database, name: str = "t", rows: int = 30_000) -> None:
    database.execute(f"CREATE TABLE {name} {SPARSE} AS {ROWS.format(rows)}")
    database.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
    database.execute(f"ANALYZE {name}")


def same_on_both_sides(database, made, table: str, source: str) -> None:
    expected = database.rows(f"SELECT {PROOF.replace('bit_xor(', 'sum(')} FROM {source}")
    assert read_lake_duckdb(made.lake, table, f"SELECT {PROOF.replace('bit_xor(', 'sum(')} FROM lake_table") == [
        tuple(int(value) for value in row) for row in expected
    ]


def warnings(result) -> list[str]:
    return [line for line in result.stderr.splitlines() if "warning" in line]


def sessions(database, task: str = "t") -> list[int]:
    return [pid for (pid,) in database.rows(SESSIONS.format(task))]


def forget_statistics(database) -> None:
    """A session tells what it has done once a second at most: first that, then nothing."""
    database.execute("SELECT pg_sleep(1.2)")
    database.execute("SELECT pg_stat_reset()")


def slowed(project, database, task: dict | None = None, **keys):
    """Reads about a tenth of the sparse table a second."""
    return project({"t": task or {"table": "t"}}, source=database.uri, max_rate="400kB/s", **keys)


def test_two_connections_read_a_table_into_a_file_each(database, project):
    sparse_table(database)
    made = slowed(project, database)
    with running(made) as run:
        wait_until(lambda: len(sessions(database)) == 2, "two connections read")
        snapshots = database.rows(
            "SELECT DISTINCT backend_xmin::text FROM pg_stat_activity"
            " WHERE application_name LIKE 'lakehaul%' AND backend_xmin IS NOT NULL"
        )
        assert len(snapshots) == 1
        run.finish()
    assert len(lake_files(made.lake, "t")) == 2
    assert sum(file["rows"] for file in lake_pointer(made.lake, "t")["files"]) == 30_000
    same_on_both_sides(database, made, "t", "t")


def test_streams_of_a_task_and_of_the_command_line_go_before_the_projects(database, project):
    sparse_table(database)
    made = slowed(project, database, {"table": "t", "streams": 3}, streams=1)
    with running(made) as run:
        wait_until(lambda: len(sessions(database)) == 3, "three connections read")
        run.finish()
    made = project({"t": {"table": "t", "streams": 3}}, source=database.uri)
    made.run("--streams", "1")
    assert len(lake_files(made.lake, "t")) == 1


def test_a_small_table_is_read_over_one_connection(database, project):
    sparse_table(database, rows=5000)
    made = project({"t": {"table": "t"}}, source=database.uri, streams=8)
    made.run()
    assert len(lake_files(made.lake, "t")) == 1
    same_on_both_sides(database, made, "t", "t")


@pytest.fixture
def parts(database):
    database.execute(f"""
        CREATE TABLE parts (id int, kind int, note text) PARTITION BY RANGE (id);
        CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM (0) TO (10000) {SPARSE};
        CREATE TABLE parts_b (note text, kind int, gone int, id int) {SPARSE};
        ALTER TABLE parts_b DROP COLUMN gone;
        ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES FROM (10000) TO (20000);
        CREATE TABLE parts_c PARTITION OF parts DEFAULT PARTITION BY LIST (kind);
        CREATE TABLE parts_c1 PARTITION OF parts_c FOR VALUES IN (1, 2, 3) {SPARSE};
        CREATE TABLE "Parts C2" PARTITION OF parts_c DEFAULT {SPARSE};
        INSERT INTO parts {ROWS.format(29_999)};
        ANALYZE parts;
    """)
    return database


def test_each_partition_is_cut_by_itself(parts, project):
    made = project({"t": {"table": "parts"}}, source=parts.uri, streams=4)
    result = made.run("--verify")
    assert warnings(result) == []
    same_on_both_sides(parts, made, "t", "parts")


@pytest.mark.threads
@pytest.mark.parametrize(
    "where", ["id < 15000", "parts.id < 15000", "public.parts.kind = 7", "id BETWEEN 5 AND 25000 AND note LIKE 'x%'"]
)
def test_partitions_take_the_condition(parts, project, where):
    made = project({"t": {"table": "parts", "where": where}}, source=parts.uri, streams=4)
    result = made.run("--verify")
    same_on_both_sides(parts, made, "t", f"parts WHERE {where}")
    # A name with its schema holds for the table alone.
    assert len(warnings(result)) == ("public." in where)


def test_partitions_that_the_condition_excludes_are_not_read(parts, project):
    forget_statistics(parts)
    made = project({"t": {"table": "parts", "where": "id < 5000"}}, source=parts.uri, streams=4)
    made.run()
    same_on_both_sides(parts, made, "t", "parts WHERE id < 5000")
    parts.execute("SELECT pg_stat_clear_snapshot()")
    read = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'parts_b'"
    assert parts.value(read) == 0


def test_what_may_be_read_only_through_the_table_is_read_through_it(parts, project):
    name = parts.value("SELECT 'parts_reader_' || oid FROM pg_database WHERE datname = current_database()")
    parts.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'; GRANT SELECT ON parts TO {name}")
    try:
        uri = urlsplit(parts.uri)
        uri = urlunsplit(uri._replace(netloc=f"{name}:x@{uri.hostname}:{uri.port}"))
        made = project({"t": {"table": "parts"}}, source=uri, streams=4)
        (warning,) = warnings(made.run())
        assert "read over one connection" in warning and "GRANT SELECT" in warning and "public.parts_a" in warning
        same_on_both_sides(parts, made, "t", "parts")
    finally:
        parts.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.threads
def test_children_by_inheritance_are_read_once_each(database, project):
    database.execute(f"""
        CREATE TABLE base (id int, kind int, note text) {SPARSE};
        CREATE TABLE one (more int) INHERITS (base) {SPARSE};
        CREATE TABLE two () INHERITS (base) {SPARSE};
        CREATE TABLE diamond () INHERITS (one, two) {SPARSE};
        INSERT INTO base {ROWS.format(10_000)};
        INSERT INTO one SELECT id + 10000, kind, note, 1 FROM ({ROWS.format(10_000)}) AS r;
        INSERT INTO diamond SELECT id + 20000, kind, note, 1 FROM ({ROWS.format(9_000)}) AS r;
    """)
    made = project({"t": {"table": "base"}}, source=database.uri, streams=3)
    assert warnings(made.run("--verify")) == []
    same_on_both_sides(database, made, "t", "base")


def test_a_condition_that_an_index_answers_is_not_cut_into_scans_of_the_table(database, project):
    sparse_table(database)
    forget_statistics(database)
    made = project({"t": {"table": "t", "where": "id < 100"}}, source=database.uri, streams=4)
    made.run()
    same_on_both_sides(database, made, "t", "t WHERE id < 100")
    database.execute("SELECT pg_stat_clear_snapshot()")
    assert database.value("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 't'") == 0


KEYS = {
    "int": "id",
    "text": "md5(id::text)",
    "uuid": "md5(id::text)::uuid",
    "date": "date '2000-01-01' + id % 5000",
    "timestamptz": "timestamptz '2000-01-01' + id * interval '1 h'",
    "numeric": "(id * 1.5)::numeric(12,2)",
    "double": "CASE WHEN id % 100 = 0 THEN 'NaN' WHEN id % 100 = 1 THEN '-Infinity' ELSE id / 7.0 END::float8",
    "char": "md5(id::text)::char(40)",
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_column_divides_what_has_no_pages(database, project, kind):
    sparse_table(database, "base")
    database.execute(
        f"CREATE TABLE t AS SELECT *, CASE WHEN id % 50 > 0 THEN {KEYS[kind]} END AS \"Key\" FROM base ORDER BY random()"
    )
    database.execute('CREATE INDEX ON t ("Key"); ANALYZE t; DROP TABLE base')
    made = project({"t": {"table": "t", "split_by": "Key"}}, source=database.uri, streams=4, max_rate="2MB/s")
    with running(made, "--verify") as run:
        wait_until(lambda: len(sessions(database)) == 4, "four connections read")
        run.finish()
    same_on_both_sides(database, made, "t", "t")


def test_columns_that_cannot_divide_a_table_are_refused(database, project):
    sparse_table(database)
    database.execute("ALTER TABLE t ADD COLUMN doc jsonb")
    made = project({"t": {"table": "t", "split_by": "doc"}}, source=database.uri)
    assert 'cannot be split by column "doc", which is jsonb' in made.run(expect=1).stderr
    assert 'cannot be split by column "doc", which is jsonb' in made.lakehaul("check", expect=1).stderr
    made = project({"t": {"table": "t", "split_by": "idd"}}, source=database.uri)
    message = made.run(expect=1).stderr
    assert 'public.t has no column "idd" to be split by' in message and 'did you mean "id"?' in message
    database.execute("CREATE TABLE fresh AS SELECT * FROM t; ALTER TABLE fresh DROP COLUMN doc")
    made = project({"t": {"table": "fresh", "split_by": "id"}}, source=database.uri)
    (warning,) = warnings(made.run())
    assert "no histogram" in warning and "ANALYZE" in warning
    same_on_both_sides(database, made, "t", "fresh")


def test_views_and_foreign_tables_are_divided_where_a_column_is_named(database, project):
    sparse_table(database)
    uri = urlsplit(database.uri)
    options = f"host '{uri.hostname}', port '{uri.port}', dbname '{uri.path[1:]}'"
    user = f"user '{uri.username}', password '{psycopg.conninfo.conninfo_to_dict(database.uri)['password']}'"
    database.execute(f"""
        CREATE EXTENSION postgres_fdw;
        CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({options});
        CREATE USER MAPPING FOR CURRENT_USER SERVER self OPTIONS ({user});
        CREATE FOREIGN TABLE far (id int, kind int, note text) SERVER self OPTIONS (table_name 't');
        CREATE VIEW seen AS SELECT * FROM t WHERE kind < 50;
        ANALYZE far;
    """)
    made = project({"t": {"table": "far"}, "v": {"table": "seen"}}, source=database.uri, streams=3)
    assert warnings(made.run()) == []
    assert len(lake_files(made.lake, "t")) == len(lake_files(made.lake, "v")) == 1
    same_on_both_sides(database, made, "t", "far")
    same_on_both_sides(database, made, "v", "seen")
    made = project({"t": {"table": "far", "split_by": "id"}}, source=database.uri, streams=3, max_rate="2MB/s")
    with running(made) as run:
        wait_until(lambda: len(sessions(database)) == 3, "three connections read")
        run.finish()
    same_on_both_sides(database, made, "t", "far")


# While others write


@pytest.mark.threads
def test_no_row_is_read_twice_or_missed_while_the_table_changes(database, project):
    sparse_table(database, rows=20_000)
    stop = threading.Event()

    def change(seed: int) -> None:
        with psycopg.connect(database.uri, autocommit=True) as connection:
            step = 0
            while not stop.is_set():
                step += 1
                row = (step * 7919 + seed * 104_729) % 20_000 + 1
                connection.execute("UPDATE t SET note = repeat('y', 50 + %s) WHERE id = %s", [step % 90, row])
                connection.execute("DELETE FROM t WHERE id = %s", [(row * 31) % 20_000 + 1])
                connection.execute(
                    "INSERT INTO t VALUES (%s, 1, 'new') ON CONFLICT DO NOTHING", [1_000_000 * (seed + 1) + step]
                )

    writers = [threading.Thread(target=change, args=[seed]) for seed in range(2)]
    for writer in writers:
        writer.start()
    try:
        made = project({"t": {"table": "t"}}, source=database.uri, streams=3, max_rate="1MB/s")
        for _ in range(2):
            result = json.loads(made.run("--verify", "--json").stdout)
            assert result["tasks"][0]["verified"]
            rows, distinct = read_lake_duckdb(
                made.lake, "t", "SELECT count(*), count(DISTINCT id) FROM lake_table"
            )[0]
            assert rows == distinct > 10_000
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_a_schema_change_that_waits_for_the_first_connection_does_not_hang_the_others(database, project):
    sparse_table(database)
    database.execute("CREATE FUNCTION late(int) RETURNS int LANGUAGE sql AS 'SELECT $1'")
    made = slowed(project, database, streams=2)
    with running(made) as run:
        wait_until(lambda: sessions(database), "the first connection reads")

        def alter() -> None:
            with psycopg.connect(database.uri, autocommit=True) as connection:
                connection.execute("ALTER TABLE t ADD COLUMN late int")

        altering = threading.Thread(target=alter)
        altering.start()
        run.finish(timeout=60)
        altering.join(timeout=10)
        assert not altering.is_alive()
    same_on_both_sides(database, made, "t", "t")


def test_a_lock_is_waited_for_as_long_as_the_project_says(database, project):
    sparse_table(database, rows=100)
    made = project({"t": {"table": "t"}}, source=database.uri, lock_timeout="300ms")
    with psycopg.connect(database.uri) as other:
        other.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        result = made.run(expect=1)
    assert "task t: " in result.stderr and "lock timeout" in result.stderr
    assert "pg_blocking_pids" in result.stderr and "lock_timeout" in result.stderr


def test_a_statement_takes_as_long_as_the_project_says(database, project):
    made = project({"t": {"query": "SELECT pg_sleep(30)::text AS a"}}, source=database.uri, statement_timeout="300ms")
    result = made.run(expect=1)
    assert "statement timeout" in result.stderr and "statement_timeout in lakehaul.yaml" in result.stderr


def test_a_rate_is_kept_over_all_connections(database, project):
    sparse_table(database)
    size = database.value("SELECT sum(length(note) + 30) FROM t")
    made = project({"t": {"table": "t"}}, source=database.uri, streams=4, max_rate="1MB/s")
    begun = time.monotonic()
    made.run()
    seconds = time.monotonic() - begun
    assert size / 2**20 * 0.7 < seconds < size / 2**20 * 2 + 2


# When a connection fails


@contextmanager
def proxy(uri: str) -> Iterator[tuple[str, list]]:
    """A URI that leads to the same server through this process, and the connections it has, newest last."""
    target = urlsplit(uri)
    pairs: list[tuple[socket.socket, socket.socket]] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((target.hostname, target.port))
            pairs.append((client, server))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    user = target.netloc.rsplit("@", 1)[0]
    try:
        yield urlunsplit(target._replace(netloc=f"{user}@127.0.0.1:{listener.getsockname()[1]}")), pairs
    finally:
        listener.close()
        for pair in pairs:
            for end in pair:
                end.close()


def cut(pair: tuple[socket.socket, socket.socket]) -> None:
    for end in pair:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


@pytest.mark.threads
@pytest.mark.parametrize(
    ("which", "task"),
    [(1, {}), (2, {}), (1, {"partition_by": "part"}), (2, {"partition_by": "part"})],
    ids=["the first", "another", "the first of partitions", "another of partitions"],
)
def test_what_a_lost_connection_has_read_is_read_again(database, project, which, task):
    sparse_table(database)
    with proxy(database.uri) as (uri, pairs):
        columns = "SELECT *, id % 20 AS part FROM t"
        database.execute(f"CREATE TABLE parted {SPARSE} AS {columns}; ALTER TABLE parted ADD PRIMARY KEY (id)")
        database.execute("DROP TABLE t; ALTER TABLE parted RENAME TO t; ANALYZE t")
        made = project({"t": {"table": "t", **task}}, source=uri, streams=2, max_rate="600kB/s")
        with running(made) as run:
            wait_until(lambda: len(sessions(database)) == 2, "two connections read")
            time.sleep(0.7)
            cut(pairs[which])  # the leader's was made first
            run.finish(timeout=60)
    assert "a connection was replaced" in run.stderr
    same_on_both_sides(database, made, "t", "t")


def test_a_lost_leader_and_a_lost_connection_fail_the_task_and_leave_the_old_version(database, project):
    sparse_table(database)
    with proxy(database.uri) as (uri, pairs):
        made = project({"t": {"table": "t"}}, source=uri, streams=2)
        made.run()
        before = lake_pointer(made.lake, "t")["version"]
        made = project({"t": {"table": "t"}}, source=uri, streams=2, max_rate="600kB/s")
        pairs.clear()
        with running(made) as run:
            wait_until(lambda: len(sessions(database)) == 2, "two connections read")
            time.sleep(0.5)
            cut(pairs[0])
            wait_until(
                lambda: not database.rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'lakehaul'"),
                "the leader is gone",
            )
            cut(pairs[1])
            run.finish(expect=1, timeout=60)
    assert "the connection to PostgreSQL was lost" in run.stderr and "snapshot" in run.stderr
    assert lake_pointer(made.lake, "t")["version"] == before
    assert len(list((made.lake / "t").iterdir())) == 1


def test_fewer_connections_than_were_asked_for_are_enough(database, project):
    sparse_table(database)
    limit = 2  # the leader's and one that reads
    name = database.value("SELECT 'limited_' || oid FROM pg_database WHERE datname = current_database()")
    database.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x' CONNECTION LIMIT {limit}; GRANT SELECT ON t TO {name}")
    try:
        uri = urlsplit(database.uri)
        uri = urlunsplit(uri._replace(netloc=f"{name}:x@{uri.hostname}:{uri.port}"))
        made = project({"t": {"table": "t"}}, source=uri, streams=3)
        found = warnings(made.run())
        assert found and all("one connection fewer reads public.t" in line for line in found)
        same_on_both_sides(database, made, "t", "t")
    finally:
        database.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.threads
def test_a_value_that_is_refused_is_found_by_its_range(database, project):
    sparse_table(database)
    database.execute("ALTER TABLE t ADD COLUMN day date; UPDATE t SET day = 'infinity' WHERE id = 29999")
    made = project({"t": {"table": "t"}}, source=database.uri, streams=3)
    message = made.run(expect=1).stderr
    assert "among the rows of public.t from ctid (" in message and 'column "day"' in message
    assert not (made.lake / "t").exists() or not list((made.lake / "t").iterdir())


# Files


def test_files_end_at_their_size(database, project):
    database.execute(
        f"CREATE TABLE t {SPARSE} AS"
        " SELECT i AS id, sha512(i::text::bytea)::text AS note FROM generate_series(1, 60000) AS i"
    )
    made = project(
        {
            "t": {"table": "t", "file_size": "1MB", "compression": "none"},
            "q": {"query": "SELECT * FROM t", "compression": "none"},
            "s": {"sql": "s.sql", "compression": "none"},
        },
        files={"s.sql": "SELECT * FROM q"},
        source=database.uri,
        file_size="2MB",
        memory="64MB",
    )
    made.run("--verify")
    for table, least in (("t", 4), ("q", 3), ("s", 2)):
        files = lake_files(made.lake, table)
        assert len(files) >= least, table
        assert read_lake_duckdb(made.lake, table, "SELECT count(*), sum(id) FROM lake_table") == [
            (60_000, 60_000 * 60_001 // 2)
        ]


def test_an_export_into_a_directory_writes_a_file_of_each_connection(database, lakehaul, tmp_path):
    sparse_table(database)
    result = lakehaul("export", database.uri, "-t", "t", "-o", f"{tmp_path}/out/", "--streams", "3", "--json", expect=0)
    document = json.loads(result.stdout)
    assert document["rows"] == 30_000
    assert sorted(document["files"]) == [str(path) for path in sorted((tmp_path / "out").iterdir())]
    again = lakehaul("export", database.uri, "-t", "t", "-o", f"{tmp_path}/out/", expect=2)
    assert "already holds part-0000" in again.stderr and "--replace" in again.stderr
    lakehaul("export", database.uri, "-t", "t", "-o", f"{tmp_path}/out/", "--replace", "--streams", "1", expect=0)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["part-00000.parquet"]
