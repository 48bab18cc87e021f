"""Types that are made of others, through the real program: composites, ranges, multiranges, arrays of them, hstore,
PostGIS. The server takes each value apart field by field in SQL; pyarrow and DuckDB must find the same parts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hauls import Haul, assert_verified, haul, make_project
from oracle import expected_value, held_values, read_with_duckdb, read_with_pyarrow, server_texts, shown
from support import Database, missing

TYPES_SQL = """
CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'ハッピー');
CREATE DOMAIN price AS numeric(12,2);
CREATE DOMAIN tags AS text[];
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN valid_pair AS pair CHECK ((VALUE).a IS NULL OR (VALUE).a <> 13);
CREATE TYPE many AS ("Größe" float8, flag boolean, at timestamptz, day date, amount price, raw bytea, id uuid,
                     note jsonb, mood mood, big int8, "with space" varchar(10), n numeric);
CREATE TYPE lists AS (ints int[], pairs pair[], tags tags, money numeric(10,2)[]);
CREATE TYPE outer_pair AS (left_one pair, right_one valid_pair, at_home tstzrange, attributes hstore);
CREATE TYPE deepest AS (o outer_pair, l lists, os outer_pair[]);
CREATE TYPE altered AS (gone int, kept text, gone_too pair, last int);
ALTER TYPE altered DROP ATTRIBUTE gone;
ALTER TYPE altered DROP ATTRIBUTE gone_too;
ALTER TYPE altered ADD ATTRIBUTE added numeric(5,1);
CREATE TYPE single AS (sole int);
CREATE TYPE nothing AS ();
CREATE TYPE with_acl AS (a int, acl aclitem);
CREATE TABLE as_type (gone int, x int NOT NULL, y text DEFAULT 'y');
ALTER TABLE as_type DROP COLUMN gone;
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE pricerange AS RANGE (subtype = price);
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
CREATE TYPE pairrange AS RANGE (subtype = pair);
CREATE DOMAIN future AS daterange;
CREATE TYPE booking AS (room int, during tsrange, prices numrange[]);

CREATE FUNCTION of_range(r anyrange) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN r IS NOT NULL THEN json_build_object('lower', lower(r)::text, 'upper', upper(r)::text,
    'lower_inc', lower_inc(r)::text, 'upper_inc', upper_inc(r)::text, 'empty', isempty(r)::text) END $$;
CREATE FUNCTION of_pair(p pair) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN p IS DISTINCT FROM NULL THEN json_build_object('a', p.a::text, 'b', p.b) END $$;
CREATE FUNCTION of_pairrange(r pairrange) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN r IS NOT NULL THEN json_build_object('lower', of_pair(lower(r)), 'upper', of_pair(upper(r)),
    'lower_inc', lower_inc(r)::text, 'upper_inc', upper_inc(r)::text, 'empty', isempty(r)::text) END $$;
CREATE FUNCTION of_many(m many) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN m IS DISTINCT FROM NULL THEN json_build_object('Größe', m."Größe"::text, 'flag', m.flag::text,
    'at', m.at::text, 'day', m.day::text, 'amount', m.amount::text, 'raw', m.raw::text, 'id', m.id::text,
    'note', m.note::text, 'mood', m.mood::text, 'big', m.big::text, 'with space', m."with space",
    'n', m.n::text) END $$;
CREATE FUNCTION of_list(l anyarray) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN l IS NOT NULL THEN COALESCE((SELECT json_agg(l[i]::text ORDER BY i) FROM
    generate_subscripts(l, 1) i), '[]'::json) END $$;
CREATE FUNCTION of_lists(l lists) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN l IS DISTINCT FROM NULL THEN json_build_object('ints', of_list(l.ints), 'pairs',
    CASE WHEN l.pairs IS NOT NULL THEN COALESCE((SELECT json_agg(of_pair(l.pairs[i]) ORDER BY i) FROM
      generate_subscripts(l.pairs, 1) i), '[]'::json) END,
    'tags', of_list(l.tags::text[]), 'money', of_list(l.money)) END $$;
