"""Runs as their users see them: what is published, selected, printed and returned; one snapshot; gc; readers beside."""
import fcntl
import json
import os
import pty
import re
import signal
import threading
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import psycopg
import pyarrow.parquet
import pytest
from processes import assert_whole, closed_gate, gated_query, running, tree, versions_on_disk, wait_until
from support import (
    LAKEHAUL,
    assert_same_rows,
    clean_environment,
    is_published,
    lake_files,
    lake_pointer,
    read_lake_duckdb,
    read_lake_pyarrow,
)

# Two tables and a task on top of them.
SHOP_SQL = """
CREATE TABLE users (id int PRIMARY KEY, email varchar(40) NOT NULL, password_hash text);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id int NOT NULL, amount numeric(12,2),
                     created_at timestamptz NOT NULL);
INSERT INTO users SELECT i, 'user' || i || '@example.com', md5(i::text) FROM generate_series(1, 50) AS i;
INSERT INTO orders SELECT i, i % 50 + 1, (i * 7.25)::numeric(12,2), '2026-01-01'::timestamptz + i * interval '1 minute'
FROM generate_series(1, 1000) AS i;
"""
SPENDING_SQL = "SELECT email, sum(amount) AS spent FROM orders JOIN users ON users.id = user_id GROUP BY email\n"
SHOP_TASKS = {
    "orders": {"table": "public.orders"},
    "users": {"table": "users", "columns": {"exclude": ["password_hash"]}},
    "spending": {"sql": "spending.sql"},
}


@pytest.fixture
def shop(database, project):
    database.execute(SHOP_SQL)
    return project(SHOP_TASKS, source=database.uri, files={"spending.sql": SPENDING_SQL})


def fail_next_run(database) -> None:
    """From now on, reading orders fails at its last row."""
    database.execute("INSERT INTO orders VALUES (1001, 1, 'NaN', '2026-02-01')")


def summary_states(stdout: str) -> dict[str, str]:
    """Last column of the summary, by task."""
    lines = [re.split(r" {2,}", line) for line in stdout.splitlines() if line]
    header = next(i for i, line in enumerate(lines) if line[0] == "task")
    assert lines[header] == ["task", "kind", "rows", "bytes", "seconds", "status"]
    return {line[0]: line[-1] for line in lines[header + 1 : -1]}


# Publication


@pytest.mark.asan
def test_the_pointer_tells_everything_about_the_version(database, shop):
    before = database.rows("SELECT clock_timestamp(), pg_current_wal_lsn()")[0]
    shop.run()
    after = database.rows("SELECT clock_timestamp(), pg_current_wal_lsn()")[0]
    pointer = lake_pointer(shop.lake, "orders")
    version = pointer["version"]
    path = shop.lake / "orders" / version / "part-00000.parquet"
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}", version)
    snapshot = pointer.pop("snapshot")
    published_at = datetime.fromisoformat(pointer.pop("published_at"))
    assert pointer == {
        "format": 1,
        "table": "orders",
        "version": version,
        "source": "table public.orders",
        "rows": 1000,
        "bytes": path.stat().st_size,
        "comment": "",
        "primary_key": ["id"],
        "files": [
            {"key": f"orders/{version}/part-00000.parquet", "rows": 1000, "bytes": path.stat().st_size}
        ],
        "columns": [
            {"name": "id", "type": "int64", "source_type": "bigint", "comment": "", "nullable": False},
            {"name": "user_id", "type": "int32", "source_type": "integer", "comment": "", "nullable": False},
            {"name": "amount", "type": "decimal(12,2)", "source_type": "numeric(12,2)", "comment": "", "nullable": True},
            {
                "name": "created_at",
                "type": "timestamp with time zone",
                "source_type": "timestamp with time zone",
                "comment": "",
                "nullable": False,
            },
        ],
        "previous": [],
    }
    assert before[0] <= datetime.fromisoformat(snapshot["time"]) <= after[0]
    as_number = lambda lsn: tuple(int(part, 16) for part in lsn.split("/"))  # noqa: E731
    assert as_number(before[1]) <= as_number(snapshot["lsn"]) <= as_number(after[1])
    assert datetime.fromisoformat(snapshot["time"]) <= published_at <= datetime.now(timezone.utc)
    metadata = pyarrow.parquet.ParquetFile(path).metadata
    assert (metadata.num_rows, metadata.num_columns) == (1000, 4)
    assert metadata.metadata[b"lakehaul.snapshot_lsn"].decode() == snapshot["lsn"]
    assert metadata.metadata[b"lakehaul.table"] == b"orders"
    assert metadata.created_by.startswith("lakehaul")


