"""Two columns and many rows: what a tool costs per row, hardly anything per value."""
from __future__ import annotations

from tables.model import Table, columns

SKINNY = Table(
    name="skinny",
    about="two columns: a bigint that counts up, an integer",
    rows=10_000_000,
    columns=columns("""
        id bigint NOT NULL
        value integer
    """),
    query="SELECT i, floor(u(i, 1) * 1000000)::INT FROM range({rows}) t(i)",
    split_column="id",
)