CREATE FUNCTION of_outer(o outer_pair) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN o IS DISTINCT FROM NULL THEN json_build_object('left_one', of_pair(o.left_one),
    'right_one', of_pair(o.right_one), 'at_home', of_range(o.at_home),
    'attributes', hstore_to_json(o.attributes)) END $$;
CREATE FUNCTION of_deepest(d deepest) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN d IS DISTINCT FROM NULL THEN json_build_object('o', of_outer(d.o), 'l', of_lists(d.l), 'os',
    CASE WHEN d.os IS NOT NULL THEN COALESCE((SELECT json_agg(of_outer(d.os[i]) ORDER BY i) FROM
      generate_subscripts(d.os, 1) i), '[]'::json) END) END $$;
CREATE FUNCTION of_altered(a altered) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN a IS DISTINCT FROM NULL THEN json_build_object('kept', a.kept, 'last', a.last::text,
    'added', a.added::text) END $$;
CREATE FUNCTION of_single(s single) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN s IS DISTINCT FROM NULL THEN json_build_object('sole', s.sole::text) END $$;
CREATE FUNCTION of_as_type(s as_type) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN s IS DISTINCT FROM NULL THEN json_build_object('x', s.x::text, 'y', s.y) END $$;
CREATE FUNCTION of_booking(b booking) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN b IS DISTINCT FROM NULL THEN json_build_object('room', b.room::text, 'during', of_range(b.during),
    'prices', CASE WHEN b.prices IS NOT NULL THEN COALESCE((SELECT json_agg(of_range(b.prices[i]) ORDER BY i) FROM
      generate_subscripts(b.prices, 1) i), '[]'::json) END) END $$;
"""

MULTIRANGES_SQL = """
CREATE FUNCTION of_multirange(m anymultirange) RETURNS json LANGUAGE sql AS $$
  SELECT CASE WHEN m IS NOT NULL THEN COALESCE((SELECT json_agg(of_range(r) ORDER BY r) FROM unnest(m) r), '[]'::json)
  END $$;
"""

PAIR = pa.struct([("a", pa.int32()), ("b", pa.string())])
UTC_MICROS = pa.timestamp("us", tz="UTC")


def list_of(type_: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", type_))


def range_of(type_: pa.DataType) -> pa.DataType:
    return pa.struct(
        [("lower", type_), ("upper", type_), ("lower_inc", pa.bool_()), ("upper_inc", pa.bool_()), ("empty", pa.bool_())]
    )


STRING_MAP = pa.map_(pa.string(), pa.string())
OUTER = pa.struct(
    [("left_one", PAIR), ("right_one", PAIR), ("at_home", range_of(UTC_MICROS)), ("attributes", STRING_MAP)]
)
LISTS = pa.struct(
    [("ints", list_of(pa.int32())), ("pairs", list_of(PAIR)), ("tags", list_of(pa.string())),
     ("money", list_of(pa.decimal128(10, 2)))]
)  # fmt: skip
MANY = pa.struct(
    [("Größe", pa.float64()), ("flag", pa.bool_()), ("at", UTC_MICROS), ("day", pa.date32()),
     ("amount", pa.decimal128(12, 2)), ("raw", pa.binary()), ("id", pa.string()), ("note", pa.json_()),
     ("mood", pa.string()), ("big", pa.int64()), ("with space", pa.string()), ("n", pa.string())]
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A type, what becomes of it, values as the server reads them, and SQL that takes `v` apart."""

    name: str
    sql_type: str
    arrow: pa.DataType
    parts: str
    values: list[str]
    since: int = 0
    has_array: bool = True


def range_case(name: str, sql_type: str, arrow: pa.DataType, values: list[str]) -> Case:
    return Case(name, sql_type, range_of(arrow), "of_range({})", values)


