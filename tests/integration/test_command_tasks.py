"""Command tasks: what a program is given, what it writes, and all the ways in which it ends."""
import json
import os
import signal
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hauls import haul
from processes import running, wait_until
from support import is_published, lake_pointer, read_lake_duckdb, read_lake_pyarrow

DOUBLE = """
import json, os, pathlib, sys
import pyarrow.parquet as pq, pyarrow.compute as pc, pyarrow as pa
manifest = json.loads(pathlib.Path(os.environ["LAKEHAUL_MANIFEST"]).read_text())
assert manifest["task"] == os.environ["LAKEHAUL_TASK"] == "scores", manifest
assert manifest["output"] == os.environ["LAKEHAUL_OUTPUT"]
numbers = manifest["inputs"]["numbers"]
assert numbers["directory"] == os.environ["LAKEHAUL_INPUT_NUMBERS"]
table = pq.read_table(os.environ["LAKEHAUL_INPUT_NUMBERS"])
assert table.num_rows == sum(pq.read_metadata(file).num_rows for file in numbers["files"])
print("doubling", table.num_rows)
print("to standard error", file=sys.stderr)
doubled = pa.table({"n": table["n"], "score": pc.multiply(table["n"], 2)})
pq.write_table(doubled, os.path.join(manifest["output"], "scores.parquet"))
"""


@pytest.fixture
def command_project(project, database):
    """command_project(script, **keys of the task) makes a project of a table and a Python script that reads it."""

    def make(script, table=None, project_keys=None, **keys):
        database.execute("CREATE TABLE IF NOT EXISTS numbers AS SELECT i AS n, i % 3 AS third FROM generate_series(1, 1000) AS i")
        scores = {"command": [sys.executable, "tasks/score.py"], "inputs": ["numbers"], **keys}
        tasks = {"scores": scores, "numbers": {"table": "numbers", **(table or {})}, "after": {"sql": "tasks/after.sql"}}
        files = {"tasks/score.py": script, "tasks/after.sql": "SELECT count(*) AS rows FROM scores"}
        return project(tasks, files=files, source=database.uri, **(project_keys or {}))

    return make


def failure(project, **options) -> dict:
    """What is said of the failed task; the table that it reads is published, and nothing of its own."""
    run = haul(project, expect=1, **options)
    assert run.tasks["numbers"]["status"] == "published"
    assert run.tasks["scores"]["status"] == "failed"
    assert run.tasks["after"]["status"] == "skipped"
    assert not is_published(project.lake, "scores")
    assert not list(project.lake.glob("scores/*"))
    return run.tasks["scores"]["error"]


@pytest.mark.asan
def test_a_program_makes_a_table_of_tables_of_the_lake(command_project):
    project = command_project(DOUBLE)
    result = project.run()
    assert "scores: doubling 1000" in result.stderr
    assert "scores: to standard error" in result.stderr
    table = read_lake_pyarrow(project.lake, "scores")
    assert sorted(table.to_pydict()["score"]) == [2 * n for n in range(1, 1001)]
    assert read_lake_duckdb(project.lake, "after") == [(1000,)]
    assert lake_pointer(project.lake, "scores")["source"] == f"command {sys.executable}"


def test_its_table_is_written_as_the_task_says(command_project):
    project = command_project(DOUBLE, sort_by=["score desc"], compression="gzip", file_size="1MB")
    project.run()
    (file,) = project.lake.glob("scores/*/*.parquet")
    assert pq.read_metadata(file).row_group(0).column(0).compression == "GZIP"
    assert pq.read_table(file)["score"].to_pylist() == list(range(2000, 0, -2))


def test_partitions_of_an_input_are_directories_as_hive_names_them(command_project):
    script = """
import os, pathlib
import pyarrow.dataset as ds, pyarrow.parquet as pq
root = pathlib.Path(os.environ["LAKEHAUL_INPUT_NUMBERS"])
assert sorted(p.name for p in root.iterdir()) == ["third=0", "third=1", "third=2"], list(root.iterdir())
table = ds.dataset(root, partitioning="hive").to_table()
pq.write_table(table, os.environ["LAKEHAUL_OUTPUT"] + "/a.parquet")
"""
    project = command_project(script, table={"partition_by": "third"})
    project.run()
    assert read_lake_duckdb(project.lake, "after") == [(1000,)]


def test_several_files_are_one_table(command_project):
    script = """
import os
import pyarrow as pa, pyarrow.parquet as pq
for name, values in (("b", [3]), ("a", [1, 2])):
    pq.write_table(pa.table({"n": values}), f"{os.environ['LAKEHAUL_OUTPUT']}/{name}.parquet")
open(os.environ["LAKEHAUL_OUTPUT"] + "/notes.txt", "w").write("not a table")
"""
    project = command_project(script)
    project.run()
    assert read_lake_pyarrow(project.lake, "scores").to_pydict() == {"n": [1, 2, 3]}


