"""A table of 300 columns, as feature stores and wide reports have them: eight kinds of columns that take turns, with
cardinalities from two to the number of rows, and NULLs."""
from __future__ import annotations

from tables.model import Column, Table

WIDTH = 300
REGIONS = "['north', 'south', 'east', 'west', 'centre', 'overseas', 'unknown']"


def column(index: int) -> tuple[str, str]:
    """The type of column `index` and the expression for its value in row i. One in five is NULL in a tenth of the rows."""
    cardinality = 2 ** (index % 20 + 1)
    number = f"floor(u(i, {index}) * {cardinality})::INT"
    kind, value = [
        ("integer", number),
        ("double precision", f"round(100 * normal(i, {index}), {index % 4 + 1})"),
        ("integer", f"i // {index} % {cardinality}"),
        ("text", f"word({REGIONS}, i, {index})"),
        ("numeric(12,2)", f"({number} / 100.0)::DECIMAL(12,2)"),
        ("date", f"DATE '2020-01-01' + {number} % 2000"),
        ("boolean", f"u(i, {index}) < {0.02 + index / WIDTH * 0.9:.3f}"),
        ("timestamp", f"TIMESTAMP '2024-01-01' + to_seconds(i * 60 + floor(u(i, {index}) * 60)::BIGINT)"),
    ][index % 8]
    if index % 5 == 0:
        value = f"CASE WHEN u(i, {index + WIDTH}) >= 0.1 THEN {value} END"
    return kind, value


def make() -> Table:
    made = [column(index) for index in range(1, WIDTH)]
    return Table(
        name="wide",
        about=f"{WIDTH} columns: whole numbers, doubles, numeric(12,2), text, dates, booleans, timestamps; some NULLs",
        rows=100_000,
        columns=[Column("id", "bigint"), *(Column(f"c{index}", kind) for index, (kind, _) in enumerate(made, 1))],
        query=f"SELECT i, {', '.join(value for _, value in made)} FROM range({{rows}}) t(i)",
        split_column="id",
    )


WIDE = make()