FULL_PAIR = '(7,"ü ""q"" , \\\\ )")'
OUTER_VALUES = [
    "(,,,)",
    '("(1,one)","(2,two)","[2024-01-01 00:00:00+00,2024-02-01 00:00:00+00)","""a""=>""1"", ""b""=>NULL")',
    '("(,)","(,x)",empty,"")',
    '("(3,)",,"(,)","""ü k""=>""v""")',
]  # fmt: skip

CASES = [
    Case("pair", "pair", PAIR, "of_pair({})", ["(,)", "(1,x)", '(-2147483648,"")', '(2147483647,"a ""b"", c")', "(0,日本)",
                                               '(,"\n")']),
    Case("single", "single", pa.struct([("sole", pa.int32())]), "of_single({})", ["()", "(1)", "(-1)"]),
    Case("domain_over_composite", "valid_pair", PAIR, "of_pair({})", ["(,)", "(1,x)", "(-5,)"]),
    Case("row_type_of_a_table", "as_type", pa.struct([("x", pa.int32()), ("y", pa.string())]), "of_as_type({})",
         ["(,)", "(1,x)", "(2,)"]),
    Case("dropped_attributes", "altered",
         pa.struct([("kept", pa.string()), ("last", pa.int32()), ("added", pa.decimal128(5, 1))]), "of_altered({})",
         ["(,,)", "(k,1,2.5)", "(k,,)", "(,,-9999.9)"]),
    Case("many", "many", MANY, "of_many({})", [
        "(,,,,,,,,,,,)",
        "(-0,t,2024-02-29 12:34:56.789012+00,2024-02-29,-0.01,\\\\x00ff,00000000-0000-0000-0000-000000000001,"
        '"{""a"": [1, null]}",ハッピー,-9223372036854775808,"0123456789",1.10)',
        "(NaN,f,0044-03-15 12:00:00+00 BC,0001-01-01 BC,9999999999.99,\\\\x,ffffffff-ffff-ffff-ffff-ffffffffffff,null,"
        'sad,9223372036854775807,"",NaN)',
        '(Infinity,,,,0,,,"""text""",,0," ",-1e20)',
    ]),
    Case("lists", "lists", LISTS, "of_lists({})", [
        "(,,,)", '({},{},{},{})', '("{1,NULL,-3}","{NULL,""(1,x)"",""(,)""}","{a,NULL,""""}","{1.50,NULL}")',
        '("[5:6]={7,8}","{}",,"{0.00}")',
    ]),
    Case("outer", "outer_pair", OUTER, "of_outer({})", OUTER_VALUES),
    Case("deepest", "deepest", pa.struct([("o", OUTER), ("l", LISTS), ("os", list_of(OUTER))]), "of_deepest({})", [
        "(,,)", '("(,,,)","(,,,)",{})',
        '("(""(1,one)"",,empty,)","({1},{},{},{})","{""(,,,)"",NULL,""(\\\\""(2,)\\\\"",,,)""}")',
    ]),
    range_case("int4range", "int4range", pa.int32(), ["[1,5)", "empty", "(,)", "[1,]", "(-5,-1)", "[,3]",
                                                      "[-2147483648,2147483647)"]),
    range_case("int8range", "int8range", pa.int64(), ["[1,5)", "empty", "[,9223372036854775806]"]),
    range_case("numrange", "numrange", pa.string(), ["[1.10,2.00)", "empty", "(,)", "(0.1,NaN]", "(-1e20,1e20)", "[1,1]"]),
    range_case("daterange", "daterange", pa.date32(), ["[2024-01-01,2024-02-01)", "empty", "[0044-03-15 BC,]"]),
    range_case("tsrange", "tsrange", pa.timestamp("us"),
               ['["2024-01-01 00:00:00.5","2024-02-01 00:00:00"]', "empty", "(,)"]),
    range_case("tstzrange", "tstzrange", UTC_MICROS, ['["2024-01-01 00:00:00+02",)', "empty", "(,2024-01-01 00:00:00+00]"]),
    range_case("floatrange", "floatrange", pa.float64(), ["[1.5,2.5)", "(-Infinity,Infinity)", "empty", "[-0,NaN]", "(,)"]),
    range_case("range_of_domain", "pricerange", pa.decimal128(12, 2), ["[1.5,2.5)", "empty", "(,9999999999.99]"]),
    range_case("textrange", "textrange", pa.string(), ['["",a)', '["a,b","z ""q"""]', "empty", "(,)", "(日,本)"]),
    range_case("domain_over_range", "future", pa.date32(), ["[2024-01-01,2024-02-01)", "empty"]),
    Case("range_of_composite", "pairrange", range_of(PAIR), "of_pairrange({})",
         ['["(1,a)","(2,b)")', "empty", '("(,x)",)', '["(1,)","(1,)"]']),
    Case("booking", "booking",
         pa.struct([("room", pa.int32()), ("during", range_of(pa.timestamp("us"))),
                    ("prices", list_of(range_of(pa.string())))]), "of_booking({})",
         ["(,,)", '(1,"[2024-01-01 00:00:00,2024-01-02 00:00:00)","{""[1.0,2.0)"",NULL,empty}")', "(,empty,{})"]),
    Case("hstore", "hstore", STRING_MAP, "hstore_to_json({})",
         ["", '"a"=>"1"', '"a"=>"1", "b"=>NULL', '"ü k"=>"v\\"w", ""=>""', '"n"=>"NULL", "日"=>"本"']),
    Case("int4multirange", "int4multirange", list_of(range_of(pa.int32())), "of_multirange({})",
         ["{}", "{[1,2),[5,)}", "{(,)}", "{(,-5),[1,1],[3,9)}"], since=140000),
    Case("nummultirange", "nummultirange", list_of(range_of(pa.string())), "of_multirange({})",
         ["{}", "{[1.50,2),(2,3.0]}"], since=140000),
    Case("tstzmultirange", "tstzmultirange", list_of(range_of(UTC_MICROS)), "of_multirange({})",
         ["{}", "{[2024-01-01 00:00:00+00,2024-01-02 00:00:00+00)}"], since=140000),
    Case("multirange_of_domain", "pricemultirange", list_of(range_of(pa.decimal128(12, 2))), "of_multirange({})",
         ["{}", "{[1.5,2),(2,3]}"], since=140000),
]  # fmt: skip


