"""Wrong project files, end to end: exit status 2, the place, what is wrong, and what would be right."""
from __future__ import annotations

from pathlib import Path

import pytest

from support import run_lakehaul

HEAD = "project: test\nsource: postgresql:///test\nlake: ./lake\n"

# The file, what stands after "lakehaul: ", and the hint.
WRONG_FILES: dict[str, tuple[str, str, str | None]] = {
    "empty": ("", "lakehaul.yaml:1:1: the file is empty", None),
    "not YAML": (
        HEAD + "tasks: { a: { table: t }\n",
        "lakehaul.yaml:5:1: did not find expected ',' or '}'",
        "a value between { } that holds any of , [ ] { } needs quotes",
    ),
    "unknown key": (
        HEAD + "tasks:\n  orders: { tabel: public.orders }\n",
        'lakehaul.yaml:5:13: unknown key "tabel" in task orders',
        'did you mean "table"?',
    ),
    "wrong type": (
        HEAD + "tasks: [orders]\n",
        "lakehaul.yaml:4:8: tasks must be a mapping, not a list",
        None,
    ),
    "key of a later version": (
        HEAD + "tasks:\n  factors: { file: data/factors.csv }\n",
        "lakehaul.yaml:5:14: file of task factors is not available in lakehaul 0.1.0",
        None,
    ),
    "Glue over a lake that is not on S3": (
        HEAD + "catalog: glue\ntasks:\n  a: { table: t }\n",
        "lakehaul.yaml:4:10: catalog glue needs a lake on S3",
        "write lake: s3://bucket/prefix, or catalog: local",
    ),
    "lake where none can be": (
        HEAD.replace("./lake", "gs://bucket/lake") + "tasks:\n  a: { table: t }\n",
        'lakehaul.yaml:3:7: lake cannot be on "gs://"',
        "write a directory, lake: ./lake, or lake: s3://bucket/prefix",
    ),
    "unset variable": (
        HEAD.replace("./lake", "${LH_TEST_UNSET}") + "tasks:\n  a: { table: t }\n",
        "lakehaul.yaml:3:7: environment variable LH_TEST_UNSET is not set",
        None,
    ),
    "missing SQL file": (
        HEAD + "tasks:\n  a: { sql: tasks/god.sql }\n",
        "lakehaul.yaml:5:13: cannot open tasks/god.sql: No such file or directory",
        'did you mean "tasks/good.sql"?',
    ),
    "wrong SQL": (
        HEAD + "tasks:\n  a: { sql: tasks/wrong.sql }\n",
        'lakehaul.yaml:5: task a: tasks/wrong.sql: line 2, column 6: syntax error at or near "orders"',
        None,
    ),
    "SQL that writes": (
        HEAD + "tasks:\n  a: { sql: tasks/writes.sql }\n",
        "lakehaul.yaml:5: task a: tasks/writes.sql: the statement is not a SELECT",
        None,
    ),
    "cycle": (
        HEAD + "tasks:\n  a: { sql: tasks/of_b.sql }\n  b: { sql: tasks/of_a.sql }\n",
        "lakehaul.yaml:5: tasks read each other in a circle: a → b → a",
        None,
    ),
    "a rate without a unit that is one": (
        HEAD + "max_rate: fast\ntasks:\n  a: { table: t }\n",
        'lakehaul.yaml:4:11: max_rate must be a size a second, 1kB/s at least, not "fast"',
        "write 50MB/s",
    ),
    "a time without a unit": (
        HEAD + "lock_timeout: 60\ntasks:\n  a: { table: t }\n",
        'lakehaul.yaml:4:15: lock_timeout must be a time of up to 24 days, not "60"',
        "write 500ms, 60s, 5min, 2h, or none",
    ),
    "files that are too small": (
        HEAD + "tasks:\n  a: { table: t, file_size: 1kB }\n",
        "lakehaul.yaml:5:29: file_size of task a must be at least 1MB, not 1kB",
        None,
    ),
    "streams of a query": (
        HEAD + "tasks:\n  a: { query: select 1, streams: 2 }\n",
        "lakehaul.yaml:5:25: task a is of kind query and takes no streams",
        "only tables are read over several connections",
    ),
}