def test_the_pointer_of_a_derived_table_says_what_made_it(shop):
    shop.run()
    pointer = lake_pointer(shop.lake, "spending")
    assert pointer["source"] == "sql spending.sql"
    assert pointer["snapshot"] == {"time": "", "lsn": ""}
    assert [(column["name"], column["type"]) for column in pointer["columns"]] == [
        ("email", "string"),
        ("spent", "decimal(38,2)"),
    ]
    assert pointer["rows"] == 50


def test_all_tables_of_a_run_carry_the_same_snapshot(shop):
    shop.run()
    orders, users = (lake_pointer(shop.lake, table)["snapshot"] for table in ("orders", "users"))
    assert orders == users != {"time": "", "lsn": ""}


@pytest.mark.asan
def test_a_second_run_publishes_new_versions_and_remembers_the_old_ones(database, shop):
    shop.run()
    first = lake_pointer(shop.lake, "orders")
    database.execute("DELETE FROM orders WHERE id > 900")
    shop.run()
    second = lake_pointer(shop.lake, "orders")
    assert second["version"] > first["version"]
    assert second["previous"] == [
        {
            "version": first["version"],
            "published_at": first["published_at"],
            "rows": 1000,
            "bytes": first["bytes"],
            "files": 1,
        }
    ]
    assert_whole(shop.lake, "orders", 900)
    assert versions_on_disk(shop.lake, "orders") == {first["version"], second["version"]}
    shop.run()
    assert [previous["version"] for previous in lake_pointer(shop.lake, "orders")["previous"]] == [
        second["version"],
        first["version"],
    ]


def test_an_empty_table_is_published_with_its_columns(database, project):
    database.execute("CREATE TABLE empty (id int, note text)")
    made = project({"empty": {"table": "empty"}}, source=database.uri)
    made.run()
    assert read_lake_pyarrow(made.lake, "empty").column_names == ["id", "note"]
    assert read_lake_duckdb(made.lake, "empty", "SELECT count(*) FROM lake_table") == [(0,)]


def test_excluded_columns_and_queries_arrive_as_the_project_says(database, project):
    database.execute(SHOP_SQL)
    made = project(
        {
            "users": {"table": "users", "columns": {"include": ["email", "id"]}, "compression": "snappy"},
            "big": {"query": "SELECT id, amount FROM orders WHERE amount > 7000;", "compression": "none"},
        },
        source=database.uri,
    )
    made.run()
    assert read_lake_pyarrow(made.lake, "users").column_names == ["email", "id"]
    assert_same_rows(
        read_lake_duckdb(made.lake, "big", "SELECT * FROM lake_table ORDER BY id"),
        database.rows("SELECT id, amount FROM orders WHERE amount > 7000 ORDER BY id"),
    )
    codecs = [
        pyarrow.parquet.ParquetFile(lake_files(made.lake, table)[0]).metadata.row_group(0).column(0).compression
        for table in ("users", "big")
    ]
    assert codecs == ["SNAPPY", "UNCOMPRESSED"]


# Failure


@pytest.mark.asan
def test_a_failed_task_leaves_the_last_version_and_no_files(database, shop):
    shop.run()
    before = tree(shop.lake)
    fail_next_run(database)
    result = shop.run("orders", expect=1)
    assert tree(shop.lake) == before
    assert_whole(shop.lake, "orders", 1000)
    assert "amount" in result.stderr and "1001" in result.stderr and "NaN" in result.stderr
    assert summary_states(result.stdout)["orders"].startswith("failed: ")


def test_a_failed_first_run_leaves_nothing_of_the_table(database, shop):
    fail_next_run(database)
    shop.run("orders", expect=1)
    assert not is_published(shop.lake, "orders")
    assert not (shop.lake / "orders").exists()