def make_table(database: Database, case: Case) -> None:
    """Values, NULLs among them, the same NOT NULL, and arrays of them that are NULL, empty and hold NULLs."""
    table = f"n_{case.name}"
    type_ = case.sql_type
    database.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, v {type_}, required {type_} NOT NULL, list {type_}[])")
    values: list[str | None] = [None, *case.values, None]
    while len(values) < 14:
        values.append(case.values[len(values) % len(case.values)])
    for row, value in enumerate(values):
        database.execute(
            f"INSERT INTO {table} (id, v, required) VALUES (%s, %s::{type_}, %s::{type_})",
            (row, value, case.values[0] if value is None else value),
        )
    database.execute(
        f"UPDATE {table} SET list = CASE id % 5 WHEN 0 THEN NULL WHEN 1 THEN ARRAY[NULL]::{type_}[] "
        f"WHEN 2 THEN ARRAY[v, NULL, required]::{type_}[] WHEN 3 THEN ARRAY[required]::{type_}[] ELSE '{{}}' END"
    )


@pytest.fixture(scope="module")
def types_database(module_database: Database) -> Database:
    module_database.execute(TYPES_SQL)
    if module_database.connection.info.server_version >= 140000:
        module_database.execute(MULTIRANGES_SQL)
    return module_database


@pytest.fixture(scope="module")
def cases(types_database, tmp_path_factory) -> Haul:
    known = [case for case in CASES if types_database.connection.info.server_version >= case.since]
    for case in known:
        make_table(types_database, case)
    tasks = {case.name: {"table": f"public.n_{case.name}"} for case in known}
    return haul(make_project(tmp_path_factory.mktemp("nested"), types_database, tasks, names="keep"), expect=None)


