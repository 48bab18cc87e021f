"""PostGIS through the real program: ISO WKB as the server writes it, and GeoParquet metadata. Skipped where the server
has no PostGIS, which is large."""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hauls import Haul, assert_verified, haul, make_project
from oracle import read_with_pyarrow
from support import Database, missing, run_lakehaul

GEOMETRIES = [
    "POINT(1 2)", "POINT EMPTY", "POINT(-0 1e-300)", "POINT Z (1 2 3)", "POINT M (1 2 3)", "POINT ZM (1 2 3 4)",
    "LINESTRING(0 0, 1 1, 2 1)", "LINESTRING EMPTY", "LINESTRING Z (0 0 1, 1 1 2)", "LINESTRING ZM (0 0 1 9, 1 1 2 8)",
    "POLYGON((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2, 1 1))", "POLYGON EMPTY", "POLYGON Z ((0 0 1, 4 0 1, 4 4 1, 0 0 1))",
    "MULTIPOINT(1 2, 3 4)", "MULTIPOINT EMPTY", "MULTIPOINT Z (1 2 3, 4 5 6)", "MULTILINESTRING((0 0, 1 1), (2 2, 3 3))",
    "MULTIPOLYGON(((0 0, 4 0, 4 4, 0 0)), ((10 10, 14 10, 14 14, 10 10)))",
    "GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))", "GEOMETRYCOLLECTION EMPTY",
    "GEOMETRYCOLLECTION Z (POINT Z (1 2 3), GEOMETRYCOLLECTION Z (POINT Z (4 5 6)))",
    "MULTIPOINT M (1 2 3, 4 5 6)",
]
CURVES = [
    "CIRCULARSTRING(0 0, 1 1, 2 0)", "COMPOUNDCURVE(CIRCULARSTRING(0 0, 1 1, 2 0), (2 0, 3 0))",
    "CURVEPOLYGON(CIRCULARSTRING(0 0, 4 0, 4 4, 0 4, 0 0))", "MULTICURVE((0 0, 5 5), CIRCULARSTRING(4 0, 4 4, 8 4))",
    "MULTISURFACE(CURVEPOLYGON(CIRCULARSTRING(0 0, 4 0, 4 4, 0 4, 0 0)), ((10 10, 14 12, 11 10, 10 10)))",
    "TRIANGLE((0 0, 0 9, 9 0, 0 0))", "TIN Z (((0 0 0, 0 0 1, 0 1 0, 0 0 0)), ((0 0 0, 0 1 0, 1 1 0, 0 0 0)))",
    "POLYHEDRALSURFACE Z (((0 0 0, 0 0 1, 0 1 1, 0 1 0, 0 0 0)), ((0 0 0, 0 1 0, 1 1 0, 1 0 0, 0 0 0)))",
]  # fmt: skip


@pytest.fixture(scope="module")
def postgis(module_database: Database) -> Database:
    if module_database.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'") == 0:
        missing("the extension PostGIS")
    module_database.execute("CREATE EXTENSION postgis")
    return module_database


@pytest.fixture(scope="module")
def hauled(postgis, tmp_path_factory) -> Haul:
    postgis.execute("CREATE TYPE place AS (name text, at geometry)")
    postgis.execute(
        "CREATE TABLE shapes (id int, unbound geometry, in_utm geometry, curves geometry, held place, list geometry[])"
    )
    for number, text in enumerate([*GEOMETRIES, *CURVES, None]):
        plain = text if text in GEOMETRIES else None
        postgis.execute(
            "INSERT INTO shapes VALUES (%s, %s::geometry, ST_SetSRID(%s::geometry, 32633), %s::geometry, "
            "ROW('x', %s::geometry), ARRAY[NULL, ST_SetSRID(%s::geometry, 4326)])",
            (number, plain, plain, text, text, text),
        )
    postgis.execute("""
        CREATE TABLE places AS SELECT id, ST_SetSRID(ST_MakePoint(id, -id), 4326)::geometry(Point, 4326) AS at,
          ST_MakePoint(id, id / 2.0)::geography AS on_earth,
          ST_SetSRID(CASE id % 3 WHEN 0 THEN ST_MakePoint(id, 1, 2) WHEN 1 THEN 'LINESTRING(0 0, 1 1)'::geometry END,
                     3857) AS in_web_mercator,
          ST_SetSRID(ST_MakePoint(id, id), 4326 + 27374 * (id % 2)) AS mixed,
          ST_SetSRID(ST_MakePoint(id, id), 999999) AS of_nowhere, NULL::geometry AS never
        FROM generate_series(1, 20000) id""")
    postgis.execute("CREATE TABLE without_rows (id int, at geometry(Point, 4326))")
    tasks = {name: {"table": name} for name in ("shapes", "places", "without_rows")}
    return haul(make_project(tmp_path_factory.mktemp("postgis"), postgis, tasks))