def test_dependents_are_skipped_with_a_reason_and_independent_tasks_go_on(database, project):
    database.execute(SHOP_SQL)
    fail_next_run(database)
    files = {
        "spending.sql": SPENDING_SQL,
        "top.sql": "SELECT * FROM spending ORDER BY spent DESC LIMIT 3",
        "emails.sql": "SELECT email FROM users",
    }
    made = project(
        {**SHOP_TASKS, "top": {"sql": "top.sql"}, "emails": {"sql": "emails.sql"}},
        source=database.uri,
        jobs=1,
        files=files,
    )
    result = made.run(expect=1)
    states = summary_states(result.stdout)
    assert states["users"] == states["emails"] == "published"
    assert states["orders"].startswith("failed: ")
    assert states["spending"] == "skipped: orders failed"
    assert states["top"] == "skipped: spending was skipped"
    assert "2 of 5 tasks published" in result.stdout.splitlines()[-1]
    assert_whole(made.lake, "emails", 50)
    assert not is_published(made.lake, "spending")


def test_fail_fast_starts_nothing_more(database, shop):
    fail_next_run(database)
    result = shop.run("--fail-fast", "--jobs", "1", expect=1)
    states = summary_states(result.stdout)
    assert states["orders"].startswith("failed: ")
    assert states["users"] == "skipped: --fail-fast, orders failed"
    assert states["spending"].startswith("skipped: ")
    assert not is_published(shop.lake, "users")


def test_what_runs_beside_a_failure_is_finished_under_fail_fast(database, project):
    database.execute(SHOP_SQL)
    fail_next_run(database)
    with closed_gate(database) as gate:
        made = project(
            {"orders": {"table": "orders"}, "slow": {"query": gated_query(gate)}, "users": {"table": "users"}},
            source=database.uri,
            jobs=2,
        )
        with running(made, "--fail-fast") as run:
            gate.wait_for()
            wait_until(lambda: "orders" not in run.workers() and "slow" in run.workers(), "orders has failed")
            gate.open()
            run.finish(expect=1)
    states = summary_states(run.stdout)
    assert states["slow"] == "published"
    assert states["users"] == "skipped: --fail-fast, orders failed"


# Selection and options


def test_a_named_task_brings_what_it_reads(database, shop):
    database.execute("CREATE TABLE other (id int)")
    text = shop.path.read_text() + "  other: {table: other}\n"
    shop.path.write_text(text)
    result = shop.run("spending")
    assert summary_states(result.stdout) == {"orders": "published", "users": "published", "spending": "published"}
    assert not is_published(shop.lake, "other")


def test_only_takes_what_it_reads_from_the_lake_as_it_is(database, shop):
    shop.run()
    versions = {table: lake_pointer(shop.lake, table)["version"] for table in ("orders", "users", "spending")}
    database.execute("DELETE FROM orders")
    result = shop.run("--only", "spending")
    assert summary_states(result.stdout) == {"spending": "published"}
    assert {t: lake_pointer(shop.lake, t)["version"] for t in ("orders", "users")} == {
        t: versions[t] for t in ("orders", "users")
    }
    assert lake_pointer(shop.lake, "spending")["version"] != versions["spending"]
    assert_whole(shop.lake, "spending", 50)


def test_only_sql_tasks_need_no_database(shop):
    shop.run()
    shop.path.write_text(shop.path.read_text().replace("source: postgresql", "source: postgresql://127.0.0.1:1/x #"))
    shop.run("--only", "spending")


def test_only_without_the_table_in_the_lake_is_an_error(shop):
    result = shop.run("--only", "spending", expect=1)
    assert "orders" in result.stderr and "not in the lake" in result.stderr
    assert "hint:" in result.stderr


def test_an_unknown_task_is_a_usage_error_with_the_nearest_name(shop):
    result = shop.run("oders", expect=2)
    assert '"oders"' in result.stderr
    assert 'did you mean "orders"?' in result.stderr
    assert not shop.lake.exists()


def test_limit_cuts_every_table_of_the_source(shop):
    limited = shop.run("--limit", "10")
    assert "warning: --limit publishes tables of at most 10 rows" in limited.stderr
    assert_whole(shop.lake, "orders", 10)
    assert_whole(shop.lake, "users", 10)
    shop.run("--limit", "0")
    assert_whole(shop.lake, "orders", 0)
    assert_whole(shop.lake, "spending", 0)