def leaf(text: Any, type_: pa.DataType) -> Any:
    if text is not None and pa.types.is_boolean(type_):
        return {"true": True, "false": False}[text]
    assert text is None or isinstance(text, str), f"{text!r} is no text"
    return expected_value(text, type_)


def expected_tree(parts: Any, type_: pa.DataType) -> Any:
    """What the server's parts, all texts, are in a column of `type_`."""
    if parts is None:
        return None
    if pa.types.is_struct(type_):
        assert list(parts) == [member.name for member in type_]
        return {member.name: expected_tree(parts[member.name], member.type) for member in type_}
    if pa.types.is_map(type_):
        return {leaf(key, type_.key_type): leaf(value, type_.item_type) for key, value in parts.items()}
    if pa.types.is_list(type_):
        return [expected_tree(part, type_.value_type) for part in parts]
    return leaf(parts, type_)


def held_trees(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The values of a column in the form of expected_tree()."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in held_trees(chunk)]
    valid = array.is_valid().to_pylist()
    if pa.types.is_struct(array.type):
        members = [held_trees(array.field(i)) for i in range(array.type.num_fields)]
        names = [member.name for member in array.type]
        return [dict(zip(names, row)) if ok else None for row, ok in zip(zip(*members), valid)]
    if pa.types.is_map(array.type):
        offsets = array.offsets.to_pylist()
        keys, items = held_trees(array.keys), held_trees(array.items)
        return [
            dict(zip(keys[start:end], items[start:end])) if ok else None
            for start, end, ok in zip(offsets, offsets[1:], valid)
        ]
    if pa.types.is_list(array.type):
        offsets, values = array.offsets.to_pylist(), held_trees(array.values)
        return [values[start:end] if ok else None for start, end, ok in zip(offsets, offsets[1:], valid)]
    return held_values(array)


def list_parts(parts: str) -> str:
    each = parts.format("list[i]")
    return (
        f"CASE WHEN list IS NOT NULL THEN COALESCE((SELECT json_agg({each} ORDER BY i) "
        "FROM generate_subscripts(list, 1) i), '[]'::json) END"
    )


def assert_holds(files: list, database: Database, sql: str, types: dict[str, pa.DataType]) -> None:
    """`sql` yields the parts of each column as JSON, in the order of id, which the lake has in order too."""
    texts = server_texts(database, sql)
    for reader, table in [("pyarrow", read_with_pyarrow(files)), ("DuckDB", read_with_duckdb(files))]:
        table = table.sort_by("id").combine_chunks()
        for name, type_ in types.items():
            held = held_trees(table.column(name))
            assert len(held) == len(texts[name])
            for row, (one, text) in enumerate(zip(held, texts[name])):
                other = expected_tree(None if text is None else json.loads(text), type_)
                if one != other:
                    pytest.fail(
                        f"{name} by {reader}, row {row}:\n  lake      {shown(one)}\n  expected  {shown(other)}",
                        pytrace=False,
                    )


@pytest.mark.asan
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values_and_arrays_of(cases, types_database, case):
    if types_database.connection.info.server_version < case.since:
        pytest.skip(f"PostgreSQL has {case.sql_type} from version {case.since // 10000} on")
    files = cases.files(case.name)
    schema = pq.read_schema(files[0])
    assert [(member.name, member.type, member.nullable) for member in schema] == [
        ("id", pa.int32(), False),
        ("v", case.arrow, True),
        ("required", case.arrow, False),
        ("list", list_of(case.arrow), True),
    ]
    assert_holds(
        files,
        types_database,
        f"SELECT {case.parts.format('v')} AS v, {case.parts.format('required')} AS required, "
        f"{list_parts(case.parts)} AS list FROM n_{case.name} ORDER BY id",
        {"v": case.arrow, "required": case.arrow, "list": list_of(case.arrow)},
    )


def test_verification_finds_the_server_and_the_lake_equal(cases):
    assert_verified(cases.project)


def test_no_nested_type_is_warned_about(cases):
    assert [line for case in CASES for line in cases.warnings(case.name)] == []


# -------- what has no nested form --------


def test_composites_that_have_no_nested_form_are_text_with_a_warning(types_database, tmp_path):
    types_database.execute("""
        CREATE TABLE without_form AS SELECT 1 AS id, '()'::nothing AS nothing, '(1,=r/lakehaul)'::with_acl AS acl,
          ARRAY['()'::nothing, NULL] AS nothings, ARRAY['(1,=r/lakehaul)'::with_acl] AS acls""")
    tasks = {
        "without_form": {"table": "without_form"},
        "records": {"query": "SELECT 1 AS id, ROW(1, 'a b', NULL) AS anonymous, ROW(NULL) AS nulls, "
                             "ARRAY[ROW(1, 2), ROW(3, NULL)] AS several"},
    }  # fmt: skip
    run = haul(make_project(tmp_path, types_database, tasks))
    held = read_with_pyarrow(run.files("without_form")).to_pylist()
    assert held == [
        {"id": 1, "nothing": "()", "acl": "(1,=r/lakehaul)", "nothings": ["()", None], "acls": ["(1,=r/lakehaul)"]}
    ]
    held = read_with_pyarrow(run.files("records")).to_pylist()
    assert held == [{"id": 1, "anonymous": '(1,"a b",)', "nulls": "()", "several": ["(1,2)", "(3,)"]}]
    for task, columns in [("without_form", ["nothing", "acl", "nothings", "acls"]),
                          ("records", ["anonymous", "nulls", "several"])]:  # fmt: skip
        warnings = run.warnings(task)
        assert len(warnings) == len(columns), warnings
        for column in columns:
            assert any(f'"{column}"' in line and "text" in line for line in warnings), warnings


def test_types_nested_too_deep_or_with_too_many_fields_are_text(types_database, tmp_path):
    types_database.execute("CREATE TYPE level_0 AS (n int)")
    for level in range(1, 40):
        types_database.execute(f"CREATE TYPE level_{level} AS (n level_{level - 1})")
    types_database.execute("CREATE TYPE twice_0 AS (a int, b int)")
    for level in range(1, 14):
        types_database.execute(f"CREATE TYPE twice_{level} AS (a twice_{level - 1}, b twice_{level - 1})")
    types_database.execute(
        "CREATE TABLE deep (id int, fits level_30, deeper level_31, deepest level_39, bushy twice_13)"
    )
    nested = "(1)"
    for _ in range(30):
        escaped = nested.replace("\\", "\\\\").replace('"', '\\"')
        nested = f'("{escaped}")' if len(nested) < 2000 else "()"
    types_database.execute("INSERT INTO deep VALUES (1, '()', '()', '()', '(,)'), (2, NULL, NULL, NULL, NULL)")
    run = haul(make_project(tmp_path, types_database, {"deep": {"table": "deep"}}))
    schema = pq.read_schema(run.files("deep")[0])
    assert pa.types.is_struct(schema.field("fits").type)
    for name in ("deeper", "deepest", "bushy"):
        assert schema.field(name).type == pa.string()
        assert any(f'"{name}"' in line for line in run.warnings("deep"))
    held = read_with_pyarrow(run.files("deep")).to_pylist()
    assert [row["deepest"] for row in held] == ["()", None]
    assert [row["fits"] for row in held] == [{"n": None}, None]


def test_values_that_cannot_be_held_are_named_with_the_way_to_them(types_database, tmp_path):
    types_database.execute("""
        CREATE TABLE unheld_range AS SELECT 1 AS id, '[2024-01-01,infinity]'::daterange AS v;
        CREATE TABLE unheld_member AS SELECT 1 AS id, ROW('{{1},{2}}', NULL, NULL, NULL)::lists AS v;
        CREATE TABLE unheld_element AS SELECT 1 AS id, ARRAY[NULL, ROW(NULL, NULL, NULL, '{1.5,NaN}')::lists] AS v""")
    tasks = {name: {"table": name} for name in ("unheld_range", "unheld_member", "unheld_element")}
    run = haul(make_project(tmp_path, types_database, tasks), expect=1)
    for name, words in [
        ("unheld_range", ["upper bound", "infinity"]),
        ("unheld_member", ['attribute "ints"', "2 dimensions"]),
        ("unheld_element", ["element 2", 'attribute "money"', "NaN"]),
    ]:
        error = run.tasks[name]["error"]
        assert (error["kind"], error["column"], error["row"]) == ("data", "v", 1)
        assert all(word in error["message"] for word in words), error["message"]


# -------- arrays of several dimensions, and policies inside of others --------


@pytest.fixture(scope="module")
def grids(types_database) -> Database:
    types_database.execute("CREATE TYPE grid AS (name text, cells int[], pairs pair[])")
    types_database.execute("""
        CREATE TABLE grids (id int, flat int[], pairs pair[], held grid, ranges int4range[], tagged tags[], plain pair);
        INSERT INTO grids VALUES
          (1, '{{1,2},{3,NULL}}', ARRAY[[ROW(1, 'a')::pair, NULL], [ROW(NULL, NULL)::pair, ROW(4, 'd')::pair]],
           ROW('g', '{{{1}},{{2}}}', ARRAY[[ROW(5, 'e')::pair]]), '{{empty},{"[1,2)"}}', '{"{a,b}",NULL}', ROW(1, 'x')),
          (2, '{}', '{}', ROW(NULL, '{}', NULL), NULL, '{}', NULL),
          (3, NULL, NULL, NULL, '{NULL}', NULL, NULL),
          (4, '[0:1]={7,8}', ARRAY[NULL]::pair[], ROW('', '{NULL}', '{}'), '{"[,3)",NULL}', '{"{}"}', ROW(NULL, NULL))""")
    return types_database


def test_arrays_of_several_dimensions_as_json_at_any_depth(grids, tmp_path):
    run = haul(make_project(tmp_path, grids, {"grids": {"table": "grids", "multidimensional": "json"}}))
    table = read_with_pyarrow(run.files("grids")).sort_by("id")
    for column in ("flat", "pairs", "held", "ranges", "tagged"):
        assert held_values(table.column(column)) == [
            value for (value,) in grids.rows(f"SELECT to_json({column})::text FROM grids ORDER BY id")
        ], column
    assert table.schema.field("plain").type == PAIR, "what has no array stays as it is"
    assert run.warnings("grids") == []
    run.project.run("--verify")


def test_arrays_of_several_dimensions_flattened_at_any_depth(grids, tmp_path):
    run = haul(make_project(tmp_path, grids, {"grids": {"table": "grids", "multidimensional": "flatten"}}))

    def flattened(type_: pa.DataType) -> pa.DataType:
        return pa.struct([("dims", list_of(pa.int32())), ("values", list_of(type_))])

    files = run.files("grids")
    schema = pq.read_schema(files[0])
    assert schema.field("pairs").type == flattened(PAIR)
    assert schema.field("held").type == pa.struct(
        [("name", pa.string()), ("cells", flattened(pa.int32())), ("pairs", flattened(PAIR))]
    )
    assert schema.field("tagged").type == flattened(flattened(pa.string()))
    flat = [
        {"dims": [2, 2], "values": [1, 2, 3, None]}, {"dims": [], "values": []}, None, {"dims": [2], "values": [7, 8]},
    ]  # fmt: skip
    pairs = [
        {"dims": [2, 2], "values": [{"a": 1, "b": "a"}, None, {"a": None, "b": None}, {"a": 4, "b": "d"}]},
        {"dims": [], "values": []}, None, {"dims": [1], "values": [None]},
    ]  # fmt: skip
    for reader in (read_with_pyarrow, read_with_duckdb):
        table = reader(files).sort_by("id").combine_chunks()
        assert held_trees(table.column("flat")) == flat
        assert held_trees(table.column("pairs")) == pairs
        held = held_trees(table.column("held"))
        assert held[0]["cells"] == {"dims": [2, 1, 1], "values": [1, 2]}
        assert held[0]["pairs"] == {"dims": [1, 1], "values": [{"a": 5, "b": "e"}]}
        assert held[1] == {"name": None, "cells": {"dims": [], "values": []}, "pairs": None}
        assert held[2] is None
    run.project.run("--verify")


def test_what_cannot_be_held_is_replaced_inside_of_others_and_counted(types_database, tmp_path):
    types_database.execute("""
        CREATE TABLE replaced AS SELECT * FROM (VALUES
          (1, '[2024-01-01,infinity]'::daterange, ROW('{{1},{2}}', NULL, NULL, '{1.5,NaN}')::lists),
          (2, '[-infinity,2024-01-01)'::daterange, ROW('{1}', NULL, NULL, '{NaN}')::lists),
          (3, '[2024-01-01,2024-01-02)'::daterange, NULL)) AS v (id, r, l)""")
    task = {"table": "replaced", "on_unrepresentable": "null"}
    run = haul(make_project(tmp_path, types_database, {"replaced": task}))
    rows = sorted(read_with_pyarrow(run.files("replaced")).to_pylist(), key=lambda row: row["id"])
    assert [(row["r"]["lower"] is None, row["r"]["upper"] is None) for row in rows] == [
        (False, True), (True, False), (False, False),
    ]  # fmt: skip
    assert [row["l"] and row["l"]["ints"] for row in rows] == [None, [1], None]
    assert [row["l"] and [value and str(value) for value in row["l"]["money"]] for row in rows] == [
        ["1.50", None], [None], None,
    ]  # fmt: skip
    warnings = run.warnings("replaced")
    assert any('"r"' in line and "2 values" in line for line in warnings), warnings
    assert any('"l"' in line and "3 values" in line for line in warnings), warnings


def test_members_whose_names_differ_in_case_alone_can_be_read_by_every_engine(types_database, tmp_path):
    types_database.execute('CREATE TYPE cases AS (a int, "A" int, "Zwei Worte" text)')
    types_database.execute("CREATE TABLE in_cases AS SELECT 1 AS id, ROW(1, 2, 'x')::cases AS v")
    run = haul(make_project(tmp_path, types_database, {"in_cases": {"table": "in_cases"}}))
    files = run.files("in_cases")
    for reader in (read_with_pyarrow, read_with_duckdb):
        assert reader(files).column("v").to_pylist() == [{"a": 1, "a_2": 2, "zwei_worte": "x"}]


# -------- rows in numbers, so that batches end within --------


def test_many_rows_of_nested_values(types_database, tmp_path):
    types_database.execute("""
        CREATE TABLE many_nested AS SELECT id,
          CASE WHEN id % 7 <> 0 THEN ROW(NULLIF(id % 5, 0), repeat('x', id % 13))::pair END AS p,
          (SELECT array_agg(CASE WHEN n % 3 <> 0 THEN ROW(n, NULL)::pair END) FROM generate_series(1, id % 6) n) AS ps,
          CASE WHEN id % 11 <> 0 THEN int4range(id, CASE WHEN id % 4 <> 0 THEN id + id % 3 END) END AS r,
          hstore(ARRAY['k' || id % 3, NULLIF('v' || id % 2, 'v1')]) AS h
        FROM generate_series(1, 30000) id""")
    run = haul(make_project(tmp_path, types_database, {"many": {"table": "many_nested"}}, names="keep"))
    pairs = "COALESCE((SELECT json_agg(of_pair(ps[i]) ORDER BY i) FROM generate_subscripts(ps, 1) i), '[]'::json)"
    assert_holds(
        run.files("many"),
        types_database,
        f"SELECT of_pair(p) AS p, CASE WHEN ps IS NOT NULL THEN {pairs} END AS ps, of_range(r) AS r, "
        "hstore_to_json(h) AS h FROM many_nested ORDER BY id",
        {"p": PAIR, "ps": list_of(PAIR), "r": range_of(pa.int32()), "h": STRING_MAP},
    )