def geo_metadata(run: Haul, task: str) -> dict:
    return json.loads(pq.read_metadata(run.files(task)[0]).metadata[b"geo"])


def test_geometries_are_what_the_server_calls_iso_wkb(postgis, hauled):
    for column, expression, held in [
        ("unbound", "ST_AsBinary(unbound)", lambda row: row["unbound"]),
        ("in_utm", "ST_AsBinary(in_utm)", lambda row: row["in_utm"]),
        ("curves", "ST_AsBinary(curves)", lambda row: row["curves"]),
        ("held", "ST_AsBinary((held).at)", lambda row: row["held"]["at"]),
        ("list", "ST_AsBinary(list[2])", lambda row: row["list"][1]),
    ]:
        expected = [value for (value,) in postgis.rows(f"SELECT {expression} FROM shapes ORDER BY id")]
        rows = sorted(read_with_pyarrow(hauled.files("shapes")).to_pylist(), key=lambda row: row["id"])
        found = [held(row) for row in rows]
        for text, one, other in zip([*GEOMETRIES, *CURVES, None], found, expected, strict=True):
            assert one == other, f"{column}: {text}"
    expected = postgis.rows("SELECT id, ST_AsBinary(at), ST_AsBinary(on_earth) FROM places ORDER BY id")
    table = read_with_pyarrow(hauled.files("places")).sort_by("id")
    assert list(zip(*(table.column(name).to_pylist() for name in ("id", "at", "on_earth")))) == expected
    assert table.schema.field("at").type == pa.binary()


def test_metadata_names_kinds_and_coordinate_systems(hauled):
    geo = geo_metadata(hauled, "places")
    assert geo["version"] == "1.1.0"
    assert geo["primary_column"] == "at"
    columns = geo["columns"]
    assert list(columns) == ["at", "on_earth", "in_web_mercator", "mixed", "of_nowhere", "never"]
    assert all(column["encoding"] == "WKB" for column in columns.values())
    assert columns["at"] == {"encoding": "WKB", "geometry_types": ["Point"]}
    assert columns["on_earth"] == {"encoding": "WKB", "geometry_types": ["Point"], "edges": "spherical"}
    assert columns["mixed"] == {"encoding": "WKB", "geometry_types": ["Point"], "crs": None}
    assert columns["of_nowhere"]["crs"] is None
    assert columns["never"] == {"encoding": "WKB", "geometry_types": [], "crs": None}
    mercator = columns["in_web_mercator"]
    assert mercator["geometry_types"] == ["LineString", "Point Z"]
    assert mercator["crs"]["type"] == "ProjectedCRS"
    assert mercator["crs"]["id"] == {"authority": "EPSG", "code": 3857}
    assert mercator["crs"]["conversion"]["method"]["name"] == "Popular Visualisation Pseudo Mercator"


def test_metadata_of_measures_names_no_kinds_and_curves_have_none(hauled):
    columns = geo_metadata(hauled, "shapes")["columns"]
    assert list(columns) == ["unbound", "in_utm"]
    assert columns["unbound"] == {"encoding": "WKB", "geometry_types": [], "crs": None}
    utm = columns["in_utm"]["crs"]
    assert utm["name"] == "WGS 84 / UTM zone 33N"
    assert utm["id"] == {"authority": "EPSG", "code": 32633}
    assert utm["base_crs"]["datum"]["ellipsoid"]["inverse_flattening"] == pytest.approx(298.257223563, abs=1e-12)
    assert {parameter["name"]: parameter["value"] for parameter in utm["conversion"]["parameters"]} == {
        "Latitude of natural origin": 0,
        "Longitude of natural origin": 15,
        "Scale factor at natural origin": pytest.approx(0.9996, abs=1e-15),
        "False easting": 500000,
        "False northing": 0,
    }


def test_a_table_without_rows_has_metadata(hauled):
    assert geo_metadata(hauled, "without_rows")["columns"]["at"]["geometry_types"] == []


def test_coordinate_systems_that_stay_unknown_are_warned_about(hauled):
    warnings = hauled.warnings("places")
    assert len(warnings) == 2
    assert any('"mixed"' in line and "several SRIDs" in line for line in warnings)
    assert any('"of_nowhere"' in line and "999999" in line for line in warnings)
    (warning,) = hauled.warnings("shapes")
    assert '"curves"' in warning and "GeoParquet" in warning
    assert hauled.warnings("without_rows") == []


