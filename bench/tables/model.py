"""What a table of the benchmark is: columns, and a DuckDB query that makes its rows.

Rows are functions of their number: uniform numbers come from the hash of it and a salt, never from random(), so that
every build of a table at one scale holds the same rows, whatever the number of threads. Number and salt are put into one
whole number first: hash() of two values is an exclusive or, by which columns of different salts would tell each other.
"""
from __future__ import annotations

import re
from dataclasses import dataclass

# Macros that the queries use. u: uniform in [0, 1). normal: mean 0, deviation 1, by Box and Muller.
# word(list, n, salt): one of the list. pick: an index from 1 that prefers small ones.
MACROS = """
CREATE MACRO u(n, salt) AS (hash(n::BIGINT * 4194304 + salt) >> 11)::DOUBLE / 9007199254740992.0;
CREATE MACRO normal(n, salt) AS sqrt(-2 * ln(1 - u(n, salt))) * cos(6.283185307179586 * u(n, salt + 1000000));
CREATE MACRO word(list, n, salt) AS list[1 + floor(u(n, salt) * len(list))::INT];
CREATE MACRO pick(size, n, salt, power) AS 1 + floor(size * pow(u(n, salt), power))::INT;
"""


@dataclass(frozen=True)
class Column:
    name: str
    type: str  # as PostgreSQL writes it

    @property
    def kind(self) -> str:
        """What its values are compared as."""
        base = self.type.split("(")[0].removesuffix(" NOT NULL").strip()
        return {
            "smallint": "int", "integer": "int", "bigint": "int", "numeric": "decimal", "double precision": "double",
            "real": "double", "text": "text", "varchar": "text", "char": "bpchar", "date": "date",
            "timestamp": "timestamp", "timestamptz": "timestamptz", "jsonb": "json", "uuid": "uuid",
            "boolean": "bool",
        }[base]

    @property
    def scale(self) -> int:
        """Digits behind the point of a numeric."""
        found = re.search(r"\(\d+,(\d+)\)", self.type)
        return int(found[1]) if found else 0


@dataclass(frozen=True)
class Table:
    name: str
    about: str
    rows: int  # at scale 1; lineitem has about that many
    columns: list[Column]
    query: str  # DuckDB; {rows} is replaced
    split_column: str  # a whole number by which tools may split the table that need one

    def scaled_rows(self, scale: float) -> int:
        return max(1000, round(self.rows * scale))

    def select(self, scale: float) -> str:
        return self.query.replace("{rows}", str(self.scaled_rows(scale)))

    def ddl(self) -> str:
        columns = ",\n  ".join(f"{column.name} {column.type}" for column in self.columns)
        return f"CREATE TABLE {self.name} (\n  {columns}\n)"


def columns(text: str) -> list[Column]:
    """One column a line: its name, then its type."""
    return [Column(*line.strip().split(" ", 1)) for line in text.strip().splitlines()]
