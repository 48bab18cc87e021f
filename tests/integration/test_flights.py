"""The flights example end to end: public data with missing values on every side of the joins."""
import subprocess
import sys

import pytest
from support import ROOT, Project, arrow_rows, assert_same_rows, read_lake_duckdb, read_lake_pyarrow

FLIGHTS = ROOT / "examples" / "flights"

JOIN_SQL = """
SELECT flights.time_hour, flights.carrier, flights.flight, flights.origin, airlines.name, origins.name, dests.name,
       flights.dep_time IS NULL, planes.manufacturer, 2013 - planes.year, weather.temp, weather.precip,
       weather.wind_speed, make_date(flights.year, flights.month, flights.day)
FROM flights
LEFT JOIN airlines USING (carrier)
LEFT JOIN airports AS origins ON origins.faa = flights.origin
LEFT JOIN airports AS dests ON dests.faa = flights.dest
LEFT JOIN planes USING (tailnum)
LEFT JOIN weather ON (weather.origin, weather.time_hour) = (flights.origin, flights.time_hour)
ORDER BY 1, 2, 3, 4
"""
LAKE_SQL = """
SELECT time_hour, carrier, flight, origin, airline, origin_airport, dest_airport, cancelled, manufacturer, plane_age,
       temp, precip, wind_speed, date
FROM lake_table ORDER BY 1, 2, 3, 4
"""


@pytest.fixture(scope="module")
def flights(module_database, tmp_path_factory):
    module_database.psql("-f", FLIGHTS / "schema.sql")
    subprocess.run([sys.executable, FLIGHTS / "load.py", module_database.uri], check=True)
    directory = tmp_path_factory.mktemp("flights")
    (directory / "tasks").mkdir()
    for path in [FLIGHTS / "lakehaul.yaml", *(FLIGHTS / "tasks").glob("*.sql")]:
        (directory / path.relative_to(FLIGHTS)).write_text(path.read_text())
    project = Project(directory, env={"DATABASE_URL": module_database.uri})
    project.run()
    return module_database, project


@pytest.mark.parametrize(
    ("table", "key"),
    [("airlines", [0]), ("airports", [0]), ("planes", [0]), ("weather", [0, 14]), ("flights", [18, 9, 10, 12])],
)
def test_every_value_of_a_table_arrives(flights, table, key):
    database, project = flights
    order = lambda row: [row[column] for column in key]  # noqa: E731
    lake_table = read_lake_pyarrow(project.lake, table)
    assert lake_table.column_names == [
        row[0]
        for row in database.rows(
            f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum"
        )
    ]
    assert_same_rows(sorted(arrow_rows(lake_table), key=order), sorted(database.rows(f"TABLE {table}"), key=order))


def test_the_join_of_five_tables_equals_postgres(flights):
    database, project = flights
    assert_same_rows(read_lake_duckdb(project.lake, "flight_delays", LAKE_SQL), database.rows(JOIN_SQL))


def test_a_task_on_top_of_the_join_has_a_row_per_airline(flights):
    database, project = flights
    rows = read_lake_duckdb(project.lake, "delays_by_airline", "SELECT carrier, flights FROM lake_table ORDER BY 1")
    assert_same_rows(rows, database.rows("SELECT carrier, count(*) FROM flights GROUP BY 1 ORDER BY 1"))
