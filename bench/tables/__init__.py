"""The tables that the benchmark reads: what they are made of, and how many rows they have at scale 1."""
from __future__ import annotations

from tables.lineitem import LINEITEM
from tables.model import Column, Table
from tables.skinny import SKINNY
from tables.taxi import TAXI
from tables.texts import TEXTS
from tables.wide import WIDE

TABLES: list[Table] = [LINEITEM, TAXI, WIDE, TEXTS, SKINNY]

__all__ = ["TABLES", "Column", "Table"]
