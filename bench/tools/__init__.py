"""The tools that the benchmark runs, in the order in which they are shown."""
from __future__ import annotations

from tools.model import Job, Tool
from tools.own import LAKEHAUL_TOOLS, YARDSTICKS
from tools.peers import PEERS

TOOLS: list[Tool] = [*YARDSTICKS, *LAKEHAUL_TOOLS, *PEERS]

__all__ = ["TOOLS", "Job", "Tool"]
