"""json and jsonb as VARIANT through the real program: what DuckDB and Spark's decoder read, what the server prints, and
what a VARIANT cannot hold."""

from __future__ import annotations

import decimal
import json
import random
import sys
from decimal import Decimal

import duckdb
import pyarrow.parquet as pq
import pytest
from hauls import Haul, assert_verified, haul, make_project
from pyspark.sql.variant_utils import VariantUtils
from support import Database, run_lakehaul

VARIANT = {"type": "variant"}
DEPTH = 500
# What json and jsonb can hold both.
DOCUMENTS = [
    "null", "true", "false", "0", "-0", "-0.0", "1", "127", "128", "-128", "-129", "32767", "32768", "2147483647",
    "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1.0", "1.00", "0.10", "-0.5",
    "100e-2", "1.50e1", "1e2", "0.000000001", "12345678901234567890.123456789", "9" * 38, "-" + "9" * 38,
    "0." + "9" * 38, "1e-38", "1e38", "1e300", "-1e300", "1e-50", "2.5e-200", "1.7976931348623157e308", '""', '"a"',
    '"' + "x" * 63 + '"', '"' + "x" * 64 + '"', '"' + "ü" * 100000 + '"', '"Ελληνικά 🚚 \\n\\t\\"\\\\ \\u0001 \\/"',
    '"\\u00e9\\ud83d\\ude00"', '"x,.5:-.5[.5"', "[]", "{}", "[[]]", "[{}]", '[1, 2.50, "x", null, true, [0.0, 0.25]]',
    '{"a": 1, "b": {"c": [{"d": null}]}}', '{"bb": 1, "a": 2, "": 3, "aaa": 4, "é": 5, "Z": 6}',
    '{"a.b": 0.5, "c": ",.5", "d": [0.1, -0.01], "e\\"": "\\"."}', '{"a": 1, "b": 2, "a": {"b": 3}}',
    "[" * DEPTH + "]" * DEPTH, '{"a":' * 100 + "1" + "}" * 100,
    json.dumps({f"key {i}": i for i in range(1000)}), json.dumps(list(range(20000))),
    json.dumps({"x" * i: i for i in range(300)}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def deep_recursion():
    """For the readers in Python."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20 * DEPTH)
    yield
    sys.setrecursionlimit(limit)


def exact(text: str) -> object:
    """JSON with all the digits of its numbers."""
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


def read_with_spark(value: dict | None) -> object:
    """The two binaries as Spark's decoder reads them; doubles by their shortest text."""
    if value is None:
        return "NULL"
    with decimal.localcontext(decimal.Context(prec=80)):
        return exact(VariantUtils.to_json(value["value"], value["metadata"]))


def plain(number: Decimal) -> str:
    return format(number, "f")


def printed(value: object) -> object:
    """Numbers by their digits, as numeric prints them: 1.0 is not 1.00, 1e2 is 100."""
    if isinstance(value, Decimal):
        return plain(value) if value or value.as_tuple().exponent < 0 else "0"
    if isinstance(value, list):
        return [printed(element) for element in value]
    if isinstance(value, dict):
        return {key: printed(element) for key, element in value.items()}
    return value


@pytest.fixture(scope="module")
def hauled(module_database, tmp_path_factory) -> Haul:
    module_database.execute("CREATE DOMAIN document AS jsonb CHECK (value IS NOT NULL)")
    module_database.execute("CREATE TABLE documents (id int PRIMARY KEY, j json, b jsonb, d document)")
    for number, text in enumerate(DOCUMENTS):
        module_database.execute("INSERT INTO documents VALUES (%s, %s, %s, %s)", (number, text, text, text))
    module_database.execute("INSERT INTO documents VALUES (-1, NULL, NULL, '0')")
    columns = {"j": VARIANT, "b": VARIANT, "d": VARIANT}
    tasks = {
        "documents": {"table": "documents", "columns": columns},
        "derived": {"sql": "derived.sql"},
    }
    directory = tmp_path_factory.mktemp("variant")
    (directory / "derived.sql").write_text("SELECT id, j, b->'a' AS a FROM documents WHERE b->>'b' = '2'")
    return haul(make_project(directory, module_database, tasks))


def test_spark_reads_what_the_server_prints(module_database, hauled):
    table = pq.read_table(hauled.files("documents")[0])
    texts = dict(module_database.connection.execute("SELECT id, b::text FROM documents").fetchall())
    for column in ("j", "b", "d"):
        for number, value in zip(table["id"].to_pylist(), table[column].to_pylist(), strict=True):
            if number < 0 and column != "d":
                assert value is None
                continue
            expected = exact(texts[number]) if number >= 0 else Decimal(0)
            assert printed(read_with_spark(value)) == printed(expected), (column, number)


def test_duckdb_reads_what_the_server_prints(module_database, hauled):
    rows = duckdb.sql(f"SELECT id, j::JSON, b::JSON FROM '{hauled.files('documents')[0]}' ORDER BY id").fetchall()
    texts = module_database.connection.execute("SELECT b::text FROM documents ORDER BY id").fetchall()
    assert len(rows) == len(DOCUMENTS) + 1
    for (number, from_json, from_jsonb), (text,) in zip(rows, texts, strict=True):
        if text is None or text == "null":
            assert (from_json, from_jsonb) == (None, None)
            continue
        assert printed(exact(from_json)) == printed(exact(text)), number
        assert printed(exact(from_jsonb)) == printed(exact(text)), number


def test_the_column_is_an_unshredded_variant_without_bounds(hauled):
    file = pq.ParquetFile(hauled.files("documents")[0])
    assert str(file.schema).count("(Variant(1)) {\n    required binary field_id=-1 metadata;\n") == 3
    for index in range(file.metadata.num_columns):
        chunk = file.metadata.row_group(0).column(index)
        if "." in chunk.path_in_schema:
            assert chunk.statistics is None or not chunk.statistics.has_min_max, chunk.path_in_schema


def test_the_lake_knows_its_type(hauled):
    shown = run_lakehaul("inspect", hauled.files("documents")[0], expect=0).stdout
    assert "VARIANT" in shown
    pointer = json.loads((hauled.project.lake / "_lakehaul" / "tables" / "documents.json").read_text())
    assert '"type": "variant"' in json.dumps(pointer)


def test_queries_and_sql_tasks_see_json(hauled):
    sql = "SELECT id, j, b->>'$.d[1]' AS second FROM documents WHERE b->>'d' IS NOT NULL"
    shown = json.loads(hauled.project.lakehaul("query", "--format", "json", sql, expect=0).stdout)
    assert [row["second"] for row in shown] == ["-0.01"]
    derived = pq.read_table(hauled.files("derived")[0]).to_pylist()
    assert [(json.loads(row["j"]), json.loads(row["a"])) for row in derived] == [({"a": {"b": 3}, "b": 2}, {"b": 3})]


def test_documents_are_verified(hauled):
    verified = json.loads(hauled.project.lakehaul("verify", "--json", "documents", expect=0).stdout)["tasks"]
    assert [(task["status"], {c["compared"] for c in task["columns"]}) for task in verified] == [("equal", {"checksum"})]


# What only json takes, or what has no VARIANT; and the nearest value.
BEYOND = {
    "1e400": ("the number 1e400, which neither 38 digits nor a double can hold", "1.7976931348623157e308"),
    '{"a": [-1e400]}': ("the number -1e400", '{"a": [-1.7976931348623157e308]}'),
    "0." + "1" * 39: ("the number 0.1", "0.1111111111111111"),
    "1" * 40: ("the number 111", "1.1111111111111112e39"),
    "1.0e-50": ("the number 1.0e-50", "1e-50"),
    '"a\\u0000b"': ("\\u0000, which is no character of a text", '"a\ufffdb"'),
    '{"\\ud83d": "\\ude00x"}': ("half of a Unicode surrogate pair", '{"\ufffd": "\ufffdx"}'),
    "[" * (DEPTH + 1) + "]" * (DEPTH + 1): ("nested more than 500 levels deep", None),
}


@pytest.mark.parametrize("number", range(len(BEYOND)))
def test_what_a_variant_cannot_hold_is_an_error(database: Database, tmp_path, number):
    text, (message, _) = list(BEYOND.items())[number]
    database.execute("CREATE TABLE t (j json)")
    database.execute("INSERT INTO t VALUES ('1'), (%s)", (text,))
    run = haul(make_project(tmp_path, database, {"t": {"table": "t", "columns": {"j": VARIANT}}}), expect=1)
    error = run.tasks["t"]["error"]
    assert message in error["message"]
    assert 'public.t, column "j", row 2' in error["message"]
    assert "on_unrepresentable" in error["hint"]


@pytest.mark.parametrize("policy", ["null", "clamp"])
def test_policies_for_what_a_variant_cannot_hold(database: Database, tmp_path, policy):
    database.execute("CREATE TABLE t (id int, j json NOT NULL)")
    for number, text in enumerate(BEYOND):
        database.execute("INSERT INTO t VALUES (%s, %s)", (number, text))
    columns = {"j": {**VARIANT, "on_unrepresentable": policy}}
    run = haul(make_project(tmp_path, database, {"t": {"table": "t", "columns": columns}}), "--verify")
    values = pq.read_table(run.files("t")[0]).sort_by("id")["j"].to_pylist()
    for (_, nearest), value in zip(BEYOND.values(), values, strict=True):
        if policy == "null" or nearest is None:
            assert value is None
        else:
            assert json.loads(VariantUtils.to_json(value["value"], value["metadata"])) == json.loads(nearest)
    nulls = len(BEYOND) if policy == "null" else 1
    assert run.tasks["t"]["replaced"] == [{"column": "j", "became_null": nulls, "clamped": len(BEYOND) - nulls}]
    report = json.loads(run.project.lakehaul("verify", "--json", expect=0).stdout)["tasks"][0]
    assert {column["column"]: column["compared"] for column in report["columns"]} == {"id": "checksum", "j": "nothing"}
    assert 'not compared: "j"' in run.project.lakehaul("verify", expect=0).stdout
    assert [line for line in run.warnings("t") if 'verification: of "j" nothing was compared' in line]


def test_a_value_that_is_found_only_by_the_live_database_differs(database: Database, tmp_path):
    database.execute("CREATE TABLE t (id int PRIMARY KEY, j json)")
    database.execute("""INSERT INTO t VALUES (1, '{"a": "\\\\u0000 \\ud83d\\ude00"}'), (2, '2'), (3, 'null')""")
    project = make_project(tmp_path, database, {"t": {"table": "t", "columns": {"j": VARIANT}}})
    haul(project, "--verify")
    assert_verified(project)
    for text in ('"\\u0000"', '"\\udc00"', "3", "2.0"):
        database.execute("UPDATE t SET j = %s WHERE id = 2", (text,))
        report = json.loads(project.lakehaul("verify", "--json", expect=1).stdout)["tasks"][0]
        assert [row["key"] for row in report["differing_rows"]] == ["id=2"], text


def test_a_value_that_another_writer_changed_is_found(database: Database, tmp_path):
    database.execute("CREATE TABLE t (id int PRIMARY KEY, b jsonb)")
    database.execute("""INSERT INTO t SELECT g, jsonb_build_object('a', g, 'b', g / 8.0) FROM generate_series(1, 1000) g""")
    run = haul(make_project(tmp_path, database, {"t": {"table": "t", "columns": {"b": VARIANT}}}))
    assert_verified(run.project)
    [file] = run.files("t")
    changed = file.with_suffix(".changed")
    duckdb.sql(f"""COPY (SELECT id, CASE id WHEN 500 THEN {{'a': 500, 'b': 62.6::DECIMAL(18, 16)}}::VARIANT ELSE b END AS b
                   FROM '{file}') TO '{changed}' (FORMAT parquet)""")
    changed.replace(file)
    report = json.loads(run.project.lakehaul("verify", "--json", expect=1).stdout)["tasks"][0]
    assert [(row["key"], row["kind"]) for row in report["differing_rows"]] == [("id=500", "differs")]


@pytest.mark.parametrize("declared", ["text", "int", "jsonb[]", "hstore"])
def test_other_columns_cannot_be_variants(database: Database, tmp_path, declared):
    database.execute("CREATE EXTENSION hstore")
    database.execute(f"CREATE TABLE t (x {declared})")
    run = haul(make_project(tmp_path, database, {"t": {"table": "t", "columns": {"x": VARIANT}}}), expect=1)
    assert run.tasks["t"]["error"]["message"].endswith("for which there is no type: variant")
    assert run.tasks["t"]["error"]["hint"] == "type: variant is for columns of json and jsonb, and of domains over them"


def random_number(source: random.Random) -> str:
    digits = "".join(source.choices("0123456789", k=source.choice([1, 2, 3, 9, 10, 18, 19, 37])))
    point = source.randrange(len(digits) + 1)
    whole, fraction = digits[:point].lstrip("0") or "0", digits[point:]
    return source.choice(["", "-"]) + whole + ("." + fraction if fraction else "")


def random_document(source: random.Random, depth: int = 0) -> str:
    kind = source.randrange(8 if depth < 5 else 5)
    if kind == 0:
        return source.choice(["null", "true", "false"])
    if kind <= 2:
        return random_number(source)
    if kind <= 4:
        text = "".join(source.choices('ab,.:-[{}"\\/\n\té日🚚\x01', k=source.choice([0, 1, 5, 62, 63, 64, 65, 300])))
        return json.dumps(text, ensure_ascii=source.random() < 0.5)
    count = source.choice([0, 1, 2, 5, 40])
    if kind == 5:
        return "[" + ",".join(random_document(source, depth + 2) for _ in range(count)) + "]"
    keys = source.choices(["", "a", "b", "ab", "abc", "é", "日", "long " * 3, "long " * 60, "x\"y"], k=min(count, 10))
    return "{" + ", ".join(f"{json.dumps(key)}: {random_document(source, depth + 1)}" for key in keys) + "}"


def test_random_documents(database: Database, tmp_path):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    database.execute("CREATE TABLE t (id int PRIMARY KEY, j json, b jsonb)")
    with database.connection.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
        for number in range(1500):
            text = random_document(source)
            copy.write_row((number, text, text))
    project = make_project(tmp_path, database, {"t": {"table": "t", "columns": {"j": VARIANT, "b": VARIANT}}})
    run = haul(project, "--verify")
    assert_verified(project)
    table = pq.read_table(run.files("t")[0]).sort_by("id")
    texts = database.connection.execute("SELECT b::text FROM t ORDER BY id").fetchall()
    for column in ("j", "b"):
        for (text,), value in zip(texts, table[column].to_pylist(), strict=True):
            assert printed(read_with_spark(value)) == printed(exact(text)), f"seed {seed}"