def test_arguments_and_the_project_directory_are_as_written(command_project):
    script = """
import os, sys
import pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"a": sys.argv[1:], "d": [os.getcwd()] * 4}), os.environ["LAKEHAUL_OUTPUT"] + "/a.parquet")
"""
    command = [sys.executable, "tasks/score.py", "a b", "", "$HOME", "a b"]
    project = command_project(script, command=[word.replace("$", "$$") for word in command], inputs=["numbers"])
    project.run()
    rows = read_lake_pyarrow(project.lake, "scores").to_pydict()
    assert rows["a"] == command[2:]
    assert {os.path.realpath(directory) for directory in rows["d"]} == {os.path.realpath(project.directory)}


ENDINGS = {
    "status": ("import sys; print('no rate for EUR', file=sys.stderr); sys.exit(3)", "ended with exit status 3: no rate for EUR"),
    "exception": ("raise ValueError('boom')", "ended with exit status 1: ValueError: boom"),
    "signal": ("import os; os.kill(os.getpid(), 11)", "was killed by signal 11 (Segmentation fault)"),
    "nothing": ("pass", "has written no file *.parquet into its output directory"),
    "no parquet": ("import os; open(os.environ['LAKEHAUL_OUTPUT'] + '/a.parquet', 'w').write('hello')", "what "),
    "half a file": (
        "import os, pyarrow as pa, pyarrow.parquet as pq\n"
        "path = os.environ['LAKEHAUL_OUTPUT'] + '/a.parquet'\n"
        "pq.write_table(pa.table({'n': list(range(100000))}), path)\n"
        "os.truncate(path, os.path.getsize(path) // 2)",
        "what ",
    ),
    "no room": (
        "import os; open(os.environ['LAKEHAUL_OUTPUT'] + '/../../x', 'w'); raise MemoryError",
        "ended with exit status 1: MemoryError",
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_program_that_fails_publishes_nothing(command_project, ending):
    script, message = ENDINGS[ending]
    error = failure(command_project(script))
    assert message in error["message"]


@pytest.mark.asan
def test_a_program_that_is_not_there_is_named(command_project):
    error = failure(command_project("", command=["no-such-program"]))
    assert error["message"] == "cannot run no-such-program: No such file or directory"
    error = failure(command_project("", command=["./tasks/score.py"]))
    assert error["message"] == "cannot run ./tasks/score.py: Permission denied"
    assert "[python3, ./tasks/score.py]" in error["hint"]


def test_a_program_is_stopped_with_all_that_it_started(command_project, tmp_path):
    pids = tmp_path / "pids"
    script = f"""
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""
    start = time.monotonic()
    error = failure(command_project(script, timeout="1s"))
    assert time.monotonic() - start < 60
    assert "was stopped after 1.0 s, its timeout" in error["message"]
    for pid in pids.read_text().split():
        wait_until(lambda: not is_alive(int(pid)), f"process {pid} is gone")


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_background_process_does_not_keep_the_task(command_project):
    script = DOUBLE + "\nimport subprocess; subprocess.Popen(['sleep', '600'])"
    start = time.monotonic()
    command_project(script).run()
    assert time.monotonic() - start < 120


def test_its_memory_is_limited(command_project):
    script = "x = bytearray(2 << 30)"
    error = failure(command_project(script, memory="256MB"))
    assert "ended with exit status 1: MemoryError" in error["message"]
    assert "256.0 MB" in error["hint"]


def test_an_interrupt_stops_the_program(command_project, tmp_path):
    ready = tmp_path / "ready"
    project = command_project(f"import time; open({str(ready)!r}, 'w').write('x'); time.sleep(600)")
    with running(project) as run:
        wait_until(ready.exists, "the program runs")
        run.signal(signal.SIGINT)
        run.finish(expect=130)
    assert not is_published(project.lake, "scores")


def test_a_view_is_no_input(command_project, project):
    made = project(
        {"v": {"sql": "v.sql", "view": True}, "scores": {"command": ["true"], "inputs": ["v"]}},
        files={"v.sql": "SELECT 1 AS n"},
    )
    error = haul(made, expect=1).tasks["scores"]["error"]
    assert error["message"] == "reads v, which is a view and has no files"


def test_an_unknown_input_is_no_table(project):
    made = project({"scores": {"command": ["true"], "inputs": ["nowhere"]}})
    error = haul(made, expect=1).tasks["scores"]["error"]
    assert error["message"] == "reads table nowhere, which is not in the lake"


def test_plan_and_check_show_command_tasks(command_project):
    project = command_project(DOUBLE)
    plan = json.loads(project.lakehaul("plan", "--json", expect=0).stdout)["tasks"]
    by_name = {task["task"]: task for task in plan}
    assert by_name["scores"]["kind"] == "command" and by_name["scores"]["reads"] == ["numbers"]
    assert [task["task"] for task in plan] == ["numbers", "scores", "after"]
    assert "scores: command, reads 1 table" in project.lakehaul("check", expect=0).stdout


def test_inputs_on_s3_are_files_to_the_program(command_project, s3_bucket, s3_env):
    project = command_project(DOUBLE, project_keys={"lake": f"{s3_bucket.url}/lake"})
    project.run(env=s3_env)
    rows = project.lakehaul("query", "--format", "csv", "SELECT count(*), sum(score) FROM scores", env=s3_env, expect=0)
    assert rows.stdout.split()[1] == "1000,1001000"
