"""What a tool of the benchmark is: how it is told to write one table as Parquet."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from database import Database
from tables.model import Table


@dataclass(frozen=True)
class Job:
    """One table to be written into the empty directory `output`."""

    database: Database
    table: Table
    pages: int  # of the table's heap
    output: Path

    @property
    def file(self) -> str:
        return str(self.output / f"{self.table.name}.parquet")


@dataclass(frozen=True)
class Tool:
    name: str  # of one way to run it; what TOOLS selects, as is the part before the first "-"
    label: str
    settings: str  # how it is run, in words
    command: Callable[[Job], list[str]]
    version: Callable[[], str]
    missing: Callable[[], str | None]  # why it cannot run here; None: it can
    environment: Callable[[], dict[str, str]] = dict
    writes: bool = True  # False: a yardstick that throws the rows away
    measured_always: bool = False  # repeated however long it takes: what the ratios are made of

    @property
    def family(self) -> str:
        return self.name.split("-")[0]