def test_a_role_that_may_not_read_coordinate_systems_hauls_all_the_same(postgis, tmp_path):
    postgis.execute("""
        CREATE TABLE in_utm AS SELECT 1 AS id, ST_SetSRID('POINT(1 2)'::geometry, 32633) AS at;
        REVOKE SELECT ON spatial_ref_sys FROM PUBLIC;
        CREATE ROLE surveyor LOGIN PASSWORD 'survey';
        GRANT SELECT ON in_utm TO surveyor""")
    uri = "postgresql://surveyor:survey@" + postgis.uri.rsplit("@", 1)[1]
    try:
        run = haul(make_project(tmp_path, postgis, {"in_utm": {"table": "in_utm"}}, source=uri))
        assert geo_metadata(run, "in_utm")["columns"]["at"]["crs"] is None
        assert any("32633" in line for line in run.warnings("in_utm"))
    finally:
        postgis.execute("GRANT SELECT ON spatial_ref_sys TO PUBLIC; DROP OWNED BY surveyor; DROP ROLE surveyor")


def test_duckdb_reads_the_geometries(postgis, hauled):
    """As geometries of its own type, which it makes of the metadata."""
    with duckdb.connect() as connection:
        for task, column in [("places", "at"), ("places", "in_web_mercator"), ("shapes", "unbound")]:
            relation = connection.sql(f"""SELECT "{column}" AS g FROM '{hauled.files(task)[0]}' ORDER BY id""")
            assert str(relation.types[0]).startswith("GEOMETRY")
            found = [value for (value,) in connection.sql("SELECT ST_AsWKB(g)::BLOB FROM relation").fetchall()]
            expected = [value for (value,) in postgis.rows(f'SELECT ST_AsBinary("{column}") FROM {task} ORDER BY id')]
            assert found == expected


def test_lakehaul_queries_geometries_as_the_bytes_that_they_are(postgis, hauled):
    sql = "SELECT hex(\"at\") AS wkb FROM places WHERE id = 7"
    result = hauled.project.lakehaul("query", "-f", "csv", sql, expect=0)
    expected = postgis.value("SELECT upper(encode(ST_AsBinary(at), 'hex')) FROM places WHERE id = 7")
    assert result.stdout.split() == ["wkb", expected]


def test_verification_finds_the_server_and_the_lake_equal(hauled):
    hauled.project.run("--verify")


def test_verification_finds_the_server_and_the_lake_equal(hauled):
    assert_verified(hauled.project)


# -------- as Parquet's own types --------

TYPED = {"at": "geometry", "on_earth": "geography", "in_web_mercator": "geometry", "mixed": "geometry"}


@pytest.fixture(scope="module")
def typed(postgis, hauled, tmp_path_factory) -> Haul:
    columns = {name: {"type": kind} for name, kind in TYPED.items()}
    shapes = {"include": ["id", "unbound"], "unbound": {"type": "geometry"}}
    nothing = {"at": {"type": "geometry"}}
    tasks = {
        "places": {"table": "places", "columns": columns},
        "shapes": {"table": "shapes", "columns": shapes},
        "without_rows": {"table": "without_rows", "columns": nothing},
    }
    return haul(make_project(tmp_path_factory.mktemp("typed"), postgis, tasks))


def parquet_column(run: Haul, task: str, name: str) -> pq.ColumnSchema:
    schema = pq.read_metadata(run.files(task)[0]).schema
    return next(schema.column(i) for i in range(len(schema)) if schema.column(i).name == name)


def test_typed_geometries_have_the_logical_type_and_its_coordinate_system(typed):
    for name, kind in TYPED.items():
        column = parquet_column(typed, "places", name)
        assert column.logical_type.type == kind.upper()
        assert column.physical_type == "BYTE_ARRAY"
        assert column.converted_type == "NONE"
    found = {name: json.loads(parquet_column(typed, "places", name).logical_type.to_json()) for name in TYPED}
    assert found["at"] == {"Type": "Geometry"}
    assert found["on_earth"]["Type"] == "Geography" and "crs" not in found["on_earth"]
    assert found["mixed"] == {"Type": "Geometry", "crs": "srid:0"}
    geo = geo_metadata(typed, "places")["columns"]
    assert json.loads(found["in_web_mercator"]["crs"]) == geo["in_web_mercator"]["crs"]
    assert parquet_column(typed, "places", "of_nowhere").logical_type.type == "NONE"
    assert parquet_column(typed, "without_rows", "at").logical_type.type == "GEOMETRY"


def test_typed_geometries_keep_bytes_and_metadata(hauled, typed):
    for task in ("places", "shapes"):
        after = read_with_pyarrow(typed.files(task)).sort_by("id")
        before = read_with_pyarrow(hauled.files(task)).sort_by("id").select(after.column_names)
        assert after.to_pylist() == before.to_pylist()
    assert geo_metadata(typed, "places") == geo_metadata(hauled, "places")