SQL_FILES = {
    "good.sql": "SELECT 1 AS one",
    "wrong.sql": "SELECT *\nform orders",
    "writes.sql": "INSERT INTO orders VALUES (1)",
    "of_a.sql": "SELECT * FROM a",
    "of_b.sql": "SELECT * FROM b",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    for name, text in SQL_FILES.items():
        (tmp_path / "tasks" / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("case", WRONG_FILES)
@pytest.mark.parametrize("command", [("check", "--offline"), ("run",)], ids=" ".join)
def test_a_wrong_project_file_is_refused(case: str, command: tuple[str, ...], directory: Path):
    text, message, hint = WRONG_FILES[case]
    (directory / "lakehaul.yaml").write_text(text)
    result = run_lakehaul(*command, cwd=directory, expect=2)
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"lakehaul: {message}")
    if hint is not None:
        assert lines[1] == f"hint: {hint}"
    assert len(lines) <= 2
    assert result.stdout == ""
    assert not (directory / "lake").exists()


@pytest.mark.parametrize("command", [("check",), ("plan",), ("run",)], ids=" ".join)
def test_a_missing_project_file_is_named(command: tuple[str, ...], tmp_path: Path):
    assert run_lakehaul(*command, cwd=tmp_path, expect=2).stderr == (
        "lakehaul: cannot open lakehaul.yaml: No such file or directory\n"
        'hint: run "lakehaul init" to write one, or name another with --project\n'
    )


@pytest.mark.parametrize("command", [("query", "select 1"), ("gc",)], ids=" ".join)
def test_without_a_project_file_the_lake_can_be_named(command: tuple[str, ...], tmp_path: Path):
    assert run_lakehaul(*command, cwd=tmp_path, expect=2).stderr == (
        "lakehaul: cannot open lakehaul.yaml: No such file or directory\n"
        "hint: name the project file with --project, or a lake with --lake\n"
    )


def test_a_relative_project_path_works_from_any_directory(directory: Path):
    (directory / "lakehaul.yaml").write_text(HEAD + "tasks:\n  a: { sql: tasks/good.sql }\n")
    (directory / "lake").mkdir()
    below = directory / "below"
    below.mkdir()
    for project, cwd in [
        ("lakehaul.yaml", directory),
        ("./lakehaul.yaml", directory),
        ("../lakehaul.yaml", below),
        (f"{directory.name}/lakehaul.yaml", directory.parent),
        (str(directory / "lakehaul.yaml"), Path("/")),
    ]:
        result = run_lakehaul("check", "--offline", "-p", project, cwd=cwd, expect=0)
        assert result.stdout == f"{project}: 1 task, no problem found; not compared with the database\n"
        result = run_lakehaul("query", "--project", project, "select 1 as one", "-f", "csv", cwd=cwd, expect=0)
        assert result.stdout == "one\n1\n"
        run_lakehaul("gc", "--project", project, cwd=cwd, expect=0)


@pytest.mark.parametrize("command", ["check", "plan", "run"])
def test_a_source_that_is_not_set_matters_once_it_is_needed(command: str, directory: Path):
    (directory / "lakehaul.yaml").write_text(
        HEAD.replace("postgresql:///test", "${LH_TEST_UNSET}") + "tasks:\n  a: { table: t }\n"
    )
    (directory / "lake").mkdir()
    run_lakehaul("check", "--offline", cwd=directory, expect=0)
    run_lakehaul("query", "select 1", cwd=directory, expect=0)
    run_lakehaul("gc", cwd=directory, expect=0)
    result = run_lakehaul(command, cwd=directory, expect=2)
    assert result.stderr.startswith("lakehaul: lakehaul.yaml:2:9: environment variable LH_TEST_UNSET is not set\n")


def test_check_finds_tables_that_nobody_makes(directory: Path):
    (directory / "tasks" / "reads.sql").write_text("SELECT * FROM orders JOIN userz USING (user_id) JOIN nobody USING (x)")
    (directory / "lakehaul.yaml").write_text(
        HEAD + "tasks:\n  orders: { table: orders }\n  users: { table: users }\n  joined: { sql: tasks/reads.sql }\n"
    )
    assert run_lakehaul("check", "--offline", cwd=directory, expect=1).stderr == (
        "lakehaul.yaml:7: task joined: it reads table userz, which no task makes and the lake does not have\n"
        "hint: did you mean users?\n"
        "lakehaul.yaml:7: task joined: it reads table nobody, which no task makes and the lake does not have\n"
        "hint: add a task nobody\n"
        "lakehaul: lakehaul.yaml: 2 problems found\n"
    )


@pytest.mark.parametrize("command", ["plan", "run"])
def test_an_unknown_task_is_named_with_the_nearest(command: str, directory: Path):
    (directory / "lakehaul.yaml").write_text(HEAD + "tasks:\n  orders: { table: orders }\n")
    assert run_lakehaul(command, "ordres", cwd=directory, expect=2).stderr == (
        'lakehaul: lakehaul.yaml has no task "ordres"\nhint: did you mean "orders"?\n'
    )


UNREACHABLE = "postgresql://someone:secret-word@127.0.0.1:1/test"


@pytest.mark.parametrize(
    "command",
    [
        ("check",),
        ("plan",),
        ("run",),
        ("init", UNREACHABLE, "-o", "other.yaml"),
        ("export", UNREACHABLE, "-t", "t", "-o", "t.parquet"),
    ],
    ids=lambda command: command[0],
)
def test_an_unreachable_source_is_exit_status_3_and_shows_no_password(command: tuple[str, ...], directory: Path):
    (directory / "lakehaul.yaml").write_text(
        HEAD.replace("postgresql:///test", UNREACHABLE) + "tasks:\n  orders: { table: orders }\n"
    )
    result = run_lakehaul(*command, cwd=directory, expect=3)
    assert "127.0.0.1" in result.stderr
    assert "secret-word" not in result.stderr + result.stdout
    assert not (directory / "other.yaml").exists()
    assert not (directory / "t.parquet").exists()


def test_init_leaves_an_existing_file_alone(tmp_path: Path):
    (tmp_path / "lakehaul.yaml").write_text("mine\n")
    result = run_lakehaul("init", UNREACHABLE, cwd=tmp_path, expect=2)
    assert result.stderr == (
        "lakehaul: lakehaul.yaml exists already\nhint: replace it with --force, or write another with --output FILE\n"
    )
    run_lakehaul("init", UNREACHABLE, "--force", cwd=tmp_path, expect=3)
    assert (tmp_path / "lakehaul.yaml").read_text() == "mine\n"
