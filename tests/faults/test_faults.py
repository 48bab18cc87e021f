"""What goes wrong from outside: processes killed, connections cut, disks full, wrong input. Whatever happens, a reader
finds the last published version whole, other tasks are done, and one clear message says what happened."""
import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
import pytest
from peak_memory import LINEITEM_SQL, peak_of_export
from processes import (
    SANITIZED,
    assert_whole,
    closed_gate,
    gated_query,
    is_running,
    running,
    tree,
    versions_on_disk,
    wait_until,
)
from support import is_published, lake_pointer, read_lake_duckdb, start_lakehaul

ROWS = 20_000
# What a worker runs that is killed: the gate stops it in the middle of COPY.
GATED_TASKS = {
    "slow": {"query": None},
    "users": {"table": "users"},
    "derived": {"sql": "derived.sql"},
    "names": {"sql": "names.sql"},
}
FILES = {"derived.sql": "SELECT count(*) AS n FROM slow", "names.sql": "SELECT name FROM users"}


@pytest.fixture
def scratch(tmp_path):
    """TMPDIR of the runs."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    return directory


@pytest.fixture
def published(database, project, scratch):
    """make(gate) is a project whose task slow stops at the gate; before that, everything was published once."""
    database.execute("CREATE TABLE users AS SELECT i AS id, 'user ' || i AS name FROM generate_series(1, 100) AS i")

    def make(gate, **keys):
        keys = {"source": database.uri, "jobs": 2, "files": FILES, **keys}
        project({**GATED_TASKS, "slow": {"query": "SELECT i AS id FROM generate_series(1, 10) AS i"}}, **keys).run("-q")
        made = project({**GATED_TASKS, "slow": {"query": gated_query(gate, rows=ROWS)}}, **keys)
        made.env["TMPDIR"] = str(scratch)
        return made

    return make


def sessions(database) -> list[tuple]:
    """What lakehaul has open on the server."""
    return database.rows(
        "SELECT pid, state, query FROM pg_stat_activity"
        " WHERE application_name LIKE 'lakehaul%' AND datname = current_database()"
    )


def assert_nothing_left(database, made, scratch, before) -> None:
    """Nothing on the server, nothing temporary, nothing in the lake that was not there before."""
    wait_until(lambda: not sessions(database), "the server runs nothing of lakehaul any more")
    assert list(scratch.iterdir()) == []
    assert tree(made.lake) == before


def assert_failed_alone(run, made, task, words) -> None:
    """`task` failed with one message of `words`, what reads it was skipped, the rest is published anew."""
    messages = [line for line in run.stderr.splitlines() if line.startswith(f"task {task}: ")]
    assert len(messages) == 1, run.stderr
    for word in words:
        assert word in messages[0]
    assert re.search(rf"^derived .*skipped: {task} failed$", run.stdout, re.MULTILINE)
    assert re.search(r"^users .*published$", run.stdout, re.MULTILINE)
    assert re.search(r"^names .*published$", run.stdout, re.MULTILINE)
    assert_whole(made.lake, task, 10)
    assert_whole(made.lake, "derived", 1)
    assert read_lake_duckdb(made.lake, "derived") == [(10,)]
    for other in ("users", "names"):
        assert len(assert_whole(made.lake, other, 100)["previous"]) == 1, "published by the first run and by this one"


# Workers that end


@pytest.mark.asan
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, ["killed by signal 9", "Killed"]),
        (signal.SIGSEGV, ["killed by signal 11", "Segmentation fault"]),
        (signal.SIGABRT, ["killed by signal 6", "Aborted"]),
    ],
)
def test_a_killed_worker_fails_its_task_alone(database, published, scratch, number, words):
    with closed_gate(database) as gate:
        made = published(gate)
        before = lake_pointer(made.lake, "slow")
        # Of sanitizers only the address sanitizer would make something else of the signal.
        made.env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"
        with running(made) as run:
            gate.wait_for()
            os.kill(run.worker("slow"), number)
            run.finish(expect=1)
    assert_failed_alone(run, made, "slow", words)
    assert lake_pointer(made.lake, "slow") == before
    assert list(scratch.iterdir()) == []
    wait_until(lambda: not sessions(database), "the server has noticed")


def test_a_killed_worker_of_a_sql_task_fails_its_task_alone(database, project, scratch):
    database.execute("CREATE TABLE users AS SELECT i AS id FROM generate_series(1, 100) AS i")
    tasks = {"users": {"table": "users"}, "endless": {"sql": "endless.sql"}, "after": {"sql": "after.sql"}}
    files = {"endless.sql": "SELECT 1 AS n", "after.sql": "SELECT * FROM users"}
    made = project(tasks, source=database.uri, jobs=1, files=files)
    made.run("--quiet")
    (made.directory / "endless.sql").write_text(
        "SELECT count(*) AS n FROM range(1000000) AS a(i), range(1000000) AS b(j) WHERE (i * j) % 7 = 3"
    )
    with running(made, env={"TMPDIR": str(scratch)}) as run:
        os.kill(run.worker("endless"), signal.SIGKILL)
        run.finish(expect=1)
    assert "killed by signal 9" in run.stderr
    assert read_lake_duckdb(made.lake, "endless") == [(1,)]
    assert_whole(made.lake, "after", 100)
    assert list(scratch.iterdir()) == []


def test_a_stopped_worker_does_not_hold_up_the_others(database, published):
    with closed_gate(database) as gate:
        made = published(gate)
        with running(made) as run:
            gate.wait_for()
            worker = run.worker("slow")
            os.kill(worker, signal.SIGSTOP)
            gate.open()
            wait_until(
                lambda: len(lake_pointer(made.lake, "names")["previous"]) == 1, "the other tasks are published"
            )
            assert "slow" in run.workers()
            os.kill(worker, signal.SIGCONT)
            run.finish()
    assert_whole(made.lake, "slow", ROWS)


def test_workers_have_a_process_group_of_their_own(database, published):
    """Ctrl-C reaches the supervisor alone, which then stops its workers in order."""
    with closed_gate(database) as gate:
        made = published(gate)
        with running(made) as run:
            gate.wait_for()
            worker = run.worker("slow")
            assert os.getpgid(worker) == worker != os.getpgid(run.pid)
            gate.open()
            run.finish()


# The supervisor ends


@pytest.mark.asan
def test_after_kill_9_of_the_supervisor_workers_end_and_the_next_run_is_fine(database, published):
    with closed_gate(database) as gate:
        made = published(gate)
        pointers = {task: lake_pointer(made.lake, task) for task in ("slow", "derived")}
        with running(made) as run:
            gate.wait_for()
            workers = [run.worker("slow"), *run.workers().values()]
            run.signal(signal.SIGKILL)
            run.finish(expect=-signal.SIGKILL)
            wait_until(lambda: not any(is_running(pid) for pid in workers), "the workers have ended", timeout=10)
        wait_until(lambda: not sessions(database), "the server runs nothing of lakehaul any more", timeout=10)
        for task, pointer in pointers.items():
            assert lake_pointer(made.lake, task) == pointer
        assert read_lake_duckdb(made.lake, "slow", "SELECT count(*) FROM lake_table") == [(10,)]
        gate.open()
        made.run("--quiet")
        assert read_lake_duckdb(made.lake, "derived") == [(ROWS,)]
        made.lakehaul("gc", expect=0)
        assert_whole(made.lake, "slow", ROWS)


def test_a_version_that_was_written_but_not_published_is_a_leftover_for_gc(database, published):
    """Kill -9 of everything at once: not even the worker can clean up."""
    with closed_gate(database) as gate:
        made = published(gate, jobs=1)
        with running(made) as run:
            gate.wait_for()
            worker = run.worker("slow")
            os.kill(worker, signal.SIGSTOP)  # so that it cannot react
            run.signal(signal.SIGKILL)
            os.kill(worker, signal.SIGKILL)
            run.finish(expect=-signal.SIGKILL)
            wait_until(lambda: not is_running(worker), "the worker has ended")
    assert len(versions_on_disk(made.lake, "slow")) == 2
    assert read_lake_duckdb(made.lake, "slow", "SELECT count(*) FROM lake_table") == [(10,)]
    done = made.lakehaul("gc", expect=0)
    assert "1 leftovers" in done.stdout
    assert_whole(made.lake, "slow", 10)


# Signals


@pytest.mark.asan
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_run_cleanly(database, published, scratch, number):
    with closed_gate(database) as gate:
        made = published(gate, jobs=1)
        before = tree(made.lake)
        with running(made) as run:
            gate.wait_for()
            begun = time.monotonic()
            run.signal(number)
            run.finish(expect=130)
            seconds = time.monotonic() - begun
        assert seconds < (20 if SANITIZED else 4), "workers are killed after five seconds; this was to be in order"
        assert_nothing_left(database, made, scratch, before)
    assert re.search(r"^slow .*interrupted$", run.stdout, re.MULTILINE)
    assert re.search(r"^users .*interrupted$", run.stdout, re.MULTILINE)
    assert "0 of 4 tasks published" in run.stdout


def test_an_interrupted_run_says_so_in_json(database, published):
    with closed_gate(database) as gate:
        made = published(gate, jobs=1)
        with running(made, "--json") as run:
            gate.wait_for()
            run.signal(signal.SIGINT)
            run.finish(expect=130)
    document = json.loads(run.stdout)
    assert (document["status"], document["exit_status"]) == ("interrupted", 130)
    assert {task["status"] for task in document["tasks"]} == {"interrupted"}


def test_a_run_that_waits_for_a_lock_can_be_interrupted(database, published, scratch):
    with closed_gate(database) as gate, psycopg.connect(database.uri) as other:
        made = published(gate, jobs=1)
        before = tree(made.lake)
        other.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        with running(made, "users") as run:
            wait_until(
                lambda: database.rows(
                    "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'lakehaul%' AND wait_event_type = 'Lock'"
                ),
                "the run waits for the lock",
            )
            run.signal(signal.SIGINT)
            run.finish(expect=130, timeout=20)
        assert_nothing_left(database, made, scratch, before)


@pytest.mark.parametrize("signals", [1, 2])
def test_a_worker_that_does_not_answer_is_killed_after_five_seconds_or_by_a_second_signal(
    database, published, scratch, signals
):
    with closed_gate(database) as gate:
        made = published(gate, jobs=1)
        before = tree(made.lake)
        with running(made) as run:
            gate.wait_for()
            worker = run.worker("slow")
            os.kill(worker, signal.SIGSTOP)
            begun = time.monotonic()
            for _ in range(signals):
                run.signal(signal.SIGINT)
                # Two signals of one kind that wait to be taken are one.
                wait_until(lambda: not pending(run.pid, signal.SIGINT), "the signal is taken")
            run.finish(expect=130, timeout=20)
            seconds = time.monotonic() - begun
        assert 4.5 < seconds < 6.5 if signals == 1 else seconds < 3
        assert tree(made.lake) == before
        assert list(scratch.iterdir()) == []


def pending(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("ShdPnd:", "SigPnd:"))]
    return any(mask >> (number - 1) & 1 for mask in masks)


def test_export_is_interrupted_cleanly(database, tmp_path):
    with closed_gate(database) as gate:
        target = tmp_path / "out"
        target.mkdir()
        sql = gated_query(gate)
        process = start_lakehaul("export", database.uri, "-q", sql, "-o", target / "x.parquet")
        gate.wait_for()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in stderr
    assert list(target.iterdir()) == []
    wait_until(lambda: not sessions(database), "the server runs nothing of lakehaul any more")


# Connections


@pytest.mark.asan
def test_a_connection_cut_in_the_middle_of_copy_fails_that_task(database, published):
    with closed_gate(database) as gate:
        made = published(gate)
        with running(made) as run:
            (backend,) = gate.wait_for()
            database.execute(f"SELECT pg_terminate_backend({backend})")
            run.finish(expect=1)
    assert_failed_alone(run, made, "slow", ["terminating connection due to administrator command"])
    assert re.search(r"^hint: .*again", run.stderr, re.MULTILINE)


def test_a_query_cancelled_on_the_server_is_a_failure_and_no_interruption(database, published):
    with closed_gate(database) as gate:
        made = published(gate)
        with running(made) as run:
            (backend,) = gate.wait_for()
            database.execute(f"SELECT pg_cancel_backend({backend})")
            run.finish(expect=1)
    assert_failed_alone(run, made, "slow", ["canceling statement due to user request"])


def test_the_leader_may_end_once_everyone_has_the_snapshot_but_not_before(database, published):
    with closed_gate(database) as gate:
        made = published(gate, jobs=1)
        with running(made) as run:
            (reader,) = gate.wait_for()
            (leader,) = [pid for pid, _, _ in sessions(database) if pid != reader]
            database.execute(f"SELECT pg_terminate_backend({leader})")
            wait_until(lambda: [pid for pid, _, _ in sessions(database)] == [reader], "the leader is gone")
            gate.open()
            run.finish(expect=1)
    # The reader had its snapshot; users came after.
    assert_whole(made.lake, "slow", ROWS)
    (message,) = [line for line in run.stderr.splitlines() if line.startswith("task users: ")]
    assert "snapshot" in message
    assert_whole(made.lake, "users", 100)
    made.run("--quiet")


# Wrong input


def with_password(uri: str, password: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}"))


@pytest.mark.asan
@pytest.mark.parametrize("command", ["run", "check", "plan", "init", "export"])
def test_a_wrong_password_is_refused_and_never_printed(database, project, lakehaul, tmp_path, command):
    password = "s3cr3t%40%3A%2Fw0rd"
    uri = with_password(database.uri, password)
    made = project({"users": {"table": "users"}}, source=uri)
    if command in ("run", "check", "plan"):
        result = made.lakehaul(command, env={"LAKEHAUL_LOG": "debug"}, expect=3)
    elif command == "init":
        result = lakehaul("init", uri, "-o", tmp_path / "new.yaml", env={"LAKEHAUL_LOG": "debug"}, expect=3)
    else:
        result = lakehaul("export", uri, "-t", "users", "-o", tmp_path / "x", env={"LAKEHAUL_LOG": "debug"}, expect=3)
    assert "password authentication failed" in result.stderr
    assert result.stderr.count("hint: ") == 1
    for secret in (password, unquote(password), "s3cr3t", "w0rd"):
        assert secret not in result.stdout + result.stderr
    assert not (made.lake / "users").exists()


@pytest.mark.parametrize("form", ["uri", "conninfo", "PGPASSWORD", "query parameter"])
def test_the_right_password_is_printed_nowhere_whatever_fails(database, project, lakehaul, form):
    """The run works, then fails in the source; also debug output and the lake are free of it."""
    parts = urlsplit(database.uri)
    password = unquote(parts.password)
    env = {"LAKEHAUL_LOG": "debug"}
    uri = {
        "uri": database.uri,
        "conninfo": f"host={parts.hostname} port={parts.port} user={parts.username} dbname={parts.path[1:]}"
        f" password='{password}'",
        "PGPASSWORD": with_password(database.uri, "").replace(":@", "@"),
        "query parameter": f"postgresql://{parts.hostname}:{parts.port}{parts.path}"
        f"?user={parts.username}&password={parts.password}",
    }[form]
    if form == "PGPASSWORD":
        env["PGPASSWORD"] = password
    database.execute("CREATE TABLE users AS SELECT 1 AS id")
    made = project({"users": {"table": "users"}, "gone": {"table": "gone"}}, source=uri)
    result = made.run("--json", env=env, expect=1)
    text = result.stdout + result.stderr
    assert_whole(made.lake, "users", 1)
    checked = made.lakehaul("check", env=env, expect=1)
    text += checked.stdout + checked.stderr
    text += b"".join(path.read_bytes() for path in made.lake.rglob("*") if path.is_file()).decode("latin-1")
    for secret in (password, parts.password, password.rsplit("-")[-1]):
        assert secret not in text


def test_a_closed_port_is_unreachable_at_once(database, project):
    uri = urlunsplit(urlsplit(database.uri)._replace(netloc="someone:s3cr3t@127.0.0.1:1"))
    made = project({"users": {"table": "users"}}, source=uri)
    begun = time.monotonic()
    for command in ("run", "check", "plan"):
        result = made.lakehaul(command, expect=3)
        assert "refused" in result.stderr and "127.0.0.1" in result.stderr
        assert result.stderr.count("hint: ") == 1
        assert "s3cr3t" not in result.stderr
    assert time.monotonic() - begun < (20 if SANITIZED else 5)


def test_a_host_that_does_not_exist_is_named(project):
    made = project({"users": {"table": "users"}}, source="postgresql://someone:s3cr3t@no-such-host.invalid/shop")
    result = made.run(expect=3, timeout=60)
    assert "no-such-host.invalid" in result.stderr
    assert "s3cr3t" not in result.stderr


def test_a_server_that_never_answers_is_given_up(project):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        made = project(
            {"users": {"table": "users"}}, source=f"postgresql://someone@127.0.0.1:{port}/shop?connect_timeout=2"
        )
        result = made.run(expect=3, timeout=30)
    assert "timeout expired" in result.stderr
    assert "hint: " in result.stderr


@pytest.mark.parametrize("part", ["database", "user"])
def test_a_wrong_database_or_user_is_refused_by_name(database, project, part):
    parts = urlsplit(database.uri)
    wrong = (
        parts._replace(path="/no_such_database")
        if part == "database"
        else parts._replace(netloc=parts.netloc.replace("lakehaul:", "nobody_known:"))
    )
    made = project({"users": {"table": "users"}}, source=urlunsplit(wrong))
    result = made.run(expect=3)
    assert ("no_such_database" if part == "database" else "nobody_known") in result.stderr
    assert "hint: " in result.stderr


def test_a_missing_table_has_the_nearest_name_and_fails_alone(database, project):
    database.execute("CREATE TABLE users AS SELECT 1 AS id")
    made = project({"users": {"table": "users"}, "typo": {"table": "public.uesrs"}}, source=database.uri)
    result = made.run(expect=1)
    assert "task typo: " in result.stderr and "public.uesrs" in result.stderr
    assert "did you mean public.users?" in result.stderr
    assert_whole(made.lake, "users", 1)
    assert not (made.lake / "typo").exists()


def test_a_missing_column_has_the_nearest_name(database, project):
    database.execute("CREATE TABLE users AS SELECT 1 AS id, 'x' AS password_hash")
    for columns in ({"exclude": ["pasword_hash"]}, {"include": ["id", "pasword_hash"]}):
        made = project({"users": {"table": "users", "columns": columns}}, source=database.uri)
        result = made.run(expect=1)
        assert "pasword_hash" in result.stderr
        assert re.search(r"^hint: .*password_hash", result.stderr, re.MULTILINE)
        assert not is_published(made.lake, "users")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("project: x\nlake: ./lake\ntasks:\n  a: {table: t\n", r"lakehaul\.yaml:\d+"),
        ("project: x\nlake: ./lake\n\ttasks: 1\n", r"lakehaul\.yaml:3"),
        ("project: x\nsource: s\nlake: ./lake\ntasks:\n  a: {tabel: t}\n", r"lakehaul\.yaml:5"),
        ("", r"lakehaul\.yaml"),
        ("- just\n- a list\n", r"lakehaul\.yaml:1"),
        ("project: x\nlake: ./lake\ntasks: {a: {sql: none.sql}}\n", r"lakehaul\.yaml:3"),
    ],
)
def test_a_malformed_project_is_an_error_with_its_place(project, text, place):
    made = project(text)
    for command in ("run", "check", "plan"):
        result = made.lakehaul(command, expect=2)
        assert re.search(place, result.stderr)
        assert len(result.stderr.splitlines()) <= 2
    assert not made.lake.exists()


def test_an_unset_variable_is_named(project):
    made = project({"a": {"table": "t"}}, source="${NO_SUCH_VARIABLE}")
    result = made.run(env={"NO_SUCH_VARIABLE": None}, expect=2)
    assert "NO_SUCH_VARIABLE" in result.stderr
    assert re.search(r"lakehaul\.yaml:\d+", result.stderr)


# Rights


@pytest.fixture
def reader(database):
    """The URI of a role that may connect and nothing else."""
    role = f"reader_of_{urlsplit(database.uri).path[1:]}"
    database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'")
    parts = urlsplit(database.uri)
    yield urlunsplit(parts._replace(netloc=f"{role}:reader@{parts.hostname}:{parts.port}"))
    database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_role_without_select_is_refused_by_table(database, project, reader):
    database.execute(
        "CREATE TABLE open AS SELECT 1 AS id; CREATE TABLE shut AS SELECT 1 AS id; GRANT SELECT ON open TO PUBLIC"
    )
    made = project({"open": {"table": "open"}, "shut": {"table": "shut"}}, source=reader)
    result = made.run(expect=1)
    assert re.search(r"^task shut: .*permission denied.*shut", result.stderr, re.MULTILINE)
    assert re.search(r"^hint: .*SELECT", result.stderr, re.MULTILINE)
    assert_whole(made.lake, "open", 1)
    assert not (made.lake / "shut").exists()


def test_row_level_security_is_an_error_and_never_fewer_rows(database, project, reader):
    database.execute(
        "CREATE TABLE secrets AS SELECT i AS id FROM generate_series(1, 10) AS i; GRANT SELECT ON secrets TO PUBLIC;"
        "ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON secrets USING (id < 3)"
    )
    made = project({"secrets": {"table": "secrets"}}, source=reader)
    result = made.run(expect=1)
    assert "row-level security" in result.stderr and "hint: " in result.stderr
    assert not (made.lake / "secrets").exists()


def test_lakehaul_cannot_write_to_the_database(database, project):
    database.execute(
        "CREATE TABLE notes (t text);"
        "CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'INSERT INTO notes VALUES (''x'') RETURNING 1'"
    )
    made = project({"a": {"query": "SELECT note() AS n"}}, source=database.uri)
    result = made.run(expect=1)
    assert "read-only" in result.stderr
    assert database.value("SELECT count(*) FROM notes") == 0


# Change while it is read


def test_a_table_dropped_between_check_and_run_fails_alone(database, project):
    database.execute("CREATE TABLE users AS SELECT 1 AS id; CREATE TABLE gone AS SELECT 1 AS id")
    made = project({"users": {"table": "users"}, "gone": {"table": "gone"}}, source=database.uri)
    made.lakehaul("check", expect=0)
    made.run("--quiet")
    database.execute("DROP TABLE gone")
    result = made.run(expect=1)
    assert re.search(r"^task gone: .*gone", result.stderr, re.MULTILINE)
    assert_whole(made.lake, "gone", 1)
    assert len(lake_pointer(made.lake, "users")["previous"]) == 1


LATE_SQL = """
CREATE TABLE late AS SELECT i AS id, 'x' AS text FROM generate_series(1, 50) AS i;
CREATE VIEW late_view AS SELECT * FROM late;
CREATE MATERIALIZED VIEW late_kept AS SELECT * FROM late;
CREATE TABLE late_parts (id int, text text) PARTITION BY RANGE (id);
CREATE TABLE late_low PARTITION OF late_parts FOR VALUES FROM (0) TO (26);
CREATE TABLE late_high PARTITION OF late_parts FOR VALUES FROM (26) TO (100);
INSERT INTO late_parts SELECT * FROM late;
"""


def run_with_change(database, published, task, change):
    """A run whose task late begins after `change`, which comes after the snapshot; or the change waits."""
    database.execute(LATE_SQL)
    with closed_gate(database) as gate:
        made = published(gate, jobs=1)
        made.path.write_text(made.path.read_text() + f"  late: {task}\n")
        with running(made, "slow", "late") as run:
            gate.wait_for()
            changer = threading.Thread(target=lambda: change_table(database.uri, change))
            changer.start()
            wait_until(lambda: not changer.is_alive() or is_blocked(database), "the change is made, or waits")
            gate.open()
            run.finish(expect=None)
            changer.join()
    return made, run


@pytest.mark.parametrize(
    ("task", "change"),
    [
        ("{table: late}", "TRUNCATE late"),
        ("{table: late}", "DROP MATERIALIZED VIEW late_kept; DROP VIEW late_view; ALTER TABLE late ALTER id TYPE int8"),
        ("{table: late}", "DROP TABLE late CASCADE"),
        ("{table: late}", "ALTER TABLE late DROP COLUMN text CASCADE"),
        ("{table: late}", "DROP TABLE late CASCADE; CREATE TABLE late (id int, text text)"),
        ("{table: late_view}", "TRUNCATE late"),
        ("{table: late_parts}", "TRUNCATE late_low"),
        ("{table: late_kept}", "DELETE FROM late; REFRESH MATERIALIZED VIEW late_kept"),
        ("{query: 'SELECT a.* FROM late_parts AS a JOIN late USING (id)'}", "TRUNCATE late"),
        ("{query: 'SELECT * FROM late'}", "DROP TABLE late CASCADE; CREATE TABLE late (id int, text text)"),
    ],
)
def test_a_table_rewritten_after_the_snapshot_is_whole_or_an_error(database, published, task, change):
    """This is not versioned by the server: the snapshot from before would find the table empty, or too new."""
    made, run = run_with_change(database, published, task, change)
    if run.process.returncode == 0:
        assert read_lake_duckdb(made.lake, "late", "SELECT count(*), count(text) FROM lake_table") == [(50, 50)]
    else:
        assert run.process.returncode == 1
        assert re.search(r"^task late: .*late", run.stderr, re.MULTILINE)
        assert not (made.lake / "late").exists()
        assert_whole(made.lake, "slow", ROWS)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM late",
        "ALTER TABLE late ADD COLUMN more int DEFAULT 7",
        "CREATE INDEX ON late (id); REINDEX TABLE late; ANALYZE late",
        "ALTER TABLE late RENAME COLUMN id TO number; ALTER TABLE late RENAME COLUMN number TO id",
        "CREATE TABLE unrelated AS SELECT 1 AS id",
        "CREATE TABLE late_new PARTITION OF late_parts FOR VALUES FROM (100) TO (200);"
        " INSERT INTO late_parts VALUES (100, 'x')",
    ],
)
def test_a_change_that_the_server_versions_or_that_moves_no_rows_is_no_reason_to_fail(database, published, change):
    task = "{table: late_parts}" if "late_parts" in change else "{table: late}"
    made, run = run_with_change(database, published, task, change)
    assert run.process.returncode == 0, run.stderr
    assert read_lake_duckdb(made.lake, "late", "SELECT count(*), count(text) FROM lake_table") == [(50, 50)]


def change_table(uri: str, sql: str) -> None:
    with psycopg.connect(uri, autocommit=True, application_name="changer") as connection:
        connection.execute(sql)


def is_blocked(database) -> bool:
    return bool(
        database.rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'changer' AND wait_event_type = 'Lock'")
    )


# The lake


@pytest.mark.parametrize("lake", ["file", "file/below", "/proc/lake", "/dev/null"])
def test_a_lake_that_cannot_be_is_refused_before_anything_is_read(database, project, lake):
    made = project({"users": {"table": "users"}}, source=database.uri, lake=lake, files={"file": "just a file"})
    result = made.run(expect=4)
    assert lake in result.stderr
    assert (made.directory / "file").read_text() == "just a file"


@contextmanager
def mounted(directory: Path, options: str):
    """A file system in memory; skips where mounting is not permitted."""
    directory.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "lakehaul-test", directory]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


def test_a_read_only_lake_is_refused(database, project, tmp_path):
    database.execute("CREATE TABLE users AS SELECT 1 AS id")
    made = project({"users": {"table": "users"}}, source=database.uri)
    with mounted(made.lake, "size=1m"):
        made.run("--quiet")
        before = tree(made.lake)
        subprocess.run(["mount", "-o", "remount,ro", made.lake], check=True)
        result = made.run(expect=4)
        assert "Read-only file system" in result.stderr or "read-only" in result.stderr
        assert str(made.lake) in result.stderr
        assert tree(made.lake) == before
        queried = made.lakehaul("query", "-f", "csv", "SELECT count(*) AS n FROM users", expect=0)
        assert queried.stdout == "n\n1\n"


@pytest.mark.asan
def test_a_full_disk_fails_the_task_and_leaves_the_old_version(database, project):
    database.execute(
        "CREATE TABLE data AS SELECT i AS id FROM generate_series(1, 10) AS i; CREATE TABLE small AS SELECT 1 AS id"
    )
    made = project({"data": {"table": "data"}, "small": {"table": "small"}}, source=database.uri, jobs=1)
    with mounted(made.lake, "size=1m"):
        made.run("--quiet")
        pointer = lake_pointer(made.lake, "data")
        database.execute(
            "ALTER TABLE data ADD text text;"
            "INSERT INTO data SELECT i, md5(i::text) FROM generate_series(11, 90000) AS i"
        )
        result = made.run(expect=1)
        (message,) = [line for line in result.stderr.splitlines() if line.startswith("task data: ")]
        assert "No space left on device" in message and str(made.lake / "data") in message
        assert re.search(r"^hint: free space", result.stderr, re.MULTILINE)
        assert lake_pointer(made.lake, "data") == pointer
        assert_whole(made.lake, "data", 10)
        assert len(assert_whole(made.lake, "small", 1)["previous"]) == 1, "there was room for the small one"


def test_a_disk_that_fills_up_at_any_step_leaves_the_old_version_or_the_new_one(database, project):
    """Free pages from none to enough: data, pointer and directories fail in turn."""
    database.execute("CREATE TABLE data AS SELECT md5(i::text) AS text FROM generate_series(1, 600) AS i")
    made = project({"data": {"table": "data"}}, source=database.uri)
    outcomes = []
    with mounted(made.lake, "size=1m"):
        made.run("--quiet")
        for pages in range(0, 13):
            made.lakehaul("gc", "--keep", "1", expect=0)
            pointer = lake_pointer(made.lake, "data")
            filler = fill_all_but(made.lake, pages)
            result = made.run(expect=None)
            outcomes.append(result.returncode)
            if result.returncode == 0:
                assert lake_pointer(made.lake, "data")["version"] != pointer["version"]
            else:
                assert result.returncode in (1, 4)
                assert "No space left on device" in result.stderr and str(made.lake) in result.stderr
                assert lake_pointer(made.lake, "data") == pointer
            filler.unlink()
            assert_whole(made.lake, "data", 600)
            assert not list((made.lake / "_lakehaul").rglob(".*")), "an unfinished pointer"
    assert outcomes[0] != 0 and outcomes[-1] == 0
    assert outcomes == sorted(outcomes, reverse=True), outcomes


def fill_all_but(directory: Path, pages: int) -> Path:
    filler = directory / "filler"
    file_system = os.statvfs(directory)
    with open(filler, "wb") as file:
        file.write(b"\0" * ((file_system.f_bavail - pages) * file_system.f_bsize))
    assert os.statvfs(directory).f_bavail == pages
    return filler


@contextmanager
def file_size_limit(size_bytes: int):
    """For the processes that are started meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_limit_on_file_sizes_fails_the_task_by_name(database, project):
    database.execute("CREATE TABLE data AS SELECT i AS id, '' AS text FROM generate_series(1, 10) AS i")
    made = project({"data": {"table": "data"}}, source=database.uri)
    made.run("--quiet")
    pointer = lake_pointer(made.lake, "data")
    database.execute("INSERT INTO data SELECT i, md5(i::text) FROM generate_series(1, 20000) AS i")
    with file_size_limit(100_000):
        result = made.run(expect=1)
    (message,) = [line for line in result.stderr.splitlines() if line.startswith("task data: ")]
    assert "File too large" in message and str(made.lake / "data") in message
    assert lake_pointer(made.lake, "data") == pointer
    assert_whole(made.lake, "data", 10)