def test_another_lake_starts_from_the_working_directory(shop, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shop.run("--lake", "lakes/try", cwd=elsewhere)
    assert_whole(elsewhere / "lakes" / "try", "orders", 1000)
    assert not shop.lake.exists()


@pytest.mark.parametrize("jobs", [1, 3])
def test_so_many_tasks_run_at_a_time(database, project, jobs):
    with closed_gate(database) as gate:
        tasks = {name: {"query": gated_query(gate, rows=10, at=5)} for name in ("one", "two", "three", "four")}
        made = project(tasks, source=database.uri, jobs=4)
        with running(made, "--jobs", str(jobs)) as run:
            gate.wait_for(jobs)
            assert len(run.workers()) == jobs
            assert len(gate.backends()) == jobs
            gate.open()
            run.finish()
    for name in tasks:
        assert_whole(made.lake, name, 10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--jobs", "0"], "from 1 to 256"),
        (["--jobs", "many"], "from 1 to 256"),
        (["--memory", "63MB"], "64.0 MB"),
        (["--memory", "lots"], "size"),
        (["--limit", "-1"], "--limit"),
        (["--streams", "0"], "streams"),
        (["--josb", "2"], "did you mean --jobs?"),
    ],
)
def test_wrong_options_are_usage_errors_and_touch_nothing(shop, options, words):
    result = shop.run(*options, expect=2)
    assert words in result.stderr
    assert result.stdout == ""
    assert not shop.lake.exists()


def test_the_least_memory_is_enough(shop):
    shop.run("--memory", "64MB", "--jobs", "3")
    assert_whole(shop.lake, "spending", 50)


# What is printed


def test_json_is_one_document_on_stdout(database, shop):
    result = shop.run("--json")
    document = json.loads(result.stdout)
    assert {key: type(value) for key, value in document.items()} == {
        "project": str,
        "status": str,
        "exit_status": int,
        "seconds": float,
        "snapshot": dict,
        "tasks": list,
    }
    assert (document["project"], document["status"], document["exit_status"]) == ("test", "ok", 0)
    assert document["snapshot"] == lake_pointer(shop.lake, "orders")["snapshot"]
    assert [(task["task"], task["kind"]) for task in document["tasks"]] == [
        ("orders", "table"),
        ("users", "table"),
        ("spending", "sql"),
    ]
    for task in document["tasks"]:
        pointer = lake_pointer(shop.lake, task["task"])
        assert task.pop("seconds") > 0
        assert task == {
            "task": pointer["table"],
            "kind": task["kind"],
            "status": "published",
            "rows": pointer["rows"],
            "bytes": pointer["bytes"],
            "files": pointer["files"],
            "version": pointer["version"],
            "verified": False,
            "schema_changes": [],
            "replaced": [],
        }


def test_json_of_a_failed_run_says_what_failed_and_why(database, shop):
    fail_next_run(database)
    document = json.loads(shop.run("--json", "--jobs", "1", expect=1).stdout)
    assert (document["status"], document["exit_status"]) == ("failed", 1)
    tasks = {task["task"]: task for task in document["tasks"]}
    failed = tasks["orders"]
    assert (failed["status"], failed["rows"], failed["files"]) == ("failed", 0, [])
    error = failed["error"]
    assert (error["kind"], error["column"], error["row"]) == ("data", "amount", 1001)
    assert "orders" in error["table"]
    assert "NaN" in error["message"]
    assert tasks["spending"]["status"] == "skipped"
    assert tasks["spending"]["reason"] == "orders failed"
    assert "version" not in tasks["spending"]


def test_the_summary_is_a_table_on_stdout_and_progress_is_lines_on_stderr(shop):
    result = shop.run()
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith(("orders", "users", "spending"))]
    assert [row[:3] for row in rows] == [
        ["orders", "table", "1,000"],
        ["users", "table", "50"],
        ["spending", "sql", "50"],
    ]
    assert all(row[-1] == "published" for row in rows)
    assert re.search(r"^3 of 3 tasks published, 1,100 rows, .* in .*$", result.stdout.splitlines()[-1])
    lines = result.stderr.splitlines()
    assert sum(line.startswith("orders: started") for line in lines) == 1
    assert sum(line.startswith("orders: 1,000 rows, ") for line in lines) == 1
    assert "\x1b" not in result.stderr + result.stdout and "\r" not in result.stderr


