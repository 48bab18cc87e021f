"""Prints the rows of one table as CSV on standard output, in a process of its own so that its memory goes with it.
usage: generate.py TABLE SCALE"""
from __future__ import annotations

import os
import sys

import duckdb

from tables import TABLES
from tables.model import MACROS


def main() -> None:
    table = next(table for table in TABLES if table.name == sys.argv[1])
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET threads = %d" % (os.cpu_count() or 1))
        connection.execute(MACROS)
        connection.execute(f"COPY ({table.select(float(sys.argv[2]))}) TO '/dev/stdout' (FORMAT csv, HEADER false)")


if __name__ == "__main__":
    main()