def test_typed_geometries_have_counts_of_nulls_and_no_bounds(typed):
    metadata = pq.read_metadata(typed.files("places")[0])
    group = metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i).statistics for i in range(group.num_columns)}
    for name in TYPED:
        assert not columns[name].has_min_max
    assert columns["in_web_mercator"].null_count > 0
    assert columns["id"].has_min_max and columns["of_nowhere"].has_min_max


@pytest.mark.parametrize("by_metadata", [False, True])
def test_duckdb_reads_typed_geometries(postgis, typed, by_metadata):
    columns = [("places", name) for name in TYPED] + [("shapes", "unbound"), ("without_rows", "at")]
    with duckdb.connect() as connection:
        connection.execute(f"SET GLOBAL enable_geoparquet_conversion = {by_metadata}")
        for task, column in columns:
            relation = connection.sql(f"""SELECT "{column}" AS g FROM '{typed.files(task)[0]}' ORDER BY id""")
            assert str(relation.types[0]).startswith("GEOMETRY"), column
            found = [value for (value,) in connection.sql("SELECT ST_AsWKB(g)::BLOB FROM relation").fetchall()]
            expected = [value for (value,) in postgis.rows(f'SELECT ST_AsBinary("{column}") FROM {task} ORDER BY id')]
            assert found == expected, column


def test_typed_geometries_are_queried_verified_and_inspected(postgis, typed):
    sql = 'SELECT hex("at") AS wkb, hex(on_earth) AS earth FROM places WHERE id = 7'
    result = typed.project.lakehaul("query", "-f", "csv", sql, expect=0)
    values = ", ".join(f"upper(encode(ST_AsBinary({name}), 'hex'))" for name in ("at", "on_earth"))
    (row,) = postgis.rows(f"SELECT {values} FROM places WHERE id = 7")
    assert result.stdout.split() == ["wkb,earth", ",".join(row)]
    assert_verified(typed.project)
    shown = run_lakehaul("inspect", str(typed.files("places")[0]), expect=0).stdout
    assert "GEOMETRY" in shown and "GEOGRAPHY" in shown


def test_curves_have_no_place_in_typed_geometries(postgis, hauled, tmp_path):
    task = {"table": "shapes", "columns": {"include": ["id", "curves"], "curves": {"type": "geometry"}}}
    run = haul(make_project(tmp_path / "error", postgis, {"shapes": task}), expect=None)
    error = run.tasks["shapes"]["error"]
    assert "curves or surfaces" in error["message"] and '"curves"' in error["message"]
    for policy in ("null", "clamp"):
        run = haul(make_project(tmp_path / policy, postgis, {"shapes": task | {"on_unrepresentable": policy}}))
        found = read_with_pyarrow(run.files("shapes")).sort_by("id").column("curves").to_pylist()
        kept = [value for (value,) in postgis.rows("SELECT ST_AsBinary(curves) FROM shapes ORDER BY id")]
        assert found == kept[: len(GEOMETRIES)] + [None] * (len(CURVES) + 1)
        assert any(f"{len(CURVES)} values" in line for line in run.warnings("shapes"))
        assert_verified(run.project)


def test_each_type_is_for_columns_of_its_kind(postgis, hauled, tmp_path):
    for number, (column, kind) in enumerate([("at", "geography"), ("on_earth", "geometry"), ("id", "geometry")]):
        task = {"table": "places", "columns": {column: {"type": kind}}}
        run = haul(make_project(tmp_path / str(number), postgis, {"places": task}), expect=None)
        error = run.tasks["places"]["error"]
        assert f'"{column}"' in error["message"] and error["message"].endswith(f"no type: {kind}")
        assert "PostGIS" in error["hint"]


def test_lake_tables_take_typed_geometries_under_any_name_and_say_when_they_began(postgis, tmp_path):
    postgis.execute("""CREATE TABLE named AS SELECT 1 AS id, ST_SetSRID('POINT Z (1 2 3)'::geometry, 3857) AS "a ""b {0}";
                       COMMENT ON TABLE named IS 'points'""")
    column = 'a "b {0}'
    (tmp_path / "again.sql").write_text('SELECT id, "a ""b {0}" AS wkb FROM named')
    run = haul(make_project(tmp_path, postgis, {"named": {"table": "named"}}, names="keep"))
    before = read_with_pyarrow(run.files("named")).to_pylist()
    typed = {"table": "named", "columns": {column: {"type": "geometry"}}}
    run = haul(make_project(tmp_path, postgis, {"named": typed, "again": {"sql": "again.sql"}}, names="keep"))
    assert [(c["change"], c["column"]) for c in run.tasks["named"]["schema_changes"]] == [("retyped", column)]
    assert read_with_pyarrow(run.files("named")).to_pylist() == before
    assert read_with_pyarrow(run.files("again")).to_pylist() == [{"id": 1, "wkb": before[0][column]}]
    run = haul(run.project)
    assert run.tasks["named"]["schema_changes"] == []