def test_quiet_prints_nothing_but_errors(database, shop):
    result = shop.run("--quiet")
    assert (result.stdout, result.stderr) == ("", "")
    fail_next_run(database)
    result = shop.run("--quiet", expect=1)
    assert result.stdout == ""
    assert "NaN" in result.stderr
    assert "users" not in result.stderr


class Terminal:
    """As much of a terminal as the bars use: what was ever shown, and what stands on the screen in the end."""

    def __init__(self) -> None:
        self.everything = ""
        self.master, self.slave = pty.openpty()

    def read(self) -> None:
        try:
            self.everything += os.read(self.master, 65536).decode()
        except OSError:  # the other side is closed
            pass

    def screen(self) -> list[str]:
        lines, row, column = [""], 0, 0
        for token in re.findall(r"\x1b\[\d*[A-Za-z]|[^\x1b]", self.everything):
            if token == "\x1b[2K":
                lines[row] = ""
            elif token == "\x1b[1A":
                row -= 1
            elif token == "\r":
                column = 0
            elif token == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            else:
                assert not token.startswith("\x1b"), f"unexpected control sequence {token!r}"
                lines[row] = lines[row][:column] + token + lines[row][column + 1 :]
                column += 1
        return lines


def test_bars_on_a_terminal_are_drawn_while_tasks_run_and_erased_after(database, project):
    terminal = Terminal()
    with closed_gate(database) as gate:
        database.execute("CREATE TABLE rows AS SELECT i FROM generate_series(1, 20000) i; ANALYZE rows")
        query = f"SELECT i, CASE WHEN i = 19000 THEN {gate.sql} END AS gate FROM rows"
        made = project({"slow": {"query": query}, "fast": {"query": "SELECT 1 AS i"}}, source=database.uri)
        pid = os.posix_spawn(
            LAKEHAUL,
            [LAKEHAUL, "run", "--project", made.path],
            clean_environment(),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, terminal.slave, 1),
                (os.POSIX_SPAWN_DUP2, terminal.slave, 2),
                (os.POSIX_SPAWN_CLOSE, terminal.master),
            ],
        )
        os.close(terminal.slave)
        reader = threading.Thread(target=lambda: [terminal.read() for _ in iter(lambda: ended.is_set(), True)])
        ended = threading.Event()
        reader.start()
        try:
            gate.wait_for()
            wait_until(
                lambda: re.search(r"  slow █+░* +\d\d %  (?!0 )[\d,]+ rows", terminal.everything), "a bar with rows"
            )
            gate.open()
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        finally:
            ended.set()
            reader.join(timeout=30)
            os.close(terminal.master)
    screen = terminal.screen()
    assert status == 0
    assert "\x1b[2K" in terminal.everything
    assert not any("█" in line or "░" in line for line in screen), "a bar was left behind"
    assert any(line.startswith("slow: 20,000 rows, ") for line in screen)
    assert any(line.startswith("2 of 2 tasks published") for line in screen)


def test_the_statuses_that_a_shell_sees(database, shop, tmp_path):
    assert shop.run(expect=None).returncode == 0
    fail_next_run(database)
    assert shop.run("orders", expect=None).returncode == 1
    assert shop.run("--nonsense", expect=None).returncode == 2
    assert shop.lakehaul("run", "--lake", shop.path, expect=None).returncode == 4
    shop.path.write_text(re.sub(r"source: .*", "source: postgresql://127.0.0.1:1/x", shop.path.read_text()))
    assert shop.run(expect=None).returncode == 3


# gc


