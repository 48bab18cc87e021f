"""Every command and every project file of README.md, run as it stands there."""
import pathlib
import re
import subprocess
import sys

import pytest
from support import LAKEHAUL, ROOT, check_sanitizers, clean_environment, missing

README = (ROOT / "README.md").read_text()
SHOP = ROOT / "examples" / "shop"
ROWS = """
INSERT INTO users SELECT n, 'user' || n || '@example.com', 'User ' || n, 'DE', now(), NULL, NULL, true, NULL, '{}', ''
FROM generate_series(1, 20) AS n;
INSERT INTO taxes VALUES ('DE', 'VAT', 0.19, '2007-01-01');
INSERT INTO products VALUES ('00000000-0000-0000-0000-000000000000', 'SKU-1', 'spade', 'other', 12.50);
INSERT INTO orders SELECT n, n % 25, '00000000-0000-0000-0000-000000000000', 'active', 1, n * 1.25, NULL, NULL,
       now(), NULL, NULL
FROM generate_series(1, 200) AS n;
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """The lakehaul commands of a block; the database's address is this test's."""
    lines = [line for line in block.splitlines() if line.startswith("lakehaul ")]
    return [re.sub(r"postgres(ql)?://localhost/shop", '"$DATABASE_URL"', line) for line in lines]


@pytest.fixture(scope="module")
def shop(module_database):
    module_database.psql("-f", SHOP / "schema.sql", "-c", ROWS)
    return module_database


@pytest.fixture
def shell(shop, tmp_path):
    """Runs a line of the README in a directory that has the example's SQL, as a user's shell would."""
    if not LAKEHAUL.exists():
        missing(str(LAKEHAUL))
    (tmp_path / "tasks").mkdir()
    for path in (SHOP / "tasks").glob("*.sql"):
        (tmp_path / "tasks" / path.name).write_text(path.read_text())
    environment = clean_environment({"DATABASE_URL": shop.uri})
    environment["PATH"] = f"{LAKEHAUL.parent}:{environment['PATH']}"

    def run(line: str) -> str:
        result = subprocess.run(
            ["bash", "-euc", line], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False,
            timeout=180,
        )
        check_sanitizers(result.stderr)
        assert result.returncode == 0, f"{line}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    run.directory = tmp_path
    return run


def test_the_project_of_the_readme_goes_the_way_it_shows(shell):
    [project] = [block for block in blocks("yaml") if block.startswith("# lakehaul.yaml")]
    [way] = [block for block in blocks("sh") if "lakehaul init" in block]
    lines = commands(way)
    assert [line.split()[1] for line in lines[:4]] == ["init", "check", "plan", "run"]
    shell(lines[0])
    assert "public.orders" in (shell.directory / "lakehaul.yaml").read_text()
    (shell.directory / "lakehaul.yaml").write_text(project)
    outputs = {line.split()[1]: shell(line) for line in lines[1:]}
    assert "no problem found" in outputs["check"]
    assert "6 of 6 tasks published" in outputs["run"]
    assert "DE" in outputs["query"]


def test_the_commands_without_a_project_work(shell):
    [block] = [block for block in blocks("sh") if "lakehaul export" in block and "s3://" not in block]
    lines = commands(block)
    assert {line.split()[1] for line in lines} == {"export", "inspect"}
    output = "".join(shell(line) for line in lines)
    assert "orders.parquet: 200 rows" in output
    assert "created by  lakehaul" in output


PARTITIONED_SQL = """
CREATE SCHEMA app;
CREATE TABLE app.events (id bigint PRIMARY KEY, created_at timestamptz, updated_at timestamptz);
CREATE TABLE app.visits (country text, at timestamp);
CREATE TABLE app.readings (at timestamptz, value float8);
INSERT INTO app.events SELECT n, '2026-01-30'::timestamptz + n * interval '1 hour', now() FROM generate_series(1, 72) n;
INSERT INTO app.visits VALUES ('de', '2026-01-31'), ('fr', '2026-02-01');
INSERT INTO app.readings VALUES ('2026-01-31 14:05', 1.5);
"""


def test_the_commands_of_partitions_work(shop, shell):
    shop.execute(PARTITIONED_SQL)
    [tasks] = [block for block in blocks("yaml") if "partition_by: day" in block and "project:" not in block]
    [way] = [block for block in blocks("sh") if "--partition" in block]
    project = f"project: x\nsource: ${{DATABASE_URL}}\nlake: ./lake\ntasks:\n{tasks}"
    (shell.directory / "lakehaul.yaml").write_text(project)
    assert "readings: 1 of 1 partition written" in shell("lakehaul run")
    one, nested, full = [shell(line) for line in commands(way)]
    assert "events: 1 of 4 partitions written" in one
    assert "visits: 1 of 2 partitions written" in nested
    assert "events: 4 of 4 partitions written" in full
    assert (shell.directory / "lake" / "readings" / "read_hour=2026-01-31-14").is_dir()


def test_the_program_of_the_readme_makes_its_table(shell):
    (script,) = blocks("python")
    (tasks,) = [block for block in blocks("yaml") if "command:" in block]
    name = re.match(r"# (tasks/\S+)\n", script)[1]
    (shell.directory / name).write_text(script)
    head = "project: shop\nsource: ${DATABASE_URL}\nlake: ./lake\n"
    (shell.directory / "lakehaul.yaml").write_text(head + tasks)
    shell(f"PATH={pathlib.Path(sys.executable).parent}:$PATH lakehaul run")
    rows = shell('lakehaul query --format csv "SELECT count(*), max(score), min(amount) FROM scores"')
    assert rows.splitlines()[1] == "200,1,1.25"


def test_other_project_files_of_the_readme_are_accepted(shell):
    for block in blocks("yaml"):
        if block.startswith("# lakehaul.yaml"):
            continue
        is_part_of_tasks = block.startswith(" ")
        text = f"tasks:\n{block}" if is_part_of_tasks else block
        if "tasks:" not in text:
            text = f"{text}\ntasks: {{ x: {{ table: x }} }}\n"
        lake = "s3://bucket/lake" if "catalog:" in text else "lake"
        for key, value in {"project": "x", "source": "x", "lake": lake}.items():
            if not re.search(rf"^{key}:", text, re.MULTILINE):
                text = f"{key}: {value}\n{text}"
        (shell.directory / "lakehaul.yaml").write_text(text)
        shell("lakehaul check --offline")