DAMAGES = {
    "cut short": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "no JSON": lambda text: "not JSON",
    "another table": lambda text: text.replace('"table": "users"', '"table": "others"'),
    "a file elsewhere": lambda text: text.replace('"key": "users/', '"key": "../users/'),
    "a newer format": lambda text: text.replace('"format": 1', '"format": 99'),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.asan
def test_a_damaged_pointer_is_named_and_left_alone(database, project, damage):
    database.execute("CREATE TABLE users AS SELECT 1 AS id; CREATE TABLE fine AS SELECT 1 AS id")
    made = project({"users": {"table": "users"}, "fine": {"table": "fine"}}, source=database.uri)
    made.run("--quiet")
    path = made.lake / "_lakehaul" / "tables" / "users.json"
    damaged = DAMAGES[damage](path.read_text())
    assert damaged != path.read_text()
    path.write_text(damaged)
    files = versions_on_disk(made.lake, "users")
    result = made.run(expect=1)
    assert re.search(rf"^task users: .*{re.escape(str(path))}", result.stderr, re.MULTILINE)
    assert "hint: " in result.stderr
    assert path.read_text() == damaged
    assert versions_on_disk(made.lake, "users") == files
    assert len(assert_whole(made.lake, "fine", 1)["previous"]) == 1
    queried = made.lakehaul("query", "SELECT * FROM users", expect=None)
    assert queried.returncode in (1, 4) and str(path) in queried.stderr
    collected = made.lakehaul("gc", expect=None)
    assert collected.returncode in (1, 4) and str(path) in collected.stderr
    assert versions_on_disk(made.lake, "users") == files, "gc cannot know what is old"
    path.unlink()
    made.run("--quiet")
    assert_whole_apart_from(made.lake, "users", files)


def assert_whole_apart_from(lake: Path, table: str, leftovers: set[str]) -> None:
    assert read_lake_duckdb(lake, table) == [(1,)]
    assert versions_on_disk(lake, table) == {lake_pointer(lake, table)["version"], *leftovers}


def test_a_temporary_directory_that_cannot_be_made_is_named(database, published):
    with closed_gate(database) as gate:
        made = published(gate)
        result = made.run(env={"TMPDIR": "/no/such/directory"}, expect=4)
    assert "/no/such/directory" in result.stderr and "TMPDIR" in result.stderr


# Memory


@pytest.mark.skipif(SANITIZED, reason="sanitizers keep memory of their own")
def test_memory_does_not_follow_the_number_of_rows(database, project):
    """16 columns like TPC-H's lineitem: from a whole row group on, more rows take no more, whatever the budget."""
    megabyte = 2**20
    database.execute(LINEITEM_SQL.format(table="lineitem", rows=1_000_000))
    made = project({"lineitem": {"table": "lineitem"}}, source=database.uri, jobs=1)
    tenth, half, whole = (peak_of_export("lineitem", made, "--limit", n) for n in ("100000", "600000", "1000000"))
    assert whole < 200 * megabyte
    assert abs(whole - half) < 0.05 * half
    assert tenth < whole
    made.path.write_text(made.path.read_text() + "memory: 64MB\n")
    half, whole = (peak_of_export("lineitem", made, "--limit", n) for n in ("600000", "1000000"))
    assert whole < 64 * megabyte, "the budget of the run"
    assert abs(whole - half) < 0.05 * half


SCATTERED_SQL = """
CREATE UNLOGGED TABLE scattered AS
SELECT n AS id, '2010-01-01'::timestamp + h % 5000 * interval '1 day' + n % 86400 * interval '1 second' AS moment,
       md5(n::text) AS hash, n * 1.25::float8 AS x, (n % 1000)::numeric(12,2) AS amount, 'a note of the row ' || n AS note
FROM (SELECT n::bigint, hashint8(n)::bigint & 2147483647 AS h FROM generate_series(1, 2000000) AS n) AS numbers
"""
SUMS = "count(*), sum(id)::varchar, sum(amount)::varchar, count(DISTINCT hash), count(DISTINCT moment::date)"


@pytest.mark.slow
@pytest.mark.skipif(SANITIZED, reason="sanitizers take memory of their own")
def test_thousands_of_partitions_in_any_order_keep_within_memory(database, project, scratch):
    """2 million rows, each in one of 5,000 days at random: more than there is memory for."""
    database.execute(SCATTERED_SQL)
    task = {"table": "scattered", "partition_by": "day(moment)"}
    made = project({"scattered": task}, source=database.uri, jobs=1, memory="128MB")
    made.env["TMPDIR"] = str(scratch)
    assert peak_of_export("scattered", made) < 128 * 2**20
    pointer = lake_pointer(made.lake, "scattered")
    assert len(pointer["partitions"]) == 5000
    assert sum(partition["rows"] for partition in pointer["partitions"]) == pointer["rows"] == 2_000_000
    assert read_lake_duckdb(made.lake, "scattered", f"SELECT {SUMS} FROM lake_table") == database.rows(
        f"SELECT {SUMS} FROM scattered"
    )
    assert list(scratch.iterdir()) == []