def test_gc_keeps_the_newest_versions_and_dry_run_only_counts(database, project):
    database.execute(SHOP_SQL)
    made = project({"orders": {"table": "orders"}, "users": {"table": "users"}}, source=database.uri, keep=2)
    versions = []
    for _ in range(4):
        made.run("--quiet")
        versions.append(lake_pointer(made.lake, "orders")["version"])
    before = tree(made.lake)
    dry = json.loads(made.lakehaul("gc", "--dry-run", "--json", expect=0).stdout)
    assert tree(made.lake) == before
    done = json.loads(made.lakehaul("gc", "--json", expect=0).stdout)
    assert dry == {**done, "dry_run": True}
    removed_bytes = sum(
        before[f"{table}/{version}/part-00000.parquet"][0]
        for table in ("orders", "users")
        for version in [
            path.split("/")[1] for path in before if path.startswith(f"{table}/") and path.endswith(".parquet")
        ]
        if version not in versions_on_disk(made.lake, table)
    )
    counts = {"versions": 4, "leftovers": 0, "uploads": 0, "files": 4, "bytes": removed_bytes}
    assert done == {"dry_run": False, "without_task": [], **counts}
    assert versions_on_disk(made.lake, "orders") == set(versions[2:])
    assert [p["version"] for p in lake_pointer(made.lake, "orders")["previous"]] == [versions[2]]
    assert_whole(made.lake, "orders", 1000)
    made.lakehaul("gc", "--keep", "1", expect=0)
    assert versions_on_disk(made.lake, "orders") == {versions[3]}
    assert json.loads(made.lakehaul("gc", "--json", expect=0).stdout)["files"] == 0


def test_gc_removes_what_was_never_published_and_nothing_else(shop):
    shop.run("--quiet")
    kept = tree(shop.lake)
    version = lake_pointer(shop.lake, "orders")["version"]
    leftover = shop.lake / "orders" / "20200101T000000.000000Z-0badcafe"
    leftover.mkdir()
    (leftover / "part-00000.parquet").write_bytes(b"PAR1")
    (leftover / ".part-00001.parquet.tmp-12-3").write_bytes(b"PAR1 and so on")
    never = shop.lake / "never_published" / "20200101T000000.000000Z-0badcafe"
    never.mkdir(parents=True)
    (never / "part-00000.parquet").write_bytes(b"")
    (shop.lake / "orders" / version / ".part-00000.parquet.tmp-12-3").write_bytes(b"x")
    strange = shop.lake / "orders" / "notes.txt"
    strange.write_text("mine")
    shop.lakehaul("gc", expect=0)
    assert strange.read_text() == "mine"
    strange.unlink()
    assert {path: size for path, (size, _) in tree(shop.lake).items() if path != "never_published"} == {
        path: size for path, (size, _) in kept.items()
    }
    assert not never.exists()


def test_gc_refuses_while_a_run_writes(database, project):
    with closed_gate(database) as gate:
        made = project({"slow": {"query": gated_query(gate)}}, source=database.uri)
        with running(made) as run:
            gate.wait_for()
            refused = made.lakehaul("gc", expect=4)
            assert "a run is writing to lake" in refused.stderr and "hint:" in refused.stderr
            gate.open()
            run.finish()
    made.lakehaul("gc", expect=0)
    assert_whole(made.lake, "slow", 20_000)


def test_a_run_refuses_while_gc_works(shop):
    shop.run("--quiet")
    with open(shop.lake / "_lakehaul" / "run.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = shop.run(expect=4)
    assert "gc" in refused.stderr and "hint:" in refused.stderr
    shop.run()


# One snapshot for the whole run

BANK_SQL = """
CREATE TABLE checking (id int PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE savings (id int PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE transfers (id bigserial PRIMARY KEY, amount bigint NOT NULL);
INSERT INTO checking SELECT i, 1000000 FROM generate_series(1, 20) AS i;
INSERT INTO savings SELECT i, 1000000 FROM generate_series(1, 20) AS i;
"""
BANK_TASKS = {name: {"table": name} for name in ("checking", "savings", "transfers")}


class Mover:
    """Moves money from checking to savings without a break, and writes each move down, in one transaction."""

    def __init__(self, uri: str) -> None:
        self.moves = 0
        self._uri = uri
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Mover":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            while not self._stop.is_set():
                amount = self.moves % 7 + 1
                account = self.moves % 20 + 1
                with connection.transaction():
                    connection.execute("UPDATE checking SET balance = balance - %s WHERE id = %s", [amount, account])
                    connection.execute("UPDATE savings SET balance = balance + %s WHERE id = %s", [amount, account])
                    connection.execute("INSERT INTO transfers (amount) VALUES (%s)", [amount])
                self.moves += 1


def moved(moves: int) -> int:
    return sum(i % 7 + 1 for i in range(moves))


@pytest.mark.parametrize("jobs", [1, 3])
def test_all_tables_of_a_run_show_one_moment_while_money_moves(database, project, jobs):
    database.execute(BANK_SQL)
    made = project(BANK_TASKS, source=database.uri, jobs=jobs)
    seen = []
    with Mover(database.uri) as mover:
        for _ in range(4):
            begun = mover.moves
            made.run("--quiet")
            assert mover.moves > begun, "nothing moved during the run: it shows nothing"
            checking, savings, transfers, moves = (
                read_lake_duckdb(made.lake, table, f"SELECT {what}::BIGINT FROM lake_table")[0][0]
                for table, what in (
                    ("checking", "sum(balance)"),
                    ("savings", "sum(balance)"),
                    ("transfers", "coalesce(sum(amount), 0)"),
                    ("transfers", "count(*)"),
                )
            )
            assert (checking, savings, transfers) == (
                20_000_000 - moved(moves),
                20_000_000 + moved(moves),
                moved(moves),
            )
            assert begun <= moves <= mover.moves
            seen.append(moves)
    assert seen == sorted(set(seen)), "every run has its own, later moment"


def test_tables_read_late_still_show_the_moment_the_run_began(database, project):
    database.execute("CREATE TABLE late (n int); INSERT INTO late VALUES (1)")
    with closed_gate(database) as gate:
        made = project(
            {"first": {"query": gated_query(gate, rows=10, at=5)}, "late": {"table": "late"}},
            source=database.uri,
            jobs=1,
        )
        with running(made) as run:
            gate.wait_for()
            database.execute("UPDATE late SET n = 2; INSERT INTO late VALUES (3)")
            gate.open()
            run.finish()
    assert read_lake_duckdb(made.lake, "late") == [(1,)]
    made.run("late")
    assert sorted(read_lake_duckdb(made.lake, "late")) == [(2,), (3,)]


def test_the_snapshot_is_let_go_as_soon_as_every_reader_has_ended(database, project):
    sessions = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'lakehaul%' ORDER BY 1"
    with closed_gate(database) as gate:
        made = project(
            {
                "one": {"query": gated_query(gate)},
                "two": {"query": gated_query(gate)},
                "slow": {"sql": "slow.sql"},
            },
            files={"slow.sql": "SELECT sum(hash(id + a.range + b.range)) AS n FROM one, range(9999) AS a, range(99) AS b"},
            source=database.uri,
            jobs=2,
        )
        with running(made) as run:
            gate.wait_for(2)
            assert [name for (name,) in database.rows(sessions)] == ["lakehaul", "lakehaul one", "lakehaul two"]
            gate.open()
            wait_until(lambda: not database.rows(sessions), "nobody is connected")
            assert run.process.poll() is None
            run.signal(signal.SIGINT)
            run.finish(expect=130)


# With others beside


def test_a_reader_always_sees_one_whole_generation_during_thirty_runs(database, project):
    database.execute(
        "CREATE TABLE t AS SELECT i AS id, 0 AS generation, md5(i::text) AS text FROM generate_series(1, 3000) AS i"
    )
    made = project({"t": {"table": "t"}}, source=database.uri, keep=3)
    made.run("--quiet")
    runs_done = threading.Event()
    generations: list[int] = []
    faults: list[str] = []

    def read() -> None:
        with duckdb.connect() as connection:
            while not runs_done.is_set():
                try:
                    files = [str(path) for path in lake_files(made.lake, "t")]
                    rows = connection.execute(
                        "SELECT count(*), count(DISTINCT id), min(generation), max(generation), bit_xor(hash(text))"
                        " FROM read_parquet($1)",
                        [files],
                    ).fetchone()
                    expected = (3000, 3000, rows[2], rows[2], first_hash)
                    if rows != expected:
                        faults.append(f"{rows} instead of {expected}")
                    generations.append(rows[2])
                except Exception as error:  # noqa: BLE001 whatever a reader meets is a fault
                    faults.append(repr(error))

    first_hash = read_lake_duckdb(made.lake, "t", "SELECT bit_xor(hash(text)) FROM lake_table")[0][0]
    reader = threading.Thread(target=read)
    reader.start()
    try:
        for generation in range(1, 31):
            database.execute(f"UPDATE t SET generation = {generation}")
            made.run("--quiet")
            made.lakehaul("gc", expect=0)
    finally:
        runs_done.set()
        reader.join()
    assert not faults, faults[:3]
    assert generations == sorted(generations), "a reader went back in time"
    assert len(set(generations)) > 10, "the reader was too slow to show anything"
    assert len(versions_on_disk(made.lake, "t")) == 3
    assert read_lake_duckdb(made.lake, "t", "SELECT DISTINCT generation FROM lake_table") == [(30,)]


@pytest.mark.asan
def test_two_runs_of_the_same_project_at_once_both_publish_or_the_later_one_does(database, project):
    with closed_gate(database) as gate:
        made = project({"t": {"query": gated_query(gate)}}, source=database.uri)
        with running(made) as one, running(made) as other:
            gate.wait_for(2)
            gate.open()
            ends = [one.finish(expect=None), other.finish(expect=None)]
    failed = [end for end in ends if end.process.returncode != 0]
    assert len(failed) < 2
    assert all("a later run has published t" in end.stdout for end in failed)
    pointer = assert_whole(made.lake, "t", 20_000)
    versions = {pointer["version"], *(previous["version"] for previous in pointer["previous"])}
    assert len(versions) == 2 - len(failed)
    assert versions_on_disk(made.lake, "t") == versions


def test_a_run_that_was_overtaken_publishes_nothing_older(database, project):
    database.execute("CREATE TABLE late (n int); INSERT INTO late VALUES (1)")
    with closed_gate(database) as gate:
        made = project(
            {"first": {"query": gated_query(gate, rows=10, at=5)}, "late": {"table": "late"}},
            source=database.uri,
            jobs=1,
        )
        with running(made) as run:
            gate.wait_for()
            database.execute("UPDATE late SET n = 2")
            assert "moment" not in made.run("late").stderr
            gate.open()
            result = run.finish(expect=1)
    assert "a later run has published late: the lake shows it as of " in result.stdout + result.stderr
    assert "the table shows the later state" in result.stdout + result.stderr
    states = summary_states(result.stdout)
    assert states["first"] == "published" and states["late"].startswith("failed: a later run has published late")
    assert read_lake_duckdb(made.lake, "late") == [(2,)]
    assert versions_on_disk(made.lake, "late") == {lake_pointer(made.lake, "late")["version"]}


def test_many_small_tables_go_through_one_run(database, project):
    names = [f"t{i:02}" for i in range(20)]
    for i, name in enumerate(names):
        database.execute(f"CREATE TABLE {name} AS SELECT g FROM generate_series(1, {i}) AS g")
    made = project({name: {"table": name} for name in names}, source=database.uri, jobs=8)
    result = made.run()
    assert set(summary_states(result.stdout).values()) == {"published"}
    for i, name in enumerate(names):
        assert lake_pointer(made.lake, name)["rows"] == i


def test_the_project_may_be_edited_while_it_runs(database, project):
    """What a run began with is what it does: workers get the text that the supervisor read."""
    with closed_gate(database) as gate:
        made = project(
            {"first": {"query": gated_query(gate, rows=10, at=5)}, "second": {"sql": "second.sql"}},
            source=database.uri,
            jobs=1,
            files={"second.sql": "SELECT 'as begun' AS text, count(*) AS n FROM first"},
        )
        with running(made) as run:
            gate.wait_for()
            made.path.write_text("nonsense: [")
            (made.directory / "second.sql").write_text("nonsense")
            gate.open()
            run.finish()
    assert read_lake_duckdb(made.lake, "second") == [("as begun", 10)]


def test_a_lake_with_spaces_brackets_and_quotes_in_its_path(database, project, tmp_path):
    database.execute(SHOP_SQL)
    odd = tmp_path / "a b'[c]*?ä\"" / "lake"
    made = project(SHOP_TASKS, source=database.uri, files={"spending.sql": SPENDING_SQL}, lake=str(odd))
    made.run()
    assert_whole(odd, "spending", 50)
    assert Path(lake_files(odd, "spending")[0]).is_relative_to(odd)
